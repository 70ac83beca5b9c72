/* encode.h - texts as they travel: forms, percent signs, base64url, hex.
 *
 * Threads:   safe from any.
 * Ownership: all append to a buffer of the caller's, whose failed mark says
 *            whether it was too small.
 */
#ifndef VTX_VERTEX_CREDENTIALS_ENCODE_H
#define VTX_VERTEX_CREDENTIALS_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Appends text with all but letters, digits, "_.-~" and the characters of safe
 * as %XX. */
void vtx_encode_percent(struct cb_buf *buf, const char *text, const char *safe);

/* Appends "key=value" to a form, with "&" in front unless it is the first; a
 * blank becomes a plus. A NULL value appends nothing. */
void vtx_encode_field(struct cb_buf *buf, const char *key, const char *value);

/* Appends base64url without padding. */
void vtx_encode_base64url(struct cb_buf *buf, const void *data, size_t size);

/* Appends lower-case hex digits. */
void vtx_encode_hex(struct cb_buf *buf, const uint8_t *data, size_t size);

/* Appends "Basic base64(id:secret)", both percent-free, as RFC 6749 2.3.1 is
 * practised. */
void vtx_encode_basic(struct cb_buf *buf, const char *id, const char *secret);

#endif
