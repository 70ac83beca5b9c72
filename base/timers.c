#include "base/timers.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"

#define FIRST_ROOM ((size_t)16)
#define NO_FLOOR INT64_MIN

/* heap[place - 1] is the timer at place; its children are at 2 * place and
 * 2 * place + 1. */

void cb_timers_init(struct cb_timers *timers) {
  *timers = (struct cb_timers){.floor = NO_FLOOR};
}

void cb_timers_release(struct cb_timers *timers) {
  assert(timers->count == 0);
  free(timers->heap);
  cb_timers_init(timers);
}

static struct cb_timer *at(const struct cb_timers *timers, size_t place) {
  return timers->heap[place - 1];
}

static void put(struct cb_timers *timers, struct cb_timer *timer,
                size_t place) {
  timers->heap[place - 1] = timer;
  timer->place = place;
}

static void sift_up(struct cb_timers *timers, struct cb_timer *timer) {
  size_t place = timer->place;

  while (place > 1 && at(timers, place / 2)->when > timer->when) {
    put(timers, at(timers, place / 2), place);
    place /= 2;
  }
  put(timers, timer, place);
}

static void sift_down(struct cb_timers *timers, struct cb_timer *timer) {
  size_t place = timer->place;

  for (;;) {
    size_t child = 2 * place;

    if (child > timers->count) break;
    if (child < timers->count &&
        at(timers, child + 1)->when < at(timers, child)->when)
      child++;
    if (at(timers, child)->when >= timer->when) break;
    put(timers, at(timers, child), place);
    place = child;
  }
  put(timers, timer, place);
}

static bool make_room(struct cb_timers *timers) {
  size_t room = timers->room > 0 ? timers->room * 2 : FIRST_ROOM;
  struct cb_timer **heap;

  if (timers->count < timers->room) return true;
  heap = realloc(timers->heap, room * sizeof(struct cb_timer *));
  if (!heap) return false;
  timers->heap = heap;
  timers->room = room;
  return true;
}

bool cb_timers_set(struct cb_timers *timers, struct cb_timer *timer,
                   int64_t when) {
  assert(timer->fire);
  if (timer->place == 0) {
    if (!make_room(timers)) return false;
    timers->count++;
    put(timers, timer, timers->count);
  }
  assert(at(timers, timer->place) == timer);
  timer->when = when > timers->floor ? when : timers->floor;
  sift_up(timers, timer);
  sift_down(timers, timer);
  return true;
}

void cb_timers_cancel(struct cb_timers *timers, struct cb_timer *timer) {
  struct cb_timer *last;
  size_t place = timer->place;

  if (place == 0) return;
  assert(at(timers, place) == timer);
  last = at(timers, timers->count);
  timers->count--;
  timer->place = 0;
  if (last == timer) return;
  put(timers, last, place);
  sift_up(timers, last);
  sift_down(timers, last);
}

int64_t cb_timers_next(const struct cb_timers *timers) {
  return timers->count > 0 ? at(timers, 1)->when : CB_NEVER;
}

unsigned cb_timers_run(struct cb_timers *timers, int64_t now) {
  unsigned count = 0;

  assert(timers->floor == NO_FLOOR); /* fire() must not run timers */
  if (now == CB_NEVER) now--;        /* "never" is not due */
  timers->floor = now + 1;
  while (timers->count > 0 && at(timers, 1)->when <= now) {
    struct cb_timer *timer = at(timers, 1);

    cb_timers_cancel(timers, timer);
    timer->fire(timer);
    count++;
  }
  timers->floor = NO_FLOOR;
  return count;
}
