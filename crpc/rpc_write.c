#include <assert.h>
#include <grpc/byte_buffer.h>
#include <limits.h>

#include "base/budget.h"
#include "crpc/client_internal.h"
#include "crpc/payload.h"

/* Messages of a streaming client: one in the core's hands at a time, and
 * nothing is queued here. The core gives it back when the transport has taken
 * it, and the transport takes no more than the server's window allows. */

void crpc_rpc_uncharge(struct crpc_rpc *rpc) {
  if (rpc->charged > 0) {
    cb_budget_release(rpc->channel->options.budget, rpc->charged);
  }
  rpc->charged = 0;
}

grpc_byte_buffer *crpc_rpc_pack(struct crpc_rpc *rpc,
                                const ProtobufCMessage *message) {
  struct cb_budget *budget = rpc->channel->options.budget;
  size_t size = protobuf_c_message_get_packed_size(message);
  grpc_byte_buffer *bytes;

  assert(rpc->charged == 0);
  if (size > INT_MAX) return NULL;
  if (budget) {
    if (!cb_budget_charge(budget, size)) return NULL;
    rpc->charged = size;
  }
  bytes = crpc_payload_pack(message, size);
  if (!bytes) crpc_rpc_uncharge(rpc);
  return bytes;
}

#ifndef NDEBUG /* only asserted */
static bool is_client_streaming(const struct crpc_rpc *rpc) {
  return rpc->method->kind == CRPC_CLIENT_STREAMING ||
         rpc->method->kind == CRPC_BIDI;
}
#endif

static bool start(struct crpc_rpc *rpc, const grpc_op *op) {
  if (crpc_rpc_start_batch(rpc, op, 1, &rpc->sent)) {
    rpc->sending = true;
    return true;
  }
  rpc->write_closed = true;
  grpc_call_cancel(rpc->core, NULL); /* the status will say so */
  return false;
}

enum crpc_send crpc_rpc_write(struct crpc_channel *channel, struct cb_id id,
                              const ProtobufCMessage *message) {
  struct crpc_rpc *rpc = cb_slots_find(&channel->rpcs, id);
  grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};
  grpc_byte_buffer *bytes;
  bool started;

  if (!rpc) return CRPC_CLOSED;
  assert(is_client_streaming(rpc));
  assert(message->descriptor == rpc->method->request);
  if (rpc->half_closed || rpc->write_closed || rpc->has_ended) {
    return CRPC_CLOSED;
  }
  if (rpc->sending) {
    rpc->wants_room = true;
    return CRPC_WAIT;
  }
  bytes = crpc_rpc_pack(rpc, message);
  if (!bytes) return CRPC_NO_MEMORY;
  op.data.send_message.send_message = bytes;
  started = start(rpc, &op);
  grpc_byte_buffer_destroy(bytes); /* the core has the slices */
  return started ? CRPC_SENT : CRPC_CLOSED;
}

static void send_close(struct crpc_rpc *rpc) {
  const grpc_op op = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};

  rpc->close_pending = false;
  start(rpc, &op);
}

void crpc_rpc_half_close(struct crpc_channel *channel, struct cb_id id) {
  struct crpc_rpc *rpc = cb_slots_find(&channel->rpcs, id);

  if (!rpc || rpc->half_closed) return;
  assert(is_client_streaming(rpc));
  rpc->half_closed = true;
  rpc->wants_room = false;
  if (rpc->write_closed || rpc->has_ended) return;
  if (rpc->sending) {
    rpc->close_pending = true;
  } else {
    send_close(rpc);
  }
}

void crpc_rpc_on_sent(struct crpc_tag *tag, bool ok) {
  struct crpc_rpc *rpc = CB_CONTAINER(tag, struct crpc_rpc, sent);

  rpc->holds--;
  rpc->sending = false;
  crpc_rpc_uncharge(rpc);
  if (!ok) rpc->write_closed = true;
  if (rpc->close_pending && !rpc->write_closed) send_close(rpc);
  if (rpc->wants_room && !rpc->has_ended) {
    rpc->wants_room = false;
    if (rpc->sink.writable) rpc->sink.writable(rpc->sink.ctx);
  }
  crpc_rpc_settle(rpc);
}
