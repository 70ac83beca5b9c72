#include "service/vertex/transfer.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "service/vertex/engine_internal.h"

#define SLICE ((size_t)16 * 1024)

/* Bytes of one answer that may wait between curl and the user. What comes in
 * one turn is handed out in the same turn, so only a torrent gets there. */
#define MOST_WAITING ((size_t)1024 * 1024)

#define UPLOAD_BUFFER 16384L
#define CONNECT_TIMEOUT_MS 10000L

/* A machine that is gone answers nothing, not even with a reset. So a
 * connection is broken on which the peer's system has confirmed nothing for so
 * long: no bytes that were sent, and no probe (keepalive) where none are, since
 * an answer is waited for. Linux then goes by this time and not by the number
 * of probes, so several must fit in, or one that is lost would break a
 * connection. It also breaks one whose peer takes no bytes for so long. */
#define UNCONFIRMED_MS 30000u
#define KEEPALIVE_IDLE_S 15L
#define KEEPALIVE_INTERVAL_S 5L

static void mark_ready(struct vtx_transfer *transfer) {
  if (!cb_list_empty(&transfer->ready)) return;
  cb_list_append(&transfer->engine->ready, &transfer->ready);
}

static size_t waiting_bytes(const struct vtx_transfer *transfer) {
  return transfer->inbox.len - transfer->taken;
}

static bool collects(const struct vtx_transfer *transfer) {
  return !transfer->events.data;
}

static int64_t next_check(const struct vtx_transfer *transfer) {
  int64_t idle = CB_NEVER;

  if (transfer->idle_timeout > 0) {
    idle = cb_time_add(transfer->last_byte, transfer->idle_timeout);
  }
  return idle < transfer->deadline ? idle : transfer->deadline;
}

static curl_off_t uploaded(const struct vtx_transfer *transfer) {
  curl_off_t size = 0;

  curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_UPLOAD_T, &size);
  return size;
}

static int response_code(const struct vtx_transfer *transfer) {
  long code = 0;

  curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &code);
  return (int)code;
}

static void wipe(struct cb_buf *buf) {
  if (buf->data) explicit_bzero(buf->data, buf->room);
}

/* A prompt may be megabytes, its answer may take minutes: the bytes go as soon
 * as curl cannot want them any more. Other answers than 200 leave them for a
 * second attempt. */
static void drop_sent_body(struct vtx_transfer *transfer) {
  if (transfer->body.len == 0 || transfer->http_status != 200) return;
  if ((size_t)uploaded(transfer) < transfer->body.len) return;
  curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, "");
  if (transfer->secret) wipe(&transfer->body);
  cb_buf_release(&transfer->body);
}

static void note_byte(struct vtx_transfer *transfer) {
  transfer->last_byte = transfer->engine->now;
  if (transfer->first_byte == 0) transfer->first_byte = cb_now(NULL);
}

/* From inside curl. A system that has no such option goes without. */
static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose) {
  const unsigned timeout = UNCONFIRMED_MS;

  (void)arg;
  (void)purpose;
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
  return CURL_SOCKOPT_OK;
}

/* From inside curl: see engine_internal.h. */
static int on_connection(void *arg, char *peer_ip, char *own_ip, int peer_port,
                         int own_port) {
  struct vtx_transfer *transfer = arg;

  (void)peer_ip;
  (void)own_ip;
  (void)peer_port;
  (void)own_port;
  transfer->sent = transfer->engine->now;
  vtx_origin_connected(transfer);
  return CURL_PREREQFUNC_OK;
}

/* From inside curl. */
static size_t on_header(char *data, size_t size, size_t count, void *arg) {
  struct vtx_transfer *transfer = arg;
  long version = 0;

  (void)data;
  if (transfer->first_byte == 0) {
    curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_VERSION, &version);
    vtx_origin_answered(transfer, version);
  }
  note_byte(transfer);
  return size * count;
}

/* From inside curl. Anything but size * count or PAUSE ends the transfer. */
static size_t on_body(char *data, size_t size, size_t count, void *arg) {
  struct vtx_transfer *transfer = arg;
  size_t total = size * count;

  if (transfer->paused ||
      (!collects(transfer) && waiting_bytes(transfer) >= MOST_WAITING)) {
    transfer->held = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  note_byte(transfer);
  if (transfer->received == 0) {
    transfer->http_status = response_code(transfer);
    drop_sent_body(transfer);
  }
  if (total > transfer->max_response_bytes - transfer->received) {
    transfer->cause = VTX_CAUSE_TOO_LARGE;
    vtx_reset_if_last(transfer->easy);
    return 0;
  }
  if (!cb_buf_add(&transfer->inbox, data, total)) {
    transfer->cause = VTX_CAUSE_NO_MEMORY;
    vtx_reset_if_last(transfer->easy);
    return 0;
  }
  transfer->received += total;
  atomic_fetch_add_explicit(&transfer->engine->bytes_received, total,
                            memory_order_relaxed);
  if (!collects(transfer)) mark_ready(transfer);
  return total;
}

/* The options that are the same for every transfer. TLS is verified by
 * default; so are redirects, cookies and netrc off. */
static CURL *make_easy(const struct vtx_engine *engine) {
  CURL *easy = curl_easy_init();

  if (!easy) return NULL;
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_POST, 1L);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "vertexd/" VTX_VERSION);
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
  curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
  curl_easy_setopt(easy, CURLOPT_NOPROXY, engine->no_proxy);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  /* What a proxy says to CONNECT is no word of the upstream's. */
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connection);
  /* The least there is; libcurl takes 64 KiB for each transfer otherwise. */
  curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER);
  /* Else removing a transfer that resolves a name would wait for it. */
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
  if (engine->ca_file) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, engine->ca_file);
  }
  return easy;
}

/* What sets a token request apart. libcurl keeps a DELETE or PUT with the body
 * of a POST; only a GET has none. */
static void set_special(struct vtx_transfer *transfer,
                        const struct vtx_transfer_spec *spec) {
  transfer->secret = spec->secret;
  /* Growing would leave copies behind. */
  if (spec->secret) cb_buf_reserve(&transfer->inbox, spec->max_response_bytes);
  transfer->special = spec->method || spec->direct;
  if (spec->method && strcmp(spec->method, "GET") == 0) {
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPGET, 1L);
  } else if (spec->method) {
    curl_easy_setopt(transfer->easy, CURLOPT_CUSTOMREQUEST, spec->method);
  }
  if (spec->direct) curl_easy_setopt(transfer->easy, CURLOPT_PROXY, "");
}

/* Handles are used again, so it is also taken away. libcurl reads the files for
 * each connection it makes, and shares none between the two kinds. */
static void set_certificate(struct vtx_transfer *transfer, bool certified) {
  const struct vtx_engine *engine = transfer->engine;

  if (!engine->client_certificate) return;
  curl_easy_setopt(transfer->easy, CURLOPT_SSLCERT,
                   certified ? engine->client_certificate : NULL);
  curl_easy_setopt(transfer->easy, CURLOPT_SSLKEY,
                   certified ? engine->client_key : NULL);
}

/* Without TLS it is never HTTP/2: libcurl 7.88 cannot, on a connection that is
 * used again. */
static bool set_options(struct vtx_transfer *transfer,
                        const struct vtx_transfer_spec *spec) {
  CURL *easy = transfer->easy;
  bool tls = strncasecmp(spec->url, "https:", 6) == 0;
  const char *body = transfer->body.len > 0 ? transfer->body.data : "";

  curl_easy_setopt(
      easy, CURLOPT_HTTP_VERSION,
      tls ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                   (curl_off_t)transfer->body.len);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
  set_certificate(transfer, spec->certified);
  set_special(transfer, spec);
  return curl_easy_setopt(easy, CURLOPT_URL, spec->url) == CURLE_OK;
}

static bool add_header(struct curl_slist **list, const char *key,
                       const char *value) {
  size_t key_size = strlen(key);
  size_t value_size = strlen(value);
  char *line = malloc(key_size + value_size + 3);
  struct curl_slist *more = NULL;

  if (!line) return false;
  memcpy(line, key, key_size);
  if (value_size > 0) {
    memcpy(line + key_size, ": ", 2);
    memcpy(line + key_size + 2, value, value_size + 1);
  } else {
    memcpy(line + key_size, ";", 2); /* curl's way to say: an empty one */
  }
  more = curl_slist_append(*list, line);
  explicit_bzero(line, strlen(line)); /* it may be the credential */
  free(line);
  if (more) *list = more;
  return more != NULL;
}

static bool set_headers(struct vtx_transfer *transfer,
                        const struct vtx_transfer_spec *spec) {
  struct curl_slist **list = &transfer->headers;

  const char *type =
      spec->content_type ? spec->content_type : "application/json";
  bool bodiless = spec->method && strcmp(spec->method, "GET") == 0;

  *list = curl_slist_append(NULL, "Expect:"); /* no 100-continue */
  if (!*list) return false;
  if (!bodiless && !add_header(list, "Content-Type", type)) return false;
  for (size_t i = 0; i < spec->header_count; i++) {
    if (!add_header(list, spec->headers[i].key, spec->headers[i].value)) {
      return false;
    }
  }
  return true;
}

static void free_headers(struct curl_slist *list) {
  for (struct curl_slist *line = list; line; line = line->next) {
    explicit_bzero(line->data, strlen(line->data));
  }
  curl_slist_free_all(list);
}

/* Takes back from the handle all that points into the transfer. */
static void give_easy(struct vtx_transfer *transfer) {
  CURL *easy = transfer->easy;

  if (!easy) return;
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, NULL);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
  curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 0L);
  transfer->easy = NULL;
  if (transfer->special) {
    curl_easy_cleanup(easy);
    return;
  }
  vtx_easy_pool_give(&transfer->engine->pool, easy);
}

static void leave_multi(struct vtx_transfer *transfer) {
  vtx_origin_leave(transfer);
  if (transfer->state != VTX_TRANSFER_RUNNING) return;
  atomic_fetch_add_explicit(&transfer->engine->bytes_sent,
                            (uint64_t)uploaded(transfer), memory_order_relaxed);
  if (!transfer->over || transfer->code != CURLE_OK) {
    vtx_reset_note(&transfer->engine->resets, transfer->easy);
  }
  curl_multi_remove_handle(transfer->engine->multi, transfer->easy);
  transfer->state = VTX_TRANSFER_ENDED;
}

static void destroy(struct vtx_transfer *transfer) {
  struct vtx_engine *engine = transfer->engine;

  leave_multi(transfer);
  cb_timers_cancel(&engine->timers, &transfer->timer);
  if (!cb_list_empty(&transfer->all)) {
    atomic_fetch_sub_explicit(&engine->transfer_count, 1, memory_order_relaxed);
  }
  cb_list_remove(&transfer->all);
  cb_list_remove(&transfer->ready);
  give_easy(transfer);
  free_headers(transfer->headers);
  if (transfer->secret) {
    wipe(&transfer->body);
    wipe(&transfer->inbox);
  }
  cb_buf_release(&transfer->body);
  cb_buf_release(&transfer->inbox);
  free(transfer);
}

void vtx_transfer_ended(struct vtx_transfer *transfer, CURLcode code) {
  assert(transfer->state == VTX_TRANSFER_RUNNING);
  transfer->code = code;
  transfer->over = true;
  transfer->http_status = response_code(transfer);
  leave_multi(transfer);
  mark_ready(transfer);
}

void vtx_transfer_abort(struct vtx_transfer *transfer,
                        enum vtx_transfer_cause cause) {
  transfer->cause = cause;
  leave_multi(transfer);
  transfer->state = VTX_TRANSFER_ENDED;
  transfer->http_status = response_code(transfer);
  if (transfer->secret) wipe(&transfer->inbox);
  cb_buf_release(&transfer->inbox);
  transfer->taken = 0;
  mark_ready(transfer);
}

/* Deadline or silence. Bytes that go up are no silence. */
static void on_timer(struct cb_timer *timer) {
  struct vtx_transfer *transfer =
      CB_CONTAINER(timer, struct vtx_transfer, timer);
  int64_t now = transfer->engine->now;

  if (now >= transfer->deadline) {
    vtx_transfer_abort(transfer, VTX_CAUSE_DEADLINE);
    return;
  }
  if (transfer->paused || uploaded(transfer) > transfer->uploaded) {
    transfer->uploaded = uploaded(transfer);
    transfer->last_byte = now;
  }
  if (now >= next_check(transfer)) {
    vtx_transfer_abort(transfer, VTX_CAUSE_IDLE);
    return;
  }
  cb_timers_set(&transfer->engine->timers, timer, next_check(transfer));
}

static struct vtx_transfer *make(struct vtx_engine *engine,
                                 const struct vtx_transfer_spec *spec,
                                 const struct vtx_transfer_events *events,
                                 void *ctx) {
  struct vtx_transfer *transfer = calloc(1, sizeof *transfer);

  if (!transfer) return NULL;
  transfer->engine = engine;
  transfer->events = *events;
  transfer->ctx = ctx;
  transfer->deadline = spec->deadline;
  transfer->idle_timeout = spec->idle_timeout;
  transfer->max_response_bytes = spec->max_response_bytes;
  transfer->started = engine->now;
  transfer->last_byte = engine->now;
  transfer->timer.fire = on_timer;
  cb_list_init(&transfer->all);
  cb_list_init(&transfer->ready);
  cb_list_init(&transfer->queue);
  cb_buf_init(&transfer->body, 0, NULL);
  cb_buf_init(&transfer->inbox, spec->max_response_bytes, engine->budget);
  transfer->easy = vtx_easy_pool_take(&engine->pool);
  if (!transfer->easy) transfer->easy = make_easy(engine);
  return transfer;
}

static bool set_timer(struct vtx_transfer *transfer) {
  int64_t when = next_check(transfer);

  if (when == CB_NEVER) return true;
  return cb_timers_set(&transfer->engine->timers, &transfer->timer, when);
}

struct vtx_transfer *vtx_transfer_start(
    struct vtx_engine *engine, const struct vtx_transfer_spec *spec,
    const struct vtx_transfer_events *events, void *ctx) {
  struct vtx_transfer *transfer = NULL;

  if (atomic_load_explicit(&engine->stopping, memory_order_relaxed)) {
    return NULL;
  }
  transfer = make(engine, spec, events, ctx);
  if (!transfer) return NULL;
  if (!transfer->easy || !set_headers(transfer, spec) || !set_timer(transfer)) {
    destroy(transfer);
    return NULL;
  }
  cb_buf_move(&transfer->body, spec->body);
  if (!set_options(transfer, spec) || !vtx_origin_enter(transfer, spec->url)) {
    cb_buf_move(spec->body, &transfer->body);
    destroy(transfer);
    return NULL;
  }
  cb_list_append(&engine->transfers, &transfer->all);
  atomic_fetch_add_explicit(&engine->transfer_count, 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&engine->transfers_total, 1, memory_order_relaxed);
  return transfer;
}

void vtx_transfer_run(struct vtx_transfer *transfer) {
  assert(transfer->state == VTX_TRANSFER_WAITING);
  transfer->state = VTX_TRANSFER_RUNNING;
  curl_easy_setopt(transfer->easy, CURLOPT_PIPEWAIT,
                   vtx_origin_shares(transfer->origin) ? 1L : 0L);
  if (curl_multi_add_handle(transfer->engine->multi, transfer->easy) !=
      CURLM_OK) {
    vtx_transfer_ended(transfer, CURLE_OUT_OF_MEMORY);
  }
}

void vtx_transfer_cancel(struct vtx_transfer *transfer) {
  if (!transfer->delivering) {
    destroy(transfer);
    return;
  }
  transfer->cancelled = true; /* deliver() is on the stack and will see to it */
}

int64_t vtx_transfer_silence(const struct vtx_transfer *transfer) {
  if (transfer->sent == 0 || transfer->first_byte > 0) return 0;
  return transfer->engine->now - transfer->sent;
}

void vtx_transfer_pause(struct vtx_transfer *transfer) {
  transfer->paused = true;
}

void vtx_transfer_resume(struct vtx_transfer *transfer) {
  if (!transfer->paused) return;
  transfer->paused = false;
  transfer->last_byte = transfer->engine->now;
  mark_ready(transfer);
}

static void hand_out_bytes(struct vtx_transfer *transfer) {
  while (waiting_bytes(transfer) > 0 && !transfer->paused &&
         !transfer->cancelled) {
    size_t size = waiting_bytes(transfer);
    const char *data = transfer->inbox.data + transfer->taken;

    if (size > SLICE) size = SLICE;
    transfer->taken += size;
    if (!transfer->events.data(transfer->ctx, transfer->http_status, data,
                               size)) {
      vtx_transfer_abort(transfer, VTX_CAUSE_CANCELLED);
      return;
    }
  }
  if (waiting_bytes(transfer) > 0) return;
  transfer->taken = 0;
  if (transfer->inbox.room > 4 * SLICE) {
    cb_buf_release(&transfer->inbox);
  } else {
    cb_buf_clear(&transfer->inbox);
  }
}

/* Lets curl hand over what it held back; on_body() runs inside. */
static void let_go(struct vtx_transfer *transfer) {
  CURLcode code;

  transfer->held = false;
  code = curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
  if (code != CURLE_OK) vtx_transfer_ended(transfer, code);
}

static int64_t retry_after(const struct vtx_transfer *transfer) {
  curl_off_t seconds = 0;

  curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &seconds);
  if (seconds <= 0) return -1;
  return seconds < CB_NEVER / CB_SECOND ? seconds * CB_SECOND : CB_NEVER;
}

static void finish(struct vtx_transfer *transfer) {
  char text[512];
  char *type = NULL;
  struct vtx_transfer_result result = {
      .status = vtx_transfer_status(transfer, text, sizeof text),
      .http_status = transfer->http_status,
      .retry_after = retry_after(transfer),
      .started = transfer->started,
      .first_byte = transfer->first_byte,
      .answer = collects(transfer) ? &transfer->inbox : NULL,
      .body = &transfer->body,
  };

  curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_TYPE, &type);
  result.content_type = type ? type : "";
  transfer->events.done(transfer->ctx, &result);
  destroy(transfer);
}

void vtx_transfer_deliver(struct vtx_transfer *transfer) {
  bool over;

  cb_list_remove(&transfer->ready);
  transfer->delivering = true;
  if (!collects(transfer)) hand_out_bytes(transfer);
  transfer->delivering = false;
  if (transfer->cancelled) {
    destroy(transfer);
    return;
  }
  over = transfer->state == VTX_TRANSFER_ENDED;
  if (over && (transfer->cause != VTX_CAUSE_NONE || !transfer->paused)) {
    finish(transfer);
  } else if (!over && transfer->held && !transfer->paused) {
    let_go(transfer);
  }
}
