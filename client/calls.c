/* The calls of one prompt: generate, stream, count tokens.
 *
 * A unary answer arrives as a message and then an outcome, and a message is
 * valid during its event only. done wants both at once, so the answer is kept
 * packed in between: the outcome follows in the same turn of the loop, and a
 * copy by way of its bytes needs no knowledge of its fields. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "client/client_internal.h"

/* An answer that is kept from its message event to the outcome. */
struct kept {
  uint8_t *bytes;
  size_t size;
};

static void keep(struct kept *kept, const ProtobufCMessage *message) {
  kept->size = protobuf_c_message_get_packed_size(message);
  kept->bytes = malloc(kept->size + 1);
  if (kept->bytes) protobuf_c_message_pack(message, kept->bytes);
}

/* The kept answer as a message (to be freed by protobuf-c), or NULL with
 * *status set if there should be one and is not. */
static ProtobufCMessage *unkeep(const struct kept *kept,
                                const ProtobufCMessageDescriptor *type,
                                struct cb_status *status) {
  ProtobufCMessage *message = NULL;

  if (status->code != CB_OK) return NULL;
  if (kept->bytes)
    message = protobuf_c_message_unpack(type, NULL, kept->size, kept->bytes);
  if (!message)
    *status = cb_status_make(CB_RESOURCE_EXHAUSTED, "CLIENT_OUT_OF_MEMORY",
                             "no memory to keep the answer");
  return message;
}

struct generate_call {
  struct vertexd_pending pending;
  vertexd_generate_done *done;
  struct kept kept;
};

static void generate_message(void *ctx,
                             const vertexd_GenerateResponse *message) {
  struct generate_call *call = ctx;

  keep(&call->kept, &message->base);
}

static void generate_over(void *ctx, const struct crpc_outcome *outcome) {
  struct generate_call *call = ctx;
  struct cb_status status = outcome->status;
  ProtobufCMessage *message =
      unkeep(&call->kept, &vertexd_GenerateResponse_descriptor, &status);

  call->done(call->pending.ctx, (vertexd_GenerateResponse *)message, &status);
  if (message) protobuf_c_message_free_unpacked(message, NULL);
  free(call->kept.bytes);
  vertexd_pending_free(&call->pending);
}

struct cb_id vertexd_generate(struct vertexd_client *client,
                              const vertexd_GenerateRequest *request,
                              const struct vertexd_call_options *options,
                              vertexd_generate_done *done, void *ctx) {
  static const struct vertexd_GenerationService_Generate_events events = {
      .message = generate_message, .done = generate_over};
  struct crpc_rpc_options rpc = vertexd_rpc_options(options);
  struct generate_call *call = vertexd_pending_new(client, sizeof *call, ctx);

  if (!call) return (struct cb_id){0};
  call->done = done;
  return vertexd_pending_started(
      &call->pending, vertexd_GenerationService_Generate_start(
                          client->channel, request, &rpc, &events, call));
}

struct stream_call {
  struct vertexd_pending pending;
  struct vertexd_stream_events events;
};

static void stream_message(void *ctx, const vertexd_GenerateResponse *message) {
  struct stream_call *call = ctx;

  call->events.chunk(call->pending.ctx, message);
}

static void stream_over(void *ctx, const struct crpc_outcome *outcome) {
  struct stream_call *call = ctx;

  call->events.done(call->pending.ctx, &outcome->status);
  vertexd_pending_free(&call->pending);
}

struct cb_id vertexd_stream(struct vertexd_client *client,
                            const vertexd_GenerateRequest *request,
                            const struct vertexd_call_options *options,
                            const struct vertexd_stream_events *events,
                            void *ctx) {
  static const struct vertexd_GenerationService_StreamGenerate_events mine = {
      .message = stream_message, .done = stream_over};
  struct crpc_rpc_options rpc = vertexd_rpc_options(options);
  struct stream_call *call = vertexd_pending_new(client, sizeof *call, ctx);

  if (!call) return (struct cb_id){0};
  call->events = *events;
  return vertexd_pending_started(
      &call->pending, vertexd_GenerationService_StreamGenerate_start(
                          client->channel, request, &rpc, &mine, call));
}

struct count_call {
  struct vertexd_pending pending;
  vertexd_count_done *done;
  struct kept kept;
};

static void count_message(void *ctx,
                          const vertexd_CountTokensResponse *message) {
  struct count_call *call = ctx;

  keep(&call->kept, &message->base);
}

static void count_over(void *ctx, const struct crpc_outcome *outcome) {
  struct count_call *call = ctx;
  struct cb_status status = outcome->status;
  ProtobufCMessage *message =
      unkeep(&call->kept, &vertexd_CountTokensResponse_descriptor, &status);

  call->done(call->pending.ctx, (vertexd_CountTokensResponse *)message,
             &status);
  if (message) protobuf_c_message_free_unpacked(message, NULL);
  free(call->kept.bytes);
  vertexd_pending_free(&call->pending);
}

struct cb_id vertexd_count_tokens(struct vertexd_client *client,
                                  const vertexd_CountTokensRequest *request,
                                  const struct vertexd_call_options *options,
                                  vertexd_count_done *done, void *ctx) {
  static const struct vertexd_GenerationService_CountTokens_events events = {
      .message = count_message, .done = count_over};
  struct crpc_rpc_options rpc = vertexd_rpc_options(options);
  struct count_call *call = vertexd_pending_new(client, sizeof *call, ctx);

  if (!call) return (struct cb_id){0};
  call->done = done;
  return vertexd_pending_started(
      &call->pending, vertexd_GenerationService_CountTokens_start(
                          client->channel, request, &rpc, &events, call));
}

struct text_wish {
  char *text;
  struct vertexd_failure failure;
};

static void copy_cut(char *out, size_t room, const char *text) {
  size_t size = cb_utf8_cut(text, strlen(text), room - 1);

  memcpy(out, text, size);
  out[size] = '\0';
}

static void set_failure(struct vertexd_failure *failure,
                        const struct cb_status *status) {
  failure->code = status->code;
  copy_cut(failure->reason, sizeof failure->reason, status->reason);
  copy_cut(failure->message, sizeof failure->message, status->message);
}

static void text_done(void *ctx, const vertexd_GenerateResponse *response,
                      const struct cb_status *status) {
  struct text_wish *wish = ctx;

  if (response) wish->text = strdup(response->text);
  if (!wish->text) set_failure(&wish->failure, status);
}

char *vertexd_generate_text(struct vertexd_client *client, const char *model,
                            const char *prompt, int64_t timeout,
                            struct vertexd_failure *ret_failure) {
  struct text_wish wish = {.failure = {CB_RESOURCE_EXHAUSTED,
                                       "CLIENT_OUT_OF_MEMORY",
                                       "no memory to start the call"}};
  struct vertexd_call_options options = {.timeout = timeout};
  vertexd_GenerateRequest request = vertexd_GenerateRequest_INIT;

  if (model) request.model = (char *)(uintptr_t)model;
  request.prompt = (char *)(uintptr_t)prompt;
  vertexd_client_wait(
      client, vertexd_generate(client, &request, &options, text_done, &wish));
  if (!wish.text && ret_failure) *ret_failure = wish.failure;
  return wish.text;
}
