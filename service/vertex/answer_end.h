/* answer_end.h - how an answer ended: the rules that a whole answer and a
 * streamed one share. Not for others than answer.c and answer_stream.c.
 *
 * Threads: none inside.
 */
#ifndef VTX_VERTEX_ANSWER_END_H
#define VTX_VERTEX_ANSWER_END_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "service/vertex/answer.h"

/* Takes the counters that response brings: the latest above 0 wins. */
void vtx_usage_note(struct vtx_usage *usage,
                    const Vertexd__V1__GenerateResponse *response);
bool vtx_usage_known(const struct vtx_usage *usage);
void vtx_usage_count(const struct vtx_usage *usage,
                     Vertexd__V1__TokenCount *ret_count);

/* The upstream's finish reason of candidate 0, and its block reason, also
 * where the enum does not know them; "" if none. */
const char *vtx_finish_word(const Vertexd__V1__GenerateResponse *response,
                            const struct vtx_codec_notes *notes,
                            struct cb_arena *arena);
const char *vtx_block_word(const Vertexd__V1__GenerateResponse *response,
                           const struct vtx_codec_notes *notes,
                           struct cb_arena *arena);

/* Any part but an empty text, in any candidate. */
bool vtx_answer_has_content(const Vertexd__V1__GenerateResponse *response,
                            const struct vtx_codec_notes *notes);
bool vtx_answer_calls_function(const Vertexd__V1__GenerateResponse *response);

/* Fills text, finish_reason_text, id and unrecognized. False when arena is
 * full. */
bool vtx_answer_own_fields(Vertexd__V1__GenerateResponse *response,
                           const struct vtx_wants *wants,
                           const struct vtx_codec_notes *notes,
                           struct cb_arena *arena);
bool vtx_answer_unrecognized(Vertexd__V1__GenerateResponse *response,
                             const struct vtx_codec_notes *notes,
                             struct cb_arena *arena);

/* All that the rule for empty answers looks at. */
struct vtx_end {
  bool content;
  bool candidates; /* at least one came */
  const char *finish_reason;
  const char *finish_message;
  const char *block_reason;
  const char *block_message;
  const Vertexd__V1__TokenCount *usage; /* may be NULL */
};

/* CB_OK if there is content; PROMPT_BLOCKED, ANSWER_BLOCKED or ANSWER_EMPTY. */
struct cb_status vtx_end_status(const struct vtx_end *end,
                                struct cb_arena *arena);

struct vtx_end_json {
  const char *text;
  size_t size;
  const char *finish_reason;
  bool calls_function; /* then no text is no failure: JSON comes later */
  const Vertexd__V1__TokenCount *usage;
  const struct vtx_wants *wants;
};

/* *ret_json is the JSON in text, from arena; JSON_INVALID if there is none,
 * vtx_answer_full(). Where a check is wanted also JSON_SCHEMA_MISMATCH or
 * JSON_SCHEMA_TOO_COSTLY. */
struct cb_status vtx_end_json(const struct vtx_end_json *end,
                              struct cb_arena *arena, char **ret_json);

#endif
