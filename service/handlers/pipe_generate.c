/* PipeGenerate: prompts stream in, results stream out.
 *
 * A message is read only when there is room for it: so many items and bytes may
 * wait to be dispatched (the read-ahead), and what is dispatched is bounded by
 * max_concurrency and by the bytes of results that the caller has not taken. So
 * a slow reader, or a slow upstream, stops the reading, and gRPC's flow control
 * the caller. Each item has an arena of its own, which goes when its result is
 * here.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/budget.h"
#include "base/clock.h"
#include "crpc/call.h"
#include "crpc/loop.h"
#include "service/batch/batch_sink.h"
#include "service/batch/flow.h"
#include "service/batch/input.h"
#include "service/batch/margin.h"
#include "service/batch/result.h"
#include "service/batch/shutdown.h"
#include "service/handlers/handlers.h"
#include "service/limits.h"
#include "service/reasons.h"
#include "service/service_state.h"
#include "vertexd/v1/vertexd.crpc.h"

struct pipe {
  struct vtx_batch batch;
  struct vtx_flow *flow; /* while it takes input */
  const Vertexd__V1__GenerateRequest *defaults;
  bool started;
  bool reading;
  bool half_closed; /* the caller has said all */
  uint32_t max_waiting;
  uint32_t waiting; /* items that were read and not yet dispatched */
  size_t waiting_bytes;
  size_t largest;              /* item so far */
  struct cb_timer timer;       /* until there is memory for the next item */
  struct cb_timer start_timer; /* until the start must be there */
  struct cb_status missing;    /* how the call ends if items are; else CB_OK */
  char missing_text[64];
};

static enum crpc_send send_event(struct crpc_call *call,
                                 const struct vtx_batch_event *event) {
  Vertexd__V1__PipeGenerateResponse message =
      VERTEXD__V1__PIPE_GENERATE_RESPONSE__INIT;

  if (event->progress) {
    message.event_case = VERTEXD__V1__PIPE_GENERATE_RESPONSE__EVENT_PROGRESS;
    message.progress = event->progress;
  } else if (event->result) {
    message.event_case = VERTEXD__V1__PIPE_GENERATE_RESPONSE__EVENT_RESULT;
    message.result = event->result;
  } else {
    message.event_case = VERTEXD__V1__PIPE_GENERATE_RESPONSE__EVENT_SUMMARY;
    message.summary = event->summary;
  }
  return crpc_call_send(call, &message.base);
}

static void end_input(struct pipe *pipe) {
  if (!pipe->flow) return;
  vtx_flow_end_input(pipe->flow);
  pipe->flow = NULL;
}

/* Reading. */

static bool has_room(const struct pipe *pipe) {
  return pipe->waiting < pipe->max_waiting &&
         pipe->waiting_bytes < VTX_READ_AHEAD_BYTES;
}

/* A message that there is no memory for ends its call; so none is asked for
 * while memory is short of what one like the others needs: twice its size, for
 * an item lies there as it came and unpacked. */
static bool has_memory(const struct pipe *pipe) {
  const struct cb_budget *budget = pipe->batch.sink.service->options.budget;
  size_t used = cb_budget_used(budget);
  size_t need = VTX_READ_MEMORY + 2 * pipe->largest;

  if (need > budget->limit / 2) need = budget->limit / 2;
  return budget->limit > used && budget->limit - used >= need;
}

static void read_next(struct pipe *pipe) {
  struct vtx_sink *sink = &pipe->batch.sink;

  if (!pipe->flow || pipe->reading || !has_room(pipe)) return;
  if (!has_memory(pipe)) {
    vtx_sink_await_memory(sink, &pipe->timer,
                          "the server has no memory for another item");
    return;
  }
  pipe->reading = true;
  crpc_call_read(sink->call);
}

static void timer_fired(struct cb_timer *timer) {
  read_next(CB_CONTAINER(timer, struct pipe, timer));
}

/* The start. */

/* Fields of start are checked as those of other calls; their paths are not the
 * same. */
static void into_start(struct cb_arena *arena, struct cb_status *status) {
  const char *field;

  if (!status->field[0]) return;
  field = cb_arena_printf(arena, "start.%s", status->field);
  if (field) status->field = field;
}

static struct cb_status read_ahead(const Vertexd__V1__PipeStart *start,
                                   struct cb_arena *arena, struct pipe *pipe,
                                   const struct vtx_run *run) {
  int32_t asked = start->max_read_ahead;

  if (asked < 0) {
    return cb_status_field(
        arena, "max_read_ahead",
        "max_read_ahead must not be negative, and is %" PRId32, asked);
  }
  if (asked == 0) asked = run->max_concurrency;
  if (asked > VTX_READ_AHEAD_MAX) asked = VTX_READ_AHEAD_MAX;
  pipe->max_waiting = (uint32_t)asked;
  return cb_status_ok();
}

static struct cb_status read_start(const Vertexd__V1__PipeStart *start,
                                   struct cb_arena *arena, struct pipe *pipe,
                                   struct vtx_run *run) {
  const struct vtx_run_limits limits =
      vtx_prepare_limits(pipe->batch.sink.service, start->defaults);
  const Vertexd__V1__BatchOptions *options = start->options;
  struct cb_status status = vtx_defaults_check(start->defaults, arena);

  if (status.code == CB_OK) {
    status = vtx_run_read(start->max_concurrency, options, &limits, arena, run);
  }
  if (status.code == CB_OK) status = read_ahead(start, arena, pipe, run);
  if (status.code != CB_OK) {
    into_start(arena, &status);
    return status;
  }
  if (!options ||
      options->order == VERTEXD__V1__RESULT_ORDER__RESULT_ORDER_UNSPECIFIED) {
    run->order = VTX_AS_COMPLETED;
  }
  return status;
}

static void begin(struct pipe *pipe, const Vertexd__V1__PipeStart *start) {
  struct vtx_sink *sink = &pipe->batch.sink;
  struct vtx_run run;
  struct cb_status status =
      read_start(start, crpc_call_arena(sink->call), pipe, &run);
  struct vtx_flow *flow;

  if (!vtx_prepare_check(sink->call, &status)) return;
  flow = vtx_prepare_many(sink->service, sink->call, &run);
  if (!flow) return;
  flow->source.kind = VTX_SOURCE_PIPE;
  pipe->defaults = start->defaults; /* in the flow's arena */
  pipe->flow = flow;
  pipe->started = true;
  vtx_batch_begin(&pipe->batch, flow, &run, send_event);
  read_next(pipe);
}

/* Items. */

static void take_item(struct pipe *pipe,
                      const Vertexd__V1__GenerateRequest *request) {
  struct crpc_call *call = pipe->batch.sink.call;
  struct vtx_input *input =
      cb_arena_zalloc(crpc_call_arena(call), 1, sizeof *input);
  struct cb_status status = vtx_refuse(VTX_SERVICE_SERVER_MEMORY,
                                       "the server has no memory for an item");
  size_t size;

  if (!input) {
    vtx_sink_fail(&pipe->batch.sink, &status);
    return;
  }
  input->flow = pipe->flow;
  input->arrived = cb_now(NULL);
  input->arena = crpc_call_take_arena(call);
  size = cb_arena_size(input->arena);
  if (size > pipe->largest) pipe->largest = size;
  input->source.kind = VTX_SOURCE_PIPE;
  input->source.count = 1;
  input->source.defaults = pipe->defaults;
  input->source.one = request;
  pipe->batch.summary.total++;
  pipe->waiting++;
  pipe->waiting_bytes += size;
  vtx_flow_input(input);
  if (pipe->batch.summary.total == INT32_MAX) end_input(pipe); /* int32 index */
}

static int32_t items_read(const struct pipe *pipe) {
  return (int32_t)pipe->batch.summary.total;
}

static bool has_item(const Vertexd__V1__PipeGenerateRequest *request) {
  return request->message_case ==
         VERTEXD__V1__PIPE_GENERATE_REQUEST__MESSAGE_ITEM;
}

static bool has_index(const Vertexd__V1__PipeGenerateRequest *request) {
  return request->_index_case ==
         VERTEXD__V1__PIPE_GENERATE_REQUEST___INDEX_INDEX;
}

/* What is wrong with the caller's way of streaming; NULL if nothing is. */
static const char *mistake(const struct pipe *pipe,
                           const Vertexd__V1__PipeGenerateRequest *request,
                           const char **ret_field) {
  *ret_field = "start";
  if (request->message_case ==
      VERTEXD__V1__PIPE_GENERATE_REQUEST__MESSAGE_START) {
    if (pipe->started) return "start may only be the first message of the call";
    *ret_field = "index";
    return has_index(request) ? "index is for items only" : NULL;
  }
  if (!pipe->started) return "the first message of the call must be start";
  *ret_field = "item";
  if (!has_item(request) && !has_index(request))
    return "a message has neither start nor item";
  *ret_field = "index";
  if (has_index(request) && request->index < items_read(pipe))
    return "index is less than the number of items sent before";
  return NULL;
}

/* What came before the gap has its results, and the indexes of what comes
 * behind it would be wrong: the input is over, and the call's end says why. */
static void end_at_gap(struct pipe *pipe, int32_t index) {
  snprintf(pipe->missing_text, sizeof pipe->missing_text,
           "index is %" PRId32 ", but only %" PRId32 " items came before",
           index, items_read(pipe));
  pipe->missing = vtx_refuse(VTX_SERVICE_ITEM_MISSING, pipe->missing_text);
  end_input(pipe);
}

static void take_message(struct vtx_sink *sink,
                         const ProtobufCMessage *message) {
  struct pipe *pipe = (struct pipe *)sink;
  const Vertexd__V1__PipeGenerateRequest *request =
      vertexd_GenerationService_PipeGenerate_message(message);
  const char *field;
  const char *wrong = mistake(pipe, request, &field);
  struct cb_status status;

  pipe->reading = false;
  crpc_loop_cancel_timer(sink->service->options.loop, &pipe->start_timer);
  if (pipe->batch.over || (pipe->started && !pipe->flow)) return;
  if (wrong) {
    status = cb_status_field(crpc_call_arena(sink->call), field, "%s", wrong);
    vtx_sink_fail(sink, &status);
  } else if (has_index(request) && request->index > items_read(pipe)) {
    end_at_gap(pipe, request->index);
  } else if (pipe->started) {
    if (has_item(request)) take_item(pipe, request->item);
    read_next(pipe);
  } else {
    begin(pipe, request->start);
  }
}

static void half_closed(struct vtx_sink *sink) {
  struct pipe *pipe = (struct pipe *)sink;
  struct cb_status status;

  pipe->reading = false;
  pipe->half_closed = true;
  crpc_loop_cancel_timer(sink->service->options.loop, &pipe->start_timer);
  end_input(pipe);
  if (pipe->started) return;
  status = cb_status_field(crpc_call_arena(sink->call), "start",
                           "the call came without a start");
  vtx_sink_fail(sink, &status);
}

static void input_taken(struct vtx_sink *sink, size_t size) {
  struct pipe *pipe = (struct pipe *)sink;

  pipe->waiting--;
  pipe->waiting_bytes -= size;
  read_next(pipe);
}

static void input_unwanted(struct vtx_sink *sink) {
  end_input((struct pipe *)sink);
}

/* A caller who would have said more must not take a shutdown for the end of
 * all: behind the results and the summary the call fails. So it does where
 * items are missing, which goes before all else. */
static void ended(struct vtx_sink *sink) {
  struct pipe *pipe = (struct pipe *)sink;
  const struct cb_status *rest = &sink->flow->rest;

  if (!pipe->half_closed && vtx_is_shutdown(rest)) pipe->batch.end = rest;
  if (pipe->missing.code != CB_OK) pipe->batch.end = &pipe->missing;
  vtx_batch_ended(sink);
}

static void start_overdue(struct cb_timer *timer) {
  struct cb_status status =
      cb_status_make(CB_DEADLINE_EXCEEDED, "REQUEST_TIMEOUT",
                     "the call was opened, but its start did not come");

  vtx_sink_fail(&CB_CONTAINER(timer, struct pipe, start_timer)->batch.sink,
                &status);
}

/* Nobody holds a call for ever without saying what for. */
static void await_start(struct pipe *pipe) {
  struct vtx_sink *sink = &pipe->batch.sink;
  int64_t arrived = crpc_call_started(sink->call);
  int64_t until = vtx_margin_end(arrived, crpc_call_deadline(sink->call), -1);
  int64_t most = cb_time_add(arrived, sink->service->options.request_timeout);
  struct cb_status no_memory = vtx_refuse(
      VTX_SERVICE_SERVER_MEMORY, "the server has no memory for this call");

  if (until > most) until = most;
  if (!crpc_loop_set_timer(sink->service->options.loop, &pipe->start_timer,
                           until)) {
    vtx_sink_fail(sink, &no_memory);
  }
}

static void release(struct vtx_sink *sink) {
  struct pipe *pipe = (struct pipe *)sink;

  end_input(pipe);
  crpc_loop_cancel_timer(sink->service->options.loop, &pipe->start_timer);
  crpc_loop_cancel_timer(sink->service->options.loop, &pipe->timer);
  vtx_batch_release(sink);
}

static const struct vtx_sink_type pipe_type = {
    .size = sizeof(struct pipe),
    .result = vtx_batch_take,
    .ended = ended,
    .writable = vtx_batch_pump,
    .message = take_message,
    .half_closed = half_closed,
    .input_taken = input_taken,
    .input_unwanted = input_unwanted,
    .told = vtx_batch_told,
    .release = release,
};

void vtx_handle_pipe_generate(struct crpc_call *call, void *self) {
  struct pipe *pipe = (struct pipe *)vtx_sink_new(self, call, &pipe_type);

  if (!pipe) return;
  pipe->timer.fire = timer_fired;
  pipe->start_timer.fire = start_overdue;
  vtx_sink_without_flow(&pipe->batch.sink); /* none before the start */
  pipe->reading = true;
  crpc_call_read(call);
  await_start(pipe);
}
