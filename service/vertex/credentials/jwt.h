/* jwt.h - signed statements of a service account (RS256).
 *
 * Threads:   none inside; a key is used by one thread at a time.
 * Ownership: vtx_jwt_key_new() gives a key, vtx_jwt_key_free() wipes it.
 */
#ifndef VTX_VERTEX_CREDENTIALS_JWT_H
#define VTX_VERTEX_CREDENTIALS_JWT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct vtx_jwt_key;

/* The RSA key in a PEM text (PKCS#8 or PKCS#1, not encrypted); NULL if there is
 * none, if it is no RSA key, or one below 1,024 or above 16,384 bits. */
struct vtx_jwt_key *vtx_jwt_key_new(const char *pem);
void vtx_jwt_key_free(struct vtx_jwt_key *key); /* NULL is fine */

/* Appends header.payload.signature of these two texts, byte for byte. False if
 * signing fails or buf is too small. */
bool vtx_jwt_sign(const struct vtx_jwt_key *key, const char *header,
                  const char *payload, struct cb_buf *buf);

/* What a service account states. Texts must stand in JSON (checked by
 * vtx_jwt_text_ok). */
struct vtx_jwt_claims {
  const char *key_id; /* NULL: none */
  const char *issuer;
  const char *subject;  /* NULL: none */
  const char *audience; /* NULL: none */
  const char *scope;    /* NULL: none */
  int64_t issued_at;    /* seconds since 1970 */
  int64_t expires_at;
  bool subject_first; /* iss, sub, iat, exp ... as in a token of its own;
                         otherwise iat, exp, iss, ... as in a grant */
};

/* Appends the signed statement. As vtx_jwt_sign(). */
bool vtx_jwt_make(const struct vtx_jwt_key *key,
                  const struct vtx_jwt_claims *claims, struct cb_buf *buf);

/* True if text is visible ASCII without quote and backslash. */
bool vtx_jwt_text_ok(const char *text);

#endif
