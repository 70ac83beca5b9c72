#include "base/heap.h"

#include <stdlib.h>

#include "base/list.h"
#include "tests/unit/cmocka_all.h"

#define ITEMS ((size_t)300)

struct item {
  int before; /* so that the node is not where the item is */
  struct cb_heap_node node;
};

/* A heap, and beside it what it must hold, sorted. */
struct pair {
  struct cb_heap heap;
  struct cb_heap_node *sorted[ITEMS];
  size_t count;
  uint32_t seed;
};

static uint32_t draw(struct pair *pair, uint32_t below) {
  pair->seed = pair->seed * 1664525 + 1013904223;
  return (pair->seed >> 8) % below;
}

static int compare(const void *left, const void *right) {
  const struct cb_heap_node *a = *(struct cb_heap_node *const *)left;
  const struct cb_heap_node *b = *(struct cb_heap_node *const *)right;

  if (a->key < b->key || a->key > b->key) return a->key < b->key ? -1 : 1;
  return a->order < b->order ? -1 : a->order > b->order;
}

static void add(struct pair *pair, struct cb_heap_node *node) {
  assert_false(node->in);
  cb_heap_put(&pair->heap, node);
  assert_true(node->in);
  pair->sorted[pair->count++] = node;
  qsort(pair->sorted, pair->count, sizeof pair->sorted[0], compare);
}

static void drop(struct pair *pair, struct cb_heap_node *node) {
  size_t kept = 0;

  cb_heap_remove(&pair->heap, node);
  assert_false(node->in);
  for (size_t i = 0; i < pair->count; i++) {
    if (pair->sorted[i] != node) pair->sorted[kept++] = pair->sorted[i];
  }
  assert_int_equal(kept + 1, pair->count);
  pair->count = kept;
}

static void expect_first(const struct pair *pair) {
  assert_ptr_equal(cb_heap_first(&pair->heap),
                   pair->count > 0 ? pair->sorted[0] : NULL);
}

static void drain(struct pair *pair) {
  while (pair->count > 0) {
    expect_first(pair);
    drop(pair, cb_heap_first(&pair->heap));
  }
  expect_first(pair);
}

static void first__empty__is_null(void **state) {
  struct cb_heap heap = {NULL};

  (void)state;
  assert_null(cb_heap_first(&heap));
}

static void remove__only_one__leaves_it_as_before_the_put(void **state) {
  struct cb_heap heap = {NULL};
  struct item item = {.node = {.key = -1.5, .order = 7}};

  (void)state;
  for (int i = 0; i < 2; i++) {
    cb_heap_put(&heap, &item.node);
    assert_ptr_equal(CB_CONTAINER(cb_heap_first(&heap), struct item, node),
                     &item);
    cb_heap_remove(&heap, &item.node);
    assert_null(cb_heap_first(&heap));
    assert_false(item.node.in);
    assert_true(item.node.key == -1.5 && item.node.order == 7);
  }
}

static void first__equal_keys__goes_by_order(void **state) {
  static const uint64_t orders[] = {3, UINT64_MAX, 0, 2, 1};
  static const uint64_t sorted[] = {0, 1, 2, 3, UINT64_MAX};
  struct cb_heap_node nodes[5] = {{0}};
  struct cb_heap heap = {NULL};

  (void)state;
  for (size_t i = 0; i < 5; i++) {
    nodes[i].order = orders[i];
    cb_heap_put(&heap, &nodes[i]);
  }
  for (size_t i = 0; i < 5; i++) {
    struct cb_heap_node *node = cb_heap_first(&heap);

    assert_true(node->order == sorted[i]);
    cb_heap_remove(&heap, node);
  }
  assert_null(cb_heap_first(&heap));
}

/* Few keys, so that many are equal. What is in is taken out wherever it is, and
 * the first more often from round to round, so that heaps get many shapes. */
static void put_remove__at_random__as_a_sorted_row(void **state) {
  static struct item items[ITEMS];
  static struct pair pair;
  uint64_t order = 0;

  (void)state;
  for (uint32_t round = 0; round < 20; round++) {
    pair.seed = round;
    for (int step = 0; step < 2000; step++) {
      struct cb_heap_node *node = &items[draw(&pair, ITEMS)].node;

      if (node->in && draw(&pair, 20) < round) node = pair.sorted[0];
      if (node->in) {
        drop(&pair, node);
      } else {
        node->key = draw(&pair, 40) / 4.0 - 5;
        node->order = order++;
        add(&pair, node);
      }
      expect_first(&pair);
    }
    assert_true(pair.count > 0);
    drain(&pair);
  }
}

/* A row of a million siblings, and a line of a million generations. */
static void remove__rows_and_lines_of_a_million__no_recursion(void **state) {
  size_t count = 1000000;
  struct cb_heap_node *nodes = calloc(count, sizeof *nodes);
  struct cb_heap heap = {NULL};

  (void)state;
  assert_non_null(nodes);
  for (int falling = 0; falling < 2; falling++) {
    for (size_t i = 0; i < count; i++) {
      nodes[i].key = (double)(falling ? count - 1 - i : i);
      cb_heap_put(&heap, &nodes[i]);
    }
    for (size_t i = 0; i < count; i++) {
      struct cb_heap_node *node = cb_heap_first(&heap);

      if (node != &nodes[falling ? count - 1 - i : i]) fail();
      cb_heap_remove(&heap, node);
    }
    assert_null(cb_heap_first(&heap));
  }
  free(nodes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(first__empty__is_null),
      cmocka_unit_test(remove__only_one__leaves_it_as_before_the_put),
      cmocka_unit_test(first__equal_keys__goes_by_order),
      cmocka_unit_test(put_remove__at_random__as_a_sorted_row),
      cmocka_unit_test(remove__rows_and_lines_of_a_million__no_recursion),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
