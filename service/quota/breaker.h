/* breaker.h - a circuit breaker: whether a target is worth trying.
 *
 * Closed, while calls are served. It opens after a row of failures
 * (VTX_BREAKER_ROW: long enough that a target which fails three calls in ten at
 * random hardly ever has one) or when more than VTX_BREAKER_SHARE of the last
 * VTX_BREAKER_SAMPLES or so calls failed, and then asks for no calls until its
 * probe is due; the time until that doubles with each failed probe
 * (VTX_BREAKER_PROBE_FIRST to VTX_BREAKER_PROBE_LAST). A probe is one call:
 * served, it closes the breaker; failed, the wait begins anew. Of calls that
 * were under way when the breaker opened only an answer counts: that they fail
 * says nothing new, nor of the probe. Throttling is no failure, as a throttled
 * target is alive.
 *
 * Silence: a target that takes calls and never answers fails none of them. They
 * end by the time of their callers, who alone know how long an answer may take,
 * so one such end says little. But the breaker also opens after VTX_BREAKER_ROW
 * calls that were given up after VTX_BREAKER_SILENCE or more without a byte,
 * with no answer to any call in between, be it a failure. (Connections that
 * fail are no answers.) What ends within VTX_BREAKER_SILENCE of an answer does
 * not count: it began before that, so it was slow, and the target not silent.
 * Thus callers in a hurry, who give up earlier, never open the breaker, and
 * neither do answers that take long, as long as one comes now and then. A probe
 * that ends silent has failed; one that is given up earlier says nothing, and
 * another is due after VTX_BREAKER_PROBE_FIRST.
 *
 * A breaker only advises: who has no other target calls it nevertheless, and
 * what comes of that counts too (a served call closes it).
 *
 * Threads:   none inside; the engine's. Times come from the caller.
 * Ownership: a plain value.
 */
#ifndef VTX_QUOTA_BREAKER_H
#define VTX_QUOTA_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "service/quota/gate.h"

#define VTX_BREAKER_ROW 8
#define VTX_BREAKER_SAMPLES 32
#define VTX_BREAKER_SHARE 0.7
#define VTX_BREAKER_PROBE_FIRST (1 * CB_SECOND)
#define VTX_BREAKER_PROBE_LAST (30 * CB_SECOND)

/* As long as a connection may take, and longer than the head of an answer does
 * unless the model thinks. */
#define VTX_BREAKER_SILENCE (10 * CB_SECOND)

enum vtx_breaker_state {
  VTX_BREAKER_CLOSED,
  VTX_BREAKER_OPEN,
  VTX_BREAKER_HALF_OPEN, /* a probe is under way */
};

struct vtx_breaker {
  enum vtx_breaker_state state;
  uint32_t row;       /* failures since the last served call */
  uint32_t silent;    /* silences since the last answer */
  int64_t heard_at;   /* the last answer; long ago, if there was none */
  int64_t open_since; /* unless closed: the last failure that opened it */
  int64_t probe_at;   /* when open */
  int64_t wait;       /* until the probe, nanoseconds */
  uint64_t opened;    /* times it did, for the metrics */
  double failing;     /* share of failures lately */
  uint32_t samples;
};

/* closed, open or half_open. */
const char *vtx_breaker_state_name(enum vtx_breaker_state state);

void vtx_breaker_init(struct vtx_breaker *breaker);

/* True if a call should go there: closed, or its probe is due. */
bool vtx_breaker_wants(const struct vtx_breaker *breaker, int64_t now);

/* A call starts. True if the state changed by it (it is the probe). */
bool vtx_breaker_started(struct vtx_breaker *breaker, int64_t now);

/* A call has ended. True if the state changed by it. */
bool vtx_breaker_ended(struct vtx_breaker *breaker, int64_t now,
                       const struct vtx_gate_end *end);

#endif
