/* Prompts that are set aside, come back, or do not. */
#include <string.h>

#include "service/scheduler/target.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/support/sched_fake.h"

static void start(struct fake_world *world, size_t max_in_flight) {
  const struct vtx_sched_options options = {.max_in_flight = max_in_flight,
                                            .gate = {.fixed = true}};

  fake_world_init(world, &options);
}

/* A flow whose only prompt under way was set aside. */
static void start_with_one_aside(struct fake_world *world, struct fake *fake) {
  start(world, 9);
  fake_add(fake);
  assert_string_equal(fake_run(world, 0), "a");
  fake_set_aside(fake, VTX_OUTCOME_OVERLOADED);
}

static void set_aside__at_its_limit__frees_the_slot_not_the_place(
    void **state) {
  struct fake_world world;
  struct fake a = fake_make(&world, 'a', 9, 1);
  struct fake b = fake_make(&world, 'b', 9, 1);

  (void)state;
  start(&world, 1);
  fake_add(&a);
  assert_string_equal(fake_run(&world, 0), "a");
  fake_add(&b);
  fake_set_aside(&a, VTX_OUTCOME_OVERLOADED);
  assert_int_equal(a.entry.running, 1);
  assert_string_equal(fake_run(&world, 0), "b");
  assert_int_equal(b.entry.running, 1);
  fake_end(&b, VTX_OUTCOME_SERVED);
  fake_again(&a);
  b.left = 0;
  vtx_scheduler_close(&world.scheduler, &b.entry);
  assert_string_equal(fake_run(&world, 0), "A");
  assert_int_equal(a.entry.running, 1);
  fake_end(&a, VTX_OUTCOME_SERVED);
  assert_string_equal(fake_run(&world, 0), "a");
  fake_drop(&a);
  fake_drop(&b);
  fake_world_release(&world);
}

static void again__held__is_asked_for_that_one_only(void **state) {
  struct fake_world world;
  struct fake a = fake_make(&world, 'a', 9, 2);

  (void)state;
  start(&world, 9);
  fake_add(&a);
  assert_string_equal(fake_run(&world, 0), "aa");
  fake_set_aside(&a, VTX_OUTCOME_THROTTLED);
  vtx_scheduler_hold(&world.scheduler, &a.entry, true);
  assert_string_equal(fake_run(&world, 0), "");
  fake_again(&a);
  assert_string_equal(fake_run(&world, 0), "A");
  fake_end(&a, VTX_OUTCOME_SERVED);
  assert_string_equal(fake_run(&world, 0), "");
  vtx_scheduler_hold(&world.scheduler, &a.entry, false);
  assert_string_equal(fake_run(&world, 0), "a");
  fake_drop(&a);
  fake_world_release(&world);
}

static void again__closed__lives_on_until_it_is_over(void **state) {
  struct fake_world world;
  struct fake a = fake_make(&world, 'a', 2, 9);

  (void)state;
  start(&world, 9);
  fake_add(&a);
  assert_string_equal(fake_run(&world, 0), "aa"); /* its last: closed now */
  fake_set_aside(&a, VTX_OUTCOME_OVERLOADED);
  fake_set_aside(&a, VTX_OUTCOME_OVERLOADED);
  assert_int_equal(a.entry.running, 2);
  fake_again(&a);
  fake_again(&a);
  /* Closing once more does not lose what is ready. */
  vtx_scheduler_close(&world.scheduler, &a.entry);
  assert_string_equal(fake_run(&world, 0), "AA");
  fake_end(&a, VTX_OUTCOME_SERVED);
  fake_end(&a, VTX_OUTCOME_SERVED);
  assert_int_equal(a.entry.running, 0);
  vtx_scheduler_remove(&world.scheduler, &a.entry);
  fake_world_release(&world);
}

static void again__beside_new_prompts__goes_first(void **state) {
  struct fake_world world;
  struct fake a = fake_make(&world, 'a', 9, 3);

  (void)state;
  start(&world, 2);
  fake_add(&a);
  assert_string_equal(fake_run(&world, 0), "aa");
  fake_set_aside(&a, VTX_OUTCOME_OVERLOADED);
  fake_again(&a);
  fake_end(&a, VTX_OUTCOME_SERVED);
  assert_string_equal(fake_run(&world, 0), "Aa");
  fake_drop(&a);
  fake_world_release(&world);
}

/* What is next is a new prompt, though one came back, and waits for the slot
 * that b has. */
static void start_with_new_one_next(struct fake_world *world, struct fake *a,
                                    struct fake *b) {
  start(world, 2);
  a->prefers_new = true;
  fake_add(a);
  assert_string_equal(fake_run(world, 0), "aa");
  fake_set_aside(a, VTX_OUTCOME_OVERLOADED);
  fake_add(b);
  assert_string_equal(fake_run(world, 0), "b");
  fake_again(a);
  assert_string_equal(fake_run(world, 0), "");
  assert_false(a->entry.back);
}

static void again__new_one_is_next__it_goes_first(void **state) {
  struct fake_world world;
  struct fake a = fake_make(&world, 'a', 9, 3);
  struct fake b = fake_make(&world, 'b', 1, 1);

  (void)state;
  start_with_new_one_next(&world, &a, &b);
  fake_end(&b, VTX_OUTCOME_SERVED);
  assert_string_equal(fake_run(&world, 0), "a");
  /* Two are under way and one is set aside: the limit lets no new one in. */
  assert_int_equal(a.entry.running, 3);
  assert_true(a.entry.back);
  fake_end(&a, VTX_OUTCOME_SERVED);
  assert_string_equal(fake_run(&world, 0), "A");
  fake_end(&a, VTX_OUTCOME_SERVED);
  fake_drop(&a);
  fake_drop(&b);
  fake_world_release(&world);
}

static void hold__new_one_is_next__what_came_back_is_next_instead(
    void **state) {
  struct fake_world world;
  struct fake a = fake_make(&world, 'a', 9, 3);
  struct fake b = fake_make(&world, 'b', 1, 1);

  (void)state;
  start_with_new_one_next(&world, &a, &b);
  vtx_scheduler_hold(&world.scheduler, &a.entry, true);
  assert_true(a.entry.back);
  fake_end(&b, VTX_OUTCOME_SERVED);
  assert_string_equal(fake_run(&world, 0), "A");
  fake_drop(&a);
  fake_drop(&b);
  fake_world_release(&world);
}

static void close__new_one_is_next__what_came_back_is_next_instead(
    void **state) {
  struct fake_world world;
  struct fake a = fake_make(&world, 'a', 9, 3);
  struct fake b = fake_make(&world, 'b', 1, 1);

  (void)state;
  start_with_new_one_next(&world, &a, &b);
  vtx_scheduler_close(&world.scheduler, &a.entry);
  assert_true(a.entry.back);
  fake_end(&b, VTX_OUTCOME_SERVED);
  assert_string_equal(fake_run(&world, 0), "A");
  fake_drop(&a);
  fake_drop(&b);
  fake_world_release(&world);
}

/* Nothing of its own happens: it is the caller who has noticed. */
static void reconsider__blocked__may_go_elsewhere(void **state) {
  const struct vtx_sched_options options = {
      .max_in_flight = 9, .target_max_in_flight = 1, .gate = {.fixed = true}};
  struct fake_world world;
  struct fake a = fake_make(&world, 'a', 9, 9);
  struct fake b = fake_make(&world, 'b', 1, 1);
  int peeks;

  (void)state;
  fake_world_init(&world, &options);
  fake_add(&b);
  assert_string_equal(fake_run(&world, 0), "b");
  fake_add(&a);
  assert_string_equal(fake_run(&world, 0), "");
  a.target = "two";
  assert_string_equal(fake_run(&world, 0), "");
  vtx_scheduler_reconsider(&world.scheduler, &a.entry);
  assert_string_equal(fake_run(&world, 0), "a");
  peeks = a.peeks;
  fake_end(&a, VTX_OUTCOME_SERVED);
  vtx_scheduler_close(&world.scheduler, &a.entry);
  vtx_scheduler_reconsider(&world.scheduler, &a.entry); /* not in line */
  assert_int_equal(a.peeks, peeks);
  fake_drop(&a);
  fake_drop(&b);
  fake_world_release(&world);
}

/* The new prompts' target has no slot; that of the one that comes back has. */
static void again__for_another_target__is_looked_at_anew(void **state) {
  const struct vtx_sched_options options = {
      .max_in_flight = 9, .target_max_in_flight = 1, .gate = {.fixed = true}};
  struct fake_world world;
  struct fake a = fake_make(&world, 'a', 9, 9);
  struct fake b = fake_make(&world, 'b', 1, 1);

  (void)state;
  fake_world_init(&world, &options);
  a.back = "two";
  fake_add(&a);
  assert_string_equal(fake_run(&world, 0), "a");
  fake_set_aside(&a, VTX_OUTCOME_OVERLOADED);
  a.left = 0;
  vtx_scheduler_hold(&world.scheduler, &a.entry, true);
  fake_add(&b);
  assert_string_equal(fake_run(&world, 0), "b");
  a.left = 9;
  vtx_scheduler_hold(&world.scheduler, &a.entry, false);
  assert_string_equal(fake_run(&world, 0), ""); /* "one" is full */
  fake_again(&a);
  assert_string_equal(fake_run(&world, 0), "A");
  fake_end(&b, VTX_OUTCOME_SERVED);
  assert_string_equal(fake_run(&world, 0), "a"); /* a new one, for "one" */
  fake_drop(&a);
  fake_drop(&b);
  fake_world_release(&world);
}

static void again__dispatch_holds__waits_for_another_again(void **state) {
  struct fake_world world;
  struct fake a = fake_make(&world, 'a', 1, 1);

  (void)state;
  start_with_one_aside(&world, &a);
  a.say = VTX_HELD;
  fake_again(&a);
  assert_string_equal(fake_run(&world, 0), "");
  assert_int_equal(a.entry.running, 1);
  a.say = VTX_DISPATCHED;
  assert_string_equal(fake_run(&world, 0), "");
  fake_again(&a);
  assert_string_equal(fake_run(&world, 0), "A");
  fake_drop(&a);
  fake_world_release(&world);
}

static void again__skipped__gives_the_place_up(void **state) {
  struct fake_world world;
  struct fake a = fake_make(&world, 'a', 1, 1);

  (void)state;
  start_with_one_aside(&world, &a);
  a.say = VTX_SKIPPED;
  fake_again(&a);
  assert_string_equal(fake_run(&world, 0), "A");
  assert_int_equal(a.entry.running, 0);
  vtx_scheduler_remove(&world.scheduler, &a.entry);
  fake_world_release(&world);
}

static void withdraw__not_ready__frees_the_place(void **state) {
  struct fake_world world;
  struct fake a = fake_make(&world, 'a', 9, 1);

  (void)state;
  start_with_one_aside(&world, &a);
  assert_string_equal(fake_run(&world, 0), "");
  vtx_scheduler_withdraw(&world.scheduler, &a.entry, false);
  assert_string_equal(fake_run(&world, 0), "a");
  fake_drop(&a);
  fake_world_release(&world);
}

static void withdraw__ready_and_closed__nothing_is_left(void **state) {
  struct fake_world world;
  struct fake a = fake_make(&world, 'a', 2, 2);

  (void)state;
  start(&world, 9);
  fake_add(&a);
  assert_string_equal(fake_run(&world, 0), "aa");
  fake_set_aside(&a, VTX_OUTCOME_OVERLOADED);
  fake_set_aside(&a, VTX_OUTCOME_OVERLOADED);
  fake_again(&a);
  fake_again(&a);
  for (; a.returned > 0; a.returned--)
    vtx_scheduler_withdraw(&world.scheduler, &a.entry, true);
  assert_string_equal(fake_run(&world, 0), "");
  assert_int_equal(a.entry.running, 0);
  vtx_scheduler_remove(&world.scheduler, &a.entry);
  fake_world_release(&world);
}

/* The head of the two was withdrawn: what is looked at is the other one, and
 * then a new prompt. */
static void withdraw__ready_beside_new__head_is_looked_at_anew(void **state) {
  struct fake_world world;
  struct fake a = fake_make(&world, 'a', 9, 2);
  int peeks;

  (void)state;
  start(&world, 1);
  a.back = "two";
  fake_add(&a);
  assert_string_equal(fake_run(&world, 0), "a");
  fake_set_aside(&a, VTX_OUTCOME_OVERLOADED);
  fake_again(&a);
  peeks = a.peeks;
  a.returned--;
  vtx_scheduler_withdraw(&world.scheduler, &a.entry, true);
  assert_int_equal(a.peeks, peeks + 1);
  assert_string_equal(fake_run(&world, 0), "a");
  fake_drop(&a);
  fake_world_release(&world);
}

static void again__interactive__keeps_its_place_in_the_line(void **state) {
  struct fake_world world;
  struct fake calls[4];
  const char *names = "ijkl";

  (void)state;
  start(&world, 1);
  for (int i = 0; i < 4; i++) {
    calls[i] = fake_make(&world, names[i], 1, 1);
    calls[i].entry.sched_class = VTX_INTERACTIVE;
    calls[i].cost = 1000 - i;
    fake_add(&calls[i]);
  }
  assert_string_equal(fake_run(&world, 0), "i");
  fake_set_aside(&calls[0], VTX_OUTCOME_OVERLOADED);
  assert_string_equal(fake_run(&world, 0), "j");
  fake_again(&calls[0]);
  fake_end(&calls[1], VTX_OUTCOME_SERVED);
  assert_string_equal(fake_run(&world, 0), "I");
  fake_end(&calls[0], VTX_OUTCOME_SERVED);
  assert_string_equal(fake_run(&world, 0), "k");
  for (int i = 0; i < 4; i++)
    fake_drop(&calls[i]);
  fake_world_release(&world);
}

/* A flow whose prompts all fail and come back takes no more turns than one
 * whose prompts are served. */
static void again__over_and_over__takes_no_more_than_its_share(void **state) {
  struct fake_world world;
  struct fake a = fake_make(&world, 'a', 1000, 20);
  struct fake b = fake_make(&world, 'b', 1000, 20);
  int turns = 0;

  (void)state;
  start(&world, 20);
  fake_add(&a);
  fake_run(&world, 0);
  fake_add(&b);
  for (int i = 0; i < 100; i++) {
    while (a.running > 0) {
      fake_set_aside(&a, VTX_OUTCOME_OVERLOADED);
      fake_again(&a);
    }
    while (b.running > 0)
      fake_end(&b, VTX_OUTCOME_SERVED);
    for (const char *log = fake_run(&world, CB_SECOND); *log; log++)
      turns += *log == 'b';
  }
  assert_int_equal(turns, 1000 - b.left);
  assert_in_range(turns, 940, 1000);
  fake_drop(&a);
  fake_drop(&b);
  fake_world_release(&world);
}

/* A limit of 60 a minute lets three start at once, then one a second. */
static void go_on__up_to_the_gate__in_its_slot_and_past_it_not(void **state) {
  const struct vtx_sched_options options = {
      .max_in_flight = 9, .gate = {.requests_per_minute = 60, .fixed = true}};
  const struct vtx_gate_end end = {VTX_OUTCOME_SERVED, CB_SECOND, -1, 1, -1};
  struct fake_world world;
  struct fake a = fake_make(&world, 'a', 1, 1);
  struct fake b = fake_make(&world, 'b', 1, 1);
  struct vtx_sched_target *target;

  (void)state;
  fake_world_init(&world, &options);
  fake_add(&a);
  assert_string_equal(fake_run(&world, 0), "a");
  target = a.under_way[0];
  for (int i = 0; i < 2; i++) {
    assert_true(
        vtx_scheduler_go_on(&world.scheduler, &a.entry, target, 1, &end));
  }
  assert_false(
      vtx_scheduler_go_on(&world.scheduler, &a.entry, target, 1, &end));
  assert_int_equal(a.entry.running, 1);
  assert_int_equal(world.scheduler.slots.used[VTX_BATCH], 1);
  fake_add(&b);
  assert_string_equal(fake_run(&world, 0), ""); /* others see what it took */
  fake_set_aside(&a, VTX_OUTCOME_SERVED);
  fake_again(&a);
  assert_string_equal(fake_run(&world, CB_SECOND - 1), "");
  assert_int_equal(strlen(fake_run(&world, 1)), 1);
  assert_int_equal(strlen(fake_run(&world, CB_SECOND - 1)), 0);
  assert_int_equal(strlen(fake_run(&world, 1)), 1);
  fake_drop(&a);
  fake_drop(&b);
  fake_world_release(&world);
}

static void go_on__limited_to_one_under_way__is_that_one(void **state) {
  const struct vtx_sched_options options = {.max_in_flight = 1};
  const struct vtx_gate_end end = {VTX_OUTCOME_SERVED, CB_SECOND, -1, 1, -1};
  struct fake_world world;
  struct fake a = fake_make(&world, 'a', 1, 1);

  (void)state;
  fake_world_init(&world, &options);
  fake_add(&a);
  assert_string_equal(fake_run(&world, 0), "a");
  world.now += CB_SECOND;
  a.under_way[0]->gate.limit.value = 1;
  assert_true(
      vtx_scheduler_go_on(&world.scheduler, &a.entry, a.under_way[0], 1, &end));
  assert_int_equal(world.scheduler.slots.used[VTX_BATCH], 1);
  fake_drop(&a);
  fake_world_release(&world);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(set_aside__at_its_limit__frees_the_slot_not_the_place),
      cmocka_unit_test(again__held__is_asked_for_that_one_only),
      cmocka_unit_test(again__closed__lives_on_until_it_is_over),
      cmocka_unit_test(again__beside_new_prompts__goes_first),
      cmocka_unit_test(again__new_one_is_next__it_goes_first),
      cmocka_unit_test(hold__new_one_is_next__what_came_back_is_next_instead),
      cmocka_unit_test(close__new_one_is_next__what_came_back_is_next_instead),
      cmocka_unit_test(reconsider__blocked__may_go_elsewhere),
      cmocka_unit_test(again__for_another_target__is_looked_at_anew),
      cmocka_unit_test(again__dispatch_holds__waits_for_another_again),
      cmocka_unit_test(again__skipped__gives_the_place_up),
      cmocka_unit_test(withdraw__not_ready__frees_the_place),
      cmocka_unit_test(withdraw__ready_and_closed__nothing_is_left),
      cmocka_unit_test(withdraw__ready_beside_new__head_is_looked_at_anew),
      cmocka_unit_test(again__interactive__keeps_its_place_in_the_line),
      cmocka_unit_test(again__over_and_over__takes_no_more_than_its_share),
      cmocka_unit_test(go_on__up_to_the_gate__in_its_slot_and_past_it_not),
      cmocka_unit_test(go_on__limited_to_one_under_way__is_that_one),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
