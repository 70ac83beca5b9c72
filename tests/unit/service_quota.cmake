# What a target takes.
foreach(module gcra breaker pacer gate quota_table)
  vtx_unit_test(${module} vtx_quota)
endforeach()
add_executable(test_quota_law test_quota_law.c support/quota_sim.c)
target_link_libraries(test_quota_law PRIVATE vtx_options vtx_quota cmocka)
add_test(NAME unit/quota_law COMMAND test_quota_law)
set_tests_properties(unit/quota_law PROPERTIES
  TIMEOUT 120 LABELS "unit;novalgrind")
