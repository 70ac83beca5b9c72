#include "service/batch/margin.h"

#include "base/clock.h"
#include "tests/unit/cmocka_all.h"

#define MS CB_MILLISECOND

static void end__no_deadline__never(void **state) {
  (void)state;
  assert_int_equal(vtx_margin_end(5, CB_NEVER, -1), CB_NEVER);
  assert_int_equal(vtx_margin_end(5, CB_NEVER, 100), CB_NEVER);
}

static void end__short_call__five_per_cent(void **state) {
  (void)state;
  assert_int_equal(vtx_margin_end(1000 * MS, 1200 * MS, -1), 1190 * MS);
  assert_int_equal(vtx_margin_end(0, 10000 * MS, -1), 9500 * MS);
}

static void end__long_call__half_a_second(void **state) {
  (void)state;
  assert_int_equal(vtx_margin_end(0, 10020 * MS, -1), 9520 * MS);
  assert_int_equal(vtx_margin_end(0, 3600 * CB_SECOND, -1),
                   3600 * CB_SECOND - 500 * MS);
}

static void end__own_margin__replaces_it(void **state) {
  (void)state;
  assert_int_equal(vtx_margin_end(0, 10 * CB_SECOND, 2 * CB_SECOND),
                   8 * CB_SECOND);
  assert_int_equal(vtx_margin_end(0, 10 * CB_SECOND, 0), 10 * CB_SECOND);
}

static void end__margin_longer_than_the_call__before_arrival(void **state) {
  (void)state;
  assert_int_equal(
      vtx_margin_end(10 * CB_SECOND, 11 * CB_SECOND, 2 * CB_SECOND),
      9 * CB_SECOND);
  assert_int_equal(vtx_margin_end(10 * CB_SECOND, 11 * CB_SECOND, CB_NEVER), 0);
}

static void end__deadline_already_past__that_deadline(void **state) {
  (void)state;
  assert_int_equal(vtx_margin_end(10 * CB_SECOND, 9 * CB_SECOND, -1),
                   9 * CB_SECOND);
}

static void growth__nothing_left__none(void **state) {
  (void)state;
  assert_int_equal(vtx_margin_growth(0, 10 * CB_SECOND, 0, 0), 0);
  assert_int_equal(vtx_margin_growth(0, CB_NEVER, 50000, 1 << 20), 0);
}

static void growth__results_and_bytes__what_writing_them_takes(void **state) {
  (void)state;
  assert_int_equal(vtx_margin_growth(0, 60 * CB_SECOND, 50000, 0), 12500 * MS);
  assert_int_equal(vtx_margin_growth(0, 60 * CB_SECOND, 0, 1000000), 80 * MS);
  assert_int_equal(vtx_margin_growth(0, 60 * CB_SECOND, 1000, 1000000),
                   330 * MS);
}

static void growth__more_than_half_the_time__half_of_it(void **state) {
  (void)state;
  assert_int_equal(vtx_margin_growth(CB_SECOND, 5 * CB_SECOND, 50000, 0),
                   2 * CB_SECOND);
  assert_int_equal(vtx_margin_growth(5 * CB_SECOND, CB_SECOND, 50000, 0), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(end__no_deadline__never),
      cmocka_unit_test(end__short_call__five_per_cent),
      cmocka_unit_test(end__long_call__half_a_second),
      cmocka_unit_test(end__own_margin__replaces_it),
      cmocka_unit_test(end__margin_longer_than_the_call__before_arrival),
      cmocka_unit_test(end__deadline_already_past__that_deadline),
      cmocka_unit_test(growth__nothing_left__none),
      cmocka_unit_test(growth__results_and_bytes__what_writing_them_takes),
      cmocka_unit_test(growth__more_than_half_the_time__half_of_it),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
