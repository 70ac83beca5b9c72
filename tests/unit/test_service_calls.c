/* The rules of the contract, through a client, a server and the emulator in
 * one process. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cmocka_all.h"
#include "crpc/loop.h"
#include "support/service_world.h"

#define MS CB_MILLISECOND

static struct world *world;
static struct seen *seen;

static int set_up(void **state) {
  (void)state;
  world = world_new(NULL);
  seen = seen_new(world);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  world_free(world);
  seen_free(seen);
  return 0;
}

static void expect_call_ok(void) {
  if (seen->code != CB_OK) print_message("%s\n", seen->message);
  assert_int_equal(seen->code, CB_OK);
}

static void expect_call_error(enum cb_code code, const char *reason,
                              const char *field) {
  assert_int_equal(seen->code, code);
  assert_string_equal(seen->reason, reason);
  assert_string_equal(seen->field, field);
}

static void expect_item_error(size_t at, enum cb_code code, const char *reason,
                              const char *field) {
  assert_false(seen->items[at].has_response);
  assert_int_equal(seen->items[at].code, code);
  assert_string_equal(seen->items[at].reason, reason);
  assert_string_equal(seen->items[at].field, field);
}

/* Every index once, and the summary once and adding up. */
static void expect_complete(int32_t total) {
  static bool there[SEEN_ITEMS];

  memset(there, 0, sizeof there);
  expect_call_ok();
  assert_int_equal(seen->item_count, total);
  for (size_t i = 0; i < seen->item_count; i++) {
    assert_in_range(seen->items[i].index, 0, total - 1);
    assert_false(there[seen->items[i].index]);
    there[seen->items[i].index] = true;
  }
  assert_int_equal(seen->summaries, 1);
  assert_int_equal(seen->total, total);
  assert_int_equal(seen->succeeded + seen->failed, total);
}

static void expect_in_order(void) {
  for (size_t i = 0; i < seen->item_count; i++) {
    assert_int_equal(seen->items[i].index, i);
  }
}

static vertexd_BatchGenerateRequest batch_of(char **prompts, size_t count) {
  vertexd_BatchGenerateRequest request = vertexd_BatchGenerateRequest_INIT;

  request.prompts = prompts;
  request.n_prompts = count;
  return request;
}

static vertexd_MapGenerateRequest map_of(const char *template, char **items,
                                         size_t count) {
  vertexd_MapGenerateRequest request = vertexd_MapGenerateRequest_INIT;

  request.template_ = (char *)template;
  request.items = items;
  request.n_items = count;
  return request;
}

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
  request.prompt = "[[emulator latency=10s]]";
  world_generate(seen, &request, 300 * MS);
  seen_wait(seen);
  expect_call_error(CB_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", "");
  assert_in_range(cb_now(NULL) - begun, 250 * MS, 3 * CB_SECOND);
  world_wait_idle(world);
}

static void generate__caller_leaves__upstream_is_aborted(void **state) {
  vertexd_GenerateRequest request = vertexd_GenerateRequest_INIT;
  int64_t begun;
  struct cb_id id;

  (void)state;
  request.prompt = "[[emulator latency=30s]]";
  id = world_generate(seen, &request, 0);
  while (world_transfers(world) == 0) {
    crpc_loop_step(world->loop, cb_now(NULL) + MS);
  }
  begun = cb_now(NULL);
  crpc_rpc_cancel(world->channel, id);
  seen_wait(seen);
  assert_int_equal(seen->code, CB_CANCELLED);
  world_wait_idle(world);
  assert_true(cb_now(NULL) - begun < 2 * CB_SECOND);
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

static void batch__slow_first__still_in_input_order(void **state) {
  char *prompts[] = {"[[emulator latency=300ms]] zero", "one", "two"};
  vertexd_BatchGenerateRequest request = batch_of(prompts, 3);

  (void)state;
  request.max_concurrency = 3;
  world_batch(seen, &request, 0);
  seen_wait(seen);
  expect_complete(3);
  expect_in_order();
  assert_non_null(strstr(seen->items[0].text, "zero"));
  assert_non_null(strstr(seen->items[2].text, "two"));
  assert_int_equal(seen->succeeded, 3);
  assert_int_equal(seen->max_concurrency, 3);
  assert_true(seen->total_tokens > 0);
}

static void batch__as_completed__slow_one_comes_last(void **state) {
  char *prompts[] = {"[[emulator latency=300ms]] zero", "one", "two"};
  vertexd_BatchGenerateRequest request = batch_of(prompts, 3);
  vertexd_BatchOptions options = vertexd_BatchOptions_INIT;

  (void)state;
  options.order = VERTEXD__V1__RESULT_ORDER__RESULT_ORDER_AS_COMPLETED;
  request.options = &options;
  world_batch(seen, &request, 0);
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
  char *prompts[] = {"a", "[[emulator latency=50ms fault=http_503]]",
                     "[[emulator latency=20s]]", "d", "e"};
  vertexd_BatchGenerateRequest request = batch_of(prompts, 5);
  vertexd_BatchOptions options = vertexd_BatchOptions_INIT;
  int64_t begun = cb_now(NULL);

  (void)state;
  options.on_error = VERTEXD__V1__ERROR_POLICY__ERROR_POLICY_STOP;
  request.options = &options;
  request.max_concurrency = 2;
  world_batch(seen, &request, 0);
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
  assert_true(cb_now(NULL) - begun < 10 * CB_SECOND);
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
  char *prompts[] = {"a", "[[emulator latency=20s]]", "c",
                     "[[emulator latency=20s]]", "e"};
  vertexd_BatchGenerateRequest request = batch_of(prompts, 5);

  (void)state;
  request.max_concurrency = 2;
  world_batch(seen, &request, 1 * CB_SECOND);
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
  char *prompts[] = {"[[emulator latency=20s]]", "b"};
  vertexd_BatchGenerateRequest request = batch_of(prompts, 2);
  vertexd_BatchOptions options = vertexd_BatchOptions_INIT;
  google_protobuf_Duration timeout = google_protobuf_Duration_INIT;

  (void)state;
  timeout.nanos = 200000000;
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
    prompts[i] = "[[emulator latency=30s]]";
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

static void batch__progress_wanted__comes_and_tells_what_is_up(void **state) {
  char *prompts[] = {"[[emulator latency=700ms]]", "[[emulator latency=700ms]]",
                     "c"};
  vertexd_BatchGenerateRequest request = batch_of(prompts, 3);
  vertexd_BatchOptions options = vertexd_BatchOptions_INIT;
  google_protobuf_Duration interval = google_protobuf_Duration_INIT;

  (void)state;
  interval.nanos = 100000000;
  options.progress_interval = &interval;
  request.options = &options;
  world_batch(seen, &request, 0);
  seen_wait(seen);
  expect_complete(3);
  assert_true(seen->progress_count >= 2);
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

static void map__items__rendered_in_order(void **state) {
  char *items[] = {"C", "Rust"};
  vertexd_MapGenerateRequest request =
      map_of("What is {item} ({index})?", items, 2);

  (void)state;
  request.item_template = "the {item} language";
  world_map(seen, &request, 0);
  seen_wait(seen);
  expect_complete(2);
  expect_in_order();
  assert_non_null(strstr(seen->items[0].text, "the C language (0)"));
  assert_non_null(strstr(seen->items[1].text, "the Rust language (1)"));
}

static void map__key_missing_in_one__its_error_alone(void **state) {
  google_protobuf_Value values[2];
  google_protobuf_Value *list[2] = {&values[0], &values[1]};
  google_protobuf_Struct object = google_protobuf_Struct_INIT;
  google_protobuf_Struct_FieldsEntry entry =
      google_protobuf_Struct_FieldsEntry_INIT;
  google_protobuf_Struct_FieldsEntry *entries = &entry;
  google_protobuf_Value name = google_protobuf_Value_INIT;
  vertexd_MapGenerateRequest request = vertexd_MapGenerateRequest_INIT;

  (void)state;
  name.kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE;
  name.string_value = "gopher";
  entry.key = "name";
  entry.value = &name;
  object.fields = &entries;
  object.n_fields = 1;
  values[0] = (google_protobuf_Value)google_protobuf_Value_INIT;
  values[0].kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE;
  values[0].struct_value = &object;
  values[1] = (google_protobuf_Value)google_protobuf_Value_INIT;
  values[1].kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE;
  values[1].number_value = 3;
  request.template_ = "Who is {item.name}?";
  request.values = list;
  request.n_values = 2;
  world_stream_map(seen, &request, 0);
  seen_wait(seen);
  expect_complete(2);
  assert_non_null(strstr(seen->items[0].text, "Who is gopher?"));
  expect_item_error(1, CB_INVALID_ARGUMENT, "TEMPLATE_KEY_MISSING",
                    "values[1]");
  assert_int_equal(world_transfers(world), 1);
}

static void map__wrong_template__the_call_fails(void **state) {
  char *items[] = {"a"};
  vertexd_MapGenerateRequest request = map_of("ab {nope}", items, 1);

  (void)state;
  world_map(seen, &request, 0);
  seen_wait(seen);
  expect_call_error(CB_INVALID_ARGUMENT, "TEMPLATE_INVALID", "template");
  assert_non_null(strstr(seen->message, "\"{nope}\" at byte 3"));
}

static void map__no_items__empty_summary(void **state) {
  vertexd_MapGenerateRequest request = map_of("x", NULL, 0);

  (void)state;
  world_map(seen, &request, 0);
  seen_wait(seen);
  expect_complete(0);
}

/* A message so small that only some answers fit: all items are there, the
 * message keeps its limit, and what could not fit was not asked for. */
static void map__message_full__the_rest_is_not_sent(void **state) {
  static char *items[200];
  vertexd_MapGenerateRequest request =
      map_of("[[emulator words=40]] {item}", items, 200);
  vertexd_BatchOptions options = vertexd_BatchOptions_INIT;

  (void)state;
  for (int i = 0; i < 200; i++)
    items[i] = "x";
  options._max_message_bytes_case =
      VERTEXD__V1__BATCH_OPTIONS___MAX_MESSAGE_BYTES_MAX_MESSAGE_BYTES;
  options.max_message_bytes = 20000;
  request.options = &options;
  request.max_concurrency = 2;
  world_map(seen, &request, 0);
  seen_wait(seen);
  expect_complete(200);
  expect_in_order();
  assert_true(seen->succeeded > 1);
  assert_true(seen->failed > 100);
  assert_string_equal(seen->first_failure, "RESPONSE_TOO_LARGE");
  assert_true(seen->text_bytes <= 20000);
  assert_true(world_transfers(world) < 100);
}

static void map__more_items_than_errors_fit__refused(void **state) {
  static char *items[200];
  vertexd_MapGenerateRequest request = map_of("{item}", items, 200);
  vertexd_BatchOptions options = vertexd_BatchOptions_INIT;

  (void)state;
  for (int i = 0; i < 200; i++)
    items[i] = "x";
  options._max_message_bytes_case =
      VERTEXD__V1__BATCH_OPTIONS___MAX_MESSAGE_BYTES_MAX_MESSAGE_BYTES;
  options.max_message_bytes = 5000;
  request.options = &options;
  world_map(seen, &request, 0);
  seen_wait(seen);
  expect_call_error(CB_INVALID_ARGUMENT, "TOO_MANY_ITEMS", "items");
  assert_non_null(strstr(seen->message, "StreamMapGenerate"));
  assert_int_equal(world_transfers(world), 0);
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

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(generate__a_prompt__answered),
      CASE(generate__wrong_request__named_and_not_sent),
      CASE(generate__deadline_before_the_answer__typed_error),
      CASE(generate__caller_leaves__upstream_is_aborted),
      CASE(generate__include_raw__the_json_as_it_came),
      CASE(generate__count_wanted_and_usage_missing__one_more_call),
      CASE(stream__a_prompt__pieces_and_a_last_message),
      CASE(stream__error_in_mid_stream__after_what_was_sent),
      CASE(stream__reader_pauses__nothing_is_lost),
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
      CASE(batch__progress_wanted__comes_and_tells_what_is_up),
      CASE(batch__answer_over_the_message_limit__its_error),
      CASE(batch__thousands__every_index_once),
      CASE(map__items__rendered_in_order),
      CASE(map__key_missing_in_one__its_error_alone),
      CASE(map__wrong_template__the_call_fails),
      CASE(map__no_items__empty_summary),
      CASE(map__message_full__the_rest_is_not_sent),
      CASE(map__more_items_than_errors_fit__refused),
      CASE(count__a_prompt__its_tokens),
      CASE(limits__items_at_the_limit_and_one_past__refused),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
