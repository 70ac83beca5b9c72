#include "service/service.h"

#include <stdlib.h>

#include "base/clock.h"
#include "crpc/server.h"
#include "service/batch/flow.h"
#include "service/batch/job.h"
#include "service/handlers/handlers.h"
#include "service/limits.h"
#include "service/log.h"
#include "service/service_state.h"
#include "service/target_log.h"
#include "service/vertex/engine.h"
#include "service/vertex/model_call.h"
#include "vertexd/v1/vertexd.crpc.h"

static void go_on(struct cb_mail *mail) {
  CB_CONTAINER(mail, struct vtx_service, again)->again_posted = false;
}

static void woken(struct cb_timer *timer) {
  (void)timer; /* the end of the turn does the work */
}

/* Has the engine make a turn when a gate opens; false if it has no memory for
 * the timer. */
static bool wake_later(struct vtx_service *service) {
  struct vtx_engine *engine = service->options.upstream->engine;
  int64_t next = vtx_scheduler_next(&service->scheduler);

  if (next < CB_NEVER) {
    return vtx_engine_set_timer(engine, &service->wake, next);
  }
  vtx_engine_cancel_timer(engine, &service->wake);
  return true;
}

/* For the counters, which others read. */
static void publish_budget(struct vtx_service *service) {
  const struct vtx_retry_budget *budget = &service->retries;

  atomic_store_explicit(&service->retries_denied, budget->denied,
                        memory_order_relaxed);
  atomic_store_explicit(&service->retries_left, (uint64_t)budget->left,
                        memory_order_relaxed);
}

/* The end of each turn of the engine: dispatches what there is room for. Work
 * that is left over when the slice is used up makes another turn, at once. */
static void pull(void *self) {
  struct vtx_service *service = self;
  bool more;

  vtx_jobs_settle_line(service);
  publish_budget(service);
  more = vtx_scheduler_run(&service->scheduler, VTX_DISPATCH_SLICE);
  vtx_flow_end_all(service);
  if (!wake_later(service)) more = true;
  if (!more || service->again_posted) return;
  service->again_posted = true;
  vtx_engine_post(service->options.upstream->engine, &service->again);
}

size_t vtx_service_targets(const struct vtx_service *service,
                           void (*take)(void *self,
                                        const struct vtx_target_report *report),
                           void *self) {
  return vtx_scheduler_report(&service->scheduler, VTX_REPORT_MOST, take, self);
}

/* What is known of targets, for the log. */

static void target_changed(void *self, enum vtx_target_event event,
                           const struct vtx_target_report *report) {
  const struct vtx_service *service = self;

  vtx_target_log_change(service->options.log, event, report);
}

static void log_target(void *self, const struct vtx_target_report *report) {
  const struct vtx_service *service = self;

  vtx_target_log(service->options.log, "target", report);
}

static void report_targets(struct cb_mail *mail) {
  struct vtx_service *service = CB_CONTAINER(mail, struct vtx_service, report);
  struct vtx_log_field left_out = {"targets", NULL, 0};

  atomic_store_explicit(&service->report_posted, false, memory_order_release);
  left_out.number = (int64_t)vtx_service_targets(service, log_target, service);
  if (left_out.number > 0)
    vtx_log_write(service->options.log, VTX_INFO, "targets_left_out", &left_out,
                  1);
}

void vtx_service_log_targets(struct vtx_service *service) {
  if (atomic_exchange_explicit(&service->report_posted, true,
                               memory_order_acq_rel))
    return;
  vtx_engine_post(service->options.upstream->engine, &service->report);
}

struct vtx_service *vtx_service_new(const struct vtx_service_options *options) {
  struct vtx_service *service = calloc(1, sizeof *service);
  const struct vtx_sched_options limits = {
      .max_in_flight = options->max_in_flight,
      .target_max_in_flight = options->target_max_in_flight,
      .gate = options->gate,
      .quotas = options->quotas,
      .max_waiting = options->max_waiting,
      .max_waiting_bytes = options->max_waiting_bytes,
      .watch = {target_changed, service},
  };

  if (!service) return NULL;
  if (!vtx_scheduler_init(&service->scheduler, &limits)) {
    free(service);
    return NULL;
  }
  service->options = *options;
  service->again.deliver = go_on;
  service->wake.fire = woken;
  service->report.deliver = report_targets;
  cb_list_init(&service->ending);
  cb_slots_init(&service->sinks);
  vtx_flow_table_init(&service->flows);
  vtx_retry_budget_init(&service->retries);
  publish_budget(service);
  service->random = (uint64_t)cb_now(NULL);
  vtx_engine_set_pull(options->upstream->engine, pull, service);
  return service;
}

static const struct vertexd_GenerationService_handlers handlers = {
    .Generate = vtx_handle_generate,
    .StreamGenerate = vtx_handle_stream_generate,
    .BatchGenerate = vtx_handle_batch_generate,
    .MapGenerate = vtx_handle_map_generate,
    .StreamMapGenerate = vtx_handle_stream_map_generate,
    .PipeGenerate = vtx_handle_pipe_generate,
    .CountTokens = vtx_handle_count_tokens,
};

bool vtx_service_register(struct vtx_service *service,
                          struct crpc_server *server) {
  return vertexd_GenerationService_add(server, &handlers, service);
}

void vtx_service_counters(const struct vtx_service *service,
                          struct vtx_service_counters *ret_counters) {
  ret_counters->flows =
      atomic_load_explicit(&service->flow_count, memory_order_relaxed);
  ret_counters->jobs =
      atomic_load_explicit(&service->job_count, memory_order_relaxed);
  ret_counters->jobs_total =
      atomic_load_explicit(&service->job_total, memory_order_relaxed);
  ret_counters->retries =
      atomic_load_explicit(&service->retry_total, memory_order_relaxed);
  ret_counters->requeues =
      atomic_load_explicit(&service->requeue_total, memory_order_relaxed);
  ret_counters->failovers =
      atomic_load_explicit(&service->failover_total, memory_order_relaxed);
  ret_counters->retries_denied =
      atomic_load_explicit(&service->retries_denied, memory_order_relaxed);
  ret_counters->retries_left =
      atomic_load_explicit(&service->retries_left, memory_order_relaxed);
}

void vtx_service_free(struct vtx_service *service) {
  if (!service) return;
  vtx_engine_cancel_timer(service->options.upstream->engine, &service->wake);
  cb_slots_release(&service->sinks);
  vtx_flow_table_release(&service->flows);
  vtx_scheduler_release(&service->scheduler);
  free(service);
}
