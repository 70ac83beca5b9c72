#include "crpc/server.h"

#include <assert.h>
#include <grpc/grpc_security.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/clock.h"
#include "crpc/server_internal.h"
#include "crpc/wire.h"

#define DEFAULT_MESSAGE ((size_t)4 * 1024 * 1024)
#define DEFAULT_UNPACKED_FACTOR 16
#define DEFAULT_MAX_CALLS 20000
#define DEFAULT_MAX_STREAMS 10000
#define DEFAULT_MAX_CONNECTIONS 10000
#define DEFAULT_SEND_QUEUE ((size_t)64 * 1024)
#define DEFAULT_REQUEST_TIMEOUT (60 * CB_SECOND)
#define DEFAULT_READER_TIMEOUT (30 * 60 * CB_SECOND)
#define WRITE_BUFFER 4096
#define KEEPALIVE_TIME_MS (60 * 1000)
#define KEEPALIVE_TIMEOUT_MS (20 * 1000)
#define PING_INTERVAL_MS (5 * 1000) /* what we let clients do */

/* The core stands still in a quota that is less than what it needs itself. */
#define QUOTA_MIN ((size_t)16 * 1024 * 1024)

/* How long a drain waits for connections to end by themselves once no call is
 * left: a peer that never answers must not hold it up. */
#define LINGER (1 * CB_SECOND)

static void fill_defaults(struct crpc_server_options *options) {
  if (!options->domain) options->domain = "crpc";
  if (options->max_request_bytes == 0) {
    options->max_request_bytes = DEFAULT_MESSAGE;
  }
  if (options->max_request_bytes > INT_MAX) {
    options->max_request_bytes = INT_MAX;
  }
  if (options->max_unpacked_bytes == 0) {
    options->max_unpacked_bytes =
        options->max_request_bytes * DEFAULT_UNPACKED_FACTOR;
  }
  if (options->max_response_bytes == 0 ||
      options->max_response_bytes > INT_MAX) {
    options->max_response_bytes = INT_MAX;
  }
  if (options->max_calls == 0) options->max_calls = DEFAULT_MAX_CALLS;
  if (options->max_streams <= 0) options->max_streams = DEFAULT_MAX_STREAMS;
  if (options->max_connections <= 0) {
    options->max_connections = DEFAULT_MAX_CONNECTIONS;
  }
  if (options->request_timeout <= 0) {
    options->request_timeout = DEFAULT_REQUEST_TIMEOUT;
  }
  if (options->reader_timeout <= 0) {
    options->reader_timeout = DEFAULT_READER_TIMEOUT;
  }
  if (options->send_queue_bytes == 0) {
    options->send_queue_bytes = DEFAULT_SEND_QUEUE;
  }
}

/* The one place where a connection goes from the socket to the core. A guard
 * that reads frames, or ends TLS, would take conn->fd here and give the core
 * the far end of a socket pair. */
static void adopt(struct crpc_conn *conn, void *self) {
  struct crpc_server *server = self;

  server->connections++;
  server->connections_total++;
  if (server->draining || !crpc_server_know(server, conn)) {
    shutdown(conn->fd, SHUT_RDWR); /* the listener still has its own copy */
    close(conn->fd);
    return;
  }
  grpc_server_add_channel_from_fd(server->core, conn->fd, server->plain);
}

static void lose(struct crpc_conn *conn, void *self) {
  struct crpc_server *server = self;

  server->connections--;
  crpc_server_forget(server, conn);
}

static const struct crpc_listener_events listener_events = {adopt, lose};

static void on_shut(struct crpc_tag *tag, bool ok) {
  struct crpc_server *server = CB_CONTAINER(tag, struct crpc_server, shut);

  (void)ok;
  server->is_shut = true;
  crpc_server_settle(server);
}

static void on_flushed(struct cb_mail *mail) {
  struct crpc_server *server = CB_CONTAINER(mail, struct crpc_server, flushed);

  server->is_flushed = true;
  crpc_server_settle(server);
}

static void on_deadline(struct cb_timer *timer) {
  struct crpc_server *server =
      CB_CONTAINER(timer, struct crpc_server, deadline);

  grpc_server_cancel_all_calls(server->core);
}

static void on_linger(struct cb_timer *timer) {
  struct crpc_server *server = CB_CONTAINER(timer, struct crpc_server, linger);

  if (server->calls_live == 0) grpc_server_cancel_all_calls(server->core);
}

struct crpc_server *crpc_server_new(struct crpc_loop *loop,
                                    const struct crpc_server_options *options,
                                    struct cb_status *ret_status) {
  struct crpc_server *server = calloc(1, sizeof *server);

  *ret_status = crpc_no_memory();
  ret_status->message = "no memory or descriptors for a server";
  if (!server) return NULL;
  server->loop = loop;
  server->options = *options;
  fill_defaults(&server->options);
  server->shut.run = on_shut;
  server->flushed.deliver = on_flushed;
  server->deadline.fire = on_deadline;
  server->linger.fire = on_linger;
  if (getrandom(&server->id_seed, sizeof server->id_seed, 0) < 0) {
    server->id_seed = (uint64_t)cb_now(NULL);
  }
  server->arena = cb_arena_new(NULL, SIZE_MAX, 0);
  server->listener = crpc_listener_new(loop, server->options.max_connections,
                                       &listener_events, server);
  if (server->arena && server->listener) return server;
  crpc_server_free(server);
  return NULL;
}

bool crpc_server_add_service(struct crpc_server *server,
                             const struct crpc_service *service,
                             const void *handlers, void *self) {
  const struct crpc_service **services;

  assert(!server->core);
  services =
      realloc(server->services, (server->service_count + 1) * sizeof *services);
  if (!services) return false;
  server->services = services;
  for (size_t i = 0; i < service->method_count; i++) {
    const struct crpc_route route = {
        .method = &service->methods[i], .handlers = handlers, .self = self};

    if (!crpc_routes_add(&server->routes, route.method->path, &route)) {
      return false;
    }
  }
  services[server->service_count++] = service;
  return true;
}

bool crpc_server_add_alias(struct crpc_server *server, const char *path,
                           const char *existing_path) {
  const struct crpc_route *found =
      crpc_routes_find(&server->routes, existing_path, strlen(existing_path));
  struct crpc_route route;

  assert(!server->core);
  if (!found) return false;
  route = *found; /* adding moves the table */
  return crpc_routes_add(&server->routes, path, &route);
}

bool crpc_server_listen(struct crpc_server *server, const char *address,
                        char **ret_address, struct cb_status *ret_status) {
  char *bound = NULL;

  if (!crpc_listener_listen(server->listener, address, &bound, ret_status)) {
    return false;
  }
  if (ret_address) {
    *ret_address = bound;
  } else {
    free(bound);
  }
  return true;
}

static grpc_arg integer(const char *key, int value) {
  return (grpc_arg){.type = GRPC_ARG_INTEGER,
                    .key = (char *)(uintptr_t)key,
                    .value.integer = value};
}

static int idle_ms(int64_t idle_timeout) {
  int64_t ms = idle_timeout / CB_MILLISECOND;

  if (idle_timeout <= 0 || ms >= INT_MAX) return INT_MAX; /* never */
  return ms > 0 ? (int)ms : 1;
}

/* The core ends a call with too large a message by itself, and tells the caller
 * no reason. It is given some room above the limit, so that the usual case, a
 * message somewhat too large, is ours to refuse. */
static int core_limit(size_t max_request_bytes) {
  size_t limit = max_request_bytes + max_request_bytes / 4;

  return limit < INT_MAX ? (int)limit : INT_MAX;
}

/* What the core reads and has not handed over yet is not in the budget. So the
 * core has a quota of the same size: near it, it breaks off what it reads. */
static grpc_resource_quota *create_quota(const struct cb_budget *budget) {
  grpc_resource_quota *quota = grpc_resource_quota_create("crpc");

  if (budget && budget->limit < SIZE_MAX) {
    grpc_resource_quota_resize(
        quota, budget->limit > QUOTA_MIN ? budget->limit : QUOTA_MIN);
  }
  return quota;
}

static grpc_server *create_core(const struct crpc_server_options *options) {
  grpc_resource_quota *quota = create_quota(options->budget);
  grpc_arg args[] = {
      {.type = GRPC_ARG_POINTER,
       .key = (char *)(uintptr_t)GRPC_ARG_RESOURCE_QUOTA,
       .value.pointer = {quota, grpc_resource_quota_arg_vtable()}},
      /* The core inflates first and looks at the size then; we do not. */
      integer(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0),
      integer(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
              core_limit(options->max_request_bytes)),
      integer(GRPC_ARG_MAX_CONCURRENT_STREAMS, options->max_streams),
      integer(GRPC_ARG_MAX_METADATA_SIZE, CRPC_METADATA_CORE_MAX),
      /* Else each stream may fill a window of 8 MB that nobody reads. What a
       * read waits for is let through whatever its size. */
      integer(GRPC_ARG_HTTP2_BDP_PROBE, 0),
      integer(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, CRPC_STREAM_WINDOW),
      /* Bytes of messages that send.c lets wait for more; they count for no
       * budget any more. The core's own 64 kB would be too many. */
      integer(GRPC_ARG_HTTP2_WRITE_BUFFER_SIZE, WRITE_BUFFER),
      integer(GRPC_ARG_MAX_CONNECTION_IDLE_MS, idle_ms(options->idle_timeout)),
      integer(GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_TIME_MS),
      integer(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_TIMEOUT_MS),
      integer(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
      integer(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
              PING_INTERVAL_MS),
      integer(GRPC_ARG_ALLOW_REUSEPORT, 0),
      integer(GRPC_ARG_ENABLE_CHANNELZ, 0),
  };
  const grpc_channel_args all = {sizeof args / sizeof *args, args};
  grpc_server *core = grpc_server_create(&all, NULL);

  grpc_resource_quota_unref(quota);
  return core;
}

bool crpc_server_start(struct crpc_server *server) {
  assert(!server->core);
  /* First, as it can fail: a core that has begun must be drained before it is
   * freed. What is accepted from here on is mail, which this loop opens when
   * the core is there. */
  if (!crpc_listener_start(server->listener)) return false;
  server->core = create_core(&server->options);
  server->plain = grpc_insecure_server_credentials_create();
  grpc_server_register_completion_queue(server->core, server->loop->queue,
                                        NULL);
  grpc_server_start(server->core);
  crpc_server_arm(server);
  return true;
}

static void begin_drain(struct crpc_server *server) {
  server->draining = true;
  crpc_listener_stop(server->listener);
  crpc_loop_post(server->loop, &server->flushed);
  if (!server->core) {
    server->is_shut = true;
    return;
  }
  crpc_loop_tag_given(server->loop, &server->shut);
  grpc_server_shutdown_and_notify(server->core, server->loop->queue,
                                  &server->shut);
}

void crpc_server_drain(struct crpc_server *server, int64_t deadline,
                       void (*on_drained)(void *ctx), void *ctx) {
  if (!server->draining) {
    server->on_drained = on_drained;
    server->drain_ctx = ctx;
    begin_drain(server);
  } else if (server->deadline.place != 0 && deadline >= server->deadline.when) {
    return; /* the deadline moves forward only */
  }
  if (server->is_shut) return;
  if (deadline != CB_NEVER &&
      !crpc_loop_set_timer(server->loop, &server->deadline, deadline)) {
    grpc_server_cancel_all_calls(server->core); /* rather early than never */
  }
  crpc_server_settle(server);
}

void crpc_server_settle(struct crpc_server *server) {
  void (*on_drained)(void *ctx) = server->on_drained;

  if (!server->draining || server->calls_live > 0) return;
  if (server->core && !server->is_shut && server->linger.place == 0) {
    crpc_loop_set_timer(server->loop, &server->linger,
                        cb_time_add(cb_now(NULL), LINGER));
  }
  if (!server->is_shut || !server->is_flushed || server->armed > 0) return;
  if (server->drained) return;
  server->drained = true;
  crpc_loop_cancel_timer(server->loop, &server->deadline);
  crpc_loop_cancel_timer(server->loop, &server->linger);
  if (on_drained) on_drained(server->drain_ctx); /* may free the server */
}

void crpc_server_free(struct crpc_server *server) {
  if (!server) return;
  assert(!server->core || server->drained);
  crpc_listener_free(server->listener);
  if (server->core) grpc_server_destroy(server->core);
  if (server->plain) grpc_server_credentials_release(server->plain);
  crpc_routes_release(&server->routes);
  free(server->services);
  free(server->by_fd);
  cb_arena_free(server->arena);
  free(server);
}

void crpc_server_counters(const struct crpc_server *server,
                          struct crpc_server_counters *ret_counters) {
  *ret_counters = (struct crpc_server_counters){
      .calls_live = server->calls_live,
      .calls_total = server->calls_total,
      .connections = server->connections,
      .connections_total = server->connections_total};
}

const struct crpc_service *crpc_server_service(const struct crpc_server *server,
                                               size_t index) {
  return index < server->service_count ? server->services[index] : NULL;
}

bool crpc_server_defer(struct crpc_server *server,
                       void (*release)(void *object), void *object) {
  return cb_arena_defer(server->arena, release, object);
}

struct crpc_loop *crpc_server_loop(const struct crpc_server *server) {
  return server->loop;
}
