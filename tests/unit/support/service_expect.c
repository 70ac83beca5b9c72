#include "service_expect.h"

#include <string.h>

#include "tests/unit/cmocka_all.h"

struct world *world;
struct seen *seen;

int expect_set_up(void **state) {
  (void)state;
  world = world_new(NULL);
  seen = seen_new(world);
  return 0;
}

int expect_tear_down(void **state) {
  (void)state;
  world_free(world);
  seen_free(seen);
  return 0;
}

void expect_call_ok(void) {
  if (seen->code != CB_OK) print_message("%s\n", seen->message);
  assert_int_equal(seen->code, CB_OK);
}

void expect_call_error(enum cb_code code, const char *reason,
                       const char *field) {
  assert_int_equal(seen->code, code);
  assert_string_equal(seen->reason, reason);
  assert_string_equal(seen->field, field);
}

void expect_item_error(size_t at, enum cb_code code, const char *reason,
                       const char *field) {
  assert_false(seen->items[at].has_response);
  assert_int_equal(seen->items[at].code, code);
  assert_string_equal(seen->items[at].reason, reason);
  assert_string_equal(seen->items[at].field, field);
}

void expect_complete(int32_t total) {
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

void expect_in_order(void) {
  for (size_t i = 0; i < seen->item_count; i++) {
    assert_int_equal(seen->items[i].index, i);
  }
}

int64_t expect_deadline(vertexd_BatchOptions *options, int64_t work) {
  static google_protobuf_Duration margin = google_protobuf_Duration_INIT;

  margin.seconds = 60;
  options->deadline_margin = &margin;
  return work + margin.seconds * CB_SECOND;
}

vertexd_BatchGenerateRequest batch_of(char **prompts, size_t count) {
  vertexd_BatchGenerateRequest request = vertexd_BatchGenerateRequest_INIT;

  request.prompts = prompts;
  request.n_prompts = count;
  return request;
}

vertexd_MapGenerateRequest map_of(const char *template, char **items,
                                  size_t count) {
  vertexd_MapGenerateRequest request = vertexd_MapGenerateRequest_INIT;

  request.template_ = (char *)template;
  request.items = items;
  request.n_items = count;
  return request;
}
