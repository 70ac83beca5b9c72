#include "crpc/status_details.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "google/rpc/status.crpc.h"
#include "tests/unit/cmocka_all.h"

static int set_up(void **state) {
  *state = cb_arena_new(NULL, (size_t)1 << 20, 0);
  return *state ? 0 : -1;
}

static int tear_down(void **state) {
  cb_arena_free(*state);
  return 0;
}

/* What a client makes of what a server packs. */
static struct cb_status there_and_back(const struct cb_status *status,
                                       struct cb_arena *arena) {
  struct crpc_trailers trailers;

  crpc_status_pack(status, "test", arena, &trailers);
  return crpc_status_parse(status->code, trailers.message, trailers.details,
                           trailers.details_size, arena);
}

static size_t sent_size(const struct crpc_trailers *trailers) {
  size_t size = (trailers->details_size + 2) / 3 * 4;

  for (const char *at = trailers->message; *at; at++)
    size += *at >= ' ' && *at <= '~' && *at != '%' ? 1 : 3;
  return size;
}

static char *repeat(struct cb_arena *arena, const char *text, size_t times) {
  size_t size = strlen(text);
  char *all = cb_arena_alloc(arena, size * times + 1);

  for (size_t i = 0; i < times; i++)
    memcpy(all + i * size, text, size);
  all[size * times] = 0;
  return all;
}

static void pack__all_details__come_back(void **state) {
  const struct cb_pair metadata[] = {{"target", "global"}, {"model", "m"}};
  const struct cb_quota_violation quota[] = {{"calls", "too many"}};
  struct cb_status status =
      cb_status_make(CB_RESOURCE_EXHAUSTED, "QUOTA", "no more: ä %");
  struct cb_status back;

  status.field = "requests[17].contents";
  status.retry_after = 1500000001;
  status.http_status = 429;
  status.finish_reason = "SAFETY";
  status.metadata = metadata;
  status.metadata_count = 2;
  status.quota = quota;
  status.quota_count = 1;
  back = there_and_back(&status, *state);
  assert_int_equal(back.code, CB_RESOURCE_EXHAUSTED);
  assert_string_equal(back.reason, "QUOTA");
  assert_string_equal(back.message, "no more: ä %");
  assert_string_equal(back.field, "requests[17].contents");
  assert_int_equal(back.retry_after, 1500000001);
  assert_true(back.retryable);
  assert_int_equal(back.http_status, 429);
  assert_string_equal(back.finish_reason, "SAFETY");
  assert_int_equal(back.metadata_count, 2);
  assert_string_equal(back.metadata[1].key, "model");
  assert_string_equal(back.metadata[1].value, "m");
  assert_int_equal(back.quota_count, 1);
  assert_string_equal(back.quota[0].description, "too many");
}

static void pack__nothing_to_detail__no_details(void **state) {
  struct cb_status status = cb_status_make(CB_UNKNOWN, "", "what");
  struct cb_status ok = cb_status_ok();
  struct crpc_trailers trailers;

  crpc_status_pack(&status, "test", *state, &trailers);
  assert_int_equal(trailers.details_size, 0);
  assert_string_equal(trailers.message, "what");
  crpc_status_pack(&ok, "test", *state, &trailers);
  assert_int_equal(trailers.details_size, 0);
  assert_string_equal(trailers.message, "");
}

static void pack__long_metadata__is_cut_before_the_message(void **state) {
  struct cb_pair metadata = {"text", repeat(*state, "\xE2\x82\xAC", 20000)};
  struct cb_status status =
      cb_status_make(CB_INTERNAL, "JSON_INVALID", "short");
  struct crpc_trailers trailers;
  struct cb_status back;

  status.metadata = &metadata;
  status.metadata_count = 1;
  crpc_status_pack(&status, "test", *state, &trailers);
  assert_in_range(sent_size(&trailers), 100, CRPC_TRAILERS_MAX);
  back = crpc_status_parse(CB_INTERNAL, trailers.message, trailers.details,
                           trailers.details_size, *state);
  assert_string_equal(back.message, "short");
  assert_in_range(strlen(back.metadata[0].value), 300, 3000);
  assert_true(
      cb_utf8_valid(back.metadata[0].value, strlen(back.metadata[0].value)));
}

static void pack__everything_too_long__fits(void **state) {
  struct cb_arena *arena = *state;
  struct cb_pair metadata[40];
  struct cb_quota_violation quota[40];
  struct cb_status status = cb_status_make(
      CB_INVALID_ARGUMENT, repeat(arena, "R", 500), repeat(arena, "ü", 1000));
  struct crpc_trailers trailers;

  for (size_t i = 0; i < 40; i++) {
    metadata[i] =
        (struct cb_pair){repeat(arena, "k", 100), repeat(arena, "\x01", 3000)};
    quota[i] =
        (struct cb_quota_violation){metadata[i].value, metadata[i].value};
  }
  status.field = repeat(arena, "field.", 400);
  status.metadata = metadata;
  status.metadata_count = 40;
  status.quota = quota;
  status.quota_count = 40;
  status.retry_after = 1;
  status.http_status = 500;
  status.finish_reason = "X";
  crpc_status_pack(&status, repeat(arena, "d", 100), arena, &trailers);
  assert_true(trailers.details_size > 0);
  assert_true(sent_size(&trailers) <= CRPC_TRAILERS_MAX);
  assert_true(strlen(trailers.message) >= 200);
}

static void pack__bad_utf8__is_mended(void **state) {
  struct cb_status status =
      cb_status_make(CB_INTERNAL, "BROKEN", "bad \xFF text");
  struct cb_status back = there_and_back(&status, *state);

  assert_string_equal(back.message, "bad \xEF\xBF\xBD text");
  assert_string_equal(back.reason, "BROKEN");
}

static void pack__no_memory__message_without_details(void **state) {
  struct cb_arena *tiny = cb_arena_new(NULL, 200, 200);
  struct cb_status status = cb_status_make(CB_INTERNAL, "R", "message");
  struct crpc_trailers trailers;

  (void)state;
  while (cb_arena_alloc(tiny, 1)) {
  }
  crpc_status_pack(&status, "test", tiny, &trailers);
  assert_string_equal(trailers.message, "message");
  assert_int_equal(trailers.details_size, 0);
  cb_arena_free(tiny);
}

static void parse__no_details__code_and_message(void **state) {
  struct cb_status status =
      crpc_status_parse(CB_UNAVAILABLE, "gone", NULL, 0, *state);

  assert_int_equal(status.code, CB_UNAVAILABLE);
  assert_string_equal(status.message, "gone");
  assert_string_equal(status.reason, "");
  assert_true(status.retryable);
  assert_int_equal(status.retry_after, -1);
}

static void parse__garbage_or_another_code__ignored(void **state) {
  struct cb_status status = cb_status_make(CB_INTERNAL, "REASON", "m");
  struct crpc_trailers trailers;

  crpc_status_pack(&status, "test", *state, &trailers);
  assert_string_equal(crpc_status_parse(CB_ABORTED, "m", trailers.details,
                                        trailers.details_size, *state)
                          .reason,
                      "");
  assert_string_equal(crpc_status_parse(CB_INTERNAL, "m",
                                        (const uint8_t *)"\xFF\xFF", 2, *state)
                          .reason,
                      "");
  for (size_t i = 1; i < trailers.details_size; i++)
    crpc_status_parse(CB_INTERNAL, "m", trailers.details, i, *state);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(pack__all_details__come_back),
      CASE(pack__nothing_to_detail__no_details),
      CASE(pack__long_metadata__is_cut_before_the_message),
      CASE(pack__everything_too_long__fits),
      CASE(pack__bad_utf8__is_mended),
      CASE(pack__no_memory__message_without_details),
      CASE(parse__no_details__code_and_message),
      CASE(parse__garbage_or_another_code__ignored),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
