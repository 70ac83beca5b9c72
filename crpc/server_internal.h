/* server_internal.h - the server, and its side of a call, inside.
 *
 * server.c makes, starts, drains and frees the server; routes.c finds methods;
 * arrival.c brings calls in up to their handler; server_call.c is call.h;
 * send.c queues messages and ends calls.
 *
 * Threads: the loop's.
 */
#ifndef CRPC_SERVER_INTERNAL_H
#define CRPC_SERVER_INTERNAL_H

#include <grpc/grpc.h>
#include <grpc/grpc_posix.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/mailbox.h"
#include "base/slots.h"
#include "base/status.h"
#include "base/timers.h"
#include "crpc/call.h"
#include "crpc/listener.h"
#include "crpc/loop_internal.h"
#include "crpc/metadata.h"
#include "crpc/method.h"
#include "crpc/server.h"

/* One path that the server answers. */
struct crpc_route {
  char *path;
  size_t path_size;
  const struct crpc_method *method;
  const void *handlers;
  void *self;
};

struct crpc_routes {
  struct crpc_route *all;
  size_t count;
  size_t room;
  uint32_t *table; /* hash table of index + 1; 0 = empty */
  size_t table_size;
};

/* False when out of memory, or if path is taken. path is copied. */
bool crpc_routes_add(struct crpc_routes *routes, const char *path,
                     const struct crpc_route *route);
const struct crpc_route *crpc_routes_find(const struct crpc_routes *routes,
                                          const void *path, size_t size);
void crpc_routes_release(struct crpc_routes *routes);

struct crpc_server {
  struct crpc_loop *loop;
  struct crpc_server_options options; /* defaults filled in */
  struct crpc_routes routes;
  const struct crpc_service **services;
  size_t service_count;
  struct cb_arena *arena; /* for what lives as long as the server */
  struct crpc_listener *listener;
  grpc_server *core;
  grpc_server_credentials *plain;
  struct crpc_conn **by_fd; /* which connection the core's "fd:N" is */
  size_t by_fd_room;
  size_t armed;         /* calls waiting to be matched */
  size_t calls_live;    /* matched, and not done */
  size_t calls_working; /* of those, the ones that were let in */
  uint64_t calls_total;
  size_t connections;
  uint64_t connections_total;
  uint64_t id_seed;

  /* Drain. */
  struct crpc_tag shut;
  struct cb_mail flushed; /* behind the last mail of the listener */
  struct cb_timer deadline;
  struct cb_timer linger;
  bool draining;
  bool is_shut;
  bool is_flushed;
  bool drained;
  void (*on_drained)(void *ctx);
  void *drain_ctx;
};

/* One message on its way out. */
struct crpc_out {
  struct crpc_out *next;
  grpc_byte_buffer *bytes;
  size_t cost;    /* in the call's queue */
  size_t charged; /* to the budget: the same, or nothing */
};

/* How a call stands towards its handler. */
enum crpc_stage {
  CRPC_AT_START,   /* waits for a call to come in */
  CRPC_AT_REQUEST, /* the request is being read; no handler yet */
  CRPC_AT_HANDLER, /* the handler has it */
  CRPC_AT_END,     /* ended by the handler or by us; the status is queued */
  CRPC_AT_CLOSE,   /* cancelled or broken: nothing can be sent */
};

#define CRPC_REQUEST_ID_MAX 128

struct crpc_call {
  struct crpc_server *server;
  grpc_call *core;
  grpc_call_details details;
  grpc_metadata_array metadata;
  const struct crpc_route *route; /* NULL until found */
  struct crpc_conn *conn;         /* NULL if unknown */
  struct cb_id id;
  int64_t started;
  int64_t deadline;
  enum crpc_stage stage;
  bool working;    /* counted in calls_working */
  bool dispatched; /* the handler knows it */
  bool in_slots;   /* id is valid */
  unsigned holds;  /* batches and mail outstanding; freed at 0 */
  char request_id[CRPC_REQUEST_ID_MAX + 1];

  /* Tags, one for each kind of batch. */
  struct crpc_tag accepted;
  struct crpc_tag closed;
  struct crpc_tag received;
  struct crpc_tag sent;
  struct cb_timer overdue;   /* for the request to come */
  struct cb_timer stuck;     /* for what is being sent to go */
  int core_cancelled;        /* written by the core */
  bool refused_by_core;      /* its message was over the limit */
  bool reader_gone;          /* cut, since it takes no message */
  grpc_byte_buffer *message; /* written by the core */

  /* Memory: what the handler may take away, and what it may not. */
  struct cb_arena *arena;
  struct cb_arena *scratch;

  /* Events. */
  const struct crpc_call_events *events;
  void *ctx;
  struct cb_mail late; /* brings cancelled to who asks for events late */
  bool late_posted;
  bool cancelled;        /* the caller has left, or we ended the call */
  bool told;             /* of that, by the cancelled event */
  bool ended_by_handler; /* reply, finish or fail was called */

  /* Reading (client streaming, bidi). */
  bool reading;
  bool half_closed;
  grpc_byte_buffer *kept; /* a message that waits for memory */
  int64_t kept_since;     /* cb_clock, 0: none does */
  struct cb_timer retry;

  /* Sending. */
  struct crpc_out *first_out;
  struct crpc_out **last_out;
  size_t queued_bytes;
  bool sending;         /* the sent tag is out */
  bool sending_message; /* and with it the first of the queue */
  bool initial_sent;    /* initial metadata went, or is going */
  bool status_sent;
  bool wants_room; /* writable is due */
  struct crpc_metadata initial;
  struct crpc_metadata trailing;
  struct crpc_metadata_array initial_sending;
  struct crpc_metadata_array trailing_sending;

  /* The end. */
  struct cb_status status; /* as sent; texts in scratch */
  const char *text;        /* grpc-message, in scratch; NULL if none */
  grpc_slice details_bin;  /* empty if none */
};

/* arrival.c */
void crpc_server_arm(struct crpc_server *server);

/* server_call.c */

/* The late mail. */
void crpc_call_on_late(struct cb_mail *mail);

/* Frees call if it is over: to be called last in the run of every tag. */
void crpc_call_settle(struct crpc_call *call);

/* Gives the cancelled event, once, to a handler that wants it. */
void crpc_call_tell_cancelled(struct crpc_call *call);

/* The arena for things that the handler cannot take away; NULL when memory or
 * budget is used up. */
struct cb_arena *crpc_call_scratch(struct crpc_call *call);

/* A fresh arena for a message of the call's; NULL when out of memory. */
struct cb_arena *crpc_call_new_arena(struct crpc_call *call);

/* Reads the next message into call->message. */
bool crpc_call_start_read(struct crpc_call *call);

/* Unpacks bytes, which stay the caller's, into arena. */
struct cb_status crpc_call_unpack(struct crpc_call *call,
                                  grpc_byte_buffer *bytes,
                                  struct cb_arena *arena,
                                  ProtobufCMessage **ret_message);

/* send.c */

/* Sends what can be sent now: one batch at a time. */
void crpc_call_pump(struct crpc_call *call);

/* Ends the call for the runtime: as crpc_call_fail(), but the handler, if it
 * has the call, is told with cancelled. */
void crpc_call_abort(struct crpc_call *call, const struct cb_status *status);

/* The stuck timer. */
void crpc_call_on_stuck(struct cb_timer *timer);

/* The sent tag. */
void crpc_call_on_sent(struct crpc_tag *tag, bool ok);

void crpc_call_drop_queue(struct crpc_call *call);

/* server.c */

/* A call or an armed one is gone: may end a drain, and with it the server. To
 * be called last. */
void crpc_server_settle(struct crpc_server *server);

/* connections.c */

/* Remembers conn by its descriptor; false when out of memory. */
bool crpc_server_know(struct crpc_server *server, struct crpc_conn *conn);
void crpc_server_forget(struct crpc_server *server, struct crpc_conn *conn);

/* A reference to the connection that a call came on, NULL if unknown. */
struct crpc_conn *crpc_server_conn_of(struct crpc_server *server,
                                      grpc_call *core);

#endif
