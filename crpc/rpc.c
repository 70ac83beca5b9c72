#include <assert.h>
#include <grpc/byte_buffer.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/clock.h"
#include "crpc/client_internal.h"
#include "crpc/status_details.h"

/* A unary call is one batch: all that is sent and all that comes. The others
 * have several: the opening, which waits for the server's initial metadata (a
 * single request goes with it); one read after the other; one write after the
 * other where the client streams; and the status, which the core hands out only
 * after all messages were read. The call is done when nothing is in the core's
 * hands any more. */

#define SCRATCH_FIRST ((size_t)512)

bool crpc_rpc_is_single(const struct crpc_rpc *rpc) {
  return rpc->method->kind == CRPC_UNARY ||
         rpc->method->kind == CRPC_CLIENT_STREAMING;
}

static void free_rpc(struct crpc_rpc *rpc) {
  crpc_rpc_uncharge(rpc);
  crpc_metadata_unref(&rpc->sending_metadata);
  if (rpc->answer) grpc_byte_buffer_destroy(rpc->answer);
  grpc_metadata_array_destroy(&rpc->initial);
  grpc_metadata_array_destroy(&rpc->trailing);
  grpc_slice_unref(rpc->text);
  cb_slots_remove(&rpc->channel->rpcs, rpc->id);
  cb_list_remove(&rpc->link);
  if (rpc->core) grpc_call_unref(rpc->core);
  cb_arena_free(rpc->arena);
  free(rpc);
}

static const char *text_or_empty(grpc_slice slice, struct cb_arena *arena) {
  const char *text = crpc_slice_text(slice, arena);

  return text ? text : "";
}

static void read_status(struct crpc_rpc *rpc, struct cb_status *ret_status) {
  const grpc_slice *details =
      crpc_metadata_find(&rpc->trailing, "grpc-status-details-bin");
  const char *text = text_or_empty(rpc->text, rpc->arena);
  enum cb_code code = rpc->code <= GRPC_STATUS_UNAUTHENTICATED
                          ? (enum cb_code)rpc->code
                          : CB_UNKNOWN;

  if (rpc->verdict.code != CB_OK) {
    *ret_status = rpc->verdict;
  } else if (code == CB_OK) {
    *ret_status = cb_status_ok();
    if (crpc_rpc_is_single(rpc) && !rpc->got_message) {
      *ret_status = cb_status_make(CB_INTERNAL, "MALFORMED_RESPONSE",
                                   "the server sent no answer");
    }
  } else {
    *ret_status = crpc_status_parse(
        code, text, details ? GRPC_SLICE_START_PTR(*details) : NULL,
        details ? GRPC_SLICE_LENGTH(*details) : 0, rpc->arena);
  }
}

void crpc_rpc_settle(struct crpc_rpc *rpc) {
  struct crpc_channel *channel = rpc->channel;
  struct crpc_loop *loop = channel->loop;
  struct crpc_outcome outcome = {0};

  if (rpc->holds > 0) return;
  if (rpc->answer && rpc->code == GRPC_STATUS_OK &&
      rpc->verdict.code == CB_OK) {
    crpc_rpc_deliver(rpc, rpc->answer);
  }
  read_status(rpc, &outcome.status);
  outcome.initial_count =
      crpc_metadata_pairs(&rpc->initial, rpc->arena, &outcome.initial_metadata);
  outcome.trailing_count = crpc_metadata_pairs(&rpc->trailing, rpc->arena,
                                               &outcome.trailing_metadata);
  cb_slots_remove(&channel->rpcs, rpc->id);
  if (rpc->sink.done) rpc->sink.done(rpc->sink.ctx, &outcome);
  free_rpc(rpc);
  crpc_loop_call_gone(loop);
  crpc_channel_unref(channel);
}

static void on_opened(struct crpc_tag *tag, bool ok) {
  struct crpc_rpc *rpc = CB_CONTAINER(tag, struct crpc_rpc, opened);

  (void)ok; /* what went wrong is in the status */
  rpc->holds--;
  crpc_rpc_settle(rpc);
}

/* For a unary call this is its only batch. */
static void on_ended(struct crpc_tag *tag, bool ok) {
  struct crpc_rpc *rpc = CB_CONTAINER(tag, struct crpc_rpc, ended);

  (void)ok;
  rpc->holds--;
  rpc->has_ended = true;
  if (rpc->method->kind == CRPC_UNARY) {
    rpc->answer = rpc->message;
    rpc->message = NULL;
  }
  crpc_rpc_settle(rpc);
}

/* request is NULL where the client streams. */
static size_t opening_ops(struct crpc_rpc *rpc, grpc_op *ops, uint32_t flags,
                          grpc_byte_buffer *request) {
  size_t count = 0;

  ops[count] = (grpc_op){.op = GRPC_OP_SEND_INITIAL_METADATA, .flags = flags};
  ops[count].data.send_initial_metadata.count = rpc->sending_metadata.count;
  ops[count++].data.send_initial_metadata.metadata =
      rpc->sending_metadata.pairs;
  if (request) {
    ops[count] = (grpc_op){.op = GRPC_OP_SEND_MESSAGE};
    ops[count++].data.send_message.send_message = request;
    ops[count++] = (grpc_op){.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};
  }
  ops[count] = (grpc_op){.op = GRPC_OP_RECV_INITIAL_METADATA};
  ops[count++].data.recv_initial_metadata.recv_initial_metadata = &rpc->initial;
  return count;
}

static size_t status_op(struct crpc_rpc *rpc, grpc_op *op) {
  *op = (grpc_op){.op = GRPC_OP_RECV_STATUS_ON_CLIENT};
  op->data.recv_status_on_client.trailing_metadata = &rpc->trailing;
  op->data.recv_status_on_client.status = &rpc->code;
  op->data.recv_status_on_client.status_details = &rpc->text;
  return 1;
}

bool crpc_rpc_start_batch(struct crpc_rpc *rpc, const grpc_op *ops,
                          size_t count, struct crpc_tag *tag) {
  if (!crpc_loop_start_batch(rpc->channel->loop, rpc->core, ops, count, tag)) {
    return false;
  }
  rpc->holds++;
  return true;
}

/* False if the core took none of it: the call never began. */
static bool start_batches(struct crpc_rpc *rpc, uint32_t flags,
                          grpc_byte_buffer *request) {
  grpc_op ops[6];
  size_t count;

  if (rpc->method->kind == CRPC_UNARY) {
    count = opening_ops(rpc, ops, flags, request);
    ops[count] = (grpc_op){.op = GRPC_OP_RECV_MESSAGE};
    ops[count++].data.recv_message.recv_message = &rpc->message;
    count += status_op(rpc, &ops[count]);
    return crpc_rpc_start_batch(rpc, ops, count, &rpc->ended);
  }
  count = status_op(rpc, ops);
  if (!crpc_rpc_start_batch(rpc, ops, count, &rpc->ended)) return false;
  count = opening_ops(rpc, ops, flags, request);
  if (crpc_rpc_start_batch(rpc, ops, count, &rpc->opened)) {
    crpc_rpc_read_next(rpc);
  } else {
    grpc_call_cancel(rpc->core, NULL);
  }
  return true;
}

static struct crpc_rpc *new_rpc(struct crpc_channel *channel,
                                const struct crpc_method *method,
                                const struct crpc_rpc_options *options) {
  int64_t deadline = options->deadline > 0 ? options->deadline : CB_NEVER;
  struct crpc_rpc *rpc = calloc(1, sizeof *rpc);

  if (!rpc) return NULL;
  rpc->channel = channel;
  rpc->method = method;
  rpc->opened.run = on_opened;
  rpc->sent.run = crpc_rpc_on_sent;
  rpc->received.run = crpc_rpc_on_received;
  rpc->ended.run = on_ended;
  rpc->verdict = cb_status_ok();
  rpc->text = grpc_empty_slice();
  cb_list_init(&rpc->link);
  grpc_metadata_array_init(&rpc->initial);
  grpc_metadata_array_init(&rpc->trailing);
  rpc->arena = cb_arena_new(channel->options.budget, CRPC_RPC_SCRATCH_MAX,
                            SCRATCH_FIRST);
  rpc->core = grpc_channel_create_call(
      channel->core, NULL, GRPC_PROPAGATE_DEFAULTS, channel->loop->queue,
      grpc_slice_from_static_string(method->path), NULL,
      crpc_time_to_core(deadline), NULL);
  if (rpc->arena && rpc->core && cb_slots_add(&channel->rpcs, rpc, &rpc->id)) {
    return rpc;
  }
  free_rpc(rpc);
  return NULL;
}

/* Adds pair, the value of a "-bin" key decoded; what cannot be sent is left
 * out. */
static void add_pair(struct crpc_metadata *list, struct cb_arena *arena,
                     const struct cb_pair *pair) {
  size_t size = strlen(pair->value);
  uint8_t *bytes;

  if (!crpc_metadata_is_binary(pair->key, strlen(pair->key))) {
    crpc_metadata_add(list, arena, pair->key, pair->value, size);
    return;
  }
  bytes =
      arena ? cb_arena_alloc(arena, cb_base64_decoded_room(size) + 1) : NULL;
  if (bytes && cb_base64_decode(pair->value, size, bytes, &size)) {
    crpc_metadata_add(list, arena, pair->key, bytes, size);
  }
}

static void fill_metadata(struct crpc_rpc *rpc,
                          const struct crpc_rpc_options *options) {
  struct crpc_metadata list = {0};

  for (size_t i = 0; i < options->metadata_count; i++) {
    add_pair(&list, rpc->arena, &options->metadata[i]);
  }
  crpc_metadata_fill(&list, 0, rpc->arena, &rpc->sending_metadata);
}

/* Sends off what starts the call; false: it never began. */
static bool launch(struct crpc_rpc *rpc, const ProtobufCMessage *request,
                   bool wait_for_ready) {
  const uint32_t flags =
      wait_for_ready ? GRPC_INITIAL_METADATA_WAIT_FOR_READY |
                           GRPC_INITIAL_METADATA_WAIT_FOR_READY_EXPLICITLY_SET
                     : 0;
  grpc_byte_buffer *bytes;
  bool started;

  if (!request) return start_batches(rpc, flags, NULL);
  bytes = crpc_rpc_pack(rpc, request);
  if (!bytes) return false;
  started = start_batches(rpc, flags, bytes);
  grpc_byte_buffer_destroy(bytes); /* the core has the slices */
  return started;
}

struct cb_id crpc_rpc_start(struct crpc_channel *channel,
                            const struct crpc_method *method,
                            const ProtobufCMessage *request,
                            const struct crpc_rpc_options *options,
                            const struct crpc_rpc_sink *sink) {
  const struct crpc_rpc_options none = {0};
  struct crpc_rpc *rpc;

  assert((request == NULL) ==
         (method->kind == CRPC_CLIENT_STREAMING || method->kind == CRPC_BIDI));
  if (!options) options = &none;
  rpc = new_rpc(channel, method, options);
  if (!rpc) return (struct cb_id){0, 0};
  rpc->sink = *sink;
  fill_metadata(rpc, options);
  if (!launch(rpc, request, options->wait_for_ready)) {
    free_rpc(rpc);
    return (struct cb_id){0, 0};
  }
  cb_list_append(&channel->live, &rpc->link);
  crpc_channel_ref(channel);
  crpc_loop_call_born(channel->loop);
  return rpc->id;
}

static void cancel(struct crpc_rpc *rpc) {
  rpc->write_closed = true;
  grpc_call_cancel(rpc->core, NULL);
}

void crpc_rpc_cancel(struct crpc_channel *channel, struct cb_id id) {
  struct crpc_rpc *rpc = cb_slots_find(&channel->rpcs, id);

  if (rpc) cancel(rpc);
}

void crpc_rpc_cancel_all(struct crpc_channel *channel) {
  struct cb_link *at;

  for (at = channel->live.next; at != &channel->live; at = at->next) {
    cancel(CB_CONTAINER(at, struct crpc_rpc, link));
  }
}
