/* Streams: order, backpressure, cancelling at any time, both directions. */
#include <grpc/byte_buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "cmocka_all.h"
#include "crpc/call.h"
#include "support/crpc_fixture.h"
#include "support/raw_call.h"

#define QUEUE ((size_t)64 * 1024)

static void pause__slow_reader__memory_bounded_nothing_lost(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;
  int before;

  (void)state;
  ask.count = 1000;
  ask.size = 16 * 1024;
  talk.pause_at = 3;
  talk_repeat(&talk, &ask, NULL);
  fixture_until_count(fixture, &talk.messages, 3);
  fixture_turn(fixture, 300);
  before = talk.messages;
  assert_int_equal(before, 3);
  assert_true(fixture->waits > 0);
  assert_true(fixture->most_queued <= QUEUE);
  assert_true(cb_budget_used(&fixture->budget) < 4 * QUEUE);
  fixture_turn(fixture, 100);
  assert_int_equal(talk.messages, before);
  crpc_rpc_resume(fixture->channel, talk.id);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_OK);
  assert_int_equal(talk.messages, 1000);
  assert_true(talk.in_order);
  assert_true(fixture->most_queued <= QUEUE);
  fixture_free(fixture);
}

static void send__one_message_over_the_queue__taken_when_empty(void **state) {
  const struct crpc_server_options options = {.send_queue_bytes = 100};
  struct fixture *fixture = fixture_new(&options, NULL, NULL);
  struct talk talk = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  ask.count = 20;
  ask.size = 1000;
  talk_repeat(&talk, &ask, NULL);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_OK);
  assert_int_equal(talk.messages, 20);
  assert_true(fixture->waits >= 19);
  assert_true(fixture->most_queued < 1200);
  fixture_free(fixture);
}

static void send__empty_messages__counted_too(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  ask.count = 20000;
  talk.pause_at = 1;
  talk_repeat(&talk, &ask, NULL);
  fixture_until_count(fixture, &fixture->waits, 1);
  assert_true(fixture->most_queued <= QUEUE);
  fixture_until_count(fixture, &talk.messages, 1);
  fixture_turn(fixture, 50);
  crpc_rpc_resume(fixture->channel, talk.id);
  talk_wait(&talk);
  assert_int_equal(talk.messages, 20000);
  fixture_free(fixture);
}

static void send__past_max_response__no_memory(void **state) {
  const struct crpc_server_options options = {.max_response_bytes = 100};
  struct fixture *fixture = fixture_new(&options, NULL, NULL);
  struct talk talk = talk_make(fixture);
  struct crpc_rpc_options rpc = {0};
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  rpc.deadline = cb_now(NULL) + 200 * CB_MILLISECOND;
  ask.count = 5;
  ask.size = 101;
  talk_repeat(&talk, &ask, &rpc); /* the handler gives up on the first */
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_DEADLINE_EXCEEDED);
  assert_int_equal(talk.messages, 0);
  assert_int_equal(fixture->waits, 0);
  fixture_free(fixture);
}

static void reader_timeout__stopped_reader__cut(void **state) {
  const struct crpc_server_options options = {.reader_timeout =
                                                  200 * CB_MILLISECOND};
  struct fixture *fixture = fixture_new(&options, NULL, NULL);
  struct talk talk = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  ask.count = 1000;
  ask.size = 16 * 1024;
  talk.pause_at = 1;
  talk_repeat(&talk, &ask, NULL);
  fixture_until_count(fixture, &fixture->ended, 1);
  assert_int_equal(fixture->ended_code, CB_DEADLINE_EXCEEDED);
  assert_string_equal(fixture->ended_reason, "READER_TIMEOUT");
  assert_int_equal(fixture->cancelled, 1);
  crpc_rpc_resume(fixture->channel, talk.id);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_DEADLINE_EXCEEDED);
  assert_true(talk.messages < 1000);
  fixture_free(fixture);
}

/* The handler has ended the call; what is left is in the core's hands. */
static void reader_timeout__finished_call__cut_too(void **state) {
  const struct crpc_server_options options = {
      .reader_timeout = 200 * CB_MILLISECOND, .send_queue_bytes = 1 << 20};
  struct fixture *fixture = fixture_new(&options, NULL, NULL);
  struct talk talk = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  ask.count = 50;
  ask.size = 16 * 1024;
  talk.pause_at = 1;
  talk_repeat(&talk, &ask, NULL);
  fixture_until_count(fixture, &fixture->ended, 1);
  assert_string_equal(fixture->ended_reason, "READER_TIMEOUT");
  assert_int_equal(fixture->waits, 0);
  crpc_rpc_resume(fixture->channel, talk.id);
  talk_wait(&talk);
  assert_int_not_equal(talk.code, CB_OK);
  fixture_free(fixture);
}

static void reader_timeout__slow_reader__goes_on(void **state) {
  const struct crpc_server_options options = {.reader_timeout =
                                                  400 * CB_MILLISECOND};
  struct fixture *fixture = fixture_new(&options, NULL, NULL);
  struct talk talk = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  ask.count = 40;
  ask.size = 16 * 1024;
  talk_repeat(&talk, &ask, NULL);
  for (int stops = 1; stops <= 5; stops++) { /* longer than the limit in all */
    talk.pause_at = talk.messages + 6;
    if (stops > 1) crpc_rpc_resume(fixture->channel, talk.id);
    fixture_until_count(fixture, &talk.messages, talk.pause_at);
    fixture_turn(fixture, 150);
  }
  talk.pause_at = 0;
  crpc_rpc_resume(fixture->channel, talk.id);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_OK);
  assert_int_equal(talk.messages, 40);
  fixture_free(fixture);
}

static void fail__after_messages__all_arrive_first(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  ask.count = 50;
  ask.size = 3000;
  ask.how = "fail";
  talk.pause_at = 1;
  talk_repeat(&talk, &ask, NULL);
  fixture_until_count(fixture, &talk.messages, 1);
  fixture_turn(fixture, 50);
  crpc_rpc_resume(fixture->channel, talk.id);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_RESOURCE_EXHAUSTED);
  assert_string_equal(talk.reason, "TOO_MANY");
  assert_int_equal(talk.messages, 50);
  assert_true(talk.in_order);
  fixture_free(fixture);
}

static void finish__no_messages__ok(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  talk_repeat(&talk, &ask, NULL);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_OK);
  assert_int_equal(talk.messages, 0);
  assert_string_equal(talk.request_id, fixture->request_id);
  fixture_free(fixture);
}

static void cancel__before_anything__done_once(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk say = talk_make(fixture);
  struct talk repeat = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  ask.how = "hold";
  talk_say(&say, &ask, NULL);
  crpc_rpc_cancel(fixture->channel, say.id);
  talk_repeat(&repeat, &ask, NULL);
  crpc_rpc_cancel(fixture->channel, repeat.id);
  talk_wait(&say);
  talk_wait(&repeat);
  assert_int_equal(say.code, CB_CANCELLED);
  assert_int_equal(repeat.code, CB_CANCELLED);
  crpc_rpc_cancel(fixture->channel, say.id); /* is gone: fine */
  crpc_rpc_resume(fixture->channel, say.id);
  fixture_free(fixture);
}

static void cancel__in_mid_stream__handler_told_once(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  ask.count = 100000;
  ask.size = 1000;
  for (int paused = 0; paused < 2; paused++) {
    struct talk talk = talk_make(fixture);

    talk.pause_at = paused ? 5 : 0;
    talk_repeat(&talk, &ask, NULL);
    fixture_until_count(fixture, &talk.messages, 5);
    fixture_turn(fixture, 50);
    crpc_rpc_cancel(fixture->channel, talk.id);
    talk_wait(&talk);
    assert_int_equal(talk.code, CB_CANCELLED);
    fixture_until_count(fixture, &fixture->done, paused + 1);
    assert_int_equal(fixture->cancelled, paused + 1);
    assert_int_equal(fixture->ended_code, CB_CANCELLED);
  }
  fixture_free(fixture);
}

static void cancel__while_handler_waits__told(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  ask.how = "hold";
  ask.count = 2;
  talk_repeat(&talk, &ask, NULL);
  fixture_until_count(fixture, &talk.messages, 2);
  crpc_rpc_cancel(fixture->channel, talk.id);
  talk_wait(&talk);
  fixture_until_count(fixture, &fixture->done, 1);
  assert_int_equal(fixture->cancelled, 1);
  fixture_free(fixture);
}

static void deadline__in_mid_stream__both_sides_end(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  struct crpc_rpc_options options = {0};
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  ask.how = "hold";
  ask.count = 3;
  options.deadline = cb_now(NULL) + 200 * CB_MILLISECOND;
  talk_repeat(&talk, &ask, &options);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_DEADLINE_EXCEEDED);
  assert_int_equal(talk.messages, 3);
  fixture_until_count(fixture, &fixture->done, 1);
  assert_int_equal(fixture->ended_code, CB_DEADLINE_EXCEEDED);
  fixture_free(fixture);
}

static void say__thousand_at_once__all_answered(void **state) {
  enum { COUNT = 1000 };
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk *talks = calloc(COUNT, sizeof *talks);
  struct crpc_server_counters counters;

  (void)state;
  assert_non_null(talks);
  for (int i = 0; i < COUNT; i++) {
    char text[24];
    echo_Ask ask = echo_Ask_INIT;

    snprintf(text, sizeof text, "call %d", i);
    talks[i] = talk_make(fixture);
    ask.text = text;
    talk_say(&talks[i], &ask, NULL);
  }
  for (int i = 0; i < COUNT; i++) {
    char text[24];

    talk_wait(&talks[i]);
    snprintf(text, sizeof text, "call %d", i);
    assert_int_equal(talks[i].code, CB_OK);
    assert_string_equal(talks[i].text, text);
  }
  crpc_server_counters(fixture->server, &counters);
  assert_int_equal(counters.calls_total, COUNT);
  free(talks);
  fixture_free(fixture);
}

static bool text_is(grpc_byte_buffer *bytes, const char *wire, size_t size) {
  grpc_slice slice = bytes->data.raw.slice_buffer.slices[0];

  return grpc_byte_buffer_length(bytes) == size &&
         memcmp(GRPC_SLICE_START_PTR(slice), wire, size) == 0;
}

static void chat__both_ways__one_answer_each(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct raw_call raw;

  (void)state;
  raw_open(&raw, fixture, "/echo.v1.Echo/Chat", 5000, GRPC_COMPRESS_NONE);
  for (int i = 0; i < 3; i++) {
    raw_send(&raw, "\x0a\x02hi", 4, GRPC_COMPRESS_NONE);
    assert_true(raw_read(&raw));
    assert_true(text_is(raw.message, "\x0a\x02hi", 4));
  }
  raw_half_close(&raw);
  assert_false(raw_read(&raw));
  raw_finish(&raw);
  assert_int_equal(raw.code, GRPC_STATUS_OK);
  fixture_until_count(fixture, &fixture->done, 1);
  assert_int_equal(fixture->half_closed, 1);
  assert_int_equal(fixture->cancelled, 0);
  fixture_free(fixture);
}

static void gather__many__one_answer(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct raw_call raw;

  (void)state;
  raw_open(&raw, fixture, "/echo.v1.Echo/Gather", 5000, GRPC_COMPRESS_NONE);
  raw_send(&raw, "\x0a\x01x", 3, GRPC_COMPRESS_NONE);
  raw_send(&raw, "\x0a\x01y", 3, GRPC_COMPRESS_NONE);
  raw_half_close(&raw);
  assert_true(raw_read(&raw));
  assert_true(text_is(raw.message, "\x0a\x02xy", 4));
  raw_finish(&raw);
  assert_int_equal(raw.code, GRPC_STATUS_OK);
  fixture_free(fixture);
}

static void gather__nothing_sent__still_answered(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct raw_call raw;

  (void)state;
  raw_open(&raw, fixture, "/echo.v1.Echo/Gather", 5000, GRPC_COMPRESS_NONE);
  raw_half_close(&raw);
  assert_true(raw_read(&raw));
  raw_finish(&raw);
  assert_int_equal(raw.code, GRPC_STATUS_OK);
  fixture_free(fixture);
}

static void chat__second_message_malformed__call_failed(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct raw_call raw;

  (void)state;
  raw_open(&raw, fixture, "/echo.v1.Echo/Chat", 5000, GRPC_COMPRESS_NONE);
  raw_send(&raw, "\x0a\x02hi", 4, GRPC_COMPRESS_NONE);
  assert_true(raw_read(&raw));
  raw_send(&raw, "\xff", 1, GRPC_COMPRESS_NONE);
  raw_finish(&raw);
  assert_int_equal(raw.code, GRPC_STATUS_INVALID_ARGUMENT);
  fixture_until_count(fixture, &fixture->done, 1);
  assert_int_equal(fixture->cancelled, 1);
  assert_int_equal(fixture->half_closed, 0);
  assert_string_equal(fixture->ended_reason, "MALFORMED_REQUEST");
  fixture_free(fixture);
}

static void chat__second_message_too_large__call_failed(void **state) {
  const struct crpc_server_options options = {.max_request_bytes = 100};
  struct fixture *fixture = fixture_new(&options, NULL, NULL);
  char large[101] = {0};
  struct raw_call raw;

  (void)state;
  raw_open(&raw, fixture, "/echo.v1.Echo/Chat", 5000, GRPC_COMPRESS_NONE);
  raw_send(&raw, "\x0a\x02hi", 4, GRPC_COMPRESS_NONE);
  assert_true(raw_read(&raw));
  raw_send(&raw, large, sizeof large, GRPC_COMPRESS_NONE);
  raw_finish(&raw);
  assert_int_equal(raw.code, GRPC_STATUS_RESOURCE_EXHAUSTED);
  fixture_until_count(fixture, &fixture->done, 1);
  assert_string_equal(fixture->ended_reason, "REQUEST_TOO_LARGE");
  fixture_free(fixture);
}

static void chat__caller_leaves__told_and_not_half_closed(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct raw_call raw;

  (void)state;
  raw_open(&raw, fixture, "/echo.v1.Echo/Chat", 5000, GRPC_COMPRESS_NONE);
  raw_send(&raw, "\x0a\x02hi", 4, GRPC_COMPRESS_NONE);
  assert_true(raw_read(&raw));
  grpc_call_cancel(raw.call, NULL);
  raw_finish(&raw);
  fixture_until_count(fixture, &fixture->done, 1);
  assert_int_equal(fixture->cancelled, 1);
  assert_int_equal(fixture->half_closed, 0);
  fixture_free(fixture);
}

static void cancel__request_never_sent__no_handler_no_leak(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct raw_call raw;

  (void)state;
  raw_open(&raw, fixture, "/echo.v1.Echo/Say", 200, GRPC_COMPRESS_NONE);
  raw_finish(&raw);
  assert_int_equal(raw.code, GRPC_STATUS_DEADLINE_EXCEEDED);
  fixture_until_count(fixture, &fixture->ended, 1);
  assert_int_equal(fixture->handled, 0);
  assert_int_equal(fixture->ended_code, CB_DEADLINE_EXCEEDED);
  fixture_free(fixture);
}

/* Cancels its own call from inside its first message. */
static void cancel_itself(void *ctx, const echo_Answer *answer) {
  struct talk *talk = ctx;

  (void)answer;
  talk->messages++;
  crpc_rpc_cancel(talk->fixture->channel, talk->id);
}

static void cancelled_itself(void *ctx, const struct crpc_outcome *outcome) {
  struct talk *talk = ctx;

  talk->code = outcome->status.code;
  talk->done++;
  talk->is_done = true;
}

static void cancel__from_inside_message__done_once(void **state) {
  static const struct echo_Echo_Repeat_events events = {cancel_itself,
                                                        cancelled_itself};
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  ask.count = 10;
  ask.how = "hold";
  talk.id =
      echo_Echo_Repeat_start(fixture->channel, &ask, NULL, &events, &talk);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_CANCELLED);
  fixture_until_count(fixture, &fixture->done, 1);
  fixture_free(fixture);
}

static unsigned next_random(unsigned *seed) {
  *seed = *seed * 1103515245u + 12345u;
  return *seed >> 16;
}

/* Starts talk as one of several kinds of call, with or without a deadline. */
static void start_any(struct talk *talk, unsigned *seed) {
  static const char *const hows[] = {"", "fail", "hold", ""};
  struct crpc_rpc_options options = {0};
  echo_Ask ask = echo_Ask_INIT;
  bool streams = next_random(seed) % 2 == 0;

  ask.how = (char *)(uintptr_t)hows[next_random(seed) % 4];
  ask.count = (int32_t)(next_random(seed) % 60);
  ask.size = (int32_t)(next_random(seed) % 9000);
  options.deadline =
      cb_now(NULL) + (int64_t)(next_random(seed) % 200) * CB_MILLISECOND;
  if (streams) talk->pause_at = (int)(next_random(seed) % 20);
  if (streams) {
    talk_repeat(talk, &ask, &options);
  } else {
    talk_say(talk, &ask, &options);
  }
}

static void chaos__random_ends__each_done_once_nothing_left(void **state) {
  enum { COUNT = 600 };
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk *talks = calloc(COUNT, sizeof *talks);
  unsigned seed = 20260;

  (void)state;
  assert_non_null(talks);
  for (int i = 0; i < COUNT; i++) {
    struct talk *other = &talks[next_random(&seed) % (unsigned)(i + 1)];

    talks[i] = talk_make(fixture);
    start_any(&talks[i], &seed);
    if (next_random(&seed) % 4 == 0) {
      crpc_rpc_cancel(fixture->channel, other->id);
    }
    if (next_random(&seed) % 4 == 0) {
      crpc_rpc_resume(fixture->channel, other->id);
    }
    for (unsigned turns = next_random(&seed) % 8; turns > 0; turns--) {
      crpc_loop_step(fixture->loop, cb_now(NULL) + CB_MILLISECOND / 4);
    }
  }
  for (int i = 0; i < COUNT; i++)
    talk_wait(&talks[i]);
  fixture_turn(fixture, 50);
  for (int i = 0; i < COUNT; i++)
    assert_int_equal(talks[i].done, 1);
  free(talks);
  fixture_free(fixture);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pause__slow_reader__memory_bounded_nothing_lost),
      cmocka_unit_test(send__one_message_over_the_queue__taken_when_empty),
      cmocka_unit_test(send__empty_messages__counted_too),
      cmocka_unit_test(send__past_max_response__no_memory),
      cmocka_unit_test(reader_timeout__stopped_reader__cut),
      cmocka_unit_test(reader_timeout__finished_call__cut_too),
      cmocka_unit_test(reader_timeout__slow_reader__goes_on),
      cmocka_unit_test(fail__after_messages__all_arrive_first),
      cmocka_unit_test(finish__no_messages__ok),
      cmocka_unit_test(cancel__before_anything__done_once),
      cmocka_unit_test(cancel__in_mid_stream__handler_told_once),
      cmocka_unit_test(cancel__while_handler_waits__told),
      cmocka_unit_test(deadline__in_mid_stream__both_sides_end),
      cmocka_unit_test(say__thousand_at_once__all_answered),
      cmocka_unit_test(chat__both_ways__one_answer_each),
      cmocka_unit_test(gather__many__one_answer),
      cmocka_unit_test(gather__nothing_sent__still_answered),
      cmocka_unit_test(chat__second_message_malformed__call_failed),
      cmocka_unit_test(chat__second_message_too_large__call_failed),
      cmocka_unit_test(chat__caller_leaves__told_and_not_half_closed),
      cmocka_unit_test(cancel__request_never_sent__no_handler_no_leak),
      cmocka_unit_test(cancel__from_inside_message__done_once),
      cmocka_unit_test(chaos__random_ends__each_done_once_nothing_left),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
