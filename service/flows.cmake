# The heart of the service: handlers, flows and the scheduler.
target_sources(vtx_service PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/batch/batch_sink.c
  ${CMAKE_CURRENT_LIST_DIR}/batch/flow.c
  ${CMAKE_CURRENT_LIST_DIR}/batch/flow_table.c
  ${CMAKE_CURRENT_LIST_DIR}/batch/job.c
  ${CMAKE_CURRENT_LIST_DIR}/batch/margin.c
  ${CMAKE_CURRENT_LIST_DIR}/batch/message_room.c
  ${CMAKE_CURRENT_LIST_DIR}/batch/options.c
  ${CMAKE_CURRENT_LIST_DIR}/batch/result.c
  ${CMAKE_CURRENT_LIST_DIR}/batch/sink.c
  ${CMAKE_CURRENT_LIST_DIR}/batch/source.c
  ${CMAKE_CURRENT_LIST_DIR}/batch/summary.c
  ${CMAKE_CURRENT_LIST_DIR}/batch/window.c
  ${CMAKE_CURRENT_LIST_DIR}/duration.c
  ${CMAKE_CURRENT_LIST_DIR}/handlers/batch_generate.c
  ${CMAKE_CURRENT_LIST_DIR}/handlers/count_tokens.c
  ${CMAKE_CURRENT_LIST_DIR}/handlers/generate.c
  ${CMAKE_CURRENT_LIST_DIR}/handlers/map_generate.c
  ${CMAKE_CURRENT_LIST_DIR}/handlers/prepare.c
  ${CMAKE_CURRENT_LIST_DIR}/handlers/stream_generate.c
  ${CMAKE_CURRENT_LIST_DIR}/handlers/stream_map_generate.c
  ${CMAKE_CURRENT_LIST_DIR}/handlers/unary.c
  ${CMAKE_CURRENT_LIST_DIR}/reasons.c
  ${CMAKE_CURRENT_LIST_DIR}/scheduler/scheduler.c
  ${CMAKE_CURRENT_LIST_DIR}/service.c
  ${CMAKE_CURRENT_LIST_DIR}/template.c
  ${CMAKE_CURRENT_LIST_DIR}/template_contents.c)
