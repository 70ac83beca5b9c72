#include "service/batch/summary.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "tests/unit/cmocka_all.h"

static void fill__answers_and_failures__add_up(void **state) {
  Vertexd__V1__TokenCount tokens = VERTEXD__V1__TOKEN_COUNT__INIT;
  struct vtx_summary summary;
  struct vtx_summary_message message;

  (void)state;
  tokens.prompt_tokens = INT32_MAX;
  tokens.completion_tokens = 2;
  tokens.total_tokens = INT32_MAX;
  vtx_summary_init(&summary, 5);
  vtx_summary_answer(&summary, &tokens);
  vtx_summary_answer(&summary, &tokens);
  vtx_summary_answer(&summary, NULL);
  vtx_summary_failure(&summary, CB_INTERNAL, "A", 2);
  vtx_summary_fill(&summary, 1500 * CB_MILLISECOND, 7, &message);
  assert_int_equal(message.summary.total, 5);
  assert_int_equal(message.summary.succeeded, 3);
  assert_int_equal(message.summary.failed, 2);
  assert_int_equal(message.summary.prompt_tokens, INT64_C(2) * INT32_MAX);
  assert_int_equal(message.summary.completion_tokens, 4);
  assert_int_equal(message.summary.max_concurrency, 7);
  assert_int_equal(message.summary.duration->seconds, 1);
  assert_int_equal(message.summary.duration->nanos, 500000000);
}

static void fill__failures__by_kind_most_frequent_first(void **state) {
  struct vtx_summary summary;
  struct vtx_summary_message message;
  Vertexd__V1__FailureCount **rows;

  (void)state;
  vtx_summary_init(&summary, 9);
  vtx_summary_failure(&summary, CB_UNAVAILABLE, "B", 1);
  vtx_summary_failure(&summary, CB_INTERNAL, "A", 1);
  vtx_summary_failure(&summary, CB_ABORTED, "A", 3);
  vtx_summary_failure(&summary, CB_UNAVAILABLE, "B", 4);
  vtx_summary_fill(&summary, 0, 1, &message);
  rows = message.summary.failures;
  assert_int_equal(message.summary.n_failures, 3);
  assert_int_equal(rows[0]->count, 5);
  assert_string_equal(rows[0]->reason, "B");
  assert_int_equal(rows[1]->count, 3);
  assert_int_equal(rows[1]->code, CB_ABORTED);
  assert_int_equal(rows[2]->code, CB_INTERNAL);
}

static void fill__more_kinds_than_are_listed__all_are_counted(void **state) {
  struct vtx_summary summary;
  struct vtx_summary_message message;
  char reason[16];

  (void)state;
  vtx_summary_init(&summary, 1000);
  for (int i = 0; i < VTX_SUMMARY_KINDS + 5; i++) {
    snprintf(reason, sizeof reason, "R%d", i);
    vtx_summary_failure(&summary, CB_INTERNAL, reason, 1);
  }
  vtx_summary_fill(&summary, 0, 1, &message);
  assert_int_equal(message.summary.n_failures, VTX_FAILURE_KINDS);
  assert_int_equal(message.summary.failed, VTX_SUMMARY_KINDS + 5);
}

static void max_size__the_largest_summary__is_not_more(void **state) {
  struct vtx_summary summary;
  struct vtx_summary_message message;
  char reason[VTX_REASON_MAX + 8];

  (void)state;
  memset(reason, 'R', sizeof reason);
  reason[sizeof reason - 1] = '\0';
  vtx_summary_init(&summary, INT32_MAX);
  for (int i = 0; i < VTX_SUMMARY_KINDS; i++) {
    reason[0] = (char)('A' + i % 26);
    reason[1] = (char)('A' + i / 26);
    vtx_summary_failure(&summary, CB_UNAUTHENTICATED, reason, INT32_MAX / 100);
  }
  summary.prompt_tokens = INT64_MAX;
  summary.completion_tokens = INT64_MAX;
  summary.total_tokens = INT64_MAX;
  vtx_summary_fill(&summary, CB_NEVER, INT32_MAX, &message);
  assert_true(
      6 + vertexd__v1__batch_summary__get_packed_size(&message.summary) <=
      vtx_summary_max_size());
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fill__answers_and_failures__add_up),
      cmocka_unit_test(fill__failures__by_kind_most_frequent_first),
      cmocka_unit_test(fill__more_kinds_than_are_listed__all_are_counted),
      cmocka_unit_test(max_size__the_largest_summary__is_not_more),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
