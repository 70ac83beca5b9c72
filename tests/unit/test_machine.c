#include "service/machine.h"

#include <sys/resource.h>

#include "tests/unit/cmocka_all.h"

static void share__limits__upstream_and_callers(void **state) {
  static const struct {
    uint64_t descriptors;
    size_t wanted, each, upstream, callers;
  } cases[] = {
      {0, 10000, 1, 10000, SIZE_MAX},
      {1, 10000, 1, 1, 1},
      {32, 10000, 2, 1, 1},
      {33, 10000, 1, 1, 1},
      {64, 10000, 1, 24, 4},
      {64, 24, 1, 24, 4},
      {64, 23, 1, 23, 4},
      {64, 2, 1, 2, 15},
      {64, 10000, 2, 12, 4},
      {1024, 10000, 1, 744, 124},
      {1048576, 10000, 1, 10000, (1048576 - 32 - 10000) / 2},
      {1048576, 10000, 2, 10000, (1048576 - 32 - 20000) / 2},
      {UINT64_MAX, SIZE_MAX / 4, 2, SIZE_MAX / 4, SIZE_MAX / 4 - 15},
  };

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct vtx_machine_shares shares =
        vtx_machine_share(cases[i].descriptors, cases[i].wanted, cases[i].each);

    assert_int_equal(shares.upstream, cases[i].upstream);
    assert_int_equal(shares.callers, cases[i].callers);
  }
}

static void raise__soft_limit_below_the_hard_one__becomes_it(void **state) {
  struct rlimit limit;

  (void)state;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max / 2;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
  assert_int_equal(vtx_machine_raise_descriptors(), limit.rlim_max);
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  assert_int_equal(limit.rlim_cur, limit.rlim_max);
}

static void memory__of_this_machine__is_some(void **state) {
  (void)state;
  assert_true(vtx_machine_memory() > 1 << 20);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(share__limits__upstream_and_callers),
      cmocka_unit_test(raise__soft_limit_below_the_hard_one__becomes_it),
      cmocka_unit_test(memory__of_this_machine__is_some),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
