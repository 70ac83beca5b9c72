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

/* The summary is the last message of a good stream of results; done wants it
 * together with the status, so its bytes are kept until the outcome is
 * there. */
struct vertexd_kept_summary {
  uint8_t *bytes; /* NULL: none came */
  size_t size;
};

/* Packs a summary into *kept, in place of what is there. */
void vertexd_summary_keep(struct vertexd_kept_summary *kept,
                          const vertexd_BatchSummary *summary);

/* The summary for done, to be freed by protobuf-c; NULL where *status is an
 * error, or becomes one because there is no summary. Frees what was kept. */
vertexd_BatchSummary *vertexd_summary_unkeep(struct vertexd_kept_summary *kept,
                                             struct cb_status *status);

#endif
