#include "service/emulator/exchange.h"

#include <assert.h>
#include <microhttpd.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json_writer.h"
#include "base/utf8.h"

enum {
  FIRST_BLOCK = 8 << 10,
  SPARE = 64 << 20, /* what an exchange may need beyond its body's copies */
  BACKLOG = 4096,
};

static void end_exchange(struct vtx_emu_exchange *exchange,
                         enum vtx_emu_outcome outcome) {
  if (!exchange->begun) return;
  exchange->begun = false;
  vtx_emu_stats_end(&exchange->emulator->stats, outcome);
  vtx_emu_target_end(exchange->target);
}

static void resume(struct vtx_emu_exchange *exchange) {
  assert(exchange->suspended);
  exchange->suspended = false;
  cb_list_remove(&exchange->link);
  cb_timers_cancel(&exchange->emulator->timers, &exchange->timer);
  exchange->emulator->resumed = true;
  MHD_resume_connection(exchange->http);
}

static void wait_is_over(struct cb_timer *timer) {
  struct vtx_emu_exchange *exchange =
      CB_CONTAINER(timer, struct vtx_emu_exchange, timer);

  exchange->rested = true;
  resume(exchange);
}

bool vtx_emu_exchange_suspend(struct vtx_emu_exchange *exchange,
                              int64_t pause) {
  struct vtx_emulator *emulator = exchange->emulator;

  if (exchange->connection->peer_left) {
    exchange->left = true;
    end_exchange(exchange, VTX_EMU_ABORTED);
    return false;
  }
  if (pause != CB_NEVER && !cb_timers_set(&emulator->timers, &exchange->timer,
                                          cb_time_add(cb_now(NULL), pause))) {
    return false;
  }
  exchange->suspended = true;
  cb_list_append(&emulator->suspended, &exchange->link);
  MHD_suspend_connection(exchange->http);
  return true;
}

void vtx_emu_connection_left(struct vtx_emulator *emulator,
                             struct vtx_emu_connection *connection) {
  struct vtx_emu_exchange *exchange = connection->exchange;

  connection->peer_left = true;
  if (exchange && exchange->suspended) {
    exchange->left = true;
    end_exchange(exchange, VTX_EMU_ABORTED);
    resume(exchange);
  } else {
    cb_list_remove(&connection->link);
    cb_list_append(&emulator->leaving, &connection->link);
  }
}

void vtx_emu_exchanges_release(struct vtx_emulator *emulator, const char *key) {
  struct cb_link *link = emulator->suspended.next;

  while (link != &emulator->suspended) {
    struct vtx_emu_exchange *exchange =
        CB_CONTAINER(link, struct vtx_emu_exchange, link);

    link = link->next;
    if (exchange->state == VTX_EMU_HELD &&
        strcmp(exchange->reply.hold, key) == 0) {
      resume(exchange);
    }
  }
}

void vtx_emu_exchanges_break(struct vtx_emulator *emulator) {
  while (!cb_list_empty(&emulator->suspended)) {
    struct vtx_emu_exchange *exchange =
        CB_CONTAINER(emulator->suspended.next, struct vtx_emu_exchange, link);

    exchange->left = true;
    resume(exchange);
  }
}

static enum MHD_Result write_header(void *cls, enum MHD_ValueKind kind,
                                    const char *name, const char *value) {
  struct cb_json *json = cls;

  (void)kind;
  if (!cb_utf8_valid(name, strlen(name))) return MHD_YES;
  cb_json_key(json, name);
  if (value && cb_utf8_valid(value, strlen(value))) {
    cb_json_string(json, value);
  } else {
    cb_json_null(json);
  }
  return MHD_YES;
}

static void capture(struct vtx_emu_exchange *exchange, const char *method) {
  struct vtx_emu_capture capture = {.method = method,
                                    .url = exchange->url,
                                    .body = exchange->body.data,
                                    .body_size = exchange->body.len};
  struct cb_buf headers;
  struct cb_json json;

  cb_buf_init(&headers, 4 * VTX_EMU_CONNECTION_MEMORY, NULL);
  cb_json_init(&json, &headers);
  cb_json_begin_object(&json);
  MHD_get_connection_values(exchange->http, MHD_HEADER_KIND, write_header,
                            &json);
  cb_json_end_object(&json);
  capture.headers = headers.failed ? "{}" : headers.data;
  if (!capture.body) capture.body = "";
  vtx_emu_captures_add(&exchange->emulator->captures, &capture);
  cb_buf_release(&headers);
}

static const char *header_of(const struct vtx_emu_exchange *exchange,
                             const char *name) {
  return MHD_lookup_connection_value(exchange->http, MHD_HEADER_KIND, name);
}

static bool is_control(const char *path) {
  return strncmp(path, "/emulator/", 10) == 0;
}

static const char *look_up_header(const struct vtx_emu_request *request,
                                  const char *name) {
  return header_of(request->http, name);
}

static const char *look_up_parameter(const struct vtx_emu_request *request,
                                     const char *name) {
  const struct vtx_emu_exchange *exchange = request->http;

  return MHD_lookup_connection_value(exchange->http, MHD_GET_ARGUMENT_KIND,
                                     name);
}

static void make_reply(struct vtx_emu_exchange *exchange, const char *method,
                       const char *path) {
  struct vtx_emu_request request = {
      .arena = exchange->arena,
      .method = method,
      .path = path,
      .authorization = header_of(exchange, "Authorization"),
      .api_key = header_of(exchange, "x-goog-api-key"),
      .body = exchange->body.data ? exchange->body.data : "",
      .body_size = exchange->body.len,
      .too_large = exchange->too_large,
      .target = exchange->target,
      .header = look_up_header,
      .parameter = look_up_parameter,
      .http = exchange,
  };

  if (is_control(path)) {
    vtx_emu_control(exchange->emulator, &request, &exchange->reply);
    return;
  }
  capture(exchange, method);
  if (!request.api_key) {
    request.api_key = look_up_parameter(&request, "key");
  }
  if (exchange->route.verb == VTX_EMU_NO_VERB &&
      vtx_emu_identity_respond(&exchange->emulator->identity, &request,
                               &exchange->reply)) {
    return;
  }
  if (exchange->route.verb == VTX_EMU_NO_VERB || strcmp(method, "POST") != 0) {
    vtx_emu_respond_unknown(&request, &exchange->reply);
  } else {
    vtx_emu_respond(&exchange->emulator->responder, &request, &exchange->route,
                    &exchange->reply);
  }
}

static void receive(struct vtx_emu_exchange *exchange, const char *data,
                    size_t size) {
  if (exchange->too_large) return;
  if (cb_buf_add(&exchange->body, data, size)) return;
  exchange->too_large = true;
  cb_buf_release(&exchange->body);
}

static bool begin(struct vtx_emu_exchange *exchange, const char *path) {
  struct vtx_emulator *emulator = exchange->emulator;
  const struct vtx_emu_route *route = &exchange->route;

  if (!vtx_emu_route_read(&exchange->route, exchange->arena, path)) {
    return false;
  }
  if (is_control(path)) return true;
  exchange->begun = true;
  vtx_emu_stats_begin(&emulator->stats, route->verb);
  if (route->verb == VTX_EMU_NO_VERB) return true;
  exchange->target =
      vtx_emu_targets_find(&emulator->targets, route->location, route->model);
  vtx_emu_target_begin(exchange->target);
  return true;
}

static bool is_held(const struct vtx_emu_exchange *exchange) {
  const char *key = exchange->reply.hold;

  return key && !vtx_emu_holds_released(&exchange->emulator->holds, key);
}

/* Towards sending a reply that is made; comes again after each suspension. */
static enum MHD_Result go_on(struct vtx_emu_exchange *exchange) {
  int64_t pause = exchange->reply.delay;

  if (exchange->state == VTX_EMU_WAITING)
    return vtx_emu_exchange_reply(exchange);
  if (is_held(exchange)) {
    exchange->state = VTX_EMU_HELD;
    pause = CB_NEVER;
  } else {
    exchange->state = VTX_EMU_WAITING;
    if (pause == 0) return vtx_emu_exchange_reply(exchange);
  }
  return vtx_emu_exchange_suspend(exchange, pause) ? MHD_YES : MHD_NO;
}

/* Called with the head, with each bit of the body, when the body is complete
 * and again after each suspension until a response is queued. */
static enum MHD_Result handle(void *cls, struct MHD_Connection *http,
                              const char *path, const char *method,
                              const char *version, const char *data,
                              size_t *size, void **context) {
  struct vtx_emu_exchange *exchange = *context;

  (void)cls;
  (void)version;
  if (!exchange) return MHD_NO; /* out of memory at its start */
  if (!exchange->http) {
    exchange->http = http;
    return begin(exchange, path) ? MHD_YES : MHD_NO;
  }
  if (*size > 0) {
    receive(exchange, data, *size);
    *size = 0;
    return MHD_YES;
  }
  if (exchange->left) return MHD_NO;
  if (exchange->state == VTX_EMU_READING) make_reply(exchange, method, path);
  return go_on(exchange);
}

/* The first that is heard of a request; what is returned is its context. */
static void *open_exchange(void *cls, const char *url,
                           struct MHD_Connection *http) {
  struct vtx_emulator *emulator = cls;
  size_t cap = 4 * emulator->max_body_bytes + SPARE;
  struct vtx_emu_connection *connection = vtx_emu_connection_of(http);
  struct cb_arena *arena =
      connection ? cb_arena_new(NULL, cap, FIRST_BLOCK) : NULL;
  struct vtx_emu_exchange *exchange =
      arena ? cb_arena_zalloc(arena, 1, sizeof *exchange) : NULL;

  if (!exchange || !(exchange->url = cb_arena_strdup(arena, url))) {
    cb_arena_free(arena);
    return NULL;
  }
  exchange->emulator = emulator;
  exchange->connection = connection;
  exchange->arena = arena;
  exchange->timer.fire = wait_is_over;
  cb_list_init(&exchange->link);
  cb_buf_init(&exchange->body, emulator->max_body_bytes, NULL);
  connection->exchange = exchange;
  return exchange;
}

static void close_exchange(void *cls, struct MHD_Connection *http,
                           void **context,
                           enum MHD_RequestTerminationCode code) {
  struct vtx_emu_exchange *exchange = *context;

  (void)cls;
  (void)http;
  if (!exchange) return;
  *context = NULL;
  assert(!exchange->suspended);
  if (exchange->broken) {
    end_exchange(exchange, VTX_EMU_BROKEN);
  } else if (code == MHD_REQUEST_TERMINATED_COMPLETED_OK) {
    end_exchange(exchange, VTX_EMU_COMPLETED);
  } else {
    end_exchange(exchange, VTX_EMU_ABORTED);
  }
  exchange->connection->exchange = NULL;
  if (exchange->connection->peer_left) {
    vtx_emu_connection_left(exchange->emulator, exchange->connection);
  }
  cb_buf_release(&exchange->body);
  cb_arena_free(exchange->arena);
}

struct MHD_Daemon *vtx_emu_daemon_start(struct vtx_emulator *emulator,
                                        int listen_fd, size_t max_connections) {
  return MHD_start_daemon(
      MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle, emulator,
      MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT,
      (unsigned)max_connections, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
      (size_t)VTX_EMU_CONNECTION_MEMORY, MHD_OPTION_LISTEN_BACKLOG_SIZE,
      (unsigned)BACKLOG, MHD_OPTION_URI_LOG_CALLBACK, open_exchange, emulator,
      MHD_OPTION_NOTIFY_COMPLETED, close_exchange, emulator,
      MHD_OPTION_NOTIFY_CONNECTION, vtx_emu_connection_notice, emulator,
      MHD_OPTION_END);
}
