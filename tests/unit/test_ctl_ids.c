#include "client/vertexctl/ids.h"

#include <stdio.h>

#include "tests/unit/cmocka_all.h"

#define MANY 100000

static void state__id_never_heard_of__open(void **state) {
  struct ctl_ids ids;

  (void)state;
  ctl_ids_init(&ids);
  assert_int_equal(ctl_ids_state(&ids, "a"), CTL_ID_OPEN);
  assert_true(ctl_ids_mark(&ids, "b", CTL_ID_ANSWERED));
  assert_int_equal(ctl_ids_state(&ids, "a"), CTL_ID_OPEN);
  ctl_ids_release(&ids);
}

static void mark__twice__last_one_counts(void **state) {
  struct ctl_ids ids;

  (void)state;
  ctl_ids_init(&ids);
  assert_true(ctl_ids_mark(&ids, "a", CTL_ID_FAILED));
  assert_true(ctl_ids_mark(&ids, "a", CTL_ID_ANSWERED));
  assert_int_equal(ctl_ids_state(&ids, "a"), CTL_ID_ANSWERED);
  assert_int_equal(ids.count, 1);
  ctl_ids_release(&ids);
}

static void see__same_id_again__first_line(void **state) {
  struct ctl_ids ids;
  uint64_t first = 99;

  (void)state;
  ctl_ids_init(&ids);
  assert_true(ctl_ids_see(&ids, "a", 3, &first));
  assert_int_equal(first, 0);
  assert_true(ctl_ids_see(&ids, "b", CTL_IDS_MAX_LINE, &first));
  assert_int_equal(first, 0);
  assert_true(ctl_ids_see(&ids, "a", 7, &first));
  assert_int_equal(first, 3);
  assert_true(ctl_ids_see(&ids, "b", 8, &first));
  assert_int_equal(first, CTL_IDS_MAX_LINE);
  ctl_ids_release(&ids);
}

static void see__marked_before__keeps_the_state(void **state) {
  struct ctl_ids ids;
  uint64_t first;

  (void)state;
  ctl_ids_init(&ids);
  assert_true(ctl_ids_mark(&ids, "a", CTL_ID_ANSWERED));
  assert_true(ctl_ids_see(&ids, "a", 5, &first));
  assert_int_equal(first, 0);
  assert_int_equal(ctl_ids_state(&ids, "a"), CTL_ID_ANSWERED);
  ctl_ids_release(&ids);
}

static void reopen__failed_ones__open_and_answers_stay(void **state) {
  struct ctl_ids ids;

  (void)state;
  ctl_ids_init(&ids);
  ctl_ids_mark(&ids, "bad", CTL_ID_FAILED);
  ctl_ids_mark(&ids, "good", CTL_ID_ANSWERED);
  ctl_ids_reopen(&ids);
  assert_int_equal(ctl_ids_state(&ids, "bad"), CTL_ID_OPEN);
  assert_int_equal(ctl_ids_state(&ids, "good"), CTL_ID_ANSWERED);
  ctl_ids_release(&ids);
}

static void see__many_ids__all_told_apart_in_bounded_memory(void **state) {
  struct ctl_ids ids;
  uint64_t first;
  char id[32];

  (void)state;
  ctl_ids_init(&ids);
  for (unsigned i = 1; i <= MANY; i++) {
    snprintf(id, sizeof id, i % 2 ? "%u" : "item-%u", i);
    assert_true(ctl_ids_see(&ids, id, i, &first));
    assert_int_equal(first, 0);
    if (i % 3 == 0) ctl_ids_mark(&ids, id, CTL_ID_ANSWERED);
  }
  assert_int_equal(ids.count, MANY);
  assert_true(ids.room <= 4 * MANY / 3 * 2);
  for (unsigned i = 1; i <= MANY; i++) {
    snprintf(id, sizeof id, i % 2 ? "%u" : "item-%u", i);
    assert_int_equal(ctl_ids_state(&ids, id),
                     i % 3 == 0 ? CTL_ID_ANSWERED : CTL_ID_OPEN);
  }
  ctl_ids_release(&ids);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(state__id_never_heard_of__open),
      cmocka_unit_test(mark__twice__last_one_counts),
      cmocka_unit_test(see__same_id_again__first_line),
      cmocka_unit_test(see__marked_before__keeps_the_state),
      cmocka_unit_test(reopen__failed_ones__open_and_answers_stay),
      cmocka_unit_test(see__many_ids__all_told_apart_in_bounded_memory),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
