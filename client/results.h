/* results.h - calls that bring results: batch, map, pipe. Internal to the
 * client library.
 *
 * Each of them has a response type of its own, all with the same events: a
 * result, progress, and at the end the summary. What they do with them is here.
 *
 * Threads:   the client's.
 * Ownership: a call is a struct vertexd_pending with more behind it, and goes
 *            as that does; vertexd_results_over() frees it.
 */
#ifndef VERTEXD_RESULTS_H
#define VERTEXD_RESULTS_H

#include <stddef.h>
#include <stdint.h>

#include "client/client_internal.h"

/* The summary is the last message of a good stream of results; done wants it
 * together with the status, so its bytes are kept until the outcome is
 * there. */
struct vertexd_kept_summary {
  uint8_t *bytes; /* NULL: none came */
  size_t size;
};

/* A call under way; a kind that needs more embeds it as its first member. */
struct vertexd_results {
  struct vertexd_pending pending;
  struct vertexd_batch_events events;
  struct vertexd_kept_summary summary;
};

/* One message, whatever its type: at most one of these, none for an event of a
 * newer server. They are borrowed. */
struct vertexd_results_event {
  const vertexd_ItemResult *result;
  const vertexd_BatchProgress *progress;
  const vertexd_BatchSummary *summary;
};

/* The event in a message of that type (its short name). */
#define VERTEXD_RESULTS_EVENT(type, message)                     \
  ((struct vertexd_results_event){                               \
      .result = (message)->event_case == type##_EVENT_RESULT     \
                    ? (message)->result                          \
                    : NULL,                                      \
      .progress = (message)->event_case == type##_EVENT_PROGRESS \
                      ? (message)->progress                      \
                      : NULL,                                    \
      .summary = (message)->event_case == type##_EVENT_SUMMARY   \
                     ? (message)->summary                        \
                     : NULL,                                     \
  })

/* Hands a result or progress to the user, keeps a summary for later. */
void vertexd_results_take(struct vertexd_results *results,
                          struct vertexd_results_event event);

/* The done event of every such call, whose ctx is its struct vertexd_results:
 * calls the user's done, and frees the call. Where the status is good but there
 * is no summary, done gets DATA_LOSS, SUMMARY_MISSING. */
void vertexd_results_over(void *ctx, const struct crpc_outcome *outcome);

#endif
