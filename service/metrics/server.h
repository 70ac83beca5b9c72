/* server.h - hands out a page over HTTP, made anew for each who asks.
 *
 * GET and HEAD of VTX_METRICS_PATH are answered with what make() writes (200),
 * or 503 if it writes nothing or more than the page may have. Another path is
 * 404, another method 405. A connection carries one request. There is neither
 * encryption nor a question who asks: who can connect can read.
 *
 * What peers can take:
 *   connections   VTX_METRICS_CONNECTIONS at a time; others wait in the backlog
 *   time          a connection lives no longer than its life, whatever its peer
 *                 does, or leaves undone
 *   memory        a request's head has 8 KiB at most (431); its body is not
 *                 kept; a page has max_page_bytes
 *
 * Threads:   one of its own, which also calls make(), for one request at a
 *            time; while that waits, so do the others. new and free are for one
 *            thread.
 * Ownership: new gives the server, free takes it back. Sockets are borrowed.
 */
#ifndef VTX_METRICS_SERVER_H
#define VTX_METRICS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cb_buf;
struct cb_clock;
struct vtx_metrics_server;

#define VTX_METRICS_PATH "/metrics"
#define VTX_METRICS_SOCKETS 4
#define VTX_METRICS_CONNECTIONS 16

/* Descriptors that the server has open at most, besides its sockets. */
#define VTX_METRICS_DESCRIPTORS (VTX_METRICS_CONNECTIONS + 3)

struct vtx_metrics_options {
  int sockets[VTX_METRICS_SOCKETS]; /* they listen, and do not block */
  size_t socket_count;
  int64_t life;                 /* of a connection, nanoseconds; 0: 10 s */
  const struct cb_clock *clock; /* asked by the thread; NULL: the system's */
  size_t max_page_bytes;
  bool (*make)(void *self, struct cb_buf *page); /* false: there is none now */
  void *self;
};

/* Starts a server; NULL when out of memory, threads or descriptors. */
struct vtx_metrics_server *vtx_metrics_server_new(
    const struct vtx_metrics_options *options);

/* Ends all connections as they are, joins the thread and frees the server.
 * Waits for a make() that is under way. NULL is fine. */
void vtx_metrics_server_free(struct vtx_metrics_server *server);

#endif
