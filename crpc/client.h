/* client.h - typed gRPC calls from C, asynchronous, thousands on one thread.
 *
 * Generated headers have, for each method, NAME_start() with the method's own
 * types, and where the client streams NAME_write(); they come down to
 * crpc_rpc_start() and crpc_rpc_write(). Events arrive on the channel's loop:
 * message 0..n times, then done exactly once, also after a cancel. Where the
 * server sends one answer, message comes right before done, and only if the
 * call ended well.
 *
 * Flow:      both directions stand still where the other side does. A message
 *            to send is taken when the one before it has left for the
 *            transport (CRPC_WAIT and writable else); a message that came is
 *            read after the event of the one before it, unless paused.
 * Retries:   none. The core's own, also of calls that no server has seen (a
 *            GOAWAY as the call begins), are switched off: in C core 1.51, as
 *            in that of grpcio 1.85, a call that streams its request may lose
 *            messages in them, and the server does not know
 *            (tests/e2e/goaway.py). Such a call ends with UNAVAILABLE.
 * Threads:   all functions on the loop's thread, or before it runs.
 * Ownership: messages handed to callbacks are valid during the callback.
 */
#ifndef CRPC_CLIENT_H
#define CRPC_CLIENT_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slots.h"
#include "base/status.h"
#include "crpc/method.h"
#include "crpc/send.h"

struct cb_budget;
struct crpc_channel;
struct crpc_loop;

struct crpc_channel_options {
  size_t max_response_bytes; /* one message, also inflated; 0: 4 MiB */
  size_t max_unpacked_bytes; /* one message's arena; 0: 16 times the former */
  struct cb_budget *budget;  /* may be NULL */
  bool own_connection;       /* no sharing with other channels of the process */
  const char *service_config; /* JSON, may be NULL (round_robin) */
  /* Nanoseconds: a peer that has calls and says nothing for so long is asked
   * for a sign of life, and lost after 20 s more without one. 0: never, for
   * servers answer pings that come too often with GOAWAY: most take one in five
   * minutes, those of crpc one every 5 s. */
  int64_t keepalive;
};

/* target: "host:port", "unix:/path", "dns:///name:port". In the clear.
 * Connects with the first call. NULL when out of memory. */
struct crpc_channel *crpc_channel_new(
    struct crpc_loop *loop, const char *target,
    const struct crpc_channel_options *options);

/* Ends the channel: calls that live are cancelled (their done still comes). */
void crpc_channel_free(struct crpc_channel *channel);

struct crpc_rpc_options {
  int64_t deadline; /* cb_clock time; 0 or CB_NEVER: none */
  /* Values of keys that end in "-bin" are bytes in base64, as in
   * crpc_outcome. What HTTP/2 cannot carry, and values that are no base64,
   * are left out. */
  const struct cb_pair *metadata;
  size_t metadata_count;
  bool wait_for_ready; /* wait for a connection instead of UNAVAILABLE; one that
                          goes away as the call begins is UNAVAILABLE still */
};

/* How a call ended. Texts are valid during the callback; the status has what
 * grpc-status-details-bin said (reason, field, retry_after, metadata). An
 * answer that cannot be taken ends the call with INTERNAL (reason
 * MALFORMED_RESPONSE) or RESOURCE_EXHAUSTED (RESPONSE_TOO_LARGE past a limit of
 * the channel, CLIENT_OUT_OF_MEMORY when its budget or memory is used up).
 * Metadata values of keys that end in "-bin" are in base64. */
struct crpc_outcome {
  struct cb_status status;
  const struct cb_pair *initial_metadata;
  size_t initial_count;
  const struct cb_pair *trailing_metadata;
  size_t trailing_count;
};

/* Where the events of a call go: events is the method's typed events struct,
 * whose messages method->deliver() hands out; done and writable are its members
 * of that name (writable NULL where the client does not stream). */
struct crpc_rpc_sink {
  const void *events;
  void (*done)(void *ctx, const struct crpc_outcome *outcome);
  void (*writable)(void *ctx);
  void *ctx;
};

/* Called by generated code. request is packed, and sink copied, before the
 * return; sink->events is borrowed until done. request is NULL where the
 * client streams. Returns {0, 0} when out of memory: no event comes. */
struct cb_id crpc_rpc_start(struct crpc_channel *channel,
                            const struct crpc_method *method,
                            const ProtobufCMessage *request,
                            const struct crpc_rpc_options *options,
                            const struct crpc_rpc_sink *sink);

/* Called by generated code, where the client streams: sends one message. It is
 * packed at once, so it may live on the stack. One message is in flight at a
 * time; it may be sent before there is a connection.
 *
 * CRPC_WAIT     the one before is still in flight: writable is called when it
 *               is not, also when it never will be because the server has
 *               ended the call (then the next write says CRPC_CLOSED), but not
 *               where done comes at once.
 * CRPC_CLOSED   the call is over, was cancelled or half-closed, or the server
 *               takes no more. An id that is gone is over. */
enum crpc_send crpc_rpc_write(struct crpc_channel *channel, struct cb_id id,
                              const ProtobufCMessage *message);

/* Client streaming and bidi: no more messages will come, behind the one in
 * flight. A second time nothing happens. The server may go on sending. */
void crpc_rpc_half_close(struct crpc_channel *channel, struct cb_id id);

/* Ends the call early; done comes with CANCELLED (or with the status that was
 * already on its way). Nothing can be written any more. An id that is gone is
 * fine. */
void crpc_rpc_cancel(struct crpc_channel *channel, struct cb_id id);

/* Stops, and goes on with, reading the messages of a stream: the server feels
 * a slow reader. Called from inside the message event, pause holds back the
 * very next message; else one that is on its way may still come. While a call
 * is paused its end is seen only if the call was broken off: a status is behind
 * the messages. No effect where the server sends one answer. */
void crpc_rpc_pause(struct crpc_channel *channel, struct cb_id id);
void crpc_rpc_resume(struct crpc_channel *channel, struct cb_id id);

#endif
