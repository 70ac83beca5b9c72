#include "service/signals.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/list.h"
#include "crpc/loop.h"

#define ENDS_TO_EXIT 3
#define EXIT_FORCED 3

/* The thread posts one mail for each kind; one that is still under way serves
 * for all signals of its kind until then. */
struct vtx_signals {
  struct crpc_loop *loop;
  struct vtx_signals_events events;
  void *ctx;
  pthread_t thread;
  struct cb_mail end;
  struct cb_mail report;
  _Atomic unsigned ends;
  _Atomic bool end_posted;
  _Atomic bool report_posted;
  _Atomic bool stopping;
  bool joined;
};

static sigset_t ours(void) {
  sigset_t set;

  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGUSR1);
  return set;
}

void vtx_signals_block(void) {
  const struct sigaction ignore = {.sa_handler = SIG_IGN};
  sigset_t set = ours();

  sigaction(SIGPIPE, &ignore, NULL);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void on_end(struct cb_mail *mail) {
  struct vtx_signals *signals = CB_CONTAINER(mail, struct vtx_signals, end);

  atomic_store(&signals->end_posted, false);
  signals->events.end(signals->ctx, atomic_load(&signals->ends));
}

static void on_report(struct cb_mail *mail) {
  struct vtx_signals *signals = CB_CONTAINER(mail, struct vtx_signals, report);

  atomic_store(&signals->report_posted, false);
  signals->events.report(signals->ctx);
}

static void handle(struct vtx_signals *signals, int number) {
  if (number == SIGUSR1) {
    if (!atomic_exchange(&signals->report_posted, true))
      crpc_loop_post(signals->loop, &signals->report);
    return;
  }
  if (atomic_fetch_add(&signals->ends, 1) + 1 >= ENDS_TO_EXIT)
    _exit(EXIT_FORCED);
  if (!atomic_exchange(&signals->end_posted, true))
    crpc_loop_post(signals->loop, &signals->end);
}

static void *run(void *arg) {
  struct vtx_signals *signals = arg;
  sigset_t set = ours();
  int number;

  for (;;) {
    if (sigwait(&set, &number) != 0) continue;
    if (atomic_load(&signals->stopping)) return NULL;
    handle(signals, number);
  }
}

struct vtx_signals *vtx_signals_new(struct crpc_loop *loop,
                                    const struct vtx_signals_events *events,
                                    void *ctx) {
  struct vtx_signals *signals = calloc(1, sizeof *signals);

  if (!signals) return NULL;
  signals->loop = loop;
  signals->events = *events;
  signals->ctx = ctx;
  signals->end.deliver = on_end;
  signals->report.deliver = on_report;
  if (pthread_create(&signals->thread, NULL, run, signals) == 0) return signals;
  free(signals);
  return NULL;
}

void vtx_signals_stop(struct vtx_signals *signals) {
  if (!signals || signals->joined) return;
  atomic_store(&signals->stopping, true);
  pthread_kill(signals->thread, SIGUSR1); /* out of sigwait() */
  pthread_join(signals->thread, NULL);
  signals->joined = true;
}

void vtx_signals_free(struct vtx_signals *signals) {
  vtx_signals_stop(signals);
  free(signals);
}
