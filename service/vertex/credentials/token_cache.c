#include "service/vertex/credentials/token_cache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "service/vertex/credential_internal.h"

#define SCHEME "Bearer "
#define EARLY (225 * CB_SECOND)
#define EARLY_RANDOM (30 * CB_SECOND)
#define FIRST_BACKOFF CB_SECOND
#define MOST_BACKOFF (60 * CB_SECOND)
#define REFUSABLE_AFTER (10 * CB_SECOND)
#define SHORTEST_INTERVAL (CB_SECOND / 2)

static int64_t now_of(const struct vtx_token_cache *cache) {
  return cache->loop.now(cache->loop.self);
}

/* Uniform in 0 .. most - 1 (xorshift). */
static int64_t roll(struct vtx_token_cache *cache, int64_t most) {
  uint64_t x = cache->random;

  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  cache->random = x;
  return (int64_t)(x % (uint64_t)most);
}

enum vtx_token_state vtx_token_cache_state(
    const struct vtx_token_cache *cache) {
  int64_t now = now_of(cache);

  if (!cache->value) return VTX_TOKEN_NONE;
  if (now >= cache->expires_at) return VTX_TOKEN_EXPIRED;
  if (cache->refused) return VTX_TOKEN_REFUSED;
  return now >= cache->refresh_at ? VTX_TOKEN_STALE : VTX_TOKEN_FRESH;
}

static bool usable(enum vtx_token_state state) {
  return state == VTX_TOKEN_FRESH || state == VTX_TOKEN_STALE;
}

static void give_token(const struct vtx_token_cache *cache,
                       struct vtx_credential_wait *wait) {
  const struct cb_status ok = cb_status_ok();
  const struct cb_pair headers[] = {
      {"Authorization", cache->value},
      {"x-goog-user-project", cache->quota_project},
  };

  wait->ready(wait, &ok, headers, cache->quota_project ? 2 : 1);
}

static void give_failure(const struct vtx_token_cache *cache,
                         struct vtx_credential_wait *wait) {
  struct cb_status status = cache->failure.status;

  if (status.retryable && cache->retry_at > now_of(cache)) {
    status.retry_after = cache->retry_at - now_of(cache);
  }
  wait->ready(wait, &status, NULL, 0);
}

/* Answers all who wait; those who ask again meanwhile are not among them. */
static void answer_all(struct vtx_token_cache *cache, bool good) {
  struct cb_link batch;
  struct cb_link *link;

  cb_list_init(&batch);
  while ((link = cb_list_take(&cache->waiting))) {
    cb_list_append(&batch, link);
  }
  while ((link = cb_list_take(&batch))) {
    struct vtx_credential_wait *wait =
        CB_CONTAINER(link, struct vtx_credential_wait, link);

    if (good) {
      give_token(cache, wait);
    } else {
      give_failure(cache, wait);
    }
  }
}

/* Out of memory: the next get() sees to the refresh. */
static void wake_at(struct vtx_token_cache *cache, int64_t when) {
  if (when == CB_NEVER) {
    cache->loop.cancel_timer(cache->loop.self, &cache->timer);
  } else {
    cache->loop.set_timer(cache->loop.self, &cache->timer, when);
  }
}

static void schedule(struct vtx_token_cache *cache, int64_t lifetime) {
  int64_t early = EARLY - roll(cache, EARLY_RANDOM);

  cache->expires_at = CB_NEVER;
  cache->refresh_at = CB_NEVER;
  if (lifetime > 0) {
    if (early > lifetime / 2) early = lifetime / 2;
    cache->expires_at = cb_time_add(cache->asked_at, lifetime);
    cache->refresh_at = cb_time_add(cache->expires_at, -early);
    /* A slow answer may leave less than that. */
    if (cache->refresh_at < cache->got_at + SHORTEST_INTERVAL) {
      cache->refresh_at = cache->got_at + SHORTEST_INTERVAL;
    }
  }
  wake_at(cache, cache->refresh_at);
}

static void failed(struct vtx_token_cache *cache,
                   const struct cb_status *status) {
  vtx_token_fail(&cache->failure, !status->retryable, "%s", status->message);
  cache->failure.status.http_status = status->http_status;
  cache->retry_at = cb_time_add(now_of(cache), cache->backoff);
  cache->backoff *= 2;
  if (cache->backoff > MOST_BACKOFF) cache->backoff = MOST_BACKOFF;
  cache->refused = false; /* better than none, and it may have been a whim */
  wake_at(cache, cache->retry_at);
  if (cache->on_failure) {
    cache->on_failure(cache->on_failure_ctx, &cache->failure.status);
  }
  answer_all(cache, usable(vtx_token_cache_state(cache)));
}

static char *bearer(const char *token) {
  size_t size = strlen(token);
  char *value = malloc(sizeof SCHEME + size);

  if (!value) return NULL;
  memcpy(value, SCHEME, strlen(SCHEME));
  memcpy(value + strlen(SCHEME), token, size + 1);
  return value;
}

/* The first token of another source brings that source's project with it: the
 * account that the token before is of may have no right to that project. */
static void take_token(struct vtx_token_cache *cache, char *value) {
  vtx_credential_wipe(cache->value);
  cache->value = value;
  if (!cache->source_is_new) return;
  free(cache->quota_project);
  cache->quota_project = cache->next_quota_project;
  cache->next_quota_project = NULL;
  cache->source_is_new = false;
}

static void on_token(void *ctx, const struct vtx_token_result *result) {
  struct vtx_token_cache *cache = ctx;
  struct cb_status status = result->status;
  char *value = NULL;

  cache->fetching = false;
  if (status.code == CB_OK) {
    value = bearer(result->token);
    if (!value) {
      status.retryable = true;
      status.message = "there is no memory to keep the token";
    }
  }
  if (!value) {
    failed(cache, &status);
    return;
  }
  take_token(cache, value);
  cache->got_at = now_of(cache);
  cache->refused = false;
  cache->retry_at = 0;
  cache->backoff = FIRST_BACKOFF;
  schedule(cache, result->lifetime);
  answer_all(cache, true);
}

static void fetch(struct vtx_token_cache *cache) {
  const struct vtx_token_sink sink = {on_token, cache};

  assert(!cache->fetching);
  cache->fetching = true;
  cache->asked_at = now_of(cache);
  cache->source->type->fetch(cache->source, sink);
}

static bool may_fetch(const struct vtx_token_cache *cache) {
  return cache->source && !cache->fetching && now_of(cache) >= cache->retry_at;
}

static void on_timer(struct cb_timer *timer) {
  struct vtx_token_cache *cache =
      CB_CONTAINER(timer, struct vtx_token_cache, timer);

  if (vtx_token_cache_state(cache) != VTX_TOKEN_FRESH && may_fetch(cache)) {
    fetch(cache);
  }
}

void vtx_token_cache_init(struct vtx_token_cache *cache,
                          const struct vtx_token_loop *loop, uint64_t seed) {
  *cache = (struct vtx_token_cache){.loop = *loop};
  cache->backoff = FIRST_BACKOFF;
  cache->random = seed ? seed : 1;
  cache->timer.fire = on_timer;
  cb_list_init(&cache->waiting);
  vtx_token_fail(&cache->failure, false, "no token was asked for yet");
}

void vtx_token_cache_release(struct vtx_token_cache *cache) {
  while (cb_list_take(&cache->waiting)) {
  }
  if (cache->source) cache->source->type->cancel(cache->source);
  cache->loop.cancel_timer(cache->loop.self, &cache->timer);
  vtx_token_source_free(cache->source);
  vtx_credential_wipe(cache->value);
  free(cache->quota_project);
  free(cache->next_quota_project);
  cache->source = NULL;
  cache->value = NULL;
  cache->quota_project = NULL;
  cache->next_quota_project = NULL;
}

bool vtx_token_cache_set_source(struct vtx_token_cache *cache,
                                struct vtx_token_source *source,
                                const char *quota_project) {
  char *project = quota_project ? strdup(quota_project) : NULL;
  bool first = cache->source == NULL;

  if (quota_project && !project) return false;
  if (cache->fetching) cache->source->type->cancel(cache->source);
  cache->fetching = false;
  vtx_token_source_free(cache->source);
  free(cache->next_quota_project);
  cache->source = source;
  cache->source_is_new = true;
  cache->next_quota_project = project;
  cache->retry_at = 0;
  cache->backoff = FIRST_BACKOFF;
  if (!first) fetch(cache);
  return true;
}

void vtx_token_cache_get(struct vtx_token_cache *cache,
                         struct vtx_credential_wait *wait) {
  enum vtx_token_state state = vtx_token_cache_state(cache);

  if (state == VTX_TOKEN_FRESH) {
    give_token(cache, wait);
    return;
  }
  if (state == VTX_TOKEN_STALE) {
    give_token(cache, wait);
    if (may_fetch(cache)) fetch(cache);
    return;
  }
  if (!cache->fetching && !may_fetch(cache)) {
    give_failure(cache, wait);
    return;
  }
  cb_list_append(&cache->waiting, &wait->link);
  if (!cache->fetching) fetch(cache);
}

void vtx_token_cache_forget(struct vtx_credential_wait *wait) {
  cb_list_remove(&wait->link);
}

void vtx_token_cache_refused(struct vtx_token_cache *cache) {
  if (now_of(cache) < cb_time_add(cache->got_at, REFUSABLE_AFTER)) return;
  if (cache->fetching || may_fetch(cache)) cache->refused = true;
}
