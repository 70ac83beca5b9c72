/* The emulator over its socket, by a client of a few lines: what matters here
 * is when bytes come and how connections end. */
#include <arpa/inet.h>
#include <errno.h>
#include <json-c/json.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "service/emulator/emulator.h"
#include "tests/unit/cmocka_all.h"

#define MODEL "/v1/projects/p/locations/l/publishers/google/models/m:"

struct fixture {
  struct vtx_emulator *emulator;
  struct cb_buf answer;
  size_t arenas; /* alive before the emulator was */
};

static struct vtx_emulator *start(const struct vtx_emulator_options *options) {
  char *error;
  struct vtx_emulator *emulator = vtx_emulator_new(options, &error);

  if (!emulator) fail_msg("%s", error ? error : "out of memory");
  return emulator;
}

static struct fixture *make_fixture(
    const struct vtx_emulator_options *options) {
  struct fixture *fixture = test_calloc(1, sizeof *fixture);

  fixture->arenas = cb_arena_live();
  fixture->emulator = start(options);
  cb_buf_init(&fixture->answer, SIZE_MAX, NULL);
  return fixture;
}

static int setup(void **state) {
  *state = make_fixture(&(struct vtx_emulator_options){.listen = NULL});
  return 0;
}

static int setup_strict(void **state) {
  *state =
      make_fixture(&(struct vtx_emulator_options){.require_token = "secret",
                                                  .require_api_key = "key",
                                                  .max_body_bytes = 200});
  return 0;
}

static int setup_gzip(void **state) {
  *state = make_fixture(&(struct vtx_emulator_options){
      .gzip = true, .latency = 20 * CB_MILLISECOND});
  return 0;
}

static int teardown(void **state) {
  struct fixture *fixture = *state;

  vtx_emulator_free(fixture->emulator);
  cb_buf_release(&fixture->answer);
  assert_int_equal(cb_arena_live(), fixture->arenas);
  test_free(fixture);
  return 0;
}

static int dial(struct fixture *fixture) {
  const char *url = vtx_emulator_url(fixture->emulator);
  struct sockaddr_in address = {.sin_family = AF_INET};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons((uint16_t)strtol(strrchr(url, ':') + 1, NULL, 10));
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
  return fd;
}

static void send_request(int fd, const char *head, const char *body) {
  struct cb_buf buf;

  cb_buf_init(&buf, 1 << 20, NULL);
  cb_buf_printf(&buf,
                "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                "Content-Length: %zu\r\n\r\n%s",
                head, strlen(body), body);
  assert_int_equal(send(fd, buf.data, buf.len, MSG_NOSIGNAL), buf.len);
  cb_buf_release(&buf);
}

/* Reads until the end, or until nothing came for patience ms. Returns 0 for an
 * orderly end, ETIMEDOUT, or the error of the socket. */
static int receive(struct fixture *fixture, int fd, int patience) {
  struct pollfd ready = {.fd = fd, .events = POLLIN};
  char block[16384];
  ssize_t size;

  for (;;) {
    if (poll(&ready, 1, patience) == 0) return ETIMEDOUT;
    size = recv(fd, block, sizeof block, 0);
    if (size <= 0) return size == 0 ? 0 : errno;
    assert_true(cb_buf_add(&fixture->answer, block, (size_t)size));
  }
}

/* Reads until the text has come, and then nothing more for 200 ms. */
static void receive_silence(struct fixture *fixture, int fd, const char *text) {
  bool there = false;

  for (int i = 0; i < 300 && !there; i++) {
    assert_int_equal(receive(fixture, fd, 200), ETIMEDOUT);
    there = fixture->answer.len > 0 && strstr(fixture->answer.data, text);
  }
  assert_true(there);
}

/* One whole exchange; the answer with its head is in the fixture. */
static int ask(struct fixture *fixture, const char *head, const char *body) {
  int fd = dial(fixture);
  int end;

  cb_buf_clear(&fixture->answer);
  send_request(fd, head, body);
  end = receive(fixture, fd, 60000);
  close(fd);
  return end;
}

#define ASK(text) \
  "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"" text "\"}]}]}"
#define GENERATE "POST " MODEL "generateContent"
#define STREAM "POST " MODEL "streamGenerateContent?alt=sse"

static void assert_status(struct fixture *fixture, int status) {
  assert_non_null(fixture->answer.data);
  assert_int_equal(strtol(fixture->answer.data + strlen("HTTP/1.1 "), NULL, 10),
                   status);
}

static void assert_answer_has(struct fixture *fixture, const char *text) {
  if (!strstr(fixture->answer.data, text)) {
    fail_msg("no \"%s\" in %s", text, fixture->answer.data);
  }
}

static int64_t stat_of(struct fixture *fixture, const char *name) {
  struct json_object *stats;
  struct json_object *value = NULL;
  int64_t number;

  assert_int_equal(ask(fixture, "GET /emulator/stats", ""), 0);
  stats = json_tokener_parse(strstr(fixture->answer.data, "\r\n\r\n") + 4);
  assert_true(json_object_object_get_ex(stats, name, &value));
  number = json_object_get_int64(value);
  json_object_put(stats);
  return number;
}

/* Until the counter has that value, or for a minute. */
static void assert_stat_becomes(struct fixture *fixture, const char *name,
                                int64_t expected) {
  int64_t value = -1;

  for (int i = 0; i < 3000 && value != expected; i++) {
    value = stat_of(fixture, name);
    if (value != expected) usleep(20000);
  }
  assert_int_equal(value, expected);
}

static void server__prompt__is_answered(void **state) {
  assert_int_equal(ask(*state, GENERATE, ASK("hello there")), 0);
  assert_status(*state, 200);
  assert_answer_has(*state, "You asked: \\\"hello there\\\"");
  assert_int_equal(stat_of(*state, "completed"), 1);
}

static void server__unknown_path__is_a_page(void **state) {
  assert_int_equal(ask(*state, "GET /v1/<b>", ""), 0);
  assert_status(*state, 404);
  assert_answer_has(*state, "text/html");
  assert_answer_has(*state, "&lt;b>");
  assert_int_equal(ask(*state, "GET " MODEL "generateContent", ""), 0);
  assert_status(*state, 404);
}

static void server__latency__is_waited_without_blocking(void **state) {
  struct fixture *fixture = *state;
  int64_t begin = cb_now(NULL);
  int fds[10];

  for (int i = 0; i < 10; i++) {
    fds[i] = dial(fixture);
    send_request(fds[i], GENERATE, ASK("[[emulator latency=2s]] hi"));
  }
  for (int i = 0; i < 10; i++) {
    assert_int_equal(receive(fixture, fds[i], 60000), 0);
    close(fds[i]);
  }
  assert_true(cb_now(NULL) - begin >= 2000 * CB_MILLISECOND);
  assert_int_equal(stat_of(fixture, "peak_in_flight"), 10);
  assert_int_equal(stat_of(fixture, "in_flight"), 0);
}

static bool is_silent(int fd) {
  struct pollfd ready = {.fd = fd, .events = POLLIN};

  return poll(&ready, 1, 0) == 0;
}

/* What was let go before is answered before: no clock is asked. */
static void server__held__waits_for_its_key(void **state) {
  struct fixture *fixture = *state;
  int fd = dial(fixture);

  send_request(fd, GENERATE, ASK("[[emulator hold=a]] hi"));
  assert_stat_becomes(fixture, "in_flight", 1);
  assert_int_equal(ask(fixture, GENERATE, ASK("other")), 0);
  assert_int_equal(ask(fixture, "POST /emulator/release?key=b", ""), 0);
  assert_status(fixture, 200);
  assert_int_equal(
      ask(fixture, GENERATE, ASK("[[emulator hold=b fault=http_503]] hi")), 0);
  assert_status(fixture, 503);
  assert_true(is_silent(fd));
  assert_int_equal(ask(fixture, "POST /emulator/release?key=a", ""), 0);
  cb_buf_clear(&fixture->answer);
  assert_int_equal(receive(fixture, fd, 60000), 0);
  assert_status(fixture, 200);
  close(fd);
  assert_int_equal(ask(fixture, GENERATE, ASK("[[emulator hold=a]] hi")), 0);
  assert_int_equal(ask(fixture, "POST /emulator/reset", ""), 0);
  fd = dial(fixture);
  send_request(fd, GENERATE, ASK("[[emulator hold=a]] hi"));
  assert_stat_becomes(fixture, "in_flight", 1);
  close(fd);
  assert_stat_becomes(fixture, "aborted", 1);
}

static void server__release__limits_of_keys(void **state) {
  char head[80];

  for (int i = 0; i < 65; i++) {
    snprintf(head, sizeof head, "POST /emulator/release?key=%030d", i);
    assert_int_equal(ask(*state, head, ""), 0);
    assert_status(*state, i < 64 ? 200 : 400);
  }
  assert_int_equal(ask(*state, "POST /emulator/release", ""), 0);
  assert_status(*state, 400);
  assert_int_equal(ask(*state, "POST /emulator/release?key=", ""), 0);
  assert_status(*state, 400);
  assert_int_equal(ask(*state, "POST /emulator/reset", ""), 0);
  for (int size = 31; size <= 32; size++) {
    snprintf(head, sizeof head, "POST /emulator/release?key=%0*d", size, 7);
    assert_int_equal(ask(*state, head, ""), 0);
    assert_status(*state, size == 31 ? 200 : 400);
  }
}

static void server__peer_leaves_while_waiting__is_counted_at_once(
    void **state) {
  struct fixture *fixture = *state;
  int fd = dial(fixture);

  send_request(fd, GENERATE, ASK("[[emulator latency=600s]] hi"));
  assert_stat_becomes(fixture, "in_flight", 1);
  close(fd);
  assert_stat_becomes(fixture, "aborted", 1);
  assert_int_equal(stat_of(fixture, "in_flight"), 0);
}

static void server__peer_leaves_a_stalled_stream__is_counted(void **state) {
  struct fixture *fixture = *state;
  int fd = dial(fixture);

  send_request(fd, STREAM, ASK("[[emulator fault=stall]] hi"));
  receive_silence(fixture, fd, "data: {");
  close(fd);
  assert_stat_becomes(fixture, "aborted", 1);
}

/* The library forgets connections that end behind an older one that lives. */
static void server__stream_broken_behind_an_idle_connection__is_closed(
    void **state) {
  struct fixture *fixture = *state;
  int idle = dial(fixture);
  int fd;

  assert_stat_becomes(fixture, "connections", 2); /* and the one that asks */
  fd = dial(fixture);
  send_request(fd, STREAM, ASK("[[emulator fault=stall]] hi"));
  receive_silence(fixture, fd, "data: {");
  close(fd);
  assert_stat_becomes(fixture, "connections", 2);
  close(idle);
  assert_stat_becomes(fixture, "connections", 1);
}

static void send_and_leave(struct fixture *fixture, const char *bytes) {
  int fd = dial(fixture);

  assert_int_equal(send(fd, bytes, strlen(bytes), MSG_NOSIGNAL), strlen(bytes));
  close(fd);
}

/* Last bytes and end come together, which the library takes for the former
 * alone. */
static void server__peer_leaves_in_mid_request__is_closed(void **state) {
  static const char head[] = GENERATE " HTTP/1.1\r\nHost: x\r\n";

  for (int i = 0; i < 20; i++) {
    send_and_leave(*state, "POST /v1");
    send_and_leave(*state, head);
    send_and_leave(*state, GENERATE " HTTP/1.1\r\nContent-Length: 9\r\n\r\n{");
    send_and_leave(*state, "GET /v1 HTTP/1.1\r\nHost: x\r\n\r\n");
    send_and_leave(*state, "\xff\xfe nonsense\r\n\r\n");
  }
  assert_stat_becomes(*state, "connections", 1);
  assert_int_equal(stat_of(*state, "in_flight"), 0);
}

static void server__hang__answers_nothing(void **state) {
  struct fixture *fixture = *state;
  int fd = dial(fixture);

  send_request(fd, GENERATE, ASK("[[emulator fault=hang]] hi"));
  assert_stat_becomes(fixture, "in_flight", 1);
  cb_buf_clear(&fixture->answer);
  assert_int_equal(receive(fixture, fd, 200), ETIMEDOUT);
  assert_int_equal(fixture->answer.len, 0);
  close(fd);
  assert_stat_becomes(fixture, "aborted", 1);
}

static void server__reset__is_a_reset(void **state) {
  struct fixture *fixture = *state;

  assert_int_equal(ask(fixture, GENERATE, ASK("[[emulator fault=reset]]")),
                   ECONNRESET);
  assert_int_equal(fixture->answer.len, 0);
  assert_int_equal(stat_of(fixture, "broken"), 1);
}

static void server__reset_mid_body__sends_that_much(void **state) {
  struct fixture *fixture = *state;
  const char *body;

  assert_int_equal(
      ask(fixture, GENERATE, ASK("[[emulator fault=reset_mid_body bytes=20]]")),
      ECONNRESET);
  body = strstr(fixture->answer.data, "\r\n\r\n");
  assert_non_null(body);
  assert_int_equal(strlen(body + 4), 20);
}

static void server__sse_truncated__ends_without_reason(void **state) {
  assert_int_equal(ask(*state, STREAM, ASK("[[emulator fault=sse_truncated]]")),
                   0);
  assert_answer_has(*state, "data: {");
  assert_null(strstr(((struct fixture *)*state)->answer.data, "finishReason"));
}

static void server__errors_in_the_stream__have_both_shapes(void **state) {
  assert_int_equal(ask(*state, STREAM, ASK("[[emulator fault=sse_error_raw]]")),
                   0);
  assert_answer_has(*state, "\n{\n  \"error\": {\n    \"code\": 503");
  assert_int_equal(
      ask(*state, STREAM, ASK("[[emulator fault=sse_error_data]]")), 0);
  assert_answer_has(*state, "data: {\"error\":{\"code\":503");
}

static void server__chunk_interval__spreads_the_stream(void **state) {
  struct fixture *fixture = *state;
  int64_t begin = cb_now(NULL);

  assert_int_equal(
      ask(fixture, STREAM, ASK("[[emulator chunks=5 chunk_interval=50ms]] hi")),
      0);
  assert_true(cb_now(NULL) - begin >= 200 * CB_MILLISECOND);
  assert_answer_has(fixture, "finishReason");
}

static void server__giant__is_as_large_as_asked(void **state) {
  struct fixture *fixture = *state;

  assert_int_equal(
      ask(fixture, GENERATE, ASK("[[emulator fault=giant size=8m]]")), 0);
  assert_true(fixture->answer.len > (8 << 20));
  assert_true(fixture->answer.len < (8 << 20) + 4096);
}

/* The body, gunzipped; its size, the checksum having been checked. */
static size_t gunzipped_size(struct fixture *fixture) {
  const char *body = strstr(fixture->answer.data, "\r\n\r\n") + 4;
  z_stream stream = {0};
  static Bytef out[1 << 16];
  int result = Z_OK;

  stream.next_in = (Bytef *)(uintptr_t)body;
  stream.avail_in =
      (uInt)(fixture->answer.len - (size_t)(body - fixture->answer.data));
  assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
  while (result == Z_OK) {
    stream.next_out = out;
    stream.avail_out = sizeof out;
    result = inflate(&stream, Z_NO_FLUSH);
  }
  inflateEnd(&stream);
  assert_int_equal(result, Z_STREAM_END);
  return stream.total_out;
}

static void server__gzip_bomb__inflates_a_thousandfold(void **state) {
  struct fixture *fixture = *state;

  assert_int_equal(
      ask(fixture, GENERATE, ASK("[[emulator fault=gzip_bomb size=64m]]")), 0);
  assert_true(fixture->answer.len < (256 << 10));
  assert_true(gunzipped_size(fixture) > (64 << 20));
}

static void server__gzip_knob__compresses_what_is_accepted(void **state) {
  struct fixture *fixture = *state;

  assert_int_equal(ask(fixture, GENERATE, ASK("hi")), 0);
  assert_answer_has(fixture, "You asked:");
  assert_int_equal(
      ask(fixture, GENERATE " HTTP/1.1\r\nAccept-Encoding: gzip\r\nX: y",
          ASK("hi")),
      0);
  assert_answer_has(fixture, "Content-Encoding: gzip");
  assert_true(gunzipped_size(fixture) > 100);
}

static void server__defaults__hold_until_reset(void **state) {
  assert_int_equal(
      ask(*state, "POST /emulator/defaults", "{\"fault\":\"http_503\"}"), 0);
  assert_status(*state, 200);
  assert_int_equal(ask(*state, GENERATE, ASK("hi")), 0);
  assert_status(*state, 503);
  assert_int_equal(ask(*state, "POST /emulator/reset", ""), 0);
  assert_int_equal(ask(*state, GENERATE, ASK("hi")), 0);
  assert_status(*state, 200);
  assert_int_equal(stat_of(*state, "requests"), 1);
  assert_int_equal(
      ask(*state, "POST /emulator/defaults", "{\"colour\":\"red\"}"), 0);
  assert_status(*state, 400);
}

static void server__requests__are_captured(void **state) {
  assert_int_equal(ask(*state, GENERATE " HTTP/1.1\r\nX-Test: yes\r\nX: y",
                       ASK("look at me")),
                   0);
  assert_int_equal(ask(*state, "GET /emulator/requests?last=5", ""), 0);
  assert_answer_has(*state, "\"X-Test\":\"yes\"");
  assert_answer_has(*state, "look at me");
  assert_answer_has(*state, "\"path\":\"" MODEL "generateContent\"");
}

#define AND_HEADER(header) " HTTP/1.1\r\n" header "\r\nX: y"

static void server__credentials_asked_for__are_checked(void **state) {
  static const struct {
    const char *head;
    int status;
  } cases[] = {
      {GENERATE, 401},
      {GENERATE AND_HEADER("Authorization: Bearer wrong"), 401},
      {GENERATE AND_HEADER("Authorization: Bearer secret"), 200},
      {GENERATE AND_HEADER("x-goog-api-key: wrong"), 400},
      {GENERATE AND_HEADER("x-goog-api-key: key"), 200},
      {GENERATE "?key=key", 200},
  };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(ask(*state, cases[i].head, ASK("hi")), 0);
    assert_status(*state, cases[i].status);
  }
}

static void server__body_at_the_limit__passes_and_one_more_does_not(
    void **state) {
  static const char head[] =
      GENERATE AND_HEADER("Authorization: Bearer secret");
  char body[202];

  memset(body, ' ', sizeof body);
  memcpy(body, ASK("hi"), strlen(ASK("hi")));
  body[200] = '\0';
  assert_int_equal(ask(*state, head, body), 0);
  assert_status(*state, 200);
  body[200] = ' ';
  body[201] = '\0';
  assert_int_equal(ask(*state, head, body), 0);
  assert_status(*state, 413);
}

static void server__freed_while_requests_wait__ends_at_once(void **state) {
  struct fixture *fixture = *state;
  int64_t begin;
  int fd = dial(fixture);

  send_request(fd, GENERATE, ASK("[[emulator latency=600s]] hi"));
  assert_stat_becomes(fixture, "in_flight", 1);
  begin = cb_now(NULL);
  vtx_emulator_free(fixture->emulator);
  assert_true(cb_now(NULL) - begin < 60 * CB_SECOND);
  assert_true(receive(fixture, fd, 1000) != ETIMEDOUT);
  close(fd);
  fixture->emulator = start(&(struct vtx_emulator_options){.listen = NULL});
}

static void emulator_new__bad_options__say_why(void **state) {
  static const struct {
    struct vtx_emulator_options options;
    const char *mentioned;
  } cases[] = {
      {{.listen = "nonsense"}, "HOST:PORT"},
      {{.listen = "127.0.0.1:65536"}, "127.0.0.1:65536"},
      {{.listen = "192.0.2.1:80"}, "192.0.2.1:80"},
      {{.defaults = "colour=red"}, "colour"},
  };
  char *error;

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_null(vtx_emulator_new(&cases[i].options, &error));
    assert_non_null(error);
    assert_non_null(strstr(error, cases[i].mentioned));
    free(error);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_WITH(name, how) \
  cmocka_unit_test_setup_teardown(name, how, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(server__prompt__is_answered),
      TEST(server__unknown_path__is_a_page),
      TEST(server__latency__is_waited_without_blocking),
      TEST(server__held__waits_for_its_key),
      TEST(server__release__limits_of_keys),
      TEST(server__peer_leaves_while_waiting__is_counted_at_once),
      TEST(server__peer_leaves_a_stalled_stream__is_counted),
      TEST(server__stream_broken_behind_an_idle_connection__is_closed),
      TEST(server__peer_leaves_in_mid_request__is_closed),
      TEST(server__hang__answers_nothing),
      TEST(server__reset__is_a_reset),
      TEST(server__reset_mid_body__sends_that_much),
      TEST(server__sse_truncated__ends_without_reason),
      TEST(server__errors_in_the_stream__have_both_shapes),
      TEST(server__chunk_interval__spreads_the_stream),
      TEST(server__giant__is_as_large_as_asked),
      TEST(server__gzip_bomb__inflates_a_thousandfold),
      TEST_WITH(server__gzip_knob__compresses_what_is_accepted, setup_gzip),
      TEST(server__defaults__hold_until_reset),
      TEST(server__requests__are_captured),
      TEST_WITH(server__credentials_asked_for__are_checked, setup_strict),
      TEST_WITH(server__body_at_the_limit__passes_and_one_more_does_not,
                setup_strict),
      TEST(server__freed_while_requests_wait__ends_at_once),
      cmocka_unit_test(emulator_new__bad_options__say_why),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
