#include "service/vertex/retry.h"

#include <assert.h>

/* One attempt is all that this version's policy knows, so most of what a retry
 * would need (the status, the time left) goes unread. */
bool vtx_retry_decide(const struct vtx_retry_policy *policy,
                      const struct vtx_retry_case *failed, int64_t *ret_when) {
  assert(policy->max_attempts >= 1 && failed->attempts >= 1);
  (void)policy;
  (void)failed;
  (void)ret_when;
  return false;
}
