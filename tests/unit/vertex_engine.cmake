# The moving half of the vertex room, against a scripted HTTP server.
add_library(test_http STATIC support/http_script.c support/engine_help.c
  support/transfer_probe.c)
target_include_directories(test_http PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}
  PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/support)
target_link_libraries(test_http PRIVATE vtx_options PUBLIC cb_base vtx_vertex)

vtx_unit_test(transfer vtx_vertex test_http PkgConfig::ZLIB)
vtx_unit_test(transfer_control vtx_vertex test_http)
add_library(test_model_calls STATIC support/model_call_probe.c)
target_include_directories(test_model_calls
  PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(test_model_calls PRIVATE vtx_options PUBLIC test_http)
vtx_unit_test(model_call test_model_calls vtx_vertex test_http)
vtx_unit_test(model_call_credential test_model_calls vtx_vertex test_http)
vtx_unit_test(credential vtx_vertex test_http)
vtx_unit_test(engine vtx_vertex test_http)
vtx_unit_test(watch vtx_vertex PkgConfig::CURL)
