#include "crpc/health.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/list.h"
#include "crpc/call.h"
#include "crpc/server.h"
#include "crpc/wire.h"
#include "grpc/health/v1/health.crpc.h"

typedef grpc_health_HealthCheckResponse_ServingStatus Serving;

/* A service whose state was set; the others are serving. */
struct state {
  struct state *next;
  bool serving;
  char service[];
};

struct crpc_health {
  struct crpc_server *server;
  struct state *states;
  struct cb_link watches;
  bool stopped;
};

/* One Watch call; lives in the call's arena, as its request does. */
struct watch {
  struct cb_link link;
  struct crpc_health *health;
  struct crpc_call *call;
  const char *service;
  bool told;
  Serving last; /* what was told */
};

static bool is_known(const struct crpc_health *health, const char *service) {
  const struct crpc_service *added;

  if (!*service) return true;
  for (size_t i = 0; (added = crpc_server_service(health->server, i)); i++)
    if (strcmp(added->name, service) == 0) return true;
  return false;
}

static struct state *find_state(const struct crpc_health *health,
                                const char *service) {
  struct state *state = health->states;

  while (state && strcmp(state->service, service) != 0)
    state = state->next;
  return state;
}

static Serving state_of(const struct crpc_health *health, const char *service) {
  const struct state *state;

  if (!is_known(health, service))
    return grpc_health_HealthCheckResponse_SERVICE_UNKNOWN;
  state = find_state(health, service);
  return health->stopped || (state && !state->serving)
             ? grpc_health_HealthCheckResponse_NOT_SERVING
             : grpc_health_HealthCheckResponse_SERVING;
}

static void on_check(struct crpc_call *call,
                     const grpc_health_HealthCheckRequest *request,
                     void *self) {
  grpc_health_HealthCheckResponse response =
      grpc_health_HealthCheckResponse_INIT;
  struct cb_status unknown = cb_status_make(CB_NOT_FOUND, "SERVICE_UNKNOWN",
                                            "the server has no such service");

  response.status = state_of(self, request->service);
  if (response.status == grpc_health_HealthCheckResponse_SERVICE_UNKNOWN) {
    unknown.field = "service";
    crpc_call_fail(call, &unknown);
    return;
  }
  grpc_health_Health_Check_reply(call, &response);
}

static void fail_memory(struct crpc_call *call) {
  const struct cb_status status = crpc_no_memory();

  crpc_call_fail(call, &status);
}

struct listed {
  grpc_health_HealthListResponse_StatusesEntry entry;
  grpc_health_HealthCheckResponse response;
};

static void on_list(struct crpc_call *call,
                    const grpc_health_HealthListRequest *request, void *self) {
  grpc_health_HealthListResponse all = grpc_health_HealthListResponse_INIT;
  struct crpc_health *health = self;
  struct cb_arena *arena = crpc_call_arena(call);
  size_t count = 1; /* the server as a whole, "" */
  struct listed *listed;

  (void)request;
  while (crpc_server_service(health->server, count - 1))
    count++;
  listed = arena ? cb_arena_zalloc(arena, count, sizeof *listed) : NULL;
  if (listed) all.statuses = cb_arena_zalloc(arena, count, sizeof(void *));
  if (!all.statuses) {
    fail_memory(call);
    return;
  }
  for (size_t i = 0; i < count; i++) {
    const char *name =
        i > 0 ? crpc_server_service(health->server, i - 1)->name : "";

    grpc__health__v1__health_list_response__statuses_entry__init(
        &listed[i].entry);
    grpc__health__v1__health_check_response__init(&listed[i].response);
    listed[i].response.status = state_of(health, name);
    listed[i].entry.key = (char *)name; /* read only, but protobuf-c has no
                                           word for it */
    listed[i].entry.value = &listed[i].response;
    all.statuses[i] = &listed[i].entry;
  }
  all.n_statuses = count;
  grpc_health_Health_List_reply(call, &all);
}

/* Tells the watcher what is new, or will do so when there is room. After the
 * last word the call ends: a drain must not wait for watchers. */
static void tell(struct watch *watch) {
  grpc_health_HealthCheckResponse response =
      grpc_health_HealthCheckResponse_INIT;
  struct cb_status leaving = cb_status_make(CB_UNAVAILABLE, "SERVER_DRAINING",
                                            "the server is about to stop");

  leaving.retryable = true;
  response.status = state_of(watch->health, watch->service);
  if (!watch->told || watch->last != response.status) {
    if (grpc_health_Health_Watch_send(watch->call, &response) != CRPC_SENT)
      return;
    watch->told = true;
    watch->last = response.status;
  }
  if (watch->health->stopped) crpc_call_fail(watch->call, &leaving);
}

static void on_writable(struct crpc_call *call, void *ctx) {
  (void)call;
  tell(ctx);
}

static void on_done(struct crpc_call *call, void *ctx) {
  struct watch *watch = ctx;

  (void)call;
  cb_list_remove(&watch->link);
}

static const struct crpc_call_events watch_events = {.writable = on_writable,
                                                     .done = on_done};

static void on_watch(struct crpc_call *call,
                     const grpc_health_HealthCheckRequest *request,
                     void *self) {
  struct crpc_health *health = self;
  struct cb_arena *arena = crpc_call_arena(call);
  struct watch *watch = arena ? cb_arena_zalloc(arena, 1, sizeof *watch) : NULL;

  if (!watch) {
    fail_memory(call);
    return;
  }
  watch->health = health;
  watch->call = call;
  watch->service = request->service;
  cb_list_append(&health->watches, &watch->link);
  crpc_call_set_events(call, &watch_events, watch);
  tell(watch);
}

/* The list may lose the watch that is told. */
static void tell_all(struct crpc_health *health) {
  struct cb_link *link = health->watches.next;

  while (link != &health->watches) {
    struct cb_link *next = link->next;

    tell(CB_CONTAINER(link, struct watch, link));
    link = next;
  }
}

static const struct grpc_health_Health_handlers handlers = {
    .Check = on_check, .List = on_list, .Watch = on_watch};

static void release(void *object) {
  struct crpc_health *health = object;

  while (health->states) {
    struct state *state = health->states;

    health->states = state->next;
    free(state);
  }
  free(health);
}

struct crpc_health *crpc_health_add(struct crpc_server *server) {
  struct crpc_health *health = calloc(1, sizeof *health);

  if (!health) return NULL;
  health->server = server;
  cb_list_init(&health->watches);
  if (!crpc_server_defer(server, release, health)) {
    free(health);
    return NULL;
  }
  return grpc_health_Health_add(server, &handlers, health) ? health : NULL;
}

bool crpc_health_set(struct crpc_health *health, const char *service,
                     bool serving) {
  struct state *state = find_state(health, service);

  if (!is_known(health, service)) return false;
  if (!state && !serving) {
    size_t size = strlen(service) + 1;

    state = malloc(sizeof *state + size);
    if (!state) return false;
    memcpy(state->service, service, size);
    state->next = health->states;
    health->states = state;
  }
  if (!state) return true; /* serving it is from birth */
  state->serving = serving;
  tell_all(health);
  return true;
}

void crpc_health_stop(struct crpc_health *health) {
  if (health->stopped) return; /* the watchers have been told */
  health->stopped = true;
  tell_all(health);
}
