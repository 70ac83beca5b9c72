vtx_unit_test(token_cache vtx_vertex)
vtx_unit_test(secret vtx_vertex)
foreach(part credential_vectors adc)
  vtx_unit_test(${part} vtx_vertex PkgConfig::JSON_C)
  target_compile_definitions(test_${part} PRIVATE
    VTX_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}/data")
endforeach()
