/* The scheduler under load, on a simulated clock: shares, reserves, waiting. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/timers.h"
#include "service/scheduler/scheduler.h"
#include "service/scheduler/target.h"
#include "tests/unit/cmocka_all.h"

#define MS CB_MILLISECOND
#define SLOTS 64
#define SERVICE (100 * MS)

struct sim {
  struct vtx_scheduler scheduler;
  struct cb_timers timers;
  int64_t now;
  uint32_t seed;
  struct cb_clock clock;
};

/* One flow. */
struct load {
  struct vtx_sched_entry entry;
  struct sim *sim;
  const char *target;
  double cost;
  int64_t service; /* 0: SERVICE */
  int left;
  double served; /* cost of what was dispatched */
  int dispatched;
  int64_t added;
  int64_t waited; /* until the first dispatch */
};

struct job {
  struct cb_timer timer;
  struct load *load;
  struct vtx_sched_target *target;
  int64_t took;
};

static int64_t sim_now(void *self) { return ((struct sim *)self)->now; }

static struct sim *sim_new(const struct vtx_sched_options *options) {
  struct sim *sim = calloc(1, sizeof *sim);

  struct vtx_sched_options clocked = *options;

  assert_non_null(sim);
  clocked.clock = &sim->clock;
  clocked.gate.fixed = true;
  cb_timers_init(&sim->timers);
  sim->now = CB_SECOND;
  sim->seed = 1;
  sim->clock = (struct cb_clock){sim_now, sim};
  assert_true(vtx_scheduler_init(&sim->scheduler, &clocked));
  return sim;
}

static struct sim *sim_of(size_t slots) {
  const struct vtx_sched_options options = {.max_in_flight = slots};

  return sim_new(&options);
}

/* From 0 to 1. */
static double chance(struct sim *sim) {
  sim->seed = sim->seed * 1664525u + 1013904223u;
  return (double)(sim->seed >> 8) / (1 << 24);
}

static void over(struct cb_timer *timer) {
  struct job *job = CB_CONTAINER(timer, struct job, timer);

  const struct vtx_gate_end end = {.outcome = VTX_OUTCOME_SERVED,
                                   .took = job->took,
                                   .retry_after = -1,
                                   .used = -1};

  vtx_scheduler_finished(&job->load->sim->scheduler, &job->load->entry,
                         job->target, &end);
  free(job);
}

/* Each prompt takes its time and up to 30 % more or less. */
static enum vtx_dispatch dispatch(struct vtx_sched_entry *entry) {
  struct load *load = CB_CONTAINER(entry, struct load, entry);
  struct sim *sim = load->sim;
  struct job *job = calloc(1, sizeof *job);

  assert_non_null(job);
  assert_true(load->left > 0);
  if (load->dispatched++ == 0) load->waited = sim->now - load->added;
  load->served += load->cost;
  if (--load->left == 0) vtx_scheduler_close(&sim->scheduler, entry);
  job->load = load;
  job->target = vtx_scheduler_target(entry);
  job->took = (int64_t)((double)load->service * (0.7 + 0.6 * chance(sim)));
  job->timer.fire = over;
  assert_true(cb_timers_set(&sim->timers, &job->timer, sim->now + job->took));
  return VTX_DISPATCHED;
}

static void peek(struct vtx_sched_entry *entry,
                 struct vtx_sched_head *ret_head) {
  const struct load *load = CB_CONTAINER(entry, struct load, entry);

  ret_head->target = load->target;
  ret_head->cost = load->cost;
}

static void add(struct sim *sim, struct load *load, enum vtx_sched_class class,
                int32_t weight, int left) {
  load->entry.sched_class = class;
  load->entry.weight = weight;
  load->entry.limit = class == VTX_INTERACTIVE ? 1 : SLOTS;
  load->entry.dispatch = dispatch;
  load->entry.peek = peek;
  load->sim = sim;
  if (!load->target) load->target = "one";
  if (load->cost == 0) load->cost = 100;
  if (load->service == 0) load->service = SERVICE;
  load->left = left;
  load->added = sim->now;
  vtx_scheduler_add(&sim->scheduler, &load->entry);
}

static void run_until(struct sim *sim, int64_t until) {
  for (;;) {
    int64_t next;

    while (vtx_scheduler_run(&sim->scheduler, CB_SECOND)) {
    }
    next = cb_timers_next(&sim->timers);
    if (vtx_scheduler_next(&sim->scheduler) < next)
      next = vtx_scheduler_next(&sim->scheduler);
    if (next > until) break;
    sim->now = next;
    cb_timers_run(&sim->timers, next);
  }
  sim->now = until;
}

/* Nothing more is dispatched; what runs ends. */
static void finish(struct sim *sim, struct load *loads, size_t count) {
  for (size_t i = 0; i < count; i++) {
    vtx_scheduler_close(&sim->scheduler, &loads[i].entry);
  }
  run_until(sim, sim->now + 100 * CB_SECOND);
  for (size_t i = 0; i < count; i++) {
    vtx_scheduler_remove(&sim->scheduler, &loads[i].entry);
  }
  assert_int_equal(sim->scheduler.slots.used[0], 0);
  assert_int_equal(sim->scheduler.slots.used[1], 0);
  assert_int_equal(sim->scheduler.waiting, 0);
  assert_int_equal(sim->scheduler.waiting_bytes, 0);
  vtx_scheduler_release(&sim->scheduler);
  cb_timers_release(&sim->timers);
  free(sim);
}

static void share__weights_1_and_3__one_to_three(void **state) {
  struct sim *sim = sim_of(SLOTS);
  struct load loads[2] = {{.cost = 0}};

  (void)state;
  add(sim, &loads[0], VTX_BATCH, 1, 1000000);
  add(sim, &loads[1], VTX_BATCH, 3, 1000000);
  run_until(sim, sim->now + 30 * CB_SECOND);
  assert_true(fabs(loads[1].served / loads[0].served / 3 - 1) < 0.1);
  finish(sim, loads, 2);
}

static void share__long_and_short_prompts__the_same_tokens(void **state) {
  struct sim *sim = sim_of(SLOTS);
  struct load loads[2] = {{.cost = 4000}, {.cost = 100}};

  (void)state;
  add(sim, &loads[0], VTX_BATCH, 1, 1000000);
  add(sim, &loads[1], VTX_BATCH, 1, 1000000);
  run_until(sim, sim->now + 60 * CB_SECOND);
  assert_true(fabs(loads[1].served / loads[0].served - 1) < 0.1);
  finish(sim, loads, 2);
}

static double jain(const struct load *loads, size_t count) {
  double sum = 0;
  double squares = 0;

  for (size_t i = 0; i < count; i++) {
    sum += loads[i].served;
    squares += loads[i].served * loads[i].served;
  }
  return sum * sum / ((double)count * squares);
}

static void share__200_equal_flows__jain_over_095(void **state) {
  static struct load loads[200];
  struct sim *sim = sim_of(SLOTS);

  (void)state;
  for (size_t i = 0; i < 200; i++) {
    add(sim, &loads[i], VTX_BATCH, 1, 1000000);
  }
  run_until(sim, sim->now + 10 * CB_SECOND);
  assert_true(jain(loads, 200) > 0.95);
  finish(sim, loads, 200);
}

static void share__flow_that_was_idle__has_saved_nothing_up(void **state) {
  struct sim *sim = sim_of(SLOTS);
  struct load loads[2] = {{.cost = 0}};
  double before;

  (void)state;
  add(sim, &loads[0], VTX_BATCH, 1, 1000000);
  loads[1].entry.held = true;
  add(sim, &loads[1], VTX_BATCH, 1, 1000000);
  run_until(sim, sim->now + 20 * CB_SECOND);
  assert_int_equal(loads[1].dispatched, 0);
  before = loads[0].served;
  vtx_scheduler_hold(&sim->scheduler, &loads[1].entry, false);
  run_until(sim, sim->now + 20 * CB_SECOND);
  assert_true(fabs(loads[1].served / (loads[0].served - before) - 1) < 0.1);
  finish(sim, loads, 2);
}

/* On a target that is full, who comes late gets a share at once, whatever the
 * virtual time of other targets. */
static void share__late_at_a_busy_target__at_once(void **state) {
  const struct vtx_sched_options options = {.max_in_flight = 1000,
                                            .target_max_in_flight = 8};
  struct sim *sim = sim_new(&options);
  struct load loads[3] = {
      {.target = "busy"}, {.target = "other"}, {.target = "busy"}};
  double before;

  (void)state;
  add(sim, &loads[0], VTX_BATCH, 1, 1000000);
  add(sim, &loads[1], VTX_BATCH, 100, 1000000);
  run_until(sim, sim->now + 20 * CB_SECOND);
  assert_true(loads[1].dispatched > 1000);
  before = loads[0].served;
  add(sim, &loads[2], VTX_BATCH, 1, 1000000);
  run_until(sim, sim->now + 10 * CB_SECOND);
  assert_true(fabs(loads[2].served / (loads[0].served - before) - 1) < 0.1);
  finish(sim, loads, 3);
}

/* Competing for the slots of the process, targets have the weight of what waits
 * for them. */
static void share__two_targets__by_the_weight_of_their_flows(void **state) {
  struct sim *sim = sim_of(SLOTS);
  struct load loads[4] = {
      {.target = "a"}, {.target = "b"}, {.target = "b"}, {.target = "b"}};

  (void)state;
  for (size_t i = 0; i < 4; i++) {
    add(sim, &loads[i], VTX_BATCH, 1, 1000000);
  }
  run_until(sim, sim->now + 30 * CB_SECOND);
  assert_true(jain(loads, 4) > 0.98);
  finish(sim, loads, 4);
}

static void target__limit__holds_and_leaves_others_alone(void **state) {
  const struct vtx_sched_options options = {.max_in_flight = 40,
                                            .target_max_in_flight = 10};
  struct sim *sim = sim_new(&options);
  struct load loads[2] = {{.target = "a"}, {.target = "b"}};

  (void)state;
  add(sim, &loads[0], VTX_BATCH, 1, 1000000);
  run_until(sim, sim->now);
  assert_int_equal(loads[0].entry.running, 10);
  add(sim, &loads[1], VTX_BATCH, 1, 1000000);
  run_until(sim, sim->now);
  assert_int_equal(loads[1].entry.running, 10);
  finish(sim, loads, 2);
}

static void reserve__nobody_interactive__batches_borrow_all(void **state) {
  struct sim *sim = sim_of(SLOTS);
  struct load batch = {.cost = 0};

  (void)state;
  add(sim, &batch, VTX_BATCH, 1, 1000000);
  run_until(sim, sim->now);
  assert_int_equal(batch.entry.running, SLOTS);
  finish(sim, &batch, 1);
}

/* While single calls come, a fifth of the slots is free or theirs; a while
 * after the last, batches have all again. */
static void reserve__single_calls__kept_and_given_back(void **state) {
  static struct load loads[101];
  struct sim *sim = sim_of(SLOTS);
  struct vtx_sched_slots *slots = &sim->scheduler.slots;

  (void)state;
  add(sim, &loads[0], VTX_BATCH, 1, 1000000);
  run_until(sim, sim->now + CB_SECOND);
  for (size_t i = 1; i <= 100; i++) {
    add(sim, &loads[i], VTX_INTERACTIVE, 1, 1);
    run_until(sim, sim->now + 50 * MS);
    assert_int_equal(loads[i].dispatched, 1);
    if (i < 10) continue;
    assert_int_equal(loads[i].waited, 0);
    assert_true(slots->used[VTX_BATCH] <= SLOTS - SLOTS / 5);
    assert_true(slots->used[VTX_BATCH] + SLOTS / 5 >= SLOTS);
  }
  run_until(sim, sim->now + VTX_SCHED_LATELY + 10 * SERVICE);
  assert_int_equal(slots->used[VTX_BATCH], SLOTS);
  finish(sim, loads, 101);
}

/* Without a call that ends, and has the scheduler look again. */
static void reserve__nothing_ends_meanwhile__given_back_in_time(void **state) {
  struct sim *sim = sim_of(10);
  struct load loads[2] = {{.cost = 0}, {.service = 60 * CB_SECOND}};

  (void)state;
  add(sim, &loads[0], VTX_INTERACTIVE, 1, 1);
  run_until(sim, sim->now + 2 * SERVICE);
  add(sim, &loads[1], VTX_BATCH, 1, 300);
  run_until(sim, loads[0].added + VTX_SCHED_LATELY - 1);
  assert_int_equal(loads[1].dispatched, 8);
  run_until(sim, sim->now + 1);
  assert_int_equal(loads[1].dispatched, 10);
  finish(sim, loads, 2);
}

static void wait__single_call_beside_100000__is_next(void **state) {
  struct sim *sim = sim_of(SLOTS);
  struct load loads[2] = {{.cost = 0}};

  (void)state;
  add(sim, &loads[0], VTX_BATCH, 100, 100000);
  run_until(sim, sim->now + CB_SECOND);
  add(sim, &loads[1], VTX_INTERACTIVE, 1, 1);
  run_until(sim, sim->now + SERVICE);
  assert_int_equal(loads[1].dispatched, 1);
  assert_true(loads[1].waited < SERVICE / 10);
  finish(sim, loads, 2);
}

static void starve__flood_of_single_calls__batches_go_on(void **state) {
  enum { CALLS = 5000 };
  static struct load loads[CALLS + 1];
  struct sim *sim = sim_of(SLOTS);

  (void)state;
  add(sim, &loads[0], VTX_BATCH, 1, 1000000);
  for (size_t i = 1; i <= CALLS; i++) {
    add(sim, &loads[i], VTX_INTERACTIVE, 1, 1);
  }
  run_until(sim, sim->now + 5 * CB_SECOND);
  assert_int_equal(sim->scheduler.slots.used[VTX_BATCH], SLOTS / 5);
  assert_true(loads[0].dispatched > 5 * 10 * (SLOTS / 5) * 8 / 10);
  finish(sim, loads, CALLS + 1);
}

static void starve__weight_1_beside_weight_100s__goes_on(void **state) {
  struct load loads[11] = {{.cost = 0}};
  struct sim *sim = sim_of(SLOTS);
  double sum = 0;

  (void)state;
  for (size_t i = 0; i < 11; i++) {
    add(sim, &loads[i], VTX_BATCH, i == 0 ? 1 : 100, 1000000);
  }
  run_until(sim, sim->now + 120 * CB_SECOND);
  for (size_t i = 0; i < 11; i++)
    sum += loads[i].served;
  assert_true(fabs(loads[0].served / sum * 1001 - 1) < 0.25);
  finish(sim, loads, 11);
}

/* A flow that is closed is never asked again, and its slots go to the others as
 * its prompts end. */
static void close__flow_of_a_million__others_go_on(void **state) {
  struct sim *sim = sim_of(SLOTS);
  struct load loads[2] = {{.cost = 0}};
  int before;

  (void)state;
  add(sim, &loads[0], VTX_BATCH, 1, 1000000);
  add(sim, &loads[1], VTX_BATCH, 1, 1000000);
  run_until(sim, sim->now + CB_SECOND);
  vtx_scheduler_close(&sim->scheduler, &loads[0].entry);
  before = loads[0].dispatched;
  run_until(sim, sim->now + CB_SECOND);
  assert_int_equal(loads[0].dispatched, before);
  assert_int_equal(loads[1].entry.running, SLOTS);
  finish(sim, loads, 2);
}

static void full__count_and_bytes__at_the_limit_and_past_it(void **state) {
  const struct vtx_sched_options options = {
      .max_in_flight = 1, .max_waiting = 3, .max_waiting_bytes = 100};
  struct sim *sim = sim_new(&options);
  struct load loads[4] = {{.cost = 0}};

  (void)state;
  loads[0].entry.size = 1000; /* one is let in, whatever its size */
  assert_false(vtx_scheduler_is_full(&sim->scheduler, 1000));
  add(sim, &loads[0], VTX_BATCH, 1, 2);
  assert_true(vtx_scheduler_is_full(&sim->scheduler, 0));
  run_until(sim, sim->now); /* it does not wait any more */
  for (size_t i = 1; i < 4; i++) {
    loads[i].entry.size = 33;
    assert_false(vtx_scheduler_is_full(&sim->scheduler, 33));
    add(sim, &loads[i], VTX_BATCH, 1, 1);
    assert_true(vtx_scheduler_is_full(&sim->scheduler, 101));
  }
  assert_true(vtx_scheduler_is_full(&sim->scheduler, 1));
  vtx_scheduler_close(&sim->scheduler, &loads[3].entry);
  assert_false(vtx_scheduler_is_full(&sim->scheduler, 34));
  assert_true(vtx_scheduler_is_full(&sim->scheduler, 35));
  finish(sim, loads, 4);
}

/* An open pipe without prompts takes nobody's place. */
static void full__held_from_the_start__does_not_count(void **state) {
  const struct vtx_sched_options options = {.max_in_flight = 1,
                                            .max_waiting = 1};
  struct sim *sim = sim_new(&options);
  struct load loads[2] = {{.entry.held = true}, {.cost = 0}};

  (void)state;
  add(sim, &loads[0], VTX_BATCH, 1, 5);
  assert_false(vtx_scheduler_is_full(&sim->scheduler, 1));
  add(sim, &loads[1], VTX_BATCH, 1, 5);
  assert_true(vtx_scheduler_is_full(&sim->scheduler, 1));
  run_until(sim, sim->now);
  assert_false(vtx_scheduler_is_full(&sim->scheduler, 1));
  vtx_scheduler_hold(&sim->scheduler, &loads[0].entry, false);
  assert_true(vtx_scheduler_is_full(&sim->scheduler, 1));
  finish(sim, loads, 2);
}

static void wait__queue_ahead__is_told_and_not_too_high(void **state) {
  enum { CALLS = 400 };
  static struct load loads[CALLS];
  struct sim *sim = sim_of(SLOTS);
  int64_t told;

  (void)state;
  for (size_t i = 0; i < CALLS - 1; i++) {
    add(sim, &loads[i], VTX_INTERACTIVE, 1, 1);
    assert_int_equal(vtx_scheduler_wait(&sim->scheduler, &loads[i].entry), 0);
    if (i == 99) run_until(sim, sim->now + CB_SECOND); /* learns the time */
    if (i > 99) run_until(sim, sim->now);
    if (i == 99 + SLOTS) break;
  }
  for (size_t i = 100 + SLOTS; i < CALLS; i++) {
    add(sim, &loads[i], VTX_INTERACTIVE, 1, 1);
  }
  told = vtx_scheduler_wait(&sim->scheduler, &loads[CALLS - 1].entry);
  run_until(sim, sim->now + 10 * CB_SECOND);
  assert_true(told > 0 && told <= loads[CALLS - 1].waited);
  assert_true(told > loads[CALLS - 1].waited / 2);
  finish(sim, loads, CALLS);
}

/* One prompt for each of so many targets, one after the other. */
static void visit(struct sim *sim, int first, int count) {
  char name[32];

  for (int i = first; i < first + count; i++) {
    struct load load = {.target = name};

    snprintf(name, sizeof name, "target %d", i);
    add(sim, &load, VTX_INTERACTIVE, 1, 1);
    run_until(sim, sim->now + 2 * SERVICE);
    assert_int_equal(load.dispatched, 1);
    vtx_scheduler_remove(&sim->scheduler, &load.entry);
  }
}

/* More targets than are kept come and go: those used last are known. */
static void target__thousands_of_names__oldest_are_forgotten(void **state) {
  struct sim *sim = sim_of(SLOTS);

  (void)state;
  visit(sim, 0, VTX_SCHED_TARGETS_KEPT);
  assert_int_equal(sim->scheduler.target_count, VTX_SCHED_TARGETS_KEPT);
  assert_non_null(vtx_sched_target_find(&sim->scheduler, "target 0"));
  visit(sim, 0, 1);
  visit(sim, 3000, VTX_SCHED_TARGETS_KEPT - 1);
  assert_int_equal(sim->scheduler.target_count, VTX_SCHED_TARGETS_KEPT);
  assert_non_null(vtx_sched_target_find(&sim->scheduler, "target 0"));
  assert_null(vtx_sched_target_find(&sim->scheduler, "target 1"));
  assert_non_null(vtx_sched_target_find(&sim->scheduler, "target 3000"));
  visit(sim, 5000, 1);
  assert_null(vtx_sched_target_find(&sim->scheduler, "target 0"));
  finish(sim, NULL, 0);
}

/* What is in use stays, however many others come. */
static void target__in_use__is_not_forgotten(void **state) {
  struct sim *sim = sim_of(SLOTS);
  struct load load = {.target = "used"};
  struct vtx_sched_target *target;

  (void)state;
  load.entry.held = true;
  add(sim, &load, VTX_BATCH, 1, 1);
  vtx_scheduler_hold(&sim->scheduler, &load.entry, false);
  vtx_scheduler_hold(&sim->scheduler, &load.entry, true);
  target = load.entry.target;
  visit(sim, 0, 2 * VTX_SCHED_TARGETS_KEPT);
  assert_ptr_equal(vtx_sched_target_find(&sim->scheduler, "used"), target);
  finish(sim, &load, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(share__weights_1_and_3__one_to_three),
      cmocka_unit_test(share__long_and_short_prompts__the_same_tokens),
      cmocka_unit_test(share__200_equal_flows__jain_over_095),
      cmocka_unit_test(share__flow_that_was_idle__has_saved_nothing_up),
      cmocka_unit_test(share__late_at_a_busy_target__at_once),
      cmocka_unit_test(share__two_targets__by_the_weight_of_their_flows),
      cmocka_unit_test(target__limit__holds_and_leaves_others_alone),
      cmocka_unit_test(reserve__nobody_interactive__batches_borrow_all),
      cmocka_unit_test(reserve__single_calls__kept_and_given_back),
      cmocka_unit_test(reserve__nothing_ends_meanwhile__given_back_in_time),
      cmocka_unit_test(wait__single_call_beside_100000__is_next),
      cmocka_unit_test(starve__flood_of_single_calls__batches_go_on),
      cmocka_unit_test(starve__weight_1_beside_weight_100s__goes_on),
      cmocka_unit_test(close__flow_of_a_million__others_go_on),
      cmocka_unit_test(full__count_and_bytes__at_the_limit_and_past_it),
      cmocka_unit_test(full__held_from_the_start__does_not_count),
      cmocka_unit_test(wait__queue_ahead__is_told_and_not_too_high),
      cmocka_unit_test(target__thousands_of_names__oldest_are_forgotten),
      cmocka_unit_test(target__in_use__is_not_forgotten),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
