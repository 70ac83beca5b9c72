# What a target takes: pure values, no threads, no clock.
add_library(vtx_quota STATIC
  ${CMAKE_CURRENT_LIST_DIR}/breaker.c
  ${CMAKE_CURRENT_LIST_DIR}/gate.c
  ${CMAKE_CURRENT_LIST_DIR}/gcra.c
  ${CMAKE_CURRENT_LIST_DIR}/limit.c
  ${CMAKE_CURRENT_LIST_DIR}/pacer.c
  ${CMAKE_CURRENT_LIST_DIR}/table.c)
target_link_libraries(vtx_quota PUBLIC cb_base m PRIVATE vtx_options)
