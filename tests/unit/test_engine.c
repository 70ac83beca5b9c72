#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/list.h"
#include "cmocka_all.h"
#include "engine_help.h"
#include "service/vertex/engine.h"
#include "service/vertex/transfer.h"

/* A letter that says where and in which order it was read. */
struct letter {
  struct cb_mail mail;
  struct vtx_engine *engine;
  struct tally *tally;
  pthread_t reader;
  int order;
};

static void read_letter(struct cb_mail *mail) {
  struct letter *letter = CB_CONTAINER(mail, struct letter, mail);

  letter->reader = pthread_self();
  letter->order = tally_count(letter->tally);
  tally_add(letter->tally);
}

static void post__many__delivered_in_order_on_its_thread(void **state) {
  struct vtx_engine *engine = engine_start(NULL);
  struct letter letters[1000];
  struct tally tally;

  (void)state;
  tally_init(&tally);
  for (int i = 0; i < 1000; i++) {
    letters[i] = (struct letter){.mail.deliver = read_letter, .tally = &tally};
    vtx_engine_post(engine, &letters[i].mail);
  }
  assert_true(tally_wait(&tally, 1000));
  for (int i = 0; i < 1000; i++) {
    assert_int_equal(letters[i].order, i);
    assert_false(pthread_equal(letters[i].reader, pthread_self()));
  }
  engine_end(engine);
  tally_release(&tally);
}

static void post__while_idle__wakes_at_once(void **state) {
  struct vtx_engine *engine = engine_start(NULL);
  const struct timespec nap = {.tv_nsec = 30 * CB_MILLISECOND};
  struct tally tally;
  struct letter letter = {.mail.deliver = read_letter, .tally = &tally};
  int64_t begin;

  (void)state;
  tally_init(&tally);
  nanosleep(&nap, NULL); /* it sleeps for a minute now, if nobody comes */
  begin = cb_now(NULL);
  vtx_engine_post(engine, &letter.mail);
  assert_true(tally_wait(&tally, 1));
  assert_true(since(begin) < 30 * CB_SECOND);
  engine_end(engine);
  tally_release(&tally);
}

static void post__before_start_and_unread_at_stop__still_delivered(
    void **state) {
  const struct vtx_engine_options options = {.max_in_flight = 10};
  struct cb_status status;
  struct vtx_engine *engine = vtx_engine_new(&options, &status);
  struct tally tally;
  struct letter letter = {.mail.deliver = read_letter, .tally = &tally};

  (void)state;
  tally_init(&tally);
  assert_non_null(engine);
  vtx_engine_post(engine, &letter.mail);
  assert_true(vtx_engine_start(engine));
  vtx_engine_stop(engine);
  assert_int_equal(tally_count(&tally), 1);
  vtx_engine_stop(engine); /* twice is once */
  vtx_engine_free(engine);
  vtx_engine_free(NULL);
  tally_release(&tally);
}

struct alarm_clock {
  struct cb_timer timer;
  struct vtx_engine *engine;
  struct tally *tally;
  int64_t delay;
  int64_t due;
  int64_t late;
};

static void on_alarm(struct cb_timer *timer) {
  struct alarm_clock *alarm = CB_CONTAINER(timer, struct alarm_clock, timer);

  alarm->late = vtx_engine_now(alarm->engine) - alarm->due;
  tally_add(alarm->tally);
}

static void set_alarm(void *arg) {
  struct alarm_clock *alarm = arg;

  alarm->timer = (struct cb_timer){.fire = on_alarm};
  alarm->due = cb_time_add(cb_now(NULL), alarm->delay);
  assert_true(vtx_engine_set_timer(alarm->engine, &alarm->timer, alarm->due));
}

static void unset_alarm(void *arg) {
  struct alarm_clock *alarm = arg;

  vtx_engine_cancel_timer(alarm->engine, &alarm->timer);
}

static void timer__set__fires_and_not_early(void **state) {
  struct vtx_engine *engine = engine_start(NULL);
  struct tally tally;
  struct tally never;
  struct alarm_clock alarms[3];
  struct alarm_clock unset = {
      .engine = engine, .tally = &never, .delay = 40 * CB_MILLISECOND};

  (void)state;
  tally_init(&tally);
  tally_init(&never);
  engine_do(engine, set_alarm, &unset);
  for (int i = 0; i < 3; i++) {
    alarms[i] = (struct alarm_clock){.engine = engine,
                                     .tally = &tally,
                                     .delay = (60 - 20 * i) * CB_MILLISECOND};
    engine_do(engine, set_alarm, &alarms[i]);
  }
  engine_do(engine, unset_alarm, &unset);
  assert_true(tally_wait(&tally, 3));
  for (int i = 0; i < 3; i++) {
    assert_true(alarms[i].late >= 0);
  }
  assert_int_equal(tally_count(&never), 0);
  engine_end(engine);
  tally_release(&tally);
  tally_release(&never);
}

static void count_pull(void *self) { atomic_fetch_add((atomic_int *)self, 1); }

static void nothing(void *arg) { (void)arg; }

static bool unblocked_signal(void) {
  sigset_t blocked;

  pthread_sigmask(SIG_SETMASK, NULL, &blocked);
  return !sigismember(&blocked, SIGTERM) || !sigismember(&blocked, SIGPIPE);
}

static void look_at_signals(void *arg) { *(bool *)arg = unblocked_signal(); }

static void start__signals__blocked_in_its_thread_only(void **state) {
  struct vtx_engine *engine = engine_start(NULL);
  bool unblocked = true;

  (void)state;
  engine_do(engine, look_at_signals, &unblocked);
  assert_false(unblocked);
  assert_true(unblocked_signal());
  engine_end(engine);
}

static void pull__each_turn__called_and_no_busy_loop(void **state) {
  const struct vtx_engine_options options = {.max_in_flight = 10};
  const struct timespec nap = {.tv_nsec = 200 * CB_MILLISECOND};
  struct cb_status status;
  struct vtx_engine *engine = vtx_engine_new(&options, &status);
  atomic_int pulls = 0;
  int before;

  (void)state;
  vtx_engine_set_pull(engine, count_pull, &pulls);
  assert_true(vtx_engine_start(engine));
  before = atomic_load(&pulls);
  for (int i = 0; i < 10; i++)
    engine_do(engine, nothing, NULL);
  engine_do(engine, nothing, NULL);
  assert_true(atomic_load(&pulls) >= before + 10);
  before = atomic_load(&pulls);
  nanosleep(&nap, NULL);
  assert_true(atomic_load(&pulls) <= before + 3); /* nothing to do: asleep */
  engine_end(engine);
}

/* Starts a transfer when the engine is stopping already. */
struct late {
  struct cb_mail mail;
  struct vtx_engine *engine;
  bool refused;
};

static void ignore_done(void *ctx, const struct vtx_transfer_result *result) {
  (void)ctx;
  (void)result;
}

static void start_late(struct cb_mail *mail) {
  struct late *late = CB_CONTAINER(mail, struct late, mail);
  const struct vtx_transfer_events events = {.done = ignore_done};
  struct cb_buf body;
  const struct vtx_transfer_spec spec = {
      .url = "http://127.0.0.1:1/", .body = &body, .deadline = CB_NEVER};

  cb_buf_init(&body, 10, NULL);
  assert_true(cb_buf_add_text(&body, "{}"));
  late->refused =
      !vtx_transfer_start(late->engine, &spec, &events, NULL) && body.len == 2;
  cb_buf_release(&body);
}

static void stop__transfer_started_afterwards__refused(void **state) {
  struct vtx_engine *engine = engine_start(NULL);
  struct late late = {.mail.deliver = start_late, .engine = engine};

  (void)state;
  vtx_engine_stop(engine);
  vtx_engine_post(engine, &late.mail);
  vtx_engine_stop(engine);
  vtx_engine_free(engine); /* delivers what came too late */
  assert_true(late.refused);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(post__many__delivered_in_order_on_its_thread),
      cmocka_unit_test(post__while_idle__wakes_at_once),
      cmocka_unit_test(post__before_start_and_unread_at_stop__still_delivered),
      cmocka_unit_test(timer__set__fires_and_not_early),
      cmocka_unit_test(start__signals__blocked_in_its_thread_only),
      cmocka_unit_test(pull__each_turn__called_and_no_busy_loop),
      cmocka_unit_test(stop__transfer_started_afterwards__refused),
  };
  cmocka_set_test_filter(getenv("CASES"));
  return cmocka_run_group_tests(tests, NULL, NULL);
}
