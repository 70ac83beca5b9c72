/* What a call brings before its message: metadata and its limits, and a
 * message that does not come. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "cmocka_all.h"
#include "crpc/call.h"
#include "support/crpc_fixture.h"
#include "support/raw_call.h"

#define METADATA_MAX 16384
#define MAX_FRAME ((size_t)16384)
#define KEY_COST ((size_t)(32 + sizeof "x-test" - 1)) /* besides the value */

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

/* The core itself would close the connection, with all that goes on on it. */
static void metadata__too_large__others_of_its_connection_live(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk held = talk_make(fixture);
  struct talk large;
  char value[METADATA_MAX + 1000];
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  memset(value, 'A', sizeof value - 1);
  value[sizeof value - 1] = '\0';
  ask.how = "hold";
  talk_say(&held, &ask, NULL);
  fixture_until_count(fixture, &fixture->handled, 1);
  large = ask_with(fixture, "x-test", value);
  assert_int_equal(large.code, CB_RESOURCE_EXHAUSTED);
  assert_string_equal(large.reason, "METADATA_TOO_LARGE");
  assert_true(passes(fixture, "x-test", 1));
  assert_false(held.is_done);
  assert_int_equal(fixture->cancelled, 0);
  crpc_rpc_cancel(fixture->channel, held.id);
  talk_wait(&held);
  assert_int_equal(held.code, CB_CANCELLED);
  fixture_free(fixture);
}

/* HTTP/2 by hand, for a peer that heeds no limit. */

static void add_frame(struct cb_buf *out, char type, char flags,
                      const struct cb_buf *payload, size_t from) {
  size_t size = payload->len - from;
  char head[9];

  if (size > MAX_FRAME) size = MAX_FRAME;
  head[0] = 0;
  head[1] = (char)(size >> 8);
  head[2] = (char)(size & 255);
  head[3] = type;
  head[4] = flags;
  memcpy(head + 5, "\0\0\0\1", 4);
  assert_true(cb_buf_add(out, head, sizeof head));
  assert_true(cb_buf_add(out, payload->data + from, size));
}

/* The length of a text, not Huffman-coded: an integer of HPACK's. */
static void add_length(struct cb_buf *out, size_t size) {
  uint8_t byte = size < 127 ? (uint8_t)size : 127;

  assert_true(cb_buf_add(out, &byte, 1));
  if (size < 127) return;
  for (size -= 127;; size >>= 7) {
    byte = (uint8_t)(size < 128 ? size : 128 | (size & 127));
    assert_true(cb_buf_add(out, &byte, 1));
    if (size < 128) return;
  }
}

/* A field that is in no table. */
static void add_field(struct cb_buf *out, const char *key, const char *value,
                      size_t size) {
  assert_true(cb_buf_add(out, "", 1));
  add_length(out, strlen(key));
  assert_true(cb_buf_add_text(out, key));
  add_length(out, size);
  assert_true(cb_buf_add(out, value, size));
}

static void add_text_field(struct cb_buf *out, const char *key,
                           const char *value) {
  add_field(out, key, value, strlen(value));
}

/* All that a caller sends who asks Say with an empty message and a value of
 * size bytes. */
static void write_call(struct cb_buf *out, size_t size) {
  struct cb_buf fields;
  struct cb_buf message;
  char *value = calloc(1, size);

  assert_non_null(value);
  memset(value, 'A', size);
  cb_buf_init(&fields, 1 << 20, NULL);
  cb_buf_init(&message, 1 << 20, NULL);
  add_text_field(&fields, ":method", "POST");
  add_text_field(&fields, ":scheme", "http");
  add_text_field(&fields, ":path", "/echo.v1.Echo/Say");
  add_text_field(&fields, ":authority", "x");
  add_text_field(&fields, "content-type", "application/grpc");
  add_text_field(&fields, "te", "trailers");
  add_field(&fields, "x-test", value, size);
  assert_true(cb_buf_add(&message, "\0\0\0\0\0", 5));
  assert_true(cb_buf_add_text(out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
  assert_true(cb_buf_add(out, "\0\0\0\4\0\0\0\0\0", 9)); /* settings */
  add_frame(out, 1, fields.len <= MAX_FRAME ? 4 : 0, &fields, 0);
  for (size_t at = MAX_FRAME; at < fields.len; at += MAX_FRAME)
    add_frame(out, 9, fields.len - at <= MAX_FRAME ? 4 : 0, &fields, at);
  add_frame(out, 0, 1, &message, 0);
  cb_buf_release(&fields);
  cb_buf_release(&message);
  free(value);
}

/* Whether the server answers the call over a bare socket by its handler. */
static bool handled_raw(struct fixture *fixture, size_t size) {
  struct sockaddr_in to = {.sin_family = AF_INET};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  int before = fixture->handled;
  struct cb_buf out;

  to.sin_port =
      htons((uint16_t)strtoul(strrchr(fixture->address, ':') + 1, NULL, 10));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
  cb_buf_init(&out, 1 << 20, NULL);
  write_call(&out, size);
  assert_int_equal(write(fd, out.data, out.len), out.len);
  cb_buf_release(&out);
  fixture_turn(fixture, 200);
  close(fd);
  fixture_turn(fixture, 100);
  return fixture->handled > before;
}

static void metadata__peer_that_heeds_no_limit__never_handled(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);

  (void)state;
  assert_true(handled_raw(fixture, 1000));
  assert_true(handled_raw(fixture, METADATA_MAX - KEY_COST));
  assert_false(handled_raw(fixture, METADATA_MAX - KEY_COST + 1));
  assert_false(handled_raw(fixture, METADATA_MAX));
  assert_string_equal(fixture->ended_reason, "METADATA_TOO_LARGE");
  assert_false(handled_raw(fixture, 1000 * 1000));
  assert_string_equal(fixture->ended_reason, "METADATA_TOO_LARGE");
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
      cmocka_unit_test(metadata__too_large__others_of_its_connection_live),
      cmocka_unit_test(metadata__peer_that_heeds_no_limit__never_handled),
      cmocka_unit_test(metadata__many_pairs__32_go_the_rest_is_left_out),
      cmocka_unit_test(request_timeout__no_message__typed_end),
      cmocka_unit_test(request_timeout__handler_slower__not_touched),
      cmocka_unit_test(request_timeout__client_streams__left_to_handler),
      cmocka_unit_test(request_timeout__caller_leaves_first__cancelled),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
