#include "client/vertexctl/targets.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/cmocka_all.h"

static void expect(const char *const *targets, size_t count,
                   const char *expected) {
  struct ctl_problem problem;
  char *joined = ctl_target_join(targets, count, &problem);

  assert_non_null(joined);
  assert_string_equal(joined, expected);
  free(joined);
}

static void join__one_target__as_it_is(void **state) {
  const char *const targets[] = {"unix:/run/vertexd.sock"};

  (void)state;
  expect(targets, 1, "unix:/run/vertexd.sock");
}

static void join__several__one_list_of_addresses(void **state) {
  const char *const four[] = {"127.0.0.1:1", "dns:///127.0.0.2:22",
                              "127.0.0.3:3"};
  const char *const six[] = {"[::1]:1", "[::2]:2"};

  (void)state;
  expect(four, 3, "ipv4:127.0.0.1:1,127.0.0.2:22,127.0.0.3:3");
  expect(six, 2, "ipv6:[::1]:1,[::2]:2");
}

static void join__one_that_has_no_address__named(void **state) {
  static const char *const wrong[] = {"unix:/x", "127.0.0.1", ":5",
                                      "127.0.0.1:", "no-such-host.invalid:1"};
  struct ctl_problem problem;

  (void)state;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const char *const targets[] = {wrong[i], wrong[i]};

    assert_null(ctl_target_join(targets, 2, &problem));
    assert_non_null(strstr(problem.text, wrong[i]));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(join__one_target__as_it_is),
      cmocka_unit_test(join__several__one_list_of_addresses),
      cmocka_unit_test(join__one_that_has_no_address__named),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
