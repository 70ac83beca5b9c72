/* report.h - what is known of the targets, for those who watch.
 *
 * Threads:   the scheduler's.
 * Ownership: reports are valid during the call that brings them.
 */
#ifndef VTX_SCHED_REPORT_H
#define VTX_SCHED_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/quota/breaker.h"
#include "service/vertex/retry.h"

struct vtx_scheduler;

/* Calls of one target since it is known. Those that were given up by us sooner
 * than VTX_BREAKER_SILENCE, or behind a first byte, have started, and ended in
 * no way that counts. */
struct vtx_target_counts {
  uint64_t started;
  uint64_t served;    /* also with an error about the request */
  uint64_t throttled; /* refused for quota */
  uint64_t overloaded;
  uint64_t unreached;
  uint64_t silent; /* given up by us after that long without a byte */
  /* Prompts that went to another target after such an end, by its reason
   * (service/vertex/retry.h). */
  uint64_t failovers[VTX_RETRY_REASONS];
};

struct vtx_target_report {
  const char *target;
  size_t in_flight;
  struct vtx_target_counts counts;
  enum vtx_breaker_state breaker;
  uint64_t opened;  /* times that the breaker did */
  int64_t probe_in; /* nanoseconds until the probe, while it is open */
  bool throttled;   /* what waits for it waits for quota */
  double rate;      /* calls a second that start; INFINITY: no limit */
  size_t limit;     /* calls under way at a time */
};

/* What becomes of a target. */
enum vtx_target_event {
  VTX_TARGET_FAILS,     /* its breaker has opened */
  VTX_TARGET_RECOVERED, /* its breaker has closed */
  VTX_TARGET_THROTTLED, /* it begins to be limited by what it refuses, which is
                           told once in VTX_TARGET_QUIET at most */
};

#define VTX_TARGET_QUIET (60 * CB_SECOND)

/* Who watches. Nothing of the scheduler may be called from inside. */
struct vtx_target_watch {
  void (*changed)(void *self, enum vtx_target_event event,
                  const struct vtx_target_report *report);
  void *self;
};

/* Calls take for each target, those with the most calls first, but for at most
 * most of them (up to VTX_REPORT_MOST). Returns how many there are that nothing
 * was said about. Targets of which no call was started are left out. */
#define VTX_REPORT_MOST 64
size_t vtx_scheduler_report(
    const struct vtx_scheduler *scheduler, size_t most,
    void (*take)(void *self, const struct vtx_target_report *report),
    void *self);

#endif
