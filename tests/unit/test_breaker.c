#include "service/quota/breaker.h"

#include "tests/unit/cmocka_all.h"

#define S CB_SECOND
#define NOW (1000 * S)

/* A call ends that took so long. */
static bool ended_after(struct vtx_breaker *breaker, int64_t now, int64_t took,
                        enum vtx_gate_outcome outcome) {
  const struct vtx_gate_end end = {.outcome = outcome, .took = took};

  return vtx_breaker_ended(breaker, now, &end);
}

static bool ended(struct vtx_breaker *breaker, int64_t now,
                  enum vtx_gate_outcome outcome) {
  return ended_after(breaker, now, 0, outcome);
}

static void failures(struct vtx_breaker *breaker, int64_t now, int count) {
  for (int i = 0; i < count; i++)
    ended(breaker, now, VTX_OUTCOME_OVERLOADED);
}

static void silences(struct vtx_breaker *breaker, int64_t now, int count) {
  for (int i = 0; i < count; i++)
    ended_after(breaker, now, VTX_BREAKER_SILENCE, VTX_OUTCOME_SILENT);
}

static void init_open(struct vtx_breaker *breaker) {
  vtx_breaker_init(breaker);
  failures(breaker, NOW, VTX_BREAKER_ROW);
  assert_int_equal(breaker->state, VTX_BREAKER_OPEN);
}

static void ended__row_of_failures__opens_at_the_last(void **state) {
  struct vtx_breaker breaker;

  (void)state;
  vtx_breaker_init(&breaker);
  failures(&breaker, NOW, VTX_BREAKER_ROW - 1);
  assert_true(vtx_breaker_wants(&breaker, NOW));
  assert_true(ended(&breaker, NOW, VTX_OUTCOME_UNREACHED));
  assert_false(vtx_breaker_wants(&breaker, NOW));
  assert_int_equal(breaker.opened, 1);
}

static void ended__served_in_between__stays_closed(void **state) {
  struct vtx_breaker breaker;

  (void)state;
  vtx_breaker_init(&breaker);
  for (int i = 0; i < 100; i++) {
    failures(&breaker, NOW, 2);
    ended(&breaker, NOW, VTX_OUTCOME_SERVED);
  }
  assert_int_equal(breaker.opened, 0);
}

static void ended__most_fail_without_a_row__opens(void **state) {
  struct vtx_breaker breaker;

  (void)state;
  vtx_breaker_init(&breaker);
  for (int i = 0; i < 100 && breaker.opened == 0; i++) {
    ended(&breaker, NOW, VTX_OUTCOME_SERVED);
    failures(&breaker, NOW, 5);
  }
  assert_int_equal(breaker.opened, 1);
}

static void ended__throttled__is_alive(void **state) {
  struct vtx_breaker breaker;

  (void)state;
  vtx_breaker_init(&breaker);
  for (int i = 0; i < 100; i++) {
    failures(&breaker, NOW, VTX_BREAKER_ROW - 1);
    ended(&breaker, NOW, VTX_OUTCOME_THROTTLED);
    breaker.failing = 0; /* the row is what is meant here */
  }
  assert_int_equal(breaker.opened, 0);
}

static void ended__given_up__tells_nothing(void **state) {
  struct vtx_breaker breaker;

  (void)state;
  vtx_breaker_init(&breaker);
  failures(&breaker, NOW, VTX_BREAKER_ROW - 1);
  for (int i = 0; i < 100; i++)
    assert_false(ended(&breaker, NOW, VTX_OUTCOME_NOTHING));
  assert_true(vtx_breaker_wants(&breaker, NOW));
}

static void started__probe_is_due__one_and_no_more(void **state) {
  struct vtx_breaker breaker;
  int64_t due = NOW + VTX_BREAKER_PROBE_FIRST;

  (void)state;
  init_open(&breaker);
  assert_false(vtx_breaker_wants(&breaker, due - 1));
  assert_false(vtx_breaker_started(&breaker, due - 1));
  assert_true(vtx_breaker_wants(&breaker, due));
  assert_true(vtx_breaker_started(&breaker, due));
  assert_int_equal(breaker.state, VTX_BREAKER_HALF_OPEN);
  assert_false(vtx_breaker_wants(&breaker, due));
  assert_false(vtx_breaker_started(&breaker, due));
}

static void ended__probe_served__closes(void **state) {
  struct vtx_breaker breaker;
  int64_t due = NOW + VTX_BREAKER_PROBE_FIRST;

  (void)state;
  init_open(&breaker);
  vtx_breaker_started(&breaker, due);
  assert_true(ended(&breaker, due, VTX_OUTCOME_SERVED));
  assert_true(vtx_breaker_wants(&breaker, due));
  failures(&breaker, due,
           VTX_BREAKER_ROW - 1); /* it has forgotten the outage */
  assert_true(vtx_breaker_wants(&breaker, due));
}

static void ended__probes_fail__wait_doubles_up_to_the_last(void **state) {
  struct vtx_breaker breaker;
  int64_t now = NOW;
  int64_t wait = VTX_BREAKER_PROBE_FIRST;

  (void)state;
  init_open(&breaker);
  for (int i = 0; i < 10; i++) {
    assert_int_equal(breaker.probe_at - now, wait);
    now = breaker.probe_at;
    vtx_breaker_started(&breaker, now);
    assert_true(ended(&breaker, now, VTX_OUTCOME_UNREACHED));
    wait =
        2 * wait < VTX_BREAKER_PROBE_LAST ? 2 * wait : VTX_BREAKER_PROBE_LAST;
  }
  assert_int_equal(wait, VTX_BREAKER_PROBE_LAST);
  assert_int_equal(breaker.opened, 1);
}

static void ended__probe_given_up__another_follows_soon(void **state) {
  struct vtx_breaker breaker;
  int64_t due = NOW + VTX_BREAKER_PROBE_FIRST;
  int64_t next = due + S + VTX_BREAKER_PROBE_FIRST;

  (void)state;
  init_open(&breaker);
  vtx_breaker_started(&breaker, due);
  assert_true(ended(&breaker, due + S, VTX_OUTCOME_NOTHING));
  assert_false(vtx_breaker_wants(&breaker, next - 1));
  assert_true(vtx_breaker_wants(&breaker, next));
  /* The next failure doubles what was, before. */
  assert_int_equal(breaker.wait, VTX_BREAKER_PROBE_FIRST);
}

static void ended__while_open__late_failures_change_nothing(void **state) {
  struct vtx_breaker breaker;
  int64_t due;

  (void)state;
  init_open(&breaker);
  due = breaker.probe_at;
  failures(&breaker, NOW + S / 2, 200);
  assert_int_equal(breaker.probe_at, due);
  assert_int_equal(breaker.opened, 1);
  /* Who had nowhere else to go was served. */
  assert_true(ended(&breaker, NOW, VTX_OUTCOME_SERVED));
  assert_int_equal(breaker.state, VTX_BREAKER_CLOSED);
}

/* What was under way when it opened fails, too, one after the other. */
static void ended__half_open__only_the_probe_decides(void **state) {
  static const enum vtx_gate_outcome late[] = {
      VTX_OUTCOME_OVERLOADED, VTX_OUTCOME_UNREACHED, VTX_OUTCOME_NOTHING};
  struct vtx_breaker breaker;
  int64_t due = NOW + VTX_BREAKER_PROBE_FIRST;

  (void)state;
  init_open(&breaker);
  vtx_breaker_started(&breaker, due);
  for (int i = 0; i < 3; i++) {
    assert_false(ended_after(&breaker, due + S, 2 * S, late[i]));
    assert_false(vtx_breaker_wants(&breaker, due + S));
  }
  /* A nanosecond later it may be the probe. */
  assert_true(ended_after(&breaker, due + S, 2 * S - 1, late[0]));
  assert_int_equal(breaker.probe_at, due + S + 2 * VTX_BREAKER_PROBE_FIRST);
  /* An answer counts, whoever gets it. */
  vtx_breaker_started(&breaker, breaker.probe_at);
  assert_true(
      ended_after(&breaker, breaker.probe_at, 60 * S, VTX_OUTCOME_SERVED));
}

/* The breaker opened before each of them. */
static void ended__probes_given_up_in_a_row__another_follows(void **state) {
  struct vtx_breaker breaker;
  int64_t now = NOW + VTX_BREAKER_PROBE_FIRST;

  (void)state;
  init_open(&breaker);
  for (int i = 0; i < 3; i++) {
    assert_true(vtx_breaker_started(&breaker, now));
    assert_true(ended(&breaker, now, VTX_OUTCOME_NOTHING));
    now += VTX_BREAKER_PROBE_FIRST;
    assert_true(vtx_breaker_wants(&breaker, now));
  }
  assert_true(vtx_breaker_started(&breaker, now));
  assert_true(ended_after(&breaker, now, -1, VTX_OUTCOME_NOTHING));
  assert_true(vtx_breaker_wants(&breaker, now + VTX_BREAKER_PROBE_FIRST));
}

static void silent__row__opens_at_the_last(void **state) {
  struct vtx_breaker breaker;

  (void)state;
  vtx_breaker_init(&breaker);
  silences(&breaker, NOW, VTX_BREAKER_ROW - 1);
  assert_true(vtx_breaker_wants(&breaker, NOW));
  assert_true(ended(&breaker, NOW, VTX_OUTCOME_SILENT));
  assert_false(vtx_breaker_wants(&breaker, NOW));
  assert_int_equal(breaker.opened, 1);
  assert_int_equal(breaker.probe_at, NOW + VTX_BREAKER_PROBE_FIRST);
}

static void silent__right_from_the_start__counts(void **state) {
  struct vtx_breaker breaker;

  (void)state;
  vtx_breaker_init(&breaker);
  silences(&breaker, 0, VTX_BREAKER_ROW);
  assert_int_equal(breaker.opened, 1);
}

/* Whatever it is, who answers is not silent. */
static void silent__an_answer_in_between__row_begins_anew(void **state) {
  static const enum vtx_gate_outcome answers[] = {
      VTX_OUTCOME_SERVED, VTX_OUTCOME_THROTTLED, VTX_OUTCOME_OVERLOADED};

  (void)state;
  for (int i = 0; i < 3; i++) {
    struct vtx_breaker breaker;
    int64_t later = NOW + VTX_BREAKER_SILENCE;

    vtx_breaker_init(&breaker);
    silences(&breaker, NOW, VTX_BREAKER_ROW - 1);
    ended(&breaker, NOW, answers[i]);
    silences(&breaker, later, VTX_BREAKER_ROW - 1);
    assert_true(vtx_breaker_wants(&breaker, later));
    silences(&breaker, later, 1);
    assert_false(vtx_breaker_wants(&breaker, later));
  }
}

static void silent__no_answer_in_between__row_goes_on(void **state) {
  static const enum vtx_gate_outcome others[] = {VTX_OUTCOME_UNREACHED,
                                                 VTX_OUTCOME_NOTHING};

  (void)state;
  for (int i = 0; i < 2; i++) {
    struct vtx_breaker breaker;

    vtx_breaker_init(&breaker);
    silences(&breaker, NOW, VTX_BREAKER_ROW - 1);
    ended(&breaker, NOW, others[i]);
    assert_true(vtx_breaker_wants(&breaker, NOW));
    silences(&breaker, NOW, 1);
    assert_false(vtx_breaker_wants(&breaker, NOW));
  }
}

/* Slow calls, while others are answered. */
static void silent__soon_after_an_answer__does_not_count(void **state) {
  struct vtx_breaker breaker;
  int64_t then = NOW + VTX_BREAKER_SILENCE;

  (void)state;
  vtx_breaker_init(&breaker);
  ended(&breaker, NOW, VTX_OUTCOME_SERVED);
  silences(&breaker, then - 1, 100);
  silences(&breaker, then, VTX_BREAKER_ROW - 1);
  assert_true(vtx_breaker_wants(&breaker, then));
  silences(&breaker, then, 1);
  assert_false(vtx_breaker_wants(&breaker, then));
}

static void silent__is_no_failure__and_a_failure_no_silence(void **state) {
  struct vtx_breaker breaker;

  (void)state;
  vtx_breaker_init(&breaker);
  for (int i = 0; i < VTX_BREAKER_ROW - 1; i++) {
    ended(&breaker, NOW, VTX_OUTCOME_UNREACHED);
    ended(&breaker, NOW, VTX_OUTCOME_SILENT);
  }
  assert_true(vtx_breaker_wants(&breaker, NOW));
  assert_int_equal(breaker.samples, VTX_BREAKER_ROW - 1);
}

static void silent__probe__wait_doubles_and_nobody_else_goes(void **state) {
  struct vtx_breaker breaker;
  int64_t due = NOW + VTX_BREAKER_PROBE_FIRST;
  int64_t end = due + VTX_BREAKER_SILENCE;

  (void)state;
  vtx_breaker_init(&breaker);
  silences(&breaker, NOW, VTX_BREAKER_ROW);
  assert_true(vtx_breaker_started(&breaker, due));
  assert_false(vtx_breaker_wants(&breaker, end));
  assert_true(
      ended_after(&breaker, end, VTX_BREAKER_SILENCE, VTX_OUTCOME_SILENT));
  assert_int_equal(breaker.state, VTX_BREAKER_OPEN);
  assert_int_equal(breaker.probe_at, end + 2 * VTX_BREAKER_PROBE_FIRST);
  assert_int_equal(breaker.opened, 1);
}

/* Those under way when it opened end silent, too. */
static void silent__began_before_it_opened__changes_nothing(void **state) {
  struct vtx_breaker breaker;
  int64_t due = NOW + VTX_BREAKER_PROBE_FIRST;

  (void)state;
  vtx_breaker_init(&breaker);
  silences(&breaker, NOW, VTX_BREAKER_ROW + 50);
  assert_int_equal(breaker.probe_at, due);
  vtx_breaker_started(&breaker, due);
  assert_false(ended_after(&breaker, due + S, 30 * S, VTX_OUTCOME_SILENT));
  assert_int_equal(breaker.state, VTX_BREAKER_HALF_OPEN);
  assert_true(ended(&breaker, due + S, VTX_OUTCOME_SERVED));
  silences(&breaker, due + 2 * S, 50);
  assert_true(vtx_breaker_wants(&breaker, due + 2 * S));
  assert_int_equal(breaker.opened, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ended__row_of_failures__opens_at_the_last),
      cmocka_unit_test(ended__served_in_between__stays_closed),
      cmocka_unit_test(ended__most_fail_without_a_row__opens),
      cmocka_unit_test(ended__throttled__is_alive),
      cmocka_unit_test(ended__given_up__tells_nothing),
      cmocka_unit_test(started__probe_is_due__one_and_no_more),
      cmocka_unit_test(ended__probe_served__closes),
      cmocka_unit_test(ended__probes_fail__wait_doubles_up_to_the_last),
      cmocka_unit_test(ended__probe_given_up__another_follows_soon),
      cmocka_unit_test(ended__half_open__only_the_probe_decides),
      cmocka_unit_test(ended__probes_given_up_in_a_row__another_follows),
      cmocka_unit_test(ended__while_open__late_failures_change_nothing),
      cmocka_unit_test(silent__row__opens_at_the_last),
      cmocka_unit_test(silent__right_from_the_start__counts),
      cmocka_unit_test(silent__an_answer_in_between__row_begins_anew),
      cmocka_unit_test(silent__no_answer_in_between__row_goes_on),
      cmocka_unit_test(silent__soon_after_an_answer__does_not_count),
      cmocka_unit_test(silent__is_no_failure__and_a_failure_no_silence),
      cmocka_unit_test(silent__probe__wait_doubles_and_nobody_else_goes),
      cmocka_unit_test(silent__began_before_it_opened__changes_nothing),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
