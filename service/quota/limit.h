/* limit.h - how many calls a target may have under way, once it is overloaded.
 *
 * There is no limit until most calls of a while fail because the target cannot
 * (503 and the like): failures that have nothing to do with load (30 % of calls
 * at random) make none, and latency is no signal, as it follows the length of
 * the answer. The first such while sets the limit to a part of what was under
 * way, each further one cuts it again, to half when nothing was served, down to
 * one. It grows while calls are served: doubling each second up to half of
 * where it was cut last, a few per cent a second from there on. When no cut
 * came for VTX_LIMIT_FORGET it is gone.
 *
 * Threads:   none inside. Times come from the caller (cb_clock nanoseconds).
 * Ownership: a plain value.
 */
#ifndef VTX_QUOTA_LIMIT_H
#define VTX_QUOTA_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#define VTX_LIMIT_WINDOW (500 * CB_MILLISECOND)
#define VTX_LIMIT_SAMPLES 5 /* a window has at least so many ends */
#define VTX_LIMIT_STALE (10 * CB_SECOND) /* or starts anew */
#define VTX_LIMIT_CUT 0.7
#define VTX_LIMIT_CUT_ALL 0.5
#define VTX_LIMIT_FORGET (60 * CB_SECOND)

struct vtx_limit {
  double value;  /* 0: none */
  double good;   /* where it was before the last cut of a served window */
  int64_t cut;   /* the last one */
  int64_t since; /* the window's begin; INT64_MIN: none */
  uint32_t started;
  uint32_t served;
  uint32_t failed;
  size_t most; /* under way in the window */
};

void vtx_limit_init(struct vtx_limit *limit);

/* A call starts. */
void vtx_limit_started(struct vtx_limit *limit, int64_t now);

/* A call was served, or not for overload; in_flight others are under way. */
void vtx_limit_ended(struct vtx_limit *limit, int64_t now, size_t in_flight,
                     bool served);

/* True if most calls of late failed. */
bool vtx_limit_is_failing(const struct vtx_limit *limit);

/* Calls that may be under way; SIZE_MAX without limit. */
size_t vtx_limit_value(const struct vtx_limit *limit);

#endif
