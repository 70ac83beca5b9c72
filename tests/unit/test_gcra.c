#include "service/quota/gcra.h"

#include "tests/unit/cmocka_all.h"

#define S CB_SECOND
#define NOW (1000 * S)

/* Takes units as soon as it may, until the given time; returns how often. */
static int take_until(struct vtx_gcra *gcra, int64_t *now, int64_t until,
                      double units) {
  int count = 0;

  for (;;) {
    int64_t when = vtx_gcra_when(gcra, *now, units);

    if (when > until) return count;
    if (when > *now) *now = when;
    vtx_gcra_take(gcra, *now, units);
    count++;
  }
}

static void when__no_limit__at_once(void **state) {
  struct vtx_gcra gcra;

  (void)state;
  vtx_gcra_init(&gcra, 0);
  vtx_gcra_take(&gcra, NOW, 1e12);
  assert_int_equal(vtx_gcra_when(&gcra, NOW, 1e12), NOW);
}

static void take__sixty_a_minute__burst_and_then_one_a_second(void **state) {
  struct vtx_gcra gcra;
  int64_t now = NOW;

  (void)state;
  vtx_gcra_init(&gcra, 60);
  assert_int_equal(take_until(&gcra, &now, NOW, 1), 3);
  assert_int_equal(vtx_gcra_when(&gcra, now, 1), NOW + S);
  assert_int_equal(take_until(&gcra, &now, NOW + 60 * S, 1), 60);
}

static void take__less_than_a_burst_allows__one_still_goes(void **state) {
  struct vtx_gcra gcra;

  (void)state;
  vtx_gcra_init(&gcra, 2);
  assert_int_equal(vtx_gcra_when(&gcra, NOW, 1), NOW);
  vtx_gcra_take(&gcra, NOW, 1);
  assert_int_equal(vtx_gcra_when(&gcra, NOW, 1), NOW + 30 * S);
}

static void take__days_of_an_odd_rate__never_drifts(void **state) {
  struct vtx_gcra gcra;
  int64_t now = NOW;

  (void)state;
  vtx_gcra_init(&gcra, 7001);
  take_until(&gcra, &now, NOW, 1);
  assert_int_equal(take_until(&gcra, &now, NOW + 600 * 60 * S, 1), 7001 * 600);
}

static void take__after_idleness__no_more_than_the_burst(void **state) {
  struct vtx_gcra gcra;
  int64_t now = NOW;

  (void)state;
  vtx_gcra_init(&gcra, 600);
  take_until(&gcra, &now, NOW, 1);
  now += 3600 * S;
  assert_int_equal(take_until(&gcra, &now, now, 1), 30);
}

static void when__call_above_the_burst__waits_until_nothing_is_owed(
    void **state) {
  struct vtx_gcra gcra;

  (void)state;
  vtx_gcra_init(&gcra, 60000); /* a burst of 3,000 */
  vtx_gcra_take(&gcra, NOW, 1000);
  assert_int_equal(vtx_gcra_when(&gcra, NOW, 2000), NOW);
  assert_int_equal(vtx_gcra_when(&gcra, NOW, 2001), NOW + S / 1000);
  assert_int_equal(vtx_gcra_when(&gcra, NOW, 60000), NOW + S);
  assert_int_equal(vtx_gcra_when(&gcra, NOW, 1e9), NOW + S);
  vtx_gcra_take(&gcra, NOW + S, 60000);
  assert_int_equal(vtx_gcra_when(&gcra, NOW + S, 1), NOW + 58 * S + S / 1000);
}

static void settle__more_was_used__what_follows_waits(void **state) {
  struct vtx_gcra gcra;

  (void)state;
  vtx_gcra_init(&gcra, 6000);
  vtx_gcra_take(&gcra, NOW, 300);
  assert_int_equal(vtx_gcra_when(&gcra, NOW, 500), NOW + 3 * S);
  vtx_gcra_settle(&gcra, NOW, 1900 - 300);
  assert_int_equal(vtx_gcra_when(&gcra, NOW, 500), NOW + 19 * S);
}

static void settle__less_was_used__it_is_given_back(void **state) {
  struct vtx_gcra gcra;

  (void)state;
  vtx_gcra_init(&gcra, 6000);
  vtx_gcra_take(&gcra, NOW, 1000);
  vtx_gcra_settle(&gcra, NOW, -400);
  assert_int_equal(vtx_gcra_when(&gcra, NOW, 500), NOW + 6 * S);
  vtx_gcra_settle(&gcra, NOW, -1e12); /* no more than was taken */
  assert_int_equal(vtx_gcra_when(&gcra, NOW, 300), NOW);
  vtx_gcra_take(&gcra, NOW, 300);
  assert_int_equal(vtx_gcra_when(&gcra, NOW, 300), NOW + 3 * S);
}

static void settle__absurd_usage__owes_ten_minutes_at_most(void **state) {
  struct vtx_gcra gcra;

  (void)state;
  vtx_gcra_init(&gcra, 60);
  vtx_gcra_settle(&gcra, NOW, 600);
  assert_int_equal(vtx_gcra_when(&gcra, NOW, 9), NOW + VTX_GCRA_DEBT);
  vtx_gcra_settle(&gcra, NOW, 1e300);
  assert_int_equal(vtx_gcra_when(&gcra, NOW, 9), NOW + VTX_GCRA_DEBT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(when__no_limit__at_once),
      cmocka_unit_test(take__sixty_a_minute__burst_and_then_one_a_second),
      cmocka_unit_test(take__less_than_a_burst_allows__one_still_goes),
      cmocka_unit_test(take__days_of_an_odd_rate__never_drifts),
      cmocka_unit_test(take__after_idleness__no_more_than_the_burst),
      cmocka_unit_test(when__call_above_the_burst__waits_until_nothing_is_owed),
      cmocka_unit_test(settle__more_was_used__what_follows_waits),
      cmocka_unit_test(settle__less_was_used__it_is_given_back),
      cmocka_unit_test(settle__absurd_usage__owes_ten_minutes_at_most),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
