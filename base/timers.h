/* timers.h - the timers of one loop: an intrusive binary heap by time.
 *
 * Threads:   none inside; the loop's own.
 * Ownership: a timer is embedded in what it times; the heap borrows it while
 *            it is set. A set timer must be cancelled before its memory goes.
 * Cost:      set and cancel O(log n), next O(1).
 */
#ifndef CB_TIMERS_H
#define CB_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cb_timer {
  int64_t when; /* valid while set */
  size_t place; /* 1-based place in the heap, 0 = not set */
  void (*fire)(struct cb_timer *timer);
};

struct cb_timers {
  struct cb_timer **heap;
  size_t count;
  size_t room;
  int64_t floor; /* while running: no timer is set to before this */
};

void cb_timers_init(struct cb_timers *timers);
void cb_timers_release(struct cb_timers *timers); /* no timer may be set */

/* Sets timer to fire at when (cb_clock nanoseconds), moving it if it is set
 * already. timer->fire must be filled in; a zeroed timer is "not set".
 * False when out of memory: the timer is as before. */
bool cb_timers_set(struct cb_timers *timers, struct cb_timer *timer,
                   int64_t when);

/* Unsets timer; fine if it is not set. */
void cb_timers_cancel(struct cb_timers *timers, struct cb_timer *timer);

/* When the earliest fires, CB_NEVER if none is set. */
int64_t cb_timers_next(const struct cb_timers *timers);

/* Fires, earliest first, all that are due at now; each is unset before its
 * fire() runs, which may set any timer again (one set to <= now waits for the
 * next call, so a loop cannot get stuck here). Returns how many. */
unsigned cb_timers_run(struct cb_timers *timers, int64_t now);

#endif
