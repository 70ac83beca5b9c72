#include <assert.h>
#include <grpc/byte_buffer.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/budget.h"
#include "base/clock.h"
#include "crpc/client_internal.h"
#include "crpc/metadata.h"
#include "crpc/payload.h"
#include "crpc/status_details.h"

/* A unary call is one batch: all that is sent and all that comes. A server
 * stream has three: what is sent together with the first answer, one read
 * after the other unless it is paused, and the status, which the core hands
 * out only after all messages were read. The call is done when nothing is in
 * the core's hands any more. */

#define SCRATCH_MAX ((size_t)256 * 1024)
#define SCRATCH_FIRST ((size_t)512)

struct crpc_rpc {
  struct cb_link link; /* in the channel's live */
  struct crpc_channel *channel;
  const struct crpc_method *method;
  grpc_call *core;
  struct cb_id id;
  const void *events;
  void (*done)(void *ctx, const struct crpc_outcome *outcome);
  void *ctx;
  unsigned holds;         /* batches outstanding */
  struct cb_arena *arena; /* metadata and the outcome */
  size_t charged;         /* for the request, to the budget */

  struct crpc_tag sent;
  struct crpc_tag received;
  struct crpc_tag ended;

  bool paused;
  bool reading;
  bool no_more;             /* the last message has come */
  bool has_ended;           /* the status is known */
  bool got_message;         /* unary: there was an answer */
  struct cb_status verdict; /* ours on an answer; not OK: counts */

  /* Written or read by the core. */
  struct crpc_metadata_array sending;
  grpc_metadata_array initial;
  grpc_metadata_array trailing;
  grpc_byte_buffer *message;
  grpc_status_code code;
  grpc_slice text;
};

static void free_rpc(struct crpc_rpc *rpc) {
  struct cb_budget *budget = rpc->channel->options.budget;

  if (rpc->charged > 0) cb_budget_release(budget, rpc->charged);
  crpc_metadata_unref(&rpc->sending);
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
    if (rpc->method->kind == CRPC_UNARY && !rpc->got_message) {
      *ret_status = cb_status_make(CB_INTERNAL, "MALFORMED_RESPONSE",
                                   "the server sent no answer");
    }
  } else {
    *ret_status = crpc_status_parse(
        code, text, details ? GRPC_SLICE_START_PTR(*details) : NULL,
        details ? GRPC_SLICE_LENGTH(*details) : 0, rpc->arena);
  }
}

/* Ends the call if nothing is outstanding: to be called last in every tag. */
static void settle(struct crpc_rpc *rpc) {
  struct crpc_channel *channel = rpc->channel;
  struct crpc_loop *loop = channel->loop;
  struct crpc_outcome outcome = {0};

  if (rpc->holds > 0) return;
  read_status(rpc, &outcome.status);
  outcome.initial_count =
      crpc_metadata_pairs(&rpc->initial, rpc->arena, &outcome.initial_metadata);
  outcome.trailing_count = crpc_metadata_pairs(&rpc->trailing, rpc->arena,
                                               &outcome.trailing_metadata);
  cb_slots_remove(&channel->rpcs, rpc->id);
  if (rpc->done) rpc->done(rpc->ctx, &outcome);
  free_rpc(rpc);
  crpc_loop_call_gone(loop);
  crpc_channel_unref(channel);
}

/* An answer that we cannot take: the call ends with our word on it. */
static void reject(struct crpc_rpc *rpc, const struct cb_status *status) {
  struct cb_status verdict = *status;

  if (verdict.code == CB_RESOURCE_EXHAUSTED) {
    verdict.reason = "RESPONSE_TOO_LARGE";
  } else {
    verdict.code = CB_INTERNAL;
    verdict.reason = "MALFORMED_RESPONSE";
  }
  rpc->verdict = cb_status_copy(&verdict, rpc->arena);
  grpc_call_cancel(rpc->core, NULL);
}

static void deliver(struct crpc_rpc *rpc) {
  const struct crpc_channel_options *options = &rpc->channel->options;
  const struct crpc_payload_limits limits = {
      .max_bytes = options->max_response_bytes,
      .max_unpacked = options->max_unpacked_bytes,
      .budget = options->budget};
  struct cb_status status =
      cb_status_make(CB_RESOURCE_EXHAUSTED, "RESPONSE_TOO_LARGE",
                     "no memory is left for the answer");
  struct cb_arena *arena = cb_arena_new(
      options->budget, options->max_unpacked_bytes + SCRATCH_MAX, 0);
  ProtobufCMessage *message = NULL;

  if (arena) {
    status = crpc_payload_unpack(rpc->message, rpc->method->response, &limits,
                                 arena, &message);
  }
  if (status.code == CB_OK) {
    rpc->got_message = true;
    rpc->method->deliver(rpc->events, message, rpc->ctx);
  } else {
    reject(rpc, &status);
  }
  cb_arena_free(arena);
}

static void drop_message(struct crpc_rpc *rpc) {
  if (rpc->message) grpc_byte_buffer_destroy(rpc->message);
  rpc->message = NULL;
}

static void read_next(struct crpc_rpc *rpc) {
  grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};

  op.data.recv_message.recv_message = &rpc->message;
  if (!crpc_loop_start_batch(rpc->channel->loop, rpc->core, &op, 1,
                             &rpc->received)) {
    grpc_call_cancel(rpc->core, NULL); /* the status will say so */
    return;
  }
  rpc->holds++;
  rpc->reading = true;
}

static void on_sent(struct crpc_tag *tag, bool ok) {
  struct crpc_rpc *rpc = CB_CONTAINER(tag, struct crpc_rpc, sent);

  (void)ok; /* what went wrong is in the status */
  rpc->holds--;
  settle(rpc);
}

static void on_received(struct crpc_tag *tag, bool ok) {
  struct crpc_rpc *rpc = CB_CONTAINER(tag, struct crpc_rpc, received);
  bool more = rpc->message != NULL;

  (void)ok;
  rpc->holds--;
  rpc->reading = false;
  if (rpc->message) deliver(rpc);
  drop_message(rpc);
  rpc->no_more = !more;
  if (more && !rpc->paused && !rpc->reading && rpc->verdict.code == CB_OK) {
    read_next(rpc);
  }
  settle(rpc);
}

/* For a unary call this is its only batch. */
static void on_ended(struct crpc_tag *tag, bool ok) {
  struct crpc_rpc *rpc = CB_CONTAINER(tag, struct crpc_rpc, ended);

  (void)ok;
  rpc->holds--;
  rpc->has_ended = true;
  if (rpc->method->kind == CRPC_UNARY && rpc->message) {
    if (rpc->code == GRPC_STATUS_OK) deliver(rpc);
    drop_message(rpc);
  }
  settle(rpc);
}

static size_t sending_ops(struct crpc_rpc *rpc, grpc_op *ops, uint32_t flags,
                          grpc_byte_buffer *request) {
  ops[0] = (grpc_op){.op = GRPC_OP_SEND_INITIAL_METADATA, .flags = flags};
  ops[0].data.send_initial_metadata.count = rpc->sending.count;
  ops[0].data.send_initial_metadata.metadata = rpc->sending.pairs;
  ops[1] = (grpc_op){.op = GRPC_OP_SEND_MESSAGE};
  ops[1].data.send_message.send_message = request;
  ops[2] = (grpc_op){.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};
  ops[3] = (grpc_op){.op = GRPC_OP_RECV_INITIAL_METADATA};
  ops[3].data.recv_initial_metadata.recv_initial_metadata = &rpc->initial;
  return 4;
}

static size_t status_op(struct crpc_rpc *rpc, grpc_op *op) {
  *op = (grpc_op){.op = GRPC_OP_RECV_STATUS_ON_CLIENT};
  op->data.recv_status_on_client.trailing_metadata = &rpc->trailing;
  op->data.recv_status_on_client.status = &rpc->code;
  op->data.recv_status_on_client.status_details = &rpc->text;
  return 1;
}

static bool start_batch(struct crpc_rpc *rpc, const grpc_op *ops, size_t count,
                        struct crpc_tag *tag) {
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
    count = sending_ops(rpc, ops, flags, request);
    ops[count] = (grpc_op){.op = GRPC_OP_RECV_MESSAGE};
    ops[count++].data.recv_message.recv_message = &rpc->message;
    count += status_op(rpc, &ops[count]);
    return start_batch(rpc, ops, count, &rpc->ended);
  }
  if (!start_batch(rpc, ops, status_op(rpc, ops), &rpc->ended)) return false;
  count = sending_ops(rpc, ops, flags, request);
  if (start_batch(rpc, ops, count, &rpc->sent)) {
    read_next(rpc);
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
  rpc->sent.run = on_sent;
  rpc->received.run = on_received;
  rpc->ended.run = on_ended;
  rpc->verdict = cb_status_ok();
  rpc->text = grpc_empty_slice();
  cb_list_init(&rpc->link);
  grpc_metadata_array_init(&rpc->initial);
  grpc_metadata_array_init(&rpc->trailing);
  rpc->arena =
      cb_arena_new(channel->options.budget, SCRATCH_MAX, SCRATCH_FIRST);
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

static void fill_metadata(struct crpc_rpc *rpc,
                          const struct crpc_rpc_options *options) {
  struct crpc_metadata list = {0};

  for (size_t i = 0; i < options->metadata_count; i++) {
    const struct cb_pair *pair = &options->metadata[i];

    crpc_metadata_add(&list, rpc->arena, pair->key, pair->value,
                      strlen(pair->value));
  }
  crpc_metadata_fill(&list, 0, rpc->arena, &rpc->sending);
}

/* The request packed, and charged to the budget until the call is done. */
static grpc_byte_buffer *pack_request(struct crpc_rpc *rpc,
                                      const ProtobufCMessage *request) {
  struct cb_budget *budget = rpc->channel->options.budget;
  size_t size = protobuf_c_message_get_packed_size(request);

  if (size > INT_MAX) return NULL;
  if (budget) {
    if (!cb_budget_charge(budget, size)) return NULL;
    rpc->charged = size;
  }
  return crpc_payload_pack(request, size);
}

struct cb_id crpc_rpc_start(struct crpc_channel *channel,
                            const struct crpc_method *method,
                            const ProtobufCMessage *request,
                            const struct crpc_rpc_options *options,
                            const struct crpc_rpc_sink *sink) {
  const struct crpc_rpc_options none = {0};
  struct crpc_rpc *rpc;
  grpc_byte_buffer *bytes;
  bool started = false;

  assert(method->kind == CRPC_UNARY || method->kind == CRPC_SERVER_STREAMING);
  if (!options) options = &none;
  rpc = new_rpc(channel, method, options);
  if (!rpc) return (struct cb_id){0, 0};
  rpc->events = sink->events;
  rpc->done = sink->done;
  rpc->ctx = sink->ctx;
  fill_metadata(rpc, options);
  bytes = pack_request(rpc, request);
  if (bytes) {
    started = start_batches(
        rpc,
        options->wait_for_ready
            ? GRPC_INITIAL_METADATA_WAIT_FOR_READY |
                  GRPC_INITIAL_METADATA_WAIT_FOR_READY_EXPLICITLY_SET
            : 0,
        bytes);
    grpc_byte_buffer_destroy(bytes); /* the core has the slices */
  }
  if (!started) {
    free_rpc(rpc);
    return (struct cb_id){0, 0};
  }
  cb_list_append(&channel->live, &rpc->link);
  crpc_channel_ref(channel);
  crpc_loop_call_born(channel->loop);
  return rpc->id;
}

void crpc_rpc_cancel(struct crpc_channel *channel, struct cb_id id) {
  struct crpc_rpc *rpc = cb_slots_find(&channel->rpcs, id);

  if (rpc) grpc_call_cancel(rpc->core, NULL);
}

void crpc_rpc_cancel_all(struct crpc_channel *channel) {
  struct cb_link *at;

  for (at = channel->live.next; at != &channel->live; at = at->next) {
    grpc_call_cancel(CB_CONTAINER(at, struct crpc_rpc, link)->core, NULL);
  }
}

void crpc_rpc_pause(struct crpc_channel *channel, struct cb_id id) {
  struct crpc_rpc *rpc = cb_slots_find(&channel->rpcs, id);

  if (rpc) rpc->paused = true;
}

void crpc_rpc_resume(struct crpc_channel *channel, struct cb_id id) {
  struct crpc_rpc *rpc = cb_slots_find(&channel->rpcs, id);

  if (!rpc || !rpc->paused) return;
  rpc->paused = false;
  if (rpc->method->kind == CRPC_UNARY || rpc->reading || rpc->no_more ||
      rpc->has_ended || rpc->verdict.code != CB_OK || rpc->message) {
    return; /* nothing to read, or inside its delivery, which goes on itself */
  }
  read_next(rpc);
}
