/* The loop: mail from many threads, timers, stopping. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "cmocka_all.h"
#include "crpc/call.h"
#include "crpc/loop.h"
#include "crpc/server.h"
#include "echo.crpc.h"

#define THREADS 4
#define LETTERS 5000

struct counter {
  struct crpc_loop *loop;
  int delivered;
  int expected;
};

struct letter {
  struct cb_mail mail;
  struct counter *counter;
};

struct poster {
  pthread_t thread;
  struct counter *counter;
  struct letter letters[LETTERS];
};

static void on_letter(struct cb_mail *mail) {
  struct counter *counter = CB_CONTAINER(mail, struct letter, mail)->counter;

  if (++counter->delivered == counter->expected) crpc_loop_stop(counter->loop);
}

static void *post_all(void *arg) {
  struct poster *poster = arg;

  for (int i = 0; i < LETTERS; i++) {
    poster->letters[i].counter = poster->counter;
    poster->letters[i].mail.deliver = on_letter;
    crpc_loop_post(poster->counter->loop, &poster->letters[i].mail);
  }
  return NULL;
}

static void post__many_threads__all_delivered(void **state) {
  static struct poster posters[THREADS];
  struct counter counter = {.loop = crpc_loop_new(),
                            .expected = THREADS * LETTERS};

  (void)state;
  assert_non_null(counter.loop);
  for (int i = 0; i < THREADS; i++) {
    posters[i].counter = &counter;
    assert_int_equal(
        pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
  }
  crpc_loop_run(counter.loop);
  for (int i = 0; i < THREADS; i++)
    pthread_join(posters[i].thread, NULL);
  assert_int_equal(counter.delivered, THREADS * LETTERS);
  crpc_loop_free(counter.loop);
}

static void free__mail_under_way__delivered_first(void **state) {
  struct counter counter = {.loop = crpc_loop_new(), .expected = -1};
  struct letter letter = {.mail.deliver = on_letter, .counter = &counter};

  (void)state;
  crpc_loop_post(counter.loop, &letter.mail);
  crpc_loop_free(counter.loop);
  assert_int_equal(counter.delivered, 1);
}

static void *stop_it(void *arg) {
  crpc_loop_stop(arg);
  crpc_loop_stop(arg);
  return NULL;
}

static void stop__from_another_thread__run_returns_for_good(void **state) {
  struct crpc_loop *loop = crpc_loop_new();
  pthread_t thread;

  (void)state;
  assert_int_equal(pthread_create(&thread, NULL, stop_it, loop), 0);
  crpc_loop_run(loop);
  pthread_join(thread, NULL);
  crpc_loop_run(loop); /* at once */
  assert_false(crpc_loop_step(loop, CB_NEVER));
  crpc_loop_free(loop);
}

static void step__nothing_there__waits_until(void **state) {
  struct crpc_loop *loop = crpc_loop_new();
  int64_t before = cb_now(NULL);

  (void)state;
  assert_true(crpc_loop_step(loop, before + 50 * CB_MILLISECOND));
  assert_true(cb_now(NULL) - before >= 45 * CB_MILLISECOND);
  assert_true(crpc_loop_step(loop, 0)); /* past: only a look */
  assert_int_equal(crpc_loop_live_calls(loop), 0);
  crpc_loop_free(loop);
}

struct alarm {
  struct cb_timer timer;
  struct crpc_loop *loop;
  int64_t fired;
  bool last;
};

static void on_alarm(struct cb_timer *timer) {
  struct alarm *alarm = CB_CONTAINER(timer, struct alarm, timer);

  alarm->fired = cb_now(NULL);
  if (alarm->last) crpc_loop_stop(alarm->loop);
}

static void set_timer__two_and_a_cancelled__in_time_and_order(void **state) {
  struct crpc_loop *loop = crpc_loop_new();
  int64_t now = cb_now(NULL);
  struct alarm alarms[3];

  (void)state;
  memset(alarms, 0, sizeof alarms);
  for (int i = 0; i < 3; i++) {
    alarms[i].loop = loop;
    alarms[i].timer.fire = on_alarm;
    alarms[i].last = i == 0;
    assert_true(crpc_loop_set_timer(loop, &alarms[i].timer,
                                    now + (90 - 30 * i) * CB_MILLISECOND));
  }
  crpc_loop_cancel_timer(loop, &alarms[1].timer);
  crpc_loop_run(loop);
  assert_int_equal(alarms[1].fired, 0);
  assert_true(alarms[2].fired >= now + 30 * CB_MILLISECOND);
  assert_true(alarms[0].fired >= now + 90 * CB_MILLISECOND);
  assert_true(alarms[2].fired < alarms[0].fired);
  crpc_loop_free(loop);
}

#define CALLS 2000
#define AT_ONCE 50

static void say_back(struct crpc_call *call, const echo_Ask *ask, void *self) {
  echo_Answer answer = echo_Answer_INIT;

  (void)self;
  answer.text = ask->text;
  echo_Echo_Say_reply(call, &answer);
}

/* A server on a thread of its own. */
struct host {
  pthread_t thread;
  struct crpc_loop *loop;
  struct crpc_server *server;
  struct cb_mail drain;
};

static void host_drained(void *ctx) {
  struct host *host = ctx;

  crpc_server_free(host->server);
  crpc_loop_stop(host->loop);
}

static void host_drain(struct cb_mail *mail) {
  struct host *host = CB_CONTAINER(mail, struct host, drain);

  crpc_server_drain(host->server, cb_now(NULL) + 5 * CB_SECOND, host_drained,
                    host);
}

static void *host_run(void *arg) {
  struct host *host = arg;

  crpc_loop_run(host->loop);
  crpc_loop_free(host->loop);
  return NULL;
}

struct guest {
  struct crpc_loop *loop;
  struct crpc_channel *channel;
  int started;
  int answered;
  int ended;
};

static void guest_start(struct guest *guest);

static void guest_message(void *ctx, const echo_Answer *answer) {
  struct guest *guest = ctx;

  if (strcmp(answer->text, "over there") == 0) guest->answered++;
}

static void guest_done(void *ctx, const struct crpc_outcome *outcome) {
  struct guest *guest = ctx;

  assert_int_equal(outcome->status.code, CB_OK);
  if (++guest->ended == CALLS) crpc_loop_stop(guest->loop);
  if (guest->started < CALLS) guest_start(guest);
}

static void guest_start(struct guest *guest) {
  static const struct echo_Echo_Say_events events = {guest_message, guest_done};
  echo_Ask ask = echo_Ask_INIT;

  ask.text = (char *)(uintptr_t) "over there";
  guest->started++;
  assert_true(echo_Echo_Say_start(guest->channel, &ask, NULL, &events, guest)
                  .generation != 0);
}

static void two_loops__server_and_client_apart__all_answered(void **state) {
  static const struct echo_Echo_handlers handlers = {.Say = say_back};
  const struct crpc_server_options options = {0};
  struct host host = {.loop = crpc_loop_new(), .drain.deliver = host_drain};
  struct guest guest = {.loop = crpc_loop_new()};
  struct cb_status status;
  char *address = NULL;

  (void)state;
  host.server = crpc_server_new(host.loop, &options, &status);
  assert_true(echo_Echo_add(host.server, &handlers, NULL));
  assert_true(
      crpc_server_listen(host.server, "127.0.0.1:0", &address, &status));
  assert_true(crpc_server_start(host.server));
  assert_int_equal(pthread_create(&host.thread, NULL, host_run, &host), 0);
  guest.channel = crpc_channel_new(guest.loop, address, NULL);
  for (int i = 0; i < AT_ONCE; i++)
    guest_start(&guest);
  crpc_loop_run(guest.loop);
  crpc_loop_post(host.loop, &host.drain);
  crpc_channel_free(guest.channel);
  crpc_loop_free(guest.loop);
  pthread_join(host.thread, NULL);
  assert_int_equal(guest.answered, CALLS);
  free(address);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(post__many_threads__all_delivered),
      cmocka_unit_test(free__mail_under_way__delivered_first),
      cmocka_unit_test(stop__from_another_thread__run_returns_for_good),
      cmocka_unit_test(step__nothing_there__waits_until),
      cmocka_unit_test(set_timer__two_and_a_cancelled__in_time_and_order),
      cmocka_unit_test(two_loops__server_and_client_apart__all_answered),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
