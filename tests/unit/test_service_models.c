/* Calls whose prompts are for several models: where one model has no room, the
 * prompts of others overtake it, and whatever ends the call, every index has
 * exactly one result (expect_complete() looks). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cmocka_all.h"
#include "crpc/loop.h"
#include "service/batch/ahead.h"
#include "support/service_expect.h"

#define MOST 400

/* The first request to the model is refused, and holds it for a minute. */
#define REFUSED "[[emulator fault=http_429_retryinfo retry_delay=60s]]"
/* The same, for two seconds. */
#define REFUSED_ONCE                                                 \
  "[[emulator fault=http_429_retryinfo retry_delay=2s fail_times=1 " \
  "key=once]]"

static vertexd_GenerateRequest prompts[MOST];
static vertexd_GenerateRequest *list[MOST];

static void set_prompt(int i, const char *model, const char *prompt) {
  prompts[i] = (vertexd_GenerateRequest)vertexd_GenerateRequest_INIT;
  prompts[i].model = (char *)model;
  prompts[i].prompt = (char *)prompt;
  list[i] = &prompts[i];
}

/* Prompts by turns: of a model that is slow, and of one that is not. */
static vertexd_BatchGenerateRequest by_turns(int count, const char *slow,
                                             const char *fast) {
  vertexd_BatchGenerateRequest request = vertexd_BatchGenerateRequest_INIT;

  for (int i = 0; i < count; i++)
    set_prompt(i, i % 2 ? "fast" : "slow", i % 2 ? fast : slow);
  request.requests = list;
  request.n_requests = (size_t)count;
  request.max_concurrency = 10;
  return request;
}

static void use(const struct world_options *options) {
  world_free(world);
  world = world_new(options);
  seen->world = world;
}

static size_t answers(void) {
  size_t count = 0;

  for (size_t i = 0; i < seen->item_count; i++)
    count += seen->items[i].has_response;
  return count;
}

static bool ten_answers(void *ctx) {
  (void)ctx;
  return answers() == 10;
}

static void models__one_is_held__those_of_the_other_overtake(void **state) {
  vertexd_BatchGenerateRequest request = by_turns(20, REFUSED, "x");
  vertexd_BatchOptions options = vertexd_BatchOptions_INIT;
  struct cb_id id;

  (void)state;
  options.order = VERTEXD__V1__RESULT_ORDER__RESULT_ORDER_AS_COMPLETED;
  request.options = &options;
  request.max_concurrency = 2;
  id = world_batch(seen, &request, 0);
  assert_true(world_until(world, ten_answers, NULL));
  for (size_t i = 0; i < seen->item_count; i++)
    assert_int_equal(seen->items[i].index % 2, 1);
  crpc_rpc_cancel(world->channel, id);
  seen_wait(seen);
  world_wait_idle(world);
}

static void models__one_is_held_for_long__deadline_says_so(void **state) {
  vertexd_BatchGenerateRequest request = by_turns(20, REFUSED, "x");
  vertexd_BatchOptions options = vertexd_BatchOptions_INIT;

  (void)state;
  request.options = &options;
  world_batch(seen, &request, expect_deadline(&options, 6 * CB_SECOND));
  seen_wait(seen);
  expect_complete(20);
  expect_in_order();
  for (size_t i = 0; i < 20; i += 2) {
    assert_false(seen->items[i].has_response);
    assert_true(seen->items[i + 1].has_response);
    if (seen->items[i].attempts > 0) { /* it was refused, for too long */
      expect_item_error(i, CB_RESOURCE_EXHAUSTED, "UPSTREAM_QUOTA_EXHAUSTED",
                        "");
    } else {
      expect_item_error(i, CB_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", "");
      assert_string_equal(seen->items[i].waited_for, "quota");
    }
  }
}

static void models__one_is_held_for_a_moment__all_are_answered_in_order(
    void **state) {
  vertexd_BatchGenerateRequest request = by_turns(200, REFUSED_ONCE, "x");

  (void)state;
  world_batch(seen, &request, 0);
  seen_wait(seen);
  expect_complete(200);
  expect_in_order();
  assert_int_equal(seen->succeeded, 200);
}

/* Behind the window nothing is sent, so little is kept for a call. */
static void models__one_is_held__others_overtake_so_far_and_no_further(
    void **state) {
  vertexd_BatchGenerateRequest request = by_turns(MOST, REFUSED, "x");
  vertexd_BatchOptions options = vertexd_BatchOptions_INIT;
  uint64_t sent;

  (void)state;
  request.options = &options;
  for (int i = 20; i < MOST; i++)
    set_prompt(i, "fast", "x");
  world_batch(seen, &request, expect_deadline(&options, 6 * CB_SECOND));
  seen_wait(seen);
  expect_complete(MOST);
  expect_in_order();
  sent = world_transfers(world);
  /* The first that waits may be any of the slow ones: several were under way
   * when the model said no. */
  assert_in_range(seen->succeeded, 10, 20 + VTX_AHEAD_WINDOW);
  assert_true(sent < 30 + VTX_AHEAD_WINDOW);
}

/* What is unsent is behind a gap: it is the gap that must go on. */
static void models__results_behind_a_gap_are_large__it_is_still_filled(
    void **state) {
  vertexd_BatchGenerateRequest request =
      by_turns(120, REFUSED_ONCE, "[[emulator words=30000]]");

  (void)state;
  world_batch(seen, &request, 0);
  seen_wait(seen);
  expect_complete(120);
  expect_in_order();
  assert_int_equal(seen->succeeded, 120);
}

/* The memory is in results behind a gap: what fills it fails and the call goes
 * on. */
static void models__results_behind_a_gap_have_the_memory__call_goes_on(
    void **state) {
  const struct world_options options = {.memory_budget = 512 * 1024};
  vertexd_BatchGenerateRequest request =
      by_turns(120, REFUSED_ONCE, "[[emulator words=3000]]");
  vertexd_BatchOptions batch = vertexd_BatchOptions_INIT;

  (void)state;
  use(&options);
  request.options = &batch;
  world_batch(seen, &request, expect_deadline(&batch, 30 * CB_SECOND));
  seen_wait(seen);
  expect_complete(120);
  expect_in_order();
  for (size_t i = 0; i < 120; i++) {
    if (seen->items[i].has_response) continue;
    assert_int_equal(seen->items[i].code, CB_RESOURCE_EXHAUSTED);
  }
}

static void start_pipe(struct cb_id id, int32_t read_ahead) {
  vertexd_PipeGenerateRequest message = vertexd_PipeGenerateRequest_INIT;
  vertexd_PipeStart start = vertexd_PipeStart_INIT;

  start.max_concurrency = 4;
  start.max_read_ahead = read_ahead;
  message.message_case = VERTEXD__V1__PIPE_GENERATE_REQUEST__MESSAGE_START;
  message.start = &start;
  world_write(world, id, &message);
}

static void pipe_in(struct cb_id id, const char *model) {
  vertexd_PipeGenerateRequest message = vertexd_PipeGenerateRequest_INIT;

  set_prompt(0, model, "x");
  message.message_case = VERTEXD__V1__PIPE_GENERATE_REQUEST__MESSAGE_ITEM;
  message.item = list[0];
  world_write(world, id, &message);
}

/* Another call is refused, for longer than it waits, and has the model held. */
static void have_held(const char *prompt) {
  struct seen *other = seen_new(world);

  set_prompt(0, "slow", prompt);
  world_generate(other, list[0], 0);
  seen_wait(other);
  assert_string_equal(other->reason, "UPSTREAM_QUOTA_EXHAUSTED");
  seen_free(other);
}

static bool has_items(void *ctx) {
  return seen->item_count == *(const size_t *)ctx;
}

static void until_items(size_t count) {
  assert_true(world_until(world, has_items, &count));
}

/* What fails for want of memory waits no longer: its room is for the next. */
static void models__gap_of_a_pipe_has_no_memory__pipe_reads_on(void **state) {
  const struct world_options options = {.memory_budget = 64 << 20,
                                        .throttle_wait = CB_SECOND};
  struct cb_id id;
  size_t rest;

  (void)state;
  use(&options);
  have_held("[[emulator fault=http_429_retryinfo retry_delay=2s]]");
  id = world_pipe(seen, 0);
  start_pipe(id, 2);
  pipe_in(id, "slow");
  pipe_in(id, "fast");
  until_items(1);
  rest = world_use_up(world, 0);
  until_items(2);
  cb_budget_release(&world->budget, rest);
  expect_item_error(1, CB_RESOURCE_EXHAUSTED, "SERVER_MEMORY", "");
  have_held(REFUSED);
  pipe_in(id, "slow");
  pipe_in(id, "fast");
  until_items(3);
  assert_int_equal(seen->items[2].index, 3);
  crpc_rpc_cancel(world->channel, id);
  seen_wait(seen);
  world_wait_idle(world);
}

static void models__stop_on_error__gaps_have_results(void **state) {
  vertexd_BatchGenerateRequest request = by_turns(30, REFUSED, "x");
  vertexd_BatchOptions options = vertexd_BatchOptions_INIT;

  (void)state;
  options.on_error = VERTEXD__V1__ERROR_POLICY__ERROR_POLICY_STOP;
  request.options = &options;
  request.max_concurrency = 3;
  set_prompt(25, "fast", "[[emulator fault=http_500]]");
  world_batch(seen, &request, 0);
  seen_wait(seen);
  expect_complete(30);
  expect_in_order();
  expect_item_error(25, CB_INTERNAL, "UPSTREAM_INTERNAL", "");
  expect_item_error(24, CB_ABORTED, "STOPPED_AFTER_ERROR", "");
  expect_item_error(29, CB_ABORTED, "STOPPED_AFTER_ERROR", "");
  assert_true(seen->items[1].has_response);
}

/* What is wrong with the defaults' model is not wrong with others', also where
 * those were overtaken. */
static void models__error_about_one__does_not_end_the_others(void **state) {
  vertexd_BatchGenerateRequest request = by_turns(20, REFUSED_ONCE, "x");

  (void)state;
  for (int i = 11; i < 20; i++)
    set_prompt(i, "", "[[emulator fault=http_403]]");
  world_batch(seen, &request, 0);
  seen_wait(seen);
  expect_complete(20);
  for (size_t i = 0; i < 11; i++)
    assert_true(seen->items[i].has_response);
  expect_item_error(11, CB_FAILED_PRECONDITION, "UPSTREAM_PERMISSION_DENIED",
                    "");
}

static void models__shut_down__gaps_have_results(void **state) {
  vertexd_BatchGenerateRequest request = by_turns(20, REFUSED, "x");

  (void)state;
  request.max_concurrency = 3;
  set_prompt(19, "fast", "[[emulator hold=ever]]");
  world_batch(seen, &request, 0);
  while (world_transfers(world) < 11)
    crpc_loop_step(world->loop, cb_now(NULL) + MS);
  vtx_service_shut_down(world->service);
  seen_wait(seen);
  expect_complete(20);
  expect_in_order();
  expect_item_error(18, CB_UNAVAILABLE, "SERVER_SHUTTING_DOWN", "");
}

/* With one model there is nothing to choose: prompts begin in their order. */
static void models__only_one__order_is_kept(void **state) {
  vertexd_BatchGenerateRequest request = by_turns(50, "", "");

  (void)state;
  for (int i = 0; i < 50; i++)
    set_prompt(i, "fast", "x");
  set_prompt(0, "fast", REFUSED_ONCE);
  request.max_concurrency = 1;
  world_batch(seen, &request, 0);
  seen_wait(seen);
  expect_complete(50);
  expect_in_order();
  assert_int_equal(seen->succeeded, 50);
  assert_int_equal(world_transfers(world), 51);
}

#define CALLS 60

static bool all_over(void *ctx) {
  struct seen **calls = ctx;

  for (int i = 0; i < CALLS; i++)
    if (!calls[i]->over) return false;
  return true;
}

/* Whatever is held and whenever a call ends, nothing is left, and those that
 * were not cancelled are complete. */
static void models__calls_end_at_any_time__each_index_once(void **state) {
  static const char *const models[] = {"a", "b", "c", ""};
  static const char *const asked[] = {
      "x", "y [[emulator latency=20ms]]", "[[emulator fault=http_503]]",
      "[[emulator fault=http_429 probability=0.3]]",
      "[[emulator fault=http_429_retryinfo retry_delay=1s probability=0.1]]"};
  static struct seen *calls[CALLS];
  vertexd_BatchGenerateRequest request = by_turns(100, "x", "x");
  struct cb_id ids[CALLS];

  (void)state;
  srand(5);
  for (int i = 0; i < CALLS; i++) {
    for (int k = 0; k < 100; k++)
      set_prompt(k, models[rand() % 4], asked[rand() % 5]);
    calls[i] = seen_new(world);
    request.max_concurrency = 1 + rand() % 20;
    ids[i] = world_batch(calls[i], &request, (500 + rand() % 3000) * MS);
  }
  for (int i = 0; i < CALLS; i++) {
    crpc_loop_step(world->loop, cb_now(NULL) + rand() % 20 * MS);
    if (i % 3 == 0) crpc_rpc_cancel(world->channel, ids[i]);
  }
  assert_true(world_until(world, all_over, calls));
  world_wait_idle(world);
  for (int i = 0; i < CALLS; i++) {
    struct seen *mine = seen;

    seen = calls[i];
    if (seen->code == CB_OK) {
      expect_complete(100);
      expect_in_order();
    } else {
      assert_true(i % 3 == 0 || seen->code == CB_DEADLINE_EXCEEDED);
    }
    seen = mine;
    seen_free(calls[i]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(models__one_is_held__those_of_the_other_overtake),
      CASE(models__one_is_held_for_long__deadline_says_so),
      CASE(models__one_is_held_for_a_moment__all_are_answered_in_order),
      CASE(models__one_is_held__others_overtake_so_far_and_no_further),
      CASE(models__results_behind_a_gap_are_large__it_is_still_filled),
      CASE(models__results_behind_a_gap_have_the_memory__call_goes_on),
      CASE(models__gap_of_a_pipe_has_no_memory__pipe_reads_on),
      CASE(models__stop_on_error__gaps_have_results),
      CASE(models__error_about_one__does_not_end_the_others),
      CASE(models__shut_down__gaps_have_results),
      CASE(models__only_one__order_is_kept),
      CASE(models__calls_end_at_any_time__each_index_once),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
