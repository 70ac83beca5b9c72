/* job.h - one prompt while it is dispatched.
 *
 * Renders, merges and encodes the prompt, calls the model, asks for a count
 * where usage is missing, finishes the answer. A job is born when the scheduler
 * asks for it and becomes its own result.
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
#include "service/batch/result.h"
#include "service/vertex/answer.h"
#include "service/vertex/body.h"
#include "service/vertex/model_call.h"

struct vtx_flow;
struct vtx_input;

struct vtx_job {
  struct vtx_result result;
  struct vtx_flow *flow;
  const struct vtx_source *source; /* of the prompt: the flow's, or its own */
  struct cb_link link;             /* in flow->jobs */
  struct vtx_sched_target *target_slot; /* whose slot it has */
  struct vtx_model_call *call;
  struct cb_timer retry;
  struct vtx_wants wants;
  struct vtx_stream_answer *stream; /* of a streaming verb */
  int64_t arrived;                  /* the prompt did, cb_clock */
  int64_t started;                  /* first dispatch, cb_clock */
  int64_t deadline;                 /* cb_clock */
  const char *target;               /* that served, "" if none did */
  size_t nul_replaced;
  bool chunk_posted; /* too late for another attempt */
};

/* A job for the item at index, linked into flow->jobs. input is what a pipe
 * brought for it (its arena moves into the result), NULL if the flow is no
 * pipe. NULL when out of memory; then input is the caller's as before. */
struct vtx_job *vtx_job_new(struct vtx_flow *flow, uint32_t index,
                            struct vtx_input *input);

/* Sends it upstream. False if that could not even begin: result.status says
 * why. True: vtx_flow_job_over() will be called, later. */
bool vtx_job_start(struct vtx_job *job);

/* Ends a started job now: its result is a failure with status, or its answer if
 * that is there and only a count was waited for. */
void vtx_job_abort(struct vtx_job *job, const struct cb_status *status);

/* Stops, and goes on with, reading a stream from the upstream. */
void vtx_job_pause(struct vtx_job *job, bool paused);

#endif
