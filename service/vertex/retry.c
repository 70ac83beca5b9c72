#include "service/vertex/retry.h"

#include <assert.h>

/* One attempt is all that this version's policy knows, so what a retry would
 * need (the status, the time left) goes unread. */
bool vtx_retry_decide(const struct vtx_retry_policy *policy,
                      const struct cb_status *status, int attempts, int64_t now,
                      int64_t deadline, int64_t *ret_when) {
  assert(policy->max_attempts >= 1 && attempts >= 1);
  (void)policy;
  (void)status;
  (void)attempts;
  (void)now;
  (void)deadline;
  (void)ret_when;
  return false;
}
