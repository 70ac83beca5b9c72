/* job.h - one prompt, from its first dispatch on.
 *
 * Renders, merges and encodes the prompt, calls the model, asks for a count
 * where usage is missing, finishes the answer. A job is born when the scheduler
 * asks for it and becomes its own result.
 *
 * A call that fails in a way that may pass is made again (job_again.c): the job
 * gives back its slots, keeps its place in the call's max_concurrency, waits,
 * and comes back to the scheduler, before the call's new prompts. What was
 * refused for quota (429) comes back at once, where the target's gate lets it
 * wait; that costs neither an attempt nor a retry of the process's budget
 * (service/batch/retry_budget.h). Nothing is made again once a message of a
 * stream was posted.
 *
 * Threads:   the engine's.
 * Ownership: lives in the arena of its result; vtx_flow_job_over() takes it.
 */
#ifndef VTX_JOB_H
#define VTX_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/timers.h"
#include "service/batch/place.h"
#include "service/batch/result.h"
#include "service/batch/retry_budget.h"
#include "service/batch/tries.h"
#include "service/quota/gate.h"
#include "service/vertex/answer.h"
#include "service/vertex/body.h"
#include "service/vertex/model_call.h"

struct vtx_flow;
struct vtx_input;
struct vtx_service;

/* The life of a job. Each state ends in another, or in vtx_job_over(), which
 * takes back what the state holds (vtx_flow_job_over()), once.
 *
 *   from     to       when                                 in
 *   -        ASKED    the scheduler asks for a prompt      vtx_job_new
 *   ASKED    CALLING  its call begins                      vtx_job_attempt
 *   CALLING  CALLING  another call follows in its slots:   vtx_job_go_on,
 *                     a hop, mended JSON, a count          ask_count
 *   CALLING  DELAYED  it failed; made again at a time      vtx_job_try_again
 *   CALLING  IN_LINE  the same, and the budget is empty    vtx_job_try_again
 *   CALLING  READY    429, or another call that the gate   vtx_job_try_again,
 *                     holds: at once                       vtx_job_go_on
 *   IN_LINE  DELAYED  it is paid for                       settle_line
 *   DELAYED  READY    the time has come                    timer_fired
 *   READY    ASKED    the scheduler asks                   vtx_job_restart
 *
 *   state    slots  place in the limit  call  timer, for
 *   ASKED    yes    yes                 no    no
 *   CALLING  yes    yes                 yes   no
 *   DELAYED  no     yes                 no    the next attempt
 *   IN_LINE  no     yes                 no    the end of its patience
 *   READY    no     yes                 no    the end of its patience, or time
 */
enum vtx_job_state {
  VTX_JOB_ASKED,   /* inside of the scheduler's question */
  VTX_JOB_CALLING, /* a call is under way, or was just now */
  VTX_JOB_DELAYED, /* set aside until its timer */
  VTX_JOB_IN_LINE, /* set aside until a retry is paid for, or without hope */
  VTX_JOB_READY,   /* set aside, and the scheduler's turn: in flow->again */
};

struct vtx_job {
  struct vtx_result result;
  struct vtx_flow *flow;
  const struct vtx_source *source; /* of the prompt: the flow's, or its own */
  struct cb_link link;             /* in flow->jobs */
  struct cb_link again;            /* in flow->again */
  enum vtx_job_state state;
  struct vtx_sched_target *target_slot; /* whose slot it has */
  double cost;                          /* that it was started with */
  struct vtx_place place;               /* where it goes, or went last */
  uint32_t tried;                       /* mask of the places that failed it */
  struct vtx_model_call *call;
  struct cb_timer timer; /* while set aside */
  struct vtx_wants wants;
  struct vtx_stream_answer *stream; /* of a streaming verb */
  struct vtx_hops *hops;            /* NULL while one call may be all */
  const struct vtx_repair *repair;  /* of the call for mended JSON, or NULL */
  struct cb_arena *repair_arena;    /* of repair */
  int64_t arrived;                  /* the prompt did, cb_clock */
  int64_t started;                  /* first dispatch, cb_clock */
  int64_t deadline;                 /* cb_clock */
  const char *target;               /* asked last, "" if none was */
  size_t nul_replaced;
  bool chunk_posted; /* too late for another attempt */
  /* The attempt that is under way, or was the last. */
  int64_t attempt_started; /* cb_clock */
  int64_t silence;         /* of its call, when that was done */
  struct vtx_gate_end end; /* what it tells about the target */
  size_t failed_for;       /* its reason, as retry.h numbers them */
  /* Those that failed. */
  struct vtx_tries *tries;       /* NULL: none */
  struct cb_arena *failed_arena; /* of failed; NULL while there is none */
  struct cb_status failed;       /* the last one */
  struct vtx_retry_ticket ticket;
  int64_t not_before; /* cb_clock; of one in line */
};

/* A job for the item at index, linked into flow->jobs. input is what a pipe
 * brought for it (its arena moves into the result), NULL if the flow is no
 * pipe. NULL when out of memory; then input is the caller's as before. */
struct vtx_job *vtx_job_new(struct vtx_flow *flow, uint32_t index,
                            struct vtx_input *input);

/* Sends it upstream for the first time. False if that could not even begin:
 * the job is over. True: vtx_flow_job_over() will be called, later. */
bool vtx_job_start(struct vtx_job *job);

/* The same for one that came back. */
bool vtx_job_restart(struct vtx_job *job);

/* It came back, and goes to another place than before: counts that, at the
 * target that it leaves and by the reason, if its last attempt failed. */
void vtx_job_note_failover(const struct vtx_job *job);

/* Ends a started job now, whatever its state: its result is a failure with
 * status, or its answer if that is there and only a count was waited for. */
void vtx_job_abort(struct vtx_job *job, const struct cb_status *status);

/* True between two attempts. */
bool vtx_job_is_aside(const struct vtx_job *job);

/* What the job's last attempt tells about its target. */
struct vtx_gate_end vtx_job_gate_end(const struct vtx_job *job);

/* Stops, and goes on with, reading a stream from the upstream. */
void vtx_job_pause(struct vtx_job *job, bool paused);

/* Ends, or sends on, the jobs in the line of the retry budget about which
 * something was decided. At the end of a turn. */
void vtx_jobs_settle_line(struct vtx_service *service);

#endif
