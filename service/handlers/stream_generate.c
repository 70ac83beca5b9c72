/* StreamGenerate: one prompt, the answer as it is produced.
 *
 * Messages are sent as they come. What the call does not take waits here, in
 * order; unsent bytes count against the flow, which pauses the upstream.
 */
#include "crpc/call.h"
#include "crpc/loop.h"
#include "service/batch/result.h"
#include "service/batch/sink.h"
#include "service/batch/window.h"
#include "service/handlers/handlers.h"
#include "service/reasons.h"
#include "service/service_state.h"

struct stream {
  struct vtx_sink sink;
  struct vtx_window waiting; /* first come, first sent */
  struct vtx_result *first;  /* taken out of it, and not yet sent */
  struct cb_timer timer;     /* until there is memory to send it */
  bool over;
};

/* Ends the call with what the last result says. */
static void finish(struct stream *stream, const struct cb_status *status) {
  stream->over = true;
  if (status->code == CB_OK) {
    crpc_call_finish(stream->sink.call);
  } else {
    crpc_call_fail(stream->sink.call, status);
  }
}

/* There is no memory to send what is first. While something of the call waits
 * for its reader, that gives some back; else there is nothing to wait for. */
static void wait_for_memory(struct stream *stream) {
  static const char message[] = "the server has no memory to send the answer";
  struct cb_status status;

  if (crpc_call_queued_bytes(stream->sink.call) > 0) {
    vtx_sink_await_memory(&stream->sink, &stream->timer, message);
    return;
  }
  status = vtx_refuse(VTX_SERVICE_SERVER_MEMORY, message);
  vtx_sink_fail(&stream->sink, &status); /* frees what waits */
}

/* Sends the first of what waits; false if that must wait, or the call failed.
 */
static bool send_first(struct stream *stream) {
  struct vtx_result *result = stream->first;
  enum crpc_send sent = CRPC_SENT;
  size_t charge = result->charge;

  if (result->message)
    sent = crpc_call_send(stream->sink.call, result->message);
  if (sent == CRPC_WAIT) return false;
  if (sent == CRPC_NO_MEMORY) {
    wait_for_memory(stream);
    return false;
  }
  if (result->last && sent == CRPC_SENT) finish(stream, &result->status);
  stream->first = NULL;
  vtx_result_free(result);
  vtx_sink_credit(&stream->sink, charge);
  return true;
}

static void pump(struct vtx_sink *sink) {
  struct stream *stream = (struct stream *)sink;

  while (!stream->over && !sink->left) {
    if (!stream->first) stream->first = vtx_window_take(&stream->waiting);
    if (!stream->first || !send_first(stream)) return;
  }
}

static void timer_fired(struct cb_timer *timer) {
  pump(&CB_CONTAINER(timer, struct stream, timer)->sink);
}

static void take(struct vtx_sink *sink, struct vtx_result *result) {
  struct stream *stream = (struct stream *)sink;

  if (stream->over) {
    vtx_result_free(result);
    return;
  }
  vtx_window_put(&stream->waiting, result);
  pump(sink);
}

/* Never dispatched: there is no result that ends the call. */
static void ended(struct vtx_sink *sink) {
  struct stream *stream = (struct stream *)sink;

  if (sink->flow->next == 0 && !stream->over) finish(stream, &sink->flow->rest);
}

static void release(struct vtx_sink *sink) {
  struct stream *stream = (struct stream *)sink;

  crpc_loop_cancel_timer(sink->service->options.loop, &stream->timer);
  vtx_result_free(stream->first);
  stream->first = NULL;
  vtx_window_release(&stream->waiting);
}

static const struct vtx_sink_type stream_type = {
    .size = sizeof(struct stream),
    .result = take,
    .ended = ended,
    .writable = pump,
    .release = release,
};

/* What was sent of an answer cannot be taken back. */
static bool refuse_repair(struct crpc_call *call,
                          const Vertexd__V1__GenerateRequest *request) {
  struct cb_status status = cb_status_make(
      CB_INVALID_ARGUMENT, "INVALID_FIELD",
      "repair_json: an answer that was streamed cannot be asked for again; "
      "use Generate");

  if (!request->repair_json) return false;
  status.field = "repair_json";
  crpc_call_fail(call, &status);
  return true;
}

void vtx_handle_stream_generate(struct crpc_call *call,
                                const Vertexd__V1__GenerateRequest *request,
                                void *self) {
  struct vtx_flow *flow;
  struct vtx_sink *sink;

  if (refuse_repair(call, request)) return;
  flow = vtx_prepare_one(self, call, request);
  if (!flow) return;
  flow->verb = VTX_STREAM_GENERATE;
  flow->source.kind = VTX_SOURCE_ONE;
  flow->source.one = request;
  sink = vtx_sink_new(self, call, &stream_type);
  if (!sink) return;
  ((struct stream *)sink)->timer.fire = timer_fired;
  vtx_window_init(&((struct stream *)sink)->waiting, VTX_AS_COMPLETED);
  vtx_sink_submit(sink, flow);
}
