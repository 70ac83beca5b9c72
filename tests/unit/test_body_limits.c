/* What a caller decides the size of, and what a tree of it costs. */
#include <string.h>

#include "base/arena.h"
#include "base/budget.h"
#include "base/buf.h"
#include "service/vertex/body.h"
#include "service/vertex/body_schema.h"
#include "support/vertex_help.h"
#include "tests/unit/cmocka_all.h"

typedef Vertexd__V1__GenerateRequest request_t;

static request_t *hi(struct cb_arena *arena) {
  request_t *request = vertex_decode(
      arena, &vertexd__v1__generate_request__descriptor, "{}", NULL);

  request->prompt = "hi";
  return request;
}

static struct vtx_prompt prompt_of(const request_t *request) {
  return (struct vtx_prompt){.request = request, .default_model = "m"};
}

/* {"a":"xxx..."} of so many bytes. */
static char *object_of_size(struct cb_arena *arena, size_t size) {
  char *text = cb_arena_alloc(arena, size + 1);

  assert_non_null(text);
  memset(text, 'x', size);
  memcpy(text, "{\"a\":\"", 6);
  memcpy(text + size - 2, "\"}", 3);
  return text;
}

static void check__schema_text_of_16_mib__taken_one_more_refused(void **state) {
  request_t *request = hi(*state);
  struct vtx_prompt prompt = prompt_of(request);
  struct vtx_wants wants;
  struct cb_status status;

  request->json_schema_text = object_of_size(*state, VTX_MAX_SCHEMA_BYTES);
  status = vtx_prompt_check(&prompt, "requests[2]", *state, &wants);
  assert_int_equal(status.code, CB_OK);
  request->json_schema_text = object_of_size(*state, VTX_MAX_SCHEMA_BYTES + 1);
  status = vtx_prompt_check(&prompt, "requests[2]", *state, &wants);
  assert_string_equal(status.reason, "INVALID_FIELD");
  assert_string_equal(status.field, "requests[2].json_schema_text");
}

static struct cb_status write_extra(struct cb_arena *arena, size_t size,
                                    size_t room) {
  request_t *request = hi(arena);
  struct vtx_prompt prompt = prompt_of(request);
  struct cb_status status;
  struct cb_buf out;

  request->extra_body =
      vertex_decode(arena, &google__protobuf__struct__descriptor,
                    object_of_size(arena, size), NULL);
  cb_buf_init(&out, room, NULL);
  status = vtx_body_generate(&prompt, "requests[2]", arena, &out);
  assert_true((out.len > size) == (status.code == CB_OK));
  cb_buf_release(&out);
  return status;
}

static void generate__extra_of_16_mib__taken_one_more_refused(void **state) {
  size_t room = (size_t)2 * VTX_MAX_EXTRA_BYTES;
  struct cb_status status = write_extra(*state, VTX_MAX_EXTRA_BYTES, room);

  assert_int_equal(status.code, CB_OK);
  status = write_extra(*state, VTX_MAX_EXTRA_BYTES + 1, room);
  assert_string_equal(status.reason, "INVALID_FIELD");
  assert_string_equal(status.field, "requests[2].extra_body");
}

static void generate__extra_past_the_room__request_too_large(void **state) {
  assert_string_equal(write_extra(*state, 1001, 1000).reason,
                      "REQUEST_TOO_LARGE");
}

/* {"enum":[{},{},...]} with so many. */
static char *object_of_objects(struct cb_arena *arena, size_t count) {
  char *text = cb_arena_alloc(arena, 3 * count + 16);
  size_t size = 9;

  assert_non_null(text);
  memcpy(text, "{\"enum\":[", 9);
  for (size_t i = 0; i < count; i++, size += 3)
    memcpy(text + size, "{},", 3);
  memcpy(text + size - 1, "]}", 3);
  return text;
}

/* 20 kB of text, for which 8 MB are needed and 1 MB is there. */
static void generate__tree_past_the_budget__server_memory(void **state) {
  char *text = object_of_objects(*state, 7000);

  for (int extra = 0; extra < 2; extra++) {
    request_t *request = hi(*state);
    struct vtx_prompt prompt = prompt_of(request);
    struct cb_budget budget;
    struct cb_arena *arena;
    struct cb_status status;
    struct cb_buf out;

    if (extra)
      request->extra_body = vertex_decode(
          *state, &google__protobuf__struct__descriptor, text, NULL);
    else
      request->json_schema_text = text;
    cb_budget_init(&budget, 1 << 20);
    arena = cb_arena_new(&budget, SIZE_MAX, 0);
    cb_buf_init(&out, SIZE_MAX, &budget);
    status = vtx_body_generate(&prompt, "", arena, &out);
    assert_string_equal(status.reason, "SERVER_MEMORY");
    assert_true(status.retryable);
    cb_buf_release(&out);
    cb_arena_free(arena);
    assert_int_equal(cb_budget_used(&budget), 0);
  }
}

#define TEST(name) \
  cmocka_unit_test_setup_teardown(name, vertex_set_up, vertex_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(check__schema_text_of_16_mib__taken_one_more_refused),
      TEST(generate__extra_of_16_mib__taken_one_more_refused),
      TEST(generate__extra_past_the_room__request_too_large),
      TEST(generate__tree_past_the_budget__server_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
