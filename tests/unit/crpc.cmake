# crpc's tests: the generator and the bytes here, the runtime in a file of its
# own.
set(golden ${CMAKE_CURRENT_SOURCE_DIR}/golden)
pb_c_library(crpc_test_messages ${golden}
  crpc/test/v1/other.proto crpc/test/v1/everything.proto)
target_link_libraries(crpc_test_messages PUBLIC pb_wkt)
crpc_library(crpc_test_stubs ${golden}
  crpc/test/v1/other.proto crpc/test/v1/everything.proto)
target_link_libraries(crpc_test_stubs PUBLIC crpc_test_messages crpc_wkt)

vtx_unit_test(inflate crpc cb_base PkgConfig::ZLIB)
vtx_unit_test(status_details crpc cb_base)
vtx_unit_test(wire crpc crpc_test_stubs cb_base)

include(${CMAKE_CURRENT_SOURCE_DIR}/crpc_runtime.cmake OPTIONAL)
