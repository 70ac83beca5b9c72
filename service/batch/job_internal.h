/* job_internal.h - what the parts of a job share: its life (job.c), what it
 * hears from its calls (job_events.c), and what it does between two attempts
 * (job_again.c).
 *
 * Threads: the engine's.
 */
#ifndef VTX_JOB_INTERNAL_H
#define VTX_JOB_INTERNAL_H

#include "service/batch/job.h"
#include "service/service.h"

const struct vtx_service_options *vtx_job_options(const struct vtx_job *job);

/* The time of the engine's turn. */
int64_t vtx_job_now(const struct vtx_job *job);

struct cb_status vtx_job_no_memory(void);

/* Encodes the prompt and starts one call of the model. */
struct cb_status vtx_job_call(struct vtx_job *job, enum vtx_verb verb,
                              const struct vtx_model_call_events *heard);

/* The end, whichever way: the result is complete, or becomes a failure with
 * status. Nothing of the job may be touched afterwards. */
void vtx_job_over(struct vtx_job *job);
void vtx_job_fail(struct vtx_job *job, const struct cb_status *status);

/* Begins an attempt: encodes the prompt and calls the model. False: the job is
 * over. */
bool vtx_job_attempt(struct vtx_job *job);

/* The attempt under way has ended with status, of which the job takes note; the
 * answer, with all hops before, took used tokens (negative: not known). */
void vtx_job_attempt_over(struct vtx_job *job, const struct cb_status *status,
                          double used);

/* The attempt under way is about to be broken off. */
void vtx_job_attempt_given_up(struct vtx_job *job);

/* After an attempt whose answer is not all: goes on with another call, at once
 * where the target's gate lets it, else when it does. The job may be over. */
void vtx_job_go_on(struct vtx_job *job);

/* After an attempt that failed with status: has it made again, later. False if
 * that cannot be; *status then has what callers are to know of waiting. */
bool vtx_job_try_again(struct vtx_job *job, struct cb_status *status);

/* Undoes what waiting for another attempt takes; not the scheduler's part. */
void vtx_job_stop_waiting(struct vtx_job *job);

/* The time of the job is over: which of the times, in the caller's words. */
struct cb_status vtx_job_late(const struct vtx_job *job);

/* What a generating or counting call tells the job. */
extern const struct vtx_model_call_events vtx_job_events;

#endif
