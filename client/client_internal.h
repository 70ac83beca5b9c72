/* client_internal.h - what the files of the client library share. */
#ifndef VERTEXD_CLIENT_INTERNAL_H
#define VERTEXD_CLIENT_INTERNAL_H

#include "base/list.h"
#include "client/vertexd_client.h"
#include "crpc/client.h"

struct crpc_loop;

struct vertexd_client {
  struct crpc_loop *loop;
  struct crpc_channel *channel;
  struct cb_link pending; /* calls under way */
  size_t pending_count;
};

/* One call under way. Each kind embeds it as its first member. */
struct vertexd_pending {
  struct cb_link link;
  struct vertexd_client *client;
  struct cb_id id;
  void *ctx; /* the user's */
};

/* A zeroed object of size bytes that begins with a struct vertexd_pending,
 * among the client's calls. NULL when out of memory. */
void *vertexd_pending_new(struct vertexd_client *client, size_t size,
                          void *ctx);

/* Takes the call off the client's list and frees it. */
void vertexd_pending_free(struct vertexd_pending *pending);

/* What the call options mean to crpc. */
struct crpc_rpc_options vertexd_rpc_options(
    const struct vertexd_call_options *options);

/* Remembers the id that a start returned, and frees pending if it is none. */
struct cb_id vertexd_pending_started(struct vertexd_pending *pending,
                                     struct cb_id id);

#endif
