/* status_details.h - cb_status as what a call's trailers carry, and back.
 *
 * A failed call ends with grpc-message (text for people) and
 * grpc-status-details-bin (google.rpc.Status, for programs):
 *
 *   ErrorInfo     reason, the server's domain, metadata; http_status and
 *                 finish_reason go into the metadata under these names
 *   BadRequest    one violation: field, message, reason
 *   RetryInfo     retry_after
 *   QuotaFailure  the quota's violations
 *
 * Threads:   safe from any; keeps nothing.
 * Ownership: everything made here comes from the arena handed in.
 */
#ifndef CRPC_STATUS_DETAILS_H
#define CRPC_STATUS_DETAILS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct cb_arena;

/* Most bytes that message and details take in HTTP/2 headers, percent- and
 * base64-coded as they are there. Clients give up at 8 kB of metadata in all.
 */
#define CRPC_TRAILERS_MAX 4000

struct crpc_trailers {
  const char *message;    /* grpc-message, before percent-coding */
  const uint8_t *details; /* google.rpc.Status, before base64 */
  size_t details_size;    /* 0: send none */
};

/* What to send for status under domain (such as "vertexd"). When it is too
 * long, texts are cut on UTF-8 boundaries: metadata values first, then
 * descriptions and the message. Out of memory: the message without details.
 * *ret_trailers may point into status and arena. */
void crpc_status_pack(const struct cb_status *status, const char *domain,
                      struct cb_arena *arena,
                      struct crpc_trailers *ret_trailers);

/* The status that a call's trailers tell: code and message as received, the
 * rest from the size bytes of details (NULL, 0 if there are none). Details that
 * cannot be read, or speak of another code, are ignored. retryable is true for
 * UNAVAILABLE and where RetryInfo was given. Texts come from arena; when it is
 * used up they are missing. */
struct cb_status crpc_status_parse(enum cb_code code, const char *message,
                                   const uint8_t *details, size_t size,
                                   struct cb_arena *arena);

#endif
