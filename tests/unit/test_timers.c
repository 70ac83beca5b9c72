#include "base/timers.h"

#include "base/clock.h"
#include "base/list.h"
#include "tests/unit/cmocka_all.h"

struct log {
  int64_t times[2000];
  size_t count;
};

struct watch {
  struct cb_timer timer;
  struct log *log;
  struct cb_timers *timers;
  struct cb_timer *cancels; /* when it fires */
  int64_t again;            /* when to set itself, 0: not */
};

static void fire(struct cb_timer *timer) {
  struct watch *watch = CB_CONTAINER(timer, struct watch, timer);

  assert_int_equal(timer->place, 0);
  watch->log->times[watch->log->count++] = timer->when;
  if (watch->cancels) cb_timers_cancel(watch->timers, watch->cancels);
  if (watch->again)
    assert_true(cb_timers_set(watch->timers, timer, watch->again));
}

static void run__many_set_moved_cancelled__right_ones_in_order(void **state) {
  static struct watch watches[1000];
  static struct log log;
  struct cb_timers timers;
  uint32_t seed = 12345;
  size_t expected = 0;

  (void)state;
  cb_timers_init(&timers);
  for (size_t i = 0; i < 1000; i++) {
    watches[i] = (struct watch){.timer.fire = fire, .log = &log};
    seed = seed * 1664525 + 1013904223;
    assert_true(cb_timers_set(&timers, &watches[i].timer, seed >> 8));
  }
  for (size_t i = 0; i < 1000; i += 3) {
    seed = seed * 1664525 + 1013904223;
    assert_true(cb_timers_set(&timers, &watches[i].timer, seed >> 8));
  }
  for (size_t i = 0; i < 1000; i += 7)
    cb_timers_cancel(&timers, &watches[i].timer);
  cb_timers_cancel(&timers, &watches[0].timer);
  for (size_t i = 0; i < 1000; i++)
    expected += i % 7 != 0 && watches[i].timer.when <= 1 << 23;
  assert_int_equal(cb_timers_run(&timers, 1 << 23), expected);
  assert_true(cb_timers_next(&timers) > 1 << 23);
  assert_true(expected > 100);
  cb_timers_run(&timers, CB_NEVER);
  assert_int_equal(log.count, 1000 - 143);
  for (size_t i = 1; i < log.count; i++)
    assert_true(log.times[i - 1] <= log.times[i]);
  assert_true(cb_timers_next(&timers) == CB_NEVER);
  cb_timers_release(&timers);
}

static void run__timer_sets_itself_to_the_past__fires_once_a_run(void **state) {
  struct cb_timers timers;
  struct log log = {.count = 0};
  struct watch a = {
      .timer.fire = fire, .log = &log, .timers = &timers, .again = 1};
  struct watch b = {.timer.fire = fire, .log = &log};

  (void)state;
  cb_timers_init(&timers);
  cb_timers_set(&timers, &a.timer, 5);
  cb_timers_set(&timers, &b.timer, 6);
  assert_int_equal(cb_timers_run(&timers, 10), 2);
  assert_int_equal(log.times[1], 6);
  assert_int_equal(cb_timers_run(&timers, 11), 1);
  cb_timers_cancel(&timers, &a.timer);
  cb_timers_release(&timers);
}

static void run__timer_cancels_another_due__not_fired(void **state) {
  struct cb_timers timers;
  struct log log = {.count = 0};
  struct watch b = {.timer.fire = fire, .log = &log};
  struct watch a = {
      .timer.fire = fire, .log = &log, .timers = &timers, .cancels = &b.timer};

  (void)state;
  cb_timers_init(&timers);
  cb_timers_set(&timers, &a.timer, 5);
  cb_timers_set(&timers, &b.timer, 6);
  assert_int_equal(cb_timers_run(&timers, 10), 1);
  assert_int_equal(log.count, 1);
  cb_timers_release(&timers);
}

static void run__one_before_due__waits(void **state) {
  struct cb_timers timers;
  struct log log = {.count = 0};
  struct watch a = {.timer.fire = fire, .log = &log};
  struct watch never = {.timer.fire = fire, .log = &log};

  (void)state;
  cb_timers_init(&timers);
  cb_timers_set(&timers, &a.timer, 5);
  cb_timers_set(&timers, &never.timer, CB_NEVER);
  assert_int_equal(cb_timers_next(&timers), 5);
  assert_int_equal(cb_timers_run(&timers, 4), 0);
  assert_int_equal(cb_timers_run(&timers, 5), 1);
  assert_int_equal(cb_timers_run(&timers, CB_NEVER), 0);
  cb_timers_cancel(&timers, &never.timer);
  cb_timers_release(&timers);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(run__many_set_moved_cancelled__right_ones_in_order),
      cmocka_unit_test(run__timer_sets_itself_to_the_past__fires_once_a_run),
      cmocka_unit_test(run__timer_cancels_another_due__not_fired),
      cmocka_unit_test(run__one_before_due__waits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
