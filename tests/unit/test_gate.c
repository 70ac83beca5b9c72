#include "service/quota/gate.h"

#include <math.h>

#include "tests/unit/cmocka_all.h"

#define S CB_SECOND
#define MS CB_MILLISECOND
#define NOW (1000 * S)

static void init(struct vtx_gate *gate, double requests, double tokens,
                 bool fixed) {
  struct vtx_gate_options options = {.requests_per_minute = requests,
                                     .tokens_per_minute = tokens,
                                     .fixed = fixed};

  vtx_gate_init(gate, &options);
}

static void end(struct vtx_gate *gate, int64_t now,
                enum vtx_gate_outcome outcome, int64_t retry_after) {
  struct vtx_gate_end it = {.outcome = outcome,
                            .took = MS,
                            .retry_after = retry_after,
                            .estimated = 1,
                            .used = -1};

  vtx_gate_ended(gate, now, 0, &it);
}

/* So many calls, one each ten milliseconds; each n-th fails. */
static int64_t run(struct vtx_gate *gate, int64_t now, int count, int nth) {
  for (int i = 0; i < count; i++) {
    vtx_gate_started(gate, now, 1);
    now += 10 * MS;
    end(gate, now, i % nth == 0 ? VTX_OUTCOME_OVERLOADED : VTX_OUTCOME_SERVED,
        -1);
  }
  return now;
}

static void when__nothing_known__nothing_limits(void **state) {
  struct vtx_gate gate;

  (void)state;
  init(&gate, 0, 0, false);
  assert_int_equal(vtx_gate_when(&gate, NOW, 1000, 1e9), NOW);
  assert_false(vtx_gate_is_throttled(&gate, NOW));
  assert_true(isinf(vtx_gate_rate(&gate)));
  assert_true(vtx_gate_limit(&gate) == SIZE_MAX);
}

static void when__requests_a_minute__hold_from_the_first_call(void **state) {
  struct vtx_gate gate;
  int count = 0;

  (void)state;
  init(&gate, 60, 0, true);
  for (; vtx_gate_when(&gate, NOW, 0, 1) <= NOW; count++)
    vtx_gate_started(&gate, NOW, 1);
  assert_int_equal(count, 3);
  assert_int_equal(vtx_gate_when(&gate, NOW, 0, 1), NOW + S);
}

static void when__tokens_a_minute__settled_after_the_answer(void **state) {
  struct vtx_gate gate;
  struct vtx_gate_end it = {.outcome = VTX_OUTCOME_SERVED,
                            .retry_after = -1,
                            .estimated = 500,
                            .used = 1900};

  (void)state;
  init(&gate, 0, 6000, true);
  vtx_gate_started(&gate, NOW, 500);
  assert_int_equal(vtx_gate_when(&gate, NOW, 0, 500), NOW + 5 * S);
  vtx_gate_ended(&gate, NOW, 0, &it);
  assert_int_equal(vtx_gate_when(&gate, NOW, 0, 500), NOW + 19 * S);
}

static void ended__refused__its_tokens_are_given_back(void **state) {
  struct vtx_gate gate;
  struct vtx_gate_end it = {.outcome = VTX_OUTCOME_THROTTLED,
                            .retry_after = -1,
                            .estimated = 500,
                            .used = -1};

  (void)state;
  init(&gate, 0, 6000, true);
  vtx_gate_started(&gate, NOW, 500);
  vtx_gate_ended(&gate, NOW, 0, &it);
  assert_int_equal(vtx_gate_when(&gate, NOW, 0, 500), NOW);
}

static void ended__throttled__limits_the_rate_unless_fixed(void **state) {
  struct vtx_gate gate;

  (void)state;
  init(&gate, 0, 0, false);
  vtx_gate_started(&gate, NOW, 1);
  end(&gate, NOW + MS, VTX_OUTCOME_THROTTLED, -1);
  assert_true(vtx_gate_is_throttled(&gate, NOW + MS));
  assert_true(vtx_gate_rate(&gate) <= 1);
  init(&gate, 0, 0, true);
  vtx_gate_started(&gate, NOW, 1);
  end(&gate, NOW + MS, VTX_OUTCOME_THROTTLED, 60 * S);
  assert_int_equal(vtx_gate_when(&gate, NOW + MS, 9, 1), NOW + MS);
  assert_false(vtx_gate_is_throttled(&gate, NOW + MS));
}

static void ended__retry_after__holds_the_target_until_then(void **state) {
  struct vtx_gate gate;

  (void)state;
  init(&gate, 0, 0, false);
  vtx_gate_started(&gate, NOW, 1);
  end(&gate, NOW, VTX_OUTCOME_THROTTLED, 7 * S);
  end(&gate, NOW, VTX_OUTCOME_THROTTLED, 3 * S); /* the longest counts */
  assert_int_equal(vtx_gate_when(&gate, NOW, 0, 1), NOW + 7 * S);
  assert_int_equal(vtx_gate_when(&gate, NOW + 7 * S, 0, 1), NOW + 7 * S);
  vtx_gate_started(&gate, NOW + 7 * S, 1);
  assert_true(vtx_gate_when(&gate, NOW + 7 * S, 1, 1) > NOW + 7 * S);
}

static void ended__retry_after_of_days__a_minute_at_most(void **state) {
  struct vtx_gate gate;

  (void)state;
  init(&gate, 0, 0, false);
  vtx_gate_started(&gate, NOW, 1);
  end(&gate, NOW, VTX_OUTCOME_THROTTLED, VTX_GATE_HOLD_MAX);
  assert_int_equal(vtx_gate_when(&gate, NOW, 0, 1), NOW + VTX_GATE_HOLD_MAX);
  end(&gate, NOW, VTX_OUTCOME_THROTTLED, VTX_GATE_HOLD_MAX + 1);
  end(&gate, NOW, VTX_OUTCOME_THROTTLED, INT64_MAX);
  assert_int_equal(vtx_gate_when(&gate, NOW, 0, 1), NOW + VTX_GATE_HOLD_MAX);
}

static void ended__retry_after_of_one_failure_of_many__holds_nothing(
    void **state) {
  struct vtx_gate gate;
  int64_t now;

  (void)state;
  init(&gate, 0, 0, false);
  now = run(&gate, NOW, 25, 4);
  end(&gate, now, VTX_OUTCOME_OVERLOADED, 5 * S);
  assert_int_equal(vtx_gate_when(&gate, now, 0, 1), now);
  init(&gate, 0, 0, false);
  vtx_gate_started(&gate, now, 1);
  end(&gate, now, VTX_OUTCOME_OVERLOADED, 5 * S); /* the only one there is */
  assert_int_equal(vtx_gate_when(&gate, now, 0, 1), now + 5 * S);
}

static void limit__a_third_fails__there_is_none(void **state) {
  struct vtx_gate gate;

  (void)state;
  init(&gate, 0, 0, false);
  run(&gate, NOW, 5000, 3);
  assert_true(vtx_gate_limit(&gate) == SIZE_MAX);
}

static void limit__all_fail__down_to_one_and_gone_after_recovery(void **state) {
  struct vtx_gate gate;
  int64_t now;

  (void)state;
  init(&gate, 0, 0, false);
  now = run(&gate, NOW, 1000, 1);
  assert_int_equal(vtx_gate_limit(&gate), 1);
  assert_int_equal(vtx_gate_when(&gate, now, 0, 1), now);
  assert_int_equal(vtx_gate_when(&gate, now, 1, 1), CB_NEVER);
  assert_true(vtx_gate_is_throttled(&gate, now));
  now = run(&gate, now, 5500, INT32_MAX);
  assert_true(vtx_gate_limit(&gate) < SIZE_MAX);
  run(&gate, now, 1000, INT32_MAX);
  assert_true(vtx_gate_limit(&gate) == SIZE_MAX);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(when__nothing_known__nothing_limits),
      cmocka_unit_test(when__requests_a_minute__hold_from_the_first_call),
      cmocka_unit_test(when__tokens_a_minute__settled_after_the_answer),
      cmocka_unit_test(ended__refused__its_tokens_are_given_back),
      cmocka_unit_test(ended__throttled__limits_the_rate_unless_fixed),
      cmocka_unit_test(ended__retry_after__holds_the_target_until_then),
      cmocka_unit_test(ended__retry_after_of_days__a_minute_at_most),
      cmocka_unit_test(
          ended__retry_after_of_one_failure_of_many__holds_nothing),
      cmocka_unit_test(limit__a_third_fails__there_is_none),
      cmocka_unit_test(limit__all_fail__down_to_one_and_gone_after_recovery),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
