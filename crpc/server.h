/* server.h - a gRPC server on one loop.
 *
 * The server has its own listener: an accept loop that survives a full
 * descriptor table and hands connections to the C core (whose own listener
 * does not). Message decompression by the core is off; crpc inflates gzip with
 * a cap. Requests are scanned on the wire (crpc/wire.h) before they are
 * unpacked into a byte-capped arena.
 *
 * What ends a call before its handler: UNIMPLEMENTED (METHOD_UNKNOWN,
 * METHOD_UNIMPLEMENTED), UNAVAILABLE (SERVER_OVERLOADED with pushback,
 * SERVER_DRAINING), DEADLINE_EXCEEDED (also REQUEST_TIMEOUT), INVALID_ARGUMENT
 * (MALFORMED_REQUEST), RESOURCE_EXHAUSTED (REQUEST_TOO_LARGE, SERVER_MEMORY,
 * METADATA_TOO_LARGE: over 16 KiB; over 32 KiB callers that heed HTTP/2's
 * settings do not send it, and the others are cut off). A message that is over
 * max_request_bytes by more than a quarter is refused by the core before it is
 * read: the same code, and a text with both sizes, but no details.
 *
 * Threads:   all functions on the loop's thread, or before it runs. One more
 *            thread, inside, accepts connections.
 * Ownership: crpc_server_new() gives the server; crpc_server_free() takes it
 *            back after on_drained was called.
 */
#ifndef CRPC_SERVER_H
#define CRPC_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "crpc/method.h"

struct cb_budget;
struct crpc_call;
struct crpc_loop;
struct crpc_server;

/* What is known of a call when it is over; texts valid during the callback. */
struct crpc_call_report {
  const char *method;     /* path */
  const char *request_id; /* as in crpc_call_request_id() */
  const char *peer;
  struct cb_status status; /* as sent; CANCELLED if the caller left first,
                              DEADLINE_EXCEEDED if its time was up */
  int64_t duration;        /* nanoseconds */
};

struct crpc_server_options {
  const char *domain;        /* of ErrorInfo, e.g. "vertexd"; NULL: "crpc" */
  size_t max_request_bytes;  /* one message on the wire and inflated; 4 MiB */
  size_t max_unpacked_bytes; /* one request's arena; 0: 16 times the former */
  size_t max_response_bytes; /* one message sent; 0: 2 GiB */
  struct cb_budget *budget;  /* charged for arenas and queues; NULL: none */
  size_t max_calls;          /* live at once; 0: 20,000; over it UNAVAILABLE */
  int max_streams;           /* per connection; 0: 10,000 */
  int max_connections;       /* 0: 10,000; over it they wait in the backlog */
  size_t send_queue_bytes;   /* per call; 0: 64 KiB */
  int64_t idle_timeout;      /* of a connection without calls; 0: never */
  /* From a call's opening until its one message is there, whole: a caller that
   * never sends it, or a byte now and then, must not hold one of max_calls.
   * 0: 60 s, in which a line of 2.5 Mbit/s carries 16 MiB; CB_NEVER: no limit.
   * Where the client streams, how long to wait is for the handler to say. */
  int64_t request_timeout;
  /* How long a message may wait for room at the caller's: one that has stopped
   * reading must not hold a call and its memory for ever. The call is then
   * reset, with DEADLINE_EXCEEDED; it ends with reason READER_TIMEOUT. A caller
   * that reads slowly makes room in steps of what it buffers, which may be
   * some MiB: no time for short limits. 0: 30 min; CB_NEVER: no limit. */
  int64_t reader_timeout;
  /* Called for every call that ends; may be NULL. */
  void (*call_ended)(const struct crpc_call_report *report, void *self);
  void *self;
};

/* Figures for logs and tests. */
struct crpc_server_counters {
  size_t calls_live;
  uint64_t calls_total;
  size_t connections;
  uint64_t connections_total;
};

/* Makes a server on loop. On failure NULL, and *ret_status says why. */
struct crpc_server *crpc_server_new(struct crpc_loop *loop,
                                    const struct crpc_server_options *options,
                                    struct cb_status *ret_status);

/* Adds a service before start: handlers is the generated handler table (NULL
 * members answer UNIMPLEMENTED), self is handed to each handler. Both are
 * borrowed for the server's life. The methods may also be reached under other
 * paths, see crpc_server_add_alias(). */
bool crpc_server_add_service(struct crpc_server *server,
                             const struct crpc_service *service,
                             const void *handlers, void *self);

/* Another path for a method that was added: same handler, same messages. */
bool crpc_server_add_alias(struct crpc_server *server, const char *path,
                           const char *existing_path);

/* Listens on "HOST:PORT" (port 0 picks one; IPv6 as "[::1]:1") or "unix:PATH"
 * (a stale socket file is replaced). *ret_address, if not NULL, gets the
 * address really bound, as the caller's malloc'd text. May be called several
 * times before start. False: *ret_status says why (UNAVAILABLE, field
 * "listen"). */
bool crpc_server_listen(struct crpc_server *server, const char *address,
                        char **ret_address, struct cb_status *ret_status);

/* Starts to accept. False when no thread could be made for it; the server may
 * then only be freed. */
bool crpc_server_start(struct crpc_server *server);

/* Ends the server gracefully: no new connections, GOAWAY to the old ones, new
 * calls refused with UNAVAILABLE. Calls that live may go on until deadline
 * (cb_clock), then they are cancelled. on_drained is called once, on the loop,
 * when the last is done. A second call only moves the deadline forward. */
void crpc_server_drain(struct crpc_server *server, int64_t deadline,
                       void (*on_drained)(void *ctx), void *ctx);

/* Frees a drained server, or one that was never started. */
void crpc_server_free(struct crpc_server *server);

void crpc_server_counters(const struct crpc_server *server,
                          struct crpc_server_counters *ret_counters);

/* For services that any server can add (health, reflection): the services
 * added so far, in order; NULL past the last. */
const struct crpc_service *crpc_server_service(const struct crpc_server *server,
                                               size_t index);

/* Runs release(object) when server is freed, last added first. False when out
 * of memory: nothing was added. */
bool crpc_server_defer(struct crpc_server *server,
                       void (*release)(void *object), void *object);

struct crpc_loop *crpc_server_loop(const struct crpc_server *server);

#endif
