/* One call at a time: how it is answered, failed, refused, named. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cmocka_all.h"
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(say__plain__answered_once),
      cmocka_unit_test(fail__all_details__arrive),
      cmocka_unit_test(repeat__many__in_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
