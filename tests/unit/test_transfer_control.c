/* Transfers that are cancelled, paused, many, or stopped with the engine. */
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "cmocka_all.h"
#include "transfer_probe.h"

static void cancel(void *arg) {
  struct probe *probe = arg;

  vtx_transfer_cancel(probe->transfer);
  probe->transfer = NULL;
}

static void start_and_cancel(void *arg) {
  probe_begin(arg);
  cancel(arg);
}

static void cancel__every_stage__no_event_and_aborted_on_wire(void **state) {
  static const struct http_reply replies[] = {
      {"/silent", 0, {HANG}},
      {"/half", 0, {SEND(OK_HEAD "Content-Length: 9\r\n\r\nhel"), HANG}}};
  struct place place = place_start(replies, 2);
  struct probe probe = probe_at(&place, "/silent");

  (void)state;
  tally_init(&probe.done);
  tally_init(&probe.pieces);
  engine_do(place.engine, start_and_cancel, &probe);
  assert_int_equal(http_script_counts(place.script).requests, 0);

  probe_start(&probe);
  while (http_script_counts(place.script).busy < 1)
    sched_yield();
  engine_do(place.engine, cancel, &probe);
  assert_true(eventually(nothing_open, place.script));

  probe.path = "/half";
  probe.stream = true;
  probe_start(&probe);
  assert_true(tally_wait(&probe.pieces, 1));
  engine_do(place.engine, cancel, &probe);
  assert_true(eventually(nothing_open, place.script));
  assert_int_equal(tally_count(&probe.done), 0);
  place_end(&place);
  probe_release(&probe);
}

static bool cancel_self(struct probe *probe) {
  cancel(probe);
  return true;
}

static bool say_no(struct probe *probe) {
  (void)probe;
  return false;
}

static void data__cancels_itself__no_done(void **state) {
  static const struct http_reply replies[] = {{"/", 0, {SEND(HELLO), HANG}}};
  struct place place = place_start(replies, 1);
  struct probe probe = probe_at(&place, "/x");

  (void)state;
  probe.stream = true;
  probe.on_data = cancel_self;
  probe_start(&probe);
  assert_true(tally_wait(&probe.pieces, 1));
  vtx_engine_stop(place.engine);
  assert_int_equal(tally_count(&probe.done), 0);
  probe_release(&probe);
  place_end(&place);
}

static void data__returns_false__done_says_cancelled(void **state) {
  static const struct http_reply replies[] = {
      {"/", 0, {SEND(OK_HEAD "Content-Length: 9\r\n\r\nhel"), HANG}}};
  struct place place = place_start(replies, 1);
  struct probe probe = probe_at(&place, "/x");

  (void)state;
  probe.stream = true;
  probe.on_data = say_no;
  probe_run(&probe);
  assert_int_equal(probe.code, CB_CANCELLED);
  assert_int_equal(probe.http_status, 200);
  assert_int_equal(tally_count(&probe.pieces), 1);
  assert_true(eventually(nothing_open, place.script));
  probe_release(&probe);
  place_end(&place);
}

static struct probe *victim_of(struct probe *probe) { return probe + 1; }

static bool cancel_other(struct probe *probe) {
  if (victim_of(probe)->transfer) cancel(victim_of(probe));
  return true;
}

static void data__cancels_another__that_one_is_silent(void **state) {
  static const struct http_reply replies[] = {
      {"/a", 0, {WAIT(30), SEND(HELLO)}},
      {"/b", 0, {SEND(OK_HEAD "Content-Length: 9\r\n\r\nhel"), HANG}}};
  struct place place = place_start(replies, 2);
  struct probe pair[2] = {probe_at(&place, "/a"), probe_at(&place, "/b")};

  (void)state;
  pair[0].stream = pair[1].stream = true;
  pair[0].on_data = cancel_other;
  probe_start(&pair[1]);
  assert_true(tally_wait(&pair[1].pieces, 1));
  probe_run(&pair[0]);
  assert_int_equal(pair[0].code, CB_OK);
  vtx_engine_stop(place.engine);
  assert_int_equal(tally_count(&pair[1].done), 0);
  probe_release(&pair[0]);
  probe_release(&pair[1]);
  place_end(&place);
}

static bool pause_self(struct probe *probe) {
  vtx_transfer_pause(probe->transfer);
  return true;
}

static void resume(void *arg) {
  vtx_transfer_resume(((struct probe *)arg)->transfer);
}

/* 64 MiB are more than any buffer between the two holds, so that the server's
 * request stays busy while the reader does not read. */
static void pause__torrent__held_up_then_all_there(void **state) {
  char *block = calloc(1, 65536);
  const struct http_reply replies[] = {
      {"/",
       0,
       {SEND(OK_HEAD "Content-Length: 67108864\r\n\r\n"),
        {.action = HTTP_SEND, .data = block, .size = 65536, .times = 1024}}}};
  struct place place = place_start(replies, 1);
  struct probe probe = probe_at(&place, "/x");
  const struct timespec nap = {.tv_nsec = 100 * CB_MILLISECOND};
  int pieces;

  (void)state;
  probe.stream = true;
  probe.max = 67108864;
  probe.on_data = pause_self;
  probe_start(&probe);
  assert_true(tally_wait(&probe.pieces, 1));
  nanosleep(&nap, NULL);
  assert_int_equal(tally_count(&probe.pieces), 1);
  engine_do(place.engine, resume, &probe);
  assert_true(tally_wait(&probe.pieces, 2));
  nanosleep(&nap, NULL);
  assert_int_equal(tally_count(&probe.pieces), 2);
  assert_int_equal(http_script_counts(place.script).busy, 1);
  do { /* one piece for each resume */
    pieces = tally_count(&probe.pieces);
    if (pieces == 20) probe.on_data = NULL; /* the engine is at rest now */
    engine_do(place.engine, resume, &probe);
    assert_true(tally_wait(&probe.pieces, pieces + 1));
  } while (pieces < 20);
  assert_true(tally_wait(&probe.done, 1));
  assert_int_equal(probe.code, CB_OK);
  assert_int_equal(probe.got.len, 67108864);
  probe_release(&probe);
  place_end(&place);
  free(block);
}

static void pause__answer_over__done_waits_for_resume(void **state) {
  static const struct http_reply replies[] = {{"/", 0, {SEND(HELLO)}}};
  struct place place = place_start(replies, 1);
  struct probe probe = probe_at(&place, "/x");
  const struct timespec nap = {.tv_nsec = 50 * CB_MILLISECOND};

  (void)state;
  probe.stream = true;
  probe.on_data = pause_self;
  probe_start(&probe);
  assert_true(tally_wait(&probe.pieces, 1));
  nanosleep(&nap, NULL);
  assert_int_equal(tally_count(&probe.done), 0);
  engine_do(place.engine, resume, &probe);
  assert_true(tally_wait(&probe.done, 1));
  assert_int_equal(probe.code, CB_OK);
  probe_release(&probe);
  place_end(&place);
}

static void pause__then_deadline__done_comes(void **state) {
  static const struct http_reply replies[] = {{"/", 0, {SEND(HELLO)}}};
  struct place place = place_start(replies, 1);
  struct probe probe = probe_at(&place, "/x");

  (void)state;
  probe.stream = true;
  probe.on_data = pause_self;
  probe.deadline = cb_time_add(cb_now(NULL), 200 * CB_MILLISECOND);
  probe_run(&probe);
  assert_int_equal(probe.code, CB_DEADLINE_EXCEEDED);
  probe_release(&probe);
  place_end(&place);
}

#define MANY 2000

static void start_many(void *arg) {
  struct probe *probes = arg;

  for (int i = 0; i < MANY; i++)
    probe_begin(&probes[i]);
}

/* All at once; the server answers none before it has seen the last one. */
static void start__two_thousand_at_once__all_in_flight_together(void **state) {
  static const struct http_reply replies[] = {
      {"/", 0, {GATHER(MANY), SEND(HELLO)}}};
  struct place place = place_start(replies, 1);
  struct probe *probes = calloc(MANY, sizeof *probes);

  (void)state;
  for (int i = 0; i < MANY; i++) {
    probes[i] = probe_at(&place, "/x");
    probe_init(&probes[i]);
  }
  engine_do(place.engine, start_many, probes);
  for (int i = 0; i < MANY; i++) {
    assert_true(tally_wait(&probes[i].done, 1));
    assert_int_equal(probes[i].code, CB_OK);
    probe_release(&probes[i]);
  }
  assert_int_equal(http_script_counts(place.script).requests, MANY);
  assert_true(http_script_counts(place.script).most_busy == MANY);
  free(probes);
  place_end(&place);
}

/* The others wait, and the connections of one origin make room for another's.
 */
static void start__two_connections_for_two_origins__all_done(void **state) {
  static const struct http_reply replies[] = {{"/", 0, {WAIT(5), SEND(HELLO)}}};
  const struct vtx_engine_options options = {.max_connections = 2};
  struct cb_status status;
  struct vtx_engine *engine = vtx_engine_new(&options, &status);
  struct http_script *scripts[2];
  struct probe probes[20];

  (void)state;
  assert_true(engine && vtx_engine_start(engine));
  for (int i = 0; i < 2; i++)
    scripts[i] = http_script_start(replies, 1);
  for (int i = 0; i < 20; i++) {
    const struct place place = {engine, scripts[i % 2]};

    probes[i] = probe_at(&place, "/");
    probe_start(&probes[i]);
  }
  for (int i = 0; i < 20; i++) {
    assert_true(tally_wait(&probes[i].done, 1));
    assert_int_equal(probes[i].code, CB_OK);
    probe_release(&probes[i]);
  }
  for (int i = 0; i < 2; i++) {
    assert_int_equal(http_script_counts(scripts[i]).requests, 10);
    assert_in_range(http_script_counts(scripts[i]).most_busy, 1, 2);
  }
  vtx_engine_stop(engine);
  vtx_engine_free(engine);
  for (int i = 0; i < 2; i++)
    http_script_stop(scripts[i]);
}

static void stop__transfers_in_flight__each_done_cancelled(void **state) {
  static const struct http_reply replies[] = {
      {"/silent", 0, {HANG}},
      {"/half", 0, {SEND(OK_HEAD "Content-Length: 9\r\n\r\nhel"), HANG}}};
  struct place place = place_start(replies, 2);
  struct probe probes[100];

  (void)state;
  for (int i = 0; i < 100; i++) {
    probes[i] = probe_at(&place, i % 2 ? "/silent" : "/half");
    probes[i].stream = i % 3 == 0;
    if (i % 3 == 0) probes[i].on_data = pause_self;
    probe_start(&probes[i]);
  }
  vtx_engine_stop(place.engine);
  for (int i = 0; i < 100; i++) {
    assert_int_equal(tally_count(&probes[i].done), 1);
    assert_int_equal(probes[i].code, CB_CANCELLED);
    assert_string_equal(probes[i].reason, "CANCELLED");
    probe_release(&probes[i]);
  }
  place_end(&place);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cancel__every_stage__no_event_and_aborted_on_wire),
      cmocka_unit_test(data__cancels_itself__no_done),
      cmocka_unit_test(data__returns_false__done_says_cancelled),
      cmocka_unit_test(data__cancels_another__that_one_is_silent),
      cmocka_unit_test(pause__torrent__held_up_then_all_there),
      cmocka_unit_test(pause__answer_over__done_waits_for_resume),
      cmocka_unit_test(pause__then_deadline__done_comes),
      cmocka_unit_test(start__two_thousand_at_once__all_in_flight_together),
      cmocka_unit_test(start__two_connections_for_two_origins__all_done),
      cmocka_unit_test(stop__transfers_in_flight__each_done_cancelled),
  };
  cmocka_set_test_filter(getenv("CASES"));
  return cmocka_run_group_tests(tests, NULL, NULL);
}
