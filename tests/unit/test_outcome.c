#include "service/batch/outcome.h"

#include <stddef.h>

#include "service/quota/breaker.h"
#include "service/vertex/reasons.h"
#include "tests/unit/cmocka_all.h"

/* Of a call that ended with that reason, after so long without a byte. */
static enum vtx_gate_outcome after_silence(enum vtx_reason reason, int http,
                                           int64_t silence) {
  const struct vtx_reason_entry *entry = &vtx_reason_table[reason];
  struct cb_status status = cb_status_make(entry->code, entry->name, "");

  status.retryable = entry->retryable;
  status.http_status = http;
  return vtx_outcome_of(&status, silence);
}

static enum vtx_gate_outcome outcome_of(enum vtx_reason reason, int http) {
  return after_silence(reason, http, 0);
}

static void outcome__answers__served(void **state) {
  const struct cb_status ok = cb_status_ok();

  (void)state;
  assert_int_equal(vtx_outcome_of(&ok, 0), VTX_OUTCOME_SERVED);
  assert_int_equal(outcome_of(VTX_UPSTREAM_INVALID_ARGUMENT, 400),
                   VTX_OUTCOME_SERVED);
  assert_int_equal(outcome_of(VTX_UPSTREAM_UNAUTHENTICATED, 401),
                   VTX_OUTCOME_SERVED);
  assert_int_equal(outcome_of(VTX_MODEL_NOT_FOUND, 404), VTX_OUTCOME_SERVED);
  assert_int_equal(outcome_of(VTX_UPSTREAM_MALFORMED, 200), VTX_OUTCOME_SERVED);
  assert_int_equal(outcome_of(VTX_UPSTREAM_MALFORMED, 0), VTX_OUTCOME_SERVED);
  assert_int_equal(outcome_of(VTX_RESPONSE_TOO_LARGE, 0), VTX_OUTCOME_SERVED);
}

static void outcome__refusals_for_quota__throttled(void **state) {
  (void)state;
  assert_int_equal(outcome_of(VTX_UPSTREAM_QUOTA_EXHAUSTED, 429),
                   VTX_OUTCOME_THROTTLED);
  assert_int_equal(outcome_of(VTX_UPSTREAM_QUOTA_EXHAUSTED, 0),
                   VTX_OUTCOME_THROTTLED); /* in a stream */
}

static void outcome__it_is_there_and_cannot__overloaded(void **state) {
  (void)state;
  assert_int_equal(outcome_of(VTX_UPSTREAM_INTERNAL, 500),
                   VTX_OUTCOME_OVERLOADED);
  assert_int_equal(outcome_of(VTX_UPSTREAM_UNAVAILABLE, 502),
                   VTX_OUTCOME_OVERLOADED);
  assert_int_equal(outcome_of(VTX_UPSTREAM_UNAVAILABLE, 503),
                   VTX_OUTCOME_OVERLOADED);
  assert_int_equal(outcome_of(VTX_UPSTREAM_TIMEOUT, 504),
                   VTX_OUTCOME_OVERLOADED);
  assert_int_equal(outcome_of(VTX_UPSTREAM_REQUEST_TIMEOUT, 408),
                   VTX_OUTCOME_OVERLOADED);
}

static void outcome__no_connection_or_a_broken_one__unreached(void **state) {
  (void)state;
  assert_int_equal(outcome_of(VTX_UPSTREAM_UNREACHABLE, 0),
                   VTX_OUTCOME_UNREACHED);
  assert_int_equal(outcome_of(VTX_UPSTREAM_BROKEN, 0), VTX_OUTCOME_UNREACHED);
  assert_int_equal(outcome_of(VTX_UPSTREAM_TRUNCATED, 200),
                   VTX_OUTCOME_UNREACHED);
}

static void outcome__ours__tells_nothing(void **state) {
  const struct cb_status memory = vtx_no_memory("");

  (void)state;
  assert_int_equal(outcome_of(VTX_UPSTREAM_TIMEOUT, 0), VTX_OUTCOME_NOTHING);
  assert_int_equal(outcome_of(VTX_CREDENTIAL_REFRESH_FAILED, 0),
                   VTX_OUTCOME_NOTHING);
  assert_int_equal(outcome_of(VTX_CREDENTIAL_UNAVAILABLE, 0),
                   VTX_OUTCOME_NOTHING);
  assert_int_equal(outcome_of(VTX_UPSTREAM_CANCELLED, 499),
                   VTX_OUTCOME_NOTHING);
  assert_int_equal(vtx_outcome_of(&memory, 0), VTX_OUTCOME_NOTHING);
}

static void outcome__given_up__silent_from_the_limit_on(void **state) {
  (void)state;
  assert_int_equal(vtx_outcome_given_up(0), VTX_OUTCOME_NOTHING);
  assert_int_equal(vtx_outcome_given_up(VTX_BREAKER_SILENCE - 1),
                   VTX_OUTCOME_NOTHING);
  assert_int_equal(vtx_outcome_given_up(VTX_BREAKER_SILENCE),
                   VTX_OUTCOME_SILENT);
  assert_int_equal(
      after_silence(VTX_UPSTREAM_TIMEOUT, 0, VTX_BREAKER_SILENCE - 1),
      VTX_OUTCOME_NOTHING);
  assert_int_equal(after_silence(VTX_UPSTREAM_TIMEOUT, 0, VTX_BREAKER_SILENCE),
                   VTX_OUTCOME_SILENT);
}

/* What did not end by us says more than the wait for it. */
static void outcome__silence_and_another_end__that_end_counts(void **state) {
  (void)state;
  assert_int_equal(
      after_silence(VTX_UPSTREAM_TIMEOUT, 504, VTX_BREAKER_SILENCE),
      VTX_OUTCOME_OVERLOADED);
  assert_int_equal(after_silence(VTX_UPSTREAM_BROKEN, 0, VTX_BREAKER_SILENCE),
                   VTX_OUTCOME_UNREACHED);
  assert_int_equal(
      after_silence(VTX_CREDENTIAL_UNAVAILABLE, 0, VTX_BREAKER_SILENCE),
      VTX_OUTCOME_NOTHING);
}

static void tokens__usage__its_total_or_unknown(void **state) {
  Vertexd__V1__GenerateResponse response = VERTEXD__V1__GENERATE_RESPONSE__INIT;
  Vertexd__V1__GenerateResponse__UsageMetadata usage =
      VERTEXD__V1__GENERATE_RESPONSE__USAGE_METADATA__INIT;

  (void)state;
  assert_true(vtx_outcome_tokens(NULL) < 0);
  assert_true(vtx_outcome_tokens(&response) < 0);
  response.usage_metadata = &usage;
  usage.total_token_count = 321;
  assert_true(vtx_outcome_tokens(&response) == 321);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(outcome__answers__served),
      cmocka_unit_test(outcome__refusals_for_quota__throttled),
      cmocka_unit_test(outcome__it_is_there_and_cannot__overloaded),
      cmocka_unit_test(outcome__no_connection_or_a_broken_one__unreached),
      cmocka_unit_test(outcome__ours__tells_nothing),
      cmocka_unit_test(outcome__given_up__silent_from_the_limit_on),
      cmocka_unit_test(outcome__silence_and_another_end__that_end_counts),
      cmocka_unit_test(tokens__usage__its_total_or_unknown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
