#include "service/quota/pacer.h"

#include <math.h>

#include "tests/unit/cmocka_all.h"

#define S CB_SECOND
#define MS CB_MILLISECOND
#define NOW (1000 * S)

/* Starts what may start, looking once a millisecond; returns how many. */
static int start_until(struct vtx_pacer *pacer, int64_t *now, int64_t until) {
  int count = 0;

  for (; *now < until; *now += MS) {
    while (vtx_pacer_when(pacer, *now) <= *now) {
      vtx_pacer_started(pacer, *now);
      if (++count > 100000) return count;
    }
  }
  return count;
}

/* Starts as many a second, evenly, without asking. */
static void run_at(struct vtx_pacer *pacer, int64_t *now, int64_t until,
                   int rate) {
  for (; *now < until; *now += S / rate)
    vtx_pacer_started(pacer, *now);
}

/* One that has learned 100 calls a second. */
static void init_paced(struct vtx_pacer *pacer, int64_t *now) {
  vtx_pacer_init(pacer);
  *now = NOW;
  run_at(pacer, now, NOW + 5 * S, 100);
  vtx_pacer_started(pacer, *now);
  vtx_pacer_refused(pacer, *now + MS, MS);
  *now += MS;
}

static void when__before_any_refusal__a_soft_start_and_then_no_limit(
    void **state) {
  struct vtx_pacer pacer;
  int64_t now = NOW;
  int started;

  (void)state;
  vtx_pacer_init(&pacer);
  assert_true(isinf(vtx_pacer_rate(&pacer)));
  started = start_until(&pacer, &now, NOW + 4 * MS);
  assert_in_range(started, 20, 32);
  started += start_until(&pacer, &now, NOW + 12 * MS);
  assert_in_range(started, 60, 72); /* 64 are under way within 12 ms */
  started += start_until(&pacer, &now, NOW + VTX_PACER_SOFT);
  assert_in_range(started, 245, 265);
  for (int i = 0; i < 5000; i++) {
    assert_int_equal(vtx_pacer_when(&pacer, now), now);
    vtx_pacer_started(&pacer, now);
  }
}

static void when__after_idleness__soft_again(void **state) {
  struct vtx_pacer pacer;
  int64_t now = NOW;

  (void)state;
  vtx_pacer_init(&pacer);
  run_at(&pacer, &now, NOW + S, 1000);
  now += VTX_PACER_IDLE - 2 * MS;
  assert_true(start_until(&pacer, &now, now + MS) > 1000);
  now += VTX_PACER_IDLE + MS;
  assert_in_range(start_until(&pacer, &now, now + MS), 8, 16);
}

static void refused__the_first_one__rate_of_success(void **state) {
  struct vtx_pacer pacer;
  int64_t now;

  (void)state;
  init_paced(&pacer, &now);
  assert_true(fabs(vtx_pacer_rate(&pacer) - 100) < 6);
  assert_true(vtx_pacer_when(&pacer, now) > now);
}

static void refused__in_the_first_instant__what_was_accepted(void **state) {
  struct vtx_pacer pacer;
  int64_t now = NOW;

  (void)state;
  vtx_pacer_init(&pacer);
  for (int i = 0; i < 30; i++)
    vtx_pacer_started(&pacer, now);
  for (int i = 0; i < 25; i++)
    vtx_pacer_refused(&pacer, now + 3 * MS, 3 * MS);
  assert_true(fabs(vtx_pacer_rate(&pacer) - 5) < 0.01);
}

static void refused__everything__down_to_the_floor(void **state) {
  struct vtx_pacer pacer;
  int64_t now;
  int count = 0;

  (void)state;
  init_paced(&pacer, &now);
  for (int64_t end = now + 20 * S; now < end; now += MS) {
    if (vtx_pacer_when(&pacer, now) > now) continue;
    vtx_pacer_started(&pacer, now);
    vtx_pacer_refused(&pacer, now, 0);
    count++;
  }
  assert_true(vtx_pacer_rate(&pacer) == VTX_PACER_FLOOR);
  assert_in_range(count, 10, 80);
}

/* Of the quota that comes back nothing is known. */
static void refused__everything_at_first__then_found_in_time(void **state) {
  struct vtx_pacer pacer;
  int64_t now = NOW;

  (void)state;
  vtx_pacer_init(&pacer);
  for (int64_t end = now + 10 * S; now < end; now += MS) {
    if (vtx_pacer_when(&pacer, now) > now) continue;
    vtx_pacer_started(&pacer, now);
    vtx_pacer_refused(&pacer, now, 0);
  }
  assert_true(vtx_pacer_rate(&pacer) == VTX_PACER_FLOOR);
  start_until(&pacer, &now, now + 10 * S);
  assert_true(vtx_pacer_rate(&pacer) > 50);
}

static void refused__of_calls_from_before_the_cut__cut_no_more(void **state) {
  struct vtx_pacer pacer;
  int64_t now;
  double rate;

  (void)state;
  init_paced(&pacer, &now);
  start_until(&pacer, &now, now + 3 * S);
  vtx_pacer_refused(&pacer, now, MS);
  rate = vtx_pacer_rate(&pacer);
  for (int i = 1; i < 20; i++)
    vtx_pacer_refused(&pacer, now + i * MS, i * MS + MS);
  assert_true(vtx_pacer_rate(&pacer) == rate);
}

static void started__after_idleness__no_burst_to_speak_of(void **state) {
  struct vtx_pacer pacer;
  int64_t now;
  int rate;

  (void)state;
  init_paced(&pacer, &now);
  start_until(&pacer, &now, now + S);
  vtx_pacer_refused(&pacer, now, 0); /* ends the doubling */
  rate = (int)vtx_pacer_rate(&pacer);
  now += 5 * S;
  assert_in_range(start_until(&pacer, &now, now + MS), 1, 7);
  assert_in_range(start_until(&pacer, &now, now + S), rate - 2,
                  rate + rate / 20);
}

static void started__late__is_caught_up(void **state) {
  struct vtx_pacer pacer;
  int64_t now;
  int64_t end;
  int rate;
  int count = 0;

  (void)state;
  init_paced(&pacer, &now);
  start_until(&pacer, &now, now + S);
  vtx_pacer_refused(&pacer, now, 0);
  rate = (int)vtx_pacer_rate(&pacer);
  assert_in_range(rate, 200, 500);
  end = now + S;
  while (now < end) { /* a loop that comes round only so often */
    count += start_until(&pacer, &now, now + MS);
    now += 9 * MS;
  }
  assert_in_range(count, rate - 2, rate + rate / 20);
}

static void rate__nothing_is_started__does_not_grow(void **state) {
  struct vtx_pacer pacer;
  int64_t now;
  double rate;

  (void)state;
  init_paced(&pacer, &now);
  start_until(&pacer, &now, now + S);
  vtx_pacer_refused(&pacer, now, 0);
  rate = vtx_pacer_rate(&pacer);
  now += 50 * S;
  vtx_pacer_started(&pacer, now);
  assert_true(vtx_pacer_rate(&pacer) <= rate * 1.0001);
}

static void rate__few_calls_for_long__is_forgotten(void **state) {
  struct vtx_pacer pacer;
  int64_t now;

  (void)state;
  init_paced(&pacer, &now);
  start_until(&pacer, &now, now + S);
  vtx_pacer_refused(&pacer, now, 0);
  run_at(&pacer, &now, now + VTX_PACER_FORGET - S, 5);
  assert_true(isfinite(vtx_pacer_rate(&pacer)));
  run_at(&pacer, &now, now + 2 * S, 5);
  assert_true(isinf(vtx_pacer_rate(&pacer)));
}

static void rest__until_then__one_probe_and_then_the_rate_of_before(
    void **state) {
  struct vtx_pacer pacer;
  int64_t now;
  int64_t until;

  (void)state;
  init_paced(&pacer, &now);
  until = now + 2 * S;
  vtx_pacer_rest(&pacer, now, until);
  assert_int_equal(vtx_pacer_when(&pacer, now), until);
  assert_int_equal(start_until(&pacer, &now, until), 0);
  assert_int_equal(start_until(&pacer, &now, until + 10 * MS), 1);
  start_until(&pacer, &now, until + 100 * MS);
  assert_in_range(start_until(&pacer, &now, now + S), 80, 400);
}

/* The first refusal asks for a rest; the others, of what was under way, come
 * while it lasts, and say what the rate of success was. */
static void rest__asked_for_by_the_first_refusal__others_still_teach(
    void **state) {
  struct vtx_pacer pacer;
  int64_t now = NOW;
  int64_t until = NOW + 200 * MS + S;

  (void)state;
  vtx_pacer_init(&pacer);
  for (int i = 0; i < 900; i++)
    vtx_pacer_started(&pacer, now);
  now += 200 * MS;
  vtx_pacer_refused(&pacer, now, 200 * MS);
  vtx_pacer_rest(&pacer, now, until);
  for (int i = 1; i < 890; i++)
    vtx_pacer_refused(&pacer, now + MS, 201 * MS);
  assert_int_equal(vtx_pacer_when(&pacer, now + MS), until);
  now = until;
  assert_int_equal(start_until(&pacer, &now, until + 20 * MS), 1);
  /* Ten of them were accepted in the first second. */
  start_until(&pacer, &now, until + 600 * MS);
  assert_true(vtx_pacer_rate(&pacer) > 9 && vtx_pacer_rate(&pacer) < 20);
}

/* A target's refusals may take longer than the rest that they ask for. */
static void rest__shorter_than_refusals_take__they_are_waited_for(
    void **state) {
  struct vtx_pacer pacer;

  (void)state;
  vtx_pacer_init(&pacer);
  vtx_pacer_started(&pacer, NOW);
  vtx_pacer_refused(&pacer, NOW + 500 * MS, 500 * MS);
  vtx_pacer_rest(&pacer, NOW + 500 * MS, NOW + 600 * MS);
  assert_int_equal(vtx_pacer_when(&pacer, NOW + 600 * MS), NOW + 1500 * MS);
}

/* Half of what the rate allows, and so nobody waits: what follows is not known
 * to be allowed. */
static void growth__calls_do_not_wait__stops(void **state) {
  static const int rates[] = {2, 20, 200};

  (void)state;
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
    struct vtx_pacer pacer;
    int64_t now = NOW;

    vtx_pacer_init(&pacer);
    run_at(&pacer, &now, NOW + 5 * S, rates[i]);
    vtx_pacer_refused(&pacer, now, MS);
    run_at(&pacer, &now, now + 50 * S, rates[i]);
    assert_true(vtx_pacer_rate(&pacer) > 0.9 * rates[i]);
    /* A few starts go by until it is seen that they do not wait. */
    assert_true(vtx_pacer_rate(&pacer) < 4 * rates[i] + 30);
  }
}

static void rest__probe_is_refused__no_more_than_probes(void **state) {
  struct vtx_pacer pacer;
  int64_t now;
  int count = 0;

  (void)state;
  init_paced(&pacer, &now);
  vtx_pacer_rest(&pacer, now, now + 20 * S);
  now += 20 * S;
  for (int64_t end = now + 10 * S; now < end; now += MS) {
    if (vtx_pacer_when(&pacer, now) > now) continue;
    vtx_pacer_started(&pacer, now);
    vtx_pacer_refused(&pacer, now, 0);
    count++;
  }
  assert_in_range(count, 4, 25);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(
          when__before_any_refusal__a_soft_start_and_then_no_limit),
      cmocka_unit_test(when__after_idleness__soft_again),
      cmocka_unit_test(refused__the_first_one__rate_of_success),
      cmocka_unit_test(refused__in_the_first_instant__what_was_accepted),
      cmocka_unit_test(refused__everything__down_to_the_floor),
      cmocka_unit_test(refused__everything_at_first__then_found_in_time),
      cmocka_unit_test(refused__of_calls_from_before_the_cut__cut_no_more),
      cmocka_unit_test(started__after_idleness__no_burst_to_speak_of),
      cmocka_unit_test(started__late__is_caught_up),
      cmocka_unit_test(rate__nothing_is_started__does_not_grow),
      cmocka_unit_test(rate__few_calls_for_long__is_forgotten),
      cmocka_unit_test(rest__until_then__one_probe_and_then_the_rate_of_before),
      cmocka_unit_test(
          rest__asked_for_by_the_first_refusal__others_still_teach),
      cmocka_unit_test(rest__shorter_than_refusals_take__they_are_waited_for),
      cmocka_unit_test(growth__calls_do_not_wait__stops),
      cmocka_unit_test(rest__probe_is_refused__no_more_than_probes),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
