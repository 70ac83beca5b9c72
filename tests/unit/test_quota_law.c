/* The law of service/quota in simulated time: how much of a quota it uses, how
 * many calls it wastes, how soon it finds a new level. Prints what it measured,
 * with the same run without the law beside it, and asserts the goals with a
 * little room. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/cmocka_all.h"
#include "tests/unit/support/quota_sim.h"

#define WARM 10 /* seconds before goodput counts */

struct goal {
  const char *name;
  double goodput; /* at least, after WARM */
  double waste;   /* at most, of the whole run */
  int found;      /* seconds at most, after the change or the start */
};

static struct sim *new_sim(sim_model *model, double quota, double latency,
                           size_t prompts) {
  struct sim *sim = calloc(1, sizeof *sim);

  if (!sim) abort();
  sim->up = (struct sim_upstream){
      .model = model, .quota = quota, .burst = 5, .latency = latency};
  sim->random = 4711;
  sim->count = 1;
  sim->until = SIM_SECONDS;
  sim->callers[0].prompts = prompts;
  sim->callers[0].cap = 200;
  return sim;
}

/* The seconds in which prompts waited all the time. */
static int full_seconds(const struct sim *sim) {
  double end = 0;

  for (size_t i = 0; i < sim->count; i++) {
    if (sim->callers[i].done_at <= 0) return (int)sim->until;
    end = fmax(end, sim->callers[i].done_at);
  }
  end -= 1.2 * sim->up.latency + 1;
  return end > WARM + 1 ? (int)end : WARM + 1;
}

static double late_waste(const struct sim *sim, int end) {
  double no = sim_refused(sim, WARM, end);

  return no / (no + sim_accepted(sim, WARM, end));
}

static void print_head(void) {
  printf("%-40s %7s %7s %10s %7s %8s\n", "", "goodput", "429s", "429s later",
         "found", "law off");
}

/* The share of refusals without the law, for a little while: there are
 * thousands each second. */
static double waste_without(const struct sim *sim) {
  struct sim *off = calloc(1, sizeof *off);
  double waste;

  if (!off) abort();
  off->up = sim->up;
  off->up.quota = sim->quota_in[0];
  off->random = 4711;
  off->count = 1;
  off->until = 3;
  off->callers[0].prompts = 5000;
  off->callers[0].cap = sim->callers[0].cap;
  off->callers[0].options.fixed = true;
  sim_run(off);
  waste = sim_waste(off);
  free(off);
  return waste;
}

static void judge(struct sim *sim, const struct goal *goal) {
  int from = (int)sim->up.change_at;
  int end, found;
  double goodput, waste;

  sim_run(sim);
  end = full_seconds(sim);
  goodput = sim_goodput(sim, WARM, end);
  waste = sim_waste(sim);
  found = sim_found(sim, from);
  printf("%-40s %6.1f%% %6.2f%% %9.2f%% %5d s %7.1f%%\n", goal->name,
         100 * goodput, 100 * waste, 100 * late_waste(sim, end), found,
         100 * waste_without(sim));
  assert_true(goodput >= goal->goodput);
  assert_true(waste <= goal->waste);
  assert_in_range(found, 0, goal->found);
  free(sim);
}

static void bucket__any_latency__used_and_hardly_exceeded(void **state) {
  static const double latencies[] = {0.1, 0.5, 2, 10};

  (void)state;
  for (size_t i = 0; i < sizeof latencies / sizeof *latencies; i++) {
    struct sim *sim = new_sim(sim_bucket, 50, latencies[i], 3000);
    char name[64];

    snprintf(name, sizeof name, "50/s, burst 5, latency %g s", latencies[i]);
    if (latencies[i] > 3) sim->callers[0].cap = 1000;
    judge(sim, &(struct goal){name, 0.97, 0.025, 5});
  }
}

static void bucket__other_sizes__used_and_hardly_exceeded(void **state) {
  struct sim *sim;

  (void)state;
  sim = new_sim(sim_bucket, 50, 0.5, 3000);
  sim->callers[0].cap = 2000;
  judge(sim, &(struct goal){"50/s, 2,000 in flight", 0.97, 0.025, 5});
  sim = new_sim(sim_bucket, 50, 0.5, 3000);
  sim->up.burst = 1;
  judge(sim, &(struct goal){"50/s, burst 1", 0.96, 0.025, 5});
  sim = new_sim(sim_bucket, 50, 0.5, 3000);
  sim->up.burst = 50;
  judge(sim, &(struct goal){"50/s, burst 50", 0.97, 0.025, 5});
  sim = new_sim(sim_bucket, 500, 0.5, 30000);
  sim->callers[0].cap = 1000;
  judge(sim, &(struct goal){"500/s, burst 5", 0.97, 0.01, 5});
  sim = new_sim(sim_bucket, 5, 0.5, 1000);
  judge(sim, &(struct goal){"5/s, burst 5", 0.97, 0.06, 15});
  sim = new_sim(sim_bucket, 1, 0.5, 350);
  judge(sim, &(struct goal){"1/s, burst 5", 0.95, 0.15, 20});
}

static void bucket__refusals_take_long__still_used(void **state) {
  struct sim *sim = new_sim(sim_bucket, 50, 0.5, 3000);

  (void)state;
  /* All 200 are under way before the first refusal is there. */
  sim->up.refusal = 0.1;
  judge(sim, &(struct goal){"50/s, refusals after 0.1 s", 0.97, 0.08, 5});
  sim = new_sim(sim_bucket, 50, 0.5, 3000);
  sim->up.refusal = 1;
  judge(sim, &(struct goal){"50/s, refusals after 1 s", 0.95, 0.13, 15});
}

static void quota__halved_and_doubled__found_in_time(void **state) {
  static const double latencies[] = {0.1, 0.5, 2};

  (void)state;
  for (size_t i = 0; i < sizeof latencies / sizeof *latencies; i++) {
    for (int at = 25; at <= 40; at += 5) {
      struct sim *sim = new_sim(sim_bucket, 50, latencies[i], 3000);
      char name[64];

      sim->up.change_at = at;
      sim->up.change_to = 25;
      snprintf(name, sizeof name, "50/s to 25/s at %d s, latency %g s", at,
               latencies[i]);
      judge(sim, &(struct goal){name, 0.97, 0.03, 5});
      sim = new_sim(sim_bucket, 50, latencies[i], 5000);
      sim->callers[0].cap = 400;
      sim->up.change_at = at;
      sim->up.change_to = 100;
      snprintf(name, sizeof name, "50/s to 100/s at %d s, latency %g s", at,
               latencies[i]);
      judge(sim, &(struct goal){name, 0.9, 0.025, 10});
    }
  }
}

static void quota__wanders__followed(void **state) {
  struct sim *sim;

  (void)state;
  sim = new_sim(sim_bucket, 50, 0.5, 9000);
  sim->callers[0].cap = 400;
  sim->up.walk = 0.05;
  judge(sim, &(struct goal){"50/s, up or down 5 % each second", 0.95, 0.04, 5});
  sim = new_sim(sim_bucket, 50, 0.5, 9000);
  sim->callers[0].cap = 400;
  sim->up.walk = 0.1;
  judge(sim, &(struct goal){"50/s, up or down 10 % each second", 0.9, 0.04, 5});
  sim = new_sim(sim_bucket, 50, 0.5, 4000);
  sim->up.change_at = 30;
  sim->up.change_to = 10;
  judge(sim, &(struct goal){"50/s to 10/s", 0.95, 0.04, 10});
}

/* Of a quota that is given out by the minute, whole minutes count. */
static void judge_minutes(struct sim *sim, const char *name, double waste) {
  double goodput;

  sim->callers[0].cap = 400;
  sim_run(sim);
  goodput = sim_goodput(sim, 60, 180);
  printf("%-40s %6.1f%% %6.2f%%\n", name, 100 * goodput, 100 * sim_waste(sim));
  assert_true(goodput >= 0.99);
  assert_true(sim_waste(sim) <= waste);
  free(sim);
}

static void minutes__all_refused_for_the_rest__few_probes(void **state) {
  struct sim *sim = new_sim(sim_minutes, 50, 0.5, 12000);

  (void)state;
  judge_minutes(sim, "3,000 a minute, then nothing", 0.03);
  sim = new_sim(sim_minutes, 50, 0.5, 12000);
  sim->up.retry_after = 20;
  judge_minutes(sim, "the same, Retry-After 20 s", 0.01);
}

/* What was learned from a few must hold when many come: with calls that do not
 * wait nothing is learned, so nothing grows. */
static void demand__light_and_then_a_rush__few_refusals(void **state) {
  static const double latencies[] = {0.05, 0.5, 2};

  (void)state;
  printf("\n");
  for (size_t i = 0; i < sizeof latencies / sizeof *latencies; i++) {
    for (int quota = 10; quota <= 250; quota *= 5) {
      for (int percent = 20; percent <= 100; percent += 20) {
        struct sim *sim = new_sim(sim_bucket, quota, latencies[i], 12);
        struct sim_caller *caller = &sim->callers[0];
        double before, after;

        sim->up.burst = 2;
        caller->cap = 1000;
        caller->coming =
            (size_t)(40 * quota * percent / 100 + 10 * quota + 500);
        caller->coming_rate = 0.01 * percent * quota;
        caller->rush_at = 40;
        sim_run(sim);
        before = sim_refused(sim, 0, 40);
        after = sim_refused(sim, 40, SIM_SECONDS);
        printf(
            "%3d/s, %3d %% of it for 40 s, then a rush, latency %4g s: "
            "%3.0f refused, then %4.0f; done at %5.1f s\n",
            quota, percent, latencies[i], before, after, caller->done_at);
        assert_true(after <= 0.03 * 500 + 0.3 * quota + 20);
        assert_true(caller->done_at > 40 &&
                    caller->done_at < 50 + 1.2 * 500 / quota + 8);
        free(sim);
      }
    }
  }
}

static void holds__asked_for_by_each_refusal__obeyed(void **state) {
  struct sim *sim = new_sim(sim_bucket, 50, 0.5, 3000);

  (void)state;
  sim->up.retry_after = 1;
  /* A second of each ten is not used, as the target wants it. */
  judge(sim, &(struct goal){"50/s, Retry-After 1 s", 0.8, 0.025, 15});
}

static void callers__of_one_quota__come_to_equal_shares(void **state) {
  struct sim *sim = new_sim(sim_bucket, 100, 0.5, 20000);
  double all = 0;

  (void)state;
  sim->count = 3;
  sim->until = 180;
  for (int i = 1; i < 3; i++) {
    sim->callers[i].prompts = 20000;
    sim->callers[i].cap = 200;
    sim->callers[i].from = 20 * i;
  }
  sim_run(sim);
  printf("\n100/s, burst 5, three callers (the others from 20 and 40 s):\n");
  for (int s = 0; s < 180; s += 20) {
    printf("  %3d s:", s);
    for (size_t i = 0; i < 3; i++) {
      double sum = 0;

      for (int t = s; t < s + 20; t++)
        sum += sim->callers[i].accepted_in[t];
      printf(" %5.1f/s", sum / 20);
    }
    printf("\n");
  }
  for (size_t i = 0; i < 3; i++) {
    double sum = 0;

    for (int t = 100; t < 180; t++)
      sum += sim->callers[i].accepted_in[t];
    assert_true(sum / 80 > 100.0 / 3 / 1.8 && sum / 80 < 100.0 / 3 * 1.8);
    all += sum / 80;
  }
  assert_true(all > 97);
  assert_true(sim_waste(sim) < 0.03);
  free(sim);
}

static double run_for(struct sim *sim, double ideal, const char *name) {
  struct sim_caller *caller = &sim->callers[0];
  double done;

  sim_run(sim);
  done = caller->done_at;
  printf("%-40s %6.1f s, ideal %5.1f s, %u calls for %u prompts\n", name, done,
         ideal, caller->served + caller->failed, caller->served);
  assert_true(done > 0);
  return done;
}

static void faults__at_random__do_not_throttle(void **state) {
  struct sim *sim = new_sim(sim_faulty, 1e9, 0.5, 20000);

  (void)state;
  sim->up.failing = 0.3;
  assert_true(run_for(sim, 50.1, "30 % fail at random") < 52);
  assert_true(sim->callers[0].gate.limit.value <= 0);
  free(sim);
}

static void outage__of_twenty_seconds__few_calls_and_recovery(void **state) {
  struct sim *sim = new_sim(sim_faulty, 1e9, 0.5, 20000);

  (void)state;
  sim->up.down_from = 10;
  sim->up.down_to = 30;
  assert_true(run_for(sim, 70, "all fails from 10 s to 30 s") < 85);
  /* Without a limit: 200 at a time, each 3 ms. */
  assert_true(sim->callers[0].failed < 10000);
  free(sim);
}

static void overload__latency_grows_with_load__most_of_it_used(void **state) {
  struct sim *sim = new_sim(sim_overloaded, 1e9, 0.25, 20000);

  (void)state;
  sim->up.capacity = 50;
  assert_true(run_for(sim, 200, "bears 50 at a time, slower when full") < 230);
  assert_true(sim->callers[0].failed < 0.15 * sim->callers[0].served);
  free(sim);
}

static void healthy__small_batch__within_a_hundredth(void **state) {
  struct sim *sim = new_sim(sim_faulty, 1e9, 0.1, 1280);
  struct sim *off = new_sim(sim_faulty, 1e9, 0.1, 1280);
  double with, without;

  (void)state;
  sim->callers[0].cap = 64;
  off->callers[0].cap = 64;
  off->callers[0].options.fixed = true;
  without = run_for(off, 2, "1,280 prompts, 64 at a time, no law");
  with = run_for(sim, 2, "1,280 prompts, 64 at a time");
  assert_true(with < 1.01 * without);
  free(sim);
  free(off);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bucket__any_latency__used_and_hardly_exceeded),
      cmocka_unit_test(bucket__other_sizes__used_and_hardly_exceeded),
      cmocka_unit_test(bucket__refusals_take_long__still_used),
      cmocka_unit_test(quota__halved_and_doubled__found_in_time),
      cmocka_unit_test(quota__wanders__followed),
      cmocka_unit_test(minutes__all_refused_for_the_rest__few_probes),
      cmocka_unit_test(demand__light_and_then_a_rush__few_refusals),
      cmocka_unit_test(holds__asked_for_by_each_refusal__obeyed),
      cmocka_unit_test(callers__of_one_quota__come_to_equal_shares),
      cmocka_unit_test(faults__at_random__do_not_throttle),
      cmocka_unit_test(outage__of_twenty_seconds__few_calls_and_recovery),
      cmocka_unit_test(overload__latency_grows_with_load__most_of_it_used),
      cmocka_unit_test(healthy__small_batch__within_a_hundredth),
  };

  print_head();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
