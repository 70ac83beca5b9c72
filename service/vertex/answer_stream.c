#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/utf8.h"
#include "service/vertex/answer.h"
#include "service/vertex/answer_end.h"
#include "service/vertex/reasons.h"

void vtx_stream_answer_init(struct vtx_stream_answer *answer,
                            const struct vtx_wants *wants, size_t max_text,
                            struct cb_budget *budget) {
  *answer = (struct vtx_stream_answer){.wants = wants};
  cb_buf_init(&answer->text, max_text, budget);
}

void vtx_stream_answer_release(struct vtx_stream_answer *answer) {
  cb_buf_release(&answer->text);
}

/* The latest word stays; one that is too long is cut between characters. */
static void keep_word(char *out, size_t room, const char *word) {
  size_t size = word ? cb_utf8_cut(word, strlen(word), room - 1) : 0;

  if (size == 0) return;
  memcpy(out, word, size);
  out[size] = '\0';
}

/* The ends in words, which may come with other chunks than the ends. */
static void note_messages(struct vtx_stream_answer *answer,
                          const Vertexd__V1__GenerateResponse *chunk) {
  if (chunk->n_candidates > 0) {
    keep_word(answer->finish_message, sizeof answer->finish_message,
              chunk->candidates[0]->finish_message);
  }
  if (chunk->prompt_feedback) {
    keep_word(answer->block_message, sizeof answer->block_message,
              chunk->prompt_feedback->block_reason_message);
  }
}

/* What the end will need to know of this chunk. */
static void note_chunk(struct vtx_stream_answer *answer,
                       const Vertexd__V1__GenerateResponse *chunk,
                       const struct vtx_codec_notes *notes,
                       struct cb_arena *arena) {
  const char *block = vtx_block_word(chunk, notes, arena);

  keep_word(answer->finish_reason, sizeof answer->finish_reason,
            chunk->finish_reason_text);
  keep_word(answer->block_reason, sizeof answer->block_reason, block);
  note_messages(answer, chunk);
  if (chunk->n_candidates > 0) answer->candidate_seen = true;
  if (*block) answer->blocked = true;
  if (*chunk->finish_reason_text) answer->finish_seen = true;
  for (size_t i = 1; i < chunk->n_candidates; i++) {
    if (chunk->candidates[i]->finish_reason != 0) answer->finish_seen = true;
  }
  if (vtx_answer_has_content(chunk, notes)) answer->content_seen = true;
  if (vtx_answer_calls_function(chunk)) answer->function_called = true;
  vtx_usage_note(&answer->usage, chunk);
}

struct cb_status vtx_stream_answer_chunk(struct vtx_stream_answer *answer,
                                         Vertexd__V1__GenerateResponse *chunk,
                                         const struct vtx_codec_notes *notes,
                                         struct cb_arena *arena) {
  if (!vtx_answer_own_fields(chunk, answer->wants, notes, arena))
    return vtx_answer_full(arena, arena);
  note_chunk(answer, chunk, notes, arena);
  if (answer->wants->json && !cb_buf_add_text(&answer->text, chunk->text))
    return vtx_no_room(
        arena, cb_buf_past_max(&answer->text), VTX_RESPONSE_TOO_LARGE,
        "the JSON of the answer would pass %zu bytes", answer->text.max);
  return cb_status_ok();
}

static struct cb_status check_stream(struct vtx_stream_answer *answer,
                                     const Vertexd__V1__TokenCount *usage,
                                     const char *finish,
                                     struct cb_arena *arena) {
  struct vtx_end end = {.content = answer->content_seen,
                        .candidates = answer->candidate_seen,
                        .finish_reason = finish,
                        .finish_message = answer->finish_message,
                        .block_reason = answer->block_reason,
                        .block_message = answer->block_message,
                        .usage = usage};

  if (!answer->finish_seen && !answer->blocked)
    return vtx_fail(arena, VTX_UPSTREAM_TRUNCATED,
                    "the stream ended without a finish reason");
  return vtx_end_status(&end, arena);
}

static struct cb_status stream_json(struct vtx_stream_answer *answer,
                                    const Vertexd__V1__TokenCount *usage,
                                    const char *finish, struct cb_arena *arena,
                                    char **ret_json) {
  struct vtx_end_json end = {
      .text = answer->text.len > 0 ? answer->text.data : "",
      .size = answer->text.len,
      .finish_reason = finish,
      .calls_function = answer->function_called,
      .usage = usage,
      .wants = answer->wants};

  return vtx_end_json(&end, arena, ret_json);
}

struct cb_status vtx_stream_answer_finish(
    struct vtx_stream_answer *answer, struct cb_arena *arena,
    Vertexd__V1__GenerateResponse **ret_last) {
  const char *id = answer->wants->id ? answer->wants->id : "";
  Vertexd__V1__GenerateResponse *last = cb_arena_alloc(arena, sizeof *last);
  Vertexd__V1__TokenCount *usage = cb_arena_alloc(arena, sizeof *usage);
  char *finish = cb_arena_strdup(arena, answer->finish_reason);
  char *copied_id = cb_arena_strdup(arena, id);
  struct cb_status status;

  if (!last || !usage || !finish || !copied_id)
    return vtx_answer_full(arena, arena);
  vertexd__v1__generate_response__init(last);
  vtx_usage_count(&answer->usage, usage);
  if (vtx_usage_known(&answer->usage)) last->token_count = usage;
  last->finish_reason_text = finish;
  last->id = copied_id;
  status = check_stream(answer, last->token_count, finish, arena);
  if (status.code == CB_OK && answer->wants->json)
    status = stream_json(answer, last->token_count, finish, arena, &last->json);
  if (status.code == CB_OK) *ret_last = last;
  return status;
}
