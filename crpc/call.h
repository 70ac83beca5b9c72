/* call.h - the server's side of one call, of any kind.
 *
 * A handler is called with a typed request and a struct crpc_call. It ends the
 * call exactly once, now or later, with one of crpc_call_reply(),
 * crpc_call_finish() and crpc_call_fail(). Generated headers wrap reply and
 * send in functions that take the method's own message type.
 *
 * Life:      handler -> [writable | message | half_closed]* -> [cancelled] ->
 *            done. done is the last event, comes exactly once, and also when
 *            the handler ended the call before it set any events (then it is
 *            not seen). After done the call is gone.
 * Cancelled: comes at most once, when the caller has left, the deadline has
 *            passed, or crpc ended the call itself (a later message of a stream
 *            was malformed). The handler stops its work; it need not end the
 *            call (a call that was cancelled ends by itself), but may.
 *            A handler that keeps call beyond its return sets events, or keeps
 *            crpc_call_id() only: without done nothing says when it is gone.
 * Threads:   all functions on the call's loop. Other threads keep the
 *            crpc_call_id() and post a message to the loop.
 */
#ifndef CRPC_CALL_H
#define CRPC_CALL_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slots.h"
#include "base/status.h"
#include "crpc/send.h"

struct cb_arena;
struct crpc_call;
struct crpc_loop;
struct crpc_method;

struct crpc_call_events {
  /* After CRPC_WAIT: there is room again. */
  void (*writable)(struct crpc_call *call, void *ctx);
  /* Client streaming and bidi: the next message after crpc_call_read(). It is
   * valid during the callback only, unless crpc_call_take_arena() is called in
   * there, which takes the arena with this message in it. */
  void (*message)(struct crpc_call *call, const ProtobufCMessage *message,
                  void *ctx);
  /* Client streaming and bidi: no more messages will come. */
  void (*half_closed)(struct crpc_call *call, void *ctx);
  void (*cancelled)(struct crpc_call *call, void *ctx);
  void (*done)(struct crpc_call *call, void *ctx);
};

/* Sets the events of call (borrowed; any member may be NULL) and their ctx. If
 * the call was cancelled before, cancelled is called from the loop soon. */
void crpc_call_set_events(struct crpc_call *call,
                          const struct crpc_call_events *events, void *ctx);

/* Ends a unary (or client streaming) call with its answer. Returns CRPC_SENT;
 * CRPC_CLOSED if the caller has left; or CRPC_NO_MEMORY if it could not be
 * packed: the call has then been failed for the handler, with
 * RESOURCE_EXHAUSTED and reason RESPONSE_TOO_LARGE or SERVER_MEMORY. */
enum crpc_send crpc_call_reply(struct crpc_call *call,
                               const ProtobufCMessage *message);

/* Sends one message of a stream. It is packed at once, so it may live on the
 * stack. Messages are queued up to the server's send_queue_bytes (one message
 * is always taken when the queue is empty). */
enum crpc_send crpc_call_send(struct crpc_call *call,
                              const ProtobufCMessage *message);

/* Ends a streaming call with OK, after all that was sent. */
void crpc_call_finish(struct crpc_call *call);

/* Ends the call with status (code other than OK): grpc-message, and the
 * details as google.rpc.Status in grpc-status-details-bin: ErrorInfo (reason,
 * metadata), BadRequest (field), RetryInfo, QuotaFailure. Texts are cut so that
 * message and details stay under 4 kB together. Queued messages go first. */
void crpc_call_fail(struct crpc_call *call, const struct cb_status *status);

/* Client streaming and bidi: asks for the next message. One read at a time;
 * may be called from inside the message event. After half_closed, and once the
 * call is over, nothing happens. */
void crpc_call_read(struct crpc_call *call);

/* The caller's deadline as cb_clock time, CB_NEVER if there is none. */
int64_t crpc_call_deadline(const struct crpc_call *call);

/* When the call arrived, cb_clock time. */
int64_t crpc_call_started(const struct crpc_call *call);

/* True once the caller has left or its deadline has passed. */
bool crpc_call_is_cancelled(const struct crpc_call *call);

/* Bytes that were sent but not yet taken over by the transport. */
size_t crpc_call_queued_bytes(const struct crpc_call *call);

/* A value of the caller's metadata (lower-case key), NULL if absent; of several
 * the last. Values of keys that end in "-bin" are any bytes; a NUL that is not
 * counted stands behind them. *ret_size may be NULL for text. Valid until
 * done. */
const char *crpc_call_metadata(struct crpc_call *call, const char *key,
                               size_t *ret_size);

/* Adds metadata to send with the first message or at the end. Both texts are
 * copied. After the first message initial metadata is ignored. */
void crpc_call_add_initial(struct crpc_call *call, const char *key,
                           const char *value);
void crpc_call_add_trailing(struct crpc_call *call, const char *key,
                            const char *value);

/* The same for values of size bytes of any kind, under keys that end in
 * "-bin". */
void crpc_call_add_initial_bytes(struct crpc_call *call, const char *key,
                                 const void *value, size_t size);
void crpc_call_add_trailing_bytes(struct crpc_call *call, const char *key,
                                  const void *value, size_t size);

/* The call's arena: holds the request, with some room for the handler; dies
 * with the call. In a message event it is the message's, which dies with the
 * event. NULL only when memory or budget is used up. */
struct cb_arena *crpc_call_arena(struct crpc_call *call);

/* Takes the arena with the request in it away from the call: the caller frees
 * it. The call goes on without; crpc_call_arena() then makes a new one. */
struct cb_arena *crpc_call_take_arena(struct crpc_call *call);

/* The name under which other threads may know the call, and back. */
struct cb_id crpc_call_id(const struct crpc_call *call);
struct crpc_call *crpc_call_find(struct crpc_loop *loop, struct cb_id id);

struct crpc_loop *crpc_call_loop(const struct crpc_call *call);
const struct crpc_method *crpc_call_method(const struct crpc_call *call);

/* "ip:port", "unix:" or "" - for logs. */
const char *crpc_call_peer(const struct crpc_call *call);

/* A short id of this call, unique in the process, for logs; the caller gets it
 * too, as metadata "x-request-id" (a caller's own x-request-id of at most 128
 * printable characters is kept instead). */
const char *crpc_call_request_id(const struct crpc_call *call);

#endif
