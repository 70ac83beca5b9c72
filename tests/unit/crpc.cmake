# crpc's tests: the generator and the bytes here, the runtime in a file of its
# own.
set(golden ${CMAKE_CURRENT_SOURCE_DIR}/golden)
pb_c_library(crpc_test_messages ${golden}
  crpc/test/v1/other.proto crpc/test/v1/everything.proto)
target_link_libraries(crpc_test_messages PUBLIC pb_wkt)
crpc_library(crpc_test_stubs ${golden}
  crpc/test/v1/other.proto crpc/test/v1/everything.proto)
target_link_libraries(crpc_test_stubs PUBLIC crpc_test_messages crpc_wkt)

# What protoc-gen-crpc writes is what stands in golden/. After a wanted change
# copy generated/crpc/test/v1/*.crpc.* from the build folder there, and read the
# difference.
foreach(file other.crpc.h other.crpc.c everything.crpc.h everything.crpc.c)
  add_test(NAME unit/golden/${file}
    COMMAND ${CMAKE_COMMAND} -E compare_files
      ${GENERATED_DIR}/crpc/test/v1/${file} ${golden}/crpc/test/v1/${file})
  set_tests_properties(unit/golden/${file} PROPERTIES LABELS unit)
endforeach()

# And it compiles under our own rules, which generated code is otherwise free
# of: as part of test_golden, which calls what was made.
vtx_unit_test(golden crpc_test_messages crpc_wkt)
target_sources(test_golden PRIVATE
  ${golden}/crpc/test/v1/other.crpc.c ${golden}/crpc/test/v1/everything.crpc.c)
target_include_directories(test_golden BEFORE PRIVATE ${golden})
target_compile_options(test_golden PRIVATE -Wpedantic)
add_dependencies(test_golden crpc_test_stubs)

vtx_unit_test(gen crpc_gen cb_base)
# descriptor.proto's own initialisers name fields that it calls deprecated.
target_compile_options(test_gen PRIVATE -Wno-deprecated-declarations)
vtx_unit_test(wire crpc crpc_test_stubs cb_base)
vtx_unit_test(inflate crpc cb_base PkgConfig::ZLIB)
vtx_unit_test(status_details crpc cb_base)

include(${CMAKE_CURRENT_SOURCE_DIR}/crpc_runtime.cmake OPTIONAL)

# Health and reflection, through a real server.
if(TARGET crpc_test_support)
  set(TEST_DESCRIPTOR_SET ${CMAKE_CURRENT_BINARY_DIR}/golden.binpb)
  descriptor_set(${TEST_DESCRIPTOR_SET} ${golden}
    crpc/test/v1/everything.proto crpc/test/v1/extension.proto)
  vtx_unit_test(crpc_services crpc_test_support crpc_test_stubs)
  set_tests_properties(unit/crpc_services PROPERTIES ENVIRONMENT
    TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/tsan.supp)
  target_sources(test_crpc_services PRIVATE ${TEST_DESCRIPTOR_SET})
  target_compile_definitions(test_crpc_services PRIVATE
    TEST_DESCRIPTOR_SET="${TEST_DESCRIPTOR_SET}")
endif()
