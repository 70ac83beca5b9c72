/* Streams whose client sends many messages: cancelling at every stage, and ends
 * that neither side wished for. */
#include <stdlib.h>

#include "base/clock.h"
#include "cmocka_all.h"
#include "support/crpc_fixture.h"
#include "support/crpc_streams.h"

static void expect_cancelled(struct talk *talk) {
  echo_Ask ask = stream_ask("", "");

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
  echo_Ask ask = stream_ask("", "");

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
  talk_put_text(&talk, "one");
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
  talk.writable = talk_write_wide;
  talk_chat(&talk, NULL);
  talk_write_wide(&talk);
  fixture_until_count(fixture, &fixture->waits, 1);
  fixture_until_still(fixture, &fixture->received);
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
  talk_put_how(&talk, "hold");
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
  echo_Ask ask = stream_ask("", "");

  (void)state;
  reader.message_came = cancel_now;
  talk_chat(&reader, NULL);
  ask.count = 10;
  talk_put(&reader, &ask);
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
  talk_put_text(&talk, "one");
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
  echo_Ask ask = stream_ask("", "");

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
  talk_put_text(&talk, "before");
  fixture_until_count(fixture, &talk.messages, 1);
  fixture_drain(fixture, 300);
  talk_put_text(&talk, "after");
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
  talk_put_text(&gather, "one");
  talk_put_text(&chat, "one");
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
  echo_Ask ask = stream_ask("t", hows[next_random(seed) % 8]);

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
