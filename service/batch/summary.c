#include "service/batch/summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/duration.h"

void vtx_summary_init(struct vtx_summary *summary, uint32_t total) {
  *summary = (struct vtx_summary){.total = total};
}

void vtx_summary_answer(struct vtx_summary *summary,
                        const Vertexd__V1__TokenCount *tokens) {
  summary->done++;
  if (!tokens) return;
  summary->prompt_tokens += tokens->prompt_tokens;
  summary->completion_tokens += tokens->completion_tokens;
  summary->total_tokens += tokens->total_tokens;
}

static struct vtx_failure *find_kind(struct vtx_summary *summary,
                                     enum cb_code code, const char *reason) {
  struct vtx_failure *kind;

  for (size_t i = 0; i < summary->kind_count; i++) {
    kind = &summary->kinds[i];
    if (kind->code == code &&
        strncmp(kind->reason, reason, VTX_REASON_MAX) == 0) {
      return kind;
    }
  }
  if (summary->kind_count == VTX_SUMMARY_KINDS) return NULL;
  kind = &summary->kinds[summary->kind_count++];
  *kind = (struct vtx_failure){.code = code};
  snprintf(kind->reason, sizeof kind->reason, "%s", reason);
  return kind;
}

void vtx_summary_failure(struct vtx_summary *summary, enum cb_code code,
                         const char *reason, uint32_t count) {
  struct vtx_failure *kind = find_kind(summary, code, reason);

  summary->done += count;
  summary->failed += count;
  if (kind) kind->count += count;
}

/* Most frequent first; among equals by code and reason, so that the same
 * failures always read the same. */
static int compare(const void *left, const void *right) {
  const struct vtx_failure *a = left;
  const struct vtx_failure *b = right;

  if (a->count != b->count) return a->count > b->count ? -1 : 1;
  if (a->code != b->code) return a->code < b->code ? -1 : 1;
  return strcmp(a->reason, b->reason);
}

void vtx_summary_fill(struct vtx_summary *summary, int64_t duration,
                      int32_t max_concurrency,
                      struct vtx_summary_message *message) {
  Vertexd__V1__BatchSummary *out = &message->summary;
  size_t count = summary->kind_count;

  qsort(summary->kinds, count, sizeof *summary->kinds, compare);
  if (count > VTX_FAILURE_KINDS) count = VTX_FAILURE_KINDS;
  for (size_t i = 0; i < count; i++) {
    vertexd__v1__failure_count__init(&message->failures[i]);
    message->failures[i].code =
        (Vertexd__V1__Error__Code)summary->kinds[i].code;
    message->failures[i].reason = summary->kinds[i].reason;
    message->failures[i].count = (int32_t)summary->kinds[i].count;
    message->failure_list[i] = &message->failures[i];
  }
  vertexd__v1__batch_summary__init(out);
  message->duration = vtx_duration_make(duration);
  out->total = (int32_t)summary->total;
  out->succeeded = (int32_t)(summary->done - summary->failed);
  out->failed = (int32_t)summary->failed;
  out->n_failures = count;
  out->failures = message->failure_list;
  out->prompt_tokens = summary->prompt_tokens;
  out->completion_tokens = summary->completion_tokens;
  out->total_tokens = summary->total_tokens;
  out->duration = &message->duration;
  out->max_concurrency = max_concurrency;
}

/* Ten-byte varints with their tags for eight fields, one Duration, one row per
 * kind (code, reason, count), tag and length of the whole. */
size_t vtx_summary_max_size(void) {
  size_t row = 2 + 2 + (2 + VTX_REASON_MAX) + 11;

  return 8 * 11 + 24 + VTX_FAILURE_KINDS * row + 6;
}
