/* A flow's end is looked for at the end of a turn only (vtx_flow_end_all()):
 * the scheduler, or a job, may stand in the middle of a function of the flow
 * when its last job ends, and once the flow is posted back it is the other
 * loop's.
 */
#include "service/batch/flow.h"

#include <assert.h>

#include "base/arena.h"
#include "base/clock.h"
#include "crpc/loop.h"
#include "service/batch/cost.h"
#include "service/batch/input.h"
#include "service/batch/job.h"
#include "service/batch/margin.h"
#include "service/batch/result.h"
#include "service/limits.h"
#include "service/reasons.h"
#include "service/service_state.h"
#include "service/vertex/engine.h"
#include "service/vertex/reasons.h"
#include "service/vertex/upstream_error.h"

static struct vtx_engine *engine_of(const struct vtx_service *service) {
  return service->options.upstream->engine;
}

static struct vtx_scheduler *scheduler_of(const struct vtx_flow *flow) {
  return &flow->service->scheduler;
}

static void may_end(struct vtx_flow *flow) {
  if (!cb_list_empty(&flow->ending)) return;
  cb_list_append(&flow->service->ending, &flow->ending);
}

static void close_flow(struct vtx_flow *flow, const struct cb_status *status) {
  if (flow->closed) return;
  flow->closed = true;
  flow->rest = cb_status_copy(status, flow->arena);
  vtx_scheduler_close(scheduler_of(flow), &flow->entry);
  vtx_input_refuse_all(flow);
  if (!flow->input_over) {
    crpc_loop_post(flow->service->options.loop, &flow->unwanted);
  }
  may_end(flow);
}

/* Closes the flow and ends its jobs, too. */
static void abort_flow(struct vtx_flow *flow, const struct cb_status *status) {
  close_flow(flow, status);
  while (!cb_list_empty(&flow->jobs)) {
    vtx_job_abort(CB_CONTAINER(flow->jobs.next, struct vtx_job, link), status);
  }
}

static void settle_hold(struct vtx_flow *flow) {
  bool over = flow->unsent >= flow->allowance;
  bool starved = flow->next == flow->source.count; /* a pipe, for now */

  vtx_scheduler_hold(scheduler_of(flow), &flow->entry,
                     over || starved || flow->no_memory);
  if (flow->verb != VTX_STREAM_GENERATE || over == flow->paused) return;
  flow->paused = over;
  for (struct cb_link *link = flow->jobs.next; link != &flow->jobs;
       link = link->next) {
    vtx_job_pause(CB_CONTAINER(link, struct vtx_job, link), over);
  }
}

/* When work must be over so that count results, unsent bytes of others and a
 * summary are with the caller in time. */
static int64_t work_end(const struct vtx_flow *flow, uint64_t count,
                        size_t unsent) {
  if (!flow->grows) return flow->end;
  return flow->end - vtx_margin_growth(flow->arrived, flow->end, count, unsent);
}

/* Sets the timer to the earliest time that it can be: for all that is there,
 * and all that may come. */
static bool set_end_timer(struct vtx_flow *flow) {
  uint64_t most = flow->source.count;

  if (flow->end == CB_NEVER) return true;
  if (!flow->input_over) {
    most = VTX_READ_AHEAD_MAX + (uint64_t)flow->entry.limit;
  }
  return vtx_engine_set_timer(engine_of(flow->service), &flow->end_timer,
                              work_end(flow, most, flow->allowance));
}

/* Most may have been done since the timer was set: then there is more time. */
static bool is_early(struct vtx_flow *flow) {
  struct vtx_engine *engine = engine_of(flow->service);
  uint64_t left =
      flow->source.count - flow->next + (uint64_t)flow->entry.running;
  int64_t end = work_end(flow, left, flow->unsent);

  return vtx_engine_now(engine) < end &&
         vtx_engine_set_timer(engine, &flow->end_timer, end);
}

static void end_timer_fired(struct cb_timer *timer) {
  struct vtx_flow *flow = CB_CONTAINER(timer, struct vtx_flow, end_timer);
  struct cb_status status =
      vtx_refuse(VTX_SERVICE_DEADLINE_EXCEEDED,
                 "the time of the call was over before this was done");

  if (!is_early(flow)) abort_flow(flow, &status);
}

static void memory_timer_fired(struct cb_timer *timer) {
  struct vtx_flow *flow = CB_CONTAINER(timer, struct vtx_flow, memory_timer);

  flow->no_memory = false;
  settle_hold(flow);
}

/* Memory for the next job is not there. The flow waits for some; if that cannot
 * be had either, it ends. */
static void wait_for_memory(struct vtx_flow *flow) {
  struct vtx_engine *engine = engine_of(flow->service);
  struct cb_status status = vtx_refuse(VTX_SERVICE_SERVER_MEMORY,
                                       "the server has no memory for this");

  if (vtx_engine_set_timer(engine, &flow->memory_timer,
                           vtx_engine_now(engine) + VTX_MEMORY_WAIT)) {
    flow->no_memory = true;
    settle_hold(flow);
  } else {
    close_flow(flow, &status);
  }
}

/* The last prompt that there will be was dispatched. */
static bool is_exhausted(const struct vtx_flow *flow) {
  return flow->input_over && flow->next == flow->source.count;
}

/* Tells the scheduler about the next prompt. */
static void peek(struct vtx_sched_entry *entry,
                 struct vtx_sched_head *ret_head) {
  struct vtx_flow *flow = CB_CONTAINER(entry, struct vtx_flow, entry);
  struct vtx_service *service = flow->service;
  const struct vtx_input *input = vtx_input_next(flow);
  const struct vtx_source *source = input ? &input->source : &flow->source;
  const char *model = vtx_source_model(source, flow->next);

  if (!model[0] && service->options.default_model) {
    model = service->options.default_model;
  }
  vtx_endpoint_target(&service->options.upstream->endpoint, model,
                      service->target_name);
  ret_head->target = service->target_name;
  ret_head->cost = vtx_cost_estimate(source, flow->next, flow->output);
}

static enum vtx_dispatch dispatch(struct vtx_sched_entry *entry) {
  struct vtx_flow *flow = CB_CONTAINER(entry, struct vtx_flow, entry);
  struct vtx_input *input = vtx_input_next(flow);
  struct vtx_job *job;

  assert(!flow->closed && flow->next < flow->source.count);
  job = vtx_job_new(flow, flow->next, input);
  if (!job) {
    wait_for_memory(flow);
    return VTX_HELD;
  }
  job->target_slot = vtx_scheduler_target(entry);
  flow->next++;
  if (input) vtx_input_taken(input);
  if (is_exhausted(flow)) {
    vtx_scheduler_close(scheduler_of(flow), entry);
  } else {
    settle_hold(flow);
  }
  if (vtx_job_start(job)) {
    atomic_fetch_add_explicit(&flow->service->job_count, 1,
                              memory_order_relaxed);
    atomic_fetch_add_explicit(&flow->service->job_total, 1,
                              memory_order_relaxed);
    return VTX_DISPATCHED;
  }
  vtx_flow_job_over(flow, job, false);
  return VTX_SKIPPED;
}

/* An answer too large for the caller's messages is a failure already here, so
 * that on_error STOP sees it. */
static void fit(struct vtx_flow *flow, struct vtx_result *result) {
  struct vtx_item item;

  if (flow->max_message_bytes == 0 || !result->message) return;
  vtx_item_fill(&item, result);
  vtx_item_fit(&item, result, flow->max_message_bytes);
}

/* Nobody wants result. With an input's arena it goes the usual way, for the
 * word that the input was taken may still lie before it. */
static void drop(const struct vtx_flow *flow, struct vtx_result *result) {
  if (result->input_arena) {
    crpc_loop_post(flow->service->options.loop, &result->mail);
  } else {
    vtx_result_free(result);
  }
}

void vtx_flow_post(struct vtx_flow *flow, struct vtx_result *result) {
  if (flow->dropped) {
    drop(flow, result);
    return;
  }
  result->charge = vtx_result_size(result);
  flow->unsent += result->charge;
  settle_hold(flow);
  crpc_loop_post(flow->service->options.loop, &result->mail);
}

static bool would_hit_all(const struct vtx_flow *flow,
                          const struct vtx_result *result) {
  if (!vtx_upstream_error_hits_all(&result->status)) return false;
  return flow->source.kind == VTX_SOURCE_PIPE
             ? !flow->own_models
             : vtx_source_one_model(&flow->source, result->index);
}

/* What the failure of one item does to the others. */
static void consider_failure(struct vtx_flow *flow,
                             const struct vtx_result *result, bool *ret_stop) {
  *ret_stop = false;
  if (flow->closed || result->status.code == CB_OK) return;
  if (flow->stop_on_error) {
    *ret_stop = true;
  } else if (would_hit_all(flow, result)) {
    close_flow(flow, &result->status);
  }
}

void vtx_flow_job_over(struct vtx_flow *flow, struct vtx_job *job,
                       bool was_running) {
  struct cb_status stopped =
      vtx_refuse(VTX_SERVICE_STOPPED_AFTER_ERROR,
                 "not done because another item failed and on_error is STOP");
  const struct vtx_gate_end end = {.outcome = VTX_OUTCOME_SERVED,
                                   .took = job->result.duration,
                                   .retry_after = -1,
                                   .used = -1};
  bool stop;

  cb_list_remove(&job->link);
  if (was_running) {
    vtx_scheduler_finished(scheduler_of(flow), &flow->entry, job->target_slot,
                           &end);
    vtx_cost_learn(&flow->output, &job->result);
    atomic_fetch_sub_explicit(&flow->service->job_count, 1,
                              memory_order_relaxed);
  }
  fit(flow, &job->result);
  consider_failure(flow, &job->result, &stop);
  vtx_flow_post(flow, &job->result);
  if (stop) abort_flow(flow, &stopped);
  may_end(flow);
}

/* The way back. */

static bool is_over(const struct vtx_flow *flow) {
  return cb_list_empty(&flow->jobs) && flow->input_over &&
         (flow->closed || flow->next == flow->source.count);
}

static void end_flow(struct vtx_flow *flow) {
  struct vtx_service *service = flow->service;
  struct vtx_engine *engine = engine_of(service);

  vtx_scheduler_remove(scheduler_of(flow), &flow->entry);
  vtx_engine_cancel_timer(engine, &flow->end_timer);
  vtx_engine_cancel_timer(engine, &flow->memory_timer);
  vtx_flow_table_remove(&service->flows, flow->id);
  crpc_loop_post(service->options.loop, &flow->mail);
}

void vtx_flow_end_all(struct vtx_service *service) {
  struct cb_link *link;

  while ((link = cb_list_take(&service->ending)) != NULL) {
    struct vtx_flow *flow = CB_CONTAINER(link, struct vtx_flow, ending);

    if (is_over(flow)) end_flow(flow);
  }
}

/* The way there. */

/* Somebody waits for the answer: better no at once than too late. */
static bool comes_too_late(const struct vtx_flow *flow) {
  int64_t wait;

  if (flow->entry.sched_class != VTX_INTERACTIVE) return false;
  wait = vtx_scheduler_wait(scheduler_of(flow), &flow->entry);
  return cb_time_add(vtx_engine_now(engine_of(flow->service)), wait) >
         flow->end;
}

/* Takes flow in, or says why not. */
static struct cb_status admit(struct vtx_flow *flow) {
  struct vtx_scheduler *scheduler = scheduler_of(flow);
  struct cb_status overload =
      vtx_refuse(VTX_SERVICE_SERVER_OVERLOADED,
                 "as many calls wait for the upstream as the server lets wait");

  overload.retry_after = VTX_OVERLOAD_PAUSE;
  flow->entry.held = !flow->input_over; /* until there is a prompt */
  flow->entry.size = cb_arena_size(flow->arena);
  if (vtx_scheduler_is_full(scheduler, flow->entry.size)) return overload;
  if (!vtx_flow_table_add(&flow->service->flows, flow->id, flow) ||
      !set_end_timer(flow)) {
    return vtx_refuse(VTX_SERVICE_SERVER_MEMORY,
                      "the server has no memory for this call");
  }
  vtx_scheduler_add(scheduler, &flow->entry);
  if (!comes_too_late(flow)) return cb_status_ok();
  return vtx_refuse(VTX_SERVICE_DEADLINE_UNREACHABLE,
                    "with what waits before it, this cannot begin before its "
                    "deadline");
}

static void begin(struct vtx_flow *flow) {
  struct cb_status status = admit(flow);

  if (status.code == CB_OK) return;
  flow->refused = true;
  close_flow(flow, &status);
}

void vtx_flow_take_input(struct vtx_flow *flow, struct vtx_input *input) {
  assert(!flow->input_over);
  if (vtx_source_has_model(&input->source, 0)) flow->own_models = true;
  flow->source.count++;
  cb_list_append(&flow->inputs, &input->link);
  if (flow->closed) {
    vtx_input_refuse_all(flow);
  } else {
    settle_hold(flow);
  }
}

static void input_ended(struct cb_mail *mail) {
  struct vtx_flow *flow = CB_CONTAINER(mail, struct vtx_flow, end_input);

  flow->input_over = true;
  if (is_exhausted(flow)) {
    vtx_scheduler_close(scheduler_of(flow), &flow->entry);
  }
  may_end(flow);
}

void vtx_flow_end_input(struct vtx_flow *flow) {
  vtx_engine_post(engine_of(flow->service), &flow->end_input);
}

static void arrived(struct cb_mail *mail) {
  begin(CB_CONTAINER(mail, struct vtx_flow, start));
}

void vtx_flow_submit(struct vtx_flow *flow,
                     void (*came_back)(struct cb_mail *mail)) {
  flow->start.deliver = arrived;
  flow->mail.deliver = came_back;
  flow->end_timer = (struct cb_timer){.fire = end_timer_fired};
  flow->memory_timer = (struct cb_timer){.fire = memory_timer_fired};
  cb_list_init(&flow->jobs);
  cb_list_init(&flow->ending);
  cb_list_init(&flow->inputs);
  flow->input_over = flow->source.kind != VTX_SOURCE_PIPE;
  flow->end_input.deliver = input_ended;
  flow->unwanted.deliver = flow->input_unwanted;
  flow->rest = cb_status_ok();
  flow->entry.dispatch = dispatch;
  flow->entry.peek = peek;
  vtx_engine_post(engine_of(flow->service), &flow->start);
}

static void stop_flow(struct vtx_flow *flow, enum vtx_stop stop) {
  struct cb_status left =
      cb_status_make(CB_CANCELLED, "", "the caller has left");
  struct cb_status stopped =
      vtx_refuse(VTX_SERVICE_STOPPED_AFTER_ERROR,
                 "not done because another item failed and on_error is STOP");
  struct cb_status full = vtx_fail(
      flow->arena, VTX_RESPONSE_TOO_LARGE,
      "not sent: options.max_message_bytes is used up by other results");

  if (stop == VTX_STOP_CALLER_LEFT) {
    flow->dropped = true;
    abort_flow(flow, &left);
  } else if (stop == VTX_STOP_ERROR) {
    abort_flow(flow, &stopped);
  } else if (stop == VTX_STOP_FULL) {
    close_flow(flow, &full);
  }
}

static void control_arrived(struct cb_mail *mail) {
  struct vtx_control *control = CB_CONTAINER(mail, struct vtx_control, mail);
  struct vtx_flow *flow =
      vtx_flow_table_find(&control->service->flows, control->id);

  if (flow) {
    assert(flow->unsent >= control->credit);
    flow->unsent -= control->credit;
    stop_flow(flow, control->stop);
    settle_hold(flow);
  }
  control->in_flight = flow ? flow->entry.running : 0;
  control->mail.deliver = control->home;
  crpc_loop_post(control->service->options.loop, &control->mail);
}

void vtx_control_send(struct vtx_control *control) {
  control->mail.deliver = control_arrived;
  vtx_engine_post(engine_of(control->service), &control->mail);
}
