/* credential.h - what proves to Vertex AI who is asking: an interface.
 *
 * A credential yields the headers of one request. Kinds here: none (for the
 * emulator), API key, bearer token from a file. Those that get their tokens
 * from somebody are in credentials/ (adc.h).
 *
 * Threads: the engine's. A kind that must ask somebody first (a token server)
 * answers later, on the engine.
 */
#ifndef VTX_VERTEX_CREDENTIAL_H
#define VTX_VERTEX_CREDENTIAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/list.h"
#include "base/status.h"

struct vtx_credential;

/* One wish for headers; embedded in who asks. */
struct vtx_credential_wait {
  struct cb_link link; /* the credential's, while it waits */
  /* Headers are valid during the call; status other than CB_OK: none, with
   * FAILED_PRECONDITION and reason CREDENTIAL_UNAVAILABLE, or UNAVAILABLE and
   * CREDENTIAL_REFRESH_FAILED where a later try may do. */
  void (*ready)(struct vtx_credential_wait *wait,
                const struct cb_status *status, const struct cb_pair *headers,
                size_t header_count);
};

struct vtx_credential_type {
  /* Calls wait->ready, now or later. */
  void (*get)(struct vtx_credential *credential,
              struct vtx_credential_wait *wait);
  /* Forgets a wait whose ready has not been called. */
  void (*forget)(struct vtx_credential *credential,
                 struct vtx_credential_wait *wait);
  /* The upstream refused (401) what get() gave: try for something newer. */
  void (*refused)(struct vtx_credential *credential);
  void (*free)(struct vtx_credential *credential);
};

/* First member of every kind. */
struct vtx_credential {
  const struct vtx_credential_type *type;
};

/* No headers at all. Never fails but for memory. */
struct vtx_credential *vtx_credential_none(void);

/* x-goog-api-key: key (copied). INVALID_ARGUMENT if it is empty, or has a
 * character that cannot stand in a header. */
struct vtx_credential *vtx_credential_api_key(const char *key,
                                              struct cb_status *ret_status);

/* Authorization: Bearer with the first line of the file at path, read again
 * when the file changes (looked at, at most, once a second). A FIFO is read
 * once; credential_is_once then tells. Unreadable now: *ret_status says why
 * and NULL is returned. Unreadable later: the old token stays in use.
 * quota_project (copied) goes into x-goog-user-project; NULL: none. */
struct vtx_credential *vtx_credential_token_file(const char *path,
                                                 const char *quota_project,
                                                 struct cb_status *ret_status);
bool vtx_credential_token_file_once(const struct vtx_credential *credential);

/* Frees, wiping what is secret. NULL is fine. */
void vtx_credential_free(struct vtx_credential *credential);

#endif
