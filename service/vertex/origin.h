/* origin.h - how many connections, and how many at once in the making.
 *
 * An origin is scheme, host and port. HTTP/1.1 needs a connection for each
 * transfer in flight. HTTP/2 needs one for as many streams as the peer takes,
 * which libcurl knows and does not tell; libcurl 7.88 left to itself opens one
 * for each transfer that finds the others full. So we count:
 *
 * - HTTP/2 is allowed a connection for each VTX_ORIGIN_STREAMS transfers (what
 *   Google's and most front ends take), up to max_h2_connections. Where
 *   transfers then still wait for a connection half a second, the peer takes
 *   fewer streams, and the origin is allowed twice as many.
 * - At most VTX_ORIGIN_CONNECTING transfers of an origin are in libcurl without
 *   a connection, the others wait here: a burst of thousands must not become
 *   as many name lookups (a thread each) and SYNs at once.
 *
 * libcurl has one limit for all hosts. It is the largest that any origin
 * needed, and is not lowered again, or idle connections would be closed. So
 * where a busy HTTP/1.1 origin and a busy HTTP/2 origin share an engine, the
 * second one may get more connections than it should.
 *
 * Threads:   the engine's.
 * Ownership: the engine owns origins; an origin without transfers is kept for
 *            what is known of it, up to VTX_ORIGINS of them.
 */
#ifndef VTX_VERTEX_ORIGIN_H
#define VTX_VERTEX_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/list.h"
#include "base/timers.h"

#define VTX_ORIGIN_STREAMS ((size_t)100)
#define VTX_ORIGIN_CONNECTING ((size_t)256)
#define VTX_ORIGINS 32

struct vtx_engine;
struct vtx_transfer;

struct vtx_origins {
  struct cb_link list;
  size_t count;
  size_t max_h2;
  size_t limit; /* connections to a host, as libcurl was told */
  bool due;     /* somebody may have become able to go */
};

struct vtx_origin {
  struct cb_link link;
  struct vtx_engine *engine;
  struct cb_link waiting;    /* not in libcurl yet, oldest first */
  struct cb_link connecting; /* in it, without a connection */
  size_t connecting_count;
  size_t demand; /* transfers that live */
  size_t extra;  /* connections above what the streams account for */
  bool tls;
  bool reached;          /* a connection was made, once */
  bool http1;            /* TLS, but it speaks HTTP/1.1 */
  bool changed;          /* http1 has; the ones connecting do not know */
  struct cb_timer timer; /* set while transfers are connecting */
  char name[];           /* scheme://host:port */
};

void vtx_origins_init(struct vtx_origins *origins, size_t max_h2);
void vtx_origins_release(struct vtx_origins *origins);

/* Lets those go that may; outside of libcurl's callbacks. */
void vtx_origins_admit(struct vtx_engine *engine);

/* Puts a new transfer into the queue of its origin. False: no memory. */
bool vtx_origin_enter(struct vtx_transfer *transfer, const char *url);

/* True if its connections are, or may be, shared by many transfers. */
bool vtx_origin_shares(const struct vtx_origin *origin);

/* It has got a connection. May be told from libcurl's callbacks, and again. */
void vtx_origin_connected(struct vtx_transfer *transfer);

/* The peer has answered it with this version (CURL_HTTP_VERSION_...). */
void vtx_origin_answered(struct vtx_transfer *transfer, long version);

/* It is over; fine if it never entered, or has left. */
void vtx_origin_leave(struct vtx_transfer *transfer);

#endif
