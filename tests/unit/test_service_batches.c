/* The rules of batches, as a client sees them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cmocka_all.h"
#include "crpc/loop.h"
#include "support/service_expect.h"

static void batch__slow_first__still_in_input_order(void **state) {
  char *prompts[] = {"[[emulator hold=zero]] zero", "one", "two"};
  vertexd_BatchGenerateRequest request = batch_of(prompts, 3);

  (void)state;
  request.max_concurrency = 3;
  world_batch(seen, &request, 0);
  world_until_jobs(world, 3, 1);
  assert_int_equal(seen->item_count, 0);
  world_release(world, "zero");
  seen_wait(seen);
  expect_complete(3);
  expect_in_order();
  assert_non_null(strstr(seen->items[0].text, "zero"));
  assert_non_null(strstr(seen->items[2].text, "two"));
  assert_int_equal(seen->succeeded, 3);
  assert_int_equal(seen->max_concurrency, 3);
  assert_true(seen->total_tokens > 0);
}

static bool two_came(void *ctx) {
  const struct seen *s = ctx;

  return s->item_count == 2;
}

static void batch__as_completed__slow_one_comes_last(void **state) {
  char *prompts[] = {"[[emulator hold=zero]] zero", "one", "two"};
  vertexd_BatchGenerateRequest request = batch_of(prompts, 3);
  vertexd_BatchOptions options = vertexd_BatchOptions_INIT;

  (void)state;
  options.order = VERTEXD__V1__RESULT_ORDER__RESULT_ORDER_AS_COMPLETED;
  request.options = &options;
  world_batch(seen, &request, 0);
  assert_true(world_until(world, two_came, seen));
  world_release(world, "zero");
  seen_wait(seen);
  expect_complete(3);
  assert_int_equal(seen->items[2].index, 0);
}

static void batch__nothing_in_it__empty_summary(void **state) {
  vertexd_BatchGenerateRequest request = vertexd_BatchGenerateRequest_INIT;

  (void)state;
  world_batch(seen, &request, 0);
  seen_wait(seen);
  expect_complete(0);
}

static void batch__wrong_items__their_errors_and_no_transfer(void **state) {
  vertexd_GenerateRequest items[4];
  vertexd_GenerateRequest *list[4];
  vertexd_Content content = vertexd_Content_INIT;
  vertexd_Content *contents = &content;
  vertexd_BatchGenerateRequest request = vertexd_BatchGenerateRequest_INIT;

  (void)state;
  for (int i = 0; i < 4; i++) {
    items[i] = (vertexd_GenerateRequest)vertexd_GenerateRequest_INIT;
    list[i] = &items[i];
  }
  items[0].id = "empty";
  items[1].prompt = "x";
  items[1].contents = &contents;
  items[1].n_contents = 1;
  items[2].prompt = "x";
  items[2].model = "../../secret";
  items[3].prompt = "fine";
  items[3].id = "fine";
  request.requests = list;
  request.n_requests = 4;
  world_batch(seen, &request, 0);
  seen_wait(seen);
  expect_complete(4);
  expect_in_order();
  assert_int_equal(seen->items[0].code, CB_INVALID_ARGUMENT);
  assert_memory_equal(seen->items[0].field, "requests[0]", 11);
  assert_string_equal(seen->items[0].id, "empty");
  assert_int_equal(seen->items[0].attempts, 0);
  assert_int_equal(seen->items[1].code, CB_INVALID_ARGUMENT);
  expect_item_error(2, CB_INVALID_ARGUMENT, "INVALID_FIELD",
                    "requests[2].model");
  assert_true(seen->items[3].has_response);
  assert_string_equal(seen->items[3].id, "fine");
  assert_int_equal(world_transfers(world), 1);
}

static void batch__wrong_envelope__the_field_is_named(void **state) {
  char *prompts[] = {"x"};
  vertexd_GenerateRequest one = vertexd_GenerateRequest_INIT;
  vertexd_GenerateRequest *requests = &one;
  vertexd_BatchGenerateRequest request = batch_of(prompts, 1);

  (void)state;
  request.requests = &requests;
  request.n_requests = 1;
  world_batch(seen, &request, 0);
  seen_wait(seen);
  expect_call_error(CB_INVALID_ARGUMENT, "INVALID_FIELD", "prompts");
  seen->over = false;
  request.n_requests = 0;
  request.max_concurrency = -1;
  world_batch(seen, &request, 0);
  seen_wait(seen);
  expect_call_error(CB_INVALID_ARGUMENT, "INVALID_FIELD", "max_concurrency");
  seen->over = false;
  request.max_concurrency = 0;
  one.prompt = "no setting";
  request.defaults = &one;
  world_batch(seen, &request, 0);
  seen_wait(seen);
  expect_call_error(CB_INVALID_ARGUMENT, "INVALID_FIELD", "defaults.prompt");
  assert_int_equal(world_transfers(world), 0);
}

static void batch__stop_on_error__the_rest_is_aborted(void **state) {
  char *prompts[] = {"a", "[[emulator hold=bad fault=http_503]]",
                     "[[emulator hold=ever]]", "d", "e"};
  vertexd_BatchGenerateRequest request = batch_of(prompts, 5);
  vertexd_BatchOptions options = vertexd_BatchOptions_INIT;

  (void)state;
  options.on_error = VERTEXD__V1__ERROR_POLICY__ERROR_POLICY_STOP;
  request.options = &options;
  request.max_concurrency = 2;
  world_batch(seen, &request, 0);
  world_until_jobs(world, 3, 2);
  world_release(world, "bad");
  seen_wait(seen);
  expect_complete(5);
  expect_in_order();
  assert_true(seen->items[0].has_response);
  expect_item_error(1, CB_UNAVAILABLE, "UPSTREAM_UNAVAILABLE", "");
  for (size_t i = 2; i < 5; i++) {
    expect_item_error(i, CB_ABORTED, "STOPPED_AFTER_ERROR", "");
  }
  assert_string_equal(seen->first_failure, "STOPPED_AFTER_ERROR");
  assert_int_equal(seen->items[2].attempts, 1);
  assert_int_equal(seen->items[4].attempts, 0);
  world_wait_idle(world);
}

static void batch__failure_that_hits_all__the_rest_is_not_sent(void **state) {
  char *prompts[] = {"a", "[[emulator fault=http_403]]", "c", "d"};
  vertexd_BatchGenerateRequest request = batch_of(prompts, 4);

  (void)state;
  request.max_concurrency = 1;
  world_batch(seen, &request, 0);
  seen_wait(seen);
  expect_complete(4);
  for (size_t i = 1; i < 4; i++) {
    expect_item_error(i, CB_FAILED_PRECONDITION, "UPSTREAM_PERMISSION_DENIED",
                      "");
  }
  assert_int_equal(world_transfers(world), 2);
}

static void batch__deadline_in_its_middle__done_and_not_done(void **state) {
  char *prompts[] = {"a", "[[emulator hold=ever]]", "c",
                     "[[emulator hold=ever]]", "e"};
  vertexd_BatchGenerateRequest request = batch_of(prompts, 5);
  vertexd_BatchOptions options = vertexd_BatchOptions_INIT;

  (void)state;
  request.options = &options;
  request.max_concurrency = 2;
  world_batch(seen, &request, expect_deadline(&options, 4 * CB_SECOND));
  seen_wait(seen);
  expect_complete(5);
  expect_in_order();
  assert_true(seen->items[0].has_response);
  assert_true(seen->items[2].has_response);
  expect_item_error(1, CB_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", "");
  expect_item_error(3, CB_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", "");
  expect_item_error(4, CB_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", "");
  world_wait_idle(world);
}

static void batch__margin_longer_than_the_call__refused(void **state) {
  char *prompts[] = {"a"};
  vertexd_BatchGenerateRequest request = batch_of(prompts, 1);
  vertexd_BatchOptions options = vertexd_BatchOptions_INIT;
  google_protobuf_Duration margin = google_protobuf_Duration_INIT;

  (void)state;
  margin.seconds = 10;
  options.deadline_margin = &margin;
  request.options = &options;
  world_batch(seen, &request, 5 * CB_SECOND);
  seen_wait(seen);
  expect_call_error(CB_DEADLINE_EXCEEDED, "DEADLINE_UNREACHABLE", "");
  assert_int_equal(world_transfers(world), 0);
}

static void batch__item_timeout__that_item_alone(void **state) {
  char *prompts[] = {"[[emulator hold=ever]]", "b"};
  vertexd_BatchGenerateRequest request = batch_of(prompts, 2);
  vertexd_BatchOptions options = vertexd_BatchOptions_INIT;
  google_protobuf_Duration timeout = google_protobuf_Duration_INIT;

  (void)state;
  timeout.seconds = 2; /* for the other one to be answered in */
  options.item_timeout = &timeout;
  request.options = &options;
  world_batch(seen, &request, 0);
  seen_wait(seen);
  expect_complete(2);
  expect_item_error(0, CB_DEADLINE_EXCEEDED, "ITEM_TIMEOUT", "");
  assert_true(seen->items[1].has_response);
}

static void batch__caller_leaves__all_transfers_are_aborted(void **state) {
  char *prompts[100];
  vertexd_BatchGenerateRequest request = batch_of(prompts, 100);
  struct cb_id id;

  (void)state;
  for (int i = 0; i < 100; i++)
    prompts[i] = "[[emulator hold=ever]]";
  request.max_concurrency = 100;
  id = world_batch(seen, &request, 0);
  while (world_transfers(world) < 100) {
    crpc_loop_step(world->loop, cb_now(NULL) + MS);
  }
  crpc_rpc_cancel(world->channel, id);
  seen_wait(seen);
  assert_int_equal(seen->code, CB_CANCELLED);
  world_wait_idle(world);
}

static bool two_were_sent(void *ctx) { return world_transfers(ctx) == 2; }

static void batch__service_shuts_down__done_and_not_done(void **state) {
  char *prompts[] = {"a", "[[emulator hold=ever]]", "never sent"};
  vertexd_BatchGenerateRequest request = batch_of(prompts, 3);
  vertexd_GenerateRequest late = vertexd_GenerateRequest_INIT;

  (void)state;
  request.max_concurrency = 1;
  world_batch(seen, &request, 0);
  assert_true(world_until(world, two_were_sent, world));
  vtx_service_shut_down(world->service);
  vtx_service_shut_down(world->service);
  seen_wait(seen);
  expect_call_ok();
  expect_complete(3);
  expect_in_order();
  assert_true(seen->items[0].has_response);
  for (size_t i = 1; i < 3; i++) {
    expect_item_error(i, CB_UNAVAILABLE, "SERVER_SHUTTING_DOWN", "");
    assert_int_equal(seen->items[i].attempts, 2 - i);
  }
  seen->over = false;
  late.prompt = "late";
  world_generate(seen, &late, 0);
  seen_wait(seen);
  expect_call_error(CB_UNAVAILABLE, "SERVER_SHUTTING_DOWN", "");
}

static bool progress_came_twice(void *ctx) {
  const struct seen *s = ctx;

  return s->progress_count >= 2;
}

static void batch__progress_wanted__comes_and_tells_what_is_up(void **state) {
  char *prompts[] = {"[[emulator hold=it]]", "[[emulator hold=it]]", "c"};
  vertexd_BatchGenerateRequest request = batch_of(prompts, 3);
  vertexd_BatchOptions options = vertexd_BatchOptions_INIT;
  google_protobuf_Duration interval = google_protobuf_Duration_INIT;

  (void)state;
  interval.nanos = 100000000;
  options.progress_interval = &interval;
  request.options = &options;
  world_batch(seen, &request, 0);
  assert_true(world_until(world, progress_came_twice, seen));
  world_release(world, "it");
  seen_wait(seen);
  expect_complete(3);
  assert_in_range(seen->most_in_flight, 2, 3);
}

static void batch__answer_over_the_message_limit__its_error(void **state) {
  char *prompts[] = {"a", "[[emulator words=2000]] b", "c"};
  vertexd_BatchGenerateRequest request = batch_of(prompts, 3);
  vertexd_BatchOptions options = vertexd_BatchOptions_INIT;

  (void)state;
  options._max_message_bytes_case =
      VERTEXD__V1__BATCH_OPTIONS___MAX_MESSAGE_BYTES_MAX_MESSAGE_BYTES;
  options.max_message_bytes = 1024;
  request.options = &options;
  world_batch(seen, &request, 0);
  seen_wait(seen);
  expect_complete(3);
  assert_true(seen->items[0].has_response);
  expect_item_error(1, CB_RESOURCE_EXHAUSTED, "RESPONSE_TOO_LARGE", "");
  assert_true(seen->items[2].has_response);
}

static void batch__thousands__every_index_once(void **state) {
  static char *prompts[3000];
  vertexd_BatchGenerateRequest request = batch_of(prompts, 3000);

  (void)state;
  for (size_t i = 0; i < 3000; i++)
    prompts[i] = i % 10 == 3 ? "" : "many";
  request.max_concurrency = 50;
  world_batch(seen, &request, 0);
  seen_wait(seen);
  expect_complete(3000);
  expect_in_order();
  assert_int_equal(seen->failed, 300);
  assert_int_equal(world_transfers(world), 2700);
}

/* True once the first prompt alone is under way and nothing more is sent. */
static bool head_is_alone(void *ctx) {
  struct vtx_service_counters counters;
  uint64_t transfers = world_transfers(ctx);

  vtx_service_counters(world->service, &counters);
  if (counters.jobs != 1 || transfers <= 100) return false;
  world_round(ctx);
  vtx_service_counters(world->service, &counters);
  return counters.jobs == 1 && world_transfers(ctx) == transfers;
}

/* While the first is slow, results that wait for it are bounded by their bytes
 * and not by the size of the batch. */
static void batch__slow_head__work_ahead_is_bounded(void **state) {
  static char *prompts[4000];
  vertexd_BatchGenerateRequest request = batch_of(prompts, 4000);

  (void)state;
  for (size_t i = 0; i < 4000; i++)
    prompts[i] = "[[emulator words=600]] x";
  prompts[0] = "[[emulator hold=head]] head";
  request.max_concurrency = 100;
  world_batch(seen, &request, 0);
  assert_true(world_until(world, head_is_alone, world));
  assert_int_equal(seen->item_count, 0);
  assert_in_range(world_transfers(world), 101, 1500);
  world_release(world, "head");
  seen_wait(seen);
  expect_complete(4000);
  expect_in_order();
  assert_int_equal(seen->succeeded, 4000);
}

/* Where memory is short, items wait or fail, each with its result. */
static void batch__memory_is_short__every_index_still_once(void **state) {
  const struct world_options options = {.memory_budget = 256 * 1024};
  static char *prompts[300];
  vertexd_BatchGenerateRequest request = batch_of(prompts, 300);

  (void)state;
  for (int i = 0; i < 300; i++)
    prompts[i] = "[[emulator words=300 latency=5ms]] x";
  world_free(world);
  world = world_new(&options);
  seen->world = world;
  request.max_concurrency = 300;
  world_batch(seen, &request, 0);
  seen_wait(seen);
  expect_complete(300);
  expect_in_order();
  for (size_t i = 0; i < 300; i++) {
    if (seen->items[i].has_response) continue;
    expect_item_error(i, CB_RESOURCE_EXHAUSTED, "SERVER_MEMORY", "");
    assert_true(seen->items[i].retryable);
  }
}

static bool first_is_under_way(void *ctx) { return world_transfers(ctx) == 1; }

/* There is memory for jobs and small answers, and none for a body. */
static void batch__no_memory_to_write_requests__server_memory(void **state) {
  static char large[200001];
  char *prompts[] = {"[[emulator hold=it]] x", large, large, large};
  vertexd_BatchGenerateRequest request = batch_of(prompts, 4);
  size_t rest;

  (void)state;
  memset(large, 'a', sizeof large - 1);
  request.max_concurrency = 1;
  world_batch(seen, &request, 0);
  assert_true(world_until(world, first_is_under_way, world));
  rest = world_use_up(world, 60000);
  world_release(world, "it");
  seen_wait(seen);
  cb_budget_release(&world->budget, rest);
  expect_complete(4);
  assert_true(seen->items[0].has_response);
  for (size_t i = 1; i < 4; i++) {
    expect_item_error(i, CB_RESOURCE_EXHAUSTED, "SERVER_MEMORY", "");
    assert_true(seen->items[i].retryable);
  }
  assert_int_equal(world_transfers(world), 1);
}

static void limits__items_at_the_limit_and_one_past__refused(void **state) {
  const struct world_options options = {.max_batch_items = 3,
                                        .max_concurrency_cap = 2};
  char *prompts[] = {"a", "b", "c", "d"};
  vertexd_BatchGenerateRequest request = batch_of(prompts, 3);

  (void)state;
  world_free(world);
  world = world_new(&options);
  seen->world = world;
  request.max_concurrency = 9;
  world_batch(seen, &request, 0);
  seen_wait(seen);
  expect_complete(3);
  assert_int_equal(seen->max_concurrency, 2);
  seen->over = false;
  request.n_prompts = 4;
  world_batch(seen, &request, 0);
  seen_wait(seen);
  expect_call_error(CB_INVALID_ARGUMENT, "TOO_MANY_ITEMS", "prompts");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(batch__slow_first__still_in_input_order),
      CASE(batch__as_completed__slow_one_comes_last),
      CASE(batch__nothing_in_it__empty_summary),
      CASE(batch__wrong_items__their_errors_and_no_transfer),
      CASE(batch__wrong_envelope__the_field_is_named),
      CASE(batch__stop_on_error__the_rest_is_aborted),
      CASE(batch__failure_that_hits_all__the_rest_is_not_sent),
      CASE(batch__deadline_in_its_middle__done_and_not_done),
      CASE(batch__margin_longer_than_the_call__refused),
      CASE(batch__item_timeout__that_item_alone),
      CASE(batch__caller_leaves__all_transfers_are_aborted),
      CASE(batch__service_shuts_down__done_and_not_done),
      CASE(batch__progress_wanted__comes_and_tells_what_is_up),
      CASE(batch__answer_over_the_message_limit__its_error),
      CASE(batch__thousands__every_index_once),
      CASE(batch__slow_head__work_ahead_is_bounded),
      CASE(batch__memory_is_short__every_index_still_once),
      CASE(batch__no_memory_to_write_requests__server_memory),
      CASE(limits__items_at_the_limit_and_one_past__refused),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
