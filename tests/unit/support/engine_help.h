/* engine_help.h - an engine for tests, and ways to act on its thread.
 *
 * Threads: the functions are for the test's thread unless said otherwise.
 */
#ifndef TEST_ENGINE_HELP_H
#define TEST_ENGINE_HELP_H

#include <pthread.h>
#include <stdbool.h>

#include "service/vertex/engine.h"

/* Counts what other threads report. */
struct tally {
  pthread_mutex_t mutex;
  pthread_cond_t more;
  int count;
};

void tally_init(struct tally *tally);
void tally_release(struct tally *tally);
void tally_add(struct tally *tally); /* any thread */
int tally_count(struct tally *tally);

/* Waits until the count is at least that; false after 60 s. */
bool tally_wait(struct tally *tally, int count);

/* A started engine; fails the test if there is none. budget may be NULL. */
struct vtx_engine *engine_start(struct cb_budget *budget);
void engine_end(struct vtx_engine *engine);

/* Runs act(arg) on the engine's thread and waits for it. */
void engine_do(struct vtx_engine *engine, void (*act)(void *arg), void *arg);

/* Polls until true(arg), looked at on this thread; false after 60 s. */
bool eventually(bool (*holds)(void *arg), void *arg);

/* Nanoseconds since then. */
int64_t since(int64_t then);

#endif
