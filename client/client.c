#include "client/client_internal.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "crpc/loop.h"

#define DEFAULT_MAX_RESPONSE ((size_t)64 << 20)
#define DEFAULT_KEEPALIVE (60 * CB_SECOND)

struct vertexd_client *vertexd_client_new(
    const char *target, const struct vertexd_client_options *options) {
  struct vertexd_client *client = calloc(1, sizeof *client);
  struct crpc_channel_options channel = {
      .max_response_bytes = DEFAULT_MAX_RESPONSE,
      .keepalive = DEFAULT_KEEPALIVE};

  if (!client) return NULL;
  cb_list_init(&client->pending);
  if (options) {
    if (options->max_response_bytes > 0)
      channel.max_response_bytes = options->max_response_bytes;
    channel.own_connection = options->own_connection;
    channel.service_config = options->service_config;
    if (options->keepalive > 0) channel.keepalive = options->keepalive;
  }
  client->loop = crpc_loop_new();
  if (client->loop)
    client->channel = crpc_channel_new(client->loop, target, &channel);
  if (client->channel) return client;

  if (client->loop) crpc_loop_free(client->loop);
  free(client);
  return NULL;
}

void vertexd_client_free(struct vertexd_client *client) {
  if (!client) return;
  for (struct cb_link *link = client->pending.next; link != &client->pending;
       link = link->next)
    crpc_rpc_cancel(client->channel,
                    CB_CONTAINER(link, struct vertexd_pending, link)->id);
  vertexd_client_run(client);
  crpc_channel_free(client->channel);
  crpc_loop_free(client->loop);
  free(client);
}

void vertexd_client_run(struct vertexd_client *client) {
  while (client->pending_count > 0)
    crpc_loop_step(client->loop, CB_NEVER);
}

size_t vertexd_client_step(struct vertexd_client *client, int64_t timeout) {
  crpc_loop_step(client->loop, cb_time_add(cb_now(NULL), timeout));
  return client->pending_count;
}

static bool is_pending(const struct vertexd_client *client, struct cb_id id) {
  for (struct cb_link *link = client->pending.next; link != &client->pending;
       link = link->next) {
    struct cb_id other = CB_CONTAINER(link, struct vertexd_pending, link)->id;

    if (other.slot == id.slot && other.generation == id.generation) return true;
  }
  return false;
}

void vertexd_client_wait(struct vertexd_client *client, struct cb_id id) {
  while (is_pending(client, id))
    crpc_loop_step(client->loop, CB_NEVER);
}

void vertexd_client_cancel(struct vertexd_client *client, struct cb_id id) {
  crpc_rpc_cancel(client->channel, id);
}

void *vertexd_pending_new(struct vertexd_client *client, size_t size,
                          void *ctx) {
  struct vertexd_pending *pending = calloc(1, size);

  assert(size >= sizeof *pending);
  if (!pending) return NULL;
  pending->client = client;
  pending->ctx = ctx;
  cb_list_append(&client->pending, &pending->link);
  client->pending_count++;
  return pending;
}

void vertexd_pending_free(struct vertexd_pending *pending) {
  assert(pending->client->pending_count > 0);
  cb_list_remove(&pending->link);
  pending->client->pending_count--;
  free(pending);
}

struct crpc_rpc_options vertexd_rpc_options(
    const struct vertexd_call_options *options) {
  if (!options) return (struct crpc_rpc_options){0};
  return (struct crpc_rpc_options){
      .deadline = options->timeout > 0
                      ? cb_time_add(cb_now(NULL), options->timeout)
                      : CB_NEVER,
      .metadata = options->metadata,
      .metadata_count = options->metadata_count,
      .wait_for_ready = options->wait_for_ready,
  };
}

struct cb_id vertexd_pending_started(struct vertexd_pending *pending,
                                     struct cb_id id) {
  pending->id = id;
  if (id.generation == 0) vertexd_pending_free(pending);
  return id;
}
