/* Streams whose client sends many messages: flow control both ways, half-close,
 * ends from either side, one answer or none, and memory. */
#include <string.h>

#include "base/arena.h"
#include "base/budget.h"
#include "cmocka_all.h"
#include "crpc/call.h"
#include "support/crpc_fixture.h"
#include "support/crpc_streams.h"

/* What may pile up between a writer and a reader that stands still: the
 * windows of HTTP/2, and the buffers of the core and of the two sockets. */
#define STANDSTILL ((size_t)512 * 1024)

static void gather__many__one_answer(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);

  (void)state;
  talk_gather(&talk, NULL);
  talk_put_text(&talk, "one ");
  talk_put_text(&talk, "two ");
  talk_put_text(&talk, "three");
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
  echo_Ask ask = stream_ask("ping", "");

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
  echo_Ask ask = stream_ask("x", "");

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
  echo_Ask ask = stream_ask("", "");

  ask.payload.data = bytes;
  ask.payload.len = sizeof bytes;
  ask.count = 1;
  while (talk->written < talk->limit) {
    if (talk_write(talk, &ask) != CRPC_SENT) return;
  }
  talk_half_close(talk);
}

static void write__handler_does_not_read__stands_still(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  int before;

  (void)state;
  talk_chat(&talk, NULL);
  talk_put_how(&talk, "hold");
  fixture_until_count(fixture, &fixture->received, 1);
  talk.limit = 2001;
  talk.writable = write_on;
  write_on(&talk);
  fixture_until_still(fixture, &talk.written);
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

static void pause__client_does_not_read__handler_stands_still(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  int before;

  (void)state;
  talk.pause_at = 1;
  talk.limit = 2000;
  talk.writable = talk_write_wide;
  talk_chat(&talk, NULL);
  talk_write_wide(&talk);
  fixture_until_count(fixture, &fixture->waits, 1);
  fixture_until_still(fixture, &fixture->received);
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
  echo_Ask ask = stream_ask("last", "");

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
  echo_Ask ask = stream_ask("", "");

  (void)state;
  talk_chat(&talk, NULL);
  ask.count = 300;
  ask.size = 4000;
  talk_put(&talk, &ask);
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
  echo_Ask ask = stream_ask("", "");

  (void)state;
  talk_gather(&gather, NULL);
  talk_put_text(&gather, "half");
  talk_put_how(&gather, "end");
  talk_wait(&gather);
  assert_int_equal(gather.code, CB_OK);
  assert_string_equal(gather.text, "half");
  assert_int_equal(talk_write(&gather, &ask), CRPC_CLOSED);
  talk_chat(&chat, NULL);
  talk_put_text(&chat, "one");
  talk_put_how(&chat, "end");
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
  talk_put_how(&gather, "fail");
  talk_chat(&chat, NULL);
  talk_put_text(&chat, "one");
  talk_put_how(&chat, "fail");
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
  echo_Ask ask = stream_ask("", "");
  int before;

  (void)state;
  talk.pause_at = 1;
  talk_chat(&talk, NULL);
  ask.count = 2;
  talk_put(&talk, &ask);
  fixture_until_count(fixture, &talk.messages, 1);
  talk_put_how(&talk, "hold");
  fixture_until_count(fixture, &fixture->received, 2);
  talk.limit = 1000000;
  talk.writable = write_on;
  write_on(&talk);
  fixture_until_still(fixture, &talk.written);
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
  echo_Ask ask = stream_ask("", "");

  (void)state;
  talk_as(&talk, &method);
  ask.count = 2;
  talk_put(&talk, &ask);
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
  talk_put_text(&talk, "answered");
  talk_put_how(&talk, "fail");
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
  echo_Ask ask = stream_ask("", "");

  (void)state;
  cb_budget_init(&budget, (size_t)64 * 1024);
  fixture = fixture_new(NULL, &options, NULL);
  talk = talk_make(fixture);
  talk_gather(&talk, NULL);
  ask.payload.data = bytes;
  ask.payload.len = sizeof bytes;
  assert_int_equal(talk_write(&talk, &ask), CRPC_NO_MEMORY);
  ask.payload.len = sizeof bytes / 4;
  talk_put(&talk, &ask);
  talk_put_text(&talk, "still here");
  talk_half_close(&talk);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_OK);
  assert_string_equal(talk.text, "still here");
  assert_int_equal(cb_budget_used(&budget), 0);
  fixture_free(fixture);
}

static void message__arena_taken__outlives_call(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  echo_Ask ask = stream_ask("mine", "keep");

  (void)state;
  talk_gather(&talk, NULL);
  talk_put_text(&talk, "one");
  talk_put(&talk, &ask);
  talk_put_text(&talk, "two");
  talk_half_close(&talk);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_OK);
  assert_string_equal(talk.text, "onetwo");
  fixture_until_count(fixture, &fixture->done, 1);
  assert_string_equal(fixture->kept_ask->text, "mine");
  cb_arena_free(fixture->kept_arena);
  fixture_free(fixture);
}

/* Opens a Gather with one message, and leaves no memory for a second one, which
 * is then sent. Returns what was charged. */
static size_t use_up_memory(struct fixture *fixture, struct talk *talk) {
  size_t rest;

  talk_gather(talk, NULL);
  talk_put_text(talk, "one ");
  fixture_until_count(fixture, &fixture->received, 1);
  rest = fixture->budget.limit - cb_budget_used(&fixture->budget);
  assert_true(cb_budget_charge(&fixture->budget, rest));
  talk_put_text(talk, "two");
  fixture_turn(fixture, 150);
  assert_int_equal(fixture->received, 1);
  assert_false(talk->is_done);
  return rest;
}

static void message__no_memory_now__waits_for_it(void **state) {
  struct cb_budget budget;
  const struct crpc_channel_options options = {.budget = &budget};
  struct fixture *fixture;
  struct talk talk;

  (void)state;
  cb_budget_init(&budget, SIZE_MAX);
  fixture = fixture_new(NULL, &options, NULL);
  talk = talk_make(fixture);
  cb_budget_release(&fixture->budget, use_up_memory(fixture, &talk));
  talk_half_close(&talk);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_OK);
  assert_string_equal(talk.text, "one two");
  fixture_free(fixture);
}

static void message__caller_leaves_while_it_waits__nothing_left(void **state) {
  struct cb_budget budget;
  const struct crpc_channel_options options = {.budget = &budget};
  struct fixture *fixture;
  struct talk talk;
  size_t charged;

  (void)state;
  cb_budget_init(&budget, SIZE_MAX);
  fixture = fixture_new(NULL, &options, NULL);
  talk = talk_make(fixture);
  charged = use_up_memory(fixture, &talk);
  crpc_rpc_cancel(fixture->channel, talk.id);
  talk_wait(&talk);
  fixture_until_count(fixture, &fixture->done, 1);
  assert_int_equal(fixture->cancelled, 1);
  assert_int_equal(fixture->received, 1);
  cb_budget_release(&fixture->budget, charged);
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
      cmocka_unit_test(message__arena_taken__outlives_call),
      cmocka_unit_test(message__no_memory_now__waits_for_it),
      cmocka_unit_test(message__caller_leaves_while_it_waits__nothing_left),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
