/* Single prompts, and calls of every kind at once, through a client, a server
 * and the emulator in one process. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cmocka_all.h"
#include "crpc/loop.h"
#include "support/service_expect.h"

static void generate__a_prompt__answered(void **state) {
  vertexd_GenerateRequest request = vertexd_GenerateRequest_INIT;

  (void)state;
  request.prompt = "What is quantum computing?";
  request.id = "mine";
  world_generate(seen, &request, 30 * CB_SECOND);
  seen_wait(seen);
  expect_call_ok();
  assert_non_null(strstr(seen->text, "quantum computing"));
  assert_string_equal(seen->id, "mine");
  assert_int_equal(seen->attempts, 1);
  assert_true(seen->tokens > 0);
  assert_false(seen->has_raw);
}

static void generate__wrong_request__named_and_not_sent(void **state) {
  vertexd_GenerateRequest request = vertexd_GenerateRequest_INIT;
  char id[514];

  (void)state;
  world_generate(seen, &request, 0);
  seen_wait(seen);
  assert_int_equal(seen->code, CB_INVALID_ARGUMENT);
  assert_string_equal(seen->field, "prompt");
  seen->over = false;
  memset(id, 'i', 513);
  id[513] = '\0';
  request.prompt = "x";
  request.id = id;
  world_generate(seen, &request, 0);
  seen_wait(seen);
  expect_call_error(CB_INVALID_ARGUMENT, "INVALID_FIELD", "id");
  seen->over = false;
  id[512] = '\0';
  world_generate(seen, &request, 0);
  seen_wait(seen);
  expect_call_ok();
  assert_int_equal(world_transfers(world), 1);
}

static void generate__deadline_before_the_answer__typed_error(void **state) {
  vertexd_GenerateRequest request = vertexd_GenerateRequest_INIT;
  int64_t begun = cb_now(NULL);

  (void)state;
  request.prompt = "[[emulator hold=ever]]";
  world_generate(seen, &request, 10 * CB_SECOND);
  seen_wait(seen);
  expect_call_error(CB_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", "");
  assert_true(cb_now(NULL) - begun >= 9 * CB_SECOND);
  world_wait_idle(world);
}

static void generate__caller_leaves__upstream_is_aborted(void **state) {
  vertexd_GenerateRequest request = vertexd_GenerateRequest_INIT;
  struct cb_id id;

  (void)state;
  request.prompt = "[[emulator hold=ever]]";
  id = world_generate(seen, &request, 0);
  while (world_transfers(world) == 0) {
    crpc_loop_step(world->loop, cb_now(NULL) + MS);
  }
  crpc_rpc_cancel(world->channel, id);
  seen_wait(seen);
  assert_int_equal(seen->code, CB_CANCELLED);
  world_wait_idle(world);
}

static void generate__include_raw__the_json_as_it_came(void **state) {
  vertexd_GenerateRequest request = vertexd_GenerateRequest_INIT;

  (void)state;
  request.prompt = "x";
  request.include_raw = true;
  world_generate(seen, &request, 0);
  seen_wait(seen);
  expect_call_ok();
  assert_true(seen->has_raw);
}

static void generate__count_wanted_and_usage_missing__one_more_call(
    void **state) {
  vertexd_GenerateRequest request = vertexd_GenerateRequest_INIT;

  (void)state;
  request.prompt = "x [[emulator fault=no_usage]]";
  world_generate(seen, &request, 0);
  seen_wait(seen);
  expect_call_ok();
  assert_int_equal(seen->tokens, 0);
  assert_int_equal(world_transfers(world), 1);
  seen->over = false;
  request._count_tokens_case =
      VERTEXD__V1__GENERATE_REQUEST___COUNT_TOKENS_COUNT_TOKENS;
  request.count_tokens = true;
  world_generate(seen, &request, 0);
  seen_wait(seen);
  expect_call_ok();
  assert_true(seen->tokens > 0);
  assert_int_equal(world_transfers(world), 3);
}

static void generate__time_is_over_while_counting__answer_is_kept(
    void **state) {
  vertexd_GenerateRequest request = vertexd_GenerateRequest_INIT;

  (void)state;
  request.prompt = "x [[emulator fault=no_usage latency=6s]]";
  request._count_tokens_case =
      VERTEXD__V1__GENERATE_REQUEST___COUNT_TOKENS_COUNT_TOKENS;
  request.count_tokens = true;
  world_generate(seen, &request, 10 * CB_SECOND);
  seen_wait(seen);
  expect_call_ok();
  assert_true(seen->text_bytes > 0);
  assert_int_equal(seen->tokens, 0);
  assert_int_equal(world_transfers(world), 2);
}

static void stream__a_prompt__pieces_and_a_last_message(void **state) {
  vertexd_GenerateRequest request = vertexd_GenerateRequest_INIT;

  (void)state;
  request.prompt = "[[emulator chunks=5]] Tell me about streams";
  request.id = "s";
  world_stream(seen, &request, 0);
  seen_wait(seen);
  expect_call_ok();
  assert_true(seen->messages >= 5);
  assert_non_null(strstr(seen->text, "streams"));
  assert_string_equal(seen->id, "s");
  assert_int_equal(seen->attempts, 1);
  assert_true(seen->tokens > 0);
}

static void stream__error_in_mid_stream__after_what_was_sent(void **state) {
  vertexd_GenerateRequest request = vertexd_GenerateRequest_INIT;

  (void)state;
  request.prompt = "[[emulator chunks=5 fault=sse_truncated]] Tell me";
  world_stream(seen, &request, 0);
  seen_wait(seen);
  assert_int_equal(seen->code, CB_UNAVAILABLE);
  assert_true(seen->messages >= 1);
}

static void stream__reader_pauses__nothing_is_lost(void **state) {
  vertexd_GenerateRequest request = vertexd_GenerateRequest_INIT;
  char prompt[] = "[[emulator words=400000 chunks=200]] Go on and on";
  struct cb_id id;
  int64_t until;

  (void)state;
  request.prompt = prompt;
  id = world_stream(seen, &request, 0);
  while (seen->messages == 0) {
    crpc_loop_step(world->loop, cb_now(NULL) + MS);
  }
  crpc_rpc_pause(world->channel, id);
  until = cb_now(NULL) + 500 * MS;
  while (cb_now(NULL) < until) {
    crpc_loop_step(world->loop, until);
  }
  assert_false(seen->over);
  crpc_rpc_resume(world->channel, id);
  seen_wait(seen);
  expect_call_ok();
  assert_true(seen->text_bytes > 400000);
}

/* Others take all memory while the stream waits for its reader, and whatever it
 * gives back. */
static void stream__memory_gone_while_it_waits__nothing_is_lost(void **state) {
  vertexd_GenerateRequest request = vertexd_GenerateRequest_INIT;
  struct cb_id id;
  size_t taken;

  (void)state;
  request.prompt = "[[emulator words=30000 chunks=100]] Go on and on";
  id = world_stream(seen, &request, 0);
  while (seen->messages == 0) {
    crpc_loop_step(world->loop, cb_now(NULL) + MS);
  }
  crpc_rpc_pause(world->channel, id);
  world_until_jobs(world, 1, 0);
  taken = world_use_up(world, 0);
  crpc_rpc_resume(world->channel, id);
  while (!seen->over) {
    crpc_loop_step(world->loop, cb_now(NULL) + MS);
    taken += world_use_up(world, 0);
  }
  cb_budget_release(&world->budget, taken);
  expect_call_ok();
  assert_true(seen->messages >= 100);
  assert_true(seen->text_bytes > 30000);
}

/* What comes behind it is not waited for. */
static void stream__no_room_for_a_message__typed_and_aborted(void **state) {
  const struct world_options options = {.max_message_bytes = 4096};
  vertexd_GenerateRequest request = vertexd_GenerateRequest_INIT;

  (void)state;
  world_free(world);
  world = world_new(&options);
  seen->world = world;
  request.prompt = "[[emulator fault=stall words=4000 chunks=3]] Go on";
  world_stream(seen, &request, 0);
  seen_wait(seen);
  expect_call_error(CB_RESOURCE_EXHAUSTED, "SERVER_MEMORY", "");
  assert_int_equal(seen->messages, 0);
  world_wait_idle(world);
}

static void count__a_prompt__its_tokens(void **state) {
  vertexd_CountTokensRequest request = vertexd_CountTokensRequest_INIT;

  (void)state;
  request.prompt = "one two three";
  world_count(seen, &request);
  seen_wait(seen);
  expect_call_ok();
  assert_true(seen->tokens > 0);
}

static bool all_over(void *ctx) {
  struct seen **calls = ctx;

  for (int i = 0; i < 100; i++) {
    if (!calls[i]->over) return false;
  }
  return true;
}

/* Calls of every kind that end in every way at any time; what is left is
 * nothing (world_free() looks). */
static void calls__cancelled_at_any_time__nothing_is_left(void **state) {
  static struct seen *calls[100];
  struct cb_id ids[100];
  char *items[] = {"a", "[[emulator latency=40ms]] b",
                   "[[emulator fault=http_503]] c",
                   "[[emulator latency=10s]] d"};
  vertexd_BatchGenerateRequest batch = batch_of(items, 4);
  vertexd_MapGenerateRequest map = map_of("{item} {index}", items, 4);
  vertexd_GenerateRequest one = vertexd_GenerateRequest_INIT;

  (void)state;
  srand(11);
  for (int i = 0; i < 100; i++) {
    int64_t timeout = i % 3 == 0 ? (10 + rand() % 200) * MS : 20 * CB_SECOND;

    calls[i] = seen_new(world);
    one.prompt = items[i % 4];
    if (i % 5 == 0) ids[i] = world_generate(calls[i], &one, timeout);
    if (i % 5 == 1) ids[i] = world_stream(calls[i], &one, timeout);
    if (i % 5 == 2) ids[i] = world_batch(calls[i], &batch, timeout);
    if (i % 5 == 3) ids[i] = world_map(calls[i], &map, timeout);
    if (i % 5 == 4) ids[i] = world_stream_map(calls[i], &map, timeout);
  }
  for (int i = 0; i < 100; i++) {
    if (i % 3 == 0) continue;
    crpc_loop_step(world->loop, cb_now(NULL) + rand() % 3 * MS);
    crpc_rpc_cancel(world->channel, ids[i]);
  }
  assert_true(world_until(world, all_over, calls));
  world_wait_idle(world);
  for (int i = 0; i < 100; i++)
    seen_free(calls[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(generate__a_prompt__answered),
      CASE(generate__wrong_request__named_and_not_sent),
      CASE(generate__deadline_before_the_answer__typed_error),
      CASE(generate__caller_leaves__upstream_is_aborted),
      CASE(generate__include_raw__the_json_as_it_came),
      CASE(generate__count_wanted_and_usage_missing__one_more_call),
      CASE(generate__time_is_over_while_counting__answer_is_kept),
      CASE(stream__a_prompt__pieces_and_a_last_message),
      CASE(stream__error_in_mid_stream__after_what_was_sent),
      CASE(stream__reader_pauses__nothing_is_lost),
      CASE(stream__memory_gone_while_it_waits__nothing_is_lost),
      CASE(stream__no_room_for_a_message__typed_and_aborted),
      CASE(count__a_prompt__its_tokens),
      CASE(calls__cancelled_at_any_time__nothing_is_left),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
