/* transfer.h - one HTTP POST on the engine, from start to done or cancel.
 *
 * Threads:   the engine's.
 * Ownership: start takes the body's bytes and copies url and headers. The
 *            transfer frees itself after done; the pointer is then gone.
 */
#ifndef VTX_VERTEX_TRANSFER_H
#define VTX_VERTEX_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

struct vtx_engine;
struct vtx_transfer;

struct vtx_transfer_spec {
  const char *url;
  const struct cb_pair *headers; /* Content-Type and Accept-Encoding are set */
  size_t header_count;
  struct cb_buf *body;       /* moved out of; empty after start */
  int64_t deadline;          /* cb_clock; CB_NEVER: none */
  int64_t idle_timeout;      /* longest silence between bytes; 0: none */
  size_t max_response_bytes; /* after decompression; over it the transfer ends
                                with RESPONSE_TOO_LARGE */
};

struct vtx_transfer_result {
  /* CB_OK: an HTTP answer came whole, whatever its status. Otherwise a
   * transport failure: UNAVAILABLE (UPSTREAM_UNREACHABLE, UPSTREAM_BROKEN),
   * DEADLINE_EXCEEDED (UPSTREAM_TIMEOUT), RESOURCE_EXHAUSTED
   * (RESPONSE_TOO_LARGE), CANCELLED. */
  struct cb_status status;
  int http_status;          /* 0 if none came */
  const char *content_type; /* "" if none; valid during done */
  int64_t retry_after;      /* Retry-After header in ns, -1 if none */
  int64_t started;          /* cb_clock */
  int64_t first_byte;       /* cb_clock, 0 if none came */
};

struct vtx_transfer_events {
  /* Bytes of the body, as they come; http_status is known by then. Returning
   * false aborts the transfer: done follows, with CANCELLED. */
  bool (*data)(void *ctx, int http_status, const char *data, size_t size);
  void (*done)(void *ctx, const struct vtx_transfer_result *result);
};

/* Starts a transfer. NULL when out of memory (body is left as it was). Neither
 * event is called from inside. */
struct vtx_transfer *vtx_transfer_start(
    struct vtx_engine *engine, const struct vtx_transfer_spec *spec,
    const struct vtx_transfer_events *events, void *ctx);

/* Aborts at once, on the wire too; no event comes any more. Must not be called
 * from inside data (return false there). */
void vtx_transfer_cancel(struct vtx_transfer *transfer);

/* Stops and goes on with taking bytes from the peer. From any event or timer
 * of the engine's thread. */
void vtx_transfer_pause(struct vtx_transfer *transfer);
void vtx_transfer_resume(struct vtx_transfer *transfer);

#endif
