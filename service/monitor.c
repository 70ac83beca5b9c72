#include "service/monitor.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/list.h"
#include "crpc/address.h"
#include "crpc/loop.h"
#include "service/counters.h"
#include "service/metrics_page.h"
#include "service/scheduler/report.h"
#include "service/vertex/endpoint.h"

#define USUAL_PATIENCE (5 * CB_SECOND)

/* What the loops tell. */
struct told {
  struct vtx_counters counters; /* by the crpc loop */
  /* By the engine. */
  struct vtx_target_report targets[VTX_REPORT_MOST];
  char names[VTX_REPORT_MOST][VTX_TARGET_ROOM]; /* of these */
  size_t target_count;
  size_t left_out;
};

struct vtx_monitor {
  struct vtx_monitor_options options;
  struct crpc_socket sockets[VTX_METRICS_SOCKETS];
  size_t socket_count;
  char *url;
  struct vtx_metrics_server *server;
  struct cb_mail ask_loop;
  struct cb_mail ask_engine;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  unsigned asked; /* messages under way; under the mutex, as stopped is */
  bool stopped;
  struct told told; /* the loops', each its part, while asked; else the
                       metrics server's */
};

/* On the loops. */

static bool is_stopped(struct vtx_monitor *monitor) {
  bool stopped;

  pthread_mutex_lock(&monitor->mutex);
  stopped = monitor->stopped;
  pthread_mutex_unlock(&monitor->mutex);
  return stopped;
}

static void answered(struct vtx_monitor *monitor) {
  pthread_mutex_lock(&monitor->mutex);
  if (--monitor->asked == 0) pthread_cond_signal(&monitor->changed);
  pthread_mutex_unlock(&monitor->mutex);
}

static void tell_counters(struct cb_mail *mail) {
  struct vtx_monitor *monitor =
      CB_CONTAINER(mail, struct vtx_monitor, ask_loop);
  const struct vtx_monitor_options *options = &monitor->options;
  const struct vtx_counters_of of = {options->server, options->service,
                                     options->engine, options->budget};

  if (!is_stopped(monitor)) vtx_counters_take(&of, &monitor->told.counters);
  answered(monitor);
}

static void take_target(void *self, const struct vtx_target_report *report) {
  struct told *told = self;
  char *name = told->names[told->target_count];

  snprintf(name, VTX_TARGET_ROOM, "%s", report->target);
  told->targets[told->target_count] = *report;
  told->targets[told->target_count].target = name;
  told->target_count++;
}

static void tell_targets(struct cb_mail *mail) {
  struct vtx_monitor *monitor =
      CB_CONTAINER(mail, struct vtx_monitor, ask_engine);
  struct told *told = &monitor->told;

  if (!is_stopped(monitor)) {
    told->target_count = 0;
    told->left_out =
        vtx_service_targets(monitor->options.service, take_target, told);
  }
  answered(monitor);
}

/* On the metrics server's thread. */

/* Waits until no question is open, and opens so many. False, with none opened,
 * if some are open by that time, or all is to end. */
static bool wait_for_answers(struct vtx_monitor *monitor, int64_t until,
                             unsigned questions) {
  const struct timespec time = {.tv_sec = until / CB_SECOND,
                                .tv_nsec = until % CB_SECOND};
  bool in_time = true;
  bool good;

  pthread_mutex_lock(&monitor->mutex);
  while (monitor->asked > 0 && !monitor->stopped && in_time)
    in_time = pthread_cond_timedwait(&monitor->changed, &monitor->mutex,
                                     &time) != ETIMEDOUT;
  good = monitor->asked == 0 && !monitor->stopped;
  if (good) monitor->asked = questions;
  pthread_mutex_unlock(&monitor->mutex);
  return good;
}

/* What a scrape asked that was given up may still be under way. */
static bool ask_both(struct vtx_monitor *monitor) {
  int64_t until = cb_time_add(cb_now(NULL), monitor->options.patience);

  if (!wait_for_answers(monitor, until, 2)) return false;
  crpc_loop_post(monitor->options.loop, &monitor->ask_loop);
  vtx_engine_post(monitor->options.engine, &monitor->ask_engine);
  return wait_for_answers(monitor, until, 0);
}

static bool make_page(void *self, struct cb_buf *page) {
  struct vtx_monitor *monitor = self;
  struct told *told = &monitor->told;
  struct vtx_metrics_figures figures;

  if (!ask_both(monitor)) return false;
  vtx_counters_ask_system(&told->counters);
  figures = (struct vtx_metrics_figures){
      .version = monitor->options.version,
      .counters = &told->counters,
      .targets = told->targets,
      .target_count = told->target_count,
      .left_out = told->left_out,
  };
  vtx_metrics_page(&figures, page);
  return true;
}

/* Life. */

static void init(struct vtx_monitor *monitor,
                 const struct vtx_monitor_options *options) {
  pthread_condattr_t attributes;

  monitor->options = *options;
  if (options->patience == 0) monitor->options.patience = USUAL_PATIENCE;
  monitor->ask_loop.deliver = tell_counters;
  monitor->ask_engine.deliver = tell_targets;
  pthread_mutex_init(&monitor->mutex, NULL);
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&monitor->changed, &attributes);
  pthread_condattr_destroy(&attributes);
}

static struct cb_status no_memory(void) {
  return cb_status_make(CB_RESOURCE_EXHAUSTED, "", "out of memory or threads");
}

static bool open_sockets(struct vtx_monitor *monitor,
                         struct cb_status *ret_status) {
  char *bound = NULL;
  int size;

  monitor->socket_count =
      crpc_address_listen(monitor->options.address, monitor->sockets,
                          VTX_METRICS_SOCKETS, &bound, ret_status);
  if (monitor->socket_count == 0) return false;
  size = asprintf(&monitor->url, "http://%s" VTX_METRICS_PATH, bound);
  free(bound);
  if (size >= 0) return true;
  monitor->url = NULL;
  *ret_status = no_memory();
  return false;
}

static bool start_server(struct vtx_monitor *monitor,
                         struct cb_status *ret_status) {
  struct vtx_metrics_options options = {
      .socket_count = monitor->socket_count,
      .max_page_bytes = VTX_METRICS_PAGE_MAX,
      .make = make_page,
      .self = monitor,
  };

  for (size_t i = 0; i < monitor->socket_count; i++)
    options.sockets[i] = monitor->sockets[i].fd;
  monitor->server = vtx_metrics_server_new(&options);
  if (!monitor->server) *ret_status = no_memory();
  return monitor->server != NULL;
}

struct vtx_monitor *vtx_monitor_new(const struct vtx_monitor_options *options,
                                    struct cb_status *ret_status) {
  struct vtx_monitor *monitor = calloc(1, sizeof *monitor);

  if (!monitor) {
    *ret_status = no_memory();
    return NULL;
  }
  init(monitor, options);
  if (open_sockets(monitor, ret_status) && start_server(monitor, ret_status))
    return monitor;
  vtx_monitor_stop(monitor);
  vtx_monitor_free(monitor);
  return NULL;
}

const char *vtx_monitor_url(const struct vtx_monitor *monitor) {
  return monitor->url;
}

void vtx_monitor_stop(struct vtx_monitor *monitor) {
  if (!monitor) return;
  pthread_mutex_lock(&monitor->mutex);
  monitor->stopped = true;
  pthread_cond_signal(&monitor->changed);
  pthread_mutex_unlock(&monitor->mutex);
  vtx_metrics_server_free(monitor->server);
  monitor->server = NULL;
  while (monitor->socket_count > 0)
    crpc_socket_close(&monitor->sockets[--monitor->socket_count]);
}

void vtx_monitor_free(struct vtx_monitor *monitor) {
  if (!monitor) return;
  assert(monitor->stopped && monitor->asked == 0);
  pthread_cond_destroy(&monitor->changed);
  pthread_mutex_destroy(&monitor->mutex);
  free(monitor->url);
  free(monitor);
}
