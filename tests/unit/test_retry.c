#include "service/vertex/retry.h"

#include <string.h>

#include "service/vertex/reasons.h"
#include "tests/unit/cmocka_all.h"

#define MS CB_MILLISECOND

static const struct vtx_retry_policy policy = {3, VTX_RETRY_BASE,
                                               VTX_RETRY_CAP_INTERACTIVE};

static struct cb_status failed_with(enum vtx_reason reason, int http) {
  const struct vtx_reason_entry *entry = &vtx_reason_table[reason];
  struct cb_status status = cb_status_make(entry->code, entry->name, "");

  status.retryable = entry->retryable;
  status.http_status = http;
  return status;
}

static void kind__each_reason__as_the_table_says(void **state) {
  static const enum vtx_reason passing[] = {
      VTX_UPSTREAM_UNAVAILABLE, VTX_UPSTREAM_INTERNAL,
      VTX_UPSTREAM_UNKNOWN,     VTX_UPSTREAM_REQUEST_TIMEOUT,
      VTX_UPSTREAM_UNREACHABLE, VTX_UPSTREAM_BROKEN,
      VTX_UPSTREAM_TRUNCATED};

  (void)state;
  for (int reason = 0; reason < VTX_REASON_COUNT; reason++) {
    struct cb_status status = failed_with((enum vtx_reason)reason, 0);
    enum vtx_failure_kind expected = VTX_FAILURE_FINAL;

    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++) {
      if (passing[i] == (enum vtx_reason)reason) expected = VTX_FAILURE_PASSING;
    }
    if (reason == VTX_UPSTREAM_QUOTA_EXHAUSTED) {
      expected = VTX_FAILURE_THROTTLED;
    }
    if (reason == VTX_CREDENTIAL_REFRESH_FAILED) {
      expected = VTX_FAILURE_UNSENT;
    }
    assert_int_equal(vtx_failure_kind(&status), expected);
  }
}

static void kind__not_retryable_here__final(void **state) {
  struct cb_status status = failed_with(VTX_UPSTREAM_UNREACHABLE, 0);
  struct cb_status ok = cb_status_ok();

  (void)state;
  status.retryable = false; /* a certificate that is not trusted */
  assert_int_equal(vtx_failure_kind(&status), VTX_FAILURE_FINAL);
  assert_int_equal(vtx_failure_kind(&ok), VTX_FAILURE_FINAL);
}

/* It may pass, and callers are told so; but it is not the upstream's, and to
 * send all of it again would not make memory. */
static void kind__own_memory_used_up__final(void **state) {
  struct cb_status status = vtx_no_memory("");
  struct vtx_retry_case failed = {
      .status = &status, .attempts = 1, .now = 1000, .deadline = CB_NEVER};

  (void)state;
  assert_true(status.retryable);
  for (int http = 0; http <= 200; http += 200) {
    status.http_status = http; /* none came, or its answer found no room */
    assert_int_equal(vtx_failure_kind(&status), VTX_FAILURE_FINAL);
    assert_false(vtx_retry_allowed(&policy, &failed));
  }
}

static void reason__each_number__one_that_is_made_again(void **state) {
  struct cb_status none = cb_status_make(CB_OK, "", "");

  (void)state;
  for (size_t number = 0; number < VTX_RETRY_REASONS; number++) {
    struct cb_status status =
        cb_status_make(CB_UNAVAILABLE, vtx_retry_reason_name(number), "");

    status.retryable = true;
    status.http_status = 504;
    assert_int_equal(vtx_retry_reason(&status), number);
    assert_int_not_equal(vtx_failure_kind(&status), VTX_FAILURE_FINAL);
  }
  assert_int_equal(vtx_retry_reason(&none), VTX_RETRY_REASONS);
  none = failed_with(VTX_MODEL_NOT_FOUND, 404);
  assert_int_equal(vtx_retry_reason(&none), VTX_RETRY_REASONS);
}

static bool allowed(enum vtx_reason reason, int32_t attempts, int64_t left) {
  struct cb_status status = failed_with(reason, 0);
  struct vtx_retry_case failed = {.status = &status,
                                  .attempts = attempts,
                                  .now = 1000,
                                  .deadline = cb_time_add(1000, left)};

  return vtx_retry_allowed(&policy, &failed);
}

static void allowed__attempts__up_to_the_limit(void **state) {
  (void)state;
  assert_true(allowed(VTX_UPSTREAM_UNAVAILABLE, 1, CB_SECOND));
  assert_true(allowed(VTX_UPSTREAM_UNAVAILABLE, 2, CB_SECOND));
  assert_false(allowed(VTX_UPSTREAM_UNAVAILABLE, 3, CB_SECOND));
  assert_false(allowed(VTX_UPSTREAM_UNAVAILABLE, 4, CB_SECOND));
  assert_true(allowed(VTX_UPSTREAM_UNAVAILABLE, 2, CB_NEVER));
  assert_true(allowed(VTX_UPSTREAM_UNAVAILABLE, 2, 1));
  assert_false(allowed(VTX_UPSTREAM_UNAVAILABLE, 2, 0));
  assert_false(allowed(VTX_UPSTREAM_UNAVAILABLE, 2, -1));
}

static void allowed__one_attempt__never(void **state) {
  const struct vtx_retry_policy one = {1, VTX_RETRY_BASE, VTX_RETRY_BASE};
  struct cb_status status = failed_with(VTX_UPSTREAM_UNAVAILABLE, 503);
  const struct vtx_retry_case failed = {
      .status = &status, .attempts = 1, .deadline = CB_NEVER};

  (void)state;
  assert_false(vtx_retry_allowed(&one, &failed));
}

static void allowed__not_what_would_fail_again_or_waits(void **state) {
  (void)state;
  assert_false(allowed(VTX_UPSTREAM_QUOTA_EXHAUSTED, 1, CB_NEVER));
  assert_false(allowed(VTX_UPSTREAM_INVALID_ARGUMENT, 1, CB_NEVER));
  assert_false(allowed(VTX_UPSTREAM_CANCELLED, 1, CB_NEVER));
  assert_false(allowed(VTX_UPSTREAM_ABORTED, 1, CB_NEVER));
  assert_false(allowed(VTX_MODEL_NOT_FOUND, 1, CB_NEVER));
  assert_true(allowed(VTX_CREDENTIAL_REFRESH_FAILED, 1, CB_NEVER));
}

static void allowed__504__only_the_upstreams_and_with_more_time(void **state) {
  struct cb_status status = failed_with(VTX_UPSTREAM_TIMEOUT, 504);
  struct vtx_retry_case failed = {.status = &status,
                                  .attempts = 1,
                                  .took = 10 * CB_SECOND,
                                  .deadline = 20 * CB_SECOND + 2};

  (void)state;
  assert_true(vtx_retry_allowed(&policy, &failed));
  failed.deadline -= 2;
  assert_false(vtx_retry_allowed(&policy, &failed));
  failed.deadline = CB_NEVER;
  assert_true(vtx_retry_allowed(&policy, &failed));
  status.http_status = 0; /* our own deadline */
  assert_false(vtx_retry_allowed(&policy, &failed));
}

/* Smallest and largest delay of many. */
static void delays(const struct vtx_retry_case *failed, int64_t *ret_least,
                   int64_t *ret_most) {
  uint64_t random = 42;

  *ret_least = CB_NEVER;
  *ret_most = -1;
  for (int i = 0; i < 4000; i++) {
    int64_t when;

    assert_true(vtx_retry_when(&policy, failed, &random, &when));
    when -= failed->now;
    if (when < *ret_least) *ret_least = when;
    if (when > *ret_most) *ret_most = when;
  }
}

static void when__attempts__window_doubles_up_to_the_cap(void **state) {
  static const int64_t windows[] = {1000 * MS, 2000 * MS, 4000 * MS,
                                    8000 * MS, 8000 * MS, 8000 * MS};
  struct cb_status status = failed_with(VTX_UPSTREAM_UNAVAILABLE, 503);
  struct vtx_retry_case failed = {
      .status = &status, .now = 77, .deadline = CB_NEVER};

  (void)state;
  for (int i = 0; i < 6; i++) {
    int64_t least;
    int64_t most;

    failed.attempts = i + 1;
    delays(&failed, &least, &most);
    assert_in_range(least, 0, windows[i] / 50);
    assert_in_range(most, windows[i] / 50 * 49, windows[i]);
  }
  failed.attempts = INT32_MAX;
  delays(&failed, &failed.took, &failed.took);
  assert_in_range(failed.took, 1, 8000 * MS);
}

static void when__upstream_asks_for_time__at_least_that(void **state) {
  struct cb_status status = failed_with(VTX_UPSTREAM_UNAVAILABLE, 503);
  const struct vtx_retry_case failed = {.status = &status,
                                        .attempts = 1,
                                        .now = 5 * CB_SECOND,
                                        .deadline = 100 * CB_SECOND};
  int64_t least;
  int64_t most;

  (void)state;
  status.retry_after = 7 * CB_SECOND;
  delays(&failed, &least, &most);
  assert_in_range(least, 7000 * MS, 7050 * MS);
  assert_in_range(most, 7950 * MS, 8000 * MS);
}

static void when__time_runs_out__never_past_the_deadline(void **state) {
  struct cb_status status = failed_with(VTX_UPSTREAM_UNAVAILABLE, 503);
  struct vtx_retry_case failed = {
      .status = &status, .attempts = 2, .now = 0, .deadline = 100 * MS};
  uint64_t random = 1;
  int64_t least;
  int64_t most;
  int64_t when = -7;

  (void)state;
  delays(&failed, &least, &most);
  assert_in_range(most, 40 * MS, 50 * MS); /* half is left for the attempt */
  status.retry_after = 100 * MS - 1;
  delays(&failed, &least, &most);
  assert_int_equal(most, 100 * MS - 1);
  status.retry_after = 100 * MS;
  assert_false(vtx_retry_when(&policy, &failed, &random, &when));
  status.retry_after = -1;
  failed.deadline = 0;
  assert_false(vtx_retry_when(&policy, &failed, &random, &when));
  assert_true(when == -7);
}

static void random__same_seed__same_numbers(void **state) {
  uint64_t one = 3;
  uint64_t two = 3;
  uint64_t other = 4;
  int same = 0;

  (void)state;
  for (int i = 0; i < 100; i++) {
    int64_t number = vtx_retry_random(&one, 1000);

    assert_in_range(number, 0, 999);
    assert_int_equal(vtx_retry_random(&two, 1000), number);
    same += vtx_retry_random(&other, 1000) == number;
  }
  assert_in_range(same, 0, 10);
  assert_int_equal(vtx_retry_random(&one, 1), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(kind__each_reason__as_the_table_says),
      cmocka_unit_test(kind__not_retryable_here__final),
      cmocka_unit_test(kind__own_memory_used_up__final),
      cmocka_unit_test(reason__each_number__one_that_is_made_again),
      cmocka_unit_test(allowed__attempts__up_to_the_limit),
      cmocka_unit_test(allowed__one_attempt__never),
      cmocka_unit_test(allowed__not_what_would_fail_again_or_waits),
      cmocka_unit_test(allowed__504__only_the_upstreams_and_with_more_time),
      cmocka_unit_test(when__attempts__window_doubles_up_to_the_cap),
      cmocka_unit_test(when__upstream_asks_for_time__at_least_that),
      cmocka_unit_test(when__time_runs_out__never_past_the_deadline),
      cmocka_unit_test(random__same_seed__same_numbers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
