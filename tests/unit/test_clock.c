#include "base/clock.h"

#include "tests/unit/cmocka_all.h"

static int64_t fixed(void *self) { return *(int64_t *)self; }

static void now__own_clock__asked(void **state) {
  int64_t time = 42;
  const struct cb_clock clock = {fixed, &time};

  (void)state;
  assert_int_equal(cb_now(&clock), 42);
}

static void now__system__goes_forward(void **state) {
  int64_t first = cb_now(NULL);

  (void)state;
  assert_true(first > 0);
  assert_true(cb_now(cb_clock_system()) >= first);
}

static void add__edges__saturates(void **state) {
  (void)state;
  assert_int_equal(cb_time_add(5, 7), 12);
  assert_int_equal(cb_time_add(5, -7), 0);
  assert_true(cb_time_add(CB_NEVER, -5) == CB_NEVER);
  assert_true(cb_time_add(5, CB_NEVER) == CB_NEVER);
  assert_true(cb_time_add(CB_NEVER - 1, 1) == CB_NEVER);
  assert_true(cb_time_add(CB_NEVER - 1, 2) == CB_NEVER);
  assert_true(cb_time_add(-5, INT64_MIN) == 0);
}

static void poll_ms__edges__rounded_up_and_capped(void **state) {
  (void)state;
  assert_int_equal(cb_time_poll_ms(100, 100, 50), 0);
  assert_int_equal(cb_time_poll_ms(100, 99, 50), 0);
  assert_int_equal(cb_time_poll_ms(100, 101, 50), 1);
  assert_int_equal(cb_time_poll_ms(0, CB_MILLISECOND, 50), 1);
  assert_int_equal(cb_time_poll_ms(0, CB_MILLISECOND + 1, 50), 2);
  assert_int_equal(cb_time_poll_ms(0, CB_SECOND, 50), 50);
  assert_int_equal(cb_time_poll_ms(0, CB_NEVER, 50), 50);
  assert_int_equal(cb_time_poll_ms(-5, CB_NEVER, 50), 50);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(now__own_clock__asked),
      cmocka_unit_test(now__system__goes_forward),
      cmocka_unit_test(add__edges__saturates),
      cmocka_unit_test(poll_ms__edges__rounded_up_and_capped),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
