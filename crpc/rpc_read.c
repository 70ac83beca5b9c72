#include <grpc/byte_buffer.h>
#include <string.h>

#include "base/arena.h"
#include "crpc/client_internal.h"
#include "crpc/payload.h"
#include "crpc/wire.h"

/* Messages that come, one read in the core's hands at a time. Where the server
 * sends one answer it is kept until the status says that it counts; a client
 * stream reads once more, to see that it was the only one. */

static bool is_no_memory(const struct cb_status *status) {
  return strcmp(status->reason, crpc_no_memory().reason) == 0;
}

/* An answer that we cannot take: the call ends with our word on it. What says
 * why speaks of a server, and of requests. */
static void reject(struct crpc_rpc *rpc, const struct cb_status *status) {
  rpc->verdict = cb_status_copy(status, rpc->arena);
  if (is_no_memory(status)) {
    rpc->verdict = cb_status_make(CB_RESOURCE_EXHAUSTED, "CLIENT_OUT_OF_MEMORY",
                                  "no memory is left for the answer");
  } else if (status->code == CB_RESOURCE_EXHAUSTED) {
    rpc->verdict.reason = "RESPONSE_TOO_LARGE";
  } else {
    rpc->verdict.code = CB_INTERNAL;
    rpc->verdict.reason = "MALFORMED_RESPONSE";
  }
  grpc_call_cancel(rpc->core, NULL);
}

void crpc_rpc_deliver(struct crpc_rpc *rpc, grpc_byte_buffer *bytes) {
  const struct crpc_channel_options *options = &rpc->channel->options;
  const struct crpc_payload_limits limits = {
      .max_bytes = options->max_response_bytes,
      .max_unpacked = options->max_unpacked_bytes,
      .budget = options->budget};
  struct cb_status status = crpc_no_memory();
  struct cb_arena *arena = cb_arena_new(
      options->budget, options->max_unpacked_bytes + CRPC_RPC_SCRATCH_MAX, 0);
  ProtobufCMessage *message = NULL;

  if (arena) {
    status = crpc_payload_unpack(bytes, rpc->method->response, &limits, arena,
                                 &message);
  }
  if (status.code == CB_OK) {
    rpc->got_message = true;
    rpc->in_delivery = true;
    rpc->method->deliver(rpc->sink.events, message, rpc->sink.ctx);
    rpc->in_delivery = false;
  } else {
    reject(rpc, &status);
  }
  cb_arena_free(arena);
}

void crpc_rpc_read_next(struct crpc_rpc *rpc) {
  grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};

  op.data.recv_message.recv_message = &rpc->message;
  if (!crpc_rpc_start_batch(rpc, &op, 1, &rpc->received)) {
    grpc_call_cancel(rpc->core, NULL); /* the status will say so */
    return;
  }
  rpc->reading = true;
}

static void keep_answer(struct crpc_rpc *rpc) {
  const struct cb_status second =
      cb_status_make(CB_INTERNAL, "MALFORMED_RESPONSE",
                     "the server sent more than one answer");

  if (rpc->answer) {
    reject(rpc, &second);
    grpc_byte_buffer_destroy(rpc->message);
  } else {
    rpc->answer = rpc->message;
  }
  rpc->message = NULL;
}

static void take_message(struct crpc_rpc *rpc) {
  grpc_byte_buffer *bytes = rpc->message;

  if (crpc_rpc_is_single(rpc)) {
    keep_answer(rpc);
    return;
  }
  rpc->message = NULL;
  if (rpc->verdict.code == CB_OK) crpc_rpc_deliver(rpc, bytes);
  grpc_byte_buffer_destroy(bytes);
}

void crpc_rpc_on_received(struct crpc_tag *tag, bool ok) {
  struct crpc_rpc *rpc = CB_CONTAINER(tag, struct crpc_rpc, received);

  (void)ok; /* what went wrong is in the status */
  rpc->holds--;
  rpc->reading = false;
  if (rpc->message) {
    take_message(rpc);
    if (!rpc->paused && rpc->verdict.code == CB_OK) crpc_rpc_read_next(rpc);
  } else {
    rpc->no_more = true;
  }
  crpc_rpc_settle(rpc);
}

void crpc_rpc_pause(struct crpc_channel *channel, struct cb_id id) {
  struct crpc_rpc *rpc = cb_slots_find(&channel->rpcs, id);

  if (rpc && !crpc_rpc_is_single(rpc)) rpc->paused = true;
}

void crpc_rpc_resume(struct crpc_channel *channel, struct cb_id id) {
  struct crpc_rpc *rpc = cb_slots_find(&channel->rpcs, id);

  if (!rpc || !rpc->paused) return;
  rpc->paused = false;
  if (rpc->reading || rpc->no_more || rpc->has_ended ||
      rpc->verdict.code != CB_OK || rpc->in_delivery) {
    return; /* nothing to read, or inside its delivery, which goes on itself */
  }
  crpc_rpc_read_next(rpc);
}
