/* job_hops.h - an answer that takes several requests, or comes in chunks but is
 * wanted whole.
 *
 * The upstream ends a request whose answer is longer than one may be with
 * CONTINUATION and a token; the same request with that token goes on. Each
 * request is a hop. Hops follow each other in the job's time, at once and in
 * its slot where the target's gate lets them, else as soon as it does. Of an
 * answer in one message the hops are joined; a stream's chunks go to the caller
 * as if they were of one stream: without the reasons and tokens in between,
 * usage summed, places counted on.
 *
 * A stream that breaks is gone on with from the newest token that came. What
 * came behind it comes once more: it is taken out of a stream (replay.h); in
 * one message such a hop is asked anew. Without a token the hop can only be
 * asked anew, and only where nothing of it was handed on: that is the ordinary
 * way of retries, each hop having its own attempts. A later one that was
 * accepted and ends without anything is asked anew at once, three times in a
 * row at most.
 *
 * Threads:   the engine's.
 * Ownership: what it holds is the job's, until vtx_hops_release().
 */
#ifndef VTX_JOB_HOPS_H
#define VTX_JOB_HOPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "service/batch/job.h"

/* What comes after a call of the job is over. */
enum vtx_hops_step {
  VTX_HOPS_OVER,  /* the answer is there, or the stream has come to its end */
  VTX_HOPS_NEXT,  /* another call goes on, at once */
  VTX_HOPS_AGAIN, /* the same call may be made again, as retries are */
  VTX_HOPS_FAIL,  /* nothing more can be had */
};

/* Gets ready for a call of the job; what a failed one before it left is
 * forgotten. False when memory is used up. */
bool vtx_hops_begin(struct vtx_job *job);

void vtx_hops_release(struct vtx_job *job);

/* The verb to ask the upstream with, for a job that generates. */
enum vtx_verb vtx_hops_verb(const struct vtx_job *job);

/* The token of the hop to ask for, *room being where it is put; NULL: none. */
const ProtobufCBinaryData *vtx_hops_token(const struct vtx_job *job,
                                          ProtobufCBinaryData *room);

/* Takes a chunk of a hop that is wanted whole; answer stays the caller's.
 * Errors as vtx_join_add(), texts from arena. */
struct cb_status vtx_hops_collect(struct vtx_job *job,
                                  const struct vtx_answer *answer,
                                  struct cb_arena *arena);

/* Makes a chunk of a stream, that goes to the caller next, a chunk of the
 * whole; what is added is from answer's arena. RESPONSE_TOO_LARGE past
 * max_response_bytes over all hops; SERVER_MEMORY. */
struct cb_status vtx_hops_chunk(struct vtx_job *job,
                                const struct vtx_answer *answer,
                                struct cb_arena *arena);

/* A call has ended well. *answer is what it gave, empty for a stream; after
 * VTX_HOPS_OVER it is the whole answer, else it has been taken. Of the rest
 * *ret_status says why. */
enum vtx_hops_step vtx_hops_done(struct vtx_job *job, struct vtx_answer *answer,
                                 struct cb_status *ret_status);

/* A call has failed with *status, whose retryable flag says whether it may pass
 * by itself, whatever was handed on; after VTX_HOPS_FAIL it is what the caller
 * is told. */
enum vtx_hops_step vtx_hops_broken(struct vtx_job *job,
                                   struct cb_status *status);

/* True once the job goes on where a hop ended: its token is good only where
 * that was. */
bool vtx_hops_bound(const struct vtx_job *job);

/* Hops so far, the one at hand among them; and the attempts that were made
 * before that one. */
int32_t vtx_hops_count(const struct vtx_job *job);
int32_t vtx_hops_attempts_before(const struct vtx_job *job);

/* Tokens that the target's gate counts already for the hops that are over. */
double vtx_hops_told(const struct vtx_job *job);

/* Adds to a failure how much had come before it, if there were hops; once text
 * of a stream was handed on, callers cannot just try again. */
void vtx_hops_tell(const struct vtx_job *job, struct cb_status *status);

#endif
