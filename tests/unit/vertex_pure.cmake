# The half of the vertex room that only computes.
add_library(vertex_help STATIC ${CMAKE_CURRENT_SOURCE_DIR}/support/vertex_help.c)
target_include_directories(vertex_help PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(vertex_help PRIVATE vtx_options PkgConfig::JSON_C
  PUBLIC cb_base vtx_vertex)

foreach(module body_limits codec_encode codec_round_trip endpoint join long_answer reasons
    retry sse upstream_error)
  vtx_unit_test(${module} vertex_help vtx_vertex PkgConfig::JSON_C m)
endforeach()

# As there is more and more memory.
add_library(room_help STATIC ${CMAKE_CURRENT_SOURCE_DIR}/support/room_help.c)
target_link_libraries(room_help PRIVATE vtx_options cmocka PUBLIC cb_base)
foreach(module answer body codec_decode)
  vtx_unit_test(${module} room_help vertex_help vtx_vertex PkgConfig::JSON_C m)
endforeach()

vtx_unit_test(labels vertex_help vtx_vertex)
vtx_unit_test(codec_rest vertex_help vtx_vertex PkgConfig::JSON_C)
target_compile_definitions(test_codec_rest PRIVATE
  VTX_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}/data")
