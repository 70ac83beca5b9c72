#include "service/metrics_page.h"

#include <stdint.h>

#include "service/counters.h"
#include "service/metrics/exposition.h"
#include "service/scheduler/report.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* The process. */

struct single {
  struct vtx_metric_family family;
  double value;
};

static void write_singles(struct cb_buf *page, const struct single *singles,
                          size_t count) {
  for (size_t i = 0; i < count; i++)
    vtx_exposition_single(page, &singles[i].family, singles[i].value);
}

static void write_version(struct cb_buf *page, const char *version) {
  static const struct vtx_metric_family family = {
      "vertexd_build_info", VTX_METRIC_GAUGE, "1; the label has the version."};
  const struct vtx_metric_label labels[] = {{"version", version}, {NULL, NULL}};

  vtx_exposition_family(page, &family);
  vtx_exposition_sample(page, &family, labels, 1);
}

static void write_system(struct cb_buf *page, const struct vtx_counters *now) {
  const struct single descriptors = {
      {"process_open_fds", VTX_METRIC_GAUGE, "Open files and sockets."},
      (double)now->descriptors};
  const struct single resident = {
      {"process_resident_memory_bytes", VTX_METRIC_GAUGE,
       "Memory of the process that is resident."},
      (double)now->resident};

  if (now->descriptors >= 0) write_singles(page, &descriptors, 1);
  if (now->resident >= 0) write_singles(page, &resident, 1);
}

static void write_living(struct cb_buf *page, const struct vtx_counters *now) {
  const struct single singles[] = {
      {{"vertexd_calls_in_flight", VTX_METRIC_GAUGE,
        "gRPC calls being served."},
       (double)now->server.calls_live},
      {{"vertexd_flows_in_flight", VTX_METRIC_GAUGE,
        "Calls that the scheduler works on."},
       (double)now->service.flows},
      {{"vertexd_jobs_in_flight", VTX_METRIC_GAUGE,
        "Prompts dispatched and not finished."},
       (double)now->service.jobs},
      {{"vertexd_transfers_in_flight", VTX_METRIC_GAUGE,
        "Requests to the upstream under way."},
       (double)now->engine.transfers},
      {{"vertexd_connections_open", VTX_METRIC_GAUGE,
        "Connections of callers."},
       (double)now->server.connections},
      {{"vertexd_arenas", VTX_METRIC_GAUGE,
        "Memories of requests and results that are alive."},
       (double)now->arenas},
      {{"vertexd_memory_budget_used_bytes", VTX_METRIC_GAUGE,
        "Bytes charged to the memory budget."},
       (double)now->budget_used},
      {{"vertexd_memory_budget_limit_bytes", VTX_METRIC_GAUGE,
        "Bytes of the memory budget."},
       (double)now->budget_limit},
      {{"vertexd_retries_left", VTX_METRIC_GAUGE,
        "Retries that their budget has now."},
       (double)now->service.retries_left},
  };

  write_singles(page, singles, COUNT(singles));
}

static void write_totals(struct cb_buf *page, const struct vtx_counters *now) {
  const struct single singles[] = {
      {{"vertexd_calls_total", VTX_METRIC_COUNTER, "gRPC calls that came."},
       (double)now->server.calls_total},
      {{"vertexd_jobs_total", VTX_METRIC_COUNTER, "Prompts dispatched."},
       (double)now->service.jobs_total},
      {{"vertexd_transfers_total", VTX_METRIC_COUNTER,
        "Requests to the upstream."},
       (double)now->engine.transfers_total},
      {{"vertexd_connections_total", VTX_METRIC_COUNTER,
        "Connections of callers that were accepted."},
       (double)now->server.connections_total},
      {{"vertexd_retries_total", VTX_METRIC_COUNTER,
        "Attempts made again after a failure."},
       (double)now->service.retries},
      {{"vertexd_requeues_total", VTX_METRIC_COUNTER,
        "Attempts made again after a refusal for quota (429)."},
       (double)now->service.requeues},
      {{"vertexd_failovers_total", VTX_METRIC_COUNTER,
        "Attempts of either that went to another target."},
       (double)now->service.failovers},
      {{"vertexd_retries_denied_total", VTX_METRIC_COUNTER,
        "Failures for whose retry there was no budget."},
       (double)now->service.retries_denied},
      {{"vertexd_upstream_sent_bytes_total", VTX_METRIC_COUNTER,
        "Bodies sent to the upstream."},
       (double)now->engine.bytes_sent},
      {{"vertexd_upstream_received_bytes_total", VTX_METRIC_COUNTER,
        "Bodies received from the upstream."},
       (double)now->engine.bytes_received},
  };

  write_singles(page, singles, COUNT(singles));
}

/* Targets. */

static double started_of(const struct vtx_target_report *target) {
  return (double)target->counts.started;
}

static double in_flight_of(const struct vtx_target_report *target) {
  return (double)target->in_flight;
}

static double limit_of(const struct vtx_target_report *target) {
  return (double)target->limit;
}

static double rate_of(const struct vtx_target_report *target) {
  return target->rate;
}

static double opened_of(const struct vtx_target_report *target) {
  return (double)target->opened;
}

/* Families of one sample for each target. */
static const struct {
  struct vtx_metric_family family;
  double (*value)(const struct vtx_target_report *target);
} by_target[] = {
    {{"vertexd_target_calls_started_total", VTX_METRIC_COUNTER,
      "Calls of the target that were started."},
     started_of},
    {{"vertexd_target_calls_in_flight", VTX_METRIC_GAUGE,
      "Calls of the target under way."},
     in_flight_of},
    {{"vertexd_target_in_flight_limit", VTX_METRIC_GAUGE,
      "Calls of the target that may be under way at a time."},
     limit_of},
    {{"vertexd_target_rate_limit_calls_per_second", VTX_METRIC_GAUGE,
      "Calls of the target that may start in a second, where refusals have "
      "taught a rate."},
     rate_of},
    {{"vertexd_target_breaker_opened_total", VTX_METRIC_COUNTER,
      "Times that the circuit breaker of the target opened."},
     opened_of},
};

static void write_by_target(struct cb_buf *page,
                            const struct vtx_metrics_figures *figures) {
  for (size_t i = 0; i < COUNT(by_target); i++) {
    vtx_exposition_family(page, &by_target[i].family);
    for (size_t j = 0; j < figures->target_count; j++) {
      const struct vtx_target_report *target = &figures->targets[j];
      const struct vtx_metric_label labels[] = {{"target", target->target},
                                                {NULL, NULL}};

      vtx_exposition_sample(page, &by_target[i].family, labels,
                            by_target[i].value(target));
    }
  }
}

/* One of several samples that a family has for a target. */
static void write_part(struct cb_buf *page,
                       const struct vtx_metric_family *family,
                       const struct vtx_target_report *target,
                       struct vtx_metric_label part, double value) {
  const struct vtx_metric_label labels[] = {
      {"target", target->target}, part, {NULL, NULL}};

  vtx_exposition_sample(page, family, labels, value);
}

static void write_ends(struct cb_buf *page,
                       const struct vtx_metric_family *family,
                       const struct vtx_target_report *target) {
  const struct vtx_target_counts *counts = &target->counts;
  const struct {
    const char *outcome;
    uint64_t count;
  } ends[] = {
      {"served", counts->served},         {"throttled", counts->throttled},
      {"overloaded", counts->overloaded}, {"unreached", counts->unreached},
      {"silent", counts->silent},
  };

  for (size_t i = 0; i < COUNT(ends); i++)
    write_part(page, family, target,
               (struct vtx_metric_label){"outcome", ends[i].outcome},
               (double)ends[i].count);
}

static void write_breaker(struct cb_buf *page,
                          const struct vtx_metric_family *family,
                          const struct vtx_target_report *target) {
  static const enum vtx_breaker_state states[] = {
      VTX_BREAKER_CLOSED, VTX_BREAKER_OPEN, VTX_BREAKER_HALF_OPEN};

  for (size_t i = 0; i < COUNT(states); i++)
    write_part(
        page, family, target,
        (struct vtx_metric_label){"state", vtx_breaker_state_name(states[i])},
        target->breaker == states[i]);
}

static void write_failovers(struct cb_buf *page,
                            const struct vtx_metric_family *family,
                            const struct vtx_target_report *target) {
  for (size_t i = 0; i < VTX_RETRY_REASONS; i++)
    write_part(page, family, target,
               (struct vtx_metric_label){"reason", vtx_retry_reason_name(i)},
               (double)target->counts.failovers[i]);
}

/* Families of several samples for each target. */
static const struct {
  struct vtx_metric_family family;
  void (*write)(struct cb_buf *page, const struct vtx_metric_family *family,
                const struct vtx_target_report *target);
} parted[] = {
    {{"vertexd_target_calls_ended_total", VTX_METRIC_COUNTER,
      "Calls of the target that ended, by how; others that vertexd gave up are "
      "left out."},
     write_ends},
    {{"vertexd_target_breaker_state", VTX_METRIC_GAUGE,
      "1 for the state of the target's circuit breaker, 0 for others."},
     write_breaker},
    {{"vertexd_target_failovers_total", VTX_METRIC_COUNTER,
      "Attempts that went from the target to another, by why the one before "
      "had failed."},
     write_failovers},
};

static void write_parted(struct cb_buf *page,
                         const struct vtx_metrics_figures *figures) {
  for (size_t i = 0; i < COUNT(parted); i++) {
    vtx_exposition_family(page, &parted[i].family);
    for (size_t j = 0; j < figures->target_count; j++)
      parted[i].write(page, &parted[i].family, &figures->targets[j]);
  }
}

void vtx_metrics_page(const struct vtx_metrics_figures *figures,
                      struct cb_buf *page) {
  const struct single left_out = {
      {"vertexd_targets_left_out", VTX_METRIC_GAUGE,
       "Targets that are not on this page, which has the busiest."},
      (double)figures->left_out};

  write_version(page, figures->version);
  write_system(page, figures->counters);
  write_living(page, figures->counters);
  write_totals(page, figures->counters);
  write_by_target(page, figures);
  write_parted(page, figures);
  write_singles(page, &left_out, 1);
}
