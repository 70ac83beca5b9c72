foreach(half pure engine credentials)
  include(${CMAKE_CURRENT_SOURCE_DIR}/vertex_${half}.cmake OPTIONAL)
endforeach()
