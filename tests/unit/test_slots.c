#include "base/slots.h"

#include "tests/unit/cmocka_all.h"

static void find__removed_and_reused__old_name_is_dead(void **state) {
  struct cb_slots slots;
  struct cb_id first;
  struct cb_id second;
  int a;
  int b;

  (void)state;
  cb_slots_init(&slots);
  assert_null(cb_slots_find(&slots, (struct cb_id){0, 0}));
  assert_true(cb_slots_add(&slots, &a, &first));
  assert_ptr_equal(cb_slots_find(&slots, first), &a);
  assert_ptr_equal(cb_slots_remove(&slots, first), &a);
  assert_null(cb_slots_remove(&slots, first));
  assert_null(cb_slots_find(&slots, first));
  assert_true(cb_slots_add(&slots, &b, &second));
  assert_int_equal(second.slot, first.slot);
  assert_null(cb_slots_find(&slots, first));
  assert_ptr_equal(cb_slots_find(&slots, second), &b);
  assert_int_equal(cb_slots_count(&slots), 1);
  cb_slots_release(&slots);
}

static void find__free_slot_or_strange_id__null(void **state) {
  struct cb_slots slots;
  struct cb_id id;
  int a;

  (void)state;
  cb_slots_init(&slots);
  assert_true(cb_slots_add(&slots, &a, &id));
  assert_null(cb_slots_find(&slots, (struct cb_id){id.slot, 0}));
  assert_null(cb_slots_find(&slots, (struct cb_id){id.slot + 1, 1}));
  assert_null(cb_slots_find(&slots, (struct cb_id){UINT32_MAX, 1}));
  assert_null(cb_slots_remove(&slots, (struct cb_id){id.slot + 1, 1}));
  assert_int_equal(cb_slots_count(&slots), 1);
  cb_slots_release(&slots);
}

static void add__many__all_found(void **state) {
  struct cb_slots slots;
  static struct cb_id ids[5000];
  static int objects[5000];

  (void)state;
  cb_slots_init(&slots);
  for (int i = 0; i < 5000; i++) {
    assert_true(cb_slots_add(&slots, &objects[i], &ids[i]));
    assert_true(ids[i].generation != 0);
  }
  for (int i = 0; i < 5000; i += 2)
    assert_ptr_equal(cb_slots_remove(&slots, ids[i]), &objects[i]);
  for (int i = 0; i < 5000; i++)
    assert_ptr_equal(cb_slots_find(&slots, ids[i]), i % 2 ? &objects[i] : NULL);
  assert_int_equal(cb_slots_count(&slots), 2500);
  cb_slots_release(&slots);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(find__removed_and_reused__old_name_is_dead),
      cmocka_unit_test(find__free_slot_or_strange_id__null),
      cmocka_unit_test(add__many__all_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
