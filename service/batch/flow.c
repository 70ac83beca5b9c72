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
#include "service/batch/flow_internal.h"
#include "service/batch/input.h"
#include "service/batch/job.h"
#include "service/batch/margin.h"
#include "service/batch/result.h"
#include "service/batch/shutdown.h"
#include "service/limits.h"
#include "service/reasons.h"
#include "service/service_state.h"
#include "service/vertex/engine.h"
#include "service/vertex/reasons.h"
#include "service/vertex/upstream_error.h"

static struct vtx_engine *engine_of(const struct vtx_service *service) {
  return service->options.upstream->engine;
}

struct vtx_engine *vtx_flow_engine(const struct vtx_flow *flow) {
  return engine_of(flow->service);
}

struct vtx_scheduler *vtx_flow_scheduler(const struct vtx_flow *flow) {
  return &flow->service->scheduler;
}

void vtx_flow_may_end(struct vtx_flow *flow) {
  if (!cb_list_empty(&flow->ending)) return;
  cb_list_append(&flow->service->ending, &flow->ending);
}

/* Ends the jobs whose next attempt would be a new request to the upstream. */
static void end_those_aside(struct vtx_flow *flow,
                            const struct cb_status *status) {
  struct cb_link *next;

  for (struct cb_link *link = flow->jobs.next; link != &flow->jobs;
       link = next) {
    struct vtx_job *job = CB_CONTAINER(link, struct vtx_job, link);

    next = link->next;
    if (vtx_job_is_aside(job)) vtx_job_abort(job, status);
  }
}

void vtx_flow_close(struct vtx_flow *flow, const struct cb_status *status) {
  if (flow->closed) return;
  flow->closed = true;
  flow->rest = vtx_status_copy(status, flow->arena);
  vtx_scheduler_close(vtx_flow_scheduler(flow), &flow->entry);
  vtx_ahead_end_all(flow);
  if (!flow->input_over) {
    crpc_loop_post(flow->service->options.loop, &flow->unwanted);
  }
  end_those_aside(flow, &flow->rest);
  vtx_flow_may_end(flow);
}

void vtx_flow_abort(struct vtx_flow *flow, const struct cb_status *status) {
  vtx_flow_close(flow, status);
  while (!cb_list_empty(&flow->jobs)) {
    vtx_job_abort(CB_CONTAINER(flow->jobs.next, struct vtx_job, link), status);
  }
}

bool vtx_flow_is_over_allowance(const struct vtx_flow *flow) {
  return flow->unsent >= flow->allowance;
}

/* Results behind a gap may be what is unsent, and wait for it: it is filled
 * whatever is unsent. */
void vtx_flow_settle_hold(struct vtx_flow *flow) {
  bool over = vtx_flow_is_over_allowance(flow);
  bool starved = flow->next == flow->source.count; /* a pipe, for now */

  vtx_scheduler_hold(
      vtx_flow_scheduler(flow), &flow->entry,
      (over && !vtx_ahead_has_gaps(flow)) || starved || flow->no_memory);
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

bool vtx_flow_has_next(const struct vtx_flow *flow) {
  return !cb_list_empty(&flow->again) ||
         (!flow->closed && flow->next < flow->source.count);
}

/* True if what is next of flow waits for quota. */
static bool waits_for_quota(struct vtx_flow *flow) {
  struct vtx_sched_health health;

  if (!vtx_flow_has_next(flow)) return false;
  vtx_head_health(flow, &health);
  return health.throttled;
}

/* What was not sent yet is told if it waited for quota: then it is not the
 * call's own size that takes the time. */
static void end_timer_fired(struct cb_timer *timer) {
  struct vtx_flow *flow = CB_CONTAINER(timer, struct vtx_flow, end_timer);
  struct cb_status under_way =
      vtx_refuse(VTX_SERVICE_DEADLINE_EXCEEDED,
                 "the time of the call was over before this was done");
  struct cb_status waiting = under_way;

  if (is_early(flow)) return;
  if (!flow->closed && waits_for_quota(flow)) {
    waiting.message =
        "the time of the call was over while this waited for quota";
    cb_status_add(&waiting, flow->arena, "waited_for", "quota");
  }
  vtx_flow_close(flow, &waiting);
  vtx_flow_abort(flow, &under_way);
}

bool vtx_flow_is_exhausted(const struct vtx_flow *flow) {
  return flow->input_over && flow->next == flow->source.count;
}

/* The way back. */

static bool is_over(const struct vtx_flow *flow) {
  return cb_list_empty(&flow->jobs) && flow->input_over &&
         (flow->closed || flow->next == flow->source.count);
}

static void end_flow(struct vtx_flow *flow) {
  struct vtx_service *service = flow->service;
  struct vtx_engine *engine = engine_of(service);

  vtx_scheduler_remove(vtx_flow_scheduler(flow), &flow->entry);
  vtx_engine_cancel_timer(engine, &flow->end_timer);
  vtx_engine_cancel_timer(engine, &flow->memory_timer);
  vtx_engine_cancel_timer(engine, &flow->look);
  vtx_patience_over(flow);
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

/* Takes flow in, or says why not. */
static struct cb_status admit(struct vtx_flow *flow) {
  struct vtx_scheduler *scheduler = vtx_flow_scheduler(flow);
  struct cb_status overload =
      vtx_refuse(VTX_SERVICE_SERVER_OVERLOADED,
                 "as many calls wait for the upstream as the server lets wait");

  if (flow->service->shutting_down) return vtx_shutdown_refusal();
  overload.retry_after = VTX_OVERLOAD_PAUSE;
  flow->entry.held = !flow->input_over; /* until there is a prompt */
  flow->entry.size = cb_arena_size(flow->arena);
  if (vtx_scheduler_is_full(scheduler, flow->entry.size)) return overload;
  if (!vtx_flow_table_add(&flow->service->flows, flow->id, flow) ||
      !set_end_timer(flow) || !vtx_patience_begin(flow)) {
    return vtx_refuse(VTX_SERVICE_SERVER_MEMORY,
                      "the server has no memory for this call");
  }
  vtx_scheduler_add(scheduler, &flow->entry);
  return vtx_patience_check(flow);
}

static void begin(struct vtx_flow *flow) {
  struct cb_status status = admit(flow);

  if (status.code == CB_OK) return;
  flow->refused = true;
  vtx_flow_close(flow, &status);
}

void vtx_flow_take_input(struct vtx_flow *flow, struct vtx_input *input) {
  assert(!flow->input_over);
  if (vtx_source_has_model(&input->source, 0)) flow->own_models = true;
  input->index = flow->source.count++;
  cb_list_append(&flow->inputs, &input->link);
  if (flow->closed) {
    vtx_ahead_end_all(flow);
  } else {
    vtx_flow_settle_hold(flow);
    vtx_scheduler_reconsider(vtx_flow_scheduler(flow), &flow->entry);
  }
}

static void input_ended(struct cb_mail *mail) {
  struct vtx_flow *flow = CB_CONTAINER(mail, struct vtx_flow, end_input);

  flow->input_over = true;
  if (vtx_flow_is_exhausted(flow)) {
    vtx_scheduler_close(vtx_flow_scheduler(flow), &flow->entry);
  }
  vtx_flow_may_end(flow);
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
  flow->memory_timer = (struct cb_timer){.fire = vtx_flow_memory_timer};
  flow->look = (struct cb_timer){.fire = vtx_flow_look_timer};
  cb_list_init(&flow->jobs);
  cb_list_init(&flow->again);
  cb_list_init(&flow->ending);
  cb_list_init(&flow->inputs);
  flow->input_over = flow->source.kind != VTX_SOURCE_PIPE;
  flow->end_input.deliver = input_ended;
  flow->unwanted.deliver = flow->input_unwanted;
  flow->rest = cb_status_ok();
  flow->entry.dispatch = vtx_flow_dispatch;
  flow->entry.peek = vtx_flow_peek;
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
  struct cb_status no_memory = vtx_refuse(
      VTX_SERVICE_SERVER_MEMORY,
      "not sent: the server has no memory for more results of this call");

  if (stop == VTX_STOP_CALLER_LEFT) {
    flow->dropped = true;
    vtx_flow_abort(flow, &left);
  } else if (stop == VTX_STOP_ERROR) {
    vtx_flow_abort(flow, &stopped);
  } else if (stop == VTX_STOP_FULL) {
    vtx_flow_close(flow, &full);
  } else if (stop == VTX_STOP_MEMORY) {
    vtx_flow_close(flow, &no_memory);
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
    vtx_flow_settle_hold(flow);
    vtx_scheduler_reconsider(vtx_flow_scheduler(flow), &flow->entry);
  }
  control->in_flight = flow ? flow->entry.running : 0;
  control->mail.deliver = control->home;
  crpc_loop_post(control->service->options.loop, &control->mail);
}

void vtx_control_send(struct vtx_control *control) {
  control->mail.deliver = control_arrived;
  vtx_engine_post(engine_of(control->service), &control->mail);
}
