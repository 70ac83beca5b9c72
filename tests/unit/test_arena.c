#include "base/arena.h"

#include <string.h>

#include "base/budget.h"
#include "tests/unit/cmocka_all.h"

static void new__cap_below_its_head__refuses(void **state) {
  struct cb_budget budget;

  (void)state;
  cb_budget_init(&budget, SIZE_MAX);
  assert_null(cb_arena_new(&budget, 16, 0));
  assert_int_equal(cb_budget_used(&budget), 0);
}

static void alloc__any_sizes__aligned_and_apart(void **state) {
  struct cb_arena *arena = cb_arena_new(NULL, SIZE_MAX, 0);
  unsigned char *blocks[300];

  (void)state;
  for (size_t i = 0; i < 300; i++) {
    blocks[i] = cb_arena_alloc(arena, i * 7);
    assert_non_null(blocks[i]);
    assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
    memset(blocks[i], (int)(i & 0xFF), i * 7);
  }
  for (size_t i = 0; i < 300; i++)
    for (size_t k = 0; k < i * 7; k++)
      assert_int_equal(blocks[i][k], i & 0xFF);
  cb_arena_free(arena);
}

static void alloc__small_ones__blocks_double(void **state) {
  struct cb_arena *arena = cb_arena_new(NULL, SIZE_MAX, 256);
  unsigned changes = 0;

  (void)state;
  for (int i = 0; i < 10000; i++) {
    size_t before = cb_arena_size(arena);

    assert_non_null(cb_arena_alloc(arena, 96));
    changes += cb_arena_size(arena) != before;
  }
  assert_true(cb_arena_size(arena) < 10000 * 96 * 5 / 4);
  assert_true(changes < 30); /* 960 kB in blocks of up to 64 KiB */
  cb_arena_free(arena);
}

static void alloc__middling_ones__not_each_a_block(void **state) {
  struct cb_arena *arena = cb_arena_new(NULL, SIZE_MAX, 0);
  unsigned changes = 0;

  (void)state;
  for (int i = 0; i < 1000; i++) {
    size_t before = cb_arena_size(arena);

    assert_non_null(cb_arena_alloc(arena, 1500));
    changes += cb_arena_size(arena) != before;
  }
  assert_true(changes < 40);
  cb_arena_free(arena);
}

static void alloc__to_the_cap__fits_and_one_more_does_not(void **state) {
  struct cb_arena *probe = cb_arena_new(NULL, SIZE_MAX, 1);
  size_t head = cb_arena_size(probe);
  struct cb_arena *arena;

  (void)state;
  cb_arena_free(probe);
  /* A block of its own has a head of 16 bytes. */
  arena = cb_arena_new(NULL, head + 16 + 100000, 1);
  assert_null(cb_arena_alloc(arena, 100001));
  assert_true(cb_arena_exhausted(arena));
  assert_non_null(cb_arena_alloc(arena, 100000));
  assert_null(cb_arena_alloc(arena, 1));
  assert_true(cb_arena_past_cap(arena));
  assert_int_equal(cb_arena_size(arena), head + 16 + 100000);
  cb_arena_free(arena);
}

static void past_cap__cap_or_budget__that_of_the_last_refusal(void **state) {
  struct cb_budget budget;
  struct cb_arena *arena;

  (void)state;
  cb_budget_init(&budget, 5000);
  arena = cb_arena_new(&budget, 10000, 256);
  assert_false(cb_arena_past_cap(arena));
  assert_null(cb_arena_alloc(arena, 10000 - 256));
  assert_true(cb_arena_past_cap(arena));
  assert_null(cb_arena_alloc(arena, 6000));
  assert_false(cb_arena_past_cap(arena));
  assert_null(cb_arena_zalloc(arena, SIZE_MAX / 2, 3));
  assert_true(cb_arena_past_cap(arena));
  assert_non_null(cb_arena_alloc(arena, 1000));
  assert_true(cb_arena_past_cap(arena));
  cb_arena_free(arena);
}

static void alloc__absurd_size__refused(void **state) {
  struct cb_arena *arena = cb_arena_new(NULL, SIZE_MAX, 0);

  (void)state;
  assert_null(cb_arena_alloc(arena, SIZE_MAX));
  assert_null(cb_arena_alloc(arena, SIZE_MAX - 20));
  assert_null(cb_arena_zalloc(arena, SIZE_MAX / 2, 3));
  assert_null(cb_arena_memdup(arena, "", SIZE_MAX));
  assert_true(cb_arena_exhausted(arena));
  assert_non_null(cb_arena_alloc(arena, 10));
  cb_arena_free(arena);
}

static void zalloc__used_memory__zeroed(void **state) {
  static const char zeros[64];
  struct cb_arena *arena = cb_arena_new(NULL, SIZE_MAX, 0);

  (void)state;
  for (int i = 0; i < 100; i++) {
    char *memory = cb_arena_zalloc(arena, 8, 8);

    assert_memory_equal(memory, zeros, 64);
    memset(memory, 0xFF, 64);
  }
  cb_arena_free(arena);
}

static void texts__copied__equal(void **state) {
  struct cb_arena *arena = cb_arena_new(NULL, SIZE_MAX, 0);

  (void)state;
  assert_string_equal(cb_arena_strdup(arena, "text"), "text");
  assert_null(cb_arena_strdup(arena, NULL));
  assert_string_equal(cb_arena_memdup(arena, "text", 2), "te");
  assert_string_equal(cb_arena_memdup(arena, NULL, 0), "");
  assert_string_equal(cb_arena_printf(arena, "%s-%d", "a", 7), "a-7");
  assert_false(cb_arena_exhausted(arena));
  cb_arena_free(arena);
}

struct order {
  char seen[8];
  size_t count;
};

struct note {
  struct order *order;
  char name;
};

static void write_down(void *object) {
  struct note *note = object;

  note->order->seen[note->order->count++] = note->name;
}

static void defer__freed__last_first(void **state) {
  struct order order = {.count = 0};
  struct note a = {&order, 'a'};
  struct note b = {&order, 'b'};
  struct cb_arena *arena = cb_arena_new(NULL, SIZE_MAX, 0);

  (void)state;
  assert_true(cb_arena_defer(arena, write_down, &a));
  assert_true(cb_arena_defer(arena, write_down, &b));
  assert_int_equal(order.count, 0);
  cb_arena_free(arena);
  assert_int_equal(order.count, 2);
  assert_memory_equal(order.seen, "ba", 2);
}

static void live__new_and_free__returns(void **state) {
  size_t before = cb_arena_live();
  struct cb_arena *arena = cb_arena_new(NULL, SIZE_MAX, 0);

  (void)state;
  assert_int_equal(cb_arena_live(), before + 1);
  cb_arena_free(arena);
  cb_arena_free(NULL);
  assert_int_equal(cb_arena_live(), before);
}

/* Allocates this and that; true if all of it could be had. */
static bool scenario(struct cb_budget *budget) {
  struct order order = {.count = 0};
  struct note note = {&order, 'a'};
  struct cb_arena *arena = cb_arena_new(budget, 100000, 128);
  bool deferred;
  bool all;

  if (!arena) return false;
  deferred = cb_arena_defer(arena, write_down, &note);
  all = deferred;
  for (size_t size = 1; size < 20000; size *= 3) {
    char *memory = cb_arena_alloc(arena, size);

    if (memory) memset(memory, 1, size);
    all = all && memory;
  }
  all = all && cb_arena_printf(arena, "%500d", 1);
  assert_int_equal(cb_budget_used(budget), cb_arena_size(arena));
  assert_int_equal(cb_arena_exhausted(arena), !all);
  assert_false(cb_arena_past_cap(arena));
  cb_arena_free(arena);
  assert_int_equal(order.count, deferred);
  return all;
}

static void any__every_budget__all_given_back(void **state) {
  struct cb_budget budget;
  unsigned refused = 0;

  (void)state;
  for (size_t limit = 0; limit < 60000; limit += 16) {
    cb_budget_init(&budget, limit);
    refused += !scenario(&budget);
    assert_int_equal(cb_budget_used(&budget), 0);
  }
  assert_true(refused > 100);
  cb_budget_init(&budget, SIZE_MAX);
  assert_true(scenario(&budget));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(new__cap_below_its_head__refuses),
      cmocka_unit_test(alloc__any_sizes__aligned_and_apart),
      cmocka_unit_test(alloc__small_ones__blocks_double),
      cmocka_unit_test(alloc__middling_ones__not_each_a_block),
      cmocka_unit_test(alloc__to_the_cap__fits_and_one_more_does_not),
      cmocka_unit_test(past_cap__cap_or_budget__that_of_the_last_refusal),
      cmocka_unit_test(alloc__absurd_size__refused),
      cmocka_unit_test(zalloc__used_memory__zeroed),
      cmocka_unit_test(texts__copied__equal),
      cmocka_unit_test(defer__freed__last_first),
      cmocka_unit_test(live__new_and_free__returns),
      cmocka_unit_test(any__every_budget__all_given_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
