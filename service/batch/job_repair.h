/* job_repair.h - a job whose JSON answer is no good asks once more
 * (service/vertex/repair.h says when, and in which words).
 *
 * The second call is an attempt like another: it has the same deadline, goes
 * through the target's gate (in the same slots if that is open), and is made
 * again if it fails in a way that may pass. It costs nothing of the retry
 * budget, since the caller has asked for it.
 *
 * Threads: the engine's.
 */
#ifndef VTX_JOB_REPAIR_H
#define VTX_JOB_REPAIR_H

#include <stdbool.h>

#include "base/status.h"

struct vtx_job;

/* The job's answer, in result.message, failed with status (texts in its
 * arena), and the attempt is over. True if the job goes on, or ended, with a
 * second call: the answer is then gone. False if there is none to make. */
bool vtx_job_repair(struct vtx_job *job, const struct cb_status *status);

/* Frees what the second call needed. */
void vtx_job_repair_release(struct vtx_job *job);

#endif
