/* What a job does between two attempts: whether there is another, when, and who
 * pays for it. The rules are those of service/vertex/retry.h and
 * service/batch/retry_budget.h; here they meet the scheduler and the clock.
 *
 * A job that is set aside always has its timer set: for its next attempt, or
 * for the end of its patience.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "service/batch/flow_internal.h"
#include "service/batch/job_hops.h"
#include "service/batch/job_internal.h"
#include "service/batch/outcome.h"
#include "service/limits.h"
#include "service/service_state.h"
#include "service/vertex/engine.h"
#include "service/vertex/reasons.h"
#include "service/vertex/retry.h"

/* Room for the texts of one failure. */
#define FAILED_MAX ((size_t)64 * 1024)

static const struct vtx_retry_policy *policy_of(const struct vtx_job *job) {
  const struct vtx_service_options *options = vtx_job_options(job);

  return job->flow->entry.sched_class == VTX_INTERACTIVE
             ? &options->interactive_retry
             : &options->batch_retry;
}

static struct vtx_retry_budget *budget_of(const struct vtx_job *job) {
  return &job->flow->service->retries;
}

static void count(_Atomic uint64_t *counter) {
  atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* Attempts. */

static void note_failure(struct vtx_job *job, const struct cb_status *status) {
  struct cb_arena *arena = job->result.arena;

  if (!job->tries) job->tries = cb_arena_zalloc(arena, 1, sizeof *job->tries);
  if (!job->tries) return;
  vtx_tries_note(job->tries, arena, job->target, status, job->end.took);
}

/* Turns of the engine have one time, and one may see both ends of it. */
static int64_t time_of_attempt(const struct vtx_job *job) {
  int64_t now = vtx_job_now(job);

  return now > job->attempt_started ? now - job->attempt_started : 0;
}

void vtx_job_attempt_over(struct vtx_job *job, const struct cb_status *status,
                          double used) {
  assert(job->state == VTX_JOB_CALLING);
  job->failed_for = vtx_retry_reason(status);
  job->end.outcome = vtx_outcome_of(status, job->silence);
  job->end.took = time_of_attempt(job);
  job->end.retry_after = status->retry_after;
  job->end.used = used < 0 ? -1 : fmax(used - vtx_hops_told(job), 0);
  vtx_retry_ended(budget_of(job), &job->ticket, status->code == CB_OK);
  if (status->code != CB_OK) note_failure(job, status);
}

void vtx_job_attempt_given_up(struct vtx_job *job) {
  job->end.outcome = vtx_outcome_given_up(vtx_model_call_silence(job->call));
  job->end.took = time_of_attempt(job);
}

bool vtx_job_restart(struct vtx_job *job) {
  const struct vtx_service_options *options = vtx_job_options(job);

  assert(job->state == VTX_JOB_READY);
  job->state = VTX_JOB_ASKED;
  vtx_engine_cancel_timer(options->upstream->engine, &job->timer);
  if (job->stream && vtx_hops_count(job) == 1) {
    vtx_stream_answer_release(job->stream);
    vtx_stream_answer_init(job->stream, &job->wants,
                           options->max_response_bytes, options->budget);
  }
  return vtx_job_attempt(job);
}

/* A call for mended JSON may go elsewhere, too, though nothing has failed. */
void vtx_job_note_failover(const struct vtx_job *job) {
  struct vtx_service *service = job->flow->service;
  char target[VTX_TARGET_ROOM];

  if (job->failed_for == VTX_RETRY_REASONS) return;
  count(&service->failover_total);
  vtx_place_target(job, target);
  vtx_scheduler_note_failover(&service->scheduler, target, job->failed_for);
}

bool vtx_job_is_aside(const struct vtx_job *job) {
  return job->state == VTX_JOB_DELAYED || job->state == VTX_JOB_IN_LINE ||
         job->state == VTX_JOB_READY;
}

void vtx_job_stop_waiting(struct vtx_job *job) {
  vtx_engine_cancel_timer(vtx_job_options(job)->upstream->engine, &job->timer);
  vtx_retry_leave(budget_of(job), &job->ticket);
}

/* Waiting. */

static void timer_fired(struct cb_timer *timer);

static bool set_timer(struct vtx_job *job, int64_t when) {
  job->timer.fire = timer_fired;
  return vtx_engine_set_timer(vtx_job_options(job)->upstream->engine,
                              &job->timer, when);
}

/* True once something of the answer is there, which is worth more than a wait.
 */
static bool has_part(const struct vtx_job *job) {
  return vtx_hops_bound(job) || job->repair;
}

/* The end of a wait for the scheduler's turn: for a single call, that of its
 * patience with quota. */
static int64_t wait_end(const struct vtx_job *job) {
  int64_t end = job->deadline;

  if (job->flow->entry.sched_class == VTX_INTERACTIVE && !has_part(job)) {
    int64_t patience = vtx_patience_end(job->flow);

    if (patience < end) end = patience;
  }
  return end;
}

/* Keeps what the last attempt failed with, if another comes to nothing. */
static bool keep_failed(struct vtx_job *job, const struct cb_status *status) {
  struct cb_arena *arena =
      cb_arena_new(vtx_job_options(job)->budget, FAILED_MAX, 0);

  if (!arena) return false;
  job->failed = vtx_status_copy(status, arena);
  cb_arena_free(job->failed_arena);
  job->failed_arena = arena;
  return true;
}

/* Gives the slots back; a half-made answer goes. */
static void set_aside(struct vtx_job *job, enum vtx_job_state state) {
  cb_arena_free(job->result.answer_arena);
  job->result.answer_arena = NULL;
  vtx_flow_set_aside(job->flow, job);
  job->state = state;
}

/* Back to the scheduler; its timer is set. */
static void line_up(struct vtx_job *job) {
  job->state = VTX_JOB_READY;
  vtx_flow_again(job->flow, job);
}

static void become_ready(struct vtx_job *job) {
  struct cb_status no_memory = vtx_job_no_memory();

  if (set_timer(job, wait_end(job))) {
    line_up(job);
  } else {
    vtx_job_fail(job, &no_memory);
  }
}

/* How long to stay away, where the upstream has not said. */
static void say_when(const struct vtx_job *job, struct cb_status *status) {
  struct vtx_sched_health health;

  if (status->retry_after >= 0) return;
  vtx_place_health(job, &health);
  status->retry_after = vtx_patience_retry_after(job->flow, &health);
}

/* With no gate that spaces them out, refused jobs would all be sent again at
 * once, thousands a second. */
static bool stay_away(struct vtx_job *job, int64_t asked) {
  uint64_t *random = &job->flow->service->random;
  int64_t when = cb_time_add(vtx_job_now(job), asked);

  when = cb_time_add(when, vtx_retry_random(random, VTX_RETRY_BASE));
  if (!set_timer(job, when)) return false;
  set_aside(job, VTX_JOB_DELAYED);
  return true;
}

/* A refusal for quota is not the job's fault: it waits for its turn, which the
 * target's gate spaces out. */
static bool requeue(struct vtx_job *job, struct cb_status *status) {
  int64_t asked = status->retry_after > 0 ? status->retry_after : 0;
  int64_t end = wait_end(job);

  job->result.attempts--;
  if (cb_time_add(vtx_job_now(job), asked) >= end &&
      !vtx_place_elsewhere(job)) {
    say_when(job, status);
    return false;
  }
  if (!keep_failed(job, status)) return false;
  count(&job->flow->service->requeue_total);
  if (vtx_job_options(job)->gate.fixed) return stay_away(job, asked);
  if (!set_timer(job, end)) return false;
  set_aside(job, VTX_JOB_DELAYED);
  line_up(job);
  return true;
}

/* Without a place in the budget it waits in line as long as the longest delay
 * between two attempts. */
static bool wait_in_line(struct vtx_job *job) {
  int64_t end = cb_time_add(vtx_job_now(job), policy_of(job)->cap);

  if (!set_timer(job, end < job->deadline ? end : job->deadline)) return false;
  set_aside(job, VTX_JOB_IN_LINE);
  vtx_retry_wait(budget_of(job), &job->ticket);
  return true;
}

static bool wait_until(struct vtx_job *job, int64_t when) {
  bool now = when <= vtx_job_now(job);

  if (!set_timer(job, now ? wait_end(job) : when)) return false;
  set_aside(job, VTX_JOB_DELAYED);
  if (now) line_up(job);
  count(&job->flow->service->retry_total);
  return true;
}

/* A failure that may pass, or be none at another place. */
static bool retry(struct vtx_job *job, const struct cb_status *status) {
  const struct vtx_retry_case failed = {
      .status = status,
      .attempts = job->result.attempts - vtx_hops_attempts_before(job) +
                  job->flow->earlier_attempts,
      .took = job->end.took,
      .now = vtx_job_now(job),
      .deadline = job->deadline,
  };
  bool unsent = vtx_failure_kind(status) == VTX_FAILURE_UNSENT;
  bool elsewhere;

  if (!vtx_retry_allowed(policy_of(job), &failed)) return false;
  if (!unsent) job->tried |= 1u << job->place.index;
  elsewhere = !unsent && vtx_place_elsewhere(job);
  if (elsewhere) {
    job->not_before = failed.now;
  } else if (!vtx_retry_when(policy_of(job), &failed,
                             &job->flow->service->random, &job->not_before)) {
    return false;
  }
  if (!keep_failed(job, status)) return false;
  /* Another place is not the one in trouble, and there are not many. */
  if (unsent || elsewhere || vtx_retry_pay(budget_of(job), &job->ticket)) {
    return wait_until(job, job->not_before);
  }
  return wait_in_line(job);
}

void vtx_job_go_on(struct vtx_job *job) {
  struct cb_status no_memory = vtx_job_no_memory();

  if (vtx_flow_go_on(job->flow, job)) {
    vtx_job_attempt(job);
  } else if (set_timer(job, wait_end(job))) {
    set_aside(job, VTX_JOB_DELAYED);
    line_up(job);
  } else {
    vtx_job_fail(job, &no_memory);
  }
}

bool vtx_job_try_again(struct vtx_job *job, struct cb_status *status) {
  enum vtx_failure_kind kind = vtx_failure_kind(status);

  if (job->chunk_posted || kind == VTX_FAILURE_FINAL) return false;
  if (job->flow->closed) return false; /* as with those aside when it was */
  return kind == VTX_FAILURE_THROTTLED ? requeue(job, status)
                                       : retry(job, status);
}

/* The end of waiting. */

/* It was not the job's turn in all that time. Only quota tries a single call's
 * patience; for a target that is just busy it waits until its deadline. */
static void turn_did_not_come(struct vtx_job *job) {
  struct cb_status status = vtx_job_late(job);
  int64_t next = cb_time_add(vtx_job_now(job), VTX_PATIENCE_STEP);
  struct vtx_sched_health health;

  if (vtx_job_now(job) < job->deadline) {
    vtx_place_health(job, &health);
    if (!health.throttled &&
        set_timer(job, next < job->deadline ? next : job->deadline)) {
      return;
    }
    status = job->failed;
    say_when(job, &status);
  }
  vtx_job_fail(job, &status);
}

static void timer_fired(struct cb_timer *timer) {
  struct vtx_job *job = CB_CONTAINER(timer, struct vtx_job, timer);

  switch (job->state) {
    case VTX_JOB_DELAYED:
      become_ready(job);
      break;
    case VTX_JOB_IN_LINE:
      budget_of(job)->denied++;
      vtx_job_fail(job, &job->failed);
      break;
    case VTX_JOB_READY:
      turn_did_not_come(job);
      break;
    case VTX_JOB_ASKED:
    case VTX_JOB_CALLING:
      assert(false); /* has no timer */
  }
}

void vtx_jobs_settle_line(struct vtx_service *service) {
  struct vtx_retry_ticket *ticket;

  while ((ticket = vtx_retry_next(&service->retries)) != NULL) {
    struct vtx_job *job = CB_CONTAINER(ticket, struct vtx_job, ticket);

    if (ticket->state == VTX_TICKET_IDLE) {
      vtx_job_fail(job, &job->failed);
      continue;
    }
    count(&service->retry_total);
    job->state = VTX_JOB_DELAYED;
    if (job->not_before <= vtx_job_now(job) ||
        !set_timer(job, job->not_before)) {
      become_ready(job);
    }
  }
}
