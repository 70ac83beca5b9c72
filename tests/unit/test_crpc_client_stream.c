/* Streams whose client sends many messages: flow control both ways, half-close,
 * cancelling at every stage, and ends from either side. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cmocka_all.h"
#include "crpc/call.h"
#include "support/crpc_fixture.h"

/* What may pile up between a writer and a reader that stands still: the
 * windows of HTTP/2, and the buffers of the core and of the two sockets. */
#define STANDSTILL ((size_t)512 * 1024)

static echo_Ask ask_of(const char *text, const char *how) {
  echo_Ask ask = echo_Ask_INIT;

  ask.text = (char *)(uintptr_t)text;
  ask.how = (char *)(uintptr_t)how;
  return ask;
}

/* Writes ask, waiting for room. */
static void put(struct talk *talk, const echo_Ask *ask) {
  for (;;) {
    int before = talk->writables;
    enum crpc_send sent = talk_write(talk, ask);

    if (sent == CRPC_SENT) return;
    assert_int_equal(sent, CRPC_WAIT);
    fixture_until_count(talk->fixture, &talk->writables, before + 1);
  }
}

static void put_text(struct talk *talk, const char *text) {
  echo_Ask ask = ask_of(text, "");

  put(talk, &ask);
}

static void put_how(struct talk *talk, const char *how) {
  echo_Ask ask = ask_of("", how);

  put(talk, &ask);
}

static void gather__many__one_answer(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);

  (void)state;
  talk_gather(&talk, NULL);
  put_text(&talk, "one ");
  put_text(&talk, "two ");
  put_text(&talk, "three");
  talk_half_close(&talk);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_OK);
  assert_int_equal(talk.messages, 1);
  assert_string_equal(talk.text, "one two three");
  fixture_until_count(fixture, &fixture->done, 1);
  assert_int_equal(fixture->half_closed, 1);
  assert_int_equal(fixture->cancelled, 0);
  fixture_free(fixture);
}

static void start__nothing_written__empty_stream(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk gather = talk_make(fixture);
  struct talk chat = talk_make(fixture);

  (void)state;
  talk_gather(&gather, NULL);
  talk_half_close(&gather);
  talk_chat(&chat, NULL);
  talk_half_close(&chat);
  talk_wait(&gather);
  talk_wait(&chat);
  assert_int_equal(gather.code, CB_OK);
  assert_int_equal(gather.messages, 1);
  assert_string_equal(gather.text, "");
  assert_int_equal(chat.code, CB_OK);
  assert_int_equal(chat.messages, 0);
  assert_int_equal(fixture->half_closed, 2);
  assert_int_equal(fixture->received, 0);
  fixture_free(fixture);
}

/* The answer may be here before the news that its ask has left. */
static void write_next(struct talk *talk) {
  echo_Ask ask = ask_of("ping", "");

  ask.count = 1;
  if (talk->messages == talk->limit) {
    talk_half_close(talk);
  } else {
    enum crpc_send sent = talk_write(talk, &ask);

    assert_true(sent == CRPC_SENT || sent == CRPC_WAIT);
  }
}

static void chat__answer_by_answer__in_order(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);

  (void)state;
  talk.limit = 50;
  talk.message_came = write_next;
  talk.writable = write_next;
  talk_chat(&talk, NULL);
  write_next(&talk);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_OK);
  assert_int_equal(talk.messages, 50);
  assert_true(talk.in_order);
  assert_int_equal(talk.written, 50);
  fixture_free(fixture);
}

static void write__one_in_flight__waits_then_writable(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  echo_Ask ask = ask_of("x", "");

  (void)state;
  talk_gather(&talk, NULL);
  assert_int_equal(talk_write(&talk, &ask), CRPC_SENT);
  assert_int_equal(talk_write(&talk, &ask), CRPC_WAIT); /* not connected yet */
  assert_int_equal(talk_write(&talk, &ask), CRPC_WAIT);
  fixture_until_count(fixture, &talk.writables, 1);
  assert_int_equal(talk_write(&talk, &ask), CRPC_SENT);
  talk_half_close(&talk);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_OK);
  assert_string_equal(talk.text, "xx");
  assert_int_equal(talk.writables, 1); /* half-close has taken back the wish */
  fixture_free(fixture);
}

/* Writes asks of 16 KiB up to the limit, as long as there is room. */
static void write_on(struct talk *talk) {
  static uint8_t bytes[16 * 1024];
  echo_Ask ask = ask_of("", "");

  ask.payload.data = bytes;
  ask.payload.len = sizeof bytes;
  ask.count = 1;
  while (talk->written < talk->limit) {
    if (talk_write(talk, &ask) != CRPC_SENT) return;
  }
  talk_half_close(talk);
}

static void turn_until_still(struct fixture *fixture, const int *count) {
  for (int before = -1; before != *count;) {
    before = *count;
    fixture_turn(fixture, 200);
  }
}

static void write__handler_does_not_read__stands_still(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  int before;

  (void)state;
  talk_chat(&talk, NULL);
  put_how(&talk, "hold");
  fixture_until_count(fixture, &fixture->received, 1);
  talk.limit = 2001;
  talk.writable = write_on;
  write_on(&talk);
  turn_until_still(fixture, &talk.written);
  before = talk.written;
  assert_true(before < talk.limit);
  assert_true((size_t)before * 16 * 1024 < STANDSTILL);
  assert_int_equal(fixture->received, 1); /* none was read unasked */
  assert_true(cb_budget_used(&fixture->budget) < (size_t)128 * 1024);
  crpc_call_read(fixture->held);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_OK);
  assert_int_equal(talk.written, 2001);
  assert_int_equal(fixture->received, 2001);
  assert_int_equal(talk.messages, 2000);
  assert_true(talk.in_order);
  fixture_free(fixture);
}

static void write_wide(struct talk *talk) {
  echo_Ask ask = ask_of("", "");

  ask.count = 1;
  ask.size = 16 * 1024;
  while (talk->written < talk->limit) {
    if (talk_write(talk, &ask) != CRPC_SENT) return;
  }
  talk_half_close(talk);
}

static void pause__client_does_not_read__handler_stands_still(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  int before;

  (void)state;
  talk.pause_at = 1;
  talk.limit = 2000;
  talk.writable = write_wide;
  talk_chat(&talk, NULL);
  write_wide(&talk);
  fixture_until_count(fixture, &fixture->waits, 1);
  turn_until_still(fixture, &fixture->received);
  before = fixture->received;
  assert_int_equal(talk.messages, 1);
  assert_true(before < 2000);
  assert_true((size_t)before * 16 * 1024 < STANDSTILL);
  assert_true(fixture->most_queued <= (size_t)64 * 1024);
  crpc_rpc_resume(fixture->channel, talk.id);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_OK);
  assert_int_equal(talk.messages, 2000);
  assert_int_equal(fixture->received, 2000);
  assert_true(talk.in_order);
  fixture_free(fixture);
}

static void half_close__message_in_flight__goes_behind_it(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  echo_Ask ask = ask_of("last", "");

  (void)state;
  talk_gather(&talk, NULL);
  assert_int_equal(talk_write(&talk, &ask), CRPC_SENT);
  talk_half_close(&talk);
  talk_half_close(&talk); /* once is enough */
  assert_int_equal(talk_write(&talk, &ask), CRPC_CLOSED);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_OK);
  assert_string_equal(talk.text, "last");
  assert_int_equal(fixture->half_closed, 1);
  assert_int_equal(talk_write(&talk, &ask), CRPC_CLOSED); /* is gone */
  talk_half_close(&talk);
  fixture_free(fixture);
}

static void half_close__server_goes_on__all_answers_come(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  echo_Ask ask = ask_of("", "");

  (void)state;
  talk_chat(&talk, NULL);
  ask.count = 300;
  ask.size = 4000;
  put(&talk, &ask);
  talk_half_close(&talk);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_OK);
  assert_int_equal(talk.messages, 300);
  assert_true(talk.in_order);
  assert_int_equal(fixture->half_closed, 1);
  fixture_free(fixture);
}

static void end__server_first__ok_and_closed_to_writes(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk gather = talk_make(fixture);
  struct talk chat = talk_make(fixture);
  echo_Ask ask = ask_of("", "");

  (void)state;
  talk_gather(&gather, NULL);
  put_text(&gather, "half");
  put_how(&gather, "end");
  talk_wait(&gather);
  assert_int_equal(gather.code, CB_OK);
  assert_string_equal(gather.text, "half");
  assert_int_equal(talk_write(&gather, &ask), CRPC_CLOSED);
  talk_chat(&chat, NULL);
  put_text(&chat, "one");
  put_how(&chat, "end");
  talk_wait(&chat);
  assert_int_equal(chat.code, CB_OK);
  assert_int_equal(chat.messages, 1);
  fixture_until_count(fixture, &fixture->done, 2);
  assert_int_equal(fixture->half_closed, 0);
  fixture_free(fixture);
}

static void fail__server_first__details_arrive(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk gather = talk_make(fixture);
  struct talk chat = talk_make(fixture);

  (void)state;
  talk_gather(&gather, NULL);
  put_how(&gather, "fail");
  talk_chat(&chat, NULL);
  put_text(&chat, "one");
  put_how(&chat, "fail");
  talk_wait(&gather);
  talk_wait(&chat);
  assert_int_equal(gather.code, CB_RESOURCE_EXHAUSTED);
  assert_string_equal(gather.reason, "TOO_MANY");
  assert_int_equal(gather.messages, 0);
  assert_int_equal(chat.code, CB_RESOURCE_EXHAUSTED);
  assert_string_equal(chat.field, "asks[3].text");
  assert_int_equal(chat.messages, 1);
  fixture_until_count(fixture, &fixture->done, 2);
  fixture_free(fixture);
}

/* The end of the call is behind messages that nobody reads; the writer must
 * hear of it all the same. */
static void writable__server_ended_reader_paused__told_closed(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  echo_Ask ask = ask_of("", "");
  int before;

  (void)state;
  talk.pause_at = 1;
  talk_chat(&talk, NULL);
  ask.count = 2;
  put(&talk, &ask);
  fixture_until_count(fixture, &talk.messages, 1);
  put_how(&talk, "hold");
  fixture_until_count(fixture, &fixture->received, 2);
  talk.limit = 1000000;
  talk.writable = write_on;
  write_on(&talk);
  turn_until_still(fixture, &talk.written);
  assert_int_equal(talk_write(&talk, &ask), CRPC_WAIT);
  before = talk.writables;
  crpc_call_finish(fixture->held);
  fixture_until_count(fixture, &talk.writables, before + 1);
  fixture_turn(fixture, 50); /* what was in flight may yet be taken */
  assert_int_equal(talk_write(&talk, &ask), CRPC_CLOSED);
  assert_false(talk.is_done);
  crpc_rpc_resume(fixture->channel, talk.id);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_OK);
  assert_int_equal(talk.messages, 2);
  fixture_free(fixture);
}

/* A client that takes Chat for a method with one answer. */
static struct crpc_method chat_with_one_answer(void) {
  struct crpc_method method = echo_Echo_Chat;

  method.kind = CRPC_CLIENT_STREAMING;
  return method;
}

static void answer__two_instead_of_one__malformed(void **state) {
  const struct crpc_method method = chat_with_one_answer();
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  echo_Ask ask = ask_of("", "");

  (void)state;
  talk_as(&talk, &method);
  ask.count = 2;
  put(&talk, &ask);
  talk_half_close(&talk);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_INTERNAL);
  assert_string_equal(talk.reason, "MALFORMED_RESPONSE");
  assert_int_equal(talk.messages, 0);
  fixture_free(fixture);
}

static void answer__none_instead_of_one__malformed(void **state) {
  const struct crpc_method method = chat_with_one_answer();
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);

  (void)state;
  talk_as(&talk, &method);
  talk_half_close(&talk);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_INTERNAL);
  assert_string_equal(talk.reason, "MALFORMED_RESPONSE");
  fixture_free(fixture);
}

static void answer__call_failed_behind_it__not_delivered(void **state) {
  const struct crpc_method method = chat_with_one_answer();
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);

  (void)state;
  talk_as(&talk, &method);
  put_text(&talk, "answered");
  put_how(&talk, "fail");
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_RESOURCE_EXHAUSTED);
  assert_int_equal(talk.messages, 0);
  fixture_free(fixture);
}

static void write__over_the_budget__no_memory_then_goes_on(void **state) {
  struct cb_budget budget;
  const struct crpc_channel_options options = {.budget = &budget};
  struct fixture *fixture;
  struct talk talk;
  uint8_t bytes[64 * 1024] = {0};
  echo_Ask ask = ask_of("", "");

  (void)state;
  cb_budget_init(&budget, (size_t)64 * 1024);
  fixture = fixture_new(NULL, &options, NULL);
  talk = talk_make(fixture);
  talk_gather(&talk, NULL);
  ask.payload.data = bytes;
  ask.payload.len = sizeof bytes;
  assert_int_equal(talk_write(&talk, &ask), CRPC_NO_MEMORY);
  ask.payload.len = sizeof bytes / 4;
  put(&talk, &ask);
  put_text(&talk, "still here");
  talk_half_close(&talk);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_OK);
  assert_string_equal(talk.text, "still here");
  assert_int_equal(cb_budget_used(&budget), 0);
  fixture_free(fixture);
}

static void expect_cancelled(struct talk *talk) {
  echo_Ask ask = ask_of("", "");

  crpc_rpc_cancel(talk->fixture->channel, talk->id);
  assert_int_equal(talk_write(talk, &ask), CRPC_CLOSED);
  talk_half_close(talk); /* may do no harm */
  talk_wait(talk);
  assert_int_equal(talk->code, CB_CANCELLED);
}

static void cancel__before_anything__done_once(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk gather = talk_make(fixture);
  struct talk chat = talk_make(fixture);
  echo_Ask ask = ask_of("", "");

  (void)state;
  talk_gather(&gather, NULL);
  expect_cancelled(&gather);
  talk_chat(&chat, NULL);
  assert_int_equal(talk_write(&chat, &ask), CRPC_SENT);
  expect_cancelled(&chat);
  fixture_free(fixture);
}

static void cancel__opened_nothing_written__handler_told(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);

  (void)state;
  talk_gather(&talk, NULL);
  fixture_until_count(fixture, &fixture->handled, 1);
  expect_cancelled(&talk);
  fixture_until_count(fixture, &fixture->done, 1);
  assert_int_equal(fixture->cancelled, 1);
  assert_int_equal(fixture->half_closed, 0);
  fixture_free(fixture);
}

static void cancel__between_messages__handler_told(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);

  (void)state;
  talk_chat(&talk, NULL);
  put_text(&talk, "one");
  fixture_until_count(fixture, &talk.messages, 1);
  expect_cancelled(&talk);
  fixture_until_count(fixture, &fixture->done, 1);
  assert_int_equal(fixture->cancelled, 1);
  assert_int_equal(fixture->half_closed, 0);
  assert_int_equal(fixture->ended_code, CB_CANCELLED);
  fixture_free(fixture);
}

static void cancel__both_stand_still__handler_told(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);

  (void)state;
  talk.pause_at = 1;
  talk.limit = 1000000;
  talk.writable = write_wide;
  talk_chat(&talk, NULL);
  write_wide(&talk);
  fixture_until_count(fixture, &fixture->waits, 1);
  turn_until_still(fixture, &fixture->received);
  expect_cancelled(&talk);
  fixture_until_count(fixture, &fixture->done, 1);
  assert_int_equal(fixture->cancelled, 1);
  fixture_free(fixture);
}

static void cancel__half_closed__handler_told(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);

  (void)state;
  talk_chat(&talk, NULL);
  put_how(&talk, "hold");
  talk_half_close(&talk);
  fixture_until_count(fixture, &fixture->received, 1);
  expect_cancelled(&talk);
  fixture_until_count(fixture, &fixture->done, 1);
  assert_int_equal(fixture->cancelled, 1);
  assert_int_equal(fixture->half_closed, 0); /* it did not ask */
  fixture_free(fixture);
}

static void cancel_now(struct talk *talk) {
  crpc_rpc_cancel(talk->fixture->channel, talk->id);
}

static void cancel__from_inside_events__done_once(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk reader = talk_make(fixture);
  struct talk writer = talk_make(fixture);
  echo_Ask ask = ask_of("", "");

  (void)state;
  reader.message_came = cancel_now;
  talk_chat(&reader, NULL);
  ask.count = 10;
  put(&reader, &ask);
  talk_wait(&reader);
  assert_int_equal(reader.code, CB_CANCELLED);
  assert_int_equal(reader.messages, 1);
  writer.writable = cancel_now;
  talk_chat(&writer, NULL);
  assert_int_equal(talk_write(&writer, &ask), CRPC_SENT);
  assert_int_equal(talk_write(&writer, &ask), CRPC_WAIT);
  talk_wait(&writer);
  assert_int_equal(writer.code, CB_CANCELLED);
  assert_int_equal(writer.writables, 1);
  fixture_free(fixture);
}

static void deadline__client_does_not_half_close__both_end(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  struct crpc_rpc_options options = {0};

  (void)state;
  options.deadline = cb_now(NULL) + 200 * CB_MILLISECOND;
  talk_gather(&talk, &options);
  put_text(&talk, "one");
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_DEADLINE_EXCEEDED);
  fixture_until_count(fixture, &fixture->done, 1);
  assert_int_equal(fixture->cancelled, 1);
  assert_int_equal(fixture->ended_code, CB_DEADLINE_EXCEEDED);
  fixture_free(fixture);
}

static void write__no_server__unavailable(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct crpc_channel *channel = fixture->channel;
  struct talk talk = talk_make(fixture);
  echo_Ask ask = ask_of("", "");

  (void)state;
  fixture->channel =
      crpc_channel_new(fixture->loop, "127.0.0.1:1",
                       &(struct crpc_channel_options){.own_connection = true});
  talk_chat(&talk, NULL);
  assert_int_equal(talk_write(&talk, &ask), CRPC_SENT);
  talk_half_close(&talk);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_UNAVAILABLE);
  assert_int_equal(fixture->handled, 0);
  crpc_channel_free(fixture->channel);
  fixture->channel = channel;
  fixture_free(fixture);
}

static void drain__stream_lives__goes_on_until_the_deadline(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);

  (void)state;
  talk_chat(&talk, NULL);
  put_text(&talk, "before");
  fixture_until_count(fixture, &talk.messages, 1);
  fixture_drain(fixture, 300);
  put_text(&talk, "after");
  fixture_until_count(fixture, &talk.messages, 2);
  talk_wait(&talk);
  assert_true(talk.code == CB_UNAVAILABLE || talk.code == CB_CANCELLED);
  fixture_free(fixture);
}

static void channel_free__streams_live__cancelled(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk gather = talk_make(fixture);
  struct talk chat = talk_make(fixture);

  (void)state;
  talk_gather(&gather, NULL);
  talk_chat(&chat, NULL);
  put_text(&gather, "one");
  put_text(&chat, "one");
  fixture_until_count(fixture, &chat.messages, 1);
  crpc_channel_free(fixture->channel);
  fixture->channel = NULL;
  talk_wait(&gather);
  talk_wait(&chat);
  assert_int_equal(gather.code, CB_CANCELLED);
  assert_int_equal(chat.code, CB_CANCELLED);
  fixture_free(fixture);
}

static unsigned next_random(unsigned *seed) {
  *seed = *seed * 1103515245u + 12345u;
  return *seed >> 16;
}

static void poke_any(struct talk *talk, unsigned *seed) {
  static const char *const hows[] = {"", "", "", "", "hold", "end", "fail", ""};
  echo_Ask ask = ask_of("t", hows[next_random(seed) % 8]);

  ask.count = (int32_t)(next_random(seed) % 10);
  ask.size = (int32_t)(next_random(seed) % 20000);
  switch (next_random(seed) % 8) {
    case 0:
      talk_half_close(talk);
      break;
    case 1:
      crpc_rpc_cancel(talk->fixture->channel, talk->id);
      break;
    case 2:
      crpc_rpc_pause(talk->fixture->channel, talk->id);
      break;
    case 3:
      crpc_rpc_resume(talk->fixture->channel, talk->id);
      break;
    default:
      talk_write(talk, &ask);
  }
}

static void chaos__random_pokes__each_done_once_nothing_left(void **state) {
  enum { COUNT = 300 };
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk *talks = calloc(COUNT, sizeof *talks);
  unsigned seed = 4711;

  (void)state;
  assert_non_null(talks);
  for (int i = 0; i < COUNT; i++) {
    struct crpc_rpc_options options = {0};

    options.deadline =
        cb_now(NULL) + (int64_t)(next_random(&seed) % 400) * CB_MILLISECOND;
    talks[i] = talk_make(fixture);
    if (next_random(&seed) % 2 == 0) {
      talk_gather(&talks[i], &options);
    } else {
      talk_chat(&talks[i], &options);
    }
    for (unsigned pokes = next_random(&seed) % 12; pokes > 0; pokes--) {
      poke_any(&talks[next_random(&seed) % (unsigned)(i + 1)], &seed);
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
      cmocka_unit_test(gather__many__one_answer),
      cmocka_unit_test(start__nothing_written__empty_stream),
      cmocka_unit_test(chat__answer_by_answer__in_order),
      cmocka_unit_test(write__one_in_flight__waits_then_writable),
      cmocka_unit_test(write__handler_does_not_read__stands_still),
      cmocka_unit_test(pause__client_does_not_read__handler_stands_still),
      cmocka_unit_test(half_close__message_in_flight__goes_behind_it),
      cmocka_unit_test(half_close__server_goes_on__all_answers_come),
      cmocka_unit_test(end__server_first__ok_and_closed_to_writes),
      cmocka_unit_test(fail__server_first__details_arrive),
      cmocka_unit_test(writable__server_ended_reader_paused__told_closed),
      cmocka_unit_test(answer__two_instead_of_one__malformed),
      cmocka_unit_test(answer__none_instead_of_one__malformed),
      cmocka_unit_test(answer__call_failed_behind_it__not_delivered),
      cmocka_unit_test(write__over_the_budget__no_memory_then_goes_on),
      cmocka_unit_test(cancel__before_anything__done_once),
      cmocka_unit_test(cancel__opened_nothing_written__handler_told),
      cmocka_unit_test(cancel__between_messages__handler_told),
      cmocka_unit_test(cancel__both_stand_still__handler_told),
      cmocka_unit_test(cancel__half_closed__handler_told),
      cmocka_unit_test(cancel__from_inside_events__done_once),
      cmocka_unit_test(deadline__client_does_not_half_close__both_end),
      cmocka_unit_test(write__no_server__unavailable),
      cmocka_unit_test(drain__stream_lives__goes_on_until_the_deadline),
      cmocka_unit_test(channel_free__streams_live__cancelled),
      cmocka_unit_test(chaos__random_pokes__each_done_once_nothing_left),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
