vtx_unit_test(token_cache vtx_vertex)
vtx_unit_test(credential_vectors vtx_vertex PkgConfig::JSON_C)
target_compile_definitions(test_credential_vectors PRIVATE
  VTX_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}/data")
