/* endpoint_internal.h - what the halves of the endpoint share. Not for others.
 *
 * Threads: safe from any; keeps nothing.
 */
#ifndef VTX_VERTEX_ENDPOINT_INTERNAL_H
#define VTX_VERTEX_ENDPOINT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "service/vertex/endpoint.h"

/* A part of a name, not terminated. */
struct vtx_segment {
  const char *text;
  size_t size;
};

static inline bool vtx_segment_is(const struct vtx_segment *segment,
                                  const char *text) {
  return segment->size == strlen(text) &&
         memcmp(segment->text, text, segment->size) == 0;
}

/* True if text has ASCII letters, digits and characters of also only. */
bool vtx_endpoint_all_in(const char *text, size_t size, const char *also);

/* Why the endpoint's base_url cannot be one, NULL if it can. */
const char *vtx_endpoint_base_wrong(const struct vtx_endpoint *endpoint);

/* Scheme and host (and prefix) for a checked location, without a slash behind;
 * *ret_base is NULL if arena is full. False if the location makes no URL of
 * the endpoint's base_url. */
bool vtx_endpoint_base(const struct vtx_endpoint *endpoint,
                       const struct vtx_segment *location,
                       struct cb_arena *arena, char **ret_base);

#endif
