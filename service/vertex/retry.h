/* retry.h - whether, and when, a failed model call is made again.
 *
 * The seam for the retry policy. The policy of this version is one attempt:
 * it never says yes; its users already handle a yes.
 */
#ifndef VTX_VERTEX_RETRY_H
#define VTX_VERTEX_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

struct vtx_retry_policy {
  int max_attempts; /* 1: never again */
};

/* A call that has failed. */
struct vtx_retry_case {
  const struct cb_status *status;
  int attempts;     /* made so far, at least 1 */
  int64_t now;      /* cb_clock, as is deadline */
  int64_t deadline; /* of all attempts together */
};

/* True if the call is to be made again; *ret_when is then the time
 * (cb_clock), before the deadline. */
bool vtx_retry_decide(const struct vtx_retry_policy *policy,
                      const struct vtx_retry_case *failed, int64_t *ret_when);

#endif
