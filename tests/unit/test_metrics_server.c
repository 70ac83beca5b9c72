/* The metrics server over its socket, by a client of a few lines that can also
 * misbehave. */
#include "service/metrics/server.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <valgrind/valgrind.h>

#include "base/buf.h"
#include "base/clock.h"
#include "service/metrics/exposition.h"
#include "support/http_client.h"
#include "tests/unit/cmocka_all.h"

/* More than a socket takes for a peer that does not read. */
#define PAGE_MAX ((size_t)8 * 1024 * 1024)
#define PATIENCE_MS 20000
#define STEP (40 * CB_MILLISECOND)
#define GET "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n"

struct fixture {
  struct vtx_metrics_server *server;
  int sockets[2];
  uint16_t ports[2];
  _Atomic size_t page_bytes; /* that make() writes */
  atomic_bool refuse;        /* make() has no page */
  _Atomic unsigned asked;    /* times that make() was called */
  struct cb_buf answer;
  struct cb_clock clock; /* goes on by a step whenever it is read */
  _Atomic int64_t time;
};

static bool make(void *self, struct cb_buf *page) {
  struct fixture *fixture = self;

  atomic_fetch_add(&fixture->asked, 1);
  if (atomic_load(&fixture->refuse)) return false;
  for (size_t i = 0; i < fixture->page_bytes; i += 8)
    cb_buf_add_text(page, "metric \n");
  return true;
}

static int64_t step(void *self) {
  struct fixture *fixture = self;

  return atomic_fetch_add(&fixture->time, STEP);
}

static int begin(void **state, int64_t life, bool stepping) {
  struct fixture *fixture = test_calloc(1, sizeof *fixture);
  struct vtx_metrics_options options = {.socket_count = 2,
                                        .life = life,
                                        .max_page_bytes = PAGE_MAX,
                                        .make = make,
                                        .self = fixture};

  for (int i = 0; i < 2; i++)
    options.sockets[i] = fixture->sockets[i] = http_listen(&fixture->ports[i]);
  fixture->clock = (struct cb_clock){step, fixture};
  if (stepping) options.clock = &fixture->clock;
  fixture->page_bytes = 128;
  cb_buf_init(&fixture->answer, SIZE_MAX, NULL);
  fixture->server = vtx_metrics_server_new(&options);
  assert_non_null(fixture->server);
  *state = fixture;
  return 0;
}

/* Nobody's time is over, so that what has ended was seen to. */
static int set_up(void **state) { return begin(state, CB_NEVER, false); }

static int set_up_stepping(void **state) {
  return begin(state, CB_NEVER, true);
}

static int set_up_short_lived(void **state) {
  return begin(state, 300 * CB_MILLISECOND, false);
}

static int tear_down(void **state) {
  struct fixture *fixture = *state;

  vtx_metrics_server_free(fixture->server);
  for (int i = 0; i < 2; i++)
    close(fixture->sockets[i]);
  cb_buf_release(&fixture->answer);
  test_free(fixture);
  return 0;
}

static int dial(const struct fixture *fixture) {
  int fd = http_dial(fixture->ports[0]);

  assert_true(fd >= 0);
  return fd;
}

/* All that comes until the server closes. */
static const char *hear(struct fixture *fixture, int fd) {
  if (!http_hear(fd, &fixture->answer)) fail_msg("it does not close");
  return fixture->answer.data ? fixture->answer.data : "";
}

static const char *ask(struct fixture *fixture, const char *request) {
  int fd = dial(fixture);

  http_say(fd, request);
  return hear(fixture, fd);
}

static void has(const char *text, const char *part) {
  if (!strstr(text, part)) fail_msg("\"%s\" lacks \"%s\"", text, part);
}

static void has_not(const char *text, const char *part) {
  if (strstr(text, part)) fail_msg("\"%s\" has \"%s\"", text, part);
}

static size_t body_size(const char *answer) {
  const char *end = strstr(answer, "\r\n\r\n");

  assert_non_null(end);
  return strlen(end + 4);
}

static void get__page__with_its_type(void **state) {
  struct fixture *fixture = *state;
  const char *answer = ask(fixture, GET);

  has(answer, "HTTP/1.1 200 OK\r\n");
  has(answer, "Content-Type: " VTX_EXPOSITION_TYPE "\r\n");
  has(answer, "Content-Length: 128\r\n");
  has(answer, "Connection: close\r\n");
  assert_int_equal(body_size(answer), 128);
  assert_int_equal(fixture->asked, 1);
}

static void get__with_a_query_or_old__page(void **state) {
  struct fixture *fixture = *state;

  has(ask(fixture, "GET /metrics?a=b HTTP/1.1\r\nHost: h\r\n\r\n"), "200 OK");
  has(ask(fixture, "GET /metrics HTTP/1.0\r\n\r\n"), "200 OK");
  assert_int_equal(fixture->asked, 2);
}

static void get__other_socket__page(void **state) {
  struct fixture *fixture = *state;
  int fd = http_dial(fixture->ports[1]);

  assert_true(http_say(fd, GET));
  has(hear(fixture, fd), "200 OK");
}

static void head__size_without_a_page(void **state) {
  struct fixture *fixture = *state;
  const char *answer =
      ask(fixture, "HEAD /metrics HTTP/1.1\r\nHost: h\r\n\r\n");

  has(answer, "200 OK");
  has(answer, "Content-Length: 128\r\n");
  assert_int_equal(body_size(answer), 0);
}

static void other_path__404(void **state) {
  static const char *const paths[] = {"/",  "/metrics/",           "/metricsx",
                                      "/x", "/metrics/../metrics", "/METRICS"};
  struct fixture *fixture = *state;
  char request[128];

  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n",
             paths[i]);
    has(ask(fixture, request), "404 Not Found");
  }
  assert_int_equal(fixture->asked, 0);
}

static void other_method__405_with_those_allowed(void **state) {
  static const char *const requests[] = {
      "DELETE /metrics HTTP/1.1\r\nHost: h\r\n\r\n",
      "FROB /metrics HTTP/1.1\r\nHost: h\r\n\r\n",
      "POST /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
      ("POST /metrics HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
       "5\r\nhello\r\n0\r\n\r\n"),
  };
  struct fixture *fixture = *state;

  for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
    const char *answer = ask(fixture, requests[i]);

    has(answer, "405 Method Not Allowed");
    has(answer, "Allow: GET, HEAD\r\n");
  }
  assert_int_equal(fixture->asked, 0);
}

static void get__no_page__503(void **state) {
  struct fixture *fixture = *state;

  atomic_store(&fixture->refuse, true);
  has(ask(fixture, GET), "503 Service Unavailable");
  atomic_store(&fixture->refuse, false);
  has(ask(fixture, GET), "200 OK");
}

static void get__page_at_its_limit_and_past_it__200_and_503(void **state) {
  struct fixture *fixture = *state;
  const char *answer;

  fixture->page_bytes = PAGE_MAX;
  answer = ask(fixture, GET);
  has(answer, "200 OK");
  assert_int_equal(body_size(answer), PAGE_MAX);
  fixture->page_bytes = PAGE_MAX + 8;
  has(ask(fixture, GET), "503 Service Unavailable");
}

static void request__two_at_once__the_second_is_not_answered(void **state) {
  struct fixture *fixture = *state;
  const char *answer = ask(fixture, GET GET);

  has(answer, "200 OK");
  assert_int_equal(body_size(answer), 128);
  assert_int_equal(fixture->asked, 1);
}

/* A request whose one header has so many bytes. */
static const char *ask_with_header(struct fixture *fixture, size_t size) {
  char *request = test_calloc(1, size + 64);
  size_t used =
      (size_t)snprintf(request, 64, "GET /metrics HTTP/1.1\r\nHost: x\r\nH: ");
  const char *answer;

  memset(request + used, 'h', size);
  memcpy(request + used + size, "\r\n\r\n", 5);
  answer = ask(fixture, request);
  test_free(request);
  return answer;
}

static void request__long_header__refused(void **state) {
  struct fixture *fixture = *state;

  has(ask_with_header(fixture, 4000), "200 OK");
  has_not(ask_with_header(fixture, 16000), "200 OK");
  has_not(ask_with_header(fixture, 1000000), "200 OK");
  assert_int_equal(fixture->asked, 1);
}

static void request__no_http__answered_by_no_page(void **state) {
  struct fixture *fixture = *state;

  has_not(ask(fixture, "\x16\x03\x01 this is something else\r\n\r\n"),
          "200 OK");
  assert_int_equal(fixture->asked, 0);
}

static void peer__leaves_in_between__others_are_served(void **state) {
  static const char *const said[] = {"", "GET /met", GET, GET "GET /met"};
  struct fixture *fixture = *state;

  for (int i = 0; i < 100; i++) {
    int fd = dial(fixture);

    http_say(fd, said[i % 4]);
    close(fd);
  }
  has(ask(fixture, GET), "200 OK");
}

static void peer__has_said_all__is_answered(void **state) {
  static const size_t sizes[] = {128, PAGE_MAX};
  struct fixture *fixture = *state;

  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    int fd = dial(fixture);

    fixture->page_bytes = sizes[i];
    assert_true(http_say(fd, GET));
    shutdown(fd, SHUT_WR);
    assert_int_equal(body_size(hear(fixture, fd)), sizes[i]);
  }
}

/* One more than there is room for waits, and is served when there is. */
static void peers__as_many_as_there_may_be__one_more_waits(void **state) {
  struct fixture *fixture = *state;
  struct pollfd waiting = {.events = POLLIN};
  int fds[VTX_METRICS_CONNECTIONS];

  for (int i = 0; i < VTX_METRICS_CONNECTIONS; i++) {
    fds[i] = dial(fixture);
    assert_true(http_say(fds[i], "GET /metrics HTTP/1.1\r\nHost"));
  }
  waiting.fd = dial(fixture);
  assert_true(http_say(waiting.fd, GET));
  assert_int_equal(poll(&waiting, 1, 100), 0);
  assert_true(http_say(fds[7], ": h\r\n\r\n"));
  has(hear(fixture, fds[7]), "200 OK");
  has(hear(fixture, waiting.fd), "200 OK");
  for (int i = 0; i < VTX_METRICS_CONNECTIONS; i++)
    if (i != 7) close(fds[i]);
}

static void peer__says_nothing_or_half__cut_when_its_time_is_over(
    void **state) {
  struct fixture *fixture = *state;
  int silent = dial(fixture);
  int half = dial(fixture);

  assert_true(http_say(half, "GET /metrics HTTP/1.1\r\nHost"));
  assert_string_equal(hear(fixture, half), "");
  assert_string_equal(hear(fixture, silent), "");
  has(ask(fixture, GET), "200 OK");
}

/* A byte now and then wins no time. */
static void peer__drips__cut_when_its_time_is_over(void **state) {
  struct fixture *fixture = *state;
  struct pollfd pollfd = {.fd = dial(fixture), .events = POLLIN};
  int64_t end = cb_now(NULL) + PATIENCE_MS * CB_MILLISECOND;

  assert_true(http_say(pollfd.fd, "GET /metrics HTTP/1.1\r\nH: "));
  while (poll(&pollfd, 1, 10) == 0 && http_say(pollfd.fd, "x"))
    assert_true(cb_now(NULL) < end);
  close(pollfd.fd);
  assert_int_equal(fixture->asked, 0);
}

static void peers__do_not_read__cut_when_their_time_is_over(void **state) {
  struct fixture *fixture = *state;
  int fds[VTX_METRICS_CONNECTIONS];

  fixture->page_bytes = PAGE_MAX;
  for (int i = 0; i < VTX_METRICS_CONNECTIONS; i++) {
    fds[i] = dial(fixture);
    assert_true(http_say(fds[i], GET));
  }
  while (fixture->asked < VTX_METRICS_CONNECTIONS)
    poll(NULL, 0, 1);
  fixture->page_bytes = 128;
  has(ask(fixture, GET), "200 OK");
  for (int i = 0; i < VTX_METRICS_CONNECTIONS; i++)
    close(fds[i]);
}

static void peers__fill_it_and_stay__others_come_after_their_time(
    void **state) {
  struct fixture *fixture = *state;
  int fds[2 * VTX_METRICS_CONNECTIONS];

  for (int i = 0; i < 2 * VTX_METRICS_CONNECTIONS; i++)
    fds[i] = dial(fixture);
  has(ask(fixture, GET), "200 OK");
  for (int i = 0; i < 2 * VTX_METRICS_CONNECTIONS; i++)
    close(fds[i]);
}

/* Takes all descriptors below a new limit, but the last; gives their number.
 */
static int take_descriptors(int fds[8], struct rlimit *ret_before) {
  int socket = http_listen(&(uint16_t){0});
  struct rlimit low;
  int count = 0;

  assert_int_equal(getrlimit(RLIMIT_NOFILE, ret_before), 0);
  low = *ret_before;
  low.rlim_cur = (rlim_t)socket + 8;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
  fds[count++] = socket;
  while (count < 8 && (fds[count] = dup(socket)) >= 0)
    count++;
  close(fds[--count]);
  return count;
}

/* The pause after an accept that failed, 100 ms, ends between two looks at the
 * clock, wherever those are. Valgrind itself accepts what is over the limit,
 * and closes it. */
static void accept__descriptors_used_up__recovers(void **state) {
  struct fixture *fixture = *state;
  struct pollfd pollfd = {.events = POLLIN};
  struct rlimit before;
  int fds[8];
  int count;
  int64_t start;

  if (RUNNING_ON_VALGRIND) skip();
  count = take_descriptors(fds, &before);
  while (fixture->time == 0)
    poll(NULL, 0, 1); /* it looks before it sleeps */
  start = fixture->time;
  pollfd.fd = dial(fixture);
  while (fixture->time == start)
    poll(NULL, 0, 1);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
  while (count > 0)
    close(fds[--count]);
  assert_true(http_say(pollfd.fd, GET));
  assert_int_equal(poll(&pollfd, 1, PATIENCE_MS), 1);
  has(hear(fixture, pollfd.fd), "200 OK");
}

static void free__peers_are_there__ends_them(void **state) {
  struct fixture *fixture = *state;
  int silent = dial(fixture);
  int half = dial(fixture);

  assert_true(http_say(half, "GET /metrics HTTP/1.1\r\nHost"));
  has(ask(fixture, GET), "200 OK"); /* so the two were accepted */
  vtx_metrics_server_free(fixture->server);
  fixture->server = NULL;
  assert_string_equal(hear(fixture, half), "");
  assert_string_equal(hear(fixture, silent), "");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define SHORT(name) \
  cmocka_unit_test_setup_teardown(name, set_up_short_lived, tear_down)

int main(void) {
  static const struct CMUnitTest tests[] = {
      CASE(get__page__with_its_type),
      CASE(get__with_a_query_or_old__page),
      CASE(get__other_socket__page),
      CASE(head__size_without_a_page),
      CASE(other_path__404),
      CASE(other_method__405_with_those_allowed),
      CASE(get__no_page__503),
      CASE(get__page_at_its_limit_and_past_it__200_and_503),
      CASE(request__two_at_once__the_second_is_not_answered),
      CASE(request__long_header__refused),
      CASE(request__no_http__answered_by_no_page),
      CASE(peer__leaves_in_between__others_are_served),
      CASE(peer__has_said_all__is_answered),
      CASE(peers__as_many_as_there_may_be__one_more_waits),
      SHORT(peer__says_nothing_or_half__cut_when_its_time_is_over),
      SHORT(peer__drips__cut_when_its_time_is_over),
      SHORT(peers__do_not_read__cut_when_their_time_is_over),
      SHORT(peers__fill_it_and_stay__others_come_after_their_time),
      cmocka_unit_test_setup_teardown(accept__descriptors_used_up__recovers,
                                      set_up_stepping, tear_down),
      CASE(free__peers_are_there__ends_them),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
