#include "service/batch/job_hops.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/arena.h"
#include "service/batch/flow.h"
#include "service/batch/job_hops_internal.h"
#include "service/batch/job_internal.h"
#include "service/limits.h"
#include "service/vertex/reasons.h"
#include "service/vertex/retry.h"

typedef Vertexd__V1__GenerateResponse response_message;
typedef Vertexd__V1__Candidate candidate_message;

bool vtx_hops_is_stream(const struct vtx_job *job) {
  return job->stream != NULL;
}

static bool is_collected(const struct vtx_job *job) {
  return job->flow->verb == VTX_GENERATE && job->wants.over_stream;
}

struct vtx_hops *vtx_hops_account(struct vtx_job *job) {
  const struct vtx_service_options *options = vtx_job_options(job);
  struct vtx_hops *hops = job->hops;

  if (hops) return hops;
  hops = cb_arena_zalloc(job->result.arena, 1, sizeof *hops);
  if (!hops) return NULL;
  cb_buf_init(&hops->start, options->max_response_bytes, options->budget);
  cb_buf_init(&hops->newest, options->max_response_bytes, options->budget);
  vertexd__v1__generate_response__usage_metadata__init(&hops->usage_before);
  vertexd__v1__generate_response__usage_metadata__init(&hops->usage_hop);
  vtx_replay_init(&hops->replay, options->max_response_bytes, options->budget);
  hops->count = 1;
  job->hops = hops;
  return hops;
}

/* What came in the hop at hand is forgotten. */
static void clear_hop(struct vtx_hops *hops) {
  vtx_join_free(hops->piece);
  hops->piece = NULL;
  cb_buf_clear(&hops->newest);
  vtx_replay_begin(&hops->replay, false);
  hops->said = false;
  hops->beyond = false;
  hops->cut = false;
  vertexd__v1__generate_response__usage_metadata__init(&hops->usage_hop);
}

bool vtx_hops_begin(struct vtx_job *job) {
  if (job->hops) clear_hop(job->hops);
  return job->hops || !vtx_hops_is_stream(job) || vtx_hops_account(job);
}

void vtx_hops_release(struct vtx_job *job) {
  struct vtx_hops *hops = job->hops;

  if (!hops) return;
  vtx_join_free(hops->whole);
  vtx_join_free(hops->piece);
  cb_buf_release(&hops->start);
  cb_buf_release(&hops->newest);
  vtx_replay_release(&hops->replay);
  job->hops = NULL;
}

enum vtx_verb vtx_hops_verb(const struct vtx_job *job) {
  return is_collected(job) ? VTX_STREAM_GENERATE : job->flow->verb;
}

const ProtobufCBinaryData *vtx_hops_token(const struct vtx_job *job,
                                          ProtobufCBinaryData *room) {
  if (!job->hops || job->hops->start.len == 0) return NULL;
  room->len = job->hops->start.len;
  room->data = (uint8_t *)job->hops->start.data;
  return room;
}

bool vtx_hops_bound(const struct vtx_job *job) {
  return job->hops && job->hops->start.len > 0;
}

int32_t vtx_hops_count(const struct vtx_job *job) {
  return job->hops ? job->hops->count : 1;
}

int32_t vtx_hops_attempts_before(const struct vtx_job *job) {
  return job->hops ? job->hops->attempts_before : 0;
}

double vtx_hops_told(const struct vtx_job *job) {
  return job->hops ? job->hops->told : 0;
}

/* --- from hop to hop ----------------------------------------------------- */

/* The next hop begins where the newest token says. */
static enum vtx_hops_step go_on(struct vtx_job *job,
                                struct cb_status *ret_status) {
  struct vtx_hops *hops = job->hops;

  if (!vtx_usage_add(&hops->usage_before, &hops->usage_hop,
                     job->result.arena)) {
    *ret_status = vtx_job_no_memory();
    return VTX_HOPS_FAIL;
  }
  for (size_t i = 0; i < VTX_HOPS_PLACES; i++)
    vtx_join_place_hop(&hops->places[i]);
  if (hops->cut) cb_buf_clear(&hops->replay.behind); /* nothing is lost */
  vtx_replay_begin(&hops->replay, true);
  cb_buf_release(&hops->start);
  cb_buf_move(&hops->start, &hops->newest);
  clear_hop(hops);
  hops->count++;
  hops->attempts_before = job->result.attempts;
  hops->told += job->cost;
  hops->stalled = 0;
  job->chunk_posted = false;
  return VTX_HOPS_NEXT;
}

/* As go_on, after the hop's answer; it is taken. */
static enum vtx_hops_step fold_and_go_on(struct vtx_job *job,
                                         struct vtx_answer *answer,
                                         struct cb_status *ret_status) {
  *ret_status = vtx_hops_fold(job, answer);
  return ret_status->code == CB_OK ? go_on(job, ret_status) : VTX_HOPS_FAIL;
}

static enum vtx_hops_step truncated(struct vtx_job *job,
                                    struct cb_status *ret_status) {
  *ret_status = vtx_fail(job->result.arena, VTX_UPSTREAM_TRUNCATED,
                         "the stream ended without a finish reason");
  return vtx_hops_broken(job, ret_status);
}

/* The whole answer, if there were hops before. */
static enum vtx_hops_step finish_whole(struct vtx_job *job,
                                       struct vtx_answer *answer,
                                       struct cb_status *ret_status) {
  struct vtx_join *whole;

  if (!job->hops || !job->hops->whole) return VTX_HOPS_OVER;
  *ret_status = vtx_hops_fold(job, answer);
  if (ret_status->code != CB_OK) return VTX_HOPS_FAIL;
  whole = job->hops->whole;
  job->hops->whole = NULL;
  *ret_status = vtx_join_finish(whole, job->result.arena, answer);
  return ret_status->code == CB_OK ? VTX_HOPS_OVER : VTX_HOPS_FAIL;
}

/* One hop's answer, in one message. */
static enum vtx_hops_step answered(struct vtx_job *job,
                                   struct vtx_answer *answer,
                                   struct cb_status *ret_status) {
  candidate_message *first =
      vtx_hops_first((response_message *)answer->message);
  bool cut = first && first->finish_reason == VTX_HOP_CUT;

  if (!job->wants.continues) return VTX_HOPS_OVER;
  if (cut) {
    if (!vtx_hops_account(job) || !vtx_hops_take_token(job->hops, first)) {
      cb_arena_free(answer->arena);
      *ret_status = vtx_job_no_memory();
      return VTX_HOPS_FAIL;
    }
    if (vtx_hops_has_next(job)) return fold_and_go_on(job, answer, ret_status);
  } else if (first) {
    vtx_hops_drop_token(first); /* of a checkpoint on the way */
  }
  return finish_whole(job, answer, ret_status);
}

static enum vtx_hops_step collected(struct vtx_job *job,
                                    struct vtx_answer *answer,
                                    struct cb_status *ret_status) {
  struct vtx_hops *hops = job->hops;

  if (!hops || !hops->piece || !vtx_join_ended(hops->piece)) {
    return truncated(job, ret_status);
  }
  *ret_status = vtx_hops_finish_piece(job, answer);
  return ret_status->code == CB_OK ? answered(job, answer, ret_status)
                                   : VTX_HOPS_FAIL;
}

static bool is_over(const struct vtx_job *job) {
  if (vtx_hops_is_stream(job))
    return job->stream->finish_seen || job->stream->blocked;
  return job->hops->piece && vtx_join_ended(job->hops->piece);
}

static enum vtx_hops_step after_success(struct vtx_job *job,
                                        struct vtx_answer *answer,
                                        struct cb_status *ret_status) {
  if (is_collected(job)) return collected(job, answer, ret_status);
  if (!vtx_hops_is_stream(job)) {
    return job->flow->verb == VTX_GENERATE ? answered(job, answer, ret_status)
                                           : VTX_HOPS_OVER;
  }
  if (!job->hops->cut && !is_over(job)) return truncated(job, ret_status);
  if (vtx_replay_pending(&job->hops->replay)) {
    *ret_status = vtx_hops_diverged(job->result.arena);
    return VTX_HOPS_FAIL;
  }
  return job->hops->cut ? go_on(job, ret_status) : VTX_HOPS_OVER;
}

enum vtx_hops_step vtx_hops_done(struct vtx_job *job, struct vtx_answer *answer,
                                 struct cb_status *ret_status) {
  enum vtx_hops_step step;

  *ret_status = cb_status_ok();
  step = after_success(job, answer, ret_status);
  /* Another call of the job's would be for another answer. */
  if (step == VTX_HOPS_OVER && job->hops) cb_buf_clear(&job->hops->start);
  return step;
}

/* What came up to the newest token counts, and the next hop begins there. */
static enum vtx_hops_step resume(struct vtx_job *job,
                                 struct cb_status *ret_status) {
  struct vtx_answer answer;

  if (vtx_hops_is_stream(job)) return go_on(job, ret_status);
  *ret_status = vtx_hops_finish_piece(job, &answer);
  return ret_status->code == CB_OK ? fold_and_go_on(job, &answer, ret_status)
                                   : VTX_HOPS_FAIL;
}

/* What came behind the newest token comes once more: in one message it would be
 * there twice, of a stream it can be taken out. */
static bool can_resume(const struct vtx_job *job) {
  return vtx_hops_is_stream(job) ? vtx_replay_possible(&job->hops->replay)
                                 : !job->hops->beyond;
}

/* Something of the hop has been handed on and cannot be taken back. A later
 * hop may have said nothing in what it sent. */
static bool is_handed_on(const struct vtx_job *job) {
  return job->chunk_posted && (!vtx_hops_bound(job) || job->hops->said);
}

enum vtx_hops_step vtx_hops_broken(struct vtx_job *job,
                                   struct cb_status *status) {
  struct vtx_hops *hops = job->hops;
  bool passing = vtx_failure_kind(status) != VTX_FAILURE_FINAL;

  if (hops && passing && vtx_hops_has_next(job) && !is_over(job) &&
      can_resume(job)) {
    return resume(job, status);
  }
  if (is_handed_on(job)) return VTX_HOPS_FAIL;
  job->chunk_posted = false;
  if (vtx_hops_bound(job) && vtx_reason_is(status, VTX_UPSTREAM_TRUNCATED)) {
    return hops->stalled++ < VTX_HOPS_STALLED_MAX ? VTX_HOPS_NEXT
                                                  : VTX_HOPS_FAIL;
  }
  return VTX_HOPS_AGAIN;
}

/* --- failures ------------------------------------------------------------ */

static int64_t tokens_of(const struct vtx_hops *hops) {
  int64_t tokens = 0;

  if (hops->whole) tokens += vtx_join_tokens(hops->whole);
  if (hops->piece) tokens += vtx_join_tokens(hops->piece);
  return tokens + hops->usage_before.candidates_token_count +
         hops->usage_before.thoughts_token_count +
         hops->usage_hop.candidates_token_count +
         hops->usage_hop.thoughts_token_count;
}

void vtx_hops_tell(const struct vtx_job *job, struct cb_status *status) {
  const struct vtx_hops *hops = job->hops;
  char text[32];

  if (vtx_hops_is_stream(job) && (job->chunk_posted || vtx_hops_count(job) > 1))
    status->retryable = false;
  if (!hops || hops->count == 1) return;
  snprintf(text, sizeof text, "%" PRId32, hops->count);
  cb_status_add(status, job->result.arena, "hops", text);
  snprintf(text, sizeof text, "%" PRId64, tokens_of(hops));
  cb_status_add(status, job->result.arena, "tokens_received", text);
}
