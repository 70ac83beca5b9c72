/* secret.h - memory that held a secret is wiped before it is given back.
 *
 * Threads:   safe from any.
 * Ownership: as each function says.
 * Limits:    a text read by vtx_secret_json() has at most 64 KiB and twelve
 *            levels. What libraries copy inside (libcurl's buffers) is out of
 *            reach.
 */
#ifndef VTX_VERTEX_CREDENTIALS_SECRET_H
#define VTX_VERTEX_CREDENTIALS_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct json_object;

#define VTX_SECRET_BYTES ((size_t)64 * 1024)

/* An empty buffer for up to VTX_SECRET_BYTES; it has all its room at once, as
 * growing would leave copies behind. Out of memory: marked failed. */
void vtx_secret_buf_init(struct cb_buf *buf);

/* Wipes and releases; fine for any buffer. */
void vtx_secret_buf_release(struct cb_buf *buf);

/* The object that size bytes of JSON are; NULL if they are none, or too long
 * or too deep. Freed with vtx_secret_json_free(). */
struct json_object *vtx_secret_json(const char *text, size_t size);

/* Wipes all texts of a tree that has no other owner, and frees it. NULL is
 * fine. */
void vtx_secret_json_free(struct json_object *object);

/* The text under key, or NULL if there is none, or no text, or an empty one.
 * The object's. */
const char *vtx_secret_json_text(const struct json_object *object,
                                 const char *key);

/* The object under key, or NULL. The parent's. */
struct json_object *vtx_secret_json_object(const struct json_object *object,
                                           const char *key);

/* Reads the regular file at path, to its end, into a text of its own (wipe it
 * with vtx_credential_wipe()). NULL with *ret_why ("cannot be opened", ...) if
 * that is not possible, if it is longer than VTX_SECRET_BYTES or has a NUL. */
char *vtx_secret_file(const char *path, const char **ret_why);

#endif
