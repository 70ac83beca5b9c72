# Flows, handlers and the scheduler.
foreach(module batch_options margin message_room order_window scheduler summary
    template)
  vtx_unit_test(${module} vtx_service)
endforeach()

vtx_unit_test(reasons_documented vtx_service)
target_compile_definitions(test_reasons_documented PRIVATE
  VTX_ERRORS_PAGE="${PROJECT_SOURCE_DIR}/docs/errors.md")
