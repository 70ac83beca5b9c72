#include "base/buf.h"

#include <string.h>

#include "base/budget.h"
#include "tests/unit/cmocka_all.h"

static void add__to_maximum_and_past__keeps_what_was(void **state) {
  struct cb_buf buf;

  (void)state;
  cb_buf_init(&buf, 10, NULL);
  assert_true(cb_buf_add_text(&buf, "0123456789"));
  assert_false(cb_buf_add_char(&buf, 'x'));
  assert_true(buf.failed);
  assert_int_equal(buf.len, 10);
  assert_string_equal(buf.data, "0123456789");
  cb_buf_release(&buf);
}

static void add__after_failure__refused_until_cleared(void **state) {
  struct cb_buf buf;

  (void)state;
  cb_buf_init(&buf, 4, NULL);
  assert_false(cb_buf_add_text(&buf, "12345"));
  assert_false(cb_buf_add_text(&buf, "1"));
  cb_buf_clear(&buf);
  assert_true(cb_buf_add_text(&buf, "1234"));
  cb_buf_clear(&buf);
  assert_string_equal(buf.data, "");
  cb_buf_release(&buf);
  assert_null(buf.data);
  assert_int_equal(buf.max, 4);
}

static void add__maximum_zero__only_nothing_fits(void **state) {
  struct cb_buf buf;

  (void)state;
  cb_buf_init(&buf, 0, NULL);
  assert_true(cb_buf_add(&buf, NULL, 0));
  assert_false(cb_buf_add_char(&buf, 'x'));
  assert_true(cb_buf_past_max(&buf));
  cb_buf_release(&buf);
}

static void reserve__absurd_size__refused(void **state) {
  struct cb_buf buf;

  (void)state;
  cb_buf_init(&buf, SIZE_MAX, NULL);
  assert_null(cb_buf_reserve(&buf, SIZE_MAX));
  cb_buf_clear(&buf);
  assert_true(cb_buf_add_char(&buf, 'x'));
  assert_null(cb_buf_reserve(&buf, SIZE_MAX - 1));
  assert_string_equal(buf.data, "x");
  cb_buf_release(&buf);
}

static void reserve__then_grow__bytes_are_in(void **state) {
  struct cb_buf buf;
  char *place;

  (void)state;
  cb_buf_init(&buf, 100, NULL);
  place = cb_buf_reserve(&buf, 100);
  assert_non_null(place);
  memcpy(place, "abcdef", 6);
  cb_buf_grow(&buf, 3);
  assert_string_equal(buf.data, "abc");
  cb_buf_release(&buf);
}

static void printf__long_text__whole(void **state) {
  struct cb_buf buf;

  (void)state;
  cb_buf_init(&buf, 400, NULL);
  assert_true(cb_buf_printf(&buf, "%s:%0300d", "n", 7));
  assert_int_equal(buf.len, 302);
  assert_int_equal(buf.data[301], '7');
  assert_false(cb_buf_printf(&buf, "%99d", 1));
  assert_int_equal(buf.len, 302);
  cb_buf_release(&buf);
}

static void consume__part_and_all__rest_stays(void **state) {
  struct cb_buf buf;

  (void)state;
  cb_buf_init(&buf, 100, NULL);
  cb_buf_consume(&buf, 0);
  cb_buf_add_text(&buf, "onetwo");
  cb_buf_consume(&buf, 3);
  assert_string_equal(buf.data, "two");
  cb_buf_consume(&buf, 3);
  assert_string_equal(buf.data, "");
  cb_buf_release(&buf);
}

static void move__full_buffer__charge_moves_too(void **state) {
  struct cb_budget budget;
  struct cb_buf from;
  struct cb_buf to;

  (void)state;
  cb_budget_init(&budget, 1000);
  cb_buf_init(&from, 100, &budget);
  cb_buf_init(&to, 5, NULL);
  cb_buf_add_text(&from, "payload");
  cb_buf_move(&to, &from);
  assert_null(from.data);
  assert_string_equal(to.data, "payload");
  cb_buf_release(&from);
  assert_true(cb_budget_used(&budget) > 0);
  cb_buf_release(&to);
  assert_int_equal(cb_budget_used(&budget), 0);
}

static void past_max__maximum_or_budget__told_apart(void **state) {
  struct cb_budget budget;
  struct cb_buf buf;

  (void)state;
  cb_budget_init(&budget, 50); /* the smallest allocation is larger */
  cb_buf_init(&buf, 40, &budget);
  assert_false(cb_buf_past_max(&buf));
  assert_null(cb_buf_reserve(&buf, 41));
  assert_true(cb_buf_past_max(&buf));
  assert_false(cb_buf_add_char(&buf, 'x')); /* the first failure counts */
  assert_true(cb_buf_past_max(&buf));
  cb_buf_clear(&buf);
  assert_false(cb_buf_past_max(&buf));
  cb_budget_charge(&budget, 20);
  assert_null(cb_buf_reserve(&buf, 40));
  assert_true(buf.failed);
  assert_false(cb_buf_past_max(&buf));
  assert_false(
      cb_buf_add(&buf, "0123456789012345678901234567890123456789x", 41));
  assert_false(cb_buf_past_max(&buf));
  cb_budget_release(&budget, 20);
  cb_buf_release(&buf);
}

static bool scenario(struct cb_budget *budget) {
  struct cb_buf buf;
  bool all = true;

  cb_buf_init(&buf, 5000, budget);
  for (int i = 0; i < 100 && all; i++) {
    size_t before = buf.len;

    all = cb_buf_printf(&buf, "%040d", i);
    if (!all) assert_int_equal(buf.len, before);
    assert_int_equal(cb_budget_used(budget), buf.room);
  }
  assert_int_equal(buf.failed, !all);
  assert_false(cb_buf_past_max(&buf));
  cb_buf_release(&buf);
  return all;
}

static void any__every_budget__nothing_lost(void **state) {
  struct cb_budget budget;

  (void)state;
  for (size_t limit = 0; limit < 4001; limit++) {
    cb_budget_init(&budget, limit);
    assert_false(scenario(&budget));
    assert_int_equal(cb_budget_used(&budget), 0);
  }
  cb_budget_init(&budget, 4001); /* 100 * 40 and the NUL */
  assert_true(scenario(&budget));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(add__to_maximum_and_past__keeps_what_was),
      cmocka_unit_test(add__after_failure__refused_until_cleared),
      cmocka_unit_test(add__maximum_zero__only_nothing_fits),
      cmocka_unit_test(reserve__absurd_size__refused),
      cmocka_unit_test(reserve__then_grow__bytes_are_in),
      cmocka_unit_test(printf__long_text__whole),
      cmocka_unit_test(consume__part_and_all__rest_stays),
      cmocka_unit_test(move__full_buffer__charge_moves_too),
      cmocka_unit_test(past_max__maximum_or_budget__told_apart),
      cmocka_unit_test(any__every_budget__nothing_lost),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
