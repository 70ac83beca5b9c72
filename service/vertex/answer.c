#include "service/vertex/answer.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/json_scan.h"
#include "base/utf8.h"
#include "service/vertex/answer_end.h"
#include "service/vertex/reasons.h"
#include "service/vertex/repair.h"

#define BLOCKED_REASON \
  vertexd__v1__generate_response__prompt_feedback__blocked_reason__descriptor

typedef Vertexd__V1__GenerateResponse generate_response;
typedef Vertexd__V1__Candidate candidate;
typedef Vertexd__V1__Part part;

/* --- text ---------------------------------------------------------------- */

static bool is_text(const part *piece) {
  return piece->data_case == VERTEXD__V1__PART__DATA_TEXT;
}

/* The text that counts: of parts that are not thoughts. */
static const char *spoken(const part *piece) {
  return is_text(piece) && !piece->thought ? piece->text : "";
}

char *vtx_answer_text(const generate_response *response,
                      struct cb_arena *arena) {
  const Vertexd__V1__Content *content =
      response->n_candidates > 0 ? response->candidates[0]->content : NULL;
  size_t count = content ? content->n_parts : 0;
  size_t size = 0;
  char *text;
  char *at;

  for (size_t i = 0; i < count; i++)
    size += strlen(spoken(content->parts[i]));
  text = cb_arena_alloc(arena, size + 1);
  if (!text) return NULL;
  at = text;
  for (size_t i = 0; i < count; i++) {
    const char *piece = spoken(content->parts[i]);
    size_t length = strlen(piece);

    memcpy(at, piece, length);
    at += length;
  }
  *at = '\0';
  return text;
}

/* --- counts -------------------------------------------------------------- */

static int64_t not_negative(int32_t count) { return count > 0 ? count : 0; }

static int32_t clamp(int64_t count) {
  return count > INT32_MAX ? INT32_MAX : (int32_t)count;
}

static void take_counter(int64_t *counter, int32_t latest) {
  if (latest > 0) *counter = latest;
}

void vtx_usage_note(struct vtx_usage *usage,
                    const generate_response *response) {
  const Vertexd__V1__GenerateResponse__UsageMetadata *latest =
      response->usage_metadata;
  int64_t tools = 0;

  if (!latest) return;
  take_counter(&usage->prompt, latest->prompt_token_count);
  take_counter(&usage->candidates, latest->candidates_token_count);
  take_counter(&usage->thoughts, latest->thoughts_token_count);
  take_counter(&usage->total, latest->total_token_count);
  for (size_t i = 0; i < latest->n_tool_use_prompt_tokens_details; i++)
    tools +=
        not_negative(latest->tool_use_prompt_tokens_details[i]->token_count);
  if (tools > 0) usage->tools = tools;
  take_counter(&usage->tools, latest->tool_use_prompt_token_count);
}

bool vtx_usage_known(const struct vtx_usage *usage) {
  return usage->prompt > 0 || usage->candidates > 0 || usage->thoughts > 0 ||
         usage->total > 0;
}

/* total = prompt + candidates + thoughts + tool use. Where the total is there,
 * what the others leave of it is tool use: its own counter is not always. */
void vtx_usage_count(const struct vtx_usage *usage,
                     Vertexd__V1__TokenCount *ret_count) {
  int64_t known = usage->prompt + usage->candidates + usage->thoughts;
  int64_t tools = usage->tools;
  int64_t completion = usage->candidates + usage->thoughts;

  if (usage->prompt > 0 && usage->total > known) tools = usage->total - known;
  vertexd__v1__token_count__init(ret_count);
  ret_count->prompt_tokens = clamp(usage->prompt + tools);
  ret_count->completion_tokens = clamp(completion);
  ret_count->total_tokens =
      clamp(usage->total > 0 ? usage->total : known + tools);
}

Vertexd__V1__TokenCount *vtx_answer_tokens(const generate_response *response,
                                           struct cb_arena *arena) {
  struct vtx_usage usage = {0};
  Vertexd__V1__TokenCount *count;

  vtx_usage_note(&usage, response);
  if (!vtx_usage_known(&usage)) return NULL;
  count = cb_arena_alloc(arena, sizeof *count);
  if (count) vtx_usage_count(&usage, count);
  return count;
}

/* --- what the upstream said in words ------------------------------------- */

/* The text of a noted enum string: the JSON without its quotes. */
static const char *noted_word(const struct vtx_codec_notes *notes,
                              const char *path, struct cb_arena *arena) {
  for (const struct vtx_unrecognized *at = notes->first; at; at = at->next) {
    size_t size = strlen(at->json);
    const char *word;

    if (strcmp(at->path, path) != 0) continue;
    if (size < 2 || at->json[0] != '"') return at->json;
    word = cb_arena_memdup(arena, at->json + 1, size - 2);
    return word ? word : "";
  }
  return "";
}

static const char *enum_word(const ProtobufCEnumDescriptor *descriptor,
                             int number) {
  const ProtobufCEnumValue *value =
      protobuf_c_enum_descriptor_get_value(descriptor, number);

  return value && number != 0 ? value->name : "";
}

const char *vtx_finish_word(const generate_response *response,
                            const struct vtx_codec_notes *notes,
                            struct cb_arena *arena) {
  const candidate *first =
      response->n_candidates > 0 ? response->candidates[0] : NULL;

  if (first && first->finish_reason != 0)
    return enum_word(&vertexd__v1__candidate__finish_reason__descriptor,
                     (int)first->finish_reason);
  return noted_word(notes, "candidates[0].finishReason", arena);
}

const char *vtx_block_word(const generate_response *response,
                           const struct vtx_codec_notes *notes,
                           struct cb_arena *arena) {
  const Vertexd__V1__GenerateResponse__PromptFeedback *feedback =
      response->prompt_feedback;

  if (feedback && feedback->block_reason != 0)
    return enum_word(&BLOCKED_REASON, (int)feedback->block_reason);
  return noted_word(notes, "promptFeedback.blockReason", arena);
}

/* --- content ------------------------------------------------------------- */

/* A part that the contract does not know is content too; it shows in the
 * notes alone. */
static bool unknown_part(const struct vtx_codec_notes *notes) {
  for (const struct vtx_unrecognized *at = notes->first; at; at = at->next) {
    if (strncmp(at->path, "candidates[", 11) == 0 &&
        strstr(at->path, "].content.parts["))
      return true;
  }
  return false;
}

static bool is_content(const part *piece) {
  if (is_text(piece)) return *piece->text != '\0';
  return piece->data_case != VERTEXD__V1__PART__DATA__NOT_SET ||
         piece->audio_transcription;
}

bool vtx_answer_has_content(const generate_response *response,
                            const struct vtx_codec_notes *notes) {
  for (size_t i = 0; i < response->n_candidates; i++) {
    const Vertexd__V1__Content *content = response->candidates[i]->content;

    for (size_t j = 0; content && j < content->n_parts; j++) {
      if (is_content(content->parts[j])) return true;
    }
  }
  return unknown_part(notes);
}

bool vtx_answer_calls_function(const generate_response *response) {
  const Vertexd__V1__Content *content =
      response->n_candidates > 0 ? response->candidates[0]->content : NULL;

  for (size_t i = 0; content && i < content->n_parts; i++) {
    if (content->parts[i]->data_case == VERTEXD__V1__PART__DATA_FUNCTION_CALL)
      return true;
  }
  return false;
}

/* --- the own fields ------------------------------------------------------ */

bool vtx_answer_unrecognized(generate_response *response,
                             const struct vtx_codec_notes *notes,
                             struct cb_arena *arena) {
  size_t count = 0;
  size_t next = 0;
  Vertexd__V1__UnrecognizedField *fields;

  for (const struct vtx_unrecognized *at = notes->first; at; at = at->next)
    count++;
  if (count == 0) return true;
  fields = cb_arena_zalloc(arena, count, sizeof *fields);
  response->unrecognized =
      cb_arena_zalloc(arena, count, sizeof *response->unrecognized);
  if (!fields || !response->unrecognized) return false;
  for (const struct vtx_unrecognized *at = notes->first; at; at = at->next) {
    Vertexd__V1__UnrecognizedField *field = &fields[next];

    vertexd__v1__unrecognized_field__init(field);
    field->path = (char *)(uintptr_t)at->path;
    field->json = (char *)(uintptr_t)at->json;
    response->unrecognized[next++] = field;
  }
  response->n_unrecognized = count;
  return true;
}

bool vtx_answer_own_fields(generate_response *response,
                           const struct vtx_wants *wants,
                           const struct vtx_codec_notes *notes,
                           struct cb_arena *arena) {
  const char *word = vtx_finish_word(response, notes, arena);

  response->text = vtx_answer_text(response, arena);
  response->finish_reason_text = cb_arena_strdup(arena, word);
  response->id = cb_arena_strdup(arena, wants->id ? wants->id : "");
  return response->text && response->finish_reason_text && response->id &&
         vtx_answer_unrecognized(response, notes, arena);
}

/* Nothing may point to NULL when the message is packed after a failure. */
static void mend(generate_response *response) {
  char *empty = (char *)(uintptr_t)protobuf_c_empty_string;

  if (!response->text) response->text = empty;
  if (!response->finish_reason_text) response->finish_reason_text = empty;
  if (!response->id) response->id = empty;
  if (!response->unrecognized) response->n_unrecognized = 0;
}

static struct cb_status check_end(const generate_response *response,
                                  const struct vtx_codec_notes *notes,
                                  struct cb_arena *arena) {
  const candidate *first =
      response->n_candidates > 0 ? response->candidates[0] : NULL;
  struct vtx_end end = {
      .content = vtx_answer_has_content(response, notes),
      .candidates = response->n_candidates > 0,
      .finish_reason = response->finish_reason_text,
      .finish_message =
          first && first->finish_message ? first->finish_message : "",
      .block_reason = vtx_block_word(response, notes, arena),
      .block_message = response->prompt_feedback
                           ? response->prompt_feedback->block_reason_message
                           : "",
      .usage = response->token_count,
  };

  return vtx_end_status(&end, arena);
}

struct cb_status vtx_answer_finish(generate_response *response,
                                   const struct vtx_wants *wants,
                                   const struct vtx_codec_notes *notes,
                                   struct cb_arena *arena) {
  struct cb_status status;
  struct vtx_end_json json = {.text = "", .wants = wants};

  if (!vtx_answer_own_fields(response, wants, notes, arena)) {
    mend(response);
    return vtx_answer_full(arena, arena);
  }
  response->token_count = vtx_answer_tokens(response, arena);
  if (wants->repaired) vtx_repair_count(wants, response->token_count);
  if (cb_arena_exhausted(arena)) return vtx_answer_full(arena, arena);
  status = check_end(response, notes, arena);
  if (status.code != CB_OK || !wants->json) return status;
  json.text = response->text;
  json.size = strlen(response->text);
  json.finish_reason = response->finish_reason_text;
  json.calls_function = vtx_answer_calls_function(response);
  json.usage = response->token_count;
  return vtx_end_json(&json, arena, &response->json);
}
