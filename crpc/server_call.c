#include "crpc/call.h"

#include <assert.h>
#include <grpc/byte_buffer.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "crpc/payload.h"
#include "crpc/server_internal.h"
#include "crpc/wire.h"

/* A call object is alive while it holds something: a batch in the core's
 * hands, or mail to itself. Every tag ends with crpc_call_settle(), the only
 * place that frees it, so no handler can pull it away from under its caller.
 */

/* The scratch arena has metadata, the status, and copies of what was looked
 * up: mostly a few hundred bytes. It is not charged to the budget, since the
 * refusal for want of memory is made in it, too. */
#define SCRATCH_MAX ((size_t)128 * 1024)
#define SCRATCH_FIRST ((size_t)512)

/* What a handler may put into the request's arena besides the request. */
#define HANDLER_ROOM ((size_t)256 * 1024)

void crpc_call_set_events(struct crpc_call *call,
                          const struct crpc_call_events *events, void *ctx) {
  call->events = events;
  call->ctx = ctx;
  if (!call->cancelled || call->told || call->late_posted) return;
  call->late_posted = true;
  call->holds++;
  crpc_loop_post(call->server->loop, &call->late);
}

void crpc_call_on_late(struct cb_mail *mail) {
  struct crpc_call *call = CB_CONTAINER(mail, struct crpc_call, late);

  call->holds--;
  call->late_posted = false;
  crpc_call_tell_cancelled(call);
  crpc_call_settle(call);
}

void crpc_call_tell_cancelled(struct crpc_call *call) {
  if (call->told || !call->events) return;
  call->told = true;
  if (call->events->cancelled) call->events->cancelled(call, call->ctx);
}

bool crpc_call_start_read(struct crpc_call *call) {
  grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};

  op.data.recv_message.recv_message = &call->message;
  if (!crpc_loop_start_batch(call->server->loop, call->core, &op, 1,
                             &call->received)) {
    grpc_call_cancel(call->core, NULL); /* its close ends the call */
    return false;
  }
  call->holds++;
  call->reading = true;
  return true;
}

void crpc_call_read(struct crpc_call *call) {
  if (call->stage != CRPC_AT_HANDLER || call->half_closed) return;
  assert(!call->reading);
  crpc_call_start_read(call);
}

struct cb_status crpc_call_unpack(struct crpc_call *call,
                                  grpc_byte_buffer *bytes,
                                  struct cb_arena *arena,
                                  ProtobufCMessage **ret_message) {
  const struct crpc_server_options *options = &call->server->options;
  const struct crpc_payload_limits limits = {
      .max_bytes = options->max_request_bytes,
      .max_unpacked = options->max_unpacked_bytes,
      .budget = options->budget};

  if (!arena) return crpc_no_memory();
  return crpc_payload_unpack(bytes, call->route->method->request, &limits,
                             arena, ret_message);
}

struct cb_arena *crpc_call_new_arena(struct crpc_call *call) {
  const struct crpc_server_options *options = &call->server->options;

  return cb_arena_new(options->budget,
                      options->max_unpacked_bytes + HANDLER_ROOM, 0);
}

struct cb_arena *crpc_call_scratch(struct crpc_call *call) {
  if (!call->scratch) {
    call->scratch = cb_arena_new(NULL, SCRATCH_MAX, SCRATCH_FIRST);
  }
  return call->scratch;
}

struct cb_arena *crpc_call_arena(struct crpc_call *call) {
  if (!call->arena) call->arena = crpc_call_new_arena(call);
  return call->arena;
}

struct cb_arena *crpc_call_take_arena(struct crpc_call *call) {
  struct cb_arena *arena = crpc_call_arena(call);

  call->arena = NULL;
  return arena;
}

/* A caller gives up at its own deadline, and its word may be here before the
 * deadline is: it travels as a duration of three digits, rounded up. */
static bool time_was_up(const struct crpc_call *call) {
  int64_t slack;

  if (call->deadline == CB_NEVER) return false;
  slack = (call->deadline - call->started) / 100 + 20 * CB_MILLISECOND;
  return cb_now(NULL) >= call->deadline - slack;
}

/* How the caller saw the call end. */
static struct cb_status final_status(const struct crpc_call *call) {
  if (!call->core_cancelled || call->refused_by_core || call->reader_gone) {
    return call->status;
  }
  if (time_was_up(call)) {
    return cb_status_make(CB_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED",
                          "the deadline passed before the call was done");
  }
  return cb_status_make(CB_CANCELLED, "CANCELLED",
                        "the caller left before the call was done");
}

static void report(struct crpc_call *call) {
  const struct crpc_server_options *options = &call->server->options;
  struct crpc_call_report what = {.method = "",
                                  .request_id = call->request_id,
                                  .peer = crpc_call_peer(call),
                                  .status = final_status(call),
                                  .duration = cb_now(NULL) - call->started};
  char *path = NULL;

  if (!options->call_ended) return;
  if (call->route) {
    what.method = call->route->path;
  } else if (crpc_call_scratch(call)) {
    path = crpc_slice_text(call->details.method, call->scratch);
    if (path) what.method = path;
  }
  options->call_ended(&what, options->self);
}

static void free_call(struct crpc_call *call) {
  crpc_metadata_unref(&call->initial_sending);
  crpc_metadata_unref(&call->trailing_sending);
  grpc_slice_unref(call->details_bin);
  if (call->in_slots) cb_slots_remove(&call->server->loop->calls, call->id);
  if (call->conn) crpc_conn_unref(call->conn);
  cb_arena_free(call->arena);
  cb_arena_free(call->scratch);
  grpc_call_details_destroy(&call->details);
  grpc_metadata_array_destroy(&call->metadata);
  grpc_call_unref(call->core);
  free(call);
}

void crpc_call_settle(struct crpc_call *call) {
  struct crpc_server *server = call->server;

  if (call->holds > 0) return;
  call->stage = CRPC_AT_CLOSE;
  if (call->dispatched && call->events && call->events->done) {
    call->events->done(call, call->ctx);
  }
  crpc_call_drop_queue(call);
  report(call);
  if (call->working) server->calls_working--;
  free_call(call);
  server->calls_live--;
  crpc_loop_call_gone(server->loop);
  crpc_server_settle(server);
}

int64_t crpc_call_deadline(const struct crpc_call *call) {
  return call->deadline;
}

int64_t crpc_call_started(const struct crpc_call *call) {
  return call->started;
}

bool crpc_call_is_cancelled(const struct crpc_call *call) {
  return call->cancelled;
}

size_t crpc_call_queued_bytes(const struct crpc_call *call) {
  return call->queued_bytes;
}

const char *crpc_call_metadata(struct crpc_call *call, const char *key,
                               size_t *ret_size) {
  const grpc_slice *value = crpc_metadata_find(&call->metadata, key);
  struct cb_arena *scratch = value ? crpc_call_scratch(call) : NULL;

  if (!scratch) return NULL;
  if (ret_size) *ret_size = GRPC_SLICE_LENGTH(*value);
  return crpc_slice_text(*value, scratch);
}

void crpc_call_add_initial_bytes(struct crpc_call *call, const char *key,
                                 const void *value, size_t size) {
  if (call->initial_sent) return;
  crpc_metadata_add(&call->initial, crpc_call_scratch(call), key, value, size);
}

void crpc_call_add_trailing_bytes(struct crpc_call *call, const char *key,
                                  const void *value, size_t size) {
  crpc_metadata_add(&call->trailing, crpc_call_scratch(call), key, value, size);
}

void crpc_call_add_initial(struct crpc_call *call, const char *key,
                           const char *value) {
  crpc_call_add_initial_bytes(call, key, value, strlen(value));
}

void crpc_call_add_trailing(struct crpc_call *call, const char *key,
                            const char *value) {
  crpc_call_add_trailing_bytes(call, key, value, strlen(value));
}

struct cb_id crpc_call_id(const struct crpc_call *call) {
  return call->id;
}

struct crpc_call *crpc_call_find(struct crpc_loop *loop, struct cb_id id) {
  return cb_slots_find(&loop->calls, id);
}

struct crpc_loop *crpc_call_loop(const struct crpc_call *call) {
  return call->server->loop;
}

const struct crpc_method *crpc_call_method(const struct crpc_call *call) {
  return call->route->method;
}

const char *crpc_call_peer(const struct crpc_call *call) {
  return call->conn ? call->conn->peer : "";
}

const char *crpc_call_request_id(const struct crpc_call *call) {
  return call->request_id;
}
