#include "base/clock.h"

#include <assert.h>
#include <stddef.h>
#include <time.h>

static int64_t system_now(void *self) {
  struct timespec ts;

  (void)self;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (int64_t)ts.tv_sec * CB_SECOND + ts.tv_nsec;
}

const struct cb_clock *cb_clock_system(void) {
  static const struct cb_clock system = {system_now, NULL};

  return &system;
}

int64_t cb_now(const struct cb_clock *clock) {
  return clock ? clock->now(clock->self) : system_now(NULL);
}

int64_t cb_time_add(int64_t time, int64_t delta) {
  int64_t sum;

  if (time == CB_NEVER || delta == CB_NEVER) return CB_NEVER;
  if (__builtin_add_overflow(time, delta, &sum))
    return delta > 0 ? CB_NEVER : 0;
  return sum > 0 ? sum : 0;
}

int cb_time_poll_ms(int64_t now, int64_t time, int cap_ms) {
  int64_t left;

  assert(cap_ms >= 0);
  if (time <= now) return 0;
  if (__builtin_sub_overflow(time, now, &left)) return cap_ms;
  left = left / CB_MILLISECOND + (left % CB_MILLISECOND != 0);
  return left < cap_ms ? (int)left : cap_ms;
}
