#include "service/vertex/answer_end.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "service/vertex/body_schema.h"
#include "service/vertex/reasons.h"
#include "service/vertex/schema_check.h"

#define MAX_SHOWN_TEXT 1000

/* --- empty answers ------------------------------------------------------- */

static void add_text(struct cb_status *status, struct cb_arena *arena,
                     const char *key, const char *value) {
  if (value && *value) cb_status_add(status, arena, key, value);
}

static void add_count(struct cb_status *status, struct cb_arena *arena,
                      const char *key, int32_t count) {
  char text[16];

  snprintf(text, sizeof text, "%d", count);
  cb_status_add(status, arena, key, text);
}

static void add_usage(struct cb_status *status, struct cb_arena *arena,
                      const Vertexd__V1__TokenCount *usage) {
  if (!usage) return;
  add_count(status, arena, "prompt_tokens", usage->prompt_tokens);
  add_count(status, arena, "completion_tokens", usage->completion_tokens);
  add_count(status, arena, "total_tokens", usage->total_tokens);
}

/* Reasons that mean a filter took the answer; the rest are the model's own. */
static bool is_filter(const char *finish_reason) {
  static const char *const filters[] = {
      "SAFETY",       "RECITATION",       "BLOCKLIST",
      "SPII",         "MODEL_ARMOR",      "PROHIBITED_CONTENT",
      "IMAGE_SAFETY", "IMAGE_RECITATION", "IMAGE_PROHIBITED_CONTENT"};

  for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
    if (strcmp(filters[i], finish_reason) == 0) return true;
  }
  return false;
}

static struct cb_status blocked_prompt(const struct vtx_end *end,
                                       struct cb_arena *arena) {
  const char *more = end->block_message ? end->block_message : "";

  return vtx_fail(arena, VTX_PROMPT_BLOCKED, "the prompt was blocked: %s%s%s",
                  *end->block_reason ? end->block_reason : "no reason given",
                  *more ? ": " : "", more);
}

static struct cb_status empty_answer(const struct vtx_end *end,
                                     struct cb_arena *arena) {
  const char *more = end->finish_message;

  if (is_filter(end->finish_reason))
    return vtx_fail(arena, VTX_ANSWER_BLOCKED, "the answer was blocked: %s%s%s",
                    end->finish_reason, *more ? ": " : "", more);
  if (!end->candidates)
    return vtx_fail(arena, VTX_ANSWER_EMPTY, "the model gave no candidate");
  if (strcmp(end->finish_reason, "MAX_TOKENS") == 0)
    return vtx_fail(arena, VTX_ANSWER_EMPTY,
                    "the answer is empty: max_output_tokens was used up "
                    "(thinking counts) before its first word");
  return vtx_fail(
      arena, VTX_ANSWER_EMPTY, "the answer is empty: %s%s%s",
      *end->finish_reason ? end->finish_reason : "no finish reason given",
      *more ? ": " : "", more);
}

struct cb_status vtx_end_status(const struct vtx_end *end,
                                struct cb_arena *arena) {
  struct cb_status status;

  if (end->content) return cb_status_ok();
  status = *end->block_reason ? blocked_prompt(end, arena)
                              : empty_answer(end, arena);
  status.finish_reason = end->finish_reason;
  add_text(&status, arena, "block_reason", end->block_reason);
  add_text(&status, arena, "block_reason_message", end->block_message);
  add_text(&status, arena, "finish_reason", end->finish_reason);
  add_text(&status, arena, "finish_message", end->finish_message);
  add_usage(&status, arena, end->usage);
  return status;
}

/* --- JSON ---------------------------------------------------------------- */

/* What every failure of a JSON answer tells, besides its own. */
static void add_answer(struct cb_status *status, const struct vtx_end_json *end,
                       struct cb_arena *arena) {
  size_t shown = cb_utf8_cut(end->text, end->size, MAX_SHOWN_TEXT);
  const char *text = cb_arena_memdup(arena, end->text, shown);

  status->finish_reason = end->finish_reason;
  add_text(status, arena, "finish_reason", end->finish_reason);
  add_usage(status, arena, end->usage);
  if (end->wants->repaired) cb_status_add(status, arena, "repaired", "true");
  if (text) cb_status_add(status, arena, "text", text);
}

static struct cb_status no_json(const struct vtx_end_json *end,
                                struct cb_arena *arena) {
  bool cut = strcmp(end->finish_reason, "MAX_TOKENS") == 0;
  struct cb_status status = vtx_fail(
      arena, VTX_JSON_INVALID,
      "JSON was asked for, but the answer is none (finish reason %s%s)",
      *end->finish_reason ? end->finish_reason : "not given",
      cut ? ": it was cut off" : "");

  add_answer(&status, end, arena);
  return status;
}

static struct cb_status misfit(const struct vtx_end_json *end,
                               const struct vtx_schema_mismatch *mismatch,
                               struct cb_arena *arena) {
  struct cb_status status =
      vtx_fail(arena, VTX_JSON_SCHEMA_MISMATCH,
               "the JSON of the answer does not fit its schema: %s: expected "
               "%s, got %s",
               mismatch->path, mismatch->expected, mismatch->found);

  add_text(&status, arena, "json_path", mismatch->path);
  add_text(&status, arena, "expected", mismatch->expected);
  add_text(&status, arena, "found", mismatch->found);
  add_answer(&status, end, arena);
  return status;
}

static struct cb_status too_costly(const struct vtx_end_json *end,
                                   struct cb_arena *arena) {
  struct cb_status status = vtx_fail(
      arena, VTX_JSON_SCHEMA_TOO_COSTLY,
      "checking the answer against its schema would take too long; with "
      "check_json = false it would come unchecked");

  add_answer(&status, end, arena);
  return status;
}

/* Does the JSON fit the schema in force? */
static struct cb_status check_schema(const struct vtx_end_json *end,
                                     const char *json, size_t size,
                                     struct cb_arena *scratch,
                                     struct cb_arena *arena) {
  struct vtx_schema_text schema = {NULL, NULL, 0};
  struct vtx_schema_mismatch mismatch;
  struct cb_status status = vtx_schema_in_force(
      end->wants->request, end->wants->defaults, scratch, &schema);
  struct vtx_schema_source source;

  if (status.code != CB_OK) return vtx_status_copy(&status, arena);
  if (!schema.json) return status;
  source = (struct vtx_schema_source){
      schema.json, schema.size, strcmp(schema.name, "responseSchema") == 0, 0};
  switch (vtx_schema_check_value(&source, json, size, scratch, &mismatch)) {
    case VTX_SCHEMA_DIFFERS:
      return misfit(end, &mismatch, arena);
    case VTX_SCHEMA_COSTLY:
      return too_costly(end, arena);
    case VTX_SCHEMA_FITS:
      break;
  }
  return status;
}

struct cb_status vtx_end_json(const struct vtx_end_json *end,
                              struct cb_arena *arena, char **ret_json) {
  struct cb_status status = cb_status_ok();
  struct cb_arena *scratch;
  const char *found;
  size_t size;
  char *json;

  if (end->size == 0 && end->calls_function) return status;
  if (!vtx_answer_json(end->text, end->size, &found, &size))
    return no_json(end, arena);
  if (end->wants->check_json) {
    scratch = cb_arena_new(cb_arena_budget(arena), 2 * VTX_SCHEMA_MEMORY, 0);
    if (!scratch) return vtx_no_memory("no memory to check the answer");
    status = check_schema(end, found, size, scratch, arena);
    cb_arena_free(scratch);
    if (status.code != CB_OK) return status;
  }
  json = cb_arena_memdup(arena, found, size);
  if (!json) return vtx_answer_full(arena, arena);
  *ret_json = json;
  return status;
}
