/* What comes in a hop: tokens, messages to be joined, and chunks of a stream
 * that are handed on. */
#include <string.h>

#include "base/arena.h"
#include "service/batch/flow.h"
#include "service/batch/job_hops_internal.h"
#include "service/batch/job_internal.h"
#include "service/limits.h"
#include "service/vertex/reasons.h"

typedef Vertexd__V1__GenerateResponse response_message;
typedef Vertexd__V1__Candidate candidate_message;

/* --- tokens -------------------------------------------------------------- */

candidate_message *vtx_hops_first(const response_message *response) {
  for (size_t i = 0; i < response->n_candidates; i++) {
    if (response->candidates[i]->index == 0) return response->candidates[i];
  }
  return NULL;
}

bool vtx_hops_take_token(struct vtx_hops *hops,
                         const candidate_message *first) {
  const ProtobufCBinaryData *token = &first->continuation_token;

  if (token->len == 0) return true;
  cb_buf_clear(&hops->newest);
  hops->beyond = false;
  return cb_buf_add(&hops->newest, token->data, token->len);
}

void vtx_hops_drop_token(candidate_message *first) {
  first->continuation_token = (ProtobufCBinaryData){0, NULL};
}

/* A token that came is one to go on with, unless it is the one that the hop
 * began with: it would only give the same hop again. */
bool vtx_hops_has_next(const struct vtx_job *job) {
  const struct vtx_hops *hops = job->hops;

  return job->wants.continues && hops->count < VTX_HOPS_MAX &&
         hops->newest.len > 0 &&
         (hops->newest.len != hops->start.len ||
          memcmp(hops->newest.data, hops->start.data, hops->start.len) != 0);
}

/* --- one message --------------------------------------------------------- */

static struct cb_status add_to(struct vtx_job *job, struct vtx_join **join,
                               const struct vtx_answer *answer,
                               struct cb_arena *arena) {
  const struct vtx_service_options *options = vtx_job_options(job);

  if (!*join)
    *join = vtx_join_new(options->max_response_bytes, options->budget);
  return *join ? vtx_join_add(*join, answer, arena) : vtx_job_no_memory();
}

static bool brings_content(const response_message *response) {
  for (size_t i = 0; i < response->n_candidates; i++) {
    const Vertexd__V1__Content *content = response->candidates[i]->content;

    for (size_t j = 0; content && j < content->n_parts; j++) {
      const Vertexd__V1__Part *part = content->parts[j];

      if (part->data_case != VERTEXD__V1__PART__DATA_TEXT ||
          *part->text != '\0' || part->thought_signature.len > 0) {
        return true;
      }
    }
  }
  return false;
}

/* Keeps the token that a chunk brings, and whether content comes behind it. */
static bool note_token(struct vtx_hops *hops,
                       const response_message *response) {
  const candidate_message *first = vtx_hops_first(response);

  if (brings_content(response)) {
    hops->said = true;
    hops->beyond = hops->newest.len > 0;
  }
  return !first || vtx_hops_take_token(hops, first);
}

struct cb_status vtx_hops_collect(struct vtx_job *job,
                                  const struct vtx_answer *answer,
                                  struct cb_arena *arena) {
  struct vtx_hops *hops = vtx_hops_account(job);

  if (!hops || !note_token(hops, (const response_message *)answer->message)) {
    return vtx_job_no_memory();
  }
  return add_to(job, &hops->piece, answer, arena);
}

struct cb_status vtx_hops_finish_piece(struct vtx_job *job,
                                       struct vtx_answer *ret_answer) {
  struct vtx_join *piece = job->hops->piece;

  job->hops->piece = NULL;
  return vtx_join_finish(piece, job->result.arena, ret_answer);
}

struct cb_status vtx_hops_fold(struct vtx_job *job, struct vtx_answer *answer) {
  struct cb_status status = cb_status_ok();

  if (job->hops->whole)
    status = vtx_join_next_hop(job->hops->whole, job->result.arena);
  if (status.code == CB_OK) {
    status = add_to(job, &job->hops->whole, answer, job->result.arena);
  }
  cb_arena_free(answer->arena);
  *answer = (struct vtx_answer){.arena = NULL};
  return status;
}

/* --- streams ------------------------------------------------------------- */

static void place_candidate(struct vtx_hops *hops,
                            const candidate_message *candidate) {
  const Vertexd__V1__GroundingMetadata *grounding =
      candidate->grounding_metadata;
  const Vertexd__V1__CitationMetadata *cited = candidate->citation_metadata;
  struct vtx_join_place *place;

  if (candidate->index < 0 || candidate->index >= VTX_HOPS_PLACES) return;
  place = &hops->places[candidate->index];
  for (size_t i = 0; candidate->content && i < candidate->content->n_parts; i++)
    vtx_join_place_part(place, candidate->content->parts[i], i == 0);
  if (cited)
    vtx_join_place_citations(place, cited->citations, cited->n_citations);
  if (!grounding) return;
  vtx_join_place_supports(place, grounding->grounding_supports,
                          grounding->n_grounding_supports);
  place->chunks += grounding->n_grounding_chunks;
}

/* The usage that a chunk tells becomes that of all hops so far. */
static bool sum_usage(struct vtx_job *job, response_message *chunk,
                      struct cb_arena *arena) {
  struct vtx_hops *hops = job->hops;
  vtx_usage_message *sum;

  if (!chunk->usage_metadata) return true;
  if (!vtx_usage_latest(&hops->usage_hop, chunk->usage_metadata,
                        job->result.arena)) {
    return false;
  }
  if (hops->count == 1) return true;
  sum = cb_arena_alloc(arena, sizeof *sum);
  if (!sum) return false;
  vertexd__v1__generate_response__usage_metadata__init(sum);
  chunk->usage_metadata = sum;
  return vtx_usage_add(sum, &hops->usage_before, arena) &&
         vtx_usage_add(sum, &hops->usage_hop, arena);
}

/* Takes out what says that another hop follows. */
static void hide_end(struct vtx_job *job, candidate_message *first) {
  struct vtx_hops *hops = job->hops;

  if (!first || !job->wants.continues) return;
  if (first->finish_reason == VTX_HOP_CUT) {
    hops->cut = vtx_hops_has_next(job);
    if (!hops->cut) return;
    first->finish_reason = 0;
    first->_finish_message_case = 0;
  }
  vtx_hops_drop_token(first);
}

struct cb_status vtx_hops_diverged(struct cb_arena *arena) {
  return vtx_fail(arena, VTX_UPSTREAM_TRUNCATED,
                  "the stream broke off, and what the upstream gave from its "
                  "last token on is not what it had given before");
}

/* Takes out what was handed on before, and keeps what will have been. */
static bool replay(struct vtx_hops *hops, response_message *chunk) {
  const candidate_message *first = vtx_hops_first(chunk);

  if (!vtx_replay_skip(&hops->replay, chunk)) return false;
  if (first && first->continuation_token.len > 0) {
    vtx_replay_token(&hops->replay);
  } else if (hops->newest.len > 0) {
    vtx_replay_note(&hops->replay, chunk);
  }
  return true;
}

struct cb_status vtx_hops_chunk(struct vtx_job *job,
                                const struct vtx_answer *answer,
                                struct cb_arena *arena) {
  struct vtx_hops *hops = job->hops;
  response_message *chunk = (response_message *)answer->message;
  size_t max = vtx_job_options(job)->max_response_bytes;

  hops->bytes += protobuf_c_message_get_packed_size(answer->message);
  if (hops->bytes > max) {
    return vtx_fail(arena, VTX_RESPONSE_TOO_LARGE,
                    "all parts of the answer together are larger than %zu "
                    "bytes",
                    max);
  }
  if (!replay(hops, chunk)) return vtx_hops_diverged(arena);
  if (!note_token(hops, chunk) || !sum_usage(job, chunk, answer->arena)) {
    return vtx_job_no_memory();
  }
  for (size_t i = 0; i < chunk->n_candidates; i++)
    place_candidate(hops, chunk->candidates[i]);
  hide_end(job, vtx_hops_first(chunk));
  return cb_status_ok();
}
