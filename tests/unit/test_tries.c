#include "service/batch/tries.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "service/vertex/reasons.h"
#include "tests/unit/cmocka_all.h"

static struct cb_status failed_with(enum vtx_reason reason, int http) {
  const struct vtx_reason_entry *entry = &vtx_reason_table[reason];
  struct cb_status status = cb_status_make(entry->code, entry->name, "");

  status.http_status = http;
  return status;
}

static void note__more_than_are_kept__the_last_from_the_oldest(void **state) {
  struct cb_arena *arena = cb_arena_new(NULL, SIZE_MAX, 0);
  const struct cb_status status = failed_with(VTX_UPSTREAM_UNAVAILABLE, 503);
  struct vtx_tries tries = {.count = 0};
  char name[16];

  (void)state;
  for (int i = 0; i < 11; i++) {
    assert_int_equal(vtx_tries_kept(&tries),
                     i < VTX_TRIES_KEPT ? i : VTX_TRIES_KEPT);
    snprintf(name, sizeof name, "t%d", i);
    vtx_tries_note(&tries, arena, name, &status, i);
  }
  assert_string_equal(vtx_tries_at(&tries, 0)->target, "t3");
  assert_string_equal(vtx_tries_at(&tries, 7)->target, "t10");
  assert_int_equal(vtx_tries_at(&tries, 7)->duration, 10);
  assert_int_equal(vtx_tries_at(&tries, 7)->http_status, 503);
  assert_int_equal(vtx_tries_at(&tries, 7)->code, CB_UNAVAILABLE);
  cb_arena_free(arena);
}

static void name__noted_or_not__its_copy_or_none(void **state) {
  struct cb_arena *arena = cb_arena_new(NULL, SIZE_MAX, 0);
  const struct cb_status status = failed_with(VTX_UPSTREAM_UNAVAILABLE, 503);
  struct vtx_tries tries = {.count = 0};

  (void)state;
  assert_null(vtx_tries_name(NULL, "a"));
  assert_null(vtx_tries_name(&tries, "a"));
  vtx_tries_note(&tries, arena, "a", &status, 1);
  assert_ptr_equal(vtx_tries_name(&tries, "a"), tries.kept[0].target);
  assert_null(vtx_tries_name(&tries, "b"));
  cb_arena_free(arena);
}

/* What waits for quota is refused again and again. */
static void note__thousands__memory_is_bounded(void **state) {
  struct cb_arena *arena = cb_arena_new(NULL, SIZE_MAX, 0);
  const struct cb_status status =
      failed_with(VTX_UPSTREAM_QUOTA_EXHAUSTED, 429);
  struct vtx_tries tries = {.count = 0};
  char name[64];

  (void)state;
  for (int i = 0; i < 100000; i++) {
    snprintf(name, sizeof name, "host/location-%d/model", i % 50);
    vtx_tries_note(&tries, arena, name, &status, 1);
  }
  assert_int_equal(tries.names, VTX_TRIES_NAMES);
  assert_true(cb_arena_size(arena) < 8192);
  cb_arena_free(arena);
}

static void text__same_one_after_the_other__said_once(void **state) {
  struct cb_arena *arena = cb_arena_new(NULL, SIZE_MAX, 0);
  const struct cb_status away = failed_with(VTX_UPSTREAM_UNAVAILABLE, 503);
  const struct cb_status quota = failed_with(VTX_UPSTREAM_QUOTA_EXHAUSTED, 429);
  const struct cb_status ours = vtx_no_memory("");
  struct vtx_tries tries = {.count = 0};
  char text[VTX_TRIES_TEXT];

  (void)state;
  vtx_tries_text(&tries, text);
  assert_string_equal(text, "");
  vtx_tries_note(&tries, arena, "a", &quota, 1);
  vtx_tries_note(&tries, arena, "a", &quota, 1);
  vtx_tries_note(&tries, arena, "b", &away, 1);
  vtx_tries_note(&tries, arena, "a", &ours, 1);
  vtx_tries_text(&tries, text);
  assert_string_equal(text,
                      "a UPSTREAM_QUOTA_EXHAUSTED, b UPSTREAM_UNAVAILABLE, "
                      "a SERVER_MEMORY");
  cb_arena_free(arena);
}

static void text__long_names__whole_ones_that_fit(void **state) {
  struct cb_arena *arena = cb_arena_new(NULL, SIZE_MAX, 0);
  const struct cb_status away = failed_with(VTX_UPSTREAM_UNAVAILABLE, 503);
  struct vtx_tries tries = {.count = 0};
  char text[VTX_TRIES_TEXT];
  char name[2][260];

  (void)state;
  for (int i = 0; i < 2; i++) {
    memset(name[i], 'a' + i, 259);
    name[i][259] = '\0';
  }
  for (int i = 0; i < 4; i++)
    vtx_tries_note(&tries, arena, name[i % 2], &away, 1);
  vtx_tries_text(&tries, text);
  assert_int_equal(strlen(text),
                   2 * (259 + strlen(" UPSTREAM_UNAVAILABLE")) + strlen(", "));
  cb_arena_free(arena);
}

static void fill__serving__the_attempts_in_order(void **state) {
  struct cb_arena *arena = cb_arena_new(NULL, SIZE_MAX, 0);
  const struct cb_status away = failed_with(VTX_UPSTREAM_UNAVAILABLE, 503);
  const struct cb_status quota = failed_with(VTX_UPSTREAM_QUOTA_EXHAUSTED, 429);
  Vertexd__V1__Serving serving = VERTEXD__V1__SERVING__INIT;
  struct vtx_tries tries = {.count = 0};

  (void)state;
  vtx_tries_note(&tries, arena, "a", &quota, 1);
  vtx_tries_note(&tries, arena, "b", &away, INT64_C(2000000005));
  vtx_tries_fill(&tries, arena, &serving);
  assert_int_equal(serving.n_failed_attempts, 2);
  assert_string_equal(serving.failed_attempts[0]->reason,
                      "UPSTREAM_QUOTA_EXHAUSTED");
  assert_string_equal(serving.failed_attempts[1]->target, "b");
  assert_int_equal(serving.failed_attempts[1]->http_status, 503);
  assert_int_equal(serving.failed_attempts[1]->code,
                   VERTEXD__V1__ERROR__CODE__UNAVAILABLE);
  assert_int_equal(serving.failed_attempts[1]->duration->seconds, 2);
  assert_int_equal(serving.failed_attempts[1]->duration->nanos, 5);
  cb_arena_free(arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(note__more_than_are_kept__the_last_from_the_oldest),
      cmocka_unit_test(name__noted_or_not__its_copy_or_none),
      cmocka_unit_test(note__thousands__memory_is_bounded),
      cmocka_unit_test(text__same_one_after_the_other__said_once),
      cmocka_unit_test(text__long_names__whole_ones_that_fit),
      cmocka_unit_test(fill__serving__the_attempts_in_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
