/* table.h - limits that are configured for single models.
 *
 * An entry is for a model everywhere, or at one location; that one wins. A
 * target is "LOCATION/RESOURCE" (vtx_endpoint_target()), and an entry's model
 * is the end of it: "gemini-2.5-flash",
 * "publishers/google/models/gemini-2.5-flash" and "endpoints/123" all are such
 * ends. A tier behind it ("#flex") has the same limits, for itself.
 *
 * Threads:   built before any thread, then constant.
 * Ownership: a plain value; its texts belong to the arena it was built in.
 */
#ifndef VTX_QUOTA_TABLE_H
#define VTX_QUOTA_TABLE_H

#include <stddef.h>

#include "base/status.h"
#include "service/quota/gate.h"

struct cb_arena;

#define VTX_QUOTA_ENTRIES 256

/* The most that can be configured, here and for all targets. */
#define VTX_QUOTA_REQUESTS_MAX 1000000000
#define VTX_QUOTA_TOKENS_MAX 1000000000000

struct vtx_quota_entry {
  const char *model;
  const char *location; /* "": all */
  double requests;      /* a minute; 0: no limit */
  double tokens;        /* a minute; 0: no limit; negative: not given */
};

struct vtx_quota_table {
  struct vtx_quota_entry entries[VTX_QUOTA_ENTRIES];
  size_t count;
};

/* Builds the table from texts MODEL[:LOCATION]=REQUESTS[:TOKENS].
 * INVALID_ARGUMENT with field "model-quota": a text that is none of
 * that, a model and location given twice, more than VTX_QUOTA_ENTRIES; or out
 * of memory. */
struct cb_status vtx_quota_build(struct vtx_quota_table *table,
                                 const char *const *texts, size_t count,
                                 struct cb_arena *arena);

/* The limits of target: those of its entry, and what is not given there from
 * general. table may be NULL. */
struct vtx_gate_options vtx_quota_find(const struct vtx_quota_table *table,
                                       const char *target,
                                       const struct vtx_gate_options *general);

#endif
