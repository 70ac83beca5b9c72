#include "service/vertex/retry.h"

#include "base/clock.h"
#include "tests/unit/cmocka_all.h"

static void decide__one_attempt__never_again(void **state) {
  const struct vtx_retry_policy policy = {.max_attempts = 1};
  struct cb_status status =
      cb_status_make(CB_UNAVAILABLE, "UPSTREAM_UNAVAILABLE", "");
  struct vtx_retry_case failed = {
      .status = &status, .attempts = 1, .deadline = CB_NEVER};
  int64_t when = -7;

  (void)state;
  status.retryable = true;
  assert_false(vtx_retry_decide(&policy, &failed, &when));
  assert_true(when == -7);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(decide__one_attempt__never_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
