#include "service/scheduler/scheduler.h"

#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "tests/unit/cmocka_all.h"

/* A flow of so many prompts that writes down who was asked. */
struct fake {
  struct vtx_sched_entry entry;
  struct vtx_scheduler *scheduler;
  char name;
  int left;
  int skip; /* that many prompts never go upstream */
  bool no_memory;
  char *log;
};

static enum vtx_dispatch ask(struct vtx_sched_entry *entry) {
  struct fake *fake = CB_CONTAINER(entry, struct fake, entry);
  size_t end = strlen(fake->log);

  if (fake->no_memory) {
    vtx_scheduler_hold(fake->scheduler, entry, true);
    return VTX_HELD;
  }
  assert_true(fake->left > 0);
  fake->log[end] = fake->name;
  if (--fake->left == 0) vtx_scheduler_close(fake->scheduler, entry);
  if (fake->skip > 0) {
    fake->skip--;
    return VTX_SKIPPED;
  }
  return VTX_DISPATCHED;
}

static struct fake make(struct vtx_scheduler *scheduler, char name, int left,
                        int limit, char *log) {
  return (struct fake){
      .entry = {.sched_class = VTX_BATCH,
                .weight = 1,
                .limit = limit,
                .dispatch = ask},
      .scheduler = scheduler,
      .name = name,
      .left = left,
      .log = log,
  };
}

static const struct vtx_gate_end served = {
    .outcome = VTX_OUTCOME_SERVED, .took = -1, .retry_after = -1, .used = -1};

/* All fakes have one target, that of no name. */
static void end(struct vtx_scheduler *scheduler,
                struct vtx_sched_entry *entry) {
  vtx_scheduler_finished(scheduler, entry, scheduler->common, &served);
}

static int64_t no_time(void *self) {
  (void)self;
  return 0;
}

static int64_t a_step_each(void *self) {
  int64_t *now = self;

  return (*now)++;
}

static const struct cb_clock still = {no_time, NULL};

static void start_at(struct vtx_scheduler *scheduler, size_t max_in_flight,
                     const struct cb_clock *clock) {
  const struct vtx_sched_options options = {
      .clock = clock, .max_in_flight = max_in_flight, .gate = {.fixed = true}};

  assert_true(vtx_scheduler_init(scheduler, &options));
}

static void start(struct vtx_scheduler *scheduler, size_t max_in_flight) {
  start_at(scheduler, max_in_flight, &still);
}

static size_t in_flight(const struct vtx_scheduler *scheduler) {
  return scheduler->slots.used[0] + scheduler->slots.used[1];
}

static void run__two_flows__take_turns_up_to_their_limits(void **state) {
  char log[64] = "";
  struct vtx_scheduler scheduler;
  struct fake a = make(&scheduler, 'a', 9, 3, log);
  struct fake b = make(&scheduler, 'b', 9, 2, log);

  (void)state;
  start(&scheduler, 100);
  vtx_scheduler_add(&scheduler, &a.entry);
  vtx_scheduler_add(&scheduler, &b.entry);
  assert_false(vtx_scheduler_run(&scheduler, 1));
  assert_string_equal(log, "ababa");
  assert_int_equal(a.entry.running, 3);
  assert_int_equal(b.entry.running, 2);

  end(&scheduler, &b.entry);
  vtx_scheduler_run(&scheduler, 1);
  assert_string_equal(log, "ababab");
  vtx_scheduler_release(&scheduler);
}

static void run__process_limit__holds_and_frees(void **state) {
  char log[64] = "";
  struct vtx_scheduler scheduler;
  struct fake a = make(&scheduler, 'a', 9, 9, log);
  struct fake b = make(&scheduler, 'b', 9, 9, log);

  (void)state;
  start(&scheduler, 3);
  vtx_scheduler_add(&scheduler, &a.entry);
  vtx_scheduler_add(&scheduler, &b.entry);
  vtx_scheduler_run(&scheduler, 1);
  assert_string_equal(log, "aba");
  assert_int_equal(in_flight(&scheduler), 3);
  vtx_scheduler_run(&scheduler, 1);
  assert_string_equal(log, "aba");
  end(&scheduler, &a.entry);
  vtx_scheduler_run(&scheduler, 1);
  assert_string_equal(log, "abab");
  vtx_scheduler_release(&scheduler);
}

static void run__interactive_beside_batch__goes_first(void **state) {
  char log[64] = "";
  struct vtx_scheduler scheduler;
  struct fake batch = make(&scheduler, 'b', 9, 9, log);
  struct fake one = make(&scheduler, 'i', 1, 1, log);

  (void)state;
  one.entry.sched_class = VTX_INTERACTIVE;
  start(&scheduler, 2);
  vtx_scheduler_add(&scheduler, &batch.entry);
  vtx_scheduler_run(&scheduler, 1);
  vtx_scheduler_add(&scheduler, &one.entry);
  end(&scheduler, &batch.entry);
  vtx_scheduler_run(&scheduler, 1);
  assert_string_equal(log, "bbi");
  vtx_scheduler_release(&scheduler);
}

static void run__skipped_prompts__take_no_slot(void **state) {
  char log[64] = "";
  struct vtx_scheduler scheduler;
  struct fake a = make(&scheduler, 'a', 5, 1, log);

  (void)state;
  a.skip = 4;
  start(&scheduler, 1);
  vtx_scheduler_add(&scheduler, &a.entry);
  assert_false(vtx_scheduler_run(&scheduler, 1));
  assert_string_equal(log, "aaaaa");
  assert_int_equal(a.entry.running, 1);
  end(&scheduler, &a.entry);
  vtx_scheduler_remove(&scheduler, &a.entry);
  assert_int_equal(in_flight(&scheduler), 0);
  vtx_scheduler_release(&scheduler);
}

static void hold__held_inside_and_outside__asked_again_after(void **state) {
  char log[64] = "";
  struct vtx_scheduler scheduler;
  struct fake a = make(&scheduler, 'a', 2, 9, log);

  (void)state;
  a.no_memory = true;
  start(&scheduler, 9);
  vtx_scheduler_add(&scheduler, &a.entry);
  assert_false(vtx_scheduler_run(&scheduler, 1));
  assert_string_equal(log, "");
  a.no_memory = false;
  assert_false(vtx_scheduler_run(&scheduler, 1));
  assert_string_equal(log, "");
  vtx_scheduler_hold(&scheduler, &a.entry, false);
  vtx_scheduler_run(&scheduler, 1);
  assert_string_equal(log, "aa");
  vtx_scheduler_release(&scheduler);
}

static void run__slice_used_up__says_there_is_more(void **state) {
  char log[64] = "";
  int64_t now = 0;
  const struct cb_clock clock = {a_step_each, &now};
  struct vtx_scheduler scheduler;
  struct fake a = make(&scheduler, 'a', 9, 9, log);

  (void)state;
  start_at(&scheduler, 9, &clock);
  vtx_scheduler_add(&scheduler, &a.entry);
  assert_true(vtx_scheduler_run(&scheduler, 3));
  assert_string_equal(log, "aaa");
  while (vtx_scheduler_run(&scheduler, 3)) {
  }
  assert_string_equal(log, "aaaaaaaaa");
  vtx_scheduler_release(&scheduler);
}

/* A thousand flows, each with its limit, prompts ending in turn: nobody ever
 * passes a limit, all are done, and nobody waits for more than one round. */
static void run__simulated_load__limits_and_turns_hold(void **state) {
  enum { FLOWS = 200, PROMPTS = 20, LIMIT = 3, PROCESS = 64 };
  static struct fake flows[FLOWS];
  static char log[FLOWS * PROMPTS + 1];
  struct vtx_scheduler scheduler;
  int least = PROMPTS;
  int most = 0;

  (void)state;
  memset(log, 0, sizeof log);
  start(&scheduler, PROCESS);
  for (int i = 0; i < FLOWS; i++) {
    flows[i] = make(&scheduler, 'x', PROMPTS, LIMIT, log);
    vtx_scheduler_add(&scheduler, &flows[i].entry);
  }
  for (int round = 0; round < FLOWS * PROMPTS; round++) {
    struct vtx_sched_entry *entry = &flows[(round * 7) % FLOWS].entry;

    vtx_scheduler_run(&scheduler, 1);
    assert_true(in_flight(&scheduler) <= PROCESS);
    assert_true(entry->running <= LIMIT);
    if (entry->running > 0) end(&scheduler, entry);
    if (round != FLOWS * 8) continue;
    for (int i = 0; i < FLOWS; i++) {
      if (flows[i].left < least) least = flows[i].left;
      if (flows[i].left > most) most = flows[i].left;
    }
    assert_true(most - least <= 2);
  }
  vtx_scheduler_release(&scheduler);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(run__two_flows__take_turns_up_to_their_limits),
      cmocka_unit_test(run__process_limit__holds_and_frees),
      cmocka_unit_test(run__interactive_beside_batch__goes_first),
      cmocka_unit_test(run__skipped_prompts__take_no_slot),
      cmocka_unit_test(hold__held_inside_and_outside__asked_again_after),
      cmocka_unit_test(run__slice_used_up__says_there_is_more),
      cmocka_unit_test(run__simulated_load__limits_and_turns_hold),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
