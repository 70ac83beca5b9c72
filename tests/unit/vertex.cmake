foreach(half pure engine credentials json)
  include(${CMAKE_CURRENT_SOURCE_DIR}/vertex_${half}.cmake OPTIONAL)
endforeach()
