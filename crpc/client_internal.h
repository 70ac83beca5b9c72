/* client_internal.h - channel and call of the client's side, inside.
 *
 * channel.c makes channels; rpc.c starts and ends calls; rpc_read.c brings
 * messages in; rpc_write.c sends those of a streaming client.
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
#include "crpc/metadata.h"

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

/* What a call may take for metadata and the outcome. */
#define CRPC_RPC_SCRATCH_MAX ((size_t)256 * 1024)

struct crpc_rpc {
  struct cb_link link; /* in the channel's live */
  struct crpc_channel *channel;
  const struct crpc_method *method;
  grpc_call *core;
  struct cb_id id;
  struct crpc_rpc_sink sink;
  unsigned holds;         /* batches outstanding */
  struct cb_arena *arena; /* metadata and the outcome */
  size_t charged;         /* to the budget: the request, or what is in flight */

  struct crpc_tag opened;
  struct crpc_tag sent;
  struct crpc_tag received;
  struct crpc_tag ended;

  bool has_ended;           /* the status is known */
  struct cb_status verdict; /* ours on an answer; not OK: counts */

  /* Reading. */
  bool paused;
  bool reading;
  bool no_more;     /* the last message has come */
  bool got_message; /* where the server sends one: it was good */
  bool in_delivery; /* the message event is running */

  /* Writing, where the client streams. */
  bool sending;       /* the sent tag is out */
  bool half_closed;   /* nothing may be written any more ... */
  bool close_pending; /* ... and the server is yet to be told */
  bool write_closed;  /* the core takes nothing any more */
  bool wants_room;    /* writable is due */

  /* Written or read by the core. */
  struct crpc_metadata_array sending_metadata;
  grpc_metadata_array initial;
  grpc_metadata_array trailing;
  grpc_byte_buffer *message;
  grpc_byte_buffer *answer; /* kept until the call has ended well */
  grpc_status_code code;
  grpc_slice text;
};

/* rpc.c */

/* Cancels all live calls of channel. */
void crpc_rpc_cancel_all(struct crpc_channel *channel);

/* Ends the call if nothing is outstanding: to be called last in every tag. */
void crpc_rpc_settle(struct crpc_rpc *rpc);

/* Gives the core a batch that the call waits for; false if it was refused. */
bool crpc_rpc_start_batch(struct crpc_rpc *rpc, const grpc_op *ops,
                          size_t count, struct crpc_tag *tag);

/* Where the server sends one answer. */
bool crpc_rpc_is_single(const struct crpc_rpc *rpc);

/* rpc_read.c */

/* Asks the core for the next message. */
void crpc_rpc_read_next(struct crpc_rpc *rpc);

/* Unpacks bytes, which stay the caller's, and gives them to the message
 * event. */
void crpc_rpc_deliver(struct crpc_rpc *rpc, grpc_byte_buffer *bytes);

/* The received tag. */
void crpc_rpc_on_received(struct crpc_tag *tag, bool ok);

/* rpc_write.c */

/* A message packed, and charged to the budget as rpc->charged; NULL when there
 * is no memory. */
grpc_byte_buffer *crpc_rpc_pack(struct crpc_rpc *rpc,
                                const ProtobufCMessage *message);

/* Gives back what was charged. */
void crpc_rpc_uncharge(struct crpc_rpc *rpc);

/* The sent tag. */
void crpc_rpc_on_sent(struct crpc_tag *tag, bool ok);

#endif
