/* The calls of many prompts: batch, map, and map with a function. */
#include <stdlib.h>

#include "client/client_internal.h"

struct batch_call {
  struct vertexd_pending pending;
  struct vertexd_batch_events events;
  struct vertexd_kept_summary summary;
};

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
      vertexd_summary_keep(&call->summary, message->summary);
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
      vertexd_summary_keep(&call->summary, message->summary);
      break;
    default:
      break;
  }
}

static void batch_over(void *ctx, const struct crpc_outcome *outcome) {
  struct batch_call *call = ctx;
  struct cb_status status = outcome->status;
  vertexd_BatchSummary *summary =
      vertexd_summary_unkeep(&call->summary, &status);

  call->events.done(call->pending.ctx, summary, &status);
  if (summary) vertexd__v1__batch_summary__free_unpacked(summary, NULL);
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
