/* answer.h - from Google's response to the contract's: text, json, counts, and
 * the one rule for empty answers.
 *
 * Threads: none inside; works on one answer.
 */
#ifndef VTX_VERTEX_ANSWER_H
#define VTX_VERTEX_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "service/vertex/body.h"
#include "service/vertex/codec.h"
#include "vertexd/v1/vertexd.pb-c.h"

struct cb_arena;

/* Fills the own fields of a whole response that was decoded into arena: text,
 * json, finish_reason_text, token_count, id, unrecognized. Texts come from
 * arena. Returns FAILED_PRECONDITION with PROMPT_BLOCKED, ANSWER_BLOCKED or
 * ANSWER_EMPTY (upstream's reason and usage in metadata), or INTERNAL with
 * JSON_INVALID (text in metadata up to 1,000 bytes) or JSON_SCHEMA_MISMATCH
 * (json_path, expected and found as well), RESOURCE_EXHAUSTED with
 * JSON_SCHEMA_TOO_COSTLY, with RESPONSE_TOO_LARGE past arena's cap, or with
 * SERVER_MEMORY when its budget is used up. Content in any candidate counts,
 * and a part that the contract does not know is content. Where JSON is wanted
 * and the answer is a function call without text, json stays empty: it comes
 * after the call. */
struct cb_status vtx_answer_finish(Vertexd__V1__GenerateResponse *response,
                                   const struct vtx_wants *wants,
                                   const struct vtx_codec_notes *notes,
                                   struct cb_arena *arena);

/* Text of candidate 0, thoughts left out; "" if none. */
char *vtx_answer_text(const Vertexd__V1__GenerateResponse *response,
                      struct cb_arena *arena);

/* token_count from usageMetadata: completion includes thoughts, prompt
 * includes tool use (what the total has beyond the other counters). NULL if
 * there is no usable usage: no counter above 0. */
Vertexd__V1__TokenCount *vtx_answer_tokens(
    const Vertexd__V1__GenerateResponse *response, struct cb_arena *arena);

/* The exact text of the outermost JSON value in text, nested at most 1,024
 * deep: the whole text if it is one value; else what the first code fence
 * around one value holds; else the first object or array among the prose. So
 * strings, numbers and words count only where nothing else stands beside them.
 *
 * Of a bracket in prose that begins no JSON the text up to its counterpart is
 * passed over, that an inner part of something broken is never taken for the
 * answer. A value, or a fence, that the text's end cuts off means that there is
 * none. The search ends with the 16th bracket without counterpart, or when 16
 * MiB were gone through to look for one. Time grows with size, whatever the
 * text. False if there is none. */
bool vtx_answer_json(const char *text, size_t size, const char **ret_json,
                     size_t *ret_size);

/* Counters of usageMetadata, as the upstream gives them. */
struct vtx_usage {
  int64_t prompt;
  int64_t candidates;
  int64_t thoughts;
  int64_t tools; /* toolUsePromptTokenCount, or its details summed */
  int64_t total;
};

/* What a stream leaves behind, chunk by chunk. */
struct vtx_stream_answer {
  const struct vtx_wants *wants;
  struct cb_buf text; /* kept only where JSON is wanted */
  bool candidate_seen;
  bool content_seen;
  bool function_called;
  bool finish_seen;
  bool blocked;           /* the prompt was */
  char finish_reason[64]; /* the last one of candidate 0 */
  char block_reason[64];
  char finish_message[256]; /* in words, cut where they are too long */
  char block_message[256];
  struct vtx_usage usage; /* the latest of each counter that came */
};

struct cb_budget;

void vtx_stream_answer_init(struct vtx_stream_answer *answer,
                            const struct vtx_wants *wants, size_t max_text,
                            struct cb_budget *budget);
void vtx_stream_answer_release(struct vtx_stream_answer *answer);

/* Fills the own fields of one chunk (text, finish_reason_text, unrecognized)
 * and notes what it brought. RESPONSE_TOO_LARGE past arena's cap, or max_text
 * where JSON is wanted; SERVER_MEMORY when a budget is used up. */
struct cb_status vtx_stream_answer_chunk(struct vtx_stream_answer *answer,
                                         Vertexd__V1__GenerateResponse *chunk,
                                         const struct vtx_codec_notes *notes,
                                         struct cb_arena *arena);

/* The stream has ended well: makes the last message (json, token_count,
 * finish_reason_text, id) in arena. Errors: UNAVAILABLE with
 * UPSTREAM_TRUNCATED (no finish reason ever came), and those of
 * vtx_answer_finish(). */
struct cb_status vtx_stream_answer_finish(
    struct vtx_stream_answer *answer, struct cb_arena *arena,
    Vertexd__V1__GenerateResponse **ret_last);

#endif
