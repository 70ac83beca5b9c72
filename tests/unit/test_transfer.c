#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "base/budget.h"
#include "base/clock.h"
#include "cmocka_all.h"
#include "engine_help.h"
#include "http_script.h"
#include "service/vertex/transfer.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
#define HELLO OK_HEAD "Content-Length: 5\r\n\r\nhello"

/* One transfer as a test sees it. Fields but the tally are the engine's until
 * done is told. */
struct probe {
  struct vtx_engine *engine;
  struct vtx_transfer *transfer;
  const char *base;
  const char *path;
  int64_t deadline;
  int64_t idle_timeout;
  size_t max;
  struct cb_budget *budget;
  const char *send;
  bool stream;
  const struct cb_pair *headers;
  size_t header_count;

  struct tally done;
  struct tally pieces;
  struct cb_buf got;
  enum cb_code code;
  char reason[48];
  char message[600];
  char type[64];
  bool retryable;
  int http_status;
  int64_t retry_after;
  bool first_byte;
  size_t body_left;
  size_t largest;
  bool (*on_data)(struct probe *probe);
};

static bool on_data(void *ctx, int http_status, const char *data, size_t size) {
  struct probe *probe = ctx;
  bool more = true;

  assert_int_not_equal(http_status, 0);
  if (size > probe->largest) probe->largest = size;
  cb_buf_add(&probe->got, data, size);
  if (probe->on_data) more = probe->on_data(probe);
  tally_add(&probe->pieces);
  return more;
}

static void on_done(void *ctx, const struct vtx_transfer_result *result) {
  struct probe *probe = ctx;

  probe->transfer = NULL;
  probe->code = result->status.code;
  probe->retryable = result->status.retryable;
  snprintf(probe->reason, sizeof probe->reason, "%s", result->status.reason);
  snprintf(probe->message, sizeof probe->message, "%s", result->status.message);
  snprintf(probe->type, sizeof probe->type, "%s", result->content_type);
  probe->http_status = result->http_status;
  probe->retry_after = result->retry_after;
  probe->first_byte = result->first_byte >= result->started;
  probe->body_left = result->body->len;
  if (!probe->stream) {
    cb_buf_add(&probe->got, result->answer->data ? result->answer->data : "",
               result->answer->len);
  }
  tally_add(&probe->done);
}

static void start(void *arg) {
  struct probe *probe = arg;
  const char *text = probe->send ? probe->send : "{}";
  struct vtx_transfer_events events = {.done = on_done};
  struct cb_buf body;
  char url[256];
  const struct vtx_transfer_spec spec = {
      .url = url,
      .headers = probe->headers,
      .header_count = probe->header_count,
      .body = &body,
      .deadline = probe->deadline ? probe->deadline : CB_NEVER,
      .idle_timeout = probe->idle_timeout,
      .max_response_bytes = probe->max ? probe->max : 1 << 20,
  };

  snprintf(url, sizeof url, "%s%s", probe->base, probe->path);
  cb_buf_init(&body, 1 << 24, probe->budget);
  assert_true(cb_buf_add_text(&body, text));
  if (probe->stream) events.data = on_data;
  probe->transfer = vtx_transfer_start(probe->engine, &spec, &events, probe);
  assert_non_null(probe->transfer);
  assert_int_equal(body.len, 0);
  assert_int_equal(tally_count(&probe->done), 0);
}

static void probe_init(struct probe *probe) {
  tally_init(&probe->done);
  tally_init(&probe->pieces);
  cb_buf_init(&probe->got, SIZE_MAX / 2, NULL);
}

static void probe_start(struct probe *probe) {
  probe_init(probe);
  engine_do(probe->engine, start, probe);
}

static void probe_release(struct probe *probe) {
  cb_buf_release(&probe->got);
  tally_release(&probe->done);
  tally_release(&probe->pieces);
}

/* Runs the transfer to its end. */
static void probe_run(struct probe *probe) {
  probe_start(probe);
  assert_true(tally_wait(&probe->done, 1));
}

struct place {
  struct vtx_engine *engine;
  struct http_script *script;
};

static struct place place_start(const struct http_reply *replies,
                                size_t count) {
  return (struct place){engine_start(NULL), http_script_start(replies, count)};
}

static void place_end(struct place *place) {
  struct vtx_engine_counters counters;

  vtx_engine_stop(place->engine);
  vtx_engine_counters(place->engine, &counters);
  assert_int_equal(counters.transfers, 0);
  vtx_engine_free(place->engine);
  http_script_stop(place->script);
}

static struct probe probe_at(const struct place *place, const char *path) {
  return (struct probe){.engine = place->engine,
                        .base = http_script_url(place->script),
                        .path = path};
}

static void start__plain_answer__collected(void **state) {
  static const struct http_reply replies[] = {{"/", 0, {SEND(HELLO)}}};
  static const struct cb_pair headers[] = {{"X-One", "1"}, {"X-None", ""}};
  struct place place = place_start(replies, 1);
  struct probe probe = probe_at(&place, "/x");
  char *request;

  (void)state;
  probe.send = "{\"a\":1}";
  probe.headers = headers;
  probe.header_count = 2;
  probe_run(&probe);
  assert_int_equal(probe.code, CB_OK);
  assert_int_equal(probe.http_status, 200);
  assert_string_equal(probe.got.data, "hello");
  assert_string_equal(probe.type, "text/plain");
  assert_true(probe.first_byte);
  assert_int_equal(probe.retry_after, -1);
  assert_int_equal(probe.body_left, 0); /* freed once sent */
  request = http_script_last(place.script);
  assert_ptr_equal(strstr(request, "POST /x HTTP/1.1\r\n"), request);
  assert_non_null(strstr(request, "\r\nContent-Type: application/json\r\n"));
  assert_non_null(strstr(request, "\r\nAccept-Encoding: gzip, deflate\r\n"));
  assert_non_null(strstr(request, "\r\nUser-Agent: vertexd/"));
  assert_non_null(strstr(request, "\r\nX-One: 1\r\n"));
  assert_non_null(strstr(request, "\r\nX-None:\r\n"));
  assert_null(strcasestr(request, "expect"));
  assert_null(strcasestr(request, "upgrade"));
  assert_non_null(strstr(request, "\r\n\r\n{\"a\":1}"));
  free(request);
  probe_release(&probe);
  place_end(&place);
}

static void start__one_after_another__connection_kept(void **state) {
  static const struct http_reply replies[] = {{"/", 0, {SEND(HELLO)}}};
  struct place place = place_start(replies, 1);

  (void)state;
  for (int i = 0; i < 10; i++) {
    struct probe probe = probe_at(&place, "/x");

    probe_run(&probe);
    assert_int_equal(probe.code, CB_OK);
    probe_release(&probe);
  }
  assert_int_equal(http_script_counts(place.script).accepted, 1);
  assert_int_equal(http_script_counts(place.script).requests, 10);
  place_end(&place);
}

/* A table of answers and what must come of each. */
static void start__broken_answers__typed_failure(void **state) {
  static const struct http_reply replies[] = {
      {"/cut", 0, {SEND(OK_HEAD "Content-Length: 9\r\n\r\nhello"), CLOSE}},
      {"/reset", 0, {SEND(OK_HEAD "Content-Length: 9\r\n\r\nhe"), RESET}},
      {"/chunk",
       0,
       {SEND(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
        CLOSE}},
      {"/badchunk",
       0,
       {SEND(OK_HEAD "Transfer-Encoding: chunked\r\n\r\nxyz\r\n"), CLOSE}},
      {"/nothing", 0, {CLOSE}},
      {"/garbage", 0, {SEND("\1\2\3 what is this?\r\n\r\n"), CLOSE}},
      {"/nogzip",
       0,
       {SEND(OK_HEAD "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\n"
                     "hello")}},
      {"/header",
       0,
       {SEND(OK_HEAD "X-Long: "), SEND_TIMES("0123456789abcdef", 20000),
        SEND("\r\n\r\n")}},
  };
  static const char *const paths[] = {"/cut",      "/reset",   "/chunk",
                                      "/badchunk", "/nothing", "/garbage",
                                      "/nogzip",   "/header"};
  struct place place = place_start(replies, 8);

  (void)state;
  for (size_t i = 0; i < 8; i++) {
    struct probe probe = probe_at(&place, paths[i]);

    probe_run(&probe);
    assert_int_equal(probe.code, CB_UNAVAILABLE);
    assert_string_equal(probe.reason, "UPSTREAM_BROKEN");
    assert_true(probe.retryable);
    assert_non_null(strstr(probe.message, "127.0.0.1:"));
    probe_release(&probe);
  }
  place_end(&place);
}

static void start__whole_answers__any_shape_taken(void **state) {
  static const struct http_reply replies[] = {
      {"/chunk",
       0,
       {SEND(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n"),
        SEND("3\r\nllo\r\n0\r\n\r\n")}},
      {"/drip", 0, {DRIP(HELLO)}},
      {"/eof", 0, {SEND("HTTP/1.0 200 OK\r\n\r\nhello"), CLOSE}},
      {"/late",
       0,
       {WAIT(50), SEND(OK_HEAD), WAIT(50), SEND("Content-Length: 5\r\n\r\nhel"),
        WAIT(50), SEND("lo")}},
      {"/early", 0, {SEND("HTTP/1.1 100 Continue\r\n\r\n"), SEND(HELLO)}},
  };
  static const char *const paths[] = {"/chunk", "/drip", "/eof", "/late",
                                      "/early"};
  struct place place = place_start(replies, 5);

  (void)state;
  for (size_t i = 0; i < 10; i++) {
    struct probe probe = probe_at(&place, paths[i % 5]);

    probe.stream = i >= 5;
    probe_run(&probe);
    assert_int_equal(probe.code, CB_OK);
    assert_int_equal(probe.http_status, 200);
    assert_string_equal(probe.got.data, "hello");
    probe_release(&probe);
  }
  place_end(&place);
}

static void start__error_answer__status_body_and_request_kept(void **state) {
  static const struct http_reply replies[] = {
      {"/429",
       0,
       {SEND("HTTP/1.1 429 Slow down\r\nRetry-After: 7\r\n"
             "Content-Length: 3\r\n\r\nno!")}},
      {"/301",
       0,
       {SEND("HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\n"
             "Content-Length: 0\r\n\r\n")}},
      {"/204", 0, {SEND("HTTP/1.1 204 None\r\n\r\n")}},
  };
  struct place place = place_start(replies, 3);
  struct probe probe = probe_at(&place, "/429");

  (void)state;
  probe_run(&probe);
  assert_int_equal(probe.code, CB_OK);
  assert_int_equal(probe.http_status, 429);
  assert_true(probe.retry_after == 7 * CB_SECOND);
  assert_string_equal(probe.got.data, "no!");
  assert_int_equal(probe.body_left, 2);
  probe_release(&probe);

  probe = probe_at(&place, "/301"); /* not followed */
  probe_run(&probe);
  assert_int_equal(probe.code, CB_OK);
  assert_int_equal(probe.http_status, 301);
  probe_release(&probe);

  probe = probe_at(&place, "/204");
  probe.stream = true;
  probe_run(&probe);
  assert_int_equal(probe.http_status, 204);
  assert_int_equal(probe.got.len, 0);
  probe_release(&probe);
  place_end(&place);
}

static void start__nobody_there__unreachable_naming_host(void **state) {
  static const char *const bases[] = {"http://127.0.0.1:1",
                                      "http://no-such-host.invalid:80",
                                      "https://127.0.0.1:1"};
  static const char *const hosts[] = {"127.0.0.1:1", "no-such-host.invalid",
                                      "127.0.0.1:1"};
  struct vtx_engine *engine = engine_start(NULL);

  (void)state;
  for (size_t i = 0; i < 3; i++) {
    struct probe probe = {.engine = engine, .base = bases[i], .path = "/x"};

    probe_run(&probe);
    assert_int_equal(probe.code, CB_UNAVAILABLE);
    assert_string_equal(probe.reason, "UPSTREAM_UNREACHABLE");
    assert_true(probe.retryable);
    assert_int_equal(probe.http_status, 0);
    assert_false(probe.first_byte);
    assert_non_null(strstr(probe.message, hosts[i]));
    probe_release(&probe);
  }
  engine_end(engine);
}

static void start__other_scheme__refused(void **state) {
  struct vtx_engine *engine = engine_start(NULL);
  struct probe probe = {
      .engine = engine, .base = "file://", .path = "/etc/hostname"};

  (void)state;
  probe_run(&probe);
  assert_int_equal(probe.code, CB_UNAVAILABLE);
  assert_false(probe.retryable);
  assert_int_equal(probe.got.len, 0);
  probe_release(&probe);
  engine_end(engine);
}

static bool nothing_busy(void *arg) {
  return http_script_counts(arg).busy == 0;
}

static bool nothing_open(void *arg) {
  return http_script_counts(arg).open == 0;
}

static void deadline__peer_hangs__timeout_and_aborted_on_wire(void **state) {
  static const struct http_reply replies[] = {
      {"/silent", 0, {HANG}},
      {"/half", 0, {SEND(OK_HEAD "Content-Length: 9\r\n\r\nhel"), HANG}}};
  struct place place = place_start(replies, 2);

  (void)state;
  for (int i = 0; i < 2; i++) {
    struct probe probe = probe_at(&place, i == 0 ? "/silent" : "/half");
    int64_t begin = cb_now(NULL);

    probe.deadline = cb_time_add(begin, 100 * CB_MILLISECOND);
    probe_run(&probe);
    assert_true(since(begin) >= 100 * CB_MILLISECOND);
    assert_true(since(begin) < 2 * CB_SECOND);
    assert_int_equal(probe.code, CB_DEADLINE_EXCEEDED);
    assert_string_equal(probe.reason, "UPSTREAM_TIMEOUT");
    assert_false(probe.retryable);
    assert_true(eventually(nothing_busy, place.script));
    assert_int_equal(http_script_counts(place.script).abandoned, i + 1);
    probe_release(&probe);
  }
  place_end(&place);
}

static void deadline__already_past__nothing_sent(void **state) {
  static const struct http_reply replies[] = {{"/", 0, {SEND(HELLO)}}};
  struct place place = place_start(replies, 1);
  struct probe probe = probe_at(&place, "/x");

  (void)state;
  probe.deadline = 1;
  probe_run(&probe);
  assert_int_equal(probe.code, CB_DEADLINE_EXCEEDED);
  assert_int_equal(http_script_counts(place.script).accepted, 0);
  probe_release(&probe);
  place_end(&place);
}

static void idle_timeout__silence__ends_but_slow_bytes_do_not(void **state) {
  static const struct http_reply replies[] = {
      {"/slow",
       0,
       {SEND(OK_HEAD "Content-Length: 5\r\n\r\n"), WAIT(150), SEND("he"),
        WAIT(150), SEND("l"), WAIT(150), SEND("lo")}},
      {"/half", 0, {SEND(OK_HEAD "Content-Length: 9\r\n\r\nhel"), HANG}}};
  struct place place = place_start(replies, 2);
  struct probe probe = probe_at(&place, "/slow");

  (void)state;
  probe.idle_timeout = 400 * CB_MILLISECOND;
  probe.stream = true;
  probe_run(&probe);
  assert_int_equal(probe.code, CB_OK);
  assert_string_equal(probe.got.data, "hello");
  probe_release(&probe);

  probe = probe_at(&place, "/half");
  probe.idle_timeout = 100 * CB_MILLISECOND;
  probe.stream = true;
  probe_run(&probe);
  assert_int_equal(probe.code, CB_DEADLINE_EXCEEDED);
  assert_string_equal(probe.reason, "UPSTREAM_TIMEOUT");
  assert_string_equal(probe.got.data, "hel");
  probe_release(&probe);
  place_end(&place);
}

/* A gzip answer of size zero bytes; *ret_size is its own. */
static char *gzip_answer(size_t size, size_t *ret_size) {
  size_t room = size / 500 + 1000;
  char *answer = calloc(1, room + 200);
  char *zeros = calloc(1, size);
  z_stream stream = {.next_in = (unsigned char *)zeros,
                     .avail_in = (unsigned)size};
  int head;

  assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 31, 8, 0), Z_OK);
  stream.next_out = (unsigned char *)answer + 200;
  stream.avail_out = (unsigned)room;
  assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
  deflateEnd(&stream);
  free(zeros);
  head = snprintf(answer, 200,
                  OK_HEAD
                  "Content-Encoding: gzip\r\n"
                  "Content-Length: %lu\r\n\r\n",
                  stream.total_out);
  memmove(answer + head, answer + 200, stream.total_out);
  *ret_size = (size_t)head + stream.total_out;
  return answer;
}

static void max_response__gzip__counted_unpacked_at_limit_and_past(
    void **state) {
  const size_t limit = 1 << 20;
  size_t sizes[3];
  char *answers[3] = {gzip_answer(limit, &sizes[0]),
                      gzip_answer(limit + 1, &sizes[1]),
                      gzip_answer(limit * 100, &sizes[2])};
  struct http_reply replies[3] = {{"/fits", 0, {SEND(answers[0])}},
                                  {"/past", 0, {SEND(answers[1])}},
                                  {"/bomb", 0, {SEND(answers[2])}}};
  struct place place;

  (void)state;
  for (int i = 0; i < 3; i++)
    replies[i].steps[0].size = sizes[i];
  place = place_start(replies, 3);
  for (int i = 0; i < 6; i++) {
    struct probe probe = probe_at(&place, replies[i % 3].path);

    probe.max = limit;
    probe.stream = i >= 3;
    probe_run(&probe);
    if (i % 3 == 0) {
      assert_int_equal(probe.code, CB_OK);
      assert_int_equal(probe.got.len, limit);
    } else {
      assert_int_equal(probe.code, CB_RESOURCE_EXHAUSTED);
      assert_string_equal(probe.reason, "RESPONSE_TOO_LARGE");
      assert_false(probe.retryable);
      assert_true(probe.got.len <= limit);
    }
    assert_true(probe.largest <= 16384);
    probe_release(&probe);
  }
  place_end(&place);
  for (int i = 0; i < 3; i++)
    free(answers[i]);
}

static void budget__used_up__server_memory_and_all_given_back(void **state) {
  static const struct http_reply replies[] = {
      {"/",
       0,
       {SEND(OK_HEAD "Content-Length: 1600000\r\n\r\n"),
        SEND_TIMES("0123456789abcdef", 100000)}}};
  struct http_script *script = http_script_start(replies, 1);
  struct cb_budget budget;
  struct probe probe;

  (void)state;
  cb_budget_init(&budget, 500000);
  probe = (struct probe){.engine = engine_start(&budget),
                         .base = http_script_url(script),
                         .path = "/x",
                         .max = 1 << 24,
                         .budget = &budget};
  probe_run(&probe);
  assert_int_equal(probe.code, CB_RESOURCE_EXHAUSTED);
  assert_string_equal(probe.reason, "SERVER_MEMORY");
  engine_end(probe.engine);
  assert_int_equal(cb_budget_used(&budget), 0);
  probe_release(&probe);
  http_script_stop(script);
}

static void start__large_request__arrives_whole(void **state) {
  static const struct http_reply replies[] = {{"/", 0, {SEND(HELLO)}}};
  const size_t size = 8 << 20;
  struct place place = place_start(replies, 1);
  struct probe probe = probe_at(&place, "/x");
  struct vtx_engine_counters counters;
  char *text = malloc(size + 1);
  char *request;

  (void)state;
  for (size_t i = 0; i < size; i++)
    text[i] = (char)('a' + i % 26);
  text[size] = '\0';
  probe.send = text;
  probe_run(&probe);
  assert_int_equal(probe.code, CB_OK);
  request = http_script_last(place.script);
  assert_string_equal(strstr(request, "\r\n\r\n") + 4, text);
  vtx_engine_counters(place.engine, &counters);
  assert_int_equal(counters.bytes_sent, size);
  assert_int_equal(counters.bytes_received, 5);
  assert_int_equal(counters.transfers_total, 1);
  free(request);
  free(text);
  probe_release(&probe);
  place_end(&place);
}

static void cancel(void *arg) {
  struct probe *probe = arg;

  vtx_transfer_cancel(probe->transfer);
  probe->transfer = NULL;
}

static void start_and_cancel(void *arg) {
  start(arg);
  cancel(arg);
}

static void cancel__every_stage__no_event_and_aborted_on_wire(void **state) {
  static const struct http_reply replies[] = {
      {"/silent", 0, {HANG}},
      {"/half", 0, {SEND(OK_HEAD "Content-Length: 9\r\n\r\nhel"), HANG}}};
  struct place place = place_start(replies, 2);
  struct probe probe = probe_at(&place, "/silent");

  (void)state;
  tally_init(&probe.done);
  tally_init(&probe.pieces);
  engine_do(place.engine, start_and_cancel, &probe);
  assert_int_equal(http_script_counts(place.script).requests, 0);

  probe_start(&probe);
  while (http_script_counts(place.script).busy < 1)
    sched_yield();
  engine_do(place.engine, cancel, &probe);
  assert_true(eventually(nothing_open, place.script));

  probe.path = "/half";
  probe.stream = true;
  probe_start(&probe);
  assert_true(tally_wait(&probe.pieces, 1));
  engine_do(place.engine, cancel, &probe);
  assert_true(eventually(nothing_open, place.script));
  assert_int_equal(tally_count(&probe.done), 0);
  place_end(&place);
  probe_release(&probe);
}

static bool cancel_self(struct probe *probe) {
  cancel(probe);
  return true;
}

static bool say_no(struct probe *probe) {
  (void)probe;
  return false;
}

static void data__cancels_itself__no_done(void **state) {
  static const struct http_reply replies[] = {{"/", 0, {SEND(HELLO), HANG}}};
  struct place place = place_start(replies, 1);
  struct probe probe = probe_at(&place, "/x");

  (void)state;
  probe.stream = true;
  probe.on_data = cancel_self;
  probe_start(&probe);
  assert_true(tally_wait(&probe.pieces, 1));
  vtx_engine_stop(place.engine);
  assert_int_equal(tally_count(&probe.done), 0);
  probe_release(&probe);
  place_end(&place);
}

static void data__returns_false__done_says_cancelled(void **state) {
  static const struct http_reply replies[] = {
      {"/", 0, {SEND(OK_HEAD "Content-Length: 9\r\n\r\nhel"), HANG}}};
  struct place place = place_start(replies, 1);
  struct probe probe = probe_at(&place, "/x");

  (void)state;
  probe.stream = true;
  probe.on_data = say_no;
  probe_run(&probe);
  assert_int_equal(probe.code, CB_CANCELLED);
  assert_int_equal(probe.http_status, 200);
  assert_int_equal(tally_count(&probe.pieces), 1);
  assert_true(eventually(nothing_open, place.script));
  probe_release(&probe);
  place_end(&place);
}

static struct probe *victim_of(struct probe *probe) { return probe + 1; }

static bool cancel_other(struct probe *probe) {
  if (victim_of(probe)->transfer) cancel(victim_of(probe));
  return true;
}

static void data__cancels_another__that_one_is_silent(void **state) {
  static const struct http_reply replies[] = {
      {"/a", 0, {WAIT(30), SEND(HELLO)}},
      {"/b", 0, {SEND(OK_HEAD "Content-Length: 9\r\n\r\nhel"), HANG}}};
  struct place place = place_start(replies, 2);
  struct probe pair[2] = {probe_at(&place, "/a"), probe_at(&place, "/b")};

  (void)state;
  pair[0].stream = pair[1].stream = true;
  pair[0].on_data = cancel_other;
  probe_start(&pair[1]);
  assert_true(tally_wait(&pair[1].pieces, 1));
  probe_run(&pair[0]);
  assert_int_equal(pair[0].code, CB_OK);
  vtx_engine_stop(place.engine);
  assert_int_equal(tally_count(&pair[1].done), 0);
  probe_release(&pair[0]);
  probe_release(&pair[1]);
  place_end(&place);
}

static bool pause_self(struct probe *probe) {
  vtx_transfer_pause(probe->transfer);
  return true;
}

static void resume(void *arg) {
  vtx_transfer_resume(((struct probe *)arg)->transfer);
}

/* 64 MiB are more than any buffer between the two holds, so that the server's
 * request stays busy while the reader does not read. */
static void pause__torrent__held_up_then_all_there(void **state) {
  char *block = calloc(1, 65536);
  const struct http_reply replies[] = {
      {"/",
       0,
       {SEND(OK_HEAD "Content-Length: 67108864\r\n\r\n"),
        {.action = HTTP_SEND, .data = block, .size = 65536, .times = 1024}}}};
  struct place place = place_start(replies, 1);
  struct probe probe = probe_at(&place, "/x");
  const struct timespec nap = {.tv_nsec = 100 * CB_MILLISECOND};
  int pieces;

  (void)state;
  probe.stream = true;
  probe.max = 67108864;
  probe.on_data = pause_self;
  probe_start(&probe);
  assert_true(tally_wait(&probe.pieces, 1));
  nanosleep(&nap, NULL);
  assert_int_equal(tally_count(&probe.pieces), 1);
  engine_do(place.engine, resume, &probe);
  assert_true(tally_wait(&probe.pieces, 2));
  nanosleep(&nap, NULL);
  assert_int_equal(tally_count(&probe.pieces), 2);
  assert_int_equal(http_script_counts(place.script).busy, 1);
  do { /* one piece for each resume */
    pieces = tally_count(&probe.pieces);
    if (pieces == 20) probe.on_data = NULL; /* the engine is at rest now */
    engine_do(place.engine, resume, &probe);
    assert_true(tally_wait(&probe.pieces, pieces + 1));
  } while (pieces < 20);
  assert_true(tally_wait(&probe.done, 1));
  assert_int_equal(probe.code, CB_OK);
  assert_int_equal(probe.got.len, 67108864);
  probe_release(&probe);
  place_end(&place);
  free(block);
}

static void pause__answer_over__done_waits_for_resume(void **state) {
  static const struct http_reply replies[] = {{"/", 0, {SEND(HELLO)}}};
  struct place place = place_start(replies, 1);
  struct probe probe = probe_at(&place, "/x");
  const struct timespec nap = {.tv_nsec = 50 * CB_MILLISECOND};

  (void)state;
  probe.stream = true;
  probe.on_data = pause_self;
  probe_start(&probe);
  assert_true(tally_wait(&probe.pieces, 1));
  nanosleep(&nap, NULL);
  assert_int_equal(tally_count(&probe.done), 0);
  engine_do(place.engine, resume, &probe);
  assert_true(tally_wait(&probe.done, 1));
  assert_int_equal(probe.code, CB_OK);
  probe_release(&probe);
  place_end(&place);
}

static void pause__then_deadline__done_comes(void **state) {
  static const struct http_reply replies[] = {{"/", 0, {SEND(HELLO)}}};
  struct place place = place_start(replies, 1);
  struct probe probe = probe_at(&place, "/x");

  (void)state;
  probe.stream = true;
  probe.on_data = pause_self;
  probe.deadline = cb_time_add(cb_now(NULL), 200 * CB_MILLISECOND);
  probe_run(&probe);
  assert_int_equal(probe.code, CB_DEADLINE_EXCEEDED);
  probe_release(&probe);
  place_end(&place);
}

#define MANY 2000

static void start_many(void *arg) {
  struct probe *probes = arg;

  for (int i = 0; i < MANY; i++)
    start(&probes[i]);
}

/* All at once; the server answers none before it has seen the last one, unless
 * connections were too few. */
static void start__two_thousand_at_once__all_in_flight_together(void **state) {
  static const struct http_reply replies[] = {
      {"/", 0, {WAIT(2000), SEND(HELLO)}}};
  struct place place = place_start(replies, 1);
  struct probe *probes = calloc(MANY, sizeof *probes);

  (void)state;
  for (int i = 0; i < MANY; i++) {
    probes[i] = probe_at(&place, "/x");
    probe_init(&probes[i]);
  }
  engine_do(place.engine, start_many, probes);
  for (int i = 0; i < MANY; i++) {
    assert_true(tally_wait(&probes[i].done, 1));
    assert_int_equal(probes[i].code, CB_OK);
    probe_release(&probes[i]);
  }
  assert_int_equal(http_script_counts(place.script).requests, MANY);
  assert_true(http_script_counts(place.script).most_busy > MANY / 2);
  free(probes);
  place_end(&place);
}

static void stop__transfers_in_flight__each_done_cancelled(void **state) {
  static const struct http_reply replies[] = {
      {"/silent", 0, {HANG}},
      {"/half", 0, {SEND(OK_HEAD "Content-Length: 9\r\n\r\nhel"), HANG}}};
  struct place place = place_start(replies, 2);
  struct probe probes[100];

  (void)state;
  for (int i = 0; i < 100; i++) {
    probes[i] = probe_at(&place, i % 2 ? "/silent" : "/half");
    probes[i].stream = i % 3 == 0;
    if (i % 3 == 0) probes[i].on_data = pause_self;
    probe_start(&probes[i]);
  }
  vtx_engine_stop(place.engine);
  for (int i = 0; i < 100; i++) {
    assert_int_equal(tally_count(&probes[i].done), 1);
    assert_int_equal(probes[i].code, CB_CANCELLED);
    assert_string_equal(probes[i].reason, "CANCELLED");
    probe_release(&probes[i]);
  }
  place_end(&place);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(start__plain_answer__collected),
      cmocka_unit_test(start__one_after_another__connection_kept),
      cmocka_unit_test(start__broken_answers__typed_failure),
      cmocka_unit_test(start__whole_answers__any_shape_taken),
      cmocka_unit_test(start__error_answer__status_body_and_request_kept),
      cmocka_unit_test(start__nobody_there__unreachable_naming_host),
      cmocka_unit_test(start__other_scheme__refused),
      cmocka_unit_test(deadline__peer_hangs__timeout_and_aborted_on_wire),
      cmocka_unit_test(deadline__already_past__nothing_sent),
      cmocka_unit_test(idle_timeout__silence__ends_but_slow_bytes_do_not),
      cmocka_unit_test(max_response__gzip__counted_unpacked_at_limit_and_past),
      cmocka_unit_test(budget__used_up__server_memory_and_all_given_back),
      cmocka_unit_test(start__large_request__arrives_whole),
      cmocka_unit_test(cancel__every_stage__no_event_and_aborted_on_wire),
      cmocka_unit_test(data__cancels_itself__no_done),
      cmocka_unit_test(data__returns_false__done_says_cancelled),
      cmocka_unit_test(data__cancels_another__that_one_is_silent),
      cmocka_unit_test(pause__torrent__held_up_then_all_there),
      cmocka_unit_test(pause__answer_over__done_waits_for_resume),
      cmocka_unit_test(pause__then_deadline__done_comes),
      cmocka_unit_test(start__two_thousand_at_once__all_in_flight_together),
      cmocka_unit_test(stop__transfers_in_flight__each_done_cancelled),
  };
  cmocka_set_test_filter(getenv("CASES"));
  return cmocka_run_group_tests(tests, NULL, NULL);
}
