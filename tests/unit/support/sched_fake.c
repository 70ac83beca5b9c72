#include "tests/unit/support/sched_fake.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "base/list.h"
#include "service/scheduler/target.h"
#include "tests/unit/cmocka_all.h"

static int64_t world_now(void *self) {
  struct fake_world *world = self;

  return world->now += world->tick;
}

void fake_world_init(struct fake_world *world,
                     const struct vtx_sched_options *options) {
  struct vtx_sched_options clocked = *options;

  memset(world, 0, sizeof *world);
  world->now = 1000 * CB_SECOND;
  world->clock = (struct cb_clock){world_now, world};
  clocked.clock = &world->clock;
  assert_true(vtx_scheduler_init(&world->scheduler, &clocked));
}

/* Nobody looks at a target any more, or has a slot of it. */
static void check_targets(const struct vtx_scheduler *scheduler) {
  assert_int_equal(scheduler->common->uses, 0);
  for (size_t i = 0; i < VTX_SCHED_BUCKETS; i++) {
    for (const struct vtx_sched_target *target = scheduler->targets[i]; target;
         target = target->next)
      assert_int_equal(target->uses, 0);
  }
}

void fake_world_release(struct fake_world *world) {
  assert_int_equal(world->scheduler.slots.used[VTX_INTERACTIVE], 0);
  assert_int_equal(world->scheduler.slots.used[VTX_BATCH], 0);
  assert_int_equal(world->scheduler.slots.ready[VTX_INTERACTIVE], 0);
  assert_int_equal(world->scheduler.slots.ready[VTX_BATCH], 0);
  assert_true(vtx_scheduler_next(&world->scheduler) == CB_NEVER);
  check_targets(&world->scheduler);
  vtx_scheduler_release(&world->scheduler);
}

static enum vtx_dispatch dispatch(struct vtx_sched_entry *entry) {
  struct fake *fake = CB_CONTAINER(entry, struct fake, entry);
  struct fake_world *world = fake->world;
  bool back = entry->back;

  if (fake->say == VTX_HELD) {
    if (back) fake->returned--;
    vtx_scheduler_hold(&world->scheduler, entry, true);
    return VTX_HELD;
  }
  assert_true(back || fake->left > 0);
  assert_true(world->logged + 1 < FAKE_LOG);
  world->log[world->logged++] = (char)(back ? toupper(fake->name) : fake->name);
  if (back) {
    fake->returned--;
  } else if (--fake->left == 0) {
    vtx_scheduler_close(&world->scheduler, entry);
  }
  if (fake->say == VTX_SKIPPED) return VTX_SKIPPED;
  assert_true(fake->running < FAKE_UNDER_WAY);
  fake->under_way[fake->running++] = vtx_scheduler_target(entry);
  return VTX_DISPATCHED;
}

/* True if fake would rather go to its second target. */
static bool goes_to_second(const struct fake *fake, const char *target) {
  const struct vtx_scheduler *scheduler = &fake->world->scheduler;
  struct vtx_sched_health first;
  struct vtx_sched_health second;

  vtx_scheduler_health(scheduler, target, fake->cost, &first);
  vtx_scheduler_health(scheduler, fake->second, fake->cost, &second);
  return !first.wanted || (fake->hurries && !first.ready && second.ready);
}

static void peek(struct vtx_sched_entry *entry,
                 struct vtx_sched_head *ret_head) {
  struct fake *fake = CB_CONTAINER(entry, struct fake, entry);

  fake->peeks++;
  ret_head->cost = fake->cost;
  ret_head->back = fake->returned > 0 &&
                   !(fake->prefers_new && vtx_scheduler_takes_new(entry));
  ret_head->target = ret_head->back && fake->back ? fake->back : fake->target;
  if (fake->second && goes_to_second(fake, ret_head->target))
    ret_head->target = fake->second;
}

struct fake fake_make(struct fake_world *world, char name, int left,
                      int limit) {
  return (struct fake){
      .entry = {.sched_class = VTX_BATCH,
                .weight = 1,
                .limit = limit,
                .dispatch = dispatch,
                .peek = peek},
      .world = world,
      .name = name,
      .target = "one",
      .cost = 1,
      .left = left,
      .say = VTX_DISPATCHED,
  };
}

void fake_add(struct fake *fake) {
  vtx_scheduler_add(&fake->world->scheduler, &fake->entry);
}

static struct vtx_sched_target *take_oldest(struct fake *fake) {
  struct vtx_sched_target *oldest = fake->under_way[0];

  assert_true(fake->running > 0);
  fake->running--;
  memmove(fake->under_way, fake->under_way + 1,
          (size_t)fake->running * sizeof(struct vtx_sched_target *));
  return oldest;
}

static struct vtx_gate_end end_of(const struct fake *fake,
                                  enum vtx_gate_outcome outcome) {
  return (struct vtx_gate_end){.outcome = outcome,
                               .took = 100 * CB_MILLISECOND,
                               .retry_after = -1,
                               .estimated = fake->cost,
                               .used = fake->cost};
}

void fake_end(struct fake *fake, enum vtx_gate_outcome outcome) {
  const struct vtx_gate_end end = end_of(fake, outcome);

  vtx_scheduler_finished(&fake->world->scheduler, &fake->entry,
                         take_oldest(fake), &end);
}

void fake_set_aside(struct fake *fake, enum vtx_gate_outcome outcome) {
  const struct vtx_gate_end end = end_of(fake, outcome);

  vtx_scheduler_set_aside(&fake->world->scheduler, &fake->entry,
                          take_oldest(fake), &end);
}

void fake_again(struct fake *fake) {
  fake->returned++;
  vtx_scheduler_again(&fake->world->scheduler, &fake->entry);
}

void fake_drop(struct fake *fake) {
  struct vtx_scheduler *scheduler = &fake->world->scheduler;

  vtx_scheduler_close(scheduler, &fake->entry);
  while (fake->running > 0)
    fake_end(fake, VTX_OUTCOME_NOTHING);
  while (fake->returned > 0) {
    fake->returned--;
    vtx_scheduler_withdraw(scheduler, &fake->entry, true);
  }
  vtx_scheduler_remove(scheduler, &fake->entry);
}

const char *fake_run(struct fake_world *world, int64_t delay) {
  size_t before = world->logged;

  world->now += delay;
  while (vtx_scheduler_run(&world->scheduler, CB_SECOND)) {
  }
  return world->log + before;
}
