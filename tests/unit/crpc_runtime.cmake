# The runtime's tests: a service of all four kinds, and what they share.
set(crpc_echo ${CMAKE_CURRENT_SOURCE_DIR}/proto)
pb_c_library(crpc_echo_messages ${crpc_echo} echo.proto)
crpc_library(crpc_echo_stubs ${crpc_echo} echo.proto)
target_link_libraries(crpc_echo_stubs PUBLIC crpc_echo_messages)

add_library(crpc_test_support STATIC support/crpc_fixture.c
  support/crpc_streams.c support/raw_call.c)
target_include_directories(crpc_test_support PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(crpc_test_support PRIVATE vtx_options
  PUBLIC crpc crpc_echo_stubs cb_base grpc_core)

foreach(name crpc_call crpc_client_cancel crpc_client_stream crpc_loop
    crpc_metadata crpc_payload crpc_server crpc_stream)
  vtx_unit_test(${name} crpc_test_support)
  # Only ThreadSanitizer reads it; see the file.
  set_tests_properties(unit/${name} PROPERTIES ENVIRONMENT
    TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/tsan.supp)
endforeach()

# It has threads fail to be made.
target_link_options(test_crpc_server PRIVATE -Wl,--wrap=pthread_create)
