#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "crpc/server_internal.h"
#include "crpc/wire.h"

/* How a call comes in. A few call objects are always armed: the core fills one
 * with whatever method was called, and another takes its place at once. So a
 * path that nobody knows is answered at once too, and admission control sees
 * every call before its message is read.
 *
 * Closing is awaited before anything else is done, then comes the request:
 * read, within request_timeout, and unpacked for unary and server streaming;
 * where the client streams the handler is called straight away. */

#define ARMED_CALLS 32
#define MEMORY_WAIT (20 * CB_MILLISECOND)
#define MEMORY_PATIENCE (30 * CB_SECOND)
#define OVERLOAD_PAUSE (1 * CB_SECOND)

static void free_call(struct crpc_call *call) {
  grpc_call_details_destroy(&call->details);
  grpc_metadata_array_destroy(&call->metadata);
  free(call);
}

/* A 64-bit mixing that never maps two numbers to one: ids look random and do
 * not repeat. */
static uint64_t mix(uint64_t value) {
  value += UINT64_C(0x9e3779b97f4a7c15);
  value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
  return value ^ (value >> 31);
}

static bool is_printable(const char *text, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (text[i] < 0x20 || text[i] > 0x7e) return false;
  }
  return true;
}

static void name_call(struct crpc_call *call) {
  const grpc_slice *given = crpc_metadata_find(&call->metadata, "x-request-id");
  size_t size = given ? GRPC_SLICE_LENGTH(*given) : 0;

  if (size > 0 && size <= CRPC_REQUEST_ID_MAX &&
      is_printable((const char *)GRPC_SLICE_START_PTR(*given), size)) {
    memcpy(call->request_id, GRPC_SLICE_START_PTR(*given), size);
    call->request_id[size] = '\0';
    return;
  }
  snprintf(call->request_id, sizeof call->request_id, "%016llx",
           (unsigned long long)mix(call->server->id_seed +
                                   call->server->calls_total));
}

static void refuse_unknown(struct crpc_call *call) {
  char path[201];
  size_t size = GRPC_SLICE_LENGTH(call->details.method);
  struct cb_status status;

  if (size > sizeof path - 1) size = sizeof path - 1;
  memcpy(path, GRPC_SLICE_START_PTR(call->details.method), size);
  path[size] = '\0';
  for (size_t i = 0; i < size; i++) {
    if (!isprint((unsigned char)path[i])) path[i] = '?';
  }
  status = cb_status_make(CB_UNIMPLEMENTED, "METHOD_UNKNOWN",
                          "this server has no such method");
  if (crpc_call_scratch(call)) {
    status = cb_status_format(crpc_call_scratch(call), CB_UNIMPLEMENTED,
                              "METHOD_UNKNOWN", "no method %s here", path);
  }
  crpc_call_abort(call, &status);
}

static void refuse_overload(struct crpc_call *call) {
  struct cb_status status =
      cb_status_make(CB_UNAVAILABLE, "SERVER_OVERLOADED",
                     "the server has as many calls as it takes");
  char pause[24];

  status.retryable = true;
  status.retry_after = OVERLOAD_PAUSE;
  snprintf(pause, sizeof pause, "%lld",
           (long long)(OVERLOAD_PAUSE / CB_MILLISECOND));
  crpc_call_add_trailing(call, "grpc-retry-pushback-ms", pause);
  crpc_call_abort(call, &status);
}

static void dispatch(struct crpc_call *call, const ProtobufCMessage *message) {
  const struct crpc_route *route = call->route;
  struct cb_status status;

  call->stage = CRPC_AT_HANDLER;
  call->dispatched = true;
  if (route->method->dispatch(route->handlers, call, message, route->self)) {
    return;
  }
  call->dispatched = false;
  status = cb_status_make(CB_UNIMPLEMENTED, "METHOD_UNIMPLEMENTED",
                          "this server does not have that method yet");
  crpc_call_abort(call, &status);
}

/* The core holds callers to its own limit, which is higher, and only once they
 * have confirmed it, which one that means harm does not do. Counted as HTTP/2
 * counts. */
static bool has_too_much_metadata(const struct crpc_call *call) {
  size_t size = 0;

  for (size_t i = 0; i < call->metadata.count; i++) {
    size += 32 + GRPC_SLICE_LENGTH(call->metadata.metadata[i].key) +
            GRPC_SLICE_LENGTH(call->metadata.metadata[i].value);
  }
  return size > CRPC_METADATA_MAX;
}

/* True if the call may go on to its handler; else it was ended. */
static bool admit(struct crpc_call *call) {
  struct crpc_server *server = call->server;
  struct cb_status status;

  if (server->draining) {
    status = cb_status_make(CB_UNAVAILABLE, "SERVER_DRAINING",
                            "the server is about to stop");
    status.retryable = true;
  } else if (has_too_much_metadata(call)) {
    status = cb_status_make(CB_RESOURCE_EXHAUSTED, "METADATA_TOO_LARGE",
                            "the call's metadata takes more than 16 KiB");
  } else if (!call->route) {
    refuse_unknown(call);
    return false;
  } else if (server->calls_working >= server->options.max_calls) {
    refuse_overload(call);
    return false;
  } else if (call->deadline <= call->started) {
    status = cb_status_make(CB_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED",
                            "the deadline had passed when the call arrived");
  } else {
    call->working = true;
    server->calls_working++;
    return true;
  }
  crpc_call_abort(call, &status);
  return false;
}

/* Set only while a read is in the core's hands, which keeps the call alive. */
static void on_overdue(struct cb_timer *timer) {
  struct crpc_call *call = CB_CONTAINER(timer, struct crpc_call, overdue);
  const struct cb_status status =
      cb_status_make(CB_DEADLINE_EXCEEDED, "REQUEST_TIMEOUT",
                     "the call was opened, but its message did not come");

  crpc_call_abort(call, &status);
}

/* A call without its message would hold one of max_calls for ever. */
static void await_request(struct crpc_call *call) {
  struct crpc_server *server = call->server;
  int64_t until = cb_time_add(call->started, server->options.request_timeout);
  const struct cb_status no_memory = crpc_no_memory();

  if (!crpc_call_start_read(call) || until == CB_NEVER) return;
  if (!crpc_loop_set_timer(server->loop, &call->overdue, until)) {
    crpc_call_abort(call, &no_memory);
  }
}

static void open_call(struct crpc_call *call) {
  enum crpc_kind kind = call->route->method->kind;

  if (kind == CRPC_CLIENT_STREAMING || kind == CRPC_BIDI) {
    dispatch(call, NULL);
  } else {
    await_request(call);
  }
}

static void begin(struct crpc_call *call) {
  struct crpc_server *server = call->server;
  grpc_op op = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
  bool started;

  call->started = cb_now(NULL);
  call->deadline = crpc_time_from_core(call->details.deadline);
  call->stage = CRPC_AT_REQUEST;
  server->calls_live++;
  server->calls_total++;
  crpc_loop_call_born(server->loop);
  op.data.recv_close_on_server.cancelled = &call->core_cancelled;
  started =
      crpc_loop_start_batch(server->loop, call->core, &op, 1, &call->closed);
  assert(started); /* the first batch of a fresh call */
  (void)started;
  call->holds++;
  call->in_slots = cb_slots_add(&server->loop->calls, call, &call->id);
  name_call(call);
  call->conn = crpc_server_conn_of(server, call->core);
  call->route = crpc_routes_find(&server->routes,
                                 GRPC_SLICE_START_PTR(call->details.method),
                                 GRPC_SLICE_LENGTH(call->details.method));
  if (admit(call)) open_call(call);
}

/* No batch has been started for the call if !ok: the server is shutting
 * down. */
static void on_accepted(struct crpc_tag *tag, bool ok) {
  struct crpc_call *call = CB_CONTAINER(tag, struct crpc_call, accepted);
  struct crpc_server *server = call->server;

  server->armed--;
  call->holds--;
  if (!ok) {
    free_call(call);
    crpc_server_settle(server);
    return;
  }
  crpc_server_arm(server);
  begin(call);
  crpc_call_settle(call);
}

static void on_closed(struct crpc_tag *tag, bool ok) {
  struct crpc_call *call = CB_CONTAINER(tag, struct crpc_call, closed);

  (void)ok; /* always true; what counts is the flag */
  call->holds--;
  if (call->core_cancelled) {
    call->stage = CRPC_AT_CLOSE;
    crpc_call_drop_queue(call);
    call->cancelled = true;
    crpc_call_tell_cancelled(call);
  }
  crpc_call_settle(call);
}

/* The core reads a message's length and ends the call itself if that is over
 * the limit. All that is left for us is to know why. */
static void note_too_large(struct crpc_call *call) {
  call->refused_by_core = true;
  call->status = cb_status_make(CB_RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE",
                                "the message is larger than this server takes");
}

/* The only message of a unary or server streaming call has come, or not. */
static void open_with_message(struct crpc_call *call, grpc_byte_buffer *bytes) {
  ProtobufCMessage *message = NULL;
  struct cb_status status;

  if (!bytes) {
    if (grpc_call_failed_before_recv_message(call->core)) return; /* left */
    status = cb_status_make(CB_INVALID_ARGUMENT, "MALFORMED_REQUEST",
                            "the call came without a request message");
    crpc_call_abort(call, &status);
    return;
  }
  status = crpc_call_unpack(call, bytes, crpc_call_arena(call), &message);
  if (status.code == CB_OK) {
    dispatch(call, message);
  } else {
    crpc_call_abort(call, &status);
  }
}

/* While the handler looks at a message, the call's arena is that of the
 * message: the handler may take it, and with it the message. */
static void show(struct crpc_call *call, const ProtobufCMessage *message,
                 struct cb_arena **arena) {
  struct cb_arena *own = call->arena;

  call->arena = *arena;
  call->events->message(call, message, call->ctx);
  *arena = call->arena;
  call->arena = own;
}

/* A message of a stream that there is no memory for now waits until there is,
 * for some time: the call that goes on is not new work to be refused. False if
 * it has waited long enough. */
static bool keep(struct crpc_call *call, grpc_byte_buffer *bytes,
                 const struct cb_status *status) {
  int64_t now = cb_now(NULL);

  if (strcmp(status->reason, crpc_no_memory().reason) != 0) return false;
  if (call->kept_since == 0) call->kept_since = now;
  if (now - call->kept_since > MEMORY_PATIENCE ||
      !crpc_loop_set_timer(call->server->loop, &call->retry,
                           now + MEMORY_WAIT)) {
    return false;
  }
  call->kept = bytes;
  call->reading = true;
  call->holds++;
  return true;
}

static void deliver(struct crpc_call *call, grpc_byte_buffer *bytes) {
  struct cb_arena *arena = NULL;
  ProtobufCMessage *message = NULL;
  struct cb_status status;

  if (!bytes) {
    if (grpc_call_failed_before_recv_message(call->core)) return; /* left */
    call->half_closed = true;
    if (call->events && call->events->half_closed) {
      call->events->half_closed(call, call->ctx);
    }
    return;
  }
  arena = crpc_call_new_arena(call);
  status = crpc_call_unpack(call, bytes, arena, &message);
  if (status.code != CB_OK) {
    if (!keep(call, bytes, &status)) crpc_call_abort(call, &status);
  } else if (call->events && call->events->message) {
    call->kept_since = 0;
    show(call, message, &arena);
  }
  cb_arena_free(arena);
}

static void on_received(struct crpc_tag *tag, bool ok) {
  struct crpc_call *call = CB_CONTAINER(tag, struct crpc_call, received);
  grpc_byte_buffer *bytes = call->message;

  call->message = NULL; /* the handler may start the next read in there */
  crpc_loop_cancel_timer(call->server->loop, &call->overdue);
  call->holds--;
  call->reading = false;
  if (call->stage == CRPC_AT_END || call->stage == CRPC_AT_CLOSE) {
    /* Nobody wants it any more. */
  } else if (!ok) {
    note_too_large(call);
  } else if (call->stage == CRPC_AT_REQUEST) {
    open_with_message(call, bytes);
  } else {
    deliver(call, bytes);
  }
  if (bytes && call->kept != bytes) grpc_byte_buffer_destroy(bytes);
  crpc_call_settle(call);
}

static void on_retry(struct cb_timer *timer) {
  struct crpc_call *call = CB_CONTAINER(timer, struct crpc_call, retry);
  grpc_byte_buffer *bytes = call->kept;

  call->kept = NULL;
  call->reading = false;
  call->holds--;
  if (call->stage == CRPC_AT_HANDLER) deliver(call, bytes);
  if (call->kept != bytes) grpc_byte_buffer_destroy(bytes);
  crpc_call_settle(call);
}

static struct crpc_call *new_call(struct crpc_server *server) {
  struct crpc_call *call = calloc(1, sizeof *call);

  if (!call) return NULL;
  call->server = server;
  call->accepted.run = on_accepted;
  call->closed.run = on_closed;
  call->received.run = on_received;
  call->sent.run = crpc_call_on_sent;
  call->late.deliver = crpc_call_on_late;
  call->retry.fire = on_retry;
  call->overdue.fire = on_overdue;
  call->stuck.fire = crpc_call_on_stuck;
  call->last_out = &call->first_out;
  call->status = cb_status_ok();
  call->details_bin = grpc_empty_slice();
  grpc_call_details_init(&call->details);
  grpc_metadata_array_init(&call->metadata);
  return call;
}

void crpc_server_arm(struct crpc_server *server) {
  while (!server->draining && server->armed < ARMED_CALLS) {
    struct crpc_call *call = new_call(server);
    grpc_completion_queue *queue = server->loop->queue;

    if (!call) return; /* the next call that comes tries again */
    crpc_loop_tag_given(server->loop, &call->accepted);
    if (grpc_server_request_call(server->core, &call->core, &call->details,
                                 &call->metadata, queue, queue,
                                 &call->accepted) != GRPC_CALL_OK) {
      crpc_loop_tag_refused(server->loop);
      free_call(call);
      return;
    }
    call->holds++;
    server->armed++;
  }
}
