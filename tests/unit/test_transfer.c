/* A transfer from its start to its end. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <zlib.h>

#include "base/budget.h"
#include "base/clock.h"
#include "cmocka_all.h"
#include "transfer_probe.h"

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
  assert_int_equal(probe.silence, 0);
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

static void start__user_in_the_url__not_in_the_message(void **state) {
  static const char *const bases[] = {
      "http://me:secret@127.0.0.1:1", "http://me:se@cret@127.0.0.1:1",
      "http://secret@127.0.0.1:1", "http://127.0.0.1:1"};
  static const char *const paths[] = {"/x", "/@x", "?a=@x", ""};
  struct vtx_engine *engine = engine_start(NULL);

  (void)state;
  for (size_t i = 0; i < 16; i++) {
    struct probe probe = {
        .engine = engine, .base = bases[i / 4], .path = paths[i % 4]};

    probe_run(&probe);
    assert_string_equal(probe.reason, "UPSTREAM_UNREACHABLE");
    assert_non_null(strstr(probe.message, "cannot reach 127.0.0.1:1: "));
    assert_null(strstr(probe.message, "cret"));
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
    assert_int_equal(probe.code, CB_DEADLINE_EXCEEDED);
    assert_string_equal(probe.reason, "UPSTREAM_TIMEOUT");
    assert_false(probe.retryable);
    assert_int_equal(probe.silence > 0, i == 0);
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
  assert_int_equal(probe.silence, 0); /* it was not even asked */
  probe_release(&probe);
  place_end(&place);
}

/* Our end of a connection to port; -1: none. */
static int socket_to(int port) {
  for (int fd = 0; fd < 1024; fd++) {
    struct sockaddr_in peer = {.sin_family = AF_UNSPEC};
    socklen_t size = sizeof peer;

    if (getpeername(fd, (struct sockaddr *)&peer, &size) == 0 &&
        peer.sin_family == AF_INET && ntohs(peer.sin_port) == port)
      return fd;
  }
  return -1;
}

static int option_of(int fd, int option) {
  int value = -1;
  socklen_t size = sizeof value;

  assert_int_equal(getsockopt(fd, IPPROTO_TCP, option, &value, &size), 0);
  return value;
}

/* That the kernel then breaks it is the kernel's matter. */
static void start__any__peer_that_confirms_nothing_is_given_up(void **state) {
  static const struct http_reply replies[] = {{"/", 0, {HANG}}};
  struct place place = place_start(replies, 1);
  struct probe probe = probe_at(&place, "/x");
  int port =
      (int)strtol(strrchr(http_script_url(place.script), ':') + 1, NULL, 10);
  int fd;

  (void)state;
  probe_start(&probe);
  while (http_script_counts(place.script).busy < 1)
    sched_yield();
  fd = socket_to(port);
  assert_int_not_equal(fd, -1);
  assert_int_equal(option_of(fd, TCP_USER_TIMEOUT), 30000);
  /* One probe, and two more before the time is over. */
  assert_in_range(
      option_of(fd, TCP_KEEPIDLE) + 2 * option_of(fd, TCP_KEEPINTVL), 1, 29);
  vtx_engine_stop(place.engine);
  probe_release(&probe);
  place_end(&place);
}

/* A proxy that goes on to nowhere: what it says is not the upstream's. */
static void deadline__only_the_proxy_answers__no_first_byte(void **state) {
  static const struct http_reply replies[] = {
      {"CONNECT", 0, {SEND("HTTP/1.1 200 Go on\r\n\r\n"), HANG}}};
  struct http_script *script = http_script_start(replies, 1);
  struct probe probe = {.base = "https://upstream.invalid", .path = "/x"};

  (void)state;
  setenv("https_proxy", http_script_url(script), 1);
  probe.engine = engine_start(NULL);
  probe.deadline = cb_time_add(cb_now(NULL), 300 * CB_MILLISECOND);
  probe_run(&probe);
  assert_int_equal(probe.code, CB_DEADLINE_EXCEEDED);
  assert_int_equal(http_script_counts(script).requests, 1);
  assert_false(probe.first_byte);
  probe_release(&probe);
  engine_end(probe.engine);
  unsetenv("https_proxy");
  http_script_stop(script);
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
  assert_true(probe.retryable);
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(start__plain_answer__collected),
      cmocka_unit_test(start__one_after_another__connection_kept),
      cmocka_unit_test(start__broken_answers__typed_failure),
      cmocka_unit_test(start__whole_answers__any_shape_taken),
      cmocka_unit_test(start__error_answer__status_body_and_request_kept),
      cmocka_unit_test(start__nobody_there__unreachable_naming_host),
      cmocka_unit_test(start__user_in_the_url__not_in_the_message),
      cmocka_unit_test(start__other_scheme__refused),
      cmocka_unit_test(deadline__peer_hangs__timeout_and_aborted_on_wire),
      cmocka_unit_test(deadline__already_past__nothing_sent),
      cmocka_unit_test(start__any__peer_that_confirms_nothing_is_given_up),
      cmocka_unit_test(deadline__only_the_proxy_answers__no_first_byte),
      cmocka_unit_test(idle_timeout__silence__ends_but_slow_bytes_do_not),
      cmocka_unit_test(max_response__gzip__counted_unpacked_at_limit_and_past),
      cmocka_unit_test(budget__used_up__server_memory_and_all_given_back),
      cmocka_unit_test(start__large_request__arrives_whole),
  };
  cmocka_set_test_filter(getenv("CASES"));
  return cmocka_run_group_tests(tests, NULL, NULL);
}
