/* What waits has the choice of several targets: a model at two places with a
 * quota each, on a simulated clock. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "service/routes/routes.h"
#include "service/scheduler/scheduler.h"
#include "service/scheduler/target.h"
#include "tests/unit/cmocka_all.h"

#define MS CB_MILLISECOND
#define PLACES 2
#define MOST 4096
#define LATENCY (100 * MS)
#define REFUSAL (5 * MS)

/* A place with its quota: a token bucket. */
struct place {
  const char *name;
  double rps; /* 0: any number */
  double level;
  int64_t filled;
  bool dead;
  int64_t hangs; /* takes calls that their callers end after so long; 0: no */
  int served;
  int refused;
  int failed;
  int lost; /* taken and never answered */
};

/* A flow of prompts that all may go to any place. */
struct flow {
  struct vtx_sched_entry entry;
  int left;            /* prompts that were never started */
  int back;            /* those that came back */
  struct place *place; /* where the next one goes, as far as it knows */
};

/* A call under way. */
struct call {
  struct flow *flow;
  struct vtx_sched_target *target;
  int64_t took;
  int64_t ends;
  enum vtx_gate_outcome outcome;
};

struct world {
  struct vtx_scheduler scheduler;
  struct vtx_candidate candidates[PLACES];
  struct place places[PLACES];
  struct flow flows[MOST];
  size_t flow_count;
  struct call calls[MOST];
  size_t call_count;
  int done;
  int64_t now;
};

static struct world world;

static int64_t clock_now(void *self) {
  (void)self;
  return world.now++; /* it goes on while the scheduler looks */
}

static const struct cb_clock world_clock = {clock_now, NULL};

static void look(void *ctx, const struct vtx_candidate *candidate,
                 struct vtx_candidate_state *ret_state) {
  struct vtx_sched_health health;

  (void)ctx;
  vtx_scheduler_health(&world.scheduler, candidate->location, 1, &health);
  *ret_state = (struct vtx_candidate_state){
      .wanted = health.wanted,
      .ready = health.ready,
      .throttled = health.throttled,
      .when = health.when,
  };
}

static void peek(struct vtx_sched_entry *entry,
                 struct vtx_sched_head *ret_head) {
  const struct vtx_route route = {world.candidates, PLACES};
  size_t chosen = vtx_route_choose(&route, 0, look, NULL);

  ret_head->target = world.candidates[chosen].location;
  ret_head->cost = 1;
  if (!ret_head->glance)
    CB_CONTAINER(entry, struct flow, entry)->place = &world.places[chosen];
}

/* What becomes of a call that starts now. */
static enum vtx_gate_outcome answer(struct place *place) {
  double passed = (double)(world.now - place->filled) / (double)CB_SECOND;

  if (place->dead) {
    place->failed++;
    return VTX_OUTCOME_UNREACHED;
  }
  if (place->hangs > 0) {
    place->lost++;
    return place->hangs >= VTX_BREAKER_SILENCE ? VTX_OUTCOME_SILENT
                                               : VTX_OUTCOME_NOTHING;
  }
  place->level += passed * place->rps;
  if (place->level > 5) place->level = 5;
  place->filled = world.now;
  if (place->rps > 0 && place->level < 1) {
    place->refused++;
    return VTX_OUTCOME_THROTTLED;
  }
  place->level -= 1;
  place->served++;
  return VTX_OUTCOME_SERVED;
}

static int64_t time_of(const struct place *place,
                       enum vtx_gate_outcome outcome) {
  if (place->hangs > 0) return place->hangs;
  return outcome == VTX_OUTCOME_SERVED ? LATENCY : REFUSAL;
}

static enum vtx_dispatch dispatch(struct vtx_sched_entry *entry) {
  struct flow *flow = CB_CONTAINER(entry, struct flow, entry);
  struct vtx_sched_target *target = vtx_scheduler_target(entry);
  enum vtx_gate_outcome outcome = answer(flow->place);
  int64_t took = time_of(flow->place, outcome);

  assert_string_equal(flow->place->name, target->name);
  assert_true(world.call_count < MOST);
  world.calls[world.call_count++] = (struct call){
      .flow = flow,
      .target = target,
      .took = took,
      .ends = world.now + took,
      .outcome = outcome,
  };
  if (flow->back > 0) {
    flow->back--;
  } else if (--flow->left == 0) {
    vtx_scheduler_close(&world.scheduler, entry);
  }
  return VTX_DISPATCHED;
}

/* The call is over: done, given up, or it comes back at once. */
static void end_call(const struct call *call) {
  const struct vtx_gate_end end = {.outcome = call->outcome,
                                   .took = call->took,
                                   .retry_after = -1,
                                   .estimated = 1,
                                   .used = -1};
  struct vtx_sched_entry *entry = &call->flow->entry;

  if (call->outcome != VTX_OUTCOME_UNREACHED &&
      call->outcome != VTX_OUTCOME_THROTTLED) {
    if (call->outcome == VTX_OUTCOME_SERVED) world.done++;
    vtx_scheduler_finished(&world.scheduler, entry, call->target, &end);
    return;
  }
  vtx_scheduler_set_aside(&world.scheduler, entry, call->target, &end);
  call->flow->back++;
  vtx_scheduler_again(&world.scheduler, entry);
}

static void end_calls(void) {
  for (size_t i = 0; i < world.call_count;) {
    struct call call = world.calls[i];

    if (call.ends > world.now) {
      i++;
      continue;
    }
    world.calls[i] = world.calls[--world.call_count];
    end_call(&call);
  }
}

/* Runs the world for so long, or until so many are done. */
static void run(int64_t time, int done) {
  int64_t until = world.now + time;

  while (world.now < until && world.done < done) {
    while (vtx_scheduler_run(&world.scheduler, CB_SECOND))
      continue;
    world.now += 1 * MS;
    end_calls();
  }
}

static void begin(double first_rps, double second_rps,
                  const struct vtx_gate_options *gate) {
  static const char *const names[PLACES] = {"first", "second"};
  struct vtx_sched_options options = {.clock = &world_clock,
                                      .max_in_flight = MOST};

  memset(&world, 0, sizeof world);
  world.now = 1000 * CB_SECOND;
  for (size_t i = 0; i < PLACES; i++) {
    world.candidates[i] = (struct vtx_candidate){"m", names[i], 0};
    world.places[i] = (struct place){.name = names[i],
                                     .rps = i == 0 ? first_rps : second_rps,
                                     .level = 5,
                                     .filled = world.now};
  }
  if (gate) options.gate = *gate;
  assert_true(vtx_scheduler_init(&world.scheduler, &options));
}

static void add(int prompts, int limit, enum vtx_sched_class sched_class) {
  struct flow *flow = &world.flows[world.flow_count++];

  flow->left = prompts;
  flow->entry = (struct vtx_sched_entry){.sched_class = sched_class,
                                         .weight = 1,
                                         .limit = limit,
                                         .dispatch = dispatch,
                                         .peek = peek};
  vtx_scheduler_add(&world.scheduler, &flow->entry);
}

/* Lets what is under way end, however it does, and all go. */
static void finish(void) {
  for (size_t i = 0; i < world.flow_count; i++)
    vtx_scheduler_close(&world.scheduler, &world.flows[i].entry);
  for (size_t i = 0; i < PLACES; i++) {
    world.places[i].rps = 0;
    world.places[i].dead = false;
    world.places[i].hangs = 0;
  }
  for (int i = 0; i < 600 && world.call_count > 0; i++)
    run(100 * MS, MOST * 10);
  assert_int_equal(world.call_count, 0);
  for (size_t i = 0; i < world.flow_count; i++)
    vtx_scheduler_remove(&world.scheduler, &world.flows[i].entry);
  vtx_scheduler_release(&world.scheduler);
}

static void in_range(int value, int low, int high) {
  if (value < low || value > high)
    fail_msg("%d is not from %d to %d (%d+%d served, %d+%d refused)", value,
             low, high, world.places[0].served, world.places[1].served,
             world.places[0].refused, world.places[1].refused);
}

static void choice__no_quota_anywhere__all_go_to_the_first(void **state) {
  (void)state;
  begin(0, 0, NULL);
  add(1000, 50, VTX_BATCH);
  run(60 * CB_SECOND, 1000);
  assert_int_equal(world.done, 1000);
  assert_int_equal(world.places[0].served, 1000);
  finish();
}

/* Both quotas are used: after a while nearly all of the sum. */
static void one_batch(double first, double second) {
  int before;

  begin(first, second, NULL);
  add(1000000, 200, VTX_BATCH);
  run(10 * CB_SECOND, 1000000);
  before = world.done;
  run(10 * CB_SECOND, 1000000);
  in_range(world.done - before, (int)(0.9 * 10 * (first + second)),
           (int)(10 * (first + second)) + 20);
  finish();
}

static void choice__one_batch_two_quotas__their_sum(void **state) {
  (void)state;
  one_batch(50, 50);
  one_batch(20, 200);
  one_batch(200, 20);
}

static void choice__many_single_calls_two_quotas__their_sum(void **state) {
  (void)state;
  begin(50, 150, NULL);
  for (int i = 0; i < 2000; i++)
    add(1, 1, VTX_INTERACTIVE);
  run(30 * CB_SECOND, 2000);
  assert_int_equal(world.done, 2000);
  in_range((int)((world.now - 1000 * CB_SECOND) / MS), 9000, 14000);
  finish();
}

static void choice__configured_limit__spills_without_a_refusal(void **state) {
  const struct vtx_gate_options gate = {.requests_per_minute = 600};

  (void)state;
  begin(0, 0, &gate);
  add(1000000, 200, VTX_BATCH);
  run(30 * CB_SECOND, 1000000);
  in_range(world.places[0].served, 290, 335);
  in_range(world.places[1].served, 290, 335);
  finish();
}

static void choice__first_is_dead__few_calls_and_none_lost(void **state) {
  (void)state;
  begin(0, 0, NULL);
  world.places[0].dead = true;
  add(2000, 20, VTX_BATCH);
  run(60 * CB_SECOND, 2000);
  assert_int_equal(world.done, 2000);
  assert_int_equal(world.places[1].served, 2000);
  /* What was under way when the breaker opened, and a probe each 1, 2, 4 s. */
  in_range(world.places[0].failed, VTX_BREAKER_ROW, 20 + 5);
  finish();
}

static void choice__first_hangs__few_calls_are_lost(void **state) {
  (void)state;
  begin(0, 0, NULL);
  world.places[0].hangs = 11 * CB_SECOND;
  add(1000000, 20, VTX_BATCH);
  run(60 * CB_SECOND, 1000000);
  /* What was under way when the breaker opened, and a probe that hangs as long,
   * one after the other, 1, 2, 4 s apart. */
  assert_int_equal(world.places[0].lost, 20 + 4);
  in_range(world.places[1].served, 9000, 10000);
  world.places[0].hangs = 0;
  run(VTX_BREAKER_PROBE_LAST, 1000000);
  in_range(world.places[0].served, 1, 1000000);
  finish();
}

/* Nobody waits long enough to know. */
static void choice__first_hangs_all_in_a_hurry__stay_there(void **state) {
  (void)state;
  begin(0, 0, NULL);
  world.places[0].hangs = VTX_BREAKER_SILENCE - MS;
  add(1000000, 20, VTX_BATCH);
  run(60 * CB_SECOND, 1000000);
  in_range(world.places[0].lost, 120, 140);
  assert_int_equal(world.places[1].served, 0);
  finish();
}

static void choice__both_hang__both_are_asked_again_and_again(void **state) {
  (void)state;
  begin(0, 0, NULL);
  world.places[0].hangs = 11 * CB_SECOND;
  world.places[1].hangs = 11 * CB_SECOND;
  add(1000000, 20, VTX_BATCH);
  run(60 * CB_SECOND, 1000000);
  in_range(world.places[0].lost, 80, 110);
  in_range(world.places[1].lost, 20, 25);
  world.places[1].hangs = 0;
  run(VTX_BREAKER_PROBE_LAST + 11 * CB_SECOND, 1000000);
  in_range(world.places[1].served, 1, 1000000);
  finish();
}

static void choice__first_comes_back__is_preferred_again(void **state) {
  int before;

  (void)state;
  begin(0, 0, NULL);
  world.places[0].dead = true;
  add(1000000, 20, VTX_BATCH);
  run(10 * CB_SECOND, 1000000);
  assert_int_equal(world.places[0].served, 0);
  world.places[0].dead = false;
  run(VTX_BREAKER_PROBE_LAST, 1000000);
  in_range(world.places[0].served, 1, 1000000);
  before = world.places[1].served;
  run(5 * CB_SECOND, 1000000);
  assert_int_equal(world.places[1].served, before);
  finish();
}

static void choice__waiting_when_the_breaker_opens__goes_elsewhere(
    void **state) {
  const struct vtx_gate_options gate = {.requests_per_minute = 60};

  (void)state;
  begin(0, 0, &gate);
  world.places[0].dead = true;
  for (int i = 0; i < 100; i++)
    add(1, 1, VTX_INTERACTIVE);
  run(200 * CB_SECOND, 100);
  assert_int_equal(world.done, 100);
  assert_int_equal(world.places[1].served, 100);
  finish();
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(choice__no_quota_anywhere__all_go_to_the_first),
      cmocka_unit_test(choice__one_batch_two_quotas__their_sum),
      cmocka_unit_test(choice__many_single_calls_two_quotas__their_sum),
      cmocka_unit_test(choice__configured_limit__spills_without_a_refusal),
      cmocka_unit_test(choice__first_is_dead__few_calls_and_none_lost),
      cmocka_unit_test(choice__first_hangs__few_calls_are_lost),
      cmocka_unit_test(choice__first_hangs_all_in_a_hurry__stay_there),
      cmocka_unit_test(choice__both_hang__both_are_asked_again_and_again),
      cmocka_unit_test(choice__first_comes_back__is_preferred_again),
      cmocka_unit_test(choice__waiting_when_the_breaker_opens__goes_elsewhere),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
