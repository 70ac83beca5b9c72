#include <stdlib.h>

#include "base/arena.h"
#include "service/batch/result.h"
#include "service/batch/window.h"
#include "tests/unit/cmocka_all.h"

static struct vtx_result *make(uint32_t index) {
  struct cb_arena *arena = cb_arena_new(NULL, SIZE_MAX, 512);
  struct vtx_result *result = cb_arena_zalloc(arena, 1, sizeof *result);

  assert_non_null(result);
  result->arena = arena;
  result->index = index;
  return result;
}

static void expect(struct vtx_window *window, uint32_t index) {
  struct vtx_result *result = vtx_window_take(window);

  assert_non_null(result);
  assert_int_equal(result->index, index);
  vtx_result_free(result);
}

static void take__input_order__waits_for_the_one_before(void **state) {
  struct vtx_window window;

  (void)state;
  vtx_window_init(&window, VTX_INPUT_ORDER);
  vtx_window_put(&window, make(2));
  vtx_window_put(&window, make(1));
  assert_null(vtx_window_take(&window));
  vtx_window_put(&window, make(0));
  expect(&window, 0);
  expect(&window, 1);
  expect(&window, 2);
  assert_null(vtx_window_take(&window));
  vtx_window_release(&window);
}

static void take__as_completed__first_come_first_served(void **state) {
  struct vtx_window window;

  (void)state;
  vtx_window_init(&window, VTX_AS_COMPLETED);
  vtx_window_put(&window, make(2));
  vtx_window_put(&window, make(0));
  expect(&window, 2);
  vtx_window_put(&window, make(1));
  expect(&window, 0);
  expect(&window, 1);
  assert_null(vtx_window_take(&window));
  vtx_window_put(&window, make(3));
  expect(&window, 3);
  vtx_window_release(&window);
}

static void take__any_order_of_arrival__comes_out_sorted(void **state) {
  enum { COUNT = 5000 };
  static uint32_t indices[COUNT];
  struct vtx_window window;
  uint32_t out = 0;

  (void)state;
  srand(7);
  for (uint32_t i = 0; i < COUNT; i++)
    indices[i] = i;
  for (uint32_t i = COUNT - 1; i > 0; i--) {
    uint32_t other = (uint32_t)rand() % (i + 1);
    uint32_t index = indices[i];

    indices[i] = indices[other];
    indices[other] = index;
  }
  vtx_window_init(&window, VTX_INPUT_ORDER);
  for (uint32_t i = 0; i < COUNT; i++) {
    struct vtx_result *result;

    vtx_window_put(&window, make(indices[i]));
    while ((result = vtx_window_take(&window)) != NULL) {
      assert_int_equal(result->index, out++);
      vtx_result_free(result);
    }
  }
  assert_int_equal(out, COUNT);
}

static void release__with_results_inside__frees_them(void **state) {
  size_t before = cb_arena_live();
  struct vtx_window window;

  (void)state;
  for (int order = VTX_INPUT_ORDER; order <= VTX_AS_COMPLETED; order++) {
    vtx_window_init(&window, (enum vtx_window_order)order);
    for (uint32_t i = 0; i < 100; i++)
      vtx_window_put(&window, make(100 - i));
    assert_int_equal(cb_arena_live(), before + 100);
    vtx_window_release(&window);
    assert_int_equal(cb_arena_live(), before);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(take__input_order__waits_for_the_one_before),
      cmocka_unit_test(take__as_completed__first_come_first_served),
      cmocka_unit_test(take__any_order_of_arrival__comes_out_sorted),
      cmocka_unit_test(release__with_results_inside__frees_them),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
