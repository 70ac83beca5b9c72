/* retry.h - whether, and when, a failed model call is made again.
 *
 * Only what may pass by itself is tried again: an upstream that is overloaded
 * or away, a connection that was not made or broke. A request that was refused
 * would be refused again, a 499 was somebody's wish, and a 504 is tried again
 * only where it was the upstream's own and there is clearly more time than it
 * took. A 429 is no failure but a matter of waiting: who has the call lets it
 * wait for its turn (service/batch/job_again.c).
 *
 * The delay has full jitter: anything up to a window that doubles with each
 * attempt, behind what the upstream asked for (RetryInfo, Retry-After).
 *
 * Threads:   none inside; pure but for the random state, which is the caller's.
 * Ownership: nothing is kept.
 */
#ifndef VTX_VERTEX_RETRY_H
#define VTX_VERTEX_RETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/status.h"

/* The first window, and the last ones for calls that somebody waits for and
 * for those of batches. */
#define VTX_RETRY_BASE (1 * CB_SECOND)
#define VTX_RETRY_CAP_INTERACTIVE (8 * CB_SECOND)
#define VTX_RETRY_CAP_BATCH (60 * CB_SECOND)

struct vtx_retry_policy {
  int32_t attempts; /* in all, at least 1: never again */
  int64_t base;     /* nanoseconds, the window after the first attempt */
  int64_t cap;      /* nanoseconds, no window is larger */
};

/* What a failure says about another attempt. */
enum vtx_failure_kind {
  VTX_FAILURE_FINAL,     /* the same again would fail again */
  VTX_FAILURE_THROTTLED, /* refused for quota: it has to wait */
  VTX_FAILURE_PASSING,   /* the upstream's, or on the way there */
  VTX_FAILURE_UNSENT,    /* likely to pass, and nothing was sent upstream */
};

/* Whose retryable flag tells callers about their own tries; ours also look at
 * what failed. */
enum vtx_failure_kind vtx_failure_kind(const struct cb_status *status);

/* The reasons for which calls are made again are few, and are told apart where
 * that is counted: by a number below VTX_RETRY_REASONS. */
#define VTX_RETRY_REASONS 10

/* The number of status's reason; VTX_RETRY_REASONS if it is none of these. */
size_t vtx_retry_reason(const struct cb_status *status);

/* The reason of a number, as docs/errors.md has it. */
const char *vtx_retry_reason_name(size_t number);

/* A call that has failed. */
struct vtx_retry_case {
  const struct cb_status *status;
  int32_t attempts; /* made so far, at least 1 */
  int64_t took;     /* the last of them, nanoseconds */
  int64_t now;      /* cb_clock, as is deadline */
  int64_t deadline; /* of all attempts together, CB_NEVER: none */
};

/* True if there may be another attempt at all, leaving aside when. False for
 * what was throttled. */
bool vtx_retry_allowed(const struct vtx_retry_policy *policy,
                       const struct vtx_retry_case *failed);

/* True if another attempt fits in before the deadline; *ret_when is then the
 * time for it (cb_clock), not before what the upstream asked for. */
bool vtx_retry_when(const struct vtx_retry_policy *policy,
                    const struct vtx_retry_case *failed, uint64_t *random,
                    int64_t *ret_when);

/* A number from 0 up to but without below (at least 1), from *state, which may
 * begin as any number. */
int64_t vtx_retry_random(uint64_t *state, int64_t below);

#endif
