/* gcra.h - so much a minute: the generic cell rate algorithm.
 *
 * A limit of so many units a minute (requests, tokens) is kept as one time: the
 * one at which all that was taken is paid for at that rate. Taking moves it on,
 * time catches up with it. What was not used in the past counts for a few
 * seconds (VTX_GCRA_BURST), so that a start after idleness is no stampede, and
 * in any minute at most the limit and that burst is taken.
 *
 * A call above the burst is let through once nothing is owed, and what follows
 * waits until it is paid for; so every call gets through at some time, however
 * large it is.
 *
 * Threads:   none inside. Times come from the caller (cb_clock nanoseconds).
 * Ownership: a plain value.
 */
#ifndef VTX_QUOTA_GCRA_H
#define VTX_QUOTA_GCRA_H

#include <stdint.h>

#include "base/clock.h"

/* How much of the past may be caught up. */
#define VTX_GCRA_BURST (3 * CB_SECOND)

/* The most that can be owed: what an answer claims to have used must not close
 * a target for longer. */
#define VTX_GCRA_DEBT (600 * CB_SECOND)

struct vtx_gcra {
  double unit;  /* nanoseconds that one unit takes; 0: no limit */
  int64_t paid; /* when all that was taken is paid for; INT64_MIN: nothing */
  double rest;  /* nanoseconds, below one, that paid is short of: no drift */
};

/* per_minute: units, 0 or less for no limit. */
void vtx_gcra_init(struct vtx_gcra *gcra, double per_minute);

/* When units may be taken: now or before if at once. */
int64_t vtx_gcra_when(const struct vtx_gcra *gcra, int64_t now, double units);

/* Takes units, whether or not it was time for them. */
void vtx_gcra_take(struct vtx_gcra *gcra, int64_t now, double units);

/* Corrects what was taken once it is known: more or less by so many units. */
void vtx_gcra_settle(struct vtx_gcra *gcra, int64_t now, double more);

#endif
