/* A flow's prompts: how they become jobs, what the jobs do to the scheduler and
 * to each other, and where their results go.
 */
#include <assert.h>

#include "base/arena.h"
#include "crpc/loop.h"
#include "service/batch/cost.h"
#include "service/batch/flow_internal.h"
#include "service/batch/head.h"
#include "service/batch/input.h"
#include "service/batch/job.h"
#include "service/batch/result.h"
#include "service/limits.h"
#include "service/reasons.h"
#include "service/service_state.h"
#include "service/vertex/engine.h"
#include "service/vertex/upstream_error.h"

void vtx_flow_memory_timer(struct cb_timer *timer) {
  struct vtx_flow *flow = CB_CONTAINER(timer, struct vtx_flow, memory_timer);

  flow->no_memory = false;
  vtx_flow_settle_hold(flow);
}

/* One of the new prompts is taken care of. */
static void settle_new(struct vtx_flow *flow) {
  if (vtx_flow_is_exhausted(flow)) {
    vtx_scheduler_close(vtx_flow_scheduler(flow), &flow->entry);
  } else {
    vtx_flow_settle_hold(flow);
  }
}

/* Memory for the next job is not there. The flow waits for some; if that cannot
 * be had either, it ends. What fills a gap does not wait: the memory may be in
 * results that wait for it. */
static enum vtx_dispatch wait_for_memory(struct vtx_flow *flow) {
  struct vtx_engine *engine = vtx_flow_engine(flow);
  struct cb_status status = vtx_refuse(VTX_SERVICE_SERVER_MEMORY,
                                       "the server has no memory for this");

  if (vtx_ahead_has_gaps(flow) && flow->head.index == flow->next) {
    vtx_ahead_end_next(flow, &status);
    settle_new(flow);
    return VTX_SKIPPED;
  }
  if (vtx_engine_set_timer(engine, &flow->memory_timer,
                           vtx_engine_now(engine) + VTX_MEMORY_WAIT)) {
    flow->no_memory = true;
    vtx_flow_settle_hold(flow);
  } else {
    vtx_flow_close(flow, &status);
  }
  return VTX_HELD;
}

static void look_later(struct vtx_flow *flow) {
  struct vtx_engine *engine = vtx_flow_engine(flow);
  int64_t step = (int64_t)vtx_flow_scheduler(flow)->waiting * VTX_LOOK_EACH;

  if (step < VTX_LOOK_STEP) step = VTX_LOOK_STEP;
  vtx_engine_set_timer(engine, &flow->look, vtx_engine_now(engine) + step);
}

/* What is next had room when it was chosen, it may be, and others have taken
 * that: so this goes on as long as something waits. */
void vtx_flow_look_timer(struct cb_timer *timer) {
  struct vtx_flow *flow = CB_CONTAINER(timer, struct vtx_flow, look);

  if (!vtx_flow_has_next(flow)) return;
  look_later(flow);
  vtx_scheduler_reconsider(vtx_flow_scheduler(flow), &flow->entry);
}

void vtx_flow_peek(struct vtx_sched_entry *entry,
                   struct vtx_sched_head *ret_head) {
  struct vtx_flow *flow = CB_CONTAINER(entry, struct vtx_flow, entry);
  struct vtx_head head;

  vtx_head_look(flow, ret_head, &head);
  if (ret_head->glance) return;
  flow->head = head;
  if (head.others) {
    look_later(flow);
  } else {
    vtx_engine_cancel_timer(vtx_flow_engine(flow), &flow->look);
  }
}

/* What the scheduler has given to job: to the place that it was told of. */
static void take_slot(struct vtx_flow *flow, struct vtx_job *job) {
  job->target_slot = vtx_scheduler_target(&flow->entry);
  job->cost = flow->entry.cost;
  job->place = flow->head.place;
}

/* A job that came back. */
static enum vtx_dispatch dispatch_again(struct vtx_flow *flow) {
  struct vtx_job *job = flow->head.job;

  cb_list_remove(&job->again);
  if (job->place.index != flow->head.place.index) vtx_job_note_failover(job);
  take_slot(flow, job);
  return vtx_job_restart(job) ? VTX_DISPATCHED : VTX_SKIPPED;
}

/* A prompt of the source, or of a pipe. */
static struct vtx_job *take_prompt(struct vtx_flow *flow) {
  const struct vtx_head *head = &flow->head;
  struct vtx_job *job = vtx_job_new(flow, head->index, head->input);

  if (!job) return NULL;
  take_slot(flow, job);
  vtx_ahead_dispatched(flow, head->index);
  vtx_patience_over(flow);
  if (head->input) vtx_input_taken(head->input);
  settle_new(flow);
  return job;
}

enum vtx_dispatch vtx_flow_dispatch(struct vtx_sched_entry *entry) {
  struct vtx_flow *flow = CB_CONTAINER(entry, struct vtx_flow, entry);
  struct vtx_job *job;

  if (flow->head.job) return dispatch_again(flow);
  assert(!flow->closed && flow->next < flow->source.count);
  job = take_prompt(flow);
  if (!job) return wait_for_memory(flow);
  if (!vtx_job_start(job)) return VTX_SKIPPED;
  atomic_fetch_add_explicit(&flow->service->job_total, 1, memory_order_relaxed);
  return VTX_DISPATCHED;
}

void vtx_flow_set_aside(struct vtx_flow *flow, struct vtx_job *job) {
  const struct vtx_gate_end end = vtx_job_gate_end(job);

  vtx_scheduler_set_aside(vtx_flow_scheduler(flow), &flow->entry,
                          job->target_slot, &end);
}

bool vtx_flow_go_on(struct vtx_flow *flow, struct vtx_job *job) {
  const struct vtx_gate_end end = vtx_job_gate_end(job);

  return vtx_scheduler_go_on(vtx_flow_scheduler(flow), &flow->entry,
                             job->target_slot, job->cost, &end);
}

void vtx_flow_again(struct vtx_flow *flow, struct vtx_job *job) {
  cb_list_append(&flow->again, &job->again);
  vtx_scheduler_again(vtx_flow_scheduler(flow), &flow->entry);
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
  vtx_flow_settle_hold(flow);
  crpc_loop_post(flow->service->options.loop, &result->mail);
}

/* A place that only stands in for another says nothing about the others. */
static bool would_hit_all(const struct vtx_flow *flow,
                          const struct vtx_job *job) {
  const struct vtx_result *result = &job->result;
  uint32_t from = flow->next < result->index ? flow->next : result->index;

  if (!vtx_upstream_error_hits_all(&result->status) || !vtx_place_is_first(job))
    return false;
  return flow->source.kind == VTX_SOURCE_PIPE
             ? !flow->own_models
             : vtx_source_one_model(&flow->source, from);
}

/* What the failure of one item does to the others. */
static void consider_failure(struct vtx_flow *flow, const struct vtx_job *job,
                             bool *ret_stop) {
  *ret_stop = false;
  if (flow->closed || job->result.status.code == CB_OK) return;
  if (flow->stop_on_error) {
    *ret_stop = true;
  } else if (would_hit_all(flow, job)) {
    vtx_flow_close(flow, &job->result.status);
  }
}

/* Gives back what job has of the scheduler. */
static void settle_slot(struct vtx_flow *flow, struct vtx_job *job) {
  struct vtx_scheduler *scheduler = vtx_flow_scheduler(flow);
  const struct vtx_gate_end end = vtx_job_gate_end(job);

  switch (job->state) {
    case VTX_JOB_CALLING:
      vtx_scheduler_finished(scheduler, &flow->entry, job->target_slot, &end);
      break;
    case VTX_JOB_DELAYED:
    case VTX_JOB_IN_LINE:
      vtx_scheduler_withdraw(scheduler, &flow->entry, false);
      break;
    case VTX_JOB_READY:
      cb_list_remove(&job->again);
      vtx_scheduler_withdraw(scheduler, &flow->entry, true);
      break;
    case VTX_JOB_ASKED: /* the scheduler takes back what it just gave */
      break;
  }
}

void vtx_flow_job_over(struct vtx_flow *flow, struct vtx_job *job) {
  struct cb_status stopped =
      vtx_refuse(VTX_SERVICE_STOPPED_AFTER_ERROR,
                 "not done because another item failed and on_error is STOP");
  bool stop;

  cb_list_remove(&job->link);
  settle_slot(flow, job);
  vtx_cost_learn(&flow->output, &job->result);
  atomic_fetch_sub_explicit(&flow->service->job_count, 1, memory_order_relaxed);
  fit(flow, &job->result);
  consider_failure(flow, job, &stop);
  vtx_flow_post(flow, &job->result);
  if (stop) vtx_flow_abort(flow, &stopped);
  vtx_flow_may_end(flow);
}
