/* token_cache.h - one access token, kept fresh for all calls.
 *
 * States of the token that is held:
 *   none     there is none yet: get() waits for the first
 *   fresh    more than 225 s (less a random 0 to 30 s) before its end
 *   stale    older, still valid: get() gives it at once, a new one is fetched
 *            in the background
 *   expired  get() waits
 *   refused  the upstream said 401: as expired, once; if no other can be had
 *            it is given again until its end
 *
 * One fetch at a time, however many ask. When a fetch fails the next waits
 * 1 s, doubling to 60 s; who must wait then gets the failure at once. A token
 * that lives shorter than 450 s is renewed at half of its life. One that does
 * not say how long it lives is kept until it is refused. 10 s after it came a
 * token may be refused, not sooner: refusals of its predecessor arrive late.
 *
 * Threads:   one loop's.
 * Ownership: the source is the cache's; the waits are borrowed while they
 *            wait.
 */
#ifndef VTX_VERTEX_CREDENTIALS_TOKEN_CACHE_H
#define VTX_VERTEX_CREDENTIALS_TOKEN_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/timers.h"
#include "service/vertex/credential.h"
#include "service/vertex/credentials/token_answer.h"
#include "service/vertex/credentials/token_source.h"

/* The loop that the cache lives on; the engine, or a test's. */
struct vtx_token_loop {
  int64_t (*now)(void *self);
  bool (*set_timer)(void *self, struct cb_timer *timer, int64_t when);
  void (*cancel_timer)(void *self, struct cb_timer *timer);
  void *self;
};

enum vtx_token_state {
  VTX_TOKEN_NONE,
  VTX_TOKEN_FRESH,
  VTX_TOKEN_STALE,
  VTX_TOKEN_EXPIRED,
  VTX_TOKEN_REFUSED,
};

struct vtx_token_cache {
  struct vtx_token_loop loop;
  struct vtx_token_source *source;
  bool source_is_new;               /* it has given no token so far */
  char *value;                      /* "Bearer ..."; NULL: none */
  char *quota_project;              /* goes with value; NULL: none */
  char *next_quota_project;         /* of a new source; NULL: none */
  int64_t got_at;                   /* when the token came */
  int64_t refresh_at;               /* when it gets stale */
  int64_t expires_at;               /* CB_NEVER: not said */
  bool refused;                     /* by the upstream, since it came */
  bool fetching;                    /* one is under way */
  int64_t asked_at;                 /* when that began */
  int64_t retry_at;                 /* no fetch before this; 0: at any time */
  int64_t backoff;                  /* the pause after the next failure */
  struct vtx_token_failure failure; /* the last one */
  struct cb_link waiting;
  struct cb_timer timer; /* for the background refresh */
  uint64_t random;
  /* Told of each fetch that failed; may be NULL. */
  void (*on_failure)(void *ctx, const struct cb_status *status);
  void *on_failure_ctx;
};

/* seed makes the random parts. */
void vtx_token_cache_init(struct vtx_token_cache *cache,
                          const struct vtx_token_loop *loop, uint64_t seed);

/* Forgets the waits (no ready any more), cancels, frees and wipes. */
void vtx_token_cache_release(struct vtx_token_cache *cache);

/* Puts another source in place, and the project that x-goog-user-project is to
 * name (NULL: none; copied). A fetch under way is begun anew with it; a token
 * that is held stays in use, with its own project, until the new source has
 * given one. False when out of memory: nothing has changed and the source is
 * still the caller's. */
bool vtx_token_cache_set_source(struct vtx_token_cache *cache,
                                struct vtx_token_source *source,
                                const char *quota_project);

/* As the three functions of struct vtx_credential_type. */
void vtx_token_cache_get(struct vtx_token_cache *cache,
                         struct vtx_credential_wait *wait);
void vtx_token_cache_forget(struct vtx_credential_wait *wait);
void vtx_token_cache_refused(struct vtx_token_cache *cache);

enum vtx_token_state vtx_token_cache_state(const struct vtx_token_cache *cache);

#endif
