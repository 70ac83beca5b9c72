/* The budget by itself, and together with the policy on a simulated clock
 * against upstreams that fail as often as the test says. */
#include "service/batch/retry_budget.h"

#include <stdlib.h>

#include "base/timers.h"
#include "service/vertex/reasons.h"
#include "service/vertex/retry.h"
#include "tests/unit/cmocka_all.h"

#define MS CB_MILLISECOND

static void spend(struct vtx_retry_budget *budget, int count) {
  for (int i = 0; i < count; i++) {
    struct vtx_retry_ticket ticket = {.serial = 0};

    assert_true(vtx_retry_pay(budget, &ticket));
    vtx_retry_began(budget, &ticket);
    vtx_retry_ended(budget, &ticket, false);
  }
}

static void pay__what_is_there__and_not_one_more(void **state) {
  struct vtx_retry_ticket ticket = {.serial = 0};
  struct vtx_retry_budget budget;

  (void)state;
  vtx_retry_budget_init(&budget);
  spend(&budget, (int)VTX_RETRY_START);
  assert_false(vtx_retry_pay(&budget, &ticket));
  assert_int_equal(ticket.state, VTX_TICKET_IDLE);
  assert_int_equal(budget.paid, (uint64_t)VTX_RETRY_START);
}

static void ended__successes__earn_up_to_the_most(void **state) {
  struct vtx_retry_ticket ticket = {.serial = 0};
  struct vtx_retry_budget budget;

  (void)state;
  vtx_retry_budget_init(&budget);
  spend(&budget, (int)VTX_RETRY_START);
  for (int i = 0; i < 5; i++) {
    vtx_retry_began(&budget, &ticket);
    vtx_retry_ended(&budget, &ticket, true);
  }
  spend(&budget, 3); /* 5 * 0.6 */
  assert_false(vtx_retry_pay(&budget, &ticket));
  for (int i = 0; i < 1000; i++) {
    vtx_retry_began(&budget, &ticket);
    vtx_retry_ended(&budget, &ticket, true);
  }
  assert_true(budget.left == VTX_RETRY_MOST);
}

static void leave__paid__comes_back(void **state) {
  struct vtx_retry_ticket ticket = {.serial = 0};
  struct vtx_retry_budget budget;

  (void)state;
  vtx_retry_budget_init(&budget);
  assert_true(vtx_retry_pay(&budget, &ticket));
  vtx_retry_leave(&budget, &ticket);
  assert_true(budget.left == VTX_RETRY_START);
  assert_int_equal(budget.paid, 0);
  vtx_retry_began(&budget, &ticket);
  vtx_retry_leave(&budget, &ticket);
  vtx_retry_leave(&budget, &ticket);
  assert_int_equal(ticket.state, VTX_TICKET_IDLE);
  assert_true(cb_list_empty(&budget.hopes));
}

static void next__a_call_that_was_under_way_succeeds__paid(void **state) {
  struct vtx_retry_ticket others[2] = {{.serial = 0}};
  struct vtx_retry_ticket ticket = {.serial = 0};
  struct vtx_retry_budget budget;

  (void)state;
  vtx_retry_budget_init(&budget);
  spend(&budget, (int)VTX_RETRY_START);
  vtx_retry_began(&budget, &others[0]);
  vtx_retry_began(&budget, &others[1]);
  vtx_retry_wait(&budget, &ticket);
  assert_null(vtx_retry_next(&budget));
  vtx_retry_ended(&budget, &others[0], true);
  assert_null(vtx_retry_next(&budget)); /* 0.6 of what it takes */
  vtx_retry_ended(&budget, &others[1], true);
  assert_ptr_equal(vtx_retry_next(&budget), &ticket);
  assert_int_equal(ticket.state, VTX_TICKET_PAID);
  assert_null(vtx_retry_next(&budget));
  vtx_retry_leave(&budget, &ticket);
}

static void next__all_that_were_under_way_failed__without_hope(void **state) {
  struct vtx_retry_ticket others[2] = {{.serial = 0}};
  struct vtx_retry_ticket ticket = {.serial = 0};
  struct vtx_retry_budget budget;

  (void)state;
  vtx_retry_budget_init(&budget);
  spend(&budget, (int)VTX_RETRY_START);
  vtx_retry_began(&budget, &others[0]);
  vtx_retry_wait(&budget, &ticket);
  vtx_retry_began(&budget, &others[1]); /* later: says nothing about it */
  vtx_retry_ended(&budget, &others[0], false);
  assert_ptr_equal(vtx_retry_next(&budget), &ticket);
  assert_int_equal(ticket.state, VTX_TICKET_IDLE);
  assert_int_equal(budget.denied, 1);
  vtx_retry_leave(&budget, &others[1]);
}

static void next__a_success_meanwhile__hope_in_those_under_way_then(
    void **state) {
  struct vtx_retry_ticket others[2] = {{.serial = 0}};
  struct vtx_retry_ticket ticket = {.serial = 0};
  struct vtx_retry_budget budget;

  (void)state;
  vtx_retry_budget_init(&budget);
  spend(&budget, (int)VTX_RETRY_START);
  vtx_retry_began(&budget, &others[0]);
  vtx_retry_wait(&budget, &ticket);
  vtx_retry_began(&budget, &others[1]);
  vtx_retry_ended(&budget, &others[0], true);
  assert_null(vtx_retry_next(&budget));
  vtx_retry_ended(&budget, &others[1], false);
  assert_ptr_equal(vtx_retry_next(&budget), &ticket);
  assert_int_equal(ticket.state, VTX_TICKET_IDLE);
}

static void next__one_in_line_leaves__the_next_has_its_turn(void **state) {
  struct vtx_retry_ticket waiting[2] = {{.serial = 0}};
  struct vtx_retry_budget budget;

  (void)state;
  vtx_retry_budget_init(&budget);
  spend(&budget, (int)VTX_RETRY_START);
  vtx_retry_wait(&budget, &waiting[0]);
  vtx_retry_wait(&budget, &waiting[1]);
  vtx_retry_leave(&budget, &waiting[0]);
  assert_ptr_equal(vtx_retry_next(&budget), &waiting[1]);
  assert_null(vtx_retry_next(&budget));
}

/* The simulation. */

struct upstream {
  double failing;
  int64_t answer; /* nanoseconds until an answer, and until an error */
  int64_t error;
};

struct item {
  struct sim *sim;
  struct cb_timer timer;
  struct vtx_retry_ticket ticket;
  int32_t attempts;
  int64_t started;
  int64_t not_before;
};

struct sim {
  struct upstream upstream;
  struct vtx_retry_policy policy;
  struct vtx_retry_budget budget;
  struct cb_timers timers;
  struct item *items;
  int64_t now;
  uint64_t random;
  int count;
  int next;
  int under_way; /* with a place in max_concurrency */
  int served;
  int failed;
  int calls;
};

static bool happens(struct sim *sim, double probability) {
  return (double)vtx_retry_random(&sim->random, 1000000) < probability * 1e6;
}

static void call(struct item *item);

static void give_up(struct item *item) {
  item->sim->failed++;
  item->sim->under_way--;
}

static void retry_due(struct cb_timer *timer) {
  call(CB_CONTAINER(timer, struct item, timer));
}

static void at(struct item *item, int64_t when,
               void (*fire)(struct cb_timer *timer)) {
  item->timer.fire = fire;
  assert_true(cb_timers_set(&item->sim->timers, &item->timer, when));
}

static void failed(struct item *item) {
  struct sim *sim = item->sim;
  struct cb_status status =
      cb_status_make(CB_UNAVAILABLE, "UPSTREAM_UNAVAILABLE", "");
  const struct vtx_retry_case why = {.status = &status,
                                     .attempts = item->attempts,
                                     .took = sim->now - item->started,
                                     .now = sim->now,
                                     .deadline = CB_NEVER};

  status.retryable = true;
  if (!vtx_retry_allowed(&sim->policy, &why)) {
    give_up(item);
    return;
  }
  assert_true(
      vtx_retry_when(&sim->policy, &why, &sim->random, &item->not_before));
  if (vtx_retry_pay(&sim->budget, &item->ticket)) {
    at(item, item->not_before, retry_due);
  } else {
    vtx_retry_wait(&sim->budget, &item->ticket);
  }
}

static void on_error(struct cb_timer *timer) {
  struct item *item = CB_CONTAINER(timer, struct item, timer);

  vtx_retry_ended(&item->sim->budget, &item->ticket, false);
  failed(item);
}

static void on_answer(struct cb_timer *timer) {
  struct item *item = CB_CONTAINER(timer, struct item, timer);

  vtx_retry_ended(&item->sim->budget, &item->ticket, true);
  item->sim->served++;
  item->sim->under_way--;
}

static void call(struct item *item) {
  struct sim *sim = item->sim;
  bool fails = happens(sim, sim->upstream.failing);
  int64_t takes = fails ? sim->upstream.error : sim->upstream.answer;

  vtx_retry_began(&sim->budget, &item->ticket);
  item->attempts++;
  item->started = sim->now;
  sim->calls++;
  takes += vtx_retry_random(&sim->random, takes / 4 + 1);
  at(item, sim->now + takes, fails ? on_error : on_answer);
}

/* What waits in line, as at the end of a turn. */
static void settle_line(struct sim *sim) {
  struct vtx_retry_ticket *ticket;

  while ((ticket = vtx_retry_next(&sim->budget)) != NULL) {
    struct item *item = CB_CONTAINER(ticket, struct item, ticket);

    if (ticket->state == VTX_TICKET_PAID) {
      at(item, item->not_before, retry_due);
    } else {
      give_up(item);
    }
  }
}

static void run(struct sim *sim, int concurrency) {
  vtx_retry_budget_init(&sim->budget);
  cb_timers_init(&sim->timers);
  sim->items = calloc((size_t)sim->count, sizeof *sim->items);
  assert_non_null(sim->items);
  for (;;) {
    settle_line(sim);
    while (sim->under_way < concurrency && sim->next < sim->count) {
      struct item *item = &sim->items[sim->next++];

      item->sim = sim;
      sim->under_way++;
      call(item);
    }
    if (cb_timers_next(&sim->timers) == CB_NEVER) break;
    sim->now = cb_timers_next(&sim->timers);
    cb_timers_run(&sim->timers, sim->now);
  }
  assert_int_equal(sim->under_way, 0);
  assert_int_equal(sim->served + sim->failed, sim->count);
  assert_true(cb_list_empty(&sim->budget.hopes));
  assert_true(cb_list_empty(&sim->budget.line));
  free(sim->items);
  cb_timers_release(&sim->timers);
}

static struct sim batch_of(int count, struct upstream upstream, uint64_t seed) {
  return (struct sim){
      .upstream = upstream,
      .policy = {16, VTX_RETRY_BASE, VTX_RETRY_CAP_BATCH},
      .count = count,
      .random = seed,
  };
}

/* Errors come at once, as fast as answers, or later. */
static const int64_t paces[][2] = {{5000 * MS, 2 * MS},
                                   {500 * MS, 5 * MS},
                                   {100 * MS, 100 * MS},
                                   {100 * MS, 1000 * MS}};

#define PACES (sizeof paces / sizeof *paces)

static void batch__30_percent_fail__all_served_with_few_calls(void **state) {
  static const int concurrencies[] = {1, 2, 3, 5, 10, 30, 100, 200};

  (void)state;
  for (size_t pace = 0; pace < PACES; pace++) {
    for (size_t i = 0; i < 8; i++) {
      for (uint64_t seed = 0; seed < 5; seed++) {
        const struct upstream upstream = {0.3, paces[pace][0], paces[pace][1]};
        struct sim sim = batch_of(5000, upstream, seed);

        run(&sim, concurrencies[i]);
        assert_int_equal(sim.failed, 0);
        assert_in_range(sim.calls, 5000, 8000);
      }
    }
  }
}

static void batch__small_ones_at_30_percent__all_served(void **state) {
  (void)state;
  for (int count = 1; count <= 200; count++) {
    const struct upstream upstream = {0.3, 5000 * MS, 2 * MS};
    struct sim sim = batch_of(count, upstream, (uint64_t)count);

    run(&sim, 200);
    assert_int_equal(sim.failed, 0);
  }
}

static void batch__all_fail__not_multiplied(void **state) {
  static const int concurrencies[] = {1, 5, 200, 1000};

  (void)state;
  for (size_t pace = 0; pace < PACES; pace++) {
    for (size_t i = 0; i < 4; i++) {
      const struct upstream upstream = {1, paces[pace][0], paces[pace][1]};
      struct sim sim = batch_of(1000, upstream, i);

      run(&sim, concurrencies[i]);
      assert_int_equal(sim.served, 0);
      assert_in_range(sim.calls, 1000, 1000 + (int)VTX_RETRY_START);
      /* Waiting in line takes no longer than a call. */
      assert_true(sim.now < 1000 / concurrencies[i] * 3 * paces[pace][1] +
                                1000 * CB_SECOND);
    }
  }
}

/* More failures than successes pay for: what is over the budget fails. */
static void batch__most_fail__no_more_than_is_earned(void **state) {
  const struct upstream upstream = {0.7, 500 * MS, 5 * MS};
  struct sim sim = batch_of(5000, upstream, 9);

  (void)state;
  run(&sim, 50);
  assert_true(sim.failed > 0);
  assert_in_range(sim.calls, 5000,
                  5000 + VTX_RETRY_START + VTX_RETRY_EARNS * sim.served);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pay__what_is_there__and_not_one_more),
      cmocka_unit_test(ended__successes__earn_up_to_the_most),
      cmocka_unit_test(leave__paid__comes_back),
      cmocka_unit_test(next__a_call_that_was_under_way_succeeds__paid),
      cmocka_unit_test(next__all_that_were_under_way_failed__without_hope),
      cmocka_unit_test(next__a_success_meanwhile__hope_in_those_under_way_then),
      cmocka_unit_test(next__one_in_line_leaves__the_next_has_its_turn),
      cmocka_unit_test(batch__30_percent_fail__all_served_with_few_calls),
      cmocka_unit_test(batch__small_ones_at_30_percent__all_served),
      cmocka_unit_test(batch__all_fail__not_multiplied),
      cmocka_unit_test(batch__most_fail__no_more_than_is_earned),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
