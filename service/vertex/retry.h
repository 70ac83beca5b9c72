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

/* True if a call that failed with status after attempts tries is to be made
 * again; *ret_when is then the time (cb_clock), before deadline. */
bool vtx_retry_decide(const struct vtx_retry_policy *policy,
                      const struct cb_status *status, int attempts,
                      int64_t now, int64_t deadline, int64_t *ret_when);

#endif
