/* The sink sends one thing at a time, in this order: progress that is due, the
 * next result whose turn it is, and, once the flow has come back, errors for
 * the items it never dispatched and the summary. Those errors are made one by
 * one as they are sent, so that a call which was stopped early costs no memory
 * for what it did not do.
 */
#include "service/batch/batch_sink.h"

#include "base/clock.h"
#include "base/timers.h"
#include "crpc/loop.h"
#include "service/batch/flow.h"
#include "service/batch/result.h"
#include "service/batch/sink.h"
#include "service/batch/summary.h"
#include "service/batch/window.h"
#include "service/service_state.h"

static struct crpc_loop *loop_of(const struct vtx_batch *batch) {
  return batch->sink.service->options.loop;
}

/* True if the message went, or never can; then there may be more to send. */
static bool send_event(struct vtx_batch *batch,
                       const struct vtx_batch_event *event) {
  enum crpc_send sent = batch->send(batch->sink.call, event);

  if (sent == CRPC_NO_MEMORY) {
    /* Nothing that is done is lost for want of memory: it waits. */
    vtx_sink_await_memory(&batch->sink, &batch->memory_timer,
                          "the server has no memory to send results");
  }
  if (sent == CRPC_CLOSED) batch->over = true;
  return sent == CRPC_SENT;
}

static bool send_progress(struct vtx_batch *batch) {
  Vertexd__V1__BatchProgress progress = VERTEXD__V1__BATCH_PROGRESS__INIT;
  struct vtx_batch_event event = {.progress = &progress};

  progress.total = (int32_t)batch->summary.total;
  progress.done = (int32_t)batch->summary.done;
  progress.failed = (int32_t)batch->summary.failed;
  progress.in_flight = batch->in_flight;
  progress.max_concurrency = batch->run.max_concurrency;
  if (!send_event(batch, &event)) return false;
  batch->progress_due = false;
  return true;
}

static bool send_item(struct vtx_batch *batch, struct vtx_item *item) {
  struct vtx_batch_event event = {.result = &item->result};

  return send_event(batch, &event);
}

static bool send_first(struct vtx_batch *batch) {
  struct vtx_result *result = batch->first;
  struct vtx_item item;
  size_t charge = result->charge;

  vtx_item_fill(&item, result);
  vtx_item_fit(&item, result, batch->run.max_message_bytes);
  if (!send_item(batch, &item)) return false;
  batch->first = NULL;
  vtx_result_free(result);
  vtx_sink_credit(&batch->sink, charge);
  return true;
}

static bool send_rest(struct vtx_batch *batch) {
  const struct vtx_flow *flow = batch->sink.flow;
  struct vtx_item item;

  vtx_item_fill_error(&item, batch->rest,
                      vtx_source_id(&flow->source, batch->rest), &flow->rest);
  if (vtx_item_size(&item) > batch->run.max_message_bytes) {
    vtx_item_minimise(&item);
  }
  if (!send_item(batch, &item)) return false;
  batch->rest++;
  return true;
}

static bool send_summary(struct vtx_batch *batch) {
  struct vtx_summary_message message;
  struct vtx_batch_event event = {.summary = &message.summary};

  vtx_summary_fill(&batch->summary, cb_now(NULL) - batch->arrived,
                   batch->run.max_concurrency, &message);
  if (!send_event(batch, &event)) return false;
  batch->over = true;
  crpc_loop_cancel_timer(loop_of(batch), &batch->progress_timer);
  if (batch->end) {
    crpc_call_fail(batch->sink.call, batch->end);
  } else {
    crpc_call_finish(batch->sink.call);
  }
  return true;
}

/* Sends what is next. False if there is nothing, or it must wait. */
static bool send_next(struct vtx_batch *batch) {
  if (batch->progress_due) return send_progress(batch);
  if (!batch->first) batch->first = vtx_window_take(&batch->window);
  if (batch->first) return send_first(batch);
  if (!batch->sink.flow_over) return false;
  if (batch->rest < batch->summary.total) return send_rest(batch);
  return send_summary(batch);
}

void vtx_batch_pump(struct vtx_sink *sink) {
  struct vtx_batch *batch = (struct vtx_batch *)sink;

  while (batch->begun && !batch->over && !sink->left && send_next(batch)) {
  }
}

static void count(struct vtx_batch *batch, const struct vtx_result *result) {
  const Vertexd__V1__GenerateResponse *response =
      (const Vertexd__V1__GenerateResponse *)result->message;

  if (response) {
    vtx_summary_answer(&batch->summary, response->token_count);
  } else {
    vtx_summary_failure(&batch->summary, result->status.code,
                        result->status.reason, 1);
  }
}

void vtx_batch_take(struct vtx_sink *sink, struct vtx_result *result) {
  struct vtx_batch *batch = (struct vtx_batch *)sink;

  if (batch->over) {
    vtx_result_free(result);
    return;
  }
  count(batch, result);
  vtx_window_put(&batch->window, result);
  vtx_batch_pump(sink);
}

void vtx_batch_ended(struct vtx_sink *sink) {
  struct vtx_batch *batch = (struct vtx_batch *)sink;
  const struct vtx_flow *flow = sink->flow;

  batch->rest = flow->next;
  batch->in_flight = 0;
  if (batch->rest < batch->summary.total) {
    vtx_summary_failure(&batch->summary, flow->rest.code, flow->rest.reason,
                        batch->summary.total - batch->rest);
  }
  vtx_batch_pump(sink);
}

void vtx_batch_told(struct vtx_sink *sink, int32_t in_flight) {
  struct vtx_batch *batch = (struct vtx_batch *)sink;

  if (batch->over) return;
  batch->in_flight = in_flight;
  batch->progress_due = true;
  vtx_batch_pump(sink);
}

static void progress_fired(struct cb_timer *timer) {
  struct vtx_batch *batch =
      CB_CONTAINER(timer, struct vtx_batch, progress_timer);

  if (batch->sink.flow_over) {
    vtx_batch_told(&batch->sink,
                   0); /* a slow reader still learns how far it is */
  } else {
    vtx_sink_ask(&batch->sink);
  }
  if (batch->over || batch->sink.left) return;
  crpc_loop_set_timer(loop_of(batch), timer,
                      cb_time_add(cb_now(NULL), batch->run.progress));
}

static void memory_fired(struct cb_timer *timer) {
  vtx_batch_pump(&CB_CONTAINER(timer, struct vtx_batch, memory_timer)->sink);
}

void vtx_batch_release(struct vtx_sink *sink) {
  struct vtx_batch *batch = (struct vtx_batch *)sink;

  crpc_loop_cancel_timer(loop_of(batch), &batch->progress_timer);
  crpc_loop_cancel_timer(loop_of(batch), &batch->memory_timer);
  vtx_result_free(batch->first);
  batch->first = NULL;
  vtx_window_release(&batch->window);
}

static const struct vtx_sink_type batch_type = {
    .size = sizeof(struct vtx_batch),
    .result = vtx_batch_take,
    .ended = vtx_batch_ended,
    .writable = vtx_batch_pump,
    .told = vtx_batch_told,
    .release = vtx_batch_release,
};

void vtx_batch_begin(struct vtx_batch *batch, struct vtx_flow *flow,
                     const struct vtx_run *run, vtx_batch_send *send) {
  batch->send = send;
  batch->run = *run;
  batch->arrived = flow->arrived;
  batch->progress_timer.fire = progress_fired;
  batch->memory_timer.fire = memory_fired;
  batch->begun = true;
  vtx_window_init(&batch->window, run->order);
  vtx_summary_init(&batch->summary, flow->source.count);
  flow->max_message_bytes = run->max_message_bytes;
  flow->grows = run->margin < 0;
  if (run->progress > 0) {
    crpc_loop_set_timer(loop_of(batch), &batch->progress_timer,
                        cb_time_add(batch->arrived, run->progress));
  }
  vtx_sink_submit(&batch->sink, flow);
}

static void submit_nothing(struct vtx_batch *batch, const struct vtx_flow *flow,
                           const struct vtx_run *run, vtx_batch_send *send) {
  batch->send = send;
  batch->run = *run;
  batch->arrived = flow->arrived;
  batch->memory_timer.fire = memory_fired;
  batch->begun = true;
  vtx_sink_without_flow(&batch->sink);
  vtx_batch_pump(&batch->sink);
}

void vtx_batch_submit(struct crpc_call *call, struct vtx_flow *flow,
                      const struct vtx_run *run, vtx_batch_send *send,
                      struct vtx_service *service) {
  struct vtx_batch *batch =
      (struct vtx_batch *)vtx_sink_new(service, call, &batch_type);

  if (!batch) return;
  if (flow->source.count == 0) {
    submit_nothing(batch, flow, run, send);
  } else {
    vtx_batch_begin(batch, flow, run, send);
  }
}
