/* Jobs between two attempts: what ends them there, and what is left of them
 * (world_free() looks). A delay of minutes keeps a job where the test wants it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cmocka_all.h"
#include "crpc/loop.h"
#include "support/service_expect.h"

#define MINUTES (600 * CB_SECOND)

/* Replaces the world by one with these limits. */
static void use(const struct world_options *options) {
  world_free(world);
  world = world_new(options);
  seen->world = world;
}

static void use_attempts(int32_t attempts, int64_t delay) {
  const struct world_options options = {
      .attempts = attempts, .retry_base = delay, .retry_cap = delay};

  use(&options);
}

static struct vtx_service_counters counters(void) {
  struct vtx_service_counters now;

  vtx_service_counters(world->service, &now);
  return now;
}

static void step_for(int64_t time) {
  int64_t until = cb_now(NULL) + time;

  while (cb_now(NULL) < until)
    crpc_loop_step(world->loop, until);
}

static bool has_retries(void *ctx) {
  return counters().retries >= *(uint64_t *)ctx;
}

/* Waits until so many jobs have been set aside for another attempt. */
static void wait_for_retries(uint64_t count) {
  assert_true(world_until(world, has_retries, &count));
}

static void batch__items_fail_at_first__made_again(void **state) {
  /* The reset comes first, on a new connection: libcurl itself sends again what
   * was reset on one that had served before. */
  char *prompts[] = {"[[emulator fault=reset fail_times=1 key=a]] one",
                     "[[emulator fault=http_503 fail_times=2 key=b]] two",
                     "three"};
  vertexd_BatchGenerateRequest request = batch_of(prompts, 3);

  (void)state;
  use_attempts(3, 10 * MS);
  world_batch(seen, &request, 0);
  seen_wait(seen);
  expect_complete(3);
  expect_in_order();
  assert_int_equal(seen->succeeded, 3);
  assert_int_equal(seen->items[0].attempts, 2);
  assert_int_equal(seen->items[1].attempts, 3);
  assert_int_equal(seen->items[2].attempts, 1);
  assert_int_equal(world_transfers(world), 6);
  assert_int_equal(counters().retries, 3);
}

static void batch__items_set_aside__keep_their_place(void **state) {
  char *prompts[] = {"[[emulator fault=http_503]] 0",
                     "[[emulator fault=http_503]] 1", "2", "3"};
  vertexd_BatchGenerateRequest request = batch_of(prompts, 4);
  struct cb_id id;

  (void)state;
  use_attempts(3, MINUTES);
  request.max_concurrency = 2;
  id = world_batch(seen, &request, 0);
  wait_for_retries(2);
  step_for(200 * MS);
  assert_int_equal(world_transfers(world), 2);
  assert_int_equal(counters().jobs, 2);
  crpc_rpc_cancel(world->channel, id);
  seen_wait(seen);
  world_wait_idle(world);
  assert_int_equal(world_transfers(world), 2);
}

static void generate__caller_leaves_in_the_delay__nothing_more_is_sent(
    void **state) {
  vertexd_GenerateRequest request = vertexd_GenerateRequest_INIT;
  struct cb_id id;

  (void)state;
  use_attempts(3, MINUTES);
  request.prompt = "[[emulator fault=http_503]]";
  id = world_generate(seen, &request, 0);
  wait_for_retries(1);
  crpc_rpc_cancel(world->channel, id);
  seen_wait(seen);
  world_wait_idle(world);
  assert_int_equal(world_transfers(world), 1);
}

/* No delay takes more than half of the time that is left, so the attempts are
 * used up before it is over, or it ends the last delay. */
static void batch__deadline_and_long_delays__own_error_or_late(void **state) {
  char *prompts[] = {"[[emulator fault=http_503]] 0", "1"};
  vertexd_BatchGenerateRequest request = batch_of(prompts, 2);
  vertexd_BatchOptions options = vertexd_BatchOptions_INIT;

  (void)state;
  use_attempts(3, MINUTES);
  request.options = &options;
  world_batch(seen, &request, expect_deadline(&options, 2 * CB_SECOND));
  seen_wait(seen);
  expect_complete(2);
  assert_in_range(seen->items[0].attempts, 1, 3);
  assert_false(seen->items[0].has_response);
  if (seen->items[0].attempts == 3) {
    assert_string_equal(seen->items[0].reason, "UPSTREAM_UNAVAILABLE");
  } else {
    assert_string_equal(seen->items[0].reason, "DEADLINE_EXCEEDED");
  }
  assert_true(seen->items[1].has_response);
}

static void batch__stop_on_error__ends_those_in_the_delay(void **state) {
  char *prompts[] = {"[[emulator fault=http_503]] 0",
                     "[[emulator fault=http_503]] 1",
                     "[[emulator fault=http_400 hold=late]] 2"};
  vertexd_BatchGenerateRequest request = batch_of(prompts, 3);
  Vertexd__V1__BatchOptions options = VERTEXD__V1__BATCH_OPTIONS__INIT;

  (void)state;
  use_attempts(3, MINUTES);
  options.on_error = VERTEXD__V1__ERROR_POLICY__ERROR_POLICY_STOP;
  request.options = &options;
  world_batch(seen, &request, 0);
  wait_for_retries(2);
  world_release(world, "late");
  seen_wait(seen);
  expect_complete(3);
  expect_item_error(0, CB_ABORTED, "STOPPED_AFTER_ERROR", "");
  expect_item_error(1, CB_ABORTED, "STOPPED_AFTER_ERROR", "");
  assert_int_equal(seen->items[0].attempts, 1);
  assert_int_equal(world_transfers(world), 3);
}

static void batch__error_that_hits_all__ends_those_in_the_delay(void **state) {
  char *prompts[] = {"[[emulator fault=http_503]] 0",
                     "[[emulator fault=http_403 hold=late]] 1"};
  vertexd_BatchGenerateRequest request = batch_of(prompts, 2);

  (void)state;
  use_attempts(3, MINUTES);
  world_batch(seen, &request, 0);
  wait_for_retries(1);
  world_release(world, "late");
  seen_wait(seen);
  expect_complete(2);
  expect_item_error(0, CB_FAILED_PRECONDITION, "UPSTREAM_PERMISSION_DENIED",
                    "");
  assert_int_equal(seen->items[0].attempts, 1);
  assert_int_equal(world_transfers(world), 2);
}

/* One that fails after another's error has ended the call is not made again
 * either. */
static void batch__fails_after_an_error_that_hits_all__not_made_again(
    void **state) {
  char *prompts[] = {"[[emulator fault=http_503 hold=late]] 0",
                     "[[emulator fault=http_403]] 1"};
  vertexd_BatchGenerateRequest request = batch_of(prompts, 2);

  (void)state;
  use_attempts(3, 10 * MS);
  world_batch(seen, &request, 0);
  world_until_jobs(world, 2, 1);
  world_release(world, "late");
  seen_wait(seen);
  expect_complete(2);
  expect_item_error(0, CB_UNAVAILABLE, "UPSTREAM_UNAVAILABLE", "");
  assert_int_equal(seen->items[0].attempts, 1);
  assert_int_equal(world_transfers(world), 2);
  assert_int_equal(counters().retries, 0);
}

static void batch__all_fail__those_without_budget_fail_too(void **state) {
  static char *prompts[300];
  vertexd_BatchGenerateRequest request;

  (void)state;
  for (int i = 0; i < 300; i++)
    prompts[i] = "[[emulator fault=http_503]]";
  use_attempts(16, 1 * MS);
  request = batch_of(prompts, 300);
  request.max_concurrency = 100;
  world_batch(seen, &request, 0);
  seen_wait(seen);
  expect_complete(300);
  assert_int_equal(seen->failed, 300);
  assert_string_equal(seen->first_failure, "UPSTREAM_UNAVAILABLE");
  assert_in_range(world_transfers(world), 300, 325);
  world_wait_idle(world);
  assert_int_equal(counters().retries_left, 0);
  assert_true(counters().retries_denied > 0);
}

static void stream__fails_before_a_chunk__made_again(void **state) {
  vertexd_GenerateRequest request = vertexd_GenerateRequest_INIT;

  (void)state;
  use_attempts(2, 10 * MS);
  request.prompt = "[[emulator fault=http_503 fail_times=1 key=s]] Tell me";
  world_stream(seen, &request, 0);
  seen_wait(seen);
  expect_call_ok();
  assert_non_null(strstr(seen->text, "Tell me"));
  assert_int_equal(seen->attempts, 2);
}

static void stream__fails_after_a_chunk__not_made_again(void **state) {
  vertexd_GenerateRequest request = vertexd_GenerateRequest_INIT;

  (void)state;
  use_attempts(3, 10 * MS);
  request.prompt = "[[emulator chunks=5 fault=sse_reset]] Tell me";
  world_stream(seen, &request, 0);
  seen_wait(seen);
  expect_call_error(CB_UNAVAILABLE, "UPSTREAM_BROKEN", "");
  assert_int_equal(world_transfers(world), 1);
}

static void count__fails_at_first__made_again(void **state) {
  vertexd_CountTokensRequest request = vertexd_CountTokensRequest_INIT;

  (void)state;
  use_attempts(2, 10 * MS);
  request.prompt = "[[emulator fault=http_500 fail_times=1 key=c]] one two";
  world_count(seen, &request);
  seen_wait(seen);
  expect_call_ok();
  assert_true(seen->tokens > 0);
  assert_int_equal(world_transfers(world), 2);
}

/* One attempt, and patience with quota. */
static void use_patience(int64_t wait) {
  const struct world_options options = {.throttle_wait = wait};

  use(&options);
}

static void generate__refused_for_quota__back_at_no_cost(void **state) {
  vertexd_GenerateRequest request = vertexd_GenerateRequest_INIT;

  (void)state;
  use_patience(60 * CB_SECOND);
  request.prompt = "[[emulator fault=http_429 fail_times=2 key=q]] hello";
  world_generate(seen, &request, 0);
  seen_wait(seen);
  expect_call_ok();
  assert_int_equal(seen->attempts, 1);
  assert_int_equal(world_transfers(world), 3);
  assert_int_equal(counters().requeues, 2);
  assert_int_equal(counters().retries, 0);
}

static void generate__quota_and_no_patience__refused(void **state) {
  vertexd_GenerateRequest request = vertexd_GenerateRequest_INIT;

  (void)state;
  request.prompt = "[[emulator fault=http_429]]";
  world_generate(seen, &request, 0);
  seen_wait(seen);
  expect_call_error(CB_RESOURCE_EXHAUSTED, "UPSTREAM_QUOTA_EXHAUSTED", "");
  assert_int_equal(world_transfers(world), 1);
}

/* The first is refused and holds the target; the second is never sent. */
static void generate__target_is_held__refused_unsent(void **state) {
  vertexd_GenerateRequest request = vertexd_GenerateRequest_INIT;

  (void)state;
  use_patience(1 * CB_SECOND);
  request.prompt =
      "[[emulator fault=http_429_retryinfo retry_delay=60s]] hello";
  world_generate(seen, &request, 0);
  seen_wait(seen);
  expect_call_error(CB_RESOURCE_EXHAUSTED, "UPSTREAM_QUOTA_EXHAUSTED", "");
  seen->over = false;
  request.prompt = "hello";
  world_generate(seen, &request, 0);
  seen_wait(seen);
  expect_call_error(CB_RESOURCE_EXHAUSTED, "UPSTREAM_QUOTA_EXHAUSTED", "");
  assert_int_equal(world_transfers(world), 1);
}

/* It waits for the one slot, then for quota: nobody could have known. */
static void generate__deadline_while_it_waits_for_quota__says_so(void **state) {
  const struct world_options options = {.max_in_flight = 1,
                                        .throttle_wait = 60 * CB_SECOND};
  vertexd_GenerateRequest request = vertexd_GenerateRequest_INIT;
  struct seen *first;

  (void)state;
  use(&options);
  first = seen_new(world);
  request.prompt =
      "[[emulator hold=it fault=http_429_retryinfo retry_delay=60s]]";
  world_generate(first, &request, 0);
  world_until_jobs(world, 1, 1);
  request.prompt = "hello";
  world_generate(seen, &request, 10 * CB_SECOND);
  while (counters().flows < 2)
    crpc_loop_step(world->loop, cb_now(NULL) + MS);
  world_round(world);
  world_release(world, "it");
  seen_wait(seen);
  expect_call_error(CB_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", "");
  assert_string_equal(seen->waited_for, "quota");
  assert_int_equal(world_transfers(world), 1);
  seen_wait(first);
  assert_int_equal(first->code, CB_RESOURCE_EXHAUSTED);
  seen_free(first);
}

static void generate__caller_leaves_while_it_waits_for_quota__nothing_is_left(
    void **state) {
  vertexd_GenerateRequest request = vertexd_GenerateRequest_INIT;
  struct cb_id id;

  (void)state;
  use_patience(120 * CB_SECOND);
  request.prompt = "[[emulator fault=http_429_retryinfo retry_delay=60s]]";
  id = world_generate(seen, &request, 0);
  while (counters().requeues == 0)
    crpc_loop_step(world->loop, cb_now(NULL) + MS);
  step_for(50 * MS);
  crpc_rpc_cancel(world->channel, id);
  seen_wait(seen);
  world_wait_idle(world);
  assert_int_equal(world_transfers(world), 1);
}

static void batch__quota_until_item_timeout__tells_so(void **state) {
  char *prompts[] = {"[[emulator fault=http_429]] 0"};
  vertexd_BatchGenerateRequest request = batch_of(prompts, 1);
  Vertexd__V1__BatchOptions options = VERTEXD__V1__BATCH_OPTIONS__INIT;
  Google__Protobuf__Duration timeout = GOOGLE__PROTOBUF__DURATION__INIT;

  (void)state;
  timeout.nanos = 600000000;
  options.item_timeout = &timeout;
  request.options = &options;
  world_batch(seen, &request, 0);
  seen_wait(seen);
  expect_complete(1);
  expect_item_error(0, CB_DEADLINE_EXCEEDED, "ITEM_TIMEOUT", "");
  assert_int_equal(seen->items[0].attempts, 1);
}

#define CHAOS 150

static bool all_over(void *ctx) {
  struct seen **calls = ctx;

  for (int i = 0; i < CHAOS; i++) {
    if (!calls[i]->over) return false;
  }
  return true;
}

/* One call of some kind, with some time. */
static struct cb_id start_any(struct seen *call, int i, char **prompts) {
  int64_t timeout = i % 3 == 0 ? (50 + rand() % 400) * MS : 20 * CB_SECOND;
  vertexd_GenerateRequest one = vertexd_GenerateRequest_INIT;
  vertexd_BatchGenerateRequest batch = batch_of(prompts, 6);
  vertexd_MapGenerateRequest map = map_of("{item} {index}", prompts, 6);

  one.prompt = prompts[i % 6];
  switch (i % 4) {
    case 0:
      return world_generate(call, &one, timeout);
    case 1:
      return world_stream(call, &one, timeout);
    case 2:
      return world_batch(call, &batch, timeout);
    default:
      return world_map(call, &map, timeout);
  }
}

static bool some_again(void *ctx) {
  (void)ctx;
  return counters().retries > 0 && counters().requeues > 0;
}

/* Whatever state its jobs are in, a call that is cancelled or too late leaves
 * nothing behind (world_free() looks). Half of them are cancelled only once
 * some were made again, however slow the machine is. */
static void calls__end_in_any_state__nothing_is_left(void **state) {
  static struct seen *calls[CHAOS];
  char *prompts[] = {"a",
                     "[[emulator fault=http_503 probability=0.6]] b",
                     "[[emulator fault=http_429 probability=0.3]] c",
                     "[[emulator fault=reset probability=0.6]] d",
                     "[[emulator latency=40ms fault=http_500]] e",
                     "[[emulator fault=sse_truncated chunks=3]] f"};
  const struct world_options options = {
      .attempts = 4, .retry_base = 100 * MS, .throttle_wait = 300 * MS};
  struct cb_id ids[CHAOS];

  (void)state;
  use(&options);
  srand(7);
  for (int i = 0; i < CHAOS; i++) {
    calls[i] = seen_new(world);
    ids[i] = start_any(calls[i], i, prompts);
  }
  for (int i = 0; i < CHAOS; i++) {
    if (i % 3 == 0) continue;
    if (i == CHAOS / 2 + 1) assert_true(world_until(world, some_again, NULL));
    crpc_loop_step(world->loop, cb_now(NULL) + rand() % 6 * MS);
    crpc_rpc_cancel(world->channel, ids[i]);
  }
  assert_true(world_until(world, all_over, calls));
  world_wait_idle(world);
  for (int i = 0; i < CHAOS; i++)
    seen_free(calls[i]);
}

static bool all_are_under_way(void *ctx) {
  return world_transfers(world) == *(uint64_t *)ctx;
}

/* The others have all the memory when the answers come. Callers are told that
 * to try again may help, but not that anything is too large; and it is no
 * failure of the upstream's, to be made again here. */
static void batch__memory_used_up__told_and_not_made_again(void **state) {
  char *prompts[8];
  vertexd_BatchGenerateRequest request = batch_of(prompts, 8);
  uint64_t count = 8;
  size_t rest;

  (void)state;
  for (int i = 0; i < 8; i++)
    prompts[i] = "[[emulator hold=them words=20000]] x";
  use_attempts(3, 10 * MS);
  request.max_concurrency = 8;
  world_batch(seen, &request, 0);
  assert_true(world_until(world, all_are_under_way, &count));
  rest = world_use_up(world, 0);
  world_release(world, "them");
  seen_wait(seen);
  cb_budget_release(&world->budget, rest);
  expect_complete(8);
  for (size_t i = 0; i < 8; i++) {
    expect_item_error(i, CB_RESOURCE_EXHAUSTED, "SERVER_MEMORY", "");
    assert_true(seen->items[i].retryable);
    assert_int_equal(seen->items[i].attempts, 1);
  }
  assert_int_equal(world_transfers(world), 8);
  assert_int_equal(counters().retries, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(batch__items_fail_at_first__made_again),
      CASE(batch__items_set_aside__keep_their_place),
      CASE(generate__caller_leaves_in_the_delay__nothing_more_is_sent),
      CASE(batch__deadline_and_long_delays__own_error_or_late),
      CASE(batch__stop_on_error__ends_those_in_the_delay),
      CASE(batch__error_that_hits_all__ends_those_in_the_delay),
      CASE(batch__fails_after_an_error_that_hits_all__not_made_again),
      CASE(batch__all_fail__those_without_budget_fail_too),
      CASE(stream__fails_before_a_chunk__made_again),
      CASE(stream__fails_after_a_chunk__not_made_again),
      CASE(count__fails_at_first__made_again),
      CASE(generate__refused_for_quota__back_at_no_cost),
      CASE(generate__quota_and_no_patience__refused),
      CASE(generate__target_is_held__refused_unsent),
      CASE(generate__deadline_while_it_waits_for_quota__says_so),
      CASE(generate__caller_leaves_while_it_waits_for_quota__nothing_is_left),
      CASE(batch__quota_until_item_timeout__tells_so),
      CASE(batch__memory_used_up__told_and_not_made_again),
      CASE(calls__end_in_any_state__nothing_is_left),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
