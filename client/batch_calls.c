/* The calls of many prompts: batch, map, and map with a function. */
#include <stdlib.h>

#include "client/client_internal.h"

/* The summary is the last message of a good stream; done wants it together
 * with the status, so its bytes are kept until the outcome is there. */
struct batch_call {
  struct vertexd_pending pending;
  struct vertexd_batch_events events;
  uint8_t *summary;
  size_t summary_size;
};

static void keep_summary(struct batch_call *call,
                         const vertexd_BatchSummary *summary) {
  size_t size = protobuf_c_message_get_packed_size(&summary->base);
  uint8_t *bytes = malloc(size + 1);

  if (!bytes) return;
  free(call->summary); /* a server sends one; a second would replace it */
  call->summary = bytes;
  call->summary_size = protobuf_c_message_pack(&summary->base, bytes);
}

static void batch_message(void *ctx,
                          const vertexd_BatchGenerateResponse *message) {
  struct batch_call *call = ctx;

  switch (message->event_case) {
    case vertexd_BatchGenerateResponse_EVENT_RESULT:
      call->events.result(call->pending.ctx, message->result);
      break;
    case vertexd_BatchGenerateResponse_EVENT_PROGRESS:
      if (call->events.progress)
        call->events.progress(call->pending.ctx, message->progress);
      break;
    case vertexd_BatchGenerateResponse_EVENT_SUMMARY:
      keep_summary(call, message->summary);
      break;
    default: /* an event of a newer server */
      break;
  }
}

static void map_message(void *ctx,
                        const vertexd_StreamMapGenerateResponse *message) {
  struct batch_call *call = ctx;

  switch (message->event_case) {
    case vertexd_StreamMapGenerateResponse_EVENT_RESULT:
      call->events.result(call->pending.ctx, message->result);
      break;
    case vertexd_StreamMapGenerateResponse_EVENT_PROGRESS:
      if (call->events.progress)
        call->events.progress(call->pending.ctx, message->progress);
      break;
    case vertexd_StreamMapGenerateResponse_EVENT_SUMMARY:
      keep_summary(call, message->summary);
      break;
    default:
      break;
  }
}

static void batch_over(void *ctx, const struct crpc_outcome *outcome) {
  struct batch_call *call = ctx;
  struct cb_status status = outcome->status;
  vertexd_BatchSummary *summary = NULL;

  if (status.code == CB_OK && call->summary)
    summary = vertexd__v1__batch_summary__unpack(NULL, call->summary_size,
                                                 call->summary);
  if (status.code == CB_OK && !summary)
    status = cb_status_make(CB_DATA_LOSS, "SUMMARY_MISSING",
                            "the stream ended without its summary");
  call->events.done(call->pending.ctx, summary, &status);
  if (summary) vertexd__v1__batch_summary__free_unpacked(summary, NULL);
  free(call->summary);
  vertexd_pending_free(&call->pending);
}

struct cb_id vertexd_batch(struct vertexd_client *client,
                           const vertexd_BatchGenerateRequest *request,
                           const struct vertexd_call_options *options,
                           const struct vertexd_batch_events *events,
                           void *ctx) {
  static const struct vertexd_GenerationService_BatchGenerate_events mine = {
      .message = batch_message, .done = batch_over};
  struct crpc_rpc_options rpc = vertexd_rpc_options(options);
  struct batch_call *call = vertexd_pending_new(client, sizeof *call, ctx);

  if (!call) return (struct cb_id){0};
  call->events = *events;
  return vertexd_pending_started(
      &call->pending, vertexd_GenerationService_BatchGenerate_start(
                          client->channel, request, &rpc, &mine, call));
}

struct cb_id vertexd_map(struct vertexd_client *client,
                         const vertexd_MapGenerateRequest *request,
                         const struct vertexd_call_options *options,
                         const struct vertexd_batch_events *events, void *ctx) {
  static const struct vertexd_GenerationService_StreamMapGenerate_events mine =
      {.message = map_message, .done = batch_over};
  struct crpc_rpc_options rpc = vertexd_rpc_options(options);
  struct batch_call *call = vertexd_pending_new(client, sizeof *call, ctx);

  if (!call) return (struct cb_id){0};
  call->events = *events;
  return vertexd_pending_started(
      &call->pending, vertexd_GenerationService_StreamMapGenerate_start(
                          client->channel, request, &rpc, &mine, call));
}

static void free_items(char **items, size_t count) {
  for (size_t i = 0; i < count; i++)
    free(items[i]);
  free(items);
}

/* What the function makes of each item; NULL if it gave up on one. */
static char **mapped_items(const struct vertexd_mapping *mapping) {
  const vertexd_MapGenerateRequest *request = mapping->request;
  char **items = calloc(request->n_items + 1, sizeof *items);

  for (size_t i = 0; items && i < request->n_items; i++) {
    items[i] = mapping->function(mapping->function_ctx, request->items[i], i);
    if (items[i]) continue;
    free_items(items, i);
    return NULL;
  }
  return items;
}

struct cb_id vertexd_map_with(struct vertexd_client *client,
                              const struct vertexd_mapping *mapping,
                              const struct vertexd_call_options *options,
                              const struct vertexd_batch_events *events,
                              void *ctx) {
  vertexd_MapGenerateRequest request = *mapping->request;
  struct cb_id id = {0};

  if (request.n_values > 0) return id;
  request.items = mapped_items(mapping);
  if (!request.items) return id;
  id = vertexd_map(client, &request, options, events, ctx);
  free_items(request.items, request.n_items);
  return id;
}
