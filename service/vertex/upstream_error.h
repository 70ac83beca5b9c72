/* upstream_error.h - from Google's error answers to a status.
 *
 * Takes every form that occurs: {"error":{...}}, the same in an array, without
 * status, HTML or plain text, nothing. docs/errors.md lists the reasons.
 *
 * Threads: safe from any.
 */
#ifndef VTX_VERTEX_UPSTREAM_ERROR_H
#define VTX_VERTEX_UPSTREAM_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct cb_arena;
struct json_object;

/* So much of an error's body is read; Google's take a few hundred bytes. */
#define VTX_ERROR_BYTES ((size_t)64 * 1024)

/* The status of an answer with http_status other than 200. retry_after (ns, -1
 * if none) is the Retry-After header; RetryInfo in the body wins. 401 and 403
 * about the server's credential become FAILED_PRECONDITION
 * (UPSTREAM_UNAUTHENTICATED, UPSTREAM_PERMISSION_DENIED). JSON that is broken
 * off at VTX_ERROR_BYTES is told by its beginning, as any text is. Texts are
 * copied to arena. */
struct cb_status vtx_upstream_error(int http_status, const char *body,
                                    size_t size, int64_t retry_after,
                                    struct cb_arena *arena);

/* True and *ret_status if object is an error envelope (or an array of one):
 * the form of an error in mid-stream. */
bool vtx_upstream_error_in(struct json_object *object, struct cb_arena *arena,
                           struct cb_status *ret_status);

/* True if a failure of this kind would hit every item of a batch alike: the
 * credential, a permission, an unknown model, an API that is off. */
bool vtx_upstream_error_hits_all(const struct cb_status *status);

#endif
