/* loop_internal.h - what servers and channels need of the loop they live on.
 *
 * Everything that is given to the completion queue goes through here, so that
 * it is counted: the queue is shut only when nothing is outstanding, since a
 * batch started after that ends the process.
 *
 * Threads: the loop's.
 */
#ifndef CRPC_LOOP_INTERNAL_H
#define CRPC_LOOP_INTERNAL_H

#include <grpc/grpc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/mailbox.h"
#include "base/slots.h"
#include "base/timers.h"
#include "crpc/loop.h"

/* Bytes of metadata that a call may bring to a server, 32 for each pair added;
 * arrival.c holds callers to it. */
#define CRPC_METADATA_MAX (16 * 1024)

/* What peers are told of, and the core holds them to. More than the above, for
 * the core (1.51) answers a breach with closing the connection under all of its
 * calls, while arrival.c ends the one call. */
#define CRPC_METADATA_CORE_MAX (2 * CRPC_METADATA_MAX)

/* Bytes that a peer may send on one stream before they are read. */
#define CRPC_STREAM_WINDOW (64 * 1024)

/* What the queue hands back. Embedded in the object whose memory the batch
 * reads and writes; that object lives until run() was called. ok is the core's
 * word on whether the batch did what it should. */
struct crpc_tag {
  void (*run)(struct crpc_tag *tag, bool ok);
};

struct crpc_loop {
  grpc_completion_queue *queue;
  grpc_channel *lame;   /* only there to carry the wake call */
  grpc_call *wake_call; /* empty batches on it wake the queue */
  struct crpc_tag wake;
  struct cb_mail stop_mail;
  struct cb_mailbox box;
  struct cb_timers timers;
  struct cb_slots calls; /* server calls by name */
  size_t outstanding;    /* tags in the core's hands, wakes apart */
  size_t live_calls;
  _Atomic size_t wakes;   /* wakes in the core's hands: 0 or 1 */
  _Atomic size_t posters; /* threads inside crpc_loop_post() */
  _Atomic bool stopping;  /* stop was asked for */
  bool stopped;           /* and has been seen */
};

/* Starts a batch whose completion runs tag. False if the core refused it: no
 * completion comes. */
bool crpc_loop_start_batch(struct crpc_loop *loop, grpc_call *call,
                           const grpc_op *ops, size_t count,
                           struct crpc_tag *tag);

/* Announces a tag that the core was or will be given by another function of
 * its (request_call, shutdown_and_notify); and takes the announcement back. */
void crpc_loop_tag_given(struct crpc_loop *loop, struct crpc_tag *tag);
void crpc_loop_tag_refused(struct crpc_loop *loop);

/* One more call, one call less, for crpc_loop_live_calls(). */
void crpc_loop_call_born(struct crpc_loop *loop);
void crpc_loop_call_gone(struct crpc_loop *loop);

/* cb_clock time as the core takes it, and back. */
gpr_timespec crpc_time_to_core(int64_t time);
int64_t crpc_time_from_core(gpr_timespec time);

#endif
