#include "engine_help.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/list.h"

void tally_init(struct tally *tally) {
  pthread_condattr_t attributes;

  pthread_mutex_init(&tally->mutex, NULL);
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&tally->more, &attributes);
  pthread_condattr_destroy(&attributes);
  tally->count = 0;
}

void tally_release(struct tally *tally) {
  pthread_cond_destroy(&tally->more);
  pthread_mutex_destroy(&tally->mutex);
}

void tally_add(struct tally *tally) {
  pthread_mutex_lock(&tally->mutex);
  tally->count++;
  pthread_cond_broadcast(&tally->more);
  pthread_mutex_unlock(&tally->mutex);
}

int tally_count(struct tally *tally) {
  int count;

  pthread_mutex_lock(&tally->mutex);
  count = tally->count;
  pthread_mutex_unlock(&tally->mutex);
  return count;
}

bool tally_wait(struct tally *tally, int count) {
  struct timespec until;
  int problem = 0;
  bool enough;

  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += 60;
  pthread_mutex_lock(&tally->mutex);
  while (tally->count < count && problem == 0) {
    problem = pthread_cond_timedwait(&tally->more, &tally->mutex, &until);
  }
  enough = tally->count >= count;
  pthread_mutex_unlock(&tally->mutex);
  return enough;
}

struct vtx_engine *engine_start(struct cb_budget *budget) {
  const struct vtx_engine_options options = {.budget = budget};
  struct cb_status status;
  struct vtx_engine *engine = vtx_engine_new(&options, &status);

  if (!engine || !vtx_engine_start(engine)) {
    fprintf(stderr, "no engine\n");
    abort();
  }
  return engine;
}

void engine_end(struct vtx_engine *engine) {
  vtx_engine_stop(engine);
  vtx_engine_free(engine);
}

struct order {
  struct cb_mail mail;
  void (*act)(void *arg);
  void *arg;
  struct tally done;
};

static void deliver(struct cb_mail *mail) {
  struct order *order = CB_CONTAINER(mail, struct order, mail);

  order->act(order->arg);
  tally_add(&order->done);
}

void engine_do(struct vtx_engine *engine, void (*act)(void *arg), void *arg) {
  struct order order = {.mail.deliver = deliver, .act = act, .arg = arg};

  tally_init(&order.done);
  vtx_engine_post(engine, &order.mail);
  if (!tally_wait(&order.done, 1)) {
    fprintf(stderr, "the engine does not take mail\n");
    abort();
  }
  tally_release(&order.done);
}

bool eventually(bool (*holds)(void *arg), void *arg) {
  const struct timespec pause = {.tv_nsec = 5 * CB_MILLISECOND};
  int64_t begin = cb_now(NULL);

  while (!holds(arg)) {
    if (since(begin) > 60 * CB_SECOND) return false;
    nanosleep(&pause, NULL);
  }
  return true;
}

int64_t since(int64_t then) { return cb_now(NULL) - then; }
