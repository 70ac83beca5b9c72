/* token_request.h - one question to a token endpoint, with its retries.
 *
 * An attempt that fails for now (HTTP 408, 429, 500, 502, 503, 504, an OAuth
 * error that says so, no connection, a broken one, no answer in time) is made
 * again after 1 s, 2 s, 4 s ... and a bit at random.
 *
 * Threads:   the engine's.
 * Ownership: the request frees itself after done or cancel. What is given is
 *            copied, and wiped at the end.
 */
#ifndef VTX_VERTEX_CREDENTIALS_TOKEN_REQUEST_H
#define VTX_VERTEX_CREDENTIALS_TOKEN_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct vtx_engine;
struct vtx_token_request;

struct vtx_token_request_spec {
  const char *what;   /* "the token endpoint": how errors call it; a literal */
  const char *method; /* NULL: POST */
  const char *url;
  const char *content_type; /* NULL: a form's */
  const char *body;         /* NULL: none */
  const struct cb_pair *headers;
  size_t header_count;
  unsigned attempts; /* in all; 0: three */
  int64_t timeout;   /* of one attempt, nanoseconds; 0: 20 s */
  bool direct;       /* never through a proxy */
};

struct vtx_token_answer {
  struct cb_status status; /* as in vtx_token_result; CB_OK: HTTP 200 */
  int http_status;         /* 0: none came */
  const char *text;        /* valid during done; "" if none */
  size_t size;
};

enum { VTX_TOKEN_REQUEST_HEADERS = 8 }; /* at most */

/* NULL when out of memory or when the engine is stopping; done is not called
 * from inside. done must not cancel the request; it is over. */
struct vtx_token_request *vtx_token_request_start(
    struct vtx_engine *engine, const struct vtx_token_request_spec *spec,
    void (*done)(void *ctx, const struct vtx_token_answer *answer), void *ctx);

void vtx_token_request_cancel(struct vtx_token_request *request);

#endif
