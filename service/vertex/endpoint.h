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

/* Where requests go; all texts borrowed. A copy with another location is the
 * same upstream there. */
struct vtx_endpoint {
  const char *base_url; /* scheme://host[:port][/prefix], NULL: Google's;
                           {location} in it stands for the call's */
  const char *project;  /* NULL or "": express paths */
  const char *location; /* "global", "us", "eu", a region */
  const char *universe; /* domain of Google's hosts; NULL: googleapis.com */
  const char *const *projects; /* that names may have besides project */
  size_t project_count;
  bool mtls; /* Google's hosts that want a certificate of the client */
  bool beta; /* v1beta1 instead of v1 */
};

/* Checks project and projects ([a-z0-9:.-]), location ([a-z0-9-]{1,32}) and
 * base_url (http or https, a host, no query, user or fragment; {location} in
 * the host only with a domain behind it, since callers may name locations).
 * INVALID_ARGUMENT with field "project", "projects", "location" or "base_url".
 * Texts from arena. */
struct cb_status vtx_endpoint_check(const struct vtx_endpoint *endpoint,
                                    struct cb_arena *arena);

/* Turns a model's name into its resource path, as Google's SDK does:
 * "m" -> publishers/google/models/m, "vendor/m" -> publishers/vendor/models/m,
 * "publishers/..." and "models/..." as they are, behind
 * projects/P/locations/L/; "projects/..." and "endpoints/ID" too. Accepts
 * [A-Za-z0-9._@/-] only, at most 512 bytes, no ".." and no empty segment; a
 * projects/ path must name the configured project or one of projects, and its
 * location is where it goes. INVALID_ARGUMENT with field "model"; SERVER_MEMORY
 * when arena is full. */
struct cb_status vtx_endpoint_url(const struct vtx_endpoint *endpoint,
                                  const char *model, enum vtx_verb verb,
                                  struct cb_arena *arena, char **ret_url);

/* Room for a target's name. */
#define VTX_TARGET_ROOM 640

/* Writes the name under which all requests for model share a quota: its
 * location and resource (and project, if it is not the endpoint's), the same
 * for all ways to write it. "" for what is no model's name. */
void vtx_endpoint_target(const struct vtx_endpoint *endpoint, const char *model,
                         char out[VTX_TARGET_ROOM]);

/* Completes the short name of a cache, as Google's SDK does: "ID" and
 * "cachedContents/ID" get projects/P/locations/L/ in front, "locations/..."
 * gets projects/P/; P and L are those of the request's address for model. All
 * else, and every name where the server has no project, is cache itself. NULL
 * when arena is full. */
const char *vtx_endpoint_cache(const struct vtx_endpoint *endpoint,
                               const char *model, const char *cache,
                               struct cb_arena *arena);

#endif
