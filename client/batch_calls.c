/* The calls of many prompts: batch, map, and map with a function. */
#include <stdlib.h>

#include "client/results.h"

static void batch_message(void *ctx,
                          const vertexd_BatchGenerateResponse *message) {
  vertexd_results_take(
      ctx, VERTEXD_RESULTS_EVENT(vertexd_BatchGenerateResponse, message));
}

static void map_message(void *ctx,
                        const vertexd_StreamMapGenerateResponse *message) {
  vertexd_results_take(
      ctx, VERTEXD_RESULTS_EVENT(vertexd_StreamMapGenerateResponse, message));
}

struct cb_id vertexd_batch(struct vertexd_client *client,
                           const vertexd_BatchGenerateRequest *request,
                           const struct vertexd_call_options *options,
                           const struct vertexd_batch_events *events,
                           void *ctx) {
  static const struct vertexd_GenerationService_BatchGenerate_events mine = {
      .message = batch_message, .done = vertexd_results_over};
  struct crpc_rpc_options rpc = vertexd_rpc_options(options);
  struct vertexd_results *call = vertexd_pending_new(client, sizeof *call, ctx);

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
      {.message = map_message, .done = vertexd_results_over};
  struct crpc_rpc_options rpc = vertexd_rpc_options(options);
  struct vertexd_results *call = vertexd_pending_new(client, sizeof *call, ctx);

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
