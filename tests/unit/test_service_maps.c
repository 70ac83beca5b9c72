/* The rules of maps, as a client sees them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cmocka_all.h"
#include "crpc/loop.h"
#include "support/service_expect.h"

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

static bool first_is_over(void *ctx) {
  const struct world *w = ctx;
  struct vtx_service_counters counters;

  vtx_service_counters(w->service, &counters);
  return counters.jobs_total == 5 || counters.jobs == 1;
}

/* Results 1 and 2 wait for the first one; then others have all the memory.
 * Until the map has stopped for that, what comes next may fail for want of
 * memory, or be sent: two at a time, and those are held. */
static void map__memory_runs_out__errors_in_their_places(void **state) {
  static char *items[100];
  vertexd_MapGenerateRequest request = map_of("{item}", items, 100);
  size_t taken;

  (void)state;
  for (int i = 0; i < 100; i++)
    items[i] = "[[emulator hold=later]]";
  items[0] = "[[emulator hold=first]]";
  items[1] = "[[emulator words=2000]]";
  items[2] = "c";
  request.max_concurrency = 2;
  world_map(seen, &request, 0);
  world_until_jobs(world, 4, 2);
  taken = world_use_up(world, 0);
  world_release(world, "first");
  assert_true(world_until(world, first_is_over, world));
  world_round(world); /* the map has its result, and stops */
  world_round(world); /* the engine knows */
  world_release(world, "later");
  seen_wait(seen);
  cb_budget_release(&world->budget, taken);
  expect_call_ok();
  expect_complete(100);
  expect_in_order();
  expect_item_error(1, CB_RESOURCE_EXHAUSTED, "SERVER_MEMORY", "");
  expect_item_error(99, CB_RESOURCE_EXHAUSTED, "SERVER_MEMORY", "");
  assert_true(seen->items[1].retryable && seen->items[99].retryable);
  assert_in_range(world_transfers(world), 4, 5);
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

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(map__items__rendered_in_order),
      CASE(map__key_missing_in_one__its_error_alone),
      CASE(map__wrong_template__the_call_fails),
      CASE(map__no_items__empty_summary),
      CASE(map__message_full__the_rest_is_not_sent),
      CASE(map__memory_runs_out__errors_in_their_places),
      CASE(map__more_items_than_errors_fit__refused),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
