/* Scheduler, gates and an upstream with a quota together, in simulated time:
 * the shares of flows at a paced target, and how much of the quota is used. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/timers.h"
#include "service/scheduler/scheduler.h"
#include "tests/unit/cmocka_all.h"

#define MS CB_MILLISECOND
#define REFUSAL (3 * MS)

/* A token bucket: the upstream that a target is. */
struct upstream {
  const char *name;
  double quota; /* calls a second */
  double burst;
  int64_t latency;
  double tokens;
  int64_t at;
  int accepted;
  int refused;
};

struct sim {
  struct vtx_scheduler scheduler;
  struct cb_timers timers;
  struct cb_timer wake;
  int64_t now;
  uint32_t seed;
  struct cb_clock clock;
  struct upstream ups[2];
  int64_t pause; /* of a refused prompt, until it is ready */
};

struct load {
  struct vtx_sched_entry entry;
  struct sim *sim;
  struct upstream *up;
  int left;
  int returned;
  int accepted;
  int served;
  int64_t added;
  int64_t waited; /* of the first prompt */
};

struct job {
  struct cb_timer timer;
  struct load *load;
  struct vtx_sched_target *target;
  int64_t took;
  bool accepted;
};

static int64_t sim_now(void *self) { return ((struct sim *)self)->now; }

/* The end of the engine's turn does the work. */
static void nothing(struct cb_timer *timer) { (void)timer; }

static struct sim *sim_new(double quota, int64_t latency, bool fixed) {
  struct sim *sim = calloc(1, sizeof *sim);
  struct vtx_sched_options options = {.max_in_flight = 1000,
                                      .gate = {.fixed = fixed}};

  assert_non_null(sim);
  cb_timers_init(&sim->timers);
  sim->now = 1000 * CB_SECOND;
  sim->seed = 1;
  sim->clock = (struct cb_clock){sim_now, sim};
  sim->wake.fire = nothing;
  for (int i = 0; i < 2; i++) {
    sim->ups[i] = (struct upstream){.name = i ? "two" : "one",
                                    .quota = quota,
                                    .burst = 5,
                                    .latency = latency,
                                    .tokens = 5,
                                    .at = sim->now};
  }
  options.clock = &sim->clock;
  assert_true(vtx_scheduler_init(&sim->scheduler, &options));
  return sim;
}

/* From 0 to 1. */
static double chance(struct sim *sim) {
  sim->seed = sim->seed * 1664525u + 1013904223u;
  return (double)(sim->seed >> 8) / (1 << 24);
}

static bool accepts(struct sim *sim, struct upstream *up) {
  double seconds = (double)(sim->now - up->at) / (double)CB_SECOND;

  up->tokens = fmin(up->burst, up->tokens + seconds * up->quota);
  up->at = sim->now;
  if (up->tokens < 1) {
    up->refused++;
    return false;
  }
  up->tokens -= 1;
  up->accepted++;
  return true;
}

static void again(struct cb_timer *timer) {
  struct job *job = CB_CONTAINER(timer, struct job, timer);

  job->load->returned++;
  vtx_scheduler_again(&job->load->sim->scheduler, &job->load->entry);
  free(job);
}

static void over(struct cb_timer *timer) {
  struct job *job = CB_CONTAINER(timer, struct job, timer);
  struct load *load = job->load;
  struct sim *sim = load->sim;
  const struct vtx_gate_end end = {
      .outcome = job->accepted ? VTX_OUTCOME_SERVED : VTX_OUTCOME_THROTTLED,
      .took = job->took,
      .retry_after = -1,
      .estimated = 1,
      .used = 1};

  if (job->accepted) {
    load->served++;
    vtx_scheduler_finished(&sim->scheduler, &load->entry, job->target, &end);
    free(job);
    return;
  }
  vtx_scheduler_set_aside(&sim->scheduler, &load->entry, job->target, &end);
  job->timer.fire = again;
  assert_true(
      cb_timers_set(&sim->timers, &job->timer,
                    sim->now + (int64_t)((double)sim->pause * chance(sim))));
}

static enum vtx_dispatch dispatch(struct vtx_sched_entry *entry) {
  struct load *load = CB_CONTAINER(entry, struct load, entry);
  struct sim *sim = load->sim;
  struct job *job = calloc(1, sizeof *job);

  assert_non_null(job);
  job->load = load;
  job->target = vtx_scheduler_target(entry);
  if (load->returned > 0) {
    load->returned--;
  } else {
    if (!entry->begun) load->waited = sim->now - load->added;
    if (--load->left == 0) vtx_scheduler_close(&sim->scheduler, entry);
  }
  job->accepted = accepts(sim, load->up);
  load->accepted += job->accepted;
  job->took = (int64_t)((job->accepted ? (double)load->up->latency : REFUSAL) *
                        (0.9 + 0.2 * chance(sim)));
  job->timer.fire = over;
  assert_true(cb_timers_set(&sim->timers, &job->timer, sim->now + job->took));
  return VTX_DISPATCHED;
}

static void peek(struct vtx_sched_entry *entry,
                 struct vtx_sched_head *ret_head) {
  ret_head->target = CB_CONTAINER(entry, struct load, entry)->up->name;
  ret_head->cost = 1;
}

static void add(struct sim *sim, struct load *load, int left, int limit) {
  load->entry.limit = limit;
  load->entry.dispatch = dispatch;
  load->entry.peek = peek;
  load->sim = sim;
  if (load->entry.weight == 0) load->entry.weight = 1;
  if (!load->up) load->up = &sim->ups[0];
  load->left = left;
  load->added = sim->now;
  vtx_scheduler_add(&sim->scheduler, &load->entry);
}

/* As the engine does: a gate's time is waited for in whole milliseconds. */
static void sleep_until_next(struct sim *sim, int64_t until) {
  int64_t next = vtx_scheduler_next(&sim->scheduler);
  int64_t late;

  cb_timers_cancel(&sim->timers, &sim->wake);
  if (next < CB_NEVER) {
    late = (next - sim->now) % MS;
    assert_true(cb_timers_set(&sim->timers, &sim->wake,
                              late > 0 ? next + MS - late : next));
  }
  next = cb_timers_next(&sim->timers);
  sim->now = next < until ? (next > sim->now ? next : sim->now) : until;
}

static void run_until(struct sim *sim, int64_t until) {
  while (sim->now < until) {
    while (vtx_scheduler_run(&sim->scheduler, CB_SECOND)) {
    }
    sleep_until_next(sim, until);
    cb_timers_run(&sim->timers, sim->now);
  }
}

static void run_for(struct sim *sim, double seconds) {
  run_until(sim, sim->now + (int64_t)(seconds * (double)CB_SECOND));
}

/* No new ones; what is there ends. */
static void finish(struct sim *sim, struct load *loads, size_t count) {
  for (size_t i = 0; i < count; i++)
    vtx_scheduler_close(&sim->scheduler, &loads[i].entry);
  run_for(sim, 300);
  for (size_t i = 0; i < count; i++)
    vtx_scheduler_remove(&sim->scheduler, &loads[i].entry);
  assert_true(vtx_scheduler_next(&sim->scheduler) == CB_NEVER);
  cb_timers_cancel(&sim->timers, &sim->wake);
  cb_timers_release(&sim->timers);
  vtx_scheduler_release(&sim->scheduler);
  free(sim);
}

/* How well the quota is used. */

struct figures {
  double goodput; /* over the quota, after 10 s, while prompts wait */
  double waste;   /* refused over all */
  double seconds; /* until the last is served */
};

/* 3,000 prompts of one flow that has 200 at a time. */
static struct figures measure(double latency, int64_t pause, bool fixed) {
  struct sim *sim = sim_new(50, (int64_t)(latency * (double)CB_SECOND), fixed);
  struct load load = {.entry.sched_class = VTX_BATCH};
  struct figures figures;
  int64_t from;
  int before;

  sim->pause = pause;
  add(sim, &load, 3000, 200);
  run_for(sim, 10);
  from = sim->now;
  before = load.accepted;
  while (load.left + load.returned > 0)
    run_for(sim, 0.05);
  figures.goodput = (load.accepted - before) /
                    (50.0 * (double)(sim->now - from) / (double)CB_SECOND);
  while (load.served < 3000)
    run_for(sim, 0.05);
  figures.seconds = (double)(sim->now - load.added) / (double)CB_SECOND;
  figures.waste = (double)sim->ups[0].refused /
                  (sim->ups[0].refused + sim->ups[0].accepted);
  printf("latency %.1f s, pause %.0f ms%s: goodput %.3f, 429s %.3f, %.1f s\n",
         latency, (double)pause / MS, fixed ? ", no control" : "",
         figures.goodput, figures.waste, figures.seconds);
  finish(sim, &load, 1);
  return figures;
}

static void quota__3000_prompts__used_and_little_wasted(void **state) {
  const double latencies[] = {0.1, 0.5, 2};

  (void)state;
  for (int i = 0; i < 3; i++) {
    struct figures figures = measure(latencies[i], 0, false);

    assert_true(figures.goodput >= 0.95);
    assert_true(figures.waste <= 0.03);
  }
}

/* Refused prompts that do not come back at once, but after a while that is left
 * to chance: their places in the flow's limit are theirs meanwhile. */
static void quota__refused_ones_pause__still_used(void **state) {
  const int64_t pauses[] = {500 * MS, 2 * CB_SECOND};

  (void)state;
  for (int i = 0; i < 2; i++) {
    struct figures figures = measure(0.5, pauses[i], false);

    assert_true(figures.goodput >= 0.95);
    assert_true(figures.waste <= 0.03);
  }
}

/* For comparison: what it is like without. */
static void quota__no_control__wastes_most_calls(void **state) {
  (void)state;
  assert_true(measure(0.5, 500 * MS, true).waste > 0.5);
}

/* Shares at a paced target. */

static void share__weights_1_and_3__one_to_three(void **state) {
  struct sim *sim = sim_new(50, 500 * MS, false);
  struct load loads[2] = {{.entry = {.sched_class = VTX_BATCH, .weight = 1}},
                          {.entry = {.sched_class = VTX_BATCH, .weight = 3}}};
  int before[2];
  double ratio;

  (void)state;
  add(sim, &loads[0], 1000000, 100);
  add(sim, &loads[1], 1000000, 100);
  run_for(sim, 10);
  for (int i = 0; i < 2; i++)
    before[i] = loads[i].served;
  run_for(sim, 60);
  ratio = (double)(loads[1].served - before[1]) /
          (double)(loads[0].served - before[0]);
  printf("weights 1 and 3: %.2f\n", ratio);
  assert_true(fabs(ratio - 3) < 0.3);
  finish(sim, loads, 2);
}

/* Who comes to a target where another has many that were refused. */
static void share__late_comer_in_a_storm__gets_half_at_once(void **state) {
  struct sim *sim = sim_new(1, 500 * MS, false);
  struct load loads[2] = {{.entry = {.sched_class = VTX_BATCH}},
                          {.entry = {.sched_class = VTX_BATCH}}};

  (void)state;
  add(sim, &loads[0], 1000000, 500);
  run_for(sim, 2);
  printf("storm: %d refused wait\n", loads[0].entry.again);
  assert_true(loads[0].entry.again > 10);
  loads[0].accepted = 0;
  add(sim, &loads[1], 1000000, 500);
  run_for(sim, 60);
  printf("storm: %d beside %d\n", loads[0].accepted, loads[1].accepted);
  assert_true(loads[0].accepted > 10);
  assert_true(abs(loads[0].accepted - loads[1].accepted) <=
              loads[0].accepted / 4);
  sim->ups[0].quota = 1000;
  finish(sim, loads, 2);
}

/* A single call beside a batch at a paced target: it has the next start. */
static void wait__single_calls_beside_a_batch__one_start(void **state) {
  enum { CALLS = 40 };
  static struct load loads[CALLS + 1];
  struct sim *sim = sim_new(20, 500 * MS, false);
  int64_t worst = 0;

  (void)state;
  loads[0].entry.sched_class = VTX_BATCH;
  add(sim, &loads[0], 1000000, 200);
  run_for(sim, 20);
  for (size_t i = 1; i <= CALLS; i++) {
    loads[i].entry.sched_class = VTX_INTERACTIVE;
    add(sim, &loads[i], 1, 1);
    run_for(sim, 0.9 + 0.2 * chance(sim));
    assert_true(loads[i].entry.begun);
    if (loads[i].waited > worst) worst = loads[i].waited;
  }
  printf("single calls at 20/s waited %.0f ms at most\n", (double)worst / MS);
  /* One start at 20 a second, a cut of the rate, a millisecond of the loop. */
  assert_true(worst <= 60 * MS);
  finish(sim, loads, CALLS + 1);
}

/* A line of single calls at a paced target: the last is told how long. */
static void wait__line_of_single_calls__is_told(void **state) {
  enum { CALLS = 200 };
  static struct load loads[CALLS + 1];
  struct sim *sim = sim_new(20, 500 * MS, false);
  int64_t told;

  (void)state;
  loads[0].entry.sched_class = VTX_BATCH;
  add(sim, &loads[0], 1000000, 200);
  run_for(sim, 20);
  vtx_scheduler_hold(&sim->scheduler, &loads[0].entry, true);
  for (size_t i = 1; i <= CALLS; i++) {
    loads[i].entry.sched_class = VTX_INTERACTIVE;
    add(sim, &loads[i], 1, 1);
  }
  told = vtx_scheduler_wait(&sim->scheduler, &loads[CALLS].entry);
  run_for(sim, 60);
  printf("200 single calls at 20/s: told %.1f s, waited %.1f s\n",
         (double)told / (double)CB_SECOND,
         (double)loads[CALLS].waited / (double)CB_SECOND);
  assert_true(told > loads[CALLS].waited * 7 / 10);
  assert_true(told < loads[CALLS].waited * 11 / 10);
  finish(sim, loads, CALLS + 1);
}

/* One upstream has no quota left at all: the other has all of its own. */
static void target__one_refuses_all__the_other_goes_on(void **state) {
  struct sim *sim = sim_new(50, 500 * MS, false);
  struct load loads[2] = {{.entry = {.sched_class = VTX_BATCH}},
                          {.entry = {.sched_class = VTX_BATCH}}};
  int before;

  (void)state;
  sim->ups[0].quota = 0;
  sim->ups[0].tokens = 0;
  loads[1].up = &sim->ups[1];
  add(sim, &loads[0], 1000000, 200);
  add(sim, &loads[1], 1000000, 200);
  run_for(sim, 10);
  before = loads[1].accepted;
  run_for(sim, 30);
  printf("beside a dead one: %d of 1500\n", loads[1].accepted - before);
  assert_true(loads[1].accepted - before >= 1425);
  assert_int_equal(loads[0].accepted, 0);
  sim->ups[0].quota = 1000;
  finish(sim, loads, 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(quota__3000_prompts__used_and_little_wasted),
      cmocka_unit_test(quota__refused_ones_pause__still_used),
      cmocka_unit_test(quota__no_control__wastes_most_calls),
      cmocka_unit_test(share__weights_1_and_3__one_to_three),
      cmocka_unit_test(share__late_comer_in_a_storm__gets_half_at_once),
      cmocka_unit_test(wait__single_calls_beside_a_batch__one_start),
      cmocka_unit_test(wait__line_of_single_calls__is_told),
      cmocka_unit_test(target__one_refuses_all__the_other_goes_on),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
