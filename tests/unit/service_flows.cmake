# Flows, handlers and the scheduler.
foreach(module batch_options cost margin message_room order_window
    outcome place_serving replay retry_budget scheduler scheduler_load summary
    tries)
  vtx_unit_test(${module} vtx_service)
endforeach()
vtx_unit_test(template room_help vtx_service)

vtx_unit_test(reasons_documented vtx_service)
target_compile_definitions(test_reasons_documented PRIVATE
  VTX_ERRORS_PAGE="${PROJECT_SOURCE_DIR}/docs/errors.md")

add_library(test_service_world STATIC support/service_expect.c
  support/service_world.c)
target_include_directories(test_service_world PRIVATE
  ${CMAKE_CURRENT_SOURCE_DIR}/support)
target_link_libraries(test_service_world
  PRIVATE vtx_options vtx_emulator cmocka PUBLIC vtx_service)
foreach(kind calls batches maps)
  vtx_unit_test(service_${kind} test_service_world vtx_service)
endforeach()
