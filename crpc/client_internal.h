/* client_internal.h - channel and call of the client's side, inside.
 *
 * Threads: the loop's.
 */
#ifndef CRPC_CLIENT_INTERNAL_H
#define CRPC_CLIENT_INTERNAL_H

#include <grpc/grpc.h>

#include "base/list.h"
#include "base/slots.h"
#include "crpc/client.h"
#include "crpc/loop_internal.h"

struct crpc_channel {
  struct crpc_loop *loop;
  grpc_channel *core;
  struct crpc_channel_options options; /* defaults filled in */
  struct cb_slots rpcs;
  struct cb_link live; /* calls that are not done */
  unsigned refs;       /* the owner's, and one for each live call */
};

void crpc_channel_ref(struct crpc_channel *channel);
void crpc_channel_unref(struct crpc_channel *channel);

/* rpc.c: cancels all live calls of channel. */
void crpc_rpc_cancel_all(struct crpc_channel *channel);

#endif
