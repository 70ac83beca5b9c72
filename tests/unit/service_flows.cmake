# Flows, handlers and the scheduler.
foreach(module batch_options cost margin message_room order_window outcome
    place_serving replay retry_budget scheduler scheduler_choice scheduler_load summary
    target_report tries)
  vtx_unit_test(${module} vtx_service)
endforeach()
vtx_unit_test(template room_help vtx_service)

# Flows that the scheduler asks, in simulated time.
add_library(test_sched_fake STATIC support/sched_fake.c)
target_link_libraries(test_sched_fake
  PRIVATE vtx_options cmocka PUBLIC vtx_service)
foreach(kind back gate)
  vtx_unit_test(scheduler_${kind} test_sched_fake vtx_service)
endforeach()
vtx_unit_test(scheduler_quota vtx_service m)

vtx_unit_test(metrics_page vtx_service)
target_compile_definitions(test_metrics_page PRIVATE
  VTX_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}/data")

vtx_unit_test(reasons_documented vtx_service)
target_compile_definitions(test_reasons_documented PRIVATE
  VTX_ERRORS_PAGE="${PROJECT_SOURCE_DIR}/docs/errors.md")

add_library(test_service_world STATIC support/service_expect.c
  support/service_world.c)
target_include_directories(test_service_world PRIVATE
  ${CMAKE_CURRENT_SOURCE_DIR}/support)
target_link_libraries(test_service_world
  PRIVATE vtx_options vtx_emulator cmocka PUBLIC vtx_service)
foreach(kind calls batches maps models retries)
  vtx_unit_test(service_${kind} test_service_world vtx_service)
endforeach()
vtx_unit_test(monitor test_service_world test_http_client vtx_service)
