/* job_internal.h - what the two halves of a job share: its life (job.c) and
 * what it hears from its calls (job_events.c).
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

/* What a generating or counting call tells the job. */
extern const struct vtx_model_call_events vtx_job_events;

#endif
