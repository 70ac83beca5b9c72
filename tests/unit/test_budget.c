#include "base/budget.h"

#include <pthread.h>

#include "tests/unit/cmocka_all.h"

static void charge__at_limit_and_past__takes_and_refuses(void **state) {
  struct cb_budget budget;

  (void)state;
  cb_budget_init(&budget, 100);
  assert_true(cb_budget_charge(&budget, 60));
  assert_false(cb_budget_charge(&budget, 41));
  assert_int_equal(cb_budget_used(&budget), 60);
  assert_true(cb_budget_charge(&budget, 40));
  assert_false(cb_budget_charge(&budget, 1));
  assert_false(cb_budget_charge(&budget, SIZE_MAX));
  cb_budget_release(&budget, 100);
  assert_int_equal(cb_budget_used(&budget), 0);
}

static void charge__null__never_refuses(void **state) {
  (void)state;
  assert_true(cb_budget_charge(NULL, SIZE_MAX));
  cb_budget_release(NULL, SIZE_MAX);
  assert_int_equal(cb_budget_used(NULL), 0);
}

static void *charge_many(void *arg) {
  struct cb_budget *budget = arg;
  size_t taken = 0;

  for (int i = 0; i < 20000; i++)
    if (cb_budget_charge(budget, 3)) taken += 3;
  cb_budget_release(budget, taken / 2);
  return (void *)(uintptr_t)(taken - taken / 2);
}

static void charge__from_threads__sum_is_right_and_below_limit(void **state) {
  struct cb_budget budget;
  pthread_t threads[4];
  size_t sum = 0;

  (void)state;
  cb_budget_init(&budget, 100000);
  for (int i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, charge_many, &budget),
                     0);
  for (int i = 0; i < 4; i++) {
    void *kept;

    pthread_join(threads[i], &kept);
    sum += (size_t)(uintptr_t)kept;
  }
  assert_int_equal(cb_budget_used(&budget), sum);
  assert_true(sum <= 100000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(charge__at_limit_and_past__takes_and_refuses),
      cmocka_unit_test(charge__null__never_refuses),
      cmocka_unit_test(charge__from_threads__sum_is_right_and_below_limit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
