/* loop.h - one thread's gRPC event loop over a completion queue.
 *
 * A loop carries the calls of servers and channels bound to it, timers, and
 * messages posted from other threads. All callbacks of those run on the thread
 * that is inside crpc_loop_run() or crpc_loop_step(), one at a time, and must
 * not block.
 *
 * Threads:   one thread runs the loop. crpc_loop_post() and crpc_loop_stop()
 *            may be called from any; everything else only from that thread,
 *            or before it starts.
 * Ownership: crpc_loop_new() gives the loop, crpc_loop_free() takes it back
 *            when no server and no channel is bound to it any more.
 */
#ifndef CRPC_LOOP_H
#define CRPC_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mailbox.h"
#include "base/timers.h"

struct crpc_loop;

/* NULL when out of memory. Starts the gRPC library if it is not running. */
struct crpc_loop *crpc_loop_new(void);

/* Ends the loop: waits for live calls (servers and channels must have been
 * ended; their last completions are drained here), then shuts the queue. */
void crpc_loop_free(struct crpc_loop *loop);

/* Runs until crpc_loop_stop(). */
void crpc_loop_run(struct crpc_loop *loop);

/* Handles one event, waiting for it at most until the time until (cb_clock),
 * and the timers that are due. False once the loop was stopped. */
bool crpc_loop_step(struct crpc_loop *loop, int64_t until);

/* Makes run() return; further runs return at once. Any thread. */
void crpc_loop_stop(struct crpc_loop *loop);

/* Delivers mail on the loop's thread. Any thread. The poster may use loop only
 * while something keeps it from being freed; the mail itself may be what ends
 * it. */
void crpc_loop_post(struct crpc_loop *loop, struct cb_mail *mail);

/* Timers of the loop; see base/timers.h. */
bool crpc_loop_set_timer(struct crpc_loop *loop, struct cb_timer *timer,
                         int64_t when);
void crpc_loop_cancel_timer(struct crpc_loop *loop, struct cb_timer *timer);

/* Calls (server and client side) that still have completions outstanding. */
size_t crpc_loop_live_calls(const struct crpc_loop *loop);

#endif
