/* aws_sign.h - Amazon's request signatures (SigV4), for one request only.
 *
 * Threads: safe from any. Ownership: all borrowed.
 */
#ifndef VTX_VERTEX_CREDENTIALS_AWS_SIGN_H
#define VTX_VERTEX_CREDENTIALS_AWS_SIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct vtx_aws_identity {
  const char *access_key;
  const char *secret;
  const char *session_token; /* NULL: none */
  const char *region;
};

/* Appends the subject token for that identity: the signed POST to url (in
 * which {region} is replaced) as percent-encoded JSON, meant for audience. now
 * in seconds since 1970. False if a text has characters that cannot be in one,
 * if url is not https://HOST[/PATH][?QUERY], or buf is too small. */
bool vtx_aws_subject_token(const struct vtx_aws_identity *identity,
                           const char *url, const char *audience, int64_t now,
                           struct cb_buf *buf);

#endif
