/* The server as a whole: drain, listeners, connections. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmocka_all.h"
#include "crpc/call.h"
#include "support/crpc_fixture.h"

static void drain__calls_in_flight__finished_ok(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk held = talk_make(fixture);
  struct talk late = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;
  echo_Answer answer = echo_Answer_INIT;

  (void)state;
  ask.how = "hold";
  talk_say(&held, &ask, NULL);
  fixture_until_count(fixture, &fixture->handled, 1);
  fixture_drain(fixture, 5000);
  fixture_turn(fixture, 100);
  assert_false(fixture->drained);
  talk_say(&late, &ask, NULL);
  talk_wait(&late);
  assert_int_equal(late.code, CB_UNAVAILABLE);
  assert_int_equal(echo_Echo_Say_reply(fixture->held, &answer), CRPC_SENT);
  talk_wait(&held);
  assert_int_equal(held.code, CB_OK);
  fixture_until(fixture, &fixture->drained);
  fixture_free(fixture);
}

static void drain__past_deadline__calls_cancelled(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk say = talk_make(fixture);
  struct talk repeat = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;
  int64_t before = cb_now(NULL);

  (void)state;
  ask.how = "hold";
  ask.count = 1;
  talk_say(&say, &ask, NULL);
  talk_repeat(&repeat, &ask, NULL);
  fixture_until_count(fixture, &fixture->handled, 2);
  fixture_drain(fixture, 60000);
  fixture_drain(fixture, 100);   /* forward */
  fixture_drain(fixture, 90000); /* not back */
  fixture_until(fixture, &fixture->drained);
  assert_true(cb_now(NULL) - before < 30 * CB_SECOND);
  talk_wait(&say);
  talk_wait(&repeat);
  assert_int_equal(say.code, CB_UNAVAILABLE);
  assert_int_equal(repeat.code, CB_UNAVAILABLE);
  assert_int_equal(fixture->cancelled, 2);
  assert_int_equal(fixture->done, 2);
  fixture_free(fixture);
}

static void free__never_started__nothing_left(void **state) {
  const struct crpc_server_options options = {0};
  struct crpc_loop *loop = crpc_loop_new();
  struct cb_status status;
  struct crpc_server *server = crpc_server_new(loop, &options, &status);

  (void)state;
  assert_non_null(server);
  assert_true(crpc_server_listen(server, "127.0.0.1:0", NULL, &status));
  crpc_server_free(server);
  crpc_loop_free(loop);
}

static bool no_threads;

/* What our own code calls (see crpc_runtime.cmake); the core does not. */
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *arg), void *arg);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *arg), void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *arg), void *arg) {
  if (no_threads) return EAGAIN;
  return __real_pthread_create(thread, attributes, run, arg);
}

static void start__no_thread__false_and_can_be_freed(void **state) {
  const struct crpc_server_options options = {0};
  struct crpc_loop *loop = crpc_loop_new();
  struct cb_status status;
  struct crpc_server *server = crpc_server_new(loop, &options, &status);

  (void)state;
  assert_non_null(server);
  assert_true(crpc_server_listen(server, "127.0.0.1:0", NULL, &status));
  no_threads = true;
  assert_false(crpc_server_start(server));
  no_threads = false;
  crpc_server_free(server);
  crpc_loop_free(loop);
}

/* A plain TCP connection to the fixture's server. */
static void connect_plain(struct fixture *fixture, int fd) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  const char *port = strrchr(fixture->address, ':') + 1;

  address.sin_port = htons((uint16_t)strtol(port, NULL, 10));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  assert_int_equal(connect(fd, (const void *)&address, sizeof address), 0);
}

static int open_plain(struct fixture *fixture) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  assert_true(fd >= 0);
  connect_plain(fixture, fd);
  return fd;
}

static size_t connections(struct fixture *fixture) {
  struct crpc_server_counters counters;

  crpc_server_counters(fixture->server, &counters);
  return counters.connections;
}

static void until_connections(struct fixture *fixture, size_t count) {
  int64_t limit = cb_now(NULL) + 60 * CB_SECOND;

  while (connections(fixture) != count) {
    assert_true(cb_now(NULL) < limit);
    crpc_loop_step(fixture->loop, cb_now(NULL) + 20 * CB_MILLISECOND);
  }
}

static void drain__silent_connection__does_not_hold_it_up(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  int fd = open_plain(fixture);
  int64_t before = cb_now(NULL);

  (void)state;
  until_connections(fixture, 1);
  fixture_drain(fixture, 60000);
  fixture_until(fixture, &fixture->drained);
  assert_true(cb_now(NULL) - before < 30 * CB_SECOND);
  close(fd);
  fixture_free(fixture);
}

/* One that was accepted and is not the loop's yet. */
static void drain__connection_just_accepted__closed(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk held = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;
  struct pollfd end = {.events = POLLIN};
  int64_t until;

  (void)state;
  ask.how = "hold";
  talk_say(&held, &ask, NULL);
  fixture_until_count(fixture, &fixture->handled, 1);
  end.fd = open_plain(fixture);
  poll(NULL, 0, 100); /* the listener's thread accepts it */
  fixture_drain(fixture, 60000);
  until = cb_now(NULL) + 30 * CB_SECOND;
  while (cb_now(NULL) < until && poll(&end, 1, 0) == 0)
    fixture_turn(fixture, 10);
  assert_false(fixture->drained);
  assert_true(cb_now(NULL) < until);
  close(end.fd);
  crpc_rpc_cancel(fixture->channel, held.id);
  talk_wait(&held);
  fixture_until(fixture, &fixture->drained);
  fixture_free(fixture);
}

static void connections__come_and_go__counted(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;
  int plain;

  (void)state;
  talk_say(&talk, &ask, NULL);
  talk_wait(&talk);
  until_connections(fixture, 1);
  plain = open_plain(fixture);
  until_connections(fixture, 2);
  assert_int_equal(write(plain, "garbage that is no preface at all", 33), 33);
  until_connections(fixture, 1); /* the core throws it out */
  close(plain);
  crpc_channel_free(fixture->channel);
  fixture->channel = NULL;
  until_connections(fixture, 0);
  fixture_free(fixture);
}

static void idle_timeout__silent_connection__closed(void **state) {
  const struct crpc_server_options options = {.idle_timeout =
                                                  300 * CB_MILLISECOND};
  struct fixture *fixture = fixture_new(&options, NULL, NULL);
  int fd = open_plain(fixture);

  (void)state;
  until_connections(fixture, 1);
  until_connections(fixture, 0);
  close(fd);
  fixture_free(fixture);
}

static void max_connections__one_past__waits_in_backlog(void **state) {
  const struct crpc_server_options options = {.max_connections = 2};
  struct fixture *fixture = fixture_new(&options, NULL, NULL);
  struct talk talk = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;
  int fds[2];

  (void)state;
  fds[0] = open_plain(fixture);
  fds[1] = open_plain(fixture);
  until_connections(fixture, 2);
  talk_say(&talk, &ask, NULL); /* the third */
  fixture_turn(fixture, 300);
  assert_false(talk.is_done);
  assert_int_equal(connections(fixture), 2);
  close(fds[0]);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_OK);
  close(fds[1]);
  fixture_free(fixture);
}

static void accept__descriptors_used_up__recovers(void **state) {
  enum { COUNT = 40 };
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk before = talk_make(fixture);
  struct talk after = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;
  struct rlimit limit;
  struct rlimit low;
  int fds[COUNT];
  size_t seen;

  (void)state;
  talk_say(&before, &ask, NULL);
  talk_wait(&before);
  for (int i = 0; i < COUNT; i++) {
    fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fds[i] >= 0);
  }
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  low = limit;
  low.rlim_cur = (rlim_t)fds[COUNT - 1] + 8;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
  for (int i = 0; i < COUNT; i++)
    connect_plain(fixture, fds[i]);
  fixture_turn(fixture, 400);
  seen = connections(fixture);
  assert_true(seen > 1 && seen < COUNT); /* some were let in, then none */
  for (int i = 0; i < COUNT; i++)
    close(fds[i]);
  talk_say(&after, &ask, NULL);
  talk_wait(&after);
  assert_int_equal(after.code, CB_OK);
  until_connections(fixture, 1);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
  fixture_free(fixture);
}

/* Makes an address of a socket file in a directory of its own. */
static void make_path(char *path, size_t room, char *directory) {
  assert_non_null(mkdtemp(directory));
  snprintf(path, room, "%s/s", directory);
}

static void unix_socket__stale_file__replaced_and_removed(void **state) {
  char directory[] = "/tmp/crpc-XXXXXX";
  char path[64];
  char address[80];
  struct sockaddr_un stale = {.sun_family = AF_UNIX};
  struct fixture *fixture;
  struct talk talk;
  echo_Ask ask = echo_Ask_INIT;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  (void)state;
  make_path(path, sizeof path, directory);
  snprintf(stale.sun_path, sizeof stale.sun_path, "%s", path);
  assert_int_equal(bind(fd, (const void *)&stale, sizeof stale), 0);
  close(fd); /* leaves the file */
  snprintf(address, sizeof address, "unix:%s", path);
  fixture = fixture_new(NULL, NULL, address);
  assert_string_equal(fixture->address, address);
  talk = talk_make(fixture);
  talk_say(&talk, &ask, NULL);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_OK);
  assert_string_equal(fixture->peer, "unix:");
  fixture_free(fixture);
  assert_int_equal(access(path, F_OK), -1);
  rmdir(directory);
}

/* Expects that a second server cannot listen there. */
static void expect_refused(struct fixture *fixture, const char *address) {
  const struct crpc_server_options options = {0};
  struct cb_status status;
  struct crpc_server *server =
      crpc_server_new(fixture->loop, &options, &status);
  char *bound = NULL;

  assert_non_null(server);
  assert_false(crpc_server_listen(server, address, &bound, &status));
  assert_null(bound);
  assert_int_equal(status.code, CB_UNAVAILABLE);
  assert_string_equal(status.field, "listen");
  assert_true(strlen(status.message) > 10);
  crpc_server_free(server);
}

static void unix_socket__live_or_no_socket__refused(void **state) {
  char directory[] = "/tmp/crpc-XXXXXX";
  char path[64];
  char address[80];
  char other[96];
  struct fixture *fixture;
  int fd;

  (void)state;
  make_path(path, sizeof path, directory);
  snprintf(address, sizeof address, "unix:%s", path);
  fixture = fixture_new(NULL, NULL, address);
  expect_refused(fixture, address);
  assert_int_equal(access(path, F_OK), 0);
  snprintf(other, sizeof other, "unix:%s/file", directory);
  fd = open(other + 5, O_CREAT | O_WRONLY, 0600);
  close(fd);
  expect_refused(fixture, other);
  assert_int_equal(access(other + 5, F_OK), 0);
  unlink(other + 5);
  fixture_free(fixture);
  rmdir(directory);
}

static void listen__bad_addresses__refused(void **state) {
  static const char *const bad[] = {"",
                                    "127.0.0.1",
                                    "127.0.0.1:",
                                    ":50051",
                                    "::1:50051",
                                    "[::1:50051",
                                    "127.0.0.1:-1",
                                    "127.0.0.1:65536",
                                    "127.0.0.1:1x",
                                    "203.0.113.7:50051",
                                    "unix:",
                                    "[]:1",
                                    "unix:/nonexistent-directory/s"};
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  char path[200] = "unix:/";

  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    expect_refused(fixture, bad[i]);
  }
  memset(path + 6, 'p', sizeof path - 7);
  expect_refused(fixture, path);
  expect_refused(fixture, fixture->address); /* in use */
  fixture_free(fixture);
}

static void listen__ipv6__works(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, "[::1]:0");
  struct talk talk = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  assert_int_equal(strncmp(fixture->address, "[::1]:", 6), 0);
  talk_say(&talk, &ask, NULL);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_OK);
  assert_int_equal(strncmp(fixture->peer, "[::1]:", 6), 0);
  fixture_free(fixture);
}

static void channel__nobody_there__unavailable(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk talk = talk_make(fixture);
  struct talk patient = talk_make(fixture);
  struct crpc_rpc_options options = {.wait_for_ready = true};
  struct crpc_channel *right = fixture->channel;
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  options.deadline = cb_now(NULL) + 300 * CB_MILLISECOND;
  fixture->channel = crpc_channel_new(fixture->loop, "127.0.0.1:1", NULL);
  talk_say(&talk, &ask, NULL);
  talk_say(&patient, &ask, &options);
  talk_wait(&talk);
  assert_int_equal(talk.code, CB_UNAVAILABLE);
  talk_wait(&patient);
  assert_int_equal(patient.code, CB_DEADLINE_EXCEEDED);
  crpc_channel_free(fixture->channel);
  fixture->channel = right;
  fixture_free(fixture);
}

static void channel_free__live_calls__cancelled_and_done(void **state) {
  struct fixture *fixture = fixture_new(NULL, NULL, NULL);
  struct talk say = talk_make(fixture);
  struct talk repeat = talk_make(fixture);
  echo_Ask ask = echo_Ask_INIT;

  (void)state;
  ask.how = "hold";
  ask.count = 1;
  talk_say(&say, &ask, NULL);
  talk_repeat(&repeat, &ask, NULL);
  fixture_until_count(fixture, &fixture->handled, 2);
  crpc_channel_free(fixture->channel);
  fixture->channel = NULL;
  talk_wait(&say);
  talk_wait(&repeat);
  assert_int_equal(say.code, CB_CANCELLED);
  assert_int_equal(repeat.code, CB_CANCELLED);
  fixture_until_count(fixture, &fixture->done, 2);
  fixture_free(fixture);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(drain__calls_in_flight__finished_ok),
      cmocka_unit_test(drain__past_deadline__calls_cancelled),
      cmocka_unit_test(free__never_started__nothing_left),
      cmocka_unit_test(start__no_thread__false_and_can_be_freed),
      cmocka_unit_test(drain__silent_connection__does_not_hold_it_up),
      cmocka_unit_test(drain__connection_just_accepted__closed),
      cmocka_unit_test(connections__come_and_go__counted),
      cmocka_unit_test(idle_timeout__silent_connection__closed),
      cmocka_unit_test(max_connections__one_past__waits_in_backlog),
      cmocka_unit_test(accept__descriptors_used_up__recovers),
      cmocka_unit_test(unix_socket__stale_file__replaced_and_removed),
      cmocka_unit_test(unix_socket__live_or_no_socket__refused),
      cmocka_unit_test(listen__bad_addresses__refused),
      cmocka_unit_test(listen__ipv6__works),
      cmocka_unit_test(channel__nobody_there__unavailable),
      cmocka_unit_test(channel_free__live_calls__cancelled_and_done),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
