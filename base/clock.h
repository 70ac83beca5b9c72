/* clock.h - monotonic time as one number.
 *
 * Every deadline, timer and duration inside the house is an int64_t count of
 * nanoseconds on CLOCK_MONOTONIC. CB_NEVER is later than any of them, and
 * arithmetic through cb_time_add() saturates there, so "no deadline" needs no
 * special case.
 *
 * Threads:   safe from any.
 * Ownership: a clock is borrowed; tests pass one that they turn by hand.
 */
#ifndef CB_CLOCK_H
#define CB_CLOCK_H

#include <stdint.h>

#define CB_NEVER INT64_MAX
#define CB_SECOND INT64_C(1000000000)
#define CB_MILLISECOND INT64_C(1000000)
#define CB_MICROSECOND INT64_C(1000)

/* Where time comes from. now() returns nanoseconds, never less than before. */
struct cb_clock {
  int64_t (*now)(void *self);
  void *self;
};

/* The system's monotonic clock; lives for ever. */
const struct cb_clock *cb_clock_system(void);

/* clock->now(); a NULL clock means the system's. */
int64_t cb_now(const struct cb_clock *clock);

/* time + delta, CB_NEVER if either is CB_NEVER or the sum overflows; never
 * below 0. */
int64_t cb_time_add(int64_t time, int64_t delta);

/* The milliseconds from now until time for poll(2)-like calls: rounded up,
 * 0 if past, at most cap_ms (>= 0). */
int cb_time_poll_ms(int64_t now, int64_t time, int cap_ms);

#endif
