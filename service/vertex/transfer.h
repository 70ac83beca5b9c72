/* transfer.h - one HTTP request on the engine, from start to done or cancel.
 * A POST of JSON unless it is asked to be another.
 *
 * Threads:   the engine's.
 * Ownership: start takes the body's bytes and copies url and headers. The
 *            transfer frees itself after done; the pointer is then gone.
 * Once more: a connection kept from an earlier transfer may turn out to be
 *            closed by the peer before a byte of the answer came; libcurl then
 *            sends the request again on a new one, as HTTP clients do.
 * Gone:      a peer whose system confirms nothing for 30 s, neither bytes nor
 *            keepalive probes, or takes none of the bytes that wait for so
 *            long, has broken the connection (UPSTREAM_BROKEN).
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
  const char *url;               /* http or https */
  const struct cb_pair *headers; /* Content-Type and Accept-Encoding are set */
  size_t header_count;
  struct cb_buf *body;       /* moved out of; empty after start */
  int64_t deadline;          /* cb_clock; CB_NEVER: none */
  int64_t idle_timeout;      /* longest silence between bytes while not
                                paused; 0: none */
  size_t max_response_bytes; /* after decompression; over it the transfer ends
                                with RESPONSE_TOO_LARGE */
  bool certified; /* show the engine's certificate to a peer that asks */

  /* For token requests; all zero for others. */
  const char *method;       /* NULL: POST; "GET" sends no body */
  const char *content_type; /* NULL: application/json */
  bool direct;              /* never through a proxy */
  bool secret;              /* body and answer are wiped before they go */
};

struct vtx_transfer_result {
  /* CB_OK: an HTTP answer came whole, whatever its status. Otherwise a
   * transport failure: UNAVAILABLE (UPSTREAM_UNREACHABLE, UPSTREAM_BROKEN),
   * DEADLINE_EXCEEDED (UPSTREAM_TIMEOUT), RESOURCE_EXHAUSTED
   * (RESPONSE_TOO_LARGE, SERVER_MEMORY), CANCELLED (CANCELLED). */
  struct cb_status status;
  int http_status;          /* 0 if none came */
  const char *content_type; /* "" if none; valid during done */
  int64_t retry_after;      /* Retry-After header in ns, -1 if none */
  int64_t started;          /* cb_clock */
  int64_t first_byte;       /* cb_clock, 0 if none came */
  /* The body of the answer, where no data event is set; may be moved out of
   * (cb_buf_move). NULL otherwise. */
  struct cb_buf *answer;
  /* The bytes of the request, to be moved out of if it is to be made again.
   * Empty where the answer's status was 200: they are freed once sent. */
  struct cb_buf *body;
};

struct vtx_transfer_events {
  /* Bytes of the body, as they come, at most 16 KiB at a time; http_status is
   * known by then. Returning false aborts the transfer: done follows, with
   * CANCELLED. NULL: the body is collected for done. */
  bool (*data)(void *ctx, int http_status, const char *data, size_t size);
  void (*done)(void *ctx, const struct vtx_transfer_result *result);
};

/* Starts a transfer. NULL when out of memory, or when the engine is stopping
 * (body is left as it was). Neither event is called from inside. */
struct vtx_transfer *vtx_transfer_start(
    struct vtx_engine *engine, const struct vtx_transfer_spec *spec,
    const struct vtx_transfer_events *events, void *ctx);

/* Aborts at once, on the wire too; no event comes any more. From anywhere on
 * the engine's thread but the transfer's own done; inside its own data it
 * takes effect when data returns. */
void vtx_transfer_cancel(struct vtx_transfer *transfer);

/* How long, in nanoseconds, the request has now waited for the first byte of an
 * answer, counted from when it got a connection to go up on; 0 before that, and
 * once a byte has come, be it of the head. Until done returns. */
int64_t vtx_transfer_silence(const struct vtx_transfer *transfer);

/* Stops and goes on with taking bytes from the peer. From any event or timer
 * of the engine's thread. While paused neither data nor the done of a regular
 * end comes (that of a deadline or broken connection does); a data event under
 * way is the last one. Over HTTP/1.1 the peer is held up when the sockets'
 * buffers are full, over HTTP/2 when the window of the stream is. */
void vtx_transfer_pause(struct vtx_transfer *transfer);
void vtx_transfer_resume(struct vtx_transfer *transfer);

#endif
