/* One control message is enough: while it is away, what is to be said adds up,
 * and goes with the next one. It is what keeps the sink, and with it the id,
 * alive as long as the engine may hold either.
 */
#include "service/batch/sink.h"

#include <assert.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "crpc/call.h"
#include "crpc/loop.h"
#include "service/batch/input.h"
#include "service/batch/result.h"
#include "service/limits.h"
#include "service/reasons.h"
#include "service/service_state.h"

static void leave(struct vtx_sink *sink);

static void release_type(struct vtx_sink *sink) {
  if (sink->released) return;
  sink->released = true;
  if (sink->type->release) sink->type->release(sink);
}

static void free_flow(struct vtx_sink *sink) {
  if (sink->flow) cb_arena_free(sink->flow->arena);
  sink->flow = NULL;
}

/* Frees the sink if nobody knows it any more. */
static void settle(struct vtx_sink *sink) {
  struct vtx_service *service = sink->service;

  if (sink->call || !sink->flow_over || sink->control_out) return;
  release_type(sink);
  free_flow(sink);
  cb_slots_remove(&service->sinks, sink->id);
  cb_arena_free(sink->arena);
  atomic_fetch_sub_explicit(&service->flow_count, 1, memory_order_relaxed);
}

static void send_control(struct vtx_sink *sink) {
  if (sink->control_out || sink->flow_over) return;
  sink->control.id = sink->id;
  sink->control.service = sink->service;
  sink->control.credit = sink->credit;
  sink->control.stop = sink->stop;
  sink->credit = 0;
  sink->stop = VTX_STOP_NONE;
  sink->control_out = true;
  vtx_control_send(&sink->control);
}

static void control_home(struct cb_mail *mail) {
  struct vtx_control *control = CB_CONTAINER(mail, struct vtx_control, mail);
  struct vtx_sink *sink = CB_CONTAINER(control, struct vtx_sink, control);
  bool asked = sink->asked;

  sink->control_out = false;
  sink->asked = false;
  if (sink->stop != VTX_STOP_NONE || sink->credit >= sink->credit_step) {
    send_control(sink);
  }
  if (asked && !sink->left) sink->type->told(sink, control->in_flight);
  settle(sink);
}

static struct vtx_sink *find(struct vtx_service *service, struct cb_id id) {
  return cb_slots_find(&service->sinks, id);
}

static void take_result(struct cb_mail *mail) {
  struct vtx_result *result = CB_CONTAINER(mail, struct vtx_result, mail);
  struct vtx_sink *sink = find(result->service, result->sink);

  if (!sink || sink->left) {
    vtx_result_free(result);
    return;
  }
  cb_arena_free(result->input_arena); /* the prompt is not needed any more */
  result->input_arena = NULL;
  sink->type->result(sink, result);
}

static void input_taken(struct cb_mail *mail) {
  const struct vtx_input *input = CB_CONTAINER(mail, struct vtx_input, mail);
  struct vtx_sink *sink = find(input->flow->service, input->flow->id);

  if (!sink->left) sink->type->input_taken(sink, input->size);
}

static void input_unwanted(struct cb_mail *mail) {
  const struct vtx_flow *flow = CB_CONTAINER(mail, struct vtx_flow, unwanted);
  struct vtx_sink *sink = find(flow->service, flow->id);

  if (!sink->left) sink->type->input_unwanted(sink);
}

/* The server takes the call's work not on. */
static void refuse(struct vtx_sink *sink, const struct cb_status *status) {
  char pause[24];

  if (status->retry_after >= 0) {
    snprintf(pause, sizeof pause, "%" PRId64,
             status->retry_after / CB_MILLISECOND);
    crpc_call_add_trailing(sink->call, "grpc-retry-pushback-ms", pause);
  }
  vtx_sink_fail(sink, status);
}

static void flow_came_back(struct cb_mail *mail) {
  struct vtx_flow *flow = CB_CONTAINER(mail, struct vtx_flow, mail);
  struct vtx_sink *sink = find(flow->service, flow->id);

  assert(sink && !sink->flow_over);
  sink->flow = flow;
  sink->flow_over = true;
  if (flow->refused && !sink->left) {
    refuse(sink, &flow->rest);
  } else if (!sink->left) {
    sink->type->ended(sink);
  }
  settle(sink);
}

/* Events of the call. */

static void writable(struct crpc_call *call, void *ctx) {
  struct vtx_sink *sink = ctx;

  (void)call;
  if (sink->type->writable && !sink->left) sink->type->writable(sink);
}

static void message(struct crpc_call *call, const ProtobufCMessage *message,
                    void *ctx) {
  struct vtx_sink *sink = ctx;

  (void)call;
  if (!sink->left) sink->type->message(sink, message);
}

static void half_closed(struct crpc_call *call, void *ctx) {
  struct vtx_sink *sink = ctx;

  (void)call;
  if (!sink->left) sink->type->half_closed(sink);
}

static void leave(struct vtx_sink *sink) {
  if (sink->left) return;
  sink->left = true;
  release_type(sink);
  vtx_sink_stop(sink, VTX_STOP_CALLER_LEFT);
}

static void cancelled(struct crpc_call *call, void *ctx) {
  (void)call;
  leave(ctx);
}

/* The call may be over, in good order, before its flow has come back. */
static void done(struct crpc_call *call, void *ctx) {
  struct vtx_sink *sink = ctx;

  (void)call;
  leave(sink);
  sink->call = NULL;
  settle(sink);
}

static const struct crpc_call_events call_events = {
    .writable = writable,
    .message = message,
    .half_closed = half_closed,
    .cancelled = cancelled,
    .done = done,
};

static struct vtx_sink *allocate(struct vtx_service *service,
                                 const struct vtx_sink_type *type) {
  struct cb_arena *arena =
      cb_arena_new(service->options.budget, SIZE_MAX, type->size + 128);
  struct vtx_sink *sink = arena ? cb_arena_zalloc(arena, 1, type->size) : NULL;

  if (!sink || !cb_slots_add(&service->sinks, sink, &sink->id)) {
    cb_arena_free(arena);
    return NULL;
  }
  sink->arena = arena;
  return sink;
}

struct vtx_sink *vtx_sink_new(struct vtx_service *service,
                              struct crpc_call *call,
                              const struct vtx_sink_type *type) {
  struct vtx_sink *sink = allocate(service, type);
  struct cb_status status;

  if (!sink) {
    status = vtx_refuse(VTX_SERVICE_SERVER_MEMORY,
                        "the server has no memory for this call");
    crpc_call_fail(call, &status);
    return NULL;
  }
  sink->type = type;
  sink->service = service;
  sink->call = call;
  sink->control.home = control_home;
  atomic_fetch_add_explicit(&service->flow_count, 1, memory_order_relaxed);
  crpc_call_set_events(call, &call_events, sink);
  return sink;
}

void vtx_sink_submit(struct vtx_sink *sink, struct vtx_flow *flow) {
  flow->service = sink->service;
  flow->arena = crpc_call_take_arena(sink->call);
  flow->id = sink->id;
  flow->take_result = take_result;
  flow->input_taken = input_taken;
  flow->input_unwanted = input_unwanted;
  sink->flow_over = false;
  sink->credit_step = flow->allowance / 4;
  vtx_flow_submit(flow, flow_came_back);
}

void vtx_sink_without_flow(struct vtx_sink *sink) { sink->flow_over = true; }

void vtx_sink_credit(struct vtx_sink *sink, size_t bytes) {
  sink->credit += bytes;
  if (sink->credit >= sink->credit_step) send_control(sink);
}

void vtx_sink_stop(struct vtx_sink *sink, enum vtx_stop stop) {
  /* That the caller has left goes before any other reason. */
  if (sink->stop != VTX_STOP_CALLER_LEFT) sink->stop = stop;
  send_control(sink);
}

void vtx_sink_fail(struct vtx_sink *sink, const struct cb_status *status) {
  struct crpc_call *call = sink->call;

  leave(sink);
  crpc_call_fail(call, status);
}

void vtx_sink_await_memory(struct vtx_sink *sink, struct cb_timer *timer,
                           const char *message) {
  struct cb_status status;

  if (crpc_loop_set_timer(sink->service->options.loop, timer,
                          cb_now(NULL) + VTX_MEMORY_WAIT)) {
    return;
  }
  status = vtx_refuse(VTX_SERVICE_SERVER_MEMORY, message);
  vtx_sink_fail(sink, &status);
}

void vtx_sink_ask(struct vtx_sink *sink) {
  sink->asked = true;
  send_control(sink);
}
