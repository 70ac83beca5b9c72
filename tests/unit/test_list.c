#include "base/list.h"

#include "tests/unit/cmocka_all.h"

struct item {
  int value;
  struct cb_link link;
};

static void take__appended__in_order(void **state) {
  struct cb_link head;
  struct item items[3] = {{.value = 0}, {.value = 1}, {.value = 2}};

  (void)state;
  cb_list_init(&head);
  assert_true(cb_list_empty(&head));
  assert_null(cb_list_take(&head));
  for (int i = 0; i < 3; i++)
    cb_list_append(&head, &items[i].link);
  for (int i = 0; i < 3; i++) {
    struct cb_link *link = cb_list_take(&head);

    assert_int_equal(CB_CONTAINER(link, struct item, link)->value, i);
    assert_true(cb_list_empty(link));
  }
  assert_true(cb_list_empty(&head));
}

static void remove__middle_and_twice__others_stay(void **state) {
  struct cb_link head;
  struct item items[3] = {{.value = 0}, {.value = 1}, {.value = 2}};

  (void)state;
  cb_list_init(&head);
  for (int i = 0; i < 3; i++)
    cb_list_append(&head, &items[i].link);
  cb_list_remove(&items[1].link);
  cb_list_remove(&items[1].link);
  assert_ptr_equal(cb_list_take(&head), &items[0].link);
  assert_ptr_equal(cb_list_take(&head), &items[2].link);
  assert_null(cb_list_take(&head));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(take__appended__in_order),
      cmocka_unit_test(remove__middle_and_twice__others_stay),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
