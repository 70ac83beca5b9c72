#include <assert.h>
#include <grpc/byte_buffer.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/clock.h"
#include "crpc/payload.h"
#include "crpc/server_internal.h"
#include "crpc/status_details.h"
#include "crpc/wire.h"

/* What leaves a call: messages in a queue, one batch in the core's hands at a
 * time, and the status behind the last message, in the same batch with it.
 * Initial metadata goes with the first message. A call that fails before any
 * message sends trailers only. */

/* The last batch of a call has all three. */
struct batch {
  grpc_op ops[3];
  size_t count;
  struct crpc_metadata_array initial;
  struct crpc_metadata_array trailing;
  grpc_slice text; /* grpc-message */
};

static void free_out(struct crpc_call *call, struct crpc_out *out) {
  assert(call->queued_bytes >= out->cost);
  call->queued_bytes -= out->cost;
  if (call->server->options.budget) {
    cb_budget_release(call->server->options.budget, out->charged);
  }
  if (out->bytes) grpc_byte_buffer_destroy(out->bytes);
  free(out);
}

static void pop_out(struct crpc_call *call) {
  struct crpc_out *out = call->first_out;

  call->first_out = out->next;
  if (!out->next) call->last_out = &call->first_out;
  free_out(call, out);
}

/* The message that is in the core's hands stays: it is popped by its tag. */
void crpc_call_drop_queue(struct crpc_call *call) {
  struct crpc_out *keep = call->sending_message ? call->first_out : NULL;
  struct crpc_out *out = keep ? keep->next : call->first_out;

  while (out) {
    struct crpc_out *next = out->next;

    free_out(call, out);
    out = next;
  }
  call->first_out = keep;
  call->last_out = keep ? &keep->next : &call->first_out;
  if (keep) keep->next = NULL;
}

static grpc_op *add_op(struct batch *batch, grpc_op_type type) {
  grpc_op *op = &batch->ops[batch->count++];

  *op = (grpc_op){.op = type};
  return op;
}

static void push_id(struct crpc_call *call, struct crpc_metadata_array *to) {
  crpc_metadata_push(to, "x-request-id",
                     grpc_slice_from_copied_string(call->request_id));
}

static void add_initial(struct crpc_call *call, struct batch *batch,
                        bool with_id) {
  struct crpc_metadata_array *initial = &call->initial_sending;
  grpc_op *op = add_op(batch, GRPC_OP_SEND_INITIAL_METADATA);

  crpc_metadata_fill(&call->initial, with_id ? 1 : 0, crpc_call_scratch(call),
                     initial);
  if (with_id) push_id(call, initial);
  op->data.send_initial_metadata.count = initial->count;
  op->data.send_initial_metadata.metadata = initial->pairs;
  call->initial_sent = true;
}

static void add_status(struct crpc_call *call, struct batch *batch,
                       bool with_id) {
  struct crpc_metadata_array *trailing = &call->trailing_sending;
  grpc_op *op = add_op(batch, GRPC_OP_SEND_STATUS_FROM_SERVER);

  crpc_metadata_fill(&call->trailing, 2, crpc_call_scratch(call), trailing);
  if (with_id) push_id(call, trailing);
  if (GRPC_SLICE_LENGTH(call->details_bin) > 0) {
    crpc_metadata_push(trailing, "grpc-status-details-bin", call->details_bin);
    call->details_bin = grpc_empty_slice();
  }
  op->data.send_status_from_server.trailing_metadata_count = trailing->count;
  op->data.send_status_from_server.trailing_metadata = trailing->pairs;
  op->data.send_status_from_server.status = (grpc_status_code)call->status.code;
  if (call->text) {
    batch->text = grpc_slice_from_copied_string(call->text);
    op->data.send_status_from_server.status_details = &batch->text;
  }
  call->status_sent = true;
}

/* Set only while a batch is in the core's hands, which keeps the call alive. */
void crpc_call_on_stuck(struct cb_timer *timer) {
  struct crpc_call *call = CB_CONTAINER(timer, struct crpc_call, stuck);

  call->status = cb_status_make(CB_DEADLINE_EXCEEDED, "READER_TIMEOUT",
                                "the caller has stopped reading the answer");
  call->reader_gone = true;
  /* Its close tells the handler. */
  grpc_call_cancel_with_status(call->core, GRPC_STATUS_DEADLINE_EXCEEDED,
                               call->status.message, NULL);
}

/* Without memory for the timer the call does without. */
static void await_reader(struct crpc_call *call) {
  struct crpc_server *server = call->server;
  int64_t until = cb_time_add(cb_now(NULL), server->options.reader_timeout);

  if (until == CB_NEVER) return;
  crpc_loop_set_timer(server->loop, &call->stuck, until);
}

/* With more behind it, a message need not make a packet of its own. */
static void add_message(struct batch *batch, struct crpc_out *out) {
  grpc_op *op = add_op(batch, GRPC_OP_SEND_MESSAGE);

  op->data.send_message.send_message = out->bytes;
  if (out->next) op->flags = GRPC_WRITE_BUFFER_HINT;
}

static bool start(struct crpc_call *call, struct batch *batch,
                  struct crpc_out *out) {
  bool ok = crpc_loop_start_batch(call->server->loop, call->core, batch->ops,
                                  batch->count, &call->sent);

  grpc_slice_unref(batch->text);
  if (!ok) return false;
  call->holds++;
  call->sending = true;
  call->sending_message = out != NULL;
  await_reader(call);
  if (out) {
    grpc_byte_buffer_destroy(out->bytes); /* the core has the slices */
    out->bytes = NULL;
  }
  return true;
}

void crpc_call_pump(struct crpc_call *call) {
  struct crpc_out *out = call->first_out;
  struct batch batch = {.text = grpc_empty_slice()};
  bool last = call->stage == CRPC_AT_END && (!out || !out->next);
  bool bare = !out && !call->initial_sent && call->initial.count == 0 &&
              call->status.code != CB_OK; /* trailers only */

  if (call->sending || call->status_sent || call->stage == CRPC_AT_CLOSE)
    return;
  if (!out && !last) return;
  if (!call->initial_sent) add_initial(call, &batch, !bare);
  if (out) add_message(&batch, out);
  if (last) add_status(call, &batch, bare);
  if (!start(call, &batch, out)) {
    grpc_call_cancel(call->core, NULL); /* its close ends the call */
    call->stage = CRPC_AT_CLOSE;
    crpc_call_drop_queue(call);
  }
}

static bool has_room(const struct crpc_call *call) {
  return call->queued_bytes <= call->server->options.send_queue_bytes / 2;
}

void crpc_call_on_sent(struct crpc_tag *tag, bool ok) {
  struct crpc_call *call = CB_CONTAINER(tag, struct crpc_call, sent);

  crpc_loop_cancel_timer(call->server->loop, &call->stuck);
  call->holds--;
  call->sending = false;
  if (call->sending_message) {
    call->sending_message = false;
    pop_out(call);
  }
  if (!ok) {
    call->stage = CRPC_AT_CLOSE; /* its close will say so */
    crpc_call_drop_queue(call);
  }
  crpc_call_pump(call);
  if (call->wants_room && call->stage == CRPC_AT_HANDLER && has_room(call)) {
    call->wants_room = false;
    if (call->events && call->events->writable) {
      call->events->writable(call, call->ctx);
    }
  }
  crpc_call_settle(call);
}

/* Packs message to the end of the queue. */
static enum crpc_send enqueue(struct crpc_call *call,
                              const ProtobufCMessage *message, bool limited) {
  const struct crpc_server_options *options = &call->server->options;
  size_t size = protobuf_c_message_get_packed_size(message);
  size_t cost = size + sizeof(struct crpc_out);
  size_t charged = cost;
  struct crpc_out *out;

  if (size > options->max_response_bytes) return CRPC_NO_MEMORY;
  if (limited && call->queued_bytes > 0 &&
      call->queued_bytes + cost > options->send_queue_bytes) {
    call->wants_room = true;
    return CRPC_WAIT;
  }
  /* What is to be sent may be what holds all the memory, and would wait for
   * itself: each call may have one message that is charged to nobody. */
  if (options->budget && !cb_budget_charge(options->budget, cost)) {
    if (call->queued_bytes > 0) return CRPC_NO_MEMORY;
    charged = 0;
  }
  out = calloc(1, sizeof *out);
  if (out) out->bytes = crpc_payload_pack(message, size);
  if (!out || !out->bytes) {
    free(out);
    if (options->budget) cb_budget_release(options->budget, charged);
    return CRPC_NO_MEMORY;
  }
  out->cost = cost;
  out->charged = charged;
  *call->last_out = out;
  call->last_out = &out->next;
  call->queued_bytes += cost;
  return CRPC_SENT;
}

enum crpc_send crpc_call_send(struct crpc_call *call,
                              const ProtobufCMessage *message) {
  enum crpc_send sent;

  if (call->stage != CRPC_AT_HANDLER) return CRPC_CLOSED;
  sent = enqueue(call, message, true);
  if (sent == CRPC_SENT) crpc_call_pump(call);
  return sent;
}

/* Keeps what is to be sent of status: both the words for the trailers and the
 * copy for the report. */
static void set_status(struct crpc_call *call, const struct cb_status *status) {
  struct cb_arena *scratch = crpc_call_scratch(call);
  struct crpc_trailers trailers;

  call->status = cb_status_make(status->code, "", "");
  call->text = NULL;
  if (status->code == CB_OK || !scratch) return;
  call->status = cb_status_copy(status, scratch);
  crpc_status_pack(&call->status, call->server->options.domain, scratch,
                   &trailers);
  call->text = trailers.message;
  if (trailers.details_size > 0) {
    call->details_bin = grpc_slice_from_copied_buffer(
        (const char *)trailers.details, trailers.details_size);
  }
}

static void end(struct crpc_call *call, const struct cb_status *status) {
  set_status(call, status);
  call->stage = CRPC_AT_END;
  crpc_call_pump(call);
}

/* A handler ends its call once; after the caller has left, or we ended it, it
 * may still try. */
static bool handler_may_end(struct crpc_call *call) {
  assert(!call->ended_by_handler);
  call->ended_by_handler = true;
  return call->stage == CRPC_AT_HANDLER;
}

enum crpc_send crpc_call_reply(struct crpc_call *call,
                               const ProtobufCMessage *message) {
  size_t most = call->server->options.max_response_bytes;
  struct cb_status status = cb_status_ok();
  enum crpc_send sent;

  if (!handler_may_end(call)) return CRPC_CLOSED;
  sent = enqueue(call, message, false);
  if (sent == CRPC_NO_MEMORY) {
    status = crpc_no_memory();
    if (protobuf_c_message_get_packed_size(message) > most) {
      status = cb_status_make(CB_RESOURCE_EXHAUSTED, "RESPONSE_TOO_LARGE",
                              "the answer is larger than this server sends");
    }
  }
  end(call, &status);
  return sent;
}

void crpc_call_finish(struct crpc_call *call) {
  struct cb_status ok = cb_status_ok();

  if (handler_may_end(call)) end(call, &ok);
}

void crpc_call_fail(struct crpc_call *call, const struct cb_status *status) {
  assert(status->code != CB_OK);
  if (handler_may_end(call)) end(call, status);
}

void crpc_call_abort(struct crpc_call *call, const struct cb_status *status) {
  if (call->stage == CRPC_AT_CLOSE || call->stage == CRPC_AT_END) return;
  end(call, status);
  if (call->cancelled) return;
  call->cancelled = true;
  crpc_call_tell_cancelled(call);
}
