/* One call at a time: how it is answered, failed, refused, named. */
#include <grpc/byte_buffer.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "cmocka_all.h"
#include "crpc/call.h"
#include "crpc/inflate.h"
#include "support/crpc_fixture.h"
#include "support/raw_call.h"

static void say__plain__answered_once(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  ask.text = "hello";
  ask.count = 7;
  talk_say(&talk, &ask, NULL);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_OK);
  assert_int_equal(talk.messages, 1);
  assert_string_equal(talk.text, "hello");
  assert_int_equal(talk.last_index, 7);
  assert_string_equal(talk.request_id, fixture->request_id);
  assert_false(talk.id_in_trailers);
  assert_int_equal(strncmp(fixture->peer, "127.0.0.1:", 10), 0);
  fixture_until_count(fixture, &fixture->ended, 1);
  assert_int_equal(fixture->ended_code, CB_OK);
  assert_string_equal(fixture->ended_method, "/echo.v1.Echo/Say");
  fixture_free(fixture);
}

static void fail__all_details__arrive(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  ask.how = "fail";
  talk_say(&talk, &ask, NULL);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_RESOURCE_EXHAUSTED);
  assert_string_equal(talk.reason, "TOO_MANY");
  assert_string_equal(talk.message, "zu viele Wünsche");
  assert_string_equal(talk.field, "asks[3].text");
  assert_string_equal(talk.quota, "caller");
  assert_int_equal(talk.retry_after, 1500 * CB_MILLISECOND);
  assert_string_equal(talk.request_id, fixture->request_id);
  assert_true(talk.id_in_trailers);
  fixture_until_count(fixture, &fixture->ended, 1);
  assert_string_equal(fixture->ended_reason, "TOO_MANY");
  fixture_free(fixture);
}

static void repeat__many__in_order(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  ask.count = 1000;
  ask.size = 100;
  talk_repeat(&talk, &ask, NULL);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_OK);
  assert_int_equal(talk.messages, 1000);
  assert_true(talk.in_order);
  assert_int_equal(talk.bytes, 100000);
  fixture_until_count(fixture, &fixture->done, 1);
  assert_int_equal(fixture->cancelled, 0);
  fixture_free(fixture);
}

static void say__metadata__legal_only(void **state) {
  const struct cb_pair pairs[] = {
      {"x-test", "first"}, {"x-test", "last"}, {"Wrong", "1"}, {"te", "2"}};
  const struct crpc_rpc_options options = {.metadata = pairs,
                                           .metadata_count = 4};
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  talk_say(&talk, &ask, &options);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_OK);
  assert_string_equal(fixture->metadata, "last");
  assert_string_equal(talk.first, "1");
  assert_string_equal(talk.last, "2");
  assert_false(talk.bad);
  fixture_free(fixture);
}

static void say__own_request_id__kept_up_to_128(void **state) {
  char longest[130];
  struct cb_pair pair = {"x-request-id", longest};
  const struct crpc_rpc_options options = {.metadata = &pair,
                                           .metadata_count = 1};
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  memset(longest, 'i', sizeof longest);
  for (size_t size = 128; size <= 129; size++) {
    struct talk talk = talk_make(fixture);

    longest[size] = '\0';
    talk_say(&talk, &ask, &options);
    talk_wait(&talk);
    assert_int_equal(talk.code, CB_OK);
    assert_string_equal(talk.request_id, fixture->request_id);
    assert_int_equal(strlen(talk.request_id), size == 128 ? 128 : 16);
    longest[size] = 'i';
  }
  fixture_free(fixture);
}

static void absent__no_handler__unimplemented(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct raw_call raw;

  (void)state;
  raw_open(&raw, fixture, "/echo.v1.Echo/Absent", 5000, GRPC_COMPRESS_NONE);
  raw_send(&raw, "", 0, GRPC_COMPRESS_NONE);
  raw_half_close(&raw);
  raw_finish(&raw);
  assert_int_equal(raw.code, GRPC_STATUS_UNIMPLEMENTED);
  fixture_until_count(fixture, &fixture->ended, 1);
  assert_string_equal(fixture->ended_reason, "METHOD_UNIMPLEMENTED");
  fixture_free(fixture);
}

static void unknown_method__any_path__unimplemented(void **state) {
  static const char *const paths[] = {"/echo.v1.Echo/Nope", "/", "/x",
                                      "/echo.v1.Echo/Say/"};
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);

  (void)state;
  for (int i = 0; i < 4; i++) {
    struct raw_call raw;

    raw_open(&raw, fixture, paths[i], 0, GRPC_COMPRESS_NONE);
    raw_finish(&raw);
    assert_int_equal(raw.code, GRPC_STATUS_UNIMPLEMENTED);
    fixture_until_count(fixture, &fixture->ended, i + 1);
    assert_string_equal(fixture->ended_reason, "METHOD_UNKNOWN");
    assert_string_equal(fixture->ended_method, paths[i]);
  }
  assert_int_equal(fixture->handled, 0);
  fixture_free(fixture);
}

static void alias__other_path__same_handler(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct raw_call raw;

  (void)state;
  raw_open(&raw, fixture, "/other.Path/Speak", 5000, GRPC_COMPRESS_NONE);
  raw_send(&raw, "\x0a\x02hi", 4, GRPC_COMPRESS_NONE);
  raw_half_close(&raw);
  assert_true(raw_read(&raw));
  raw_finish(&raw);
  assert_int_equal(raw.code, GRPC_STATUS_OK);
  assert_int_equal(fixture->handled, 1);
  fixture_free(fixture);
}

/* Sends data to Say and expects this end before any handler is called. */
static void expect_refusal(struct fixture *fixture, const void *data,
                           size_t size, grpc_compression_algorithm compression,
                           grpc_status_code code) {
  int handled = fixture->handled;
  struct raw_call raw;

  raw_open(&raw, fixture, "/echo.v1.Echo/Say", 5000, compression);
  if (data) raw_send(&raw, data, size, compression);
  raw_half_close(&raw);
  assert_false(raw_read(&raw));
  raw_finish(&raw);
  assert_int_equal(raw.code, code);
  assert_int_equal(fixture->handled, handled);
}

static void request__malformed_or_missing__typed_error(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);

  (void)state;
  expect_refusal(fixture, "\xff\xff\xff", 3, GRPC_COMPRESS_NONE,
                 GRPC_STATUS_INVALID_ARGUMENT);
  fixture_until_count(fixture, &fixture->ended, 1);
  assert_string_equal(fixture->ended_reason, "MALFORMED_REQUEST");
  expect_refusal(fixture, "\x0a\x02\xff\xfe", 4, GRPC_COMPRESS_NONE,
                 GRPC_STATUS_INVALID_ARGUMENT); /* no UTF-8 */
  expect_refusal(fixture, NULL, 0, GRPC_COMPRESS_NONE,
                 GRPC_STATUS_INVALID_ARGUMENT);
  fixture_until_count(fixture, &fixture->ended, 3);
  assert_string_equal(fixture->ended_reason, "MALFORMED_REQUEST");
  expect_refusal(fixture, "no gzip", 7, GRPC_COMPRESS_GZIP,
                 GRPC_STATUS_INVALID_ARGUMENT);
  fixture_free(fixture);
}

/* The payload that makes an ask, or an answer, so many bytes on the wire. */
static size_t payload_for(size_t packed) {
  return packed - 3; /* tag, two bytes of length */
}

static void request__size__limit_ok_and_one_past_refused(void **state) {
  const struct crpc_server_options options = {.max_request_bytes = 1000};
  struct fixture *fixture = fixture_new(&options, NULL, NULL);
  uint8_t bytes[1001] = {0};
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  ask.payload.data = bytes;
  for (size_t size = 1000; size <= 1001; size++) {
    struct talk talk = talk_make(fixture);

    ask.payload.len = payload_for(size);
    talk_say(&talk, &ask, NULL);
    talk_wait(&talk);
    assert_int_equal(talk.code, size == 1000 ? CB_OK : CB_RESOURCE_EXHAUSTED);
    if (size == 1001) assert_string_equal(talk.reason, "REQUEST_TOO_LARGE");
  }
  assert_int_equal(fixture->handled, 1);
  fixture_until_count(fixture, &fixture->ended, 2);
  assert_int_equal(fixture->ended_code, CB_RESOURCE_EXHAUSTED);
  assert_string_equal(fixture->ended_reason, "REQUEST_TOO_LARGE");
  fixture_free(fixture);
}

/* Up to a quarter over the limit we say no, beyond it the core. */
static void request__far_over_the_limit__refused_by_the_core(void **state) {
  const struct crpc_server_options options = {.max_request_bytes = 1000};
  struct fixture *fixture = fixture_new(&options, NULL, NULL);
  uint8_t bytes[1251] = {0};
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  ask.payload.data = bytes;
  for (size_t size = 1250; size <= 1251; size++) {
    struct talk talk = talk_make(fixture);

    ask.payload.len = payload_for(size);
    talk_say(&talk, &ask, NULL);
    talk_wait(&talk);
    assert_int_equal(talk.code, CB_RESOURCE_EXHAUSTED);
    assert_string_equal(talk.reason, size == 1250 ? "REQUEST_TOO_LARGE" : "");
  }
  fixture_until_count(fixture, &fixture->ended, 2);
  assert_string_equal(fixture->ended_reason, "REQUEST_TOO_LARGE");
  fixture_free(fixture);
}

static void response__size__limit_ok_and_one_past_refused(void **state) {
  const struct crpc_server_options server = {.max_response_bytes = 1000};
  const struct crpc_channel_options client = {.max_response_bytes = 1000};
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  for (int side = 0; side < 2; side++) {
    struct fixture *fixture = fixture_new(side == 0 ? &server : NULL,
                                          side == 1 ? &client : NULL, NULL);

    for (size_t size = 1000; size <= 1001; size++) {
      struct talk talk = talk_make(fixture);

      ask.size = (int32_t)payload_for(size);
      talk_say(&talk, &ask, NULL);
      talk_wait(&talk);
      assert_int_equal(talk.code, size == 1000 ? CB_OK : CB_RESOURCE_EXHAUSTED);
      if (size == 1001 && side == 0) {
        assert_string_equal(talk.reason, "RESPONSE_TOO_LARGE");
      }
    }
    fixture_free(fixture);
  }
}

static void compressed__plain__inflated(void **state) {
  static const grpc_compression_algorithm all[] = {GRPC_COMPRESS_GZIP,
                                                   GRPC_COMPRESS_DEFLATE};
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  uint8_t bytes[4000] = {0x2a, 0x9d, 0x1f}; /* field 5, 3997 bytes */

  (void)state;
  for (int i = 0; i < 2; i++) {
    struct raw_call raw;

    raw_open(&raw, fixture, "/echo.v1.Echo/Say", 5000, all[i]);
    raw_send(&raw, bytes, sizeof bytes, GRPC_COMPRESS_NONE);
    raw_half_close(&raw);
    assert_true(raw_read(&raw));
    assert_int_equal(grpc_byte_buffer_length(raw.message), 4000 + 0);
    raw_finish(&raw);
    assert_int_equal(raw.code, GRPC_STATUS_OK);
  }
  fixture_free(fixture);
}

/* An ask of size bytes, gzipped. */
static void gzip_ask(size_t size, struct cb_buf *out) {
  struct cb_buf plain;
  uint8_t head[6] = {0x2a};
  size_t used = 1;

  for (size_t left = size - 5; used < 5; left >>= 7, used++) {
    head[used] = (uint8_t)((left & 0x7f) | (used < 4 ? 0x80 : 0));
  }
  cb_buf_init(&plain, size, NULL);
  assert_true(cb_buf_add(&plain, head, 5));
  assert_non_null(cb_buf_reserve(&plain, size - 5));
  memset(plain.data + 5, 'a', size - 5);
  cb_buf_grow(&plain, size - 5);
  cb_buf_init(out, size, NULL);
  assert_true(crpc_deflate((const uint8_t *)plain.data, plain.len, out));
  cb_buf_release(&plain);
}

static void gzip__inflated_size__limit_ok_and_one_past_refused(void **state) {
  const struct crpc_server_options options = {.max_request_bytes = 3000000};
  struct fixture *fixture = fixture_new(&options, NULL, NULL);
  struct raw_call raw;
  struct cb_buf packed;

  (void)state;
  gzip_ask(3000000, &packed);
  raw_open(&raw, fixture, "/echo.v1.Echo/Say", 5000, GRPC_COMPRESS_GZIP);
  raw_send(&raw, packed.data, packed.len, GRPC_COMPRESS_GZIP);
  raw_half_close(&raw);
  assert_true(raw_read(&raw));
  raw_finish(&raw);
  assert_int_equal(raw.code, GRPC_STATUS_OK);
  cb_buf_release(&packed);
  gzip_ask(3000001, &packed);
  expect_refusal(fixture, packed.data, packed.len, GRPC_COMPRESS_GZIP,
                 GRPC_STATUS_RESOURCE_EXHAUSTED);
  cb_buf_release(&packed);
  fixture_until_count(fixture, &fixture->ended, 2);
  assert_string_equal(fixture->ended_reason, "REQUEST_TOO_LARGE");
  fixture_free(fixture);
}

static void gzip__bomb__memory_bounded(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct cb_buf packed;

  (void)state;
  gzip_ask((size_t)100 * 1024 * 1024, &packed);
  assert_true(packed.len < 200000);
  fixture->budget.limit = (size_t)16 * 1024 * 1024;
  expect_refusal(fixture, packed.data, packed.len, GRPC_COMPRESS_GZIP,
                 GRPC_STATUS_RESOURCE_EXHAUSTED);
  cb_buf_release(&packed);
  fixture_free(fixture);
}

static void budget__too_small__typed_error_and_nothing_kept(void **state) {
  uint8_t bytes[9000] = {0};
  echo_Ask ask = echo_Ask_INIT;
  int answered = 0;

  (void)state;
  ask.payload.data = bytes;
  ask.payload.len = sizeof bytes;
  for (size_t limit = 0; limit < 60000; limit += 700) {
    struct crpc_server_options options = {0};
    struct cb_budget tight;
    struct fixture *small;
    struct talk talk;

    cb_budget_init(&tight, limit);
    options.budget = &tight;
    small = fixture_new(&options, NULL, NULL);
    talk = talk_make(small);
    talk_say(&talk, &ask, NULL);
    talk_wait(&talk);
    if (talk.code == CB_OK) answered++;
    if (talk.code != CB_OK) {
      assert_int_equal(talk.code, CB_RESOURCE_EXHAUSTED);
      assert_string_equal(talk.reason, "SERVER_MEMORY");
      assert_int_equal(answered, 0); /* more room never makes it worse */
    }
    fixture_free(small);
    assert_int_equal(cb_budget_used(&tight), 0);
  }
  assert_true(answered > 0);
}

static void response__any_client_budget__out_of_memory_or_ok(void **state) {
  struct cb_budget tight;
  const struct crpc_channel_options options = {.budget = &tight};
  struct fixture *fixture;
  echo_Ask ask = echo_Ask_INIT;
  int answered = 0;

  (void)state;
  cb_budget_init(&tight, SIZE_MAX);
  fixture = fixture_new(NULL, &options, NULL);
  ask.size = 20000;
  for (size_t limit = 4000; limit < 100000; limit += 2000) {
    struct talk talk = talk_make(fixture);

    tight.limit = limit;
    talk_say(&talk, &ask, NULL);
    talk_wait(&talk);
    if (talk.code == CB_OK) answered++;
    if (talk.code != CB_OK) {
      assert_int_equal(talk.code, CB_RESOURCE_EXHAUSTED);
      assert_string_equal(talk.reason, "CLIENT_OUT_OF_MEMORY");
      assert_int_equal(answered, 0);
    }
    assert_int_equal(cb_budget_used(&tight), 0);
  }
  assert_in_range(answered, 1, 45);
  fixture_free(fixture);
}

static void max_calls__one_past__refused_with_pushback(void **state) {
  const struct crpc_server_options options = {.max_calls = 2};
  struct fixture *fixture = fixture_new(&options, NULL, NULL);
  struct talk held[2] = {talk_make(fixture), talk_make(fixture)};
  struct talk refused = talk_make(fixture);
  struct talk after = talk_make(fixture);
  echo_Ask hold = echo_Ask_INIT;
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  hold.how = "hold";
  talk_say(&held[0], &hold, NULL);
  talk_say(&held[1], &hold, NULL);
  fixture_until_count(fixture, &fixture->handled, 2);
  talk_say(&refused, &ask, NULL);
  talk_wait(&refused);
  assert_int_equal(refused.code, CB_UNAVAILABLE);
  assert_string_equal(refused.reason, "SERVER_OVERLOADED");
  assert_string_equal(refused.pushback, "1000");
  assert_int_equal(refused.retry_after, CB_SECOND);
  crpc_rpc_cancel(fixture->channel, held[0].id);
  fixture_until_count(fixture, &fixture->done, 1);
  talk_say(&after, &ask, NULL);
  talk_wait(&after);
  assert_int_equal(after.code, CB_OK);
  crpc_rpc_cancel(fixture->channel, held[1].id);
  talk_wait(&held[0]);
  talk_wait(&held[1]);
  assert_int_equal(held[0].code, CB_CANCELLED);
  fixture_free(fixture);
}

static void deadline__handler_never_ends__both_sides_end(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  struct crpc_rpc_options options = {0};
  echo_Ask ask = echo_Ask_INIT;
  int64_t before = cb_now(NULL);

  (void)state;
  ask.how = "hold";
  options.deadline = before + CB_SECOND;
  talk_say(&talk, &ask, &options);
  fixture_until_count(fixture, &fixture->handled, 1);
  assert_non_null(fixture->held);
  /* What travels is the time that is left. */
  assert_true(crpc_call_deadline(fixture->held) <=
              options.deadline + CB_SECOND);
  assert_true(crpc_call_deadline(fixture->held) > before);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_DEADLINE_EXCEEDED);
  fixture_until_count(fixture, &fixture->done, 1);
  assert_int_equal(fixture->cancelled, 1);
  assert_int_equal(fixture->send_at_close, CRPC_CLOSED);
  assert_int_equal(fixture->ended_code, CB_DEADLINE_EXCEEDED);
  fixture_free(fixture);
}

static void deadline__none__never(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;
  echo_Answer answer = echo_Answer_INIT;
  struct cb_id id;

  (void)state;
  ask.how = "hold";
  talk_say(&talk, &ask, NULL);
  fixture_until_count(fixture, &fixture->handled, 1);
  assert_true(crpc_call_deadline(fixture->held) == CB_NEVER);
  id = crpc_call_id(fixture->held);
  assert_ptr_equal(crpc_call_find(fixture->loop, id), fixture->held);
  answer.text = "later";
  assert_int_equal(echo_Echo_Say_reply(fixture->held, &answer), CRPC_SENT);
  talk_wait(&talk);
  assert_string_equal(talk.text, "later");
  fixture_until_count(fixture, &fixture->done, 1);
  assert_null(crpc_call_find(fixture->loop, id));
  assert_int_equal(fixture->cancelled, 0);
  fixture_free(fixture);
}

static void take_arena__request_in_it__outlives_call(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;
  struct cb_arena *arena;

  (void)state;
  ask.how = "hold";
  talk_say(&talk, &ask, NULL);
  fixture_until_count(fixture, &fixture->handled, 1);
  arena = crpc_call_take_arena(fixture->held);
  assert_true(cb_arena_size(arena) > sizeof(echo_Ask));
  assert_ptr_not_equal(crpc_call_arena(fixture->held), arena);
  crpc_rpc_cancel(fixture->channel, talk.id);
  fixture_until_count(fixture, &fixture->done, 1);
  cb_arena_free(arena);
  talk_wait(&talk);
  fixture_free(fixture);
}

static void never_delivered(const void *events, const ProtobufCMessage *message,
                            void *ctx) {
  (void)events;
  (void)message;
  (void)ctx;
  fail();
}

static void note_outcome(void *ctx, const struct crpc_outcome *outcome) {
  struct talk *talk = ctx;

  talk->code = outcome->status.code;
  snprintf(talk->reason, sizeof talk->reason, "%s", outcome->status.reason);
  talk->done++;
  talk->is_done = true;
}

static void response__other_message__malformed(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  const struct crpc_rpc_sink sink = {.done = note_outcome, .ctx = &talk};
  struct crpc_method method = echo_Echo_Say;
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  method.response = &echo_Ask_descriptor; /* whose second field is a text */
  method.deliver = never_delivered;
  ask.count = 7;
  assert_true(crpc_rpc_start(fixture->channel, &method, &ask.base, NULL, &sink)
                  .generation != 0);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_INTERNAL);
  assert_string_equal(talk.reason, "MALFORMED_RESPONSE");
  fixture_free(fixture);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(say__plain__answered_once),
      cmocka_unit_test(fail__all_details__arrive),
      cmocka_unit_test(repeat__many__in_order),
      cmocka_unit_test(say__metadata__legal_only),
      cmocka_unit_test(say__own_request_id__kept_up_to_128),
      cmocka_unit_test(absent__no_handler__unimplemented),
      cmocka_unit_test(unknown_method__any_path__unimplemented),
      cmocka_unit_test(alias__other_path__same_handler),
      cmocka_unit_test(request__malformed_or_missing__typed_error),
      cmocka_unit_test(request__size__limit_ok_and_one_past_refused),
      cmocka_unit_test(request__far_over_the_limit__refused_by_the_core),
      cmocka_unit_test(response__size__limit_ok_and_one_past_refused),
      cmocka_unit_test(compressed__plain__inflated),
      cmocka_unit_test(gzip__inflated_size__limit_ok_and_one_past_refused),
      cmocka_unit_test(gzip__bomb__memory_bounded),
      cmocka_unit_test(budget__too_small__typed_error_and_nothing_kept),
      cmocka_unit_test(response__any_client_budget__out_of_memory_or_ok),
      cmocka_unit_test(max_calls__one_past__refused_with_pushback),
      cmocka_unit_test(deadline__handler_never_ends__both_sides_end),
      cmocka_unit_test(deadline__none__never),
      cmocka_unit_test(take_arena__request_in_it__outlives_call),
      cmocka_unit_test(response__other_message__malformed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
