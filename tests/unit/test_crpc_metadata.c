/* What a call brings before its message: metadata and its limits, and a
 * message that does not come. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "cmocka_all.h"
#include "crpc/call.h"
#include "support/crpc_fixture.h"
#include "support/raw_call.h"

#define METADATA_MAX 16384

/* Asks with one pair of metadata. */
static struct talk ask_with(struct fixture *fixture, const char *key,
                            const char *value) {
  const struct cb_pair pair = {key, value};
  const struct crpc_rpc_options options = {.metadata = &pair,
                                           .metadata_count = 1};
  struct talk talk = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;

  talk_say(&talk, &ask, &options);
  talk_wait(&talk);
  return talk;
}

static void bin__any_bytes__there_and_back(void **state) {
  static const char *const values[] = {
      "", "AA==", "AAECAwD//v0=", "q6ur", "CgsKCwoL",
  };
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);

  (void)state;
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    struct talk talk = ask_with(fixture, "x-echo-bin", values[i]);

    assert_int_equal(talk.code, CB_OK);
    assert_string_equal(talk.first_bin, values[i]);
    assert_string_equal(talk.last_bin, values[i]);
  }
  fixture_free(fixture);
}

static void bin__no_base64__left_out(void **state) {
  static const char *const values[] = {"A", "AA=", "!!!!", "AAAA AAAA"};
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);

  (void)state;
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    struct talk talk = ask_with(fixture, "x-echo-bin", values[i]);

    assert_int_equal(talk.code, CB_OK);
    assert_string_equal(talk.first_bin, "");
    assert_string_equal(talk.last_bin, "");
  }
  fixture_free(fixture);
}

/* Whether a call gets through with a value of so many bytes. */
static bool passes(struct fixture *fixture, const char *key, size_t size) {
  char *value = malloc(size + 1);
  struct talk talk;

  assert_non_null(value);
  memset(value, 'A', size);
  value[size] = '\0';
  talk = ask_with(fixture, key, value);
  free(value);
  if (talk.code == CB_OK) return true;
  assert_int_equal(talk.code, CB_RESOURCE_EXHAUSTED);
  return false;
}

static void metadata__size__limit_ok_and_one_past_refused(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  size_t good = 0;
  size_t bad = METADATA_MAX;

  (void)state;
  assert_false(passes(fixture, "x-test", bad));
  while (bad - good > 1) {
    size_t middle = (good + bad) / 2;

    if (passes(fixture, "x-test", middle)) {
      good = middle;
    } else {
      bad = middle;
    }
  }
  /* The rest is what every call has: path, authority, user agent. */
  assert_in_range(good, METADATA_MAX - 1000, METADATA_MAX);
  assert_int_equal(strlen(fixture->metadata), sizeof fixture->metadata - 1);
  assert_true(passes(fixture, "x-test", good));
  assert_false(passes(fixture, "x-test", good + 1));
  assert_true(passes(fixture, "x-test", 1)); /* the server is as before */
  fixture_free(fixture);
}

static void metadata__many_pairs__32_go_the_rest_is_left_out(void **state) {
  struct cb_pair pairs[33];
  const struct crpc_rpc_options options = {.metadata = pairs,
                                           .metadata_count = 33};
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  for (int i = 0; i < 33; i++)
    pairs[i] = (struct cb_pair){"x-test", "many"};
  pairs[31].value = "the 32nd";
  pairs[32].value = "the 33rd";
  talk_say(&talk, &ask, &options);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_OK);
  assert_string_equal(fixture->metadata, "the 32nd");
  fixture_free(fixture);
}

static void expect_timeout(struct fixture *fixture, const char *path) {
  struct crpc_server_counters counters;
  int64_t start = cb_now(NULL);
  int ended = fixture->ended;
  struct raw_call raw;

  raw_open(&raw, fixture, path, 0, GRPC_COMPRESS_NONE);
  raw_finish(&raw);
  assert_int_equal(raw.code, GRPC_STATUS_DEADLINE_EXCEEDED);
  assert_true(cb_now(NULL) - start >= 150 * CB_MILLISECOND);
  fixture_until_count(fixture, &fixture->ended, ended + 1);
  assert_int_equal(fixture->ended_code, CB_DEADLINE_EXCEEDED);
  assert_string_equal(fixture->ended_reason, "REQUEST_TIMEOUT");
  assert_int_equal(fixture->handled, 0);
  crpc_server_counters(fixture->server, &counters);
  assert_int_equal(counters.calls_live, 0);
}

static void request_timeout__no_message__typed_end(void **state) {
  const struct crpc_server_options options = {
      .request_timeout = 150 * CB_MILLISECOND, .max_calls = 1};
  struct fixture *fixture = fixture_new(&options, NULL, NULL);

  (void)state;
  expect_timeout(fixture, "/echo.v1.Echo/Say");
  expect_timeout(fixture, "/echo.v1.Echo/Repeat"); /* the place is free again */
  fixture_free(fixture);
}

static void request_timeout__handler_slower__not_touched(void **state) {
  const struct crpc_server_options options = {.request_timeout =
                                                  50 * CB_MILLISECOND};
  struct fixture *fixture = fixture_new(&options, NULL, NULL);
  struct talk talk = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  ask.how = "hold";
  talk_say(&talk, &ask, NULL);
  fixture_until_count(fixture, &fixture->handled, 1);
  fixture_turn(fixture, 200);
  assert_non_null(fixture->held);
  assert_false(talk.is_done);
  crpc_rpc_cancel(fixture->channel, talk.id);
  talk_wait(&talk);
  fixture_free(fixture);
}

static void request_timeout__client_streams__left_to_handler(void **state) {
  const struct crpc_server_options options = {.request_timeout =
                                                  50 * CB_MILLISECOND};
  struct fixture *fixture = fixture_new(&options, NULL, NULL);
  struct talk talk = talk_make(fixture);

  (void)state;
  talk_gather(&talk, NULL);
  fixture_until_count(fixture, &fixture->handled, 1);
  fixture_turn(fixture, 200);
  assert_false(talk.is_done);
  talk_half_close(&talk);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_OK);
  fixture_free(fixture);
}

static void request_timeout__caller_leaves_first__cancelled(void **state) {
  const struct crpc_server_options options = {.request_timeout =
                                                  300 * CB_MILLISECOND};
  struct fixture *fixture = fixture_new(&options, NULL, NULL);
  struct raw_call raw;

  (void)state;
  raw_open(&raw, fixture, "/echo.v1.Echo/Say", 0, GRPC_COMPRESS_NONE);
  fixture_turn(fixture, 100);
  grpc_call_cancel(raw.call, NULL);
  raw_finish(&raw);
  fixture_until_count(fixture, &fixture->ended, 1);
  assert_int_equal(fixture->ended_code, CB_CANCELLED);
  fixture_turn(fixture, 300); /* the timer must not find a freed call */
  fixture_free(fixture);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bin__any_bytes__there_and_back),
      cmocka_unit_test(bin__no_base64__left_out),
      cmocka_unit_test(metadata__size__limit_ok_and_one_past_refused),
      cmocka_unit_test(metadata__many_pairs__32_go_the_rest_is_left_out),
      cmocka_unit_test(request_timeout__no_message__typed_end),
      cmocka_unit_test(request_timeout__handler_slower__not_touched),
      cmocka_unit_test(request_timeout__client_streams__left_to_handler),
      cmocka_unit_test(request_timeout__caller_leaves_first__cancelled),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
