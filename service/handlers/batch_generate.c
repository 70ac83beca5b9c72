/* BatchGenerate: many prompts in one request, one result for each. */
#include "base/arena.h"
#include "crpc/call.h"
#include "service/batch/batch_sink.h"
#include "service/batch/flow.h"
#include "service/handlers/handlers.h"

static enum crpc_send send_event(struct crpc_call *call,
                                 const struct vtx_batch_event *event) {
  Vertexd__V1__BatchGenerateResponse message =
      VERTEXD__V1__BATCH_GENERATE_RESPONSE__INIT;

  if (event->progress) {
    message.event_case = VERTEXD__V1__BATCH_GENERATE_RESPONSE__EVENT_PROGRESS;
    message.progress = event->progress;
  } else if (event->result) {
    message.event_case = VERTEXD__V1__BATCH_GENERATE_RESPONSE__EVENT_RESULT;
    message.result = event->result;
  } else {
    message.event_case = VERTEXD__V1__BATCH_GENERATE_RESPONSE__EVENT_SUMMARY;
    message.summary = event->summary;
  }
  return crpc_call_send(call, &message.base);
}

static struct cb_status check(const Vertexd__V1__BatchGenerateRequest *request,
                              struct cb_arena *arena) {
  if (request->n_requests > 0 && request->n_prompts > 0) {
    return cb_status_field(arena, "prompts",
                           "prompts and requests exclude each other");
  }
  return vtx_defaults_check(request->defaults, arena);
}

static void fill_source(const Vertexd__V1__BatchGenerateRequest *request,
                        struct vtx_source *source) {
  source->defaults = request->defaults;
  if (request->n_requests > 0) {
    source->kind = VTX_SOURCE_REQUESTS;
    source->count = (uint32_t)request->n_requests;
    source->requests = request->requests;
  } else {
    source->kind = VTX_SOURCE_PROMPTS;
    source->count = (uint32_t)request->n_prompts;
    source->prompts = request->prompts;
  }
}

void vtx_handle_batch_generate(struct crpc_call *call,
                               const Vertexd__V1__BatchGenerateRequest *request,
                               void *self) {
  struct cb_status status = check(request, crpc_call_arena(call));
  const struct vtx_run_limits limits =
      vtx_prepare_limits(self, request->defaults);
  struct vtx_flow *flow;
  struct vtx_run run;

  if (!vtx_prepare_check(call, &status) ||
      !vtx_prepare_count(self, call, request->n_requests, "requests") ||
      !vtx_prepare_count(self, call, request->n_prompts, "prompts") ||
      !vtx_prepare_run(call, &limits, request->max_concurrency,
                       request->options, &run)) {
    return;
  }
  flow = vtx_prepare_many(self, call, &run);
  if (!flow) return;
  fill_source(request, &flow->source);
  vtx_batch_submit(call, flow, &run, send_event, self);
}
