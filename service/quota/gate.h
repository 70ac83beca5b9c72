/* gate.h - when the next call to one target may start.
 *
 * A target (a model at a location) takes so much: what the operator has
 * configured (requests and tokens a minute), and what it turns out to take.
 * The second is learned from its refusals: nothing is limited before the first
 * one; from then on a pacer (service/quota/pacer.h) says how many calls a
 * second start, and a limit (service/quota/limit.h) how many may be under way.
 * A target that says how long to wait (Retry-After, RetryInfo) is left alone
 * for so long.
 *
 * Times are cb_clock nanoseconds and come from the caller: nothing here reads a
 * clock, so that tests run days in a second.
 *
 * Threads:   none inside; the engine's.
 * Ownership: a plain value, embedded in the scheduler's target; nothing to
 *            free.
 */
#ifndef VTX_QUOTA_GATE_H
#define VTX_QUOTA_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/quota/gcra.h"
#include "service/quota/limit.h"
#include "service/quota/pacer.h"

/* A target is held no longer than this at a time, whatever it asks for: what
 * it says of the next day may be wrong by then, and a probe a minute costs
 * nothing. */
#define VTX_GATE_HOLD_MAX (60 * CB_SECOND)

struct vtx_gate_options {
  double requests_per_minute; /* 0: no limit */
  double tokens_per_minute;   /* 0: no limit */
  bool fixed;                 /* learn nothing: for comparisons */
};

/* What a call tells about its target. */
enum vtx_gate_outcome {
  VTX_OUTCOME_SERVED, /* it answered; an error about the request counts too */
  VTX_OUTCOME_THROTTLED,  /* it refused for quota: 429 */
  VTX_OUTCOME_OVERLOADED, /* it is there and cannot: 503, 500, 502, 504, 408 */
  VTX_OUTCOME_UNREACHED,  /* no connection, or it broke */
  VTX_OUTCOME_SILENT,     /* given up by us, after VTX_BREAKER_SILENCE or more
                             without a byte: for the breaker alone */
  VTX_OUTCOME_NOTHING,    /* given up by us: tells nothing */
};

struct vtx_gate_end {
  enum vtx_gate_outcome outcome;
  int64_t took;        /* nanoseconds; negative: does not count */
  int64_t retry_after; /* nanoseconds, -1 if the target did not say */
  double estimated;    /* tokens that were taken at the start */
  double used;         /* tokens that it really took; negative: not known */
};

struct vtx_gate {
  struct vtx_gcra requests;
  struct vtx_gcra tokens;
  struct vtx_pacer pacer;
  struct vtx_limit limit;
  int64_t held_until; /* INT64_MIN: not held */
  bool fixed;
};

void vtx_gate_init(struct vtx_gate *gate,
                   const struct vtx_gate_options *options);

/* When a call of so many estimated tokens may start, with in_flight others
 * under way: now or before, if it may; later, if it is to be asked again then;
 * CB_NEVER, if it has to wait for one of those to end. A call that alone is
 * over the tokens of a minute is let through once all of them are there. */
int64_t vtx_gate_when(const struct vtx_gate *gate, int64_t now,
                      size_t in_flight, double tokens);

/* One starts. */
void vtx_gate_started(struct vtx_gate *gate, int64_t now, double tokens);

/* One has ended; in_flight are still under way. */
void vtx_gate_ended(struct vtx_gate *gate, int64_t now, size_t in_flight,
                    const struct vtx_gate_end *end);

/* True once the target has pushed back and is limited for it, or is held: then
 * what waits for it waits for quota. */
bool vtx_gate_is_throttled(const struct vtx_gate *gate, int64_t now);

/* Calls a second that start now; INFINITY while nothing limits them. */
double vtx_gate_rate(const struct vtx_gate *gate);

/* Calls a second that may start before long, going by what the target took
 * lately; INFINITY where that is not known yet. */
double vtx_gate_rate_soon(const struct vtx_gate *gate);

/* Calls that may be under way; SIZE_MAX while nothing limits them. */
size_t vtx_gate_limit(const struct vtx_gate *gate);

#endif
