#include "service/vertex/origin.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "service/vertex/engine_internal.h"

#define PATIENCE (500 * CB_MILLISECOND)

/* The limit grows in steps, so that a burst does not set it for each start. */
#define STEP ((size_t)64)

void vtx_origins_init(struct vtx_origins *origins, size_t max_h2) {
  *origins = (struct vtx_origins){.max_h2 = max_h2};
  cb_list_init(&origins->list);
}

static void forget(struct vtx_origins *origins, struct vtx_origin *origin) {
  assert(origin->demand == 0);
  cb_timers_cancel(&origin->engine->timers, &origin->timer);
  cb_list_remove(&origin->link);
  origins->count--;
  free(origin);
}

void vtx_origins_release(struct vtx_origins *origins) {
  while (origins->count > 0) {
    forget(origins, CB_CONTAINER(origins->list.next, struct vtx_origin, link));
  }
}

/* Connections that the origin may have, as far as is known. */
static size_t connections(const struct vtx_origin *origin) {
  size_t most = origin->engine->origins.max_h2;
  size_t count = origin->demand / VTX_ORIGIN_STREAMS + 1 + origin->extra;

  if (!vtx_origin_shares(origin)) return origin->demand + STEP;
  return count < most ? count : most;
}

static void raise_limit(struct vtx_origin *origin) {
  struct vtx_origins *origins = &origin->engine->origins;
  size_t need = connections(origin);

  if (need <= origins->limit) return;
  if (!vtx_origin_shares(origin)) need = (need + STEP - 1) / STEP * STEP;
  origins->limit = need;
  curl_multi_setopt(origin->engine->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                    (long)need);
}

/* Has libcurl choose anew what the transfer waits for. */
static void put_in_anew(struct vtx_transfer *transfer) {
  CURLM *multi = transfer->engine->multi;

  curl_multi_remove_handle(multi, transfer->easy);
  curl_easy_setopt(transfer->easy, CURLOPT_PIPEWAIT,
                   vtx_origin_shares(transfer->origin) ? 1L : 0L);
  curl_multi_add_handle(multi, transfer->easy);
}

/* libcurl looks again at a transfer that waits in it when another one ends. If
 * all streams live long, none does: so one goes in anew and makes a connection
 * that lets the others follow. The newest, since the oldest might be about to
 * get what it waits for. */
static void nudge(struct vtx_origin *origin) {
  put_in_anew(
      CB_CONTAINER(origin->connecting.prev, struct vtx_transfer, queue));
}

static void on_impatience(struct cb_timer *timer) {
  struct vtx_origin *origin = CB_CONTAINER(timer, struct vtx_origin, timer);
  const struct vtx_transfer *oldest =
      CB_CONTAINER(origin->connecting.next, struct vtx_transfer, queue);
  struct vtx_engine *engine = origin->engine;
  size_t before = engine->origins.limit;

  if (origin->connecting_count == 0) return;
  if (engine->now - oldest->admitted >= PATIENCE && origin->reached) {
    if (connections(origin) < engine->origins.max_h2) {
      origin->extra += connections(origin);
    }
    raise_limit(origin);
    if (engine->origins.limit > before) nudge(origin);
  }
  cb_timers_set(&engine->timers, timer,
                cb_time_add(engine->now, PATIENCE)); /* has its place */
}

/* "https://host:port" of the URL; its size. */
static size_t name_size(const char *url) {
  const char *host = strstr(url, "://");

  host = host ? host + 3 : url;
  return (size_t)(host - url) + strcspn(host, "/?#");
}

static struct vtx_origin *find(struct vtx_origins *origins, const char *url) {
  size_t size = name_size(url);

  for (struct cb_link *link = origins->list.next; link != &origins->list;
       link = link->next) {
    struct vtx_origin *origin = CB_CONTAINER(link, struct vtx_origin, link);

    if (strncmp(origin->name, url, size) == 0 && !origin->name[size]) {
      return origin;
    }
  }
  return NULL;
}

/* Callers can name locations, and so hosts: what is not in use goes when there
 * are too many. */
static void forget_unused(struct vtx_origins *origins) {
  struct cb_link *link = origins->list.next;

  while (link != &origins->list && origins->count >= VTX_ORIGINS) {
    struct vtx_origin *origin = CB_CONTAINER(link, struct vtx_origin, link);

    link = link->next;
    if (origin->demand == 0) forget(origins, origin);
  }
}

static struct vtx_origin *make(struct vtx_engine *engine, const char *url) {
  size_t size = name_size(url);
  struct vtx_origin *origin = NULL;

  forget_unused(&engine->origins);
  origin = calloc(1, sizeof *origin + size + 1);
  if (!origin) return NULL;
  memcpy(origin->name, url, size);
  origin->engine = engine;
  origin->tls = strncasecmp(url, "https:", 6) == 0;
  origin->timer.fire = on_impatience;
  cb_list_init(&origin->waiting);
  cb_list_init(&origin->connecting);
  cb_list_append(&engine->origins.list, &origin->link);
  engine->origins.count++;
  return origin;
}

bool vtx_origin_enter(struct vtx_transfer *transfer, const char *url) {
  struct vtx_engine *engine = transfer->engine;
  struct vtx_origin *origin = find(&engine->origins, url);

  if (!origin) origin = make(engine, url);
  if (!origin) return false;
  transfer->origin = origin;
  origin->demand++;
  cb_list_append(&origin->waiting, &transfer->queue);
  engine->origins.due = true;
  return true;
}

/* Those that wait for somebody's connection to become shared would wait long
 * where none can be. */
static void put_all_in_anew(struct vtx_origin *origin) {
  origin->changed = false;
  raise_limit(origin);
  for (struct cb_link *link = origin->connecting.next;
       link != &origin->connecting; link = link->next) {
    put_in_anew(CB_CONTAINER(link, struct vtx_transfer, queue));
  }
}

static void admit(struct vtx_origin *origin) {
  struct vtx_engine *engine = origin->engine;

  if (origin->changed) put_all_in_anew(origin);

  if (!cb_list_empty(&origin->waiting)) raise_limit(origin);
  while (origin->connecting_count < VTX_ORIGIN_CONNECTING &&
         !cb_list_empty(&origin->waiting)) {
    struct cb_link *link = cb_list_take(&origin->waiting);
    struct vtx_transfer *transfer =
        CB_CONTAINER(link, struct vtx_transfer, queue);

    cb_list_append(&origin->connecting, link);
    origin->connecting_count++;
    transfer->admitted = engine->now;
    vtx_transfer_run(transfer);
  }
  if (origin->connecting_count > 0 && origin->tls && !origin->timer.place) {
    /* Without memory for the timer the origin just stays as it is. */
    cb_timers_set(&engine->timers, &origin->timer,
                  cb_time_add(engine->now, PATIENCE));
  }
}

bool vtx_origin_shares(const struct vtx_origin *origin) {
  return origin->tls && !origin->http1;
}

void vtx_origins_admit(struct vtx_engine *engine) {
  struct vtx_origins *origins = &engine->origins;

  if (!origins->due) return;
  origins->due = false;
  for (struct cb_link *link = origins->list.next; link != &origins->list;
       link = link->next) {
    admit(CB_CONTAINER(link, struct vtx_origin, link));
  }
}

void vtx_origin_connected(struct vtx_transfer *transfer) {
  struct vtx_origin *origin = transfer->origin;

  if (cb_list_empty(&transfer->queue)) return;
  cb_list_remove(&transfer->queue);
  origin->connecting_count--;
  origin->reached = true;
  origin->engine->origins.due = true;
}

void vtx_origin_answered(struct vtx_transfer *transfer, long version) {
  struct vtx_origin *origin = transfer->origin;
  bool http1 = version < CURL_HTTP_VERSION_2_0;

  if (!origin->tls || origin->http1 == http1) return;
  origin->http1 = http1;
  origin->changed = true;
  origin->engine->origins.due = true;
}

void vtx_origin_leave(struct vtx_transfer *transfer) {
  struct vtx_origin *origin = transfer->origin;

  if (!origin) return;
  transfer->origin = NULL;
  if (!cb_list_empty(&transfer->queue) &&
      transfer->state != VTX_TRANSFER_WAITING) {
    origin->connecting_count--;
  }
  cb_list_remove(&transfer->queue);
  origin->demand--;
  origin->engine->origins.due = true;
}
