/* upstream_detail.h - what stands in Google's error envelope, gathered. Not
 * for others than upstream_error.c.
 *
 * Threads: none inside. Texts are copied to the arena; none is ever NULL.
 */
#ifndef VTX_VERTEX_UPSTREAM_DETAIL_H
#define VTX_VERTEX_UPSTREAM_DETAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct cb_arena;
struct json_object;

#define VTX_DETAIL_PAIRS 12
#define VTX_DETAIL_QUOTAS 8

struct vtx_upstream_detail {
  const char *message;
  const char *status;     /* "RESOURCE_EXHAUSTED" */
  const char *reason;     /* ErrorInfo's, or the legacy list's */
  const char *field;      /* BadRequest's first */
  const char *field_text; /* what it says of it */
  const char *debug;      /* DebugInfo.detail */
  int code;               /* error.code, 0 if none */
  bool html;
  int64_t retry_after; /* nanoseconds, -1 if not said */
  struct cb_pair pairs[VTX_DETAIL_PAIRS];
  size_t pair_count;
  struct cb_quota_violation *quota; /* in the arena */
  size_t quota_count;
};

void vtx_upstream_detail_init(struct vtx_upstream_detail *detail);

/* Reads error (an object, or a text as token servers write it) of the envelope
 * whole. What is of the wrong kind is passed over: an error must be told, not
 * judged. */
void vtx_upstream_detail_read(struct vtx_upstream_detail *detail,
                              struct json_object *error,
                              struct json_object *whole,
                              struct cb_arena *arena);

#endif
