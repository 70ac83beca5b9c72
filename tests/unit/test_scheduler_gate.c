/* Targets whose gate is closed for a while, and those whose breaker opens. */
#include <stdlib.h>
#include <string.h>

#include "service/quota/breaker.h"
#include "service/scheduler/target.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/support/sched_fake.h"

/* One request each three seconds, and none saved up. */
static void start_slow(struct fake_world *world) {
  const struct vtx_sched_options options = {
      .max_in_flight = 50, .gate = {.requests_per_minute = 20, .fixed = true}};

  fake_world_init(world, &options);
}

static void start_learning(struct fake_world *world, size_t max_in_flight) {
  const struct vtx_sched_options options = {.max_in_flight = max_in_flight};

  fake_world_init(world, &options);
}

static void drop_all(struct fake *fakes, size_t count) {
  for (size_t i = 0; i < count; i++)
    fake_drop(&fakes[i]);
}

static void next__gate_closed__says_when_it_opens(void **state) {
  struct fake_world world;
  struct fake a = fake_make(&world, 'a', 9, 9);
  int64_t began;

  (void)state;
  start_slow(&world);
  assert_true(vtx_scheduler_next(&world.scheduler) == CB_NEVER);
  fake_add(&a);
  began = world.now;
  assert_string_equal(fake_run(&world, 0), "a");
  assert_int_equal(vtx_scheduler_next(&world.scheduler) - began, 3 * CB_SECOND);
  assert_string_equal(fake_run(&world, 3 * CB_SECOND - 1), "");
  assert_string_equal(fake_run(&world, 1), "a");
  assert_int_equal(vtx_scheduler_next(&world.scheduler) - began, 6 * CB_SECOND);
  vtx_scheduler_hold(&world.scheduler, &a.entry, true);
  assert_true(vtx_scheduler_next(&world.scheduler) == CB_NEVER);
  fake_drop(&a);
  fake_world_release(&world);
}

static void next__no_slot__never(void **state) {
  const struct vtx_sched_options options = {
      .max_in_flight = 2,
      .target_max_in_flight = 1,
      .gate = {.requests_per_minute = 20, .fixed = true}};
  struct fake_world world;
  struct fake a = fake_make(&world, 'a', 9, 9);

  (void)state;
  fake_world_init(&world, &options);
  fake_add(&a);
  assert_string_equal(fake_run(&world, 0), "a");
  assert_true(vtx_scheduler_next(&world.scheduler) == CB_NEVER);
  fake_end(&a, VTX_OUTCOME_SERVED);
  assert_int_equal(vtx_scheduler_next(&world.scheduler),
                   world.now + 3 * CB_SECOND);
  fake_drop(&a);
  fake_world_release(&world);
}

static void run__one_gate_closed__others_go_on(void **state) {
  struct fake_world world;
  struct fake fakes[2] = {fake_make(&world, 'a', 9, 9),
                          fake_make(&world, 'b', 9, 9)};

  (void)state;
  start_slow(&world);
  fakes[1].target = "two";
  fake_add(&fakes[0]);
  assert_string_equal(fake_run(&world, 0), "a");
  assert_string_equal(fake_run(&world, CB_SECOND), "");
  fake_add(&fakes[1]);
  assert_string_equal(fake_run(&world, 0), "b");
  assert_string_equal(fake_run(&world, 2 * CB_SECOND), "a");
  assert_string_equal(fake_run(&world, CB_SECOND), "b");
  drop_all(fakes, 2);
  fake_world_release(&world);
}

/* Both are due at once: each gets its start. */
static void run__several_gates_due__each_gets_its_start(void **state) {
  struct fake_world world;
  struct fake fakes[3] = {fake_make(&world, 'a', 9, 9),
                          fake_make(&world, 'b', 9, 9),
                          fake_make(&world, 'c', 9, 9)};
  const char *targets[] = {"one", "two", "three"};
  const char *log;

  (void)state;
  start_slow(&world);
  for (size_t i = 0; i < 3; i++) {
    fakes[i].target = targets[i];
    fake_add(&fakes[i]);
  }
  for (int i = 0; i < 4; i++) {
    log = fake_run(&world, 3 * CB_SECOND);
    assert_int_equal(strlen(log), 3);
    assert_non_null(strchr(log, 'a'));
    assert_non_null(strchr(log, 'b'));
    assert_non_null(strchr(log, 'c'));
  }
  drop_all(fakes, 3);
  fake_world_release(&world);
}

static void run__skipped_prompts__leave_the_gate_alone(void **state) {
  struct fake_world world;
  struct fake a = fake_make(&world, 'a', 5, 9);

  (void)state;
  start_slow(&world);
  a.say = VTX_SKIPPED;
  fake_add(&a);
  assert_string_equal(fake_run(&world, 0), "aaaaa");
  assert_true(vtx_scheduler_next(&world.scheduler) == CB_NEVER);
  fake_drop(&a);
  fake_world_release(&world);
}

static void run__told_to_wait__nothing_until_then(void **state) {
  const struct vtx_gate_end end = {.outcome = VTX_OUTCOME_THROTTLED,
                                   .took = CB_MILLISECOND,
                                   .retry_after = 7 * CB_SECOND,
                                   .used = -1};
  struct fake_world world;
  struct fake fakes[2] = {fake_make(&world, 'a', 9, 1),
                          fake_make(&world, 'b', 9, 1)};

  (void)state;
  start_learning(&world, 1);
  fake_add(&fakes[0]);
  assert_string_equal(fake_run(&world, 0), "a");
  fake_add(&fakes[1]);
  world.now += CB_MILLISECOND;
  vtx_scheduler_set_aside(&world.scheduler, &fakes[0].entry,
                          fakes[0].under_way[0], &end);
  fakes[0].running = 0;
  assert_int_equal(vtx_scheduler_next(&world.scheduler),
                   world.now + 7 * CB_SECOND);
  assert_string_equal(fake_run(&world, 7 * CB_SECOND - 1), "");
  assert_string_equal(fake_run(&world, 1), "b");
  vtx_scheduler_withdraw(&world.scheduler, &fakes[0].entry, false);
  drop_all(fakes, 2);
  fake_world_release(&world);
}

/* When what a call tells is learned at the time that it ends, not at that of
 * the last run. */
static void finished__long_after_the_last_run__gate_knows_the_time(
    void **state) {
  const struct vtx_gate_end end = {.outcome = VTX_OUTCOME_THROTTLED,
                                   .took = CB_SECOND,
                                   .retry_after = 5 * CB_SECOND,
                                   .used = -1};
  struct fake_world world;
  struct fake a = fake_make(&world, 'a', 9, 1);

  (void)state;
  start_learning(&world, 1);
  fake_add(&a);
  assert_string_equal(fake_run(&world, 0), "a");
  world.now += 20 * CB_SECOND;
  vtx_scheduler_finished(&world.scheduler, &a.entry, a.under_way[0], &end);
  a.running = 0;
  assert_int_equal(vtx_scheduler_next(&world.scheduler),
                   world.now + 5 * CB_SECOND);
  fake_drop(&a);
  fake_world_release(&world);
}

/* The gate limits what is under way after failures: who waits goes on when one
 * of those ends, without any timer. */
static void run__limit_of_the_gate__holds_until_one_ends(void **state) {
  struct fake_world world;
  struct fake a = fake_make(&world, 'a', 1000, 40);
  struct vtx_sched_target *target = NULL;
  size_t limit;

  (void)state;
  start_learning(&world, 40);
  fake_add(&a);
  for (int i = 0; i < 10; i++) {
    fake_run(&world, 100 * CB_MILLISECOND);
    target = a.under_way[0];
    if (target->slots.limit < 40) break;
    vtx_scheduler_hold(&world.scheduler, &a.entry, true);
    for (world.now += CB_SECOND; a.running > 0;)
      fake_end(&a, VTX_OUTCOME_OVERLOADED);
    limit = vtx_gate_limit(&target->gate);
    assert_int_equal(target->slots.limit, limit < 40 ? limit : 40);
    vtx_scheduler_hold(&world.scheduler, &a.entry, false);
  }
  limit = target->slots.limit;
  assert_in_range(limit, 1, 39);
  assert_int_equal(limit, vtx_gate_limit(&target->gate));
  fake_run(&world, 100 * CB_MILLISECOND);
  fake_run(&world, 100 * CB_MILLISECOND);
  assert_int_equal(a.running, limit);
  assert_true(vtx_scheduler_next(&world.scheduler) == CB_NEVER);
  fake_end(&a, VTX_OUTCOME_NOTHING);
  assert_string_equal(fake_run(&world, 0), "a");
  fake_drop(&a);
  fake_world_release(&world);
}

/* Classes at a gate. */

static void classes__paced__single_call_has_the_next_start(void **state) {
  struct fake_world world;
  struct fake fakes[2] = {fake_make(&world, 'b', 99, 50),
                          fake_make(&world, 'i', 1, 1)};

  (void)state;
  start_slow(&world);
  fakes[1].entry.sched_class = VTX_INTERACTIVE;
  fake_add(&fakes[0]);
  assert_string_equal(fake_run(&world, 0), "b");
  assert_string_equal(fake_run(&world, CB_SECOND), "");
  fake_add(&fakes[1]);
  assert_string_equal(fake_run(&world, 2 * CB_SECOND), "i");
  assert_string_equal(fake_run(&world, 3 * CB_SECOND), "b");
  drop_all(fakes, 2);
  fake_world_release(&world);
}

enum { CALLS = 24 };

/* A batch, and more single calls than there are starts. */
static void make_flood(struct fake_world *world, struct fake *fakes) {
  fakes[0] = fake_make(world, 'b', 99, 50);
  for (size_t i = 1; i <= CALLS; i++) {
    fakes[i] = fake_make(world, 'i', 1, 1);
    fakes[i].entry.sched_class = VTX_INTERACTIVE;
  }
  for (size_t i = 0; i <= CALLS; i++)
    fake_add(&fakes[i]);
}

static void classes__paced_flood_of_single_calls__a_fifth_is_the_batch_s(
    void **state) {
  static struct fake fakes[CALLS + 1];
  struct fake_world world;

  (void)state;
  start_slow(&world);
  make_flood(&world, fakes);
  for (int i = 0; i < 20; i++)
    assert_int_equal(strlen(fake_run(&world, 3 * CB_SECOND)), 1);
  assert_string_equal(world.log, "iiiibiiiibiiiibiiiib");
  drop_all(fakes, CALLS + 1);
  fake_world_release(&world);
}

/* One slot alone: nothing can be kept, so they take turns. */
static void classes__one_slot__a_fifth_is_the_batch_s(void **state) {
  static struct fake fakes[CALLS + 1];
  const struct vtx_sched_options options = {.max_in_flight = 1,
                                            .gate = {.fixed = true}};
  struct fake_world world;

  (void)state;
  fake_world_init(&world, &options);
  make_flood(&world, fakes);
  for (int i = 0; i < 10; i++) {
    assert_int_equal(strlen(fake_run(&world, CB_SECOND)), 1);
    for (int k = 0; k <= CALLS; k++) {
      if (fakes[k].running > 0) fake_end(&fakes[k], VTX_OUTCOME_SERVED);
    }
  }
  assert_string_equal(world.log, "iiiibiiiib");
  drop_all(fakes, CALLS + 1);
  fake_world_release(&world);
}

/* Without a gate in the way the slots divide, whatever went before. */
static void classes__unpaced__single_calls_first(void **state) {
  static struct fake fakes[CALLS + 1];
  const struct vtx_sched_options options = {.max_in_flight = 50,
                                            .gate = {.fixed = true}};
  struct fake_world world;

  (void)state;
  fake_world_init(&world, &options);
  make_flood(&world, fakes);
  fake_run(&world, 0);
  assert_int_equal(strspn(world.log, "i"), CALLS);
  drop_all(fakes, CALLS + 1);
  fake_world_release(&world);
}

/* Small prompts must not use up for ever the tokens that a large one of a batch
 * waits for: 1,000 a minute, of which at most 50 are saved up. */
static void classes__tokens__large_prompt_of_a_batch_gets_its_turn(
    void **state) {
  static struct fake fakes[CALLS + 1];
  const struct vtx_sched_options options = {
      .max_in_flight = 50, .gate = {.tokens_per_minute = 1000, .fixed = true}};
  struct fake_world world;
  size_t before;

  (void)state;
  fake_world_init(&world, &options);
  fakes[0] = fake_make(&world, 'b', 3, 50);
  fakes[0].cost = 200; /* above what is ever saved up */
  for (size_t i = 1; i <= CALLS; i++) {
    fakes[i] = fake_make(&world, 'i', 1, 1);
    fakes[i].entry.sched_class = VTX_INTERACTIVE;
    fakes[i].cost = 10;
  }
  for (size_t i = 0; i <= CALLS; i++)
    fake_add(&fakes[i]);
  for (int i = 0; i < 300 && !strchr(world.log, 'b'); i++)
    fake_run(&world, 100 * CB_MILLISECOND);
  before = strcspn(world.log, "b");
  assert_in_range(before, 4, 10);
  assert_int_equal(world.log[before], 'b');
  drop_all(fakes, CALLS + 1);
  fake_world_release(&world);
}

/* Batch's turn, but the process has no slot for it: the single call goes. */
static void classes__batch_has_no_slot__single_calls_go_on(void **state) {
  static struct fake fakes[CALLS + 1];
  const struct vtx_sched_options options = {
      .max_in_flight = 50, .gate = {.requests_per_minute = 20, .fixed = true}};
  struct fake_world world;
  struct vtx_sched_slots *slots = &world.scheduler.slots;

  (void)state;
  fake_world_init(&world, &options);
  make_flood(&world, fakes);
  slots->used[VTX_BATCH] += 40; /* of other targets */
  for (int i = 0; i < 8; i++) {
    fake_run(&world, 3 * CB_SECOND);
    for (int k = 1; k <= CALLS; k++) {
      if (fakes[k].running > 0) fake_end(&fakes[k], VTX_OUTCOME_SERVED);
    }
  }
  assert_string_equal(world.log, "iiiiiiii");
  slots->used[VTX_BATCH] -= 40;
  assert_string_equal(fake_run(&world, 3 * CB_SECOND), "b");
  drop_all(fakes, CALLS + 1);
  fake_world_release(&world);
}

/* Breakers. */

static void break_target(struct fake *fake) {
  while (fake->running > 0)
    fake_end(fake, VTX_OUTCOME_UNREACHED);
}

static struct vtx_sched_health health_of(const struct fake_world *world,
                                         const char *target, double cost) {
  struct vtx_sched_health health;

  vtx_scheduler_health(&world->scheduler, target, cost, &health);
  return health;
}

static void breaker__opens_and_closes__who_waits_looks_again(void **state) {
  struct fake_world world;
  struct fake fakes[3] = {fake_make(&world, 'a', 99, VTX_BREAKER_ROW),
                          fake_make(&world, 'b', 99, 1),
                          fake_make(&world, 'c', 99, 1)};
  struct vtx_sched_target *probed;

  (void)state;
  start_learning(&world, VTX_BREAKER_ROW);
  for (int i = 0; i < 3; i++)
    fakes[i].second = "two";
  fake_add(&fakes[0]);
  fake_run(&world, 0);
  assert_int_equal(fakes[0].running, VTX_BREAKER_ROW);
  fake_add(&fakes[1]);
  fake_add(&fakes[2]);
  assert_string_equal(fakes[1].entry.target->name, "one");
  break_target(&fakes[0]);
  assert_false(health_of(&world, "one", 1).wanted);
  for (int i = 0; i < 3; i++)
    assert_string_equal(fakes[i].entry.target->name, "two");
  vtx_scheduler_hold(&world.scheduler, &fakes[0].entry, true);
  assert_string_equal(fake_run(&world, 0), "bc");
  assert_string_equal(fakes[1].under_way[0]->name, "two");

  /* The probe is due; only one goes. */
  fake_end(&fakes[1], VTX_OUTCOME_SERVED);
  fake_end(&fakes[2], VTX_OUTCOME_SERVED);
  world.now += VTX_BREAKER_PROBE_FIRST;
  vtx_scheduler_hold(&world.scheduler, &fakes[1].entry, true);
  vtx_scheduler_hold(&world.scheduler, &fakes[2].entry, true);
  for (int i = 1; i < 3; i++)
    vtx_sched_target_leave(&world.scheduler, fakes[i].entry.target);
  for (int i = 1; i < 3; i++)
    fakes[i].entry.target = NULL;
  vtx_scheduler_hold(&world.scheduler, &fakes[1].entry, false);
  vtx_scheduler_hold(&world.scheduler, &fakes[2].entry, false);
  assert_string_equal(fakes[1].entry.target->name, "one");
  assert_string_equal(fakes[2].entry.target->name, "one");
  assert_string_equal(fake_run(&world, 0), "bc");
  probed = fakes[1].under_way[0];
  assert_string_equal(probed->name, "one");
  assert_string_equal(fakes[2].under_way[0]->name, "two");
  assert_false(health_of(&world, "one", 1).wanted);
  fake_end(&fakes[1], VTX_OUTCOME_SERVED);
  assert_true(health_of(&world, "one", 1).wanted);
  drop_all(fakes, 3);
  fake_world_release(&world);
}

/* Who has no other target is asked nevertheless. */
static void breaker__open__no_hindrance_to_who_has_no_other(void **state) {
  struct fake_world world;
  struct fake a = fake_make(&world, 'a', 99, VTX_BREAKER_ROW);

  (void)state;
  start_learning(&world, VTX_BREAKER_ROW);
  fake_add(&a);
  fake_run(&world, 0);
  break_target(&a);
  assert_false(health_of(&world, "one", 1).wanted);
  assert_true(strlen(fake_run(&world, 100 * CB_MILLISECOND)) > 0);
  fake_drop(&a);
  fake_world_release(&world);
}

/* Each of thousands is looked at once more when the breaker opens. */
static void breaker__thousands_wait__each_looks_once(void **state) {
  enum { FLOWS = 5000 };
  struct fake *fakes = calloc(FLOWS + 1, sizeof *fakes);
  struct fake_world world;

  (void)state;
  assert_non_null(fakes);
  start_learning(&world, VTX_BREAKER_ROW);
  fakes[0] = fake_make(&world, 'a', VTX_BREAKER_ROW, VTX_BREAKER_ROW);
  fake_add(&fakes[0]);
  fake_run(&world, 0);
  for (int i = 1; i <= FLOWS; i++) {
    fakes[i] = fake_make(&world, 'b', 1, 1);
    fakes[i].entry.sched_class = i % 2 ? VTX_BATCH : VTX_INTERACTIVE;
    fakes[i].second = i % 3 ? "two" : NULL;
    fake_add(&fakes[i]);
  }
  break_target(&fakes[0]);
  for (int i = 1; i <= FLOWS; i++) {
    assert_int_equal(fakes[i].peeks, 2);
    assert_string_equal(fakes[i].entry.target->name, i % 3 ? "two" : "one");
  }
  drop_all(fakes, FLOWS + 1);
  fake_world_release(&world);
  free(fakes);
}

/* What is known. */

static void health__unknown_target__all_is_well_and_none_is_made(void **state) {
  struct fake_world world;
  struct vtx_sched_health health;

  (void)state;
  start_slow(&world);
  health = health_of(&world, "elsewhere", 1);
  assert_true(health.wanted);
  assert_false(health.throttled);
  assert_true(health.when <= world.now);
  assert_int_equal(world.scheduler.target_count, 0);
  fake_world_release(&world);
}

static void health__gate_and_slots__says_when(void **state) {
  const struct vtx_sched_options options = {
      .max_in_flight = 9,
      .target_max_in_flight = 2,
      .gate = {.requests_per_minute = 20, .fixed = true}};
  struct fake_world world;
  struct fake a = fake_make(&world, 'a', 9, 9);

  (void)state;
  fake_world_init(&world, &options);
  fake_add(&a);
  assert_string_equal(fake_run(&world, 0), "a");
  vtx_scheduler_hold(&world.scheduler, &a.entry, true);
  assert_int_equal(health_of(&world, "one", 1).when, world.now + 3 * CB_SECOND);
  world.now += 3 * CB_SECOND;
  assert_true(health_of(&world, "one", 1).when <= world.now);
  vtx_scheduler_hold(&world.scheduler, &a.entry, false);
  assert_string_equal(fake_run(&world, 0), "a");
  assert_true(health_of(&world, "one", 1).when == CB_NEVER);
  fake_drop(&a);
  fake_world_release(&world);
}

static void health__throttled__says_so(void **state) {
  struct fake_world world;
  struct fake a = fake_make(&world, 'a', 9, 9);

  (void)state;
  start_learning(&world, 9);
  fake_add(&a);
  fake_run(&world, 0);
  assert_false(health_of(&world, "one", 1).throttled);
  fake_end(&a, VTX_OUTCOME_THROTTLED);
  assert_true(health_of(&world, "one", 1).throttled);
  assert_true(health_of(&world, "one", 1).wanted);
  fake_drop(&a);
  fake_world_release(&world);
}

/* Of two targets with one slot each the first is held and the second taken;
 * what waits at the first goes to the second once that is free. The clock goes
 * on while the scheduler looks, as clocks do. */
static void move__second_has_room_meanwhile__not_held_any_more(void **state) {
  const struct vtx_sched_options options = {.max_in_flight = 9,
                                            .target_max_in_flight = 1};
  const struct vtx_gate_end end = {.outcome = VTX_OUTCOME_THROTTLED,
                                   .took = CB_MILLISECOND,
                                   .retry_after = 7 * CB_SECOND,
                                   .used = -1};
  struct fake_world world;
  struct fake fakes[3] = {fake_make(&world, 'a', 1, 1),
                          fake_make(&world, 'b', 1, 1),
                          fake_make(&world, 'c', 1, 1)};

  (void)state;
  fake_world_init(&world, &options);
  world.tick = 1;
  fakes[1].target = "two";
  fakes[2].second = "two";
  fakes[2].hurries = true;
  fake_add(&fakes[0]);
  fake_add(&fakes[1]);
  assert_int_equal(strlen(fake_run(&world, 0)), 2);
  vtx_scheduler_finished(&world.scheduler, &fakes[0].entry,
                         fakes[0].under_way[0], &end);
  fakes[0].running = 0;
  fake_add(&fakes[2]);
  assert_string_equal(fake_run(&world, CB_SECOND), "");
  fake_end(&fakes[1], VTX_OUTCOME_SERVED);
  assert_string_equal(fake_run(&world, 0), "c");
  drop_all(fakes, 3);
  fake_world_release(&world);
}

static void wait__held__is_told(void **state) {
  const struct vtx_gate_end end = {.outcome = VTX_OUTCOME_THROTTLED,
                                   .took = CB_MILLISECOND,
                                   .retry_after = 7 * CB_SECOND,
                                   .used = -1};
  struct fake_world world;
  struct fake fakes[2] = {fake_make(&world, 'i', 1, 1),
                          fake_make(&world, 'j', 1, 1)};

  (void)state;
  start_learning(&world, 9);
  for (int i = 0; i < 2; i++)
    fakes[i].entry.sched_class = VTX_INTERACTIVE;
  fake_add(&fakes[0]);
  assert_int_equal(vtx_scheduler_wait(&world.scheduler, &fakes[0].entry), 0);
  fake_run(&world, 0);
  vtx_scheduler_finished(&world.scheduler, &fakes[0].entry,
                         fakes[0].under_way[0], &end);
  fakes[0].running = 0;
  fake_add(&fakes[1]);
  assert_int_equal(vtx_scheduler_wait(&world.scheduler, &fakes[1].entry),
                   7 * CB_SECOND);
  drop_all(fakes, 2);
  fake_world_release(&world);
}

/* Twenty a minute: the last of five that wait is told when it begins. */
static void wait__configured_requests__is_told(void **state) {
  enum { WAITING = 5 };
  struct fake fakes[WAITING];
  struct fake_world world;
  int64_t told;

  (void)state;
  start_slow(&world);
  for (int i = 0; i < WAITING; i++) {
    fakes[i] = fake_make(&world, 'i', 1, 1);
    fakes[i].entry.sched_class = VTX_INTERACTIVE;
    fake_add(&fakes[i]);
    told = vtx_scheduler_wait(&world.scheduler, &fakes[i].entry);
    assert_int_equal(told, i * 3 * CB_SECOND);
  }
  fake_run(&world, 0);
  told = vtx_scheduler_wait(&world.scheduler, &fakes[WAITING - 1].entry);
  assert_int_equal(told, (WAITING - 1) * 3 * CB_SECOND);
  for (int64_t i = 0; i < WAITING - 1; i++)
    fake_run(&world, i < WAITING - 2 ? 3 * CB_SECOND : 3 * CB_SECOND - 1);
  assert_int_equal(fakes[WAITING - 1].running, 0);
  fake_run(&world, 1);
  assert_int_equal(fakes[WAITING - 1].running, 1);
  drop_all(fakes, WAITING);
  fake_world_release(&world);
}

/* Sixty a minute, of which three are saved up: they wait for nothing. */
static void wait__requests_saved_up__are_taken_into_account(void **state) {
  const struct vtx_sched_options options = {
      .max_in_flight = 50, .gate = {.requests_per_minute = 60, .fixed = true}};
  struct fake fakes[6];
  struct fake_world world;

  (void)state;
  fake_world_init(&world, &options);
  for (int i = 0; i < 6; i++) {
    fakes[i] = fake_make(&world, 'i', 1, 1);
    fakes[i].entry.sched_class = VTX_INTERACTIVE;
    fake_add(&fakes[i]);
    assert_int_equal(vtx_scheduler_wait(&world.scheduler, &fakes[i].entry),
                     i < 3 ? 0 : (i - 2) * CB_SECOND);
  }
  assert_string_equal(fake_run(&world, 0), "iii");
  assert_string_equal(fake_run(&world, CB_SECOND), "i");
  drop_all(fakes, 6);
  fake_world_release(&world);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(next__gate_closed__says_when_it_opens),
      cmocka_unit_test(next__no_slot__never),
      cmocka_unit_test(run__one_gate_closed__others_go_on),
      cmocka_unit_test(run__several_gates_due__each_gets_its_start),
      cmocka_unit_test(run__skipped_prompts__leave_the_gate_alone),
      cmocka_unit_test(run__told_to_wait__nothing_until_then),
      cmocka_unit_test(finished__long_after_the_last_run__gate_knows_the_time),
      cmocka_unit_test(run__limit_of_the_gate__holds_until_one_ends),
      cmocka_unit_test(classes__paced__single_call_has_the_next_start),
      cmocka_unit_test(
          classes__paced_flood_of_single_calls__a_fifth_is_the_batch_s),
      cmocka_unit_test(classes__one_slot__a_fifth_is_the_batch_s),
      cmocka_unit_test(classes__unpaced__single_calls_first),
      cmocka_unit_test(classes__tokens__large_prompt_of_a_batch_gets_its_turn),
      cmocka_unit_test(classes__batch_has_no_slot__single_calls_go_on),
      cmocka_unit_test(breaker__opens_and_closes__who_waits_looks_again),
      cmocka_unit_test(breaker__open__no_hindrance_to_who_has_no_other),
      cmocka_unit_test(breaker__thousands_wait__each_looks_once),
      cmocka_unit_test(health__unknown_target__all_is_well_and_none_is_made),
      cmocka_unit_test(health__gate_and_slots__says_when),
      cmocka_unit_test(health__throttled__says_so),
      cmocka_unit_test(move__second_has_room_meanwhile__not_held_any_more),
      cmocka_unit_test(wait__held__is_told),
      cmocka_unit_test(wait__configured_requests__is_told),
      cmocka_unit_test(wait__requests_saved_up__are_taken_into_account),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
