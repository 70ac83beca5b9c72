# Flows, handlers and the scheduler.
foreach(module batch_options margin message_room order_window scheduler summary
    template)
  vtx_unit_test(${module} vtx_service)
endforeach()

vtx_unit_test(reasons_documented vtx_service)
target_compile_definitions(test_reasons_documented PRIVATE
  VTX_ERRORS_PAGE="${PROJECT_SOURCE_DIR}/docs/errors.md")

add_library(test_service_world STATIC support/service_world.c)
target_include_directories(test_service_world PRIVATE
  ${CMAKE_CURRENT_SOURCE_DIR}/support)
target_link_libraries(test_service_world
  PRIVATE vtx_options vtx_emulator PUBLIC vtx_service)
vtx_unit_test(service_calls test_service_world vtx_service)
