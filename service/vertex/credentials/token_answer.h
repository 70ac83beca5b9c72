/* token_answer.h - what token endpoints say, and how their failures are told.
 *
 * Threads: none inside.
 */
#ifndef VTX_VERTEX_CREDENTIALS_TOKEN_ANSWER_H
#define VTX_VERTEX_CREDENTIALS_TOKEN_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "service/vertex/credentials/token_source.h"

struct json_object;

enum { VTX_TOKEN_MESSAGE = 512 };

/* The text of a failure; what its status' message points into. */
struct vtx_token_failure {
  struct cb_status status;
  char message[VTX_TOKEN_MESSAGE];
};

/* A failure that lasts (CREDENTIAL_UNAVAILABLE) or will pass
 * (CREDENTIAL_REFRESH_FAILED). Returns &failure->status. */
const struct cb_status *vtx_token_fail(struct vtx_token_failure *failure,
                                       bool lasts, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* True for HTTP statuses and OAuth errors after which another try is due. */
bool vtx_token_may_retry(int http_status, const char *text, size_t size);

/* The failure that an answer with that status is. Of the endpoint's own words
 * only its error code and description are told, and of these no word that is
 * so long that it might be a secret. */
void vtx_token_refusal(struct vtx_token_failure *failure, const char *what,
                       int http_status, const char *text, size_t size);

/* Tells sink the token of an answer: {"access_token","expires_in"}, the latter
 * a number or a numeric text. what as in vtx_token_request_spec. */
void vtx_token_deliver(struct vtx_token_sink sink, const char *what,
                       const char *text, size_t size);

/* As above, for {"accessToken","expireTime"}; now in seconds since 1970. */
void vtx_token_deliver_iam(struct vtx_token_sink sink, int64_t now,
                           const char *text, size_t size);

/* Tells sink a failure. */
void vtx_token_deliver_failure(struct vtx_token_sink sink,
                               const struct cb_status *status);

/* As above, "there is no memory to ask what". */
void vtx_token_deliver_no_memory(struct vtx_token_sink sink, const char *what);

/* Seconds since 1970 of an RFC 3339 time in UTC; false if it is none. */
bool vtx_token_time(const char *text, int64_t *ret_seconds);

#endif
