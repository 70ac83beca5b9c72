/* StreamMapGenerate: a template over items, results as they come. */
#include "crpc/call.h"
#include "service/batch/batch_sink.h"
#include "service/batch/flow.h"
#include "service/handlers/handlers.h"

static enum crpc_send send_event(struct crpc_call *call,
                                 const struct vtx_batch_event *event) {
  Vertexd__V1__StreamMapGenerateResponse message =
      VERTEXD__V1__STREAM_MAP_GENERATE_RESPONSE__INIT;

  if (event->progress) {
    message.event_case =
        VERTEXD__V1__STREAM_MAP_GENERATE_RESPONSE__EVENT_PROGRESS;
    message.progress = event->progress;
  } else if (event->result) {
    message.event_case =
        VERTEXD__V1__STREAM_MAP_GENERATE_RESPONSE__EVENT_RESULT;
    message.result = event->result;
  } else {
    message.event_case =
        VERTEXD__V1__STREAM_MAP_GENERATE_RESPONSE__EVENT_SUMMARY;
    message.summary = event->summary;
  }
  return crpc_call_send(call, &message.base);
}

void vtx_handle_stream_map_generate(
    struct crpc_call *call, const Vertexd__V1__MapGenerateRequest *request,
    void *self) {
  struct vtx_run run;
  struct vtx_flow *flow = vtx_prepare_map(self, call, request, &run);

  if (flow) vtx_batch_submit(call, flow, &run, send_event, self);
}
