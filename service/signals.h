/* signals.h - the signals of the process as events on the crpc loop.
 *
 * SIGTERM and SIGINT ask for an end, SIGUSR1 for a report. A thread waits for
 * them; everybody else has them blocked.
 *
 * Threads:   vtx_signals_block() first in main(), before any thread is made;
 *            events come on the loop's thread.
 * Ownership: new gives it. stop, once the loop has stopped, ends the thread;
 *            free comes after crpc_loop_free(), which may still deliver an
 *            event.
 */
#ifndef VTX_SIGNALS_H
#define VTX_SIGNALS_H

struct crpc_loop;
struct vtx_signals;

struct vtx_signals_events {
  /* SIGTERM or SIGINT came; so many of them so far. */
  void (*end)(void *ctx, unsigned times);
  void (*report)(void *ctx); /* SIGUSR1 */
};

/* Blocks the signals above for this thread and all made after it, and ignores
 * SIGPIPE. */
void vtx_signals_block(void);

/* Starts the thread. NULL when out of memory or threads. A third signal to end
 * ends the process at once, whatever the loop is doing. */
struct vtx_signals *vtx_signals_new(struct crpc_loop *loop,
                                    const struct vtx_signals_events *events,
                                    void *ctx);

void vtx_signals_stop(struct vtx_signals *signals); /* NULL is fine */
void vtx_signals_free(struct vtx_signals *signals); /* NULL is fine */

#endif
