#include "client/vertexctl/window.h"

#include <stdlib.h>

#include "tests/unit/cmocka_all.h"

static struct ctl_item *item_of(uint64_t index, size_t size) {
  struct ctl_item *item = calloc(1, sizeof *item);

  assert_non_null(item);
  item->index = index;
  item->size = size;
  return item;
}

static void take__in_any_order__the_item_of_that_index(void **state) {
  struct ctl_window window;

  (void)state;
  ctl_window_init(&window);
  for (unsigned i = 0; i < 2000; i++)
    ctl_window_add(&window, item_of(i, 3));
  assert_int_equal(window.count, 2000);
  assert_int_equal(window.bytes, 6000);
  for (unsigned i = 2000; i-- > 0;) {
    struct ctl_item *item = ctl_window_take(&window, i);

    assert_non_null(item);
    assert_int_equal(item->index, i);
    ctl_item_free(item);
  }
  assert_int_equal(window.count, 0);
  assert_int_equal(window.bytes, 0);
}

static void take__unknown_or_twice__nothing(void **state) {
  struct ctl_window window;

  (void)state;
  ctl_window_init(&window);
  ctl_window_add(&window, item_of(1, 1));
  assert_null(ctl_window_take(&window, 1 + CTL_WINDOW_BUCKETS));
  ctl_item_free(ctl_window_take(&window, 1));
  assert_null(ctl_window_take(&window, 1));
}

static void largest__any_buckets__found_and_not_taken(void **state) {
  struct ctl_window window;
  struct cb_link list;
  struct cb_link *link;

  (void)state;
  cb_list_init(&list);
  ctl_window_init(&window);
  assert_null(ctl_window_largest(&window));
  for (unsigned i = 0; i < 2000; i++)
    ctl_window_add(&window, item_of(i, i == 1234 ? 9000 : i));
  assert_int_equal(ctl_window_largest(&window)->index, 1234);
  assert_int_equal(window.count, 2000);
  ctl_item_free(ctl_window_take(&window, 1234));
  assert_int_equal(ctl_window_largest(&window)->index, 1999);
  ctl_window_empty(&window, &list);
  while ((link = cb_list_take(&list)))
    ctl_item_free(CB_CONTAINER(link, struct ctl_item, link));
}

static void empty__all_items__on_the_list(void **state) {
  struct ctl_window window;
  struct cb_link list;
  struct cb_link *link;
  unsigned count = 0;

  (void)state;
  cb_list_init(&list);
  ctl_window_init(&window);
  for (unsigned i = 0; i < 10; i++)
    ctl_window_add(&window, item_of(i, 1));
  ctl_window_empty(&window, &list);
  assert_int_equal(window.count, 0);
  assert_int_equal(window.bytes, 0);
  while ((link = cb_list_take(&list))) {
    ctl_item_free(CB_CONTAINER(link, struct ctl_item, link));
    count++;
  }
  assert_int_equal(count, 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(take__in_any_order__the_item_of_that_index),
      cmocka_unit_test(take__unknown_or_twice__nothing),
      cmocka_unit_test(largest__any_buckets__found_and_not_taken),
      cmocka_unit_test(empty__all_items__on_the_list),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
