#include "service/target_log.h"

#include <math.h>

#include "base/clock.h"
#include "service/log.h"

#define MOST_FIELDS 12

static struct vtx_log_field figure(const char *key, uint64_t value) {
  return vtx_number(key, value < INT64_MAX ? (int64_t)value : INT64_MAX);
}

static void write_line(struct vtx_log *log, enum vtx_severity severity,
                       const char *event,
                       const struct vtx_target_report *report) {
  const struct vtx_target_counts *counts = &report->counts;
  size_t count = 10;
  struct vtx_log_field fields[MOST_FIELDS] = {
      vtx_text("target", report->target),
      figure("in_flight", report->in_flight),
      figure("started", counts->started),
      figure("served", counts->served),
      figure("throttled", counts->throttled),
      figure("failed", counts->overloaded + counts->unreached),
      figure("silent", counts->silent),
      vtx_text("breaker", vtx_breaker_state_name(report->breaker)),
      figure("opened", report->opened),
      figure("limit", report->limit),
  };

  if (report->breaker == VTX_BREAKER_OPEN)
    fields[count++] =
        vtx_number("probe_in_ms", report->probe_in / CB_MILLISECOND);
  if (isfinite(report->rate))
    fields[count++] =
        vtx_number("rate_per_minute", llround(fmin(report->rate, 1e9) * 60));
  vtx_log_write(log, severity, event, fields, count);
}

void vtx_target_log(struct vtx_log *log, const char *event,
                    const struct vtx_target_report *report) {
  write_line(log, VTX_INFO, event, report);
}

void vtx_target_log_change(struct vtx_log *log, enum vtx_target_event event,
                           const struct vtx_target_report *report) {
  switch (event) {
    case VTX_TARGET_FAILS:
      write_line(log, VTX_WARNING, "target_fails", report);
      break;
    case VTX_TARGET_RECOVERED:
      write_line(log, VTX_INFO, "target_recovered", report);
      break;
    case VTX_TARGET_THROTTLED:
      write_line(log, VTX_WARNING, "target_throttled", report);
      break;
  }
}
