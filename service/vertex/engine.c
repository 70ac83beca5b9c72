#include "service/vertex/engine.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "service/vertex/engine_internal.h"
#include "service/vertex/reasons.h"

/* A turn: wait, deliver mail, fire timers, let curl work, hand out what came
 * of it, pull new work. Everything but the waiting takes microseconds.
 *
 * While transfers run libcurl looks at all of them every 50 ms: see watch.h.
 * Without transfers only mail and timers matter. */
#define LOOK_AT_ALL (50 * CB_MILLISECOND)
#define IDLE_WAIT_MS 60000

#define DEFAULT_IN_FLIGHT 10000
#define DEFAULT_H2_CONNECTIONS 64
#define STREAMS_TO_ASK_FOR 1000L

static bool stopping(const struct vtx_engine *engine) {
  return atomic_load_explicit(&engine->stopping, memory_order_acquire);
}

/* Loopback is never reached through a proxy: it would be the proxy's own. The
 * user's list of exceptions stays in force. */
static char *no_proxy_list(void) {
  static const char loopback[] = "localhost,127.0.0.0/8,::1";
  const char *own = getenv("no_proxy");
  size_t size;
  char *list;

  if (!own) own = getenv("NO_PROXY");
  if (!own || !own[0]) return strdup(loopback);
  if (strcmp(own, "*") == 0) return strdup(own);
  size = sizeof loopback + 1 + strlen(own);
  list = malloc(size);
  if (list) snprintf(list, size, "%s,%s", loopback, own);
  return list;
}

static bool set_up_multi(struct vtx_engine *engine, size_t most) {
  long connections = (long)engine->max_in_flight;

  engine->multi = curl_multi_init();
  if (!engine->multi) return false;
  curl_multi_setopt(engine->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
  curl_multi_setopt(engine->multi, CURLMOPT_MAX_CONCURRENT_STREAMS,
                    STREAMS_TO_ASK_FOR);
  curl_multi_setopt(engine->multi, CURLMOPT_MAXCONNECTS, connections);
  curl_multi_setopt(engine->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)most);
  return vtx_watch_init(&engine->watch, engine->multi);
}

static bool copy_path(char **ret_copy, const char *path) {
  if (!path) return true;
  *ret_copy = strdup(path);
  return *ret_copy != NULL;
}

static bool copy_paths(struct vtx_engine *engine,
                       const struct vtx_engine_options *options) {
  const char *certificate = options->client_certificate;
  const char *key = options->client_key ? options->client_key : certificate;

  return copy_path(&engine->ca_file, options->ca_file) &&
         copy_path(&engine->client_certificate, certificate) &&
         copy_path(&engine->client_key, key);
}

static bool set_up(struct vtx_engine *engine,
                   const struct vtx_engine_options *options) {
  engine->max_in_flight =
      options->max_in_flight ? options->max_in_flight : DEFAULT_IN_FLIGHT;
  engine->budget = options->budget;
  engine->now = cb_now(NULL);
  cb_list_init(&engine->transfers);
  cb_list_init(&engine->ready);
  cb_timers_init(&engine->timers);
  vtx_origins_init(&engine->origins, options->max_h2_connections
                                         ? options->max_h2_connections
                                         : DEFAULT_H2_CONNECTIONS);
  cb_mailbox_init(&engine->mailbox);
  engine->no_proxy = no_proxy_list();
  if (!engine->no_proxy) return false;
  return copy_paths(engine, options) &&
         vtx_easy_pool_init(&engine->pool, engine->max_in_flight) &&
         set_up_multi(engine, options->max_connections);
}

struct vtx_engine *vtx_engine_new(const struct vtx_engine_options *options,
                                  struct cb_status *ret_status) {
  struct vtx_engine *engine = NULL;

  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    *ret_status =
        cb_status_make(CB_INTERNAL, "ENGINE_FAILED", "libcurl cannot start");
    return NULL;
  }
  engine = calloc(1, sizeof *engine);
  if (engine && set_up(engine, options)) return engine;
  if (engine) {
    vtx_engine_free(engine);
  } else {
    curl_global_cleanup();
  }
  *ret_status = vtx_no_memory("no memory for the upstream engine");
  return NULL;
}

/* Whoever posted while the thread was ending, or after, has given its mail
 * away: let the mail see that everything is over. */
static void drain(struct vtx_engine *engine) {
  while (cb_mailbox_deliver(&engine->mailbox) > 0) {
  }
}

void vtx_engine_free(struct vtx_engine *engine) {
  if (!engine) return;
  assert(!engine->running);
  drain(engine);
  assert(cb_list_empty(&engine->transfers));
  vtx_origins_release(&engine->origins);
  vtx_easy_pool_release(&engine->pool);
  vtx_watch_release(&engine->watch);
  if (engine->multi) curl_multi_cleanup(engine->multi);
  cb_mailbox_release(&engine->mailbox);
  cb_timers_release(&engine->timers);
  free(engine->ca_file);
  free(engine->client_certificate);
  free(engine->client_key);
  free(engine->no_proxy);
  free(engine);
  curl_global_cleanup();
}

void vtx_engine_set_pull(struct vtx_engine *engine, void (*pull)(void *self),
                         void *self) {
  assert(!engine->running);
  engine->pull = pull;
  engine->pull_self = self;
}

/* Tells the transfers that curl has finished with. */
static void take_ended(struct vtx_engine *engine) {
  CURLMsg *message;
  int left;

  while ((message = curl_multi_info_read(engine->multi, &left))) {
    struct vtx_transfer *transfer = NULL;
    CURLcode code = message->data.result; /* gone once the handle is removed */

    if (message->msg != CURLMSG_DONE) continue;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    vtx_transfer_ended(transfer, code);
  }
}

/* Only those that are ready now: what becomes ready by it waits a turn, so
 * that no two transfers can keep the loop to themselves. */
static void hand_out(struct vtx_engine *engine) {
  struct cb_link batch;
  struct cb_link *link;

  if (cb_list_empty(&engine->ready)) return;
  batch = engine->ready;
  batch.next->prev = &batch;
  batch.prev->next = &batch;
  cb_list_init(&engine->ready);
  while ((link = cb_list_take(&batch))) {
    vtx_transfer_deliver(CB_CONTAINER(link, struct vtx_transfer, ready));
  }
}

static void wait_for_news(struct vtx_engine *engine) {
  int64_t until = cb_timers_next(&engine->timers);

  if (!cb_list_empty(&engine->transfers) && engine->next_look < until) {
    until = engine->next_look;
  }
  if (!cb_list_empty(&engine->ready)) until = engine->now;
  vtx_watch_wait(&engine->watch,
                 cb_time_poll_ms(cb_now(NULL), until, IDLE_WAIT_MS));
  engine->now = cb_now(NULL);
}

static void let_curl_work(struct vtx_engine *engine) {
  if (engine->now < engine->next_look) {
    vtx_watch_act(&engine->watch);
  } else {
    engine->next_look = cb_time_add(engine->now, LOOK_AT_ALL);
    vtx_watch_act_all(&engine->watch);
  }
}

static void turn(struct vtx_engine *engine) {
  cb_mailbox_deliver(&engine->mailbox);
  cb_timers_run(&engine->timers, engine->now);
  vtx_origins_admit(engine);
  let_curl_work(engine);
  take_ended(engine);
  hand_out(engine);
  if (engine->pull) engine->pull(engine->pull_self);
  vtx_origins_admit(engine);
  vtx_reset_flush(engine);
}

/* Ends what is still in flight, with done. No transfer can begin any more. */
static void abort_all(struct vtx_engine *engine) {
  while (!cb_list_empty(&engine->transfers)) {
    struct vtx_transfer *transfer =
        CB_CONTAINER(engine->transfers.next, struct vtx_transfer, all);

    vtx_transfer_abort(transfer, VTX_CAUSE_CANCELLED);
    vtx_transfer_resume(transfer);
    vtx_transfer_deliver(transfer);
  }
}

static void *run(void *arg) {
  struct vtx_engine *engine = arg;

  while (!stopping(engine)) {
    turn(engine);
    wait_for_news(engine);
  }
  cb_mailbox_deliver(&engine->mailbox);
  abort_all(engine);
  return NULL;
}

bool vtx_engine_start(struct vtx_engine *engine) {
  sigset_t all;
  sigset_t before;

  assert(!engine->running);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  engine->now = cb_now(NULL);
  engine->running = pthread_create(&engine->thread, NULL, run, engine) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return engine->running;
}

void vtx_engine_stop(struct vtx_engine *engine) {
  if (!engine->running) return;
  assert(!pthread_equal(pthread_self(), engine->thread));
  atomic_store_explicit(&engine->stopping, true, memory_order_release);
  vtx_watch_wake(&engine->watch);
  pthread_join(engine->thread, NULL);
  engine->running = false;
  drain(engine);
}

void vtx_engine_post(struct vtx_engine *engine, struct cb_mail *mail) {
  if (cb_mailbox_put(&engine->mailbox, mail)) {
    vtx_watch_wake(&engine->watch);
  }
}

int64_t vtx_engine_now(const struct vtx_engine *engine) { return engine->now; }

bool vtx_engine_set_timer(struct vtx_engine *engine, struct cb_timer *timer,
                          int64_t when) {
  return cb_timers_set(&engine->timers, timer, when);
}

void vtx_engine_cancel_timer(struct vtx_engine *engine,
                             struct cb_timer *timer) {
  cb_timers_cancel(&engine->timers, timer);
}

void vtx_engine_counters(const struct vtx_engine *engine,
                         struct vtx_engine_counters *ret_counters) {
  const memory_order relaxed = memory_order_relaxed;

  *ret_counters = (struct vtx_engine_counters){
      .transfers = atomic_load_explicit(&engine->transfer_count, relaxed),
      .transfers_total =
          atomic_load_explicit(&engine->transfers_total, relaxed),
      .bytes_sent = atomic_load_explicit(&engine->bytes_sent, relaxed),
      .bytes_received = atomic_load_explicit(&engine->bytes_received, relaxed),
  };
}
