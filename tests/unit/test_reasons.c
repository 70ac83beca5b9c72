#include "service/vertex/reasons.h"

#include <string.h>

#include "base/arena.h"
#include "base/budget.h"
#include "base/buf.h"
#include "support/vertex_help.h"
#include "tests/unit/cmocka_all.h"

static void no_room__past_its_own_limit__that_reason(void **state) {
  struct cb_status status;
  struct cb_buf buf;

  cb_buf_init(&buf, 3, NULL);
  cb_buf_add_text(&buf, "four");
  status = vtx_no_room(*state, cb_buf_past_max(&buf), VTX_RESPONSE_TOO_LARGE,
                       "more than %d bytes", 3);
  assert_int_equal(status.code, CB_RESOURCE_EXHAUSTED);
  assert_string_equal(status.reason, "RESPONSE_TOO_LARGE");
  assert_string_equal(status.message, "more than 3 bytes");
  assert_false(status.retryable);
  cb_buf_release(&buf);
}

static void no_room__budget_used_up__server_memory(void **state) {
  struct cb_budget none;
  struct cb_status status;
  struct cb_buf buf;

  cb_budget_init(&none, 0);
  cb_buf_init(&buf, 3, &none);
  cb_buf_add_text(&buf, "two");
  status = vtx_no_room(*state, cb_buf_past_max(&buf), VTX_RESPONSE_TOO_LARGE,
                       "more than %d bytes", 3);
  assert_int_equal(status.code, CB_RESOURCE_EXHAUSTED);
  assert_string_equal(status.reason, "SERVER_MEMORY");
  assert_null(strstr(status.message, "bytes"));
  assert_true(status.retryable);
  cb_buf_release(&buf);
}

static void copy__arena_full__reason_is_there(void **state) {
  struct cb_arena *full = cb_arena_new(NULL, 1024, 0);
  struct cb_status status =
      vtx_fail(*state, VTX_UPSTREAM_UNAVAILABLE, "away for %d s", 7);
  struct cb_status copy;

  while (cb_arena_alloc(full, 1))
    continue;
  copy = vtx_status_copy(&status, full);
  assert_string_equal(copy.reason, "UPSTREAM_UNAVAILABLE");
  assert_string_equal(copy.message, "");
  assert_true(copy.retryable);
  cb_arena_free(full);
}

static void copy__room_for_it__texts_too(void **state) {
  struct cb_arena *arena = cb_arena_new(NULL, SIZE_MAX, 0);
  struct cb_status status = vtx_fail(arena, VTX_UPSTREAM_UNKNOWN, "%d", 7);
  struct cb_status copy;

  status.field = cb_arena_strdup(arena, "path");
  copy = vtx_status_copy(&status, *state);
  cb_arena_free(arena);
  assert_string_equal(copy.reason, "UPSTREAM_UNKNOWN");
  assert_string_equal(copy.message, "7");
  assert_string_equal(copy.field, "path");
}

#define TEST(name) \
  cmocka_unit_test_setup_teardown(name, vertex_set_up, vertex_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(no_room__past_its_own_limit__that_reason),
      TEST(no_room__budget_used_up__server_memory),
      TEST(copy__arena_full__reason_is_there),
      TEST(copy__room_for_it__texts_too),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
