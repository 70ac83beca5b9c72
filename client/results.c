#include "client/results.h"

#include <stdlib.h>

static void keep(struct vertexd_kept_summary *kept,
                 const vertexd_BatchSummary *summary) {
  size_t size = protobuf_c_message_get_packed_size(&summary->base);
  uint8_t *bytes = malloc(size + 1);

  if (!bytes) return;
  free(kept->bytes); /* a server sends one; a second would replace it */
  kept->bytes = bytes;
  kept->size = protobuf_c_message_pack(&summary->base, bytes);
}

/* The summary for done, to be freed by protobuf-c; NULL where *status is an
 * error, or becomes one because there is no summary. Frees what was kept. */
static vertexd_BatchSummary *unkeep(struct vertexd_kept_summary *kept,
                                    struct cb_status *status) {
  vertexd_BatchSummary *summary = NULL;

  if (status->code == CB_OK && kept->bytes)
    summary = vertexd__v1__batch_summary__unpack(NULL, kept->size, kept->bytes);
  if (status->code == CB_OK && !summary)
    *status = cb_status_make(CB_DATA_LOSS, "SUMMARY_MISSING",
                             "the stream ended without its summary");
  free(kept->bytes);
  kept->bytes = NULL;
  return summary;
}

void vertexd_results_take(struct vertexd_results *results,
                          struct vertexd_results_event event) {
  const struct vertexd_batch_events *events = &results->events;

  if (event.result) events->result(results->pending.ctx, event.result);
  if (event.progress && events->progress)
    events->progress(results->pending.ctx, event.progress);
  if (event.summary) keep(&results->summary, event.summary);
}

void vertexd_results_over(void *ctx, const struct crpc_outcome *outcome) {
  struct vertexd_results *results = ctx;
  struct cb_status status = outcome->status;
  vertexd_BatchSummary *summary = unkeep(&results->summary, &status);

  results->events.done(results->pending.ctx, summary, &status);
  if (summary) vertexd__v1__batch_summary__free_unpacked(summary, NULL);
  vertexd_pending_free(&results->pending);
}
