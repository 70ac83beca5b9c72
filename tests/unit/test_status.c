#include "base/status.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "tests/unit/cmocka_all.h"

static int set_up(void **state) {
  *state = cb_arena_new(NULL, SIZE_MAX, 0);
  return *state ? 0 : -1;
}

static int tear_down(void **state) {
  cb_arena_free(*state);
  return 0;
}

static void format__long_message__cut_on_a_character(void **state) {
  char text[2101] = "a";
  struct cb_status status;

  for (int i = 1; i + 3 <= 2101; i += 2)
    memcpy(text + i, "é", 3);
  status = cb_status_format(*state, CB_INTERNAL, "R", "%s", text);
  assert_int_equal(strlen(status.message), 1999);
  assert_true(cb_utf8_valid(status.message, 1999));
  status = cb_status_format(*state, CB_INTERNAL, "R", "%s", text + 1);
  assert_int_equal(strlen(status.message), 2000);
}

static void format__arena_used_up__format_is_the_message(void **state) {
  struct cb_arena *tiny = cb_arena_new(NULL, 160, 160);
  struct cb_status status;

  (void)state;
  while (cb_arena_alloc(tiny, 1))
    continue;
  status = cb_status_format(tiny, CB_INTERNAL, "R", "broken: %d", 7);
  assert_string_equal(status.message, "broken: %d");
  status = cb_status_field(tiny, "f", "wrong %d", 7);
  assert_string_equal(status.message, "wrong %d");
  assert_string_equal(status.field, "");
  cb_arena_free(tiny);
}

static void field__name__copied(void **state) {
  char name[] = "requests[17].contents";
  struct cb_status status =
      cb_status_field(*state, name, "must not be %s", "empty");

  name[0] = 'X';
  assert_int_equal(status.code, CB_INVALID_ARGUMENT);
  assert_string_equal(status.reason, "INVALID_FIELD");
  assert_string_equal(status.field, "requests[17].contents");
  assert_string_equal(status.message, "must not be empty");
  assert_int_equal(status.retry_after, -1);
}

static void add__to_limit_and_past__keeps_sixteen(void **state) {
  struct cb_status status = cb_status_ok();

  for (int i = 0; i < CB_STATUS_PAIRS + 1; i++) {
    char key[16];

    snprintf(key, sizeof key, "k%d", i);
    cb_status_add(&status, *state, key, "v");
  }
  assert_int_equal(status.metadata_count, CB_STATUS_PAIRS);
  assert_string_equal(status.metadata[0].key, "k0");
  assert_string_equal(status.metadata[15].key, "k15");
}

static void add__to_a_copied_value__original_unchanged(void **state) {
  struct cb_status first = cb_status_ok();
  struct cb_status second;

  cb_status_add(&first, *state, "a", "1");
  second = first;
  cb_status_add(&second, *state, "b", "2");
  cb_status_add(&first, *state, "c", "3");
  assert_string_equal(second.metadata[1].key, "b");
  assert_string_equal(first.metadata[1].key, "c");
}

static void copy__original_gone__all_there(void **state) {
  struct cb_arena *arena = cb_arena_new(NULL, SIZE_MAX, 0);
  struct cb_quota_violation quota[2] = {{"s0", "d0"}, {"s1", "d1"}};
  struct cb_status status = cb_status_field(arena, "path", "message %d", 1);
  struct cb_status copy;

  status.reason = cb_arena_strdup(arena, "REASON");
  status.finish_reason = cb_arena_strdup(arena, "SAFETY");
  status.http_status = 429;
  status.retryable = true;
  status.retry_after = 5;
  status.quota = quota;
  status.quota_count = 2;
  cb_status_add(&status, arena, "k", "v");
  copy = cb_status_copy(&status, *state);
  memset(quota, 0, sizeof quota);
  cb_arena_free(arena);
  assert_int_equal(copy.code, CB_INVALID_ARGUMENT);
  assert_string_equal(copy.reason, "REASON");
  assert_string_equal(copy.message, "message 1");
  assert_string_equal(copy.field, "path");
  assert_string_equal(copy.finish_reason, "SAFETY");
  assert_int_equal(copy.http_status, 429);
  assert_true(copy.retryable);
  assert_int_equal(copy.retry_after, 5);
  assert_int_equal(copy.metadata_count, 1);
  assert_string_equal(copy.metadata[0].value, "v");
  assert_int_equal(copy.quota_count, 2);
  assert_string_equal(copy.quota[1].description, "d1");
}

static void code_name__every_code__reads_back(void **state) {
  enum cb_code code;

  (void)state;
  for (int i = 0; i <= 16; i++) {
    assert_true(cb_code_from_name(cb_code_name((enum cb_code)i), &code));
    assert_int_equal(code, i);
  }
  assert_string_equal(cb_code_name(CB_UNAUTHENTICATED), "UNAUTHENTICATED");
  assert_string_equal(cb_code_name((enum cb_code)17), "UNKNOWN");
  assert_string_equal(cb_code_name((enum cb_code) - 1), "UNKNOWN");
  assert_false(cb_code_from_name("ok", &code));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(format__long_message__cut_on_a_character),
      cmocka_unit_test(format__arena_used_up__format_is_the_message),
      cmocka_unit_test(field__name__copied),
      cmocka_unit_test(add__to_limit_and_past__keeps_sixteen),
      cmocka_unit_test(add__to_a_copied_value__original_unchanged),
      cmocka_unit_test(copy__original_gone__all_there),
      cmocka_unit_test(code_name__every_code__reads_back),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
