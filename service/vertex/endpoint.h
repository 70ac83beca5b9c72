/* endpoint.h - from a model's name to a URL.
 *
 * Location and model steer where a credential is sent, so nothing but the
 * characters that Google's names have is let through.
 *
 * Threads: safe from any after vtx_endpoint_init().
 */
#ifndef VTX_VERTEX_ENDPOINT_H
#define VTX_VERTEX_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

struct cb_arena;

enum vtx_verb {
  VTX_GENERATE,        /* :generateContent */
  VTX_STREAM_GENERATE, /* :streamGenerateContent?alt=sse */
  VTX_COUNT_TOKENS,    /* :countTokens */
};

/* Where requests go; all texts borrowed. */
struct vtx_endpoint {
  const char *base_url; /* scheme://host[:port][/prefix], NULL: Google's */
  const char *project;  /* NULL or "": express paths */
  const char *location; /* "global", "us", "eu", a region */
  const char *universe; /* domain of Google's hosts; NULL: googleapis.com */
};

/* Checks project ([a-z0-9:.-]), location ([a-z0-9-]{1,32}) and base_url (http
 * or https, a host, no query, user or fragment). INVALID_ARGUMENT with field
 * "project", "location" or "base_url". Texts from arena. */
struct cb_status vtx_endpoint_check(const struct vtx_endpoint *endpoint,
                                    struct cb_arena *arena);

/* Turns a model's name into its resource path, as Google's SDK does:
 * "m" -> publishers/google/models/m, "vendor/m" -> publishers/vendor/models/m,
 * "publishers/..." and "models/..." as they are, behind
 * projects/P/locations/L/; "projects/..." and "endpoints/ID" too. Accepts
 * [A-Za-z0-9._@/-] only, at most 512 bytes, no ".." and no empty segment; a
 * projects/ path must name the configured project. A tuned endpoint's location
 * comes from its name. INVALID_ARGUMENT with field "model". */
struct cb_status vtx_endpoint_url(const struct vtx_endpoint *endpoint,
                                  const char *model, enum vtx_verb verb,
                                  struct cb_arena *arena, char **ret_url);

/* Room for a target's name. */
#define VTX_TARGET_ROOM 640

/* Writes the name under which all requests for model share a quota: its
 * location and resource, the same for all ways to write it. "" for what is no
 * model's name. */
void vtx_endpoint_target(const struct vtx_endpoint *endpoint, const char *model,
                         char out[VTX_TARGET_ROOM]);

#endif
