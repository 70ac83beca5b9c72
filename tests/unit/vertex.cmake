foreach(half pure engine)
  include(${CMAKE_CURRENT_SOURCE_DIR}/vertex_${half}.cmake OPTIONAL)
endforeach()
