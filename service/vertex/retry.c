#include "service/vertex/retry.h"

#include <assert.h>

#include "service/vertex/reasons.h"

/* A 504 is worth another attempt if there is this many times the time that it
 * took. */
#define CLEARLY_MORE 2

static const struct {
  enum vtx_reason reason;
  enum vtx_failure_kind kind;
} table[VTX_RETRY_REASONS] = {
    {VTX_UPSTREAM_QUOTA_EXHAUSTED, VTX_FAILURE_THROTTLED},
    {VTX_UPSTREAM_UNAVAILABLE, VTX_FAILURE_PASSING},
    {VTX_UPSTREAM_INTERNAL, VTX_FAILURE_PASSING},
    {VTX_UPSTREAM_UNKNOWN, VTX_FAILURE_PASSING},
    {VTX_UPSTREAM_TIMEOUT, VTX_FAILURE_PASSING}, /* if it is a 504 */
    {VTX_UPSTREAM_REQUEST_TIMEOUT, VTX_FAILURE_PASSING},
    {VTX_UPSTREAM_UNREACHABLE, VTX_FAILURE_PASSING},
    {VTX_UPSTREAM_BROKEN, VTX_FAILURE_PASSING},
    {VTX_UPSTREAM_TRUNCATED, VTX_FAILURE_PASSING},
    {VTX_CREDENTIAL_REFRESH_FAILED, VTX_FAILURE_UNSENT},
};

size_t vtx_retry_reason(const struct cb_status *status) {
  size_t number = 0;

  while (number < VTX_RETRY_REASONS &&
         !vtx_reason_is(status, table[number].reason))
    number++;
  return number;
}

const char *vtx_retry_reason_name(size_t number) {
  assert(number < VTX_RETRY_REASONS);
  return vtx_reason_table[table[number].reason].name;
}

static bool own_timeout_of_upstream(const struct cb_status *status) {
  return vtx_reason_is(status, VTX_UPSTREAM_TIMEOUT) &&
         status->http_status == 504;
}

enum vtx_failure_kind vtx_failure_kind(const struct cb_status *status) {
  size_t number = vtx_retry_reason(status);

  if (status->code == CB_OK || number == VTX_RETRY_REASONS)
    return VTX_FAILURE_FINAL;
  if (vtx_reason_is(status, VTX_UPSTREAM_TIMEOUT))
    return own_timeout_of_upstream(status) ? VTX_FAILURE_PASSING
                                           : VTX_FAILURE_FINAL;
  return status->retryable ? table[number].kind : VTX_FAILURE_FINAL;
}

static int64_t time_left(const struct vtx_retry_case *failed) {
  return failed->deadline == CB_NEVER ? CB_NEVER
                                      : failed->deadline - failed->now;
}

bool vtx_retry_allowed(const struct vtx_retry_policy *policy,
                       const struct vtx_retry_case *failed) {
  enum vtx_failure_kind kind = vtx_failure_kind(failed->status);

  assert(policy->attempts >= 1 && failed->attempts >= 1);
  if (kind != VTX_FAILURE_PASSING && kind != VTX_FAILURE_UNSENT) return false;
  if (failed->attempts >= policy->attempts) return false;
  if (own_timeout_of_upstream(failed->status)) {
    return time_left(failed) / CLEARLY_MORE > failed->took;
  }
  return time_left(failed) > 0;
}

/* The window behind the attempts so far. */
static int64_t window_of(const struct vtx_retry_policy *policy,
                         int32_t attempts) {
  int64_t window = policy->base;

  for (int32_t i = 1; i < attempts && window < policy->cap; i++) {
    window = window > policy->cap / 2 ? policy->cap : 2 * window;
  }
  return window < policy->cap ? window : policy->cap;
}

bool vtx_retry_when(const struct vtx_retry_policy *policy,
                    const struct vtx_retry_case *failed, uint64_t *random,
                    int64_t *ret_when) {
  int64_t asked = failed->status->retry_after;
  int64_t window = window_of(policy, failed->attempts);
  int64_t room;

  if (asked < 0) asked = 0;
  if (asked >= time_left(failed)) return false;
  room = time_left(failed) - asked;
  /* What is left for the attempt is at least as much as is waited for. */
  if (window > room / 2) window = room / 2;
  *ret_when = cb_time_add(cb_time_add(failed->now, asked),
                          vtx_retry_random(random, window + 1));
  return true;
}

/* splitmix64: any state is as good as any other. */
int64_t vtx_retry_random(uint64_t *state, int64_t below) {
  uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

  assert(below >= 1);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  z ^= z >> 31;
  return (int64_t)(z % (uint64_t)below);
}
