/* summary.h - the count of what came of a call's prompts.
 *
 * Threads:   none inside; the crpc loop's.
 * Ownership: plain memory of its owner; reasons are copied in.
 */
#ifndef VTX_SUMMARY_H
#define VTX_SUMMARY_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "service/limits.h"
#include "service/reasons.h"
#include "vertexd/v1/vertexd.pb-c.h"

/* One kind of failure. */
struct vtx_failure {
  enum cb_code code;
  char reason[VTX_REASON_MAX + 1];
  uint32_t count;
};

/* Kinds are few: what upstream and service have reasons for. Kinds past the
 * last are counted in failed alone. */
#define VTX_SUMMARY_KINDS 64

struct vtx_summary {
  uint32_t total;
  uint32_t done;
  uint32_t failed;
  int64_t prompt_tokens;
  int64_t completion_tokens;
  int64_t total_tokens;
  size_t kind_count;
  struct vtx_failure kinds[VTX_SUMMARY_KINDS];
};

void vtx_summary_init(struct vtx_summary *summary, uint32_t total);

/* One answer; tokens may be NULL. */
void vtx_summary_answer(struct vtx_summary *summary,
                        const Vertexd__V1__TokenCount *tokens);

/* count failures of one kind. */
void vtx_summary_failure(struct vtx_summary *summary, enum cb_code code,
                         const char *reason, uint32_t count);

/* A BatchSummary with all it points to. Not to be copied once filled. */
struct vtx_summary_message {
  Vertexd__V1__BatchSummary summary;
  Google__Protobuf__Duration duration;
  Vertexd__V1__FailureCount failures[VTX_FAILURE_KINDS];
  Vertexd__V1__FailureCount *failure_list[VTX_FAILURE_KINDS];
};

/* Fills *message; failures most frequent first, the VTX_FAILURE_KINDS first of
 * them. Sorts the kinds of summary, whose texts the message borrows. */
void vtx_summary_fill(struct vtx_summary *summary, int64_t duration,
                      int32_t max_concurrency,
                      struct vtx_summary_message *message);

/* The most bytes that a filled message takes within another. */
size_t vtx_summary_max_size(void);

#endif
