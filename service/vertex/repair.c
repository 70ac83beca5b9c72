#include "service/vertex/repair.h"

#include <string.h>

#include "base/arena.h"
#include "service/vertex/body.h"
#include "service/vertex/merge.h"
#include "service/vertex/reasons.h"

#define CLOSING \
  "Reply with the corrected JSON only: no explanation, no code fence."

bool vtx_repair_applies(const struct vtx_wants *wants,
                        const struct cb_status *status) {
  return wants->repair_json && wants->json && !wants->repaired &&
         (vtx_reason_is(status, VTX_JSON_INVALID) ||
          vtx_reason_is(status, VTX_JSON_SCHEMA_MISMATCH)) &&
         strcmp(status->finish_reason, "MAX_TOKENS") != 0;
}

static const char *told(const struct cb_status *status, const char *key) {
  for (size_t i = 0; i < status->metadata_count; i++) {
    if (strcmp(status->metadata[i].key, key) == 0)
      return status->metadata[i].value;
  }
  return "";
}

static char *complaint(const struct cb_status *status, struct cb_arena *arena) {
  if (vtx_reason_is(status, VTX_JSON_INVALID))
    return cb_arena_printf(arena, "Your last answer is not valid JSON. %s",
                           CLOSING);
  return cb_arena_printf(
      arena,
      "The JSON of your last answer does not fit the schema that was asked "
      "for: at %s expected %s, but got %s. %s",
      told(status, "json_path"), told(status, "expected"),
      told(status, "found"), CLOSING);
}

struct vtx_repair *vtx_repair_make(
    const Vertexd__V1__GenerateResponse *response,
    const struct cb_status *status, struct cb_arena *arena) {
  struct vtx_repair *repair = cb_arena_alloc(arena, sizeof *repair);

  if (!repair) return NULL;
  vertexd__v1__token_count__init(&repair->spent);
  if (response->token_count) repair->spent = *response->token_count;
  repair->answer = cb_arena_strdup(arena, response->text);
  repair->words = complaint(status, arena);
  return repair->answer && repair->words ? repair : NULL;
}

void vtx_repair_count(const struct vtx_wants *wants,
                      Vertexd__V1__TokenCount *count) {
  const Vertexd__V1__TokenCount *spent = wants->spent;

  if (!count || !spent) return;
  count->prompt_tokens =
      vtx_usage_sum(count->prompt_tokens, spent->prompt_tokens);
  count->completion_tokens =
      vtx_usage_sum(count->completion_tokens, spent->completion_tokens);
  count->total_tokens = vtx_usage_sum(count->total_tokens, spent->total_tokens);
}
