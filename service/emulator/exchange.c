/* One request and its reply, as the HTTP library sees them.
 *
 *   READING   the body comes in
 *   WAITING   the reply is made, its time has not come: suspended
 *   SENDING   the library asks for body; suspended where the reply pauses
 *
 * An exchange that is suspended is in the emulator's list, with or without a
 * timer. It leaves the list when the timer fires, when the peer leaves or when
 * the emulator ends, and in the latter two cases the library is told to close
 * the connection as soon as it comes back.
 */
#include <assert.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json_writer.h"
#include "base/utf8.h"
#include "service/emulator/gzip.h"
#include "service/emulator/reply.h"
#include "service/emulator/server.h"

enum state { READING, WAITING, SENDING };

enum {
  FIRST_BLOCK = 8 << 10,
  SPARE = 64 << 20, /* what an exchange may need beyond its body's copies */
  LEAST_BLOCK = 1 << 10,
  MOST_BLOCK = 64 << 10,
  CONNECTION_MEMORY = 32 << 10,
  BACKLOG = 4096,
};

struct vtx_emu_exchange {
  struct vtx_emulator *emulator;
  struct vtx_emu_connection *connection;
  struct MHD_Connection *http;
  struct cb_arena *arena;
  const char *url; /* with the query, as it came */
  struct cb_buf body;
  struct vtx_emu_route route;
  struct vtx_emu_reply reply;
  enum state state;
  bool begun;     /* counted as in flight */
  bool too_large; /* the body is thrown away */
  bool suspended;
  bool left;           /* the peer has gone: close */
  bool broken;         /* on purpose */
  bool rested;         /* the pause before the next bytes is over */
  struct cb_link link; /* in the emulator's list while suspended */
  struct cb_timer timer;

  /* Where the reply's body is. */
  size_t piece;
  uint64_t round; /* of its repeats */
  size_t offset;
};

static void end_exchange(struct vtx_emu_exchange *exchange,
                         enum vtx_emu_outcome outcome) {
  if (!exchange->begun) return;
  exchange->begun = false;
  vtx_emu_stats_end(&exchange->emulator->stats, outcome);
}

static void resume(struct vtx_emu_exchange *exchange) {
  assert(exchange->suspended);
  exchange->suspended = false;
  cb_list_remove(&exchange->link);
  cb_timers_cancel(&exchange->emulator->timers, &exchange->timer);
  MHD_resume_connection(exchange->http);
}

static void wait_is_over(struct cb_timer *timer) {
  struct vtx_emu_exchange *exchange =
      CB_CONTAINER(timer, struct vtx_emu_exchange, timer);

  exchange->rested = true;
  resume(exchange);
}

/* Suspends the exchange for pause, CB_NEVER meaning until it is broken off.
 * False if there is no point in it: the peer has gone, or memory has. */
static bool suspend(struct vtx_emu_exchange *exchange, int64_t pause) {
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

void vtx_emu_exchanges_break(struct vtx_emulator *emulator) {
  while (!cb_list_empty(&emulator->suspended)) {
    struct vtx_emu_exchange *exchange =
        CB_CONTAINER(emulator->suspended.next, struct vtx_emu_exchange, link);

    exchange->left = true;
    resume(exchange);
  }
}

/* Dissolving the association makes the kernel send RST at once; where the peer
 * was faster there is none left to dissolve, and nothing to do. */
static void reset_socket(const struct vtx_emu_connection *connection) {
  struct sockaddr nobody = {.sa_family = AF_UNSPEC};

  (void)connect(connection->fd, &nobody, sizeof nobody);
}

/* True while the library has bytes of the peer to read. */
static bool has_input(const struct vtx_emu_connection *connection) {
  char byte;

  return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* With epoll the library does not look for the peer's end when it comes along
 * with the last bytes before it: it would wait for the rest for ever. */
void vtx_emu_connections_check(struct vtx_emulator *emulator) {
  struct cb_link *link = emulator->leaving.next;

  while (link != &emulator->leaving) {
    struct vtx_emu_connection *connection =
        CB_CONTAINER(link, struct vtx_emu_connection, link);
    struct vtx_emu_exchange *exchange = connection->exchange;

    link = link->next;
    if (exchange && exchange->state != READING) {
      cb_list_remove(&connection->link); /* sending will find out */
    } else if (!has_input(connection)) {
      cb_list_remove(&connection->link);
      reset_socket(connection);
    }
  }
}

/* Sending. */

static uint64_t whole_size(const struct vtx_emu_reply *reply) {
  uint64_t size = 0;

  for (size_t i = 0; i < reply->piece_count; i++) {
    size += reply->pieces[i].size * reply->pieces[i].repeat;
  }
  return size;
}

/* Ends the connection from within the reader. MHD_CONTENT_READER_END_WITH_ERROR
 * will not do: with epoll, version 0.9.75 closes the connection then but does
 * not look at it again until all older ones are gone. A byte for a socket that
 * is no longer connected is an error of sending, which it handles at once. */
static ssize_t break_off(struct vtx_emu_exchange *exchange, char *out) {
  reset_socket(exchange->connection);
  *out = ' ';
  return 1;
}

static ssize_t finish_body(struct vtx_emu_exchange *exchange, char *out) {
  switch (exchange->reply.ending) {
    case VTX_EMU_END_CLEAN:
      return MHD_CONTENT_READER_END_OF_STREAM;
    case VTX_EMU_END_RESET:
      exchange->broken = true;
      break;
    case VTX_EMU_END_HANG:
      if (suspend(exchange, CB_NEVER)) return 0;
      break;
  }
  return break_off(exchange, out);
}

/* Moves on by size bytes, which lie within one round of a piece. */
static void advance(struct vtx_emu_exchange *exchange, size_t size) {
  const struct vtx_emu_piece *piece = &exchange->reply.pieces[exchange->piece];

  exchange->rested = false;
  exchange->offset += size;
  if (exchange->offset < piece->size) return;
  exchange->offset = 0;
  if (++exchange->round < piece->repeat) return;
  exchange->round = 0;
  exchange->piece++;
}

/* True before each piece but the first, or before each byte. */
static bool pause_is_due(const struct vtx_emu_exchange *exchange,
                         uint64_t pos) {
  if (exchange->reply.interval == 0 || exchange->rested || pos == 0) {
    return false;
  }
  if (exchange->reply.drip) return true;
  return exchange->offset == 0 && exchange->round == 0;
}

static ssize_t read_body(void *cls, uint64_t pos, char *out, size_t max) {
  struct vtx_emu_exchange *exchange = cls;
  const struct vtx_emu_reply *reply = &exchange->reply;
  const struct vtx_emu_piece *piece;
  size_t size;

  if (exchange->left) return break_off(exchange, out);
  while (exchange->piece < reply->piece_count &&
         reply->pieces[exchange->piece].size == 0) {
    exchange->piece++;
  }
  if (exchange->piece == reply->piece_count || pos >= reply->end_after) {
    return finish_body(exchange, out);
  }
  if (pause_is_due(exchange, pos)) {
    return suspend(exchange, reply->interval) ? 0 : break_off(exchange, out);
  }
  piece = &reply->pieces[exchange->piece];
  size = piece->size - exchange->offset;
  if (size > max) size = max;
  if (size > reply->end_after - pos) size = (size_t)(reply->end_after - pos);
  if (reply->drip) size = 1;
  memcpy(out, piece->data + exchange->offset, size);
  advance(exchange, size);
  return (ssize_t)size;
}

static size_t block_size(const struct vtx_emu_reply *reply) {
  size_t size = LEAST_BLOCK;

  for (size_t i = 0; i < reply->piece_count; i++) {
    if (reply->pieces[i].size > size) size = reply->pieces[i].size;
  }
  return size < MOST_BLOCK ? size : MOST_BLOCK;
}

/* A whole answer goes out in one write; all else is asked for bit by bit. */
static struct MHD_Response *make_response(struct vtx_emu_exchange *exchange) {
  const struct vtx_emu_reply *reply = &exchange->reply;
  bool clean = reply->ending == VTX_EMU_END_CLEAN;
  uint64_t size = whole_size(reply);

  if (reply->chunked) {
    size = MHD_SIZE_UNKNOWN;
  } else if (clean && reply->end_after < size) {
    size = reply->end_after;
  }
  if (reply->piece_count == 0) {
    return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
  }
  if (clean && !reply->chunked && !reply->drip && reply->piece_count == 1 &&
      reply->pieces[0].repeat == 1) {
    return MHD_create_response_from_buffer(
        (size_t)size, (void *)(uintptr_t)reply->pieces[0].data,
        MHD_RESPMEM_PERSISTENT);
  }
  return MHD_create_response_from_callback(size, block_size(reply), read_body,
                                           exchange, NULL);
}

static void compress_reply(struct vtx_emu_exchange *exchange) {
  struct vtx_emu_reply *reply = &exchange->reply;
  const char *accepted = MHD_lookup_connection_value(
      exchange->http, MHD_HEADER_KIND, "Accept-Encoding");
  const char *data;
  size_t size;

  if (!exchange->emulator->gzip || !accepted || !strstr(accepted, "gzip") ||
      reply->chunked || reply->header || reply->piece_count != 1) {
    return;
  }
  data = vtx_emu_gzip(exchange->arena, reply->pieces[0].data,
                      reply->pieces[0].size, &size);
  if (!data) return;
  reply->pieces[0].data = data;
  reply->pieces[0].size = size;
  reply->header = "Content-Encoding";
  reply->header_value = "gzip";
}

static enum MHD_Result start_reply(struct vtx_emu_exchange *exchange) {
  const struct vtx_emu_reply *reply = &exchange->reply;
  struct MHD_Response *response;
  enum MHD_Result result;

  exchange->state = SENDING;
  exchange->rested = false;
  if (reply->status == 0) {
    exchange->broken = reply->ending == VTX_EMU_END_RESET;
    if (exchange->broken) reset_socket(exchange->connection);
    exchange->state = WAITING;
    return reply->ending == VTX_EMU_END_HANG && suspend(exchange, CB_NEVER)
               ? MHD_YES
               : MHD_NO;
  }
  compress_reply(exchange);
  response = make_response(exchange);
  if (!response) return MHD_NO;
  if (reply->content_type) {
    MHD_add_response_header(response, "Content-Type", reply->content_type);
  }
  if (reply->header) {
    MHD_add_response_header(response, reply->header, reply->header_value);
  }
  result = MHD_queue_response(exchange->http, reply->status, response);
  MHD_destroy_response(response);
  return result;
}

/* Receiving. */

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

  cb_buf_init(&headers, 4 * CONNECTION_MEMORY, NULL);
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

static const char *parameter_of(const struct vtx_emu_exchange *exchange,
                                const char *name) {
  return MHD_lookup_connection_value(exchange->http, MHD_GET_ARGUMENT_KIND,
                                     name);
}

static bool is_control(const char *path) {
  return strncmp(path, "/emulator/", 10) == 0;
}

static const char *look_up_header(const struct vtx_emu_request *request,
                                  const char *name) {
  return header_of(request->http, name);
}

static void make_reply(struct vtx_emu_exchange *exchange, const char *method,
                       const char *path) {
  struct vtx_emu_request request = {
      .arena = exchange->arena,
      .method = method,
      .path = path,
      .alt = parameter_of(exchange, "alt"),
      .authorization = header_of(exchange, "Authorization"),
      .api_key = header_of(exchange, "x-goog-api-key"),
      .body = exchange->body.data ? exchange->body.data : "",
      .body_size = exchange->body.len,
      .too_large = exchange->too_large,
      .header = look_up_header,
      .http = exchange,
  };

  if (is_control(path)) {
    vtx_emu_control(exchange->emulator, &request,
                    parameter_of(exchange, "last"), &exchange->reply);
    return;
  }
  capture(exchange, method);
  if (!request.api_key) request.api_key = parameter_of(exchange, "key");
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
  if (!vtx_emu_route_read(&exchange->route, exchange->arena, path)) {
    return false;
  }
  if (is_control(path)) return true;
  exchange->begun = true;
  vtx_emu_stats_begin(&exchange->emulator->stats, exchange->route.verb);
  return true;
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
  if (exchange->state == WAITING) return start_reply(exchange);
  assert(exchange->state == READING);
  make_reply(exchange, method, path);
  exchange->state = WAITING;
  if (exchange->reply.delay == 0) return start_reply(exchange);
  return suspend(exchange, exchange->reply.delay) ? MHD_YES : MHD_NO;
}

static struct vtx_emu_connection *connection_of(struct MHD_Connection *http) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(http, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

  return info ? info->socket_context : NULL;
}

/* The first that is heard of a request; what is returned is its context. */
static void *open_exchange(void *cls, const char *url,
                           struct MHD_Connection *http) {
  struct vtx_emulator *emulator = cls;
  size_t cap = 4 * emulator->max_body_bytes + SPARE;
  struct vtx_emu_connection *connection = connection_of(http);
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

static void *open_connection(struct vtx_emulator *emulator,
                             struct MHD_Connection *http) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(http, MHD_CONNECTION_INFO_CONNECTION_FD);
  struct vtx_emu_connection *connection = calloc(1, sizeof *connection);
  struct epoll_event event = {.events = EPOLLRDHUP | EPOLLET,
                              .data.ptr = connection};

  if (!connection || !info) {
    free(connection);
    return NULL;
  }
  cb_list_init(&connection->link);
  connection->fd = info->connect_fd;
  /* Without the watch aborts would go unseen: better no connection. */
  if (epoll_ctl(emulator->watch_fd, EPOLL_CTL_ADD, connection->fd, &event)) {
    free(connection);
    return NULL;
  }
  vtx_emu_stats_connect(&emulator->stats);
  return connection;
}

static void notice_connection(void *cls, struct MHD_Connection *http,
                              void **context,
                              enum MHD_ConnectionNotificationCode code) {
  struct vtx_emulator *emulator = cls;
  struct vtx_emu_connection *connection = *context;

  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    *context = open_connection(emulator, http);
  } else if (connection) {
    cb_list_remove(&connection->link);
    epoll_ctl(emulator->watch_fd, EPOLL_CTL_DEL, connection->fd, NULL);
    vtx_emu_stats_disconnect(&emulator->stats);
    free(connection);
    *context = NULL;
  }
}

struct MHD_Daemon *vtx_emu_daemon_start(struct vtx_emulator *emulator,
                                        int listen_fd, size_t max_connections) {
  return MHD_start_daemon(
      MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle, emulator,
      MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT,
      (unsigned)max_connections, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
      (size_t)CONNECTION_MEMORY, MHD_OPTION_LISTEN_BACKLOG_SIZE,
      (unsigned)BACKLOG, MHD_OPTION_URI_LOG_CALLBACK, open_exchange, emulator,
      MHD_OPTION_NOTIFY_COMPLETED, close_exchange, emulator,
      MHD_OPTION_NOTIFY_CONNECTION, notice_connection, emulator,
      MHD_OPTION_END);
}
