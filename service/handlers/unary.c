#include "service/handlers/unary.h"

#include "crpc/call.h"
#include "service/batch/result.h"
#include "service/batch/sink.h"

struct unary {
  struct vtx_sink sink;
  bool answered;
};

static void take(struct vtx_sink *sink, struct vtx_result *result) {
  struct unary *unary = (struct unary *)sink;

  unary->answered = true;
  if (result->status.code == CB_OK) {
    crpc_call_reply(sink->call, result->message);
  } else {
    crpc_call_fail(sink->call, &result->status);
  }
  vtx_result_free(result);
}

/* The prompt was never dispatched: its flow was closed before. */
static void ended(struct vtx_sink *sink) {
  struct unary *unary = (struct unary *)sink;

  if (!unary->answered) crpc_call_fail(sink->call, &sink->flow->rest);
}

static const struct vtx_sink_type unary_type = {
    .size = sizeof(struct unary),
    .result = take,
    .ended = ended,
};

void vtx_unary_submit(struct vtx_service *service, struct crpc_call *call,
                      struct vtx_flow *flow) {
  struct vtx_sink *sink = vtx_sink_new(service, call, &unary_type);

  if (sink) vtx_sink_submit(sink, flow);
}
