/* job_hops_internal.h - what the parts of an answer in hops share: the way from
 * hop to hop (job_hops.c), and what comes in one (job_hops_chunks.c).
 *
 * Threads: the engine's.
 */
#ifndef VTX_JOB_HOPS_INTERNAL_H
#define VTX_JOB_HOPS_INTERNAL_H

#include "base/buf.h"
#include "service/batch/job_hops.h"
#include "service/batch/replay.h"
#include "service/vertex/join.h"
#include "service/vertex/join_place.h"
#include "service/vertex/merge.h"

/* The finish reason of an answer that another hop goes on with. */
#define VTX_HOP_CUT VERTEXD__V1__CANDIDATE__FINISH_REASON__CONTINUATION

/* Candidates whose places in a stream are counted on; models give 8 at most. */
#define VTX_HOPS_PLACES 8

struct vtx_hops {
  struct vtx_join *whole; /* hops that are over, where one message is wanted */
  struct vtx_join *piece; /* chunks of the hop at hand, likewise */
  struct cb_buf start;    /* token that the hop at hand was asked with */
  struct cb_buf newest;   /* that came in it; empty: none did */
  size_t bytes;           /* of a stream, all hops together */
  double told;            /* what was estimated for the hops that are over */
  int32_t count;
  int32_t attempts_before;
  int32_t stalled; /* calls in a row that were accepted and gave nothing */
  bool said;       /* content came in the hop at hand */
  bool beyond;     /* content came behind the newest token */
  struct vtx_replay replay; /* of a stream: what that content was */
  bool cut; /* the hop ended with CONTINUATION and is gone on with */
  vtx_usage_message usage_before; /* of a stream, as what follows */
  vtx_usage_message usage_hop;
  struct vtx_join_place places[VTX_HOPS_PLACES];
};

bool vtx_hops_is_stream(const struct vtx_job *job);

/* The job's account of hops, made if there is none; NULL when memory is used
 * up. */
struct vtx_hops *vtx_hops_account(struct vtx_job *job);

/* Candidate 0, which has the tokens; NULL if it is not there. */
Vertexd__V1__Candidate *vtx_hops_first(
    const Vertexd__V1__GenerateResponse *response);

/* Keeps the token that first brings, if any. False when memory is used up. */
bool vtx_hops_take_token(struct vtx_hops *hops,
                         const Vertexd__V1__Candidate *first);
void vtx_hops_drop_token(Vertexd__V1__Candidate *first);

/* True if the newest token is one to go on with. */
bool vtx_hops_has_next(const struct vtx_job *job);

/* Makes an answer of the chunks that came; errors as vtx_join_finish(). */
struct cb_status vtx_hops_finish_piece(struct vtx_job *job,
                                       struct vtx_answer *ret_answer);

/* answer is one hop of more; it is gone afterwards. Errors as vtx_join_add(),
 * vtx_join_next_hop(). */
struct cb_status vtx_hops_fold(struct vtx_job *job, struct vtx_answer *answer);

/* A resumed stream said something else than before. */
struct cb_status vtx_hops_diverged(struct cb_arena *arena);

#endif
