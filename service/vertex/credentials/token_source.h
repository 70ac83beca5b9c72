/* token_source.h - where access tokens come from: an interface.
 *
 * A source asks somebody for a token, once for each fetch: it keeps none (the
 * token cache does). Sources may be put behind one another, as where one
 * account speaks for another.
 *
 * Threads:   the engine's.
 * Ownership: each kind has a vtx_..._new() that gives the source; free() wipes
 *            what it holds. The place is borrowed for its life.
 */
#ifndef VTX_VERTEX_CREDENTIALS_TOKEN_SOURCE_H
#define VTX_VERTEX_CREDENTIALS_TOKEN_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

struct cb_arena;
struct json_object;
struct vtx_engine;
struct vtx_token_source;

#define VTX_SCOPE_CLOUD "https://www.googleapis.com/auth/cloud-platform"
#define VTX_SCOPE_IAM "https://www.googleapis.com/auth/iam"

/* What sources need around them. */
struct vtx_token_place {
  struct vtx_engine *engine;                /* set before the first fetch */
  const char *(*get_env)(const char *name); /* NULL result: not set */
  int64_t (*unix_time)(void);               /* seconds since 1970 */
  const char *token_url; /* of authorized_user; NULL: Google's */
  const char *universe;  /* "googleapis.com" usually */
  bool self_signed;      /* service accounts make their tokens themselves */
};

struct vtx_token_result {
  /* CB_OK, or UNAVAILABLE with reason CREDENTIAL_REFRESH_FAILED (may be over
   * soon), or FAILED_PRECONDITION with CREDENTIAL_UNAVAILABLE (will not).
   * Texts are valid during done. */
  struct cb_status status;
  const char *token; /* valid during done; NULL on failure */
  int64_t lifetime;  /* nanoseconds it is still good for; 0: not said */
};

struct vtx_token_sink {
  void (*done)(void *ctx, const struct vtx_token_result *result);
  void *ctx;
};

struct vtx_token_source_type {
  /* Asks for a token. One fetch at a time. sink.done is called once, now or
   * later, unless the fetch is cancelled; it may fetch again or free. */
  void (*fetch)(struct vtx_token_source *source, struct vtx_token_sink sink);
  /* Forgets the fetch under way, if there is one. */
  void (*cancel)(struct vtx_token_source *source);
  void (*free)(struct vtx_token_source *source); /* cancels, too */
};

struct vtx_token_source {
  const struct vtx_token_source_type *type;
};

/* NULL is fine. */
static inline void vtx_token_source_free(struct vtx_token_source *source) {
  if (source) source->type->free(source);
}

#endif
