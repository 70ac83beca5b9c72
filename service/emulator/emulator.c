#include "service/emulator/emulator.h"

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "service/emulator/rest_schema.h"
#include "service/emulator/server.h"

enum {
  EVENTS = 256,
  LONGEST_SLEEP_MS = 1000,
  USUAL_BODY = 64 << 20,
  USUAL_CONNECTIONS = 20000,
  ARENA_BYTES = 1 << 20,
  BACKLOG = 4096,
  HOST_ROOM = 256,
};

static int sleep_ms(struct vtx_emulator *emulator) {
  int own = cb_time_poll_ms(cb_now(NULL), cb_timers_next(&emulator->timers),
                            LONGEST_SLEEP_MS);
  MHD_UNSIGNED_LONG_LONG library;

  if (emulator->resumed) return 0;
  if (!cb_list_empty(&emulator->leaving)) return 1; /* their last bytes */
  if (MHD_get_timeout(emulator->daemon, &library) == MHD_YES &&
      library < (MHD_UNSIGNED_LONG_LONG)own) {
    own = (int)library;
  }
  return own;
}

/* Handles what the watch saw; false once the end is asked for. Connections are
 * freed by the library only, hence not before all events are through. */
static bool handle_events(struct vtx_emulator *emulator,
                          const struct epoll_event *events, int count) {
  bool more = true;

  for (int i = 0; i < count; i++) {
    if (events[i].data.ptr == emulator) {
      more = false;
    } else if (events[i].data.ptr) {
      vtx_emu_connection_left(emulator, events[i].data.ptr);
    }
  }
  return more;
}

static void *run(void *cls) {
  struct vtx_emulator *emulator = cls;
  struct epoll_event events[EVENTS];
  bool more = true;

  while (more) {
    int count =
        epoll_wait(emulator->watch_fd, events, EVENTS, sleep_ms(emulator));

    more = handle_events(emulator, events, count);
    cb_timers_run(&emulator->timers, cb_now(NULL));
    emulator->resumed = false;
    MHD_run(emulator->daemon);
    vtx_emu_connections_check(emulator);
  }
  vtx_emu_exchanges_break(emulator);
  MHD_stop_daemon(emulator->daemon);
  return NULL;
}

static bool fail(char **ret_error, const char *what, const char *why) {
  if (asprintf(ret_error, "%s: %s", what, why) < 0) *ret_error = NULL;
  return false;
}

/* getaddrinfo() would take 65537 for 1. */
static bool is_port(const char *text) {
  size_t digits = strspn(text, "0123456789");

  return digits > 0 && digits <= 5 && text[digits] == '\0' &&
         strtol(text, NULL, 10) <= UINT16_MAX;
}

/* Parts HOST:PORT or [V6]:PORT; false if it is neither. */
static bool split_address(const char *listen, char host[HOST_ROOM],
                          const char **ret_port) {
  const char *colon = strrchr(listen, ':');
  size_t size = colon ? (size_t)(colon - listen) : 0;

  if (size == 0 || size >= HOST_ROOM || !is_port(colon + 1)) return false;
  if (listen[0] == '[') {
    if (size < 3 || listen[size - 1] != ']') return false;
    listen++;
    size -= 2;
  }
  memcpy(host, listen, size);
  host[size] = '\0';
  *ret_port = colon + 1;
  return true;
}

static int listen_at(const struct addrinfo *address) {
  int fd = socket(address->ai_family,
                  address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int on = 1;

  if (fd < 0) return -1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 &&
      listen(fd, BACKLOG) == 0) {
    return fd;
  }
  close(fd);
  return -1;
}

/* A socket that listens, or -1. */
static int open_listener(const char *listen, char **ret_error) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
  struct addrinfo *address;
  char host[HOST_ROOM];
  const char *port;
  int trouble;
  int fd;

  if (!split_address(listen, host, &port)) {
    fail(ret_error, listen, "not of the form HOST:PORT");
    return -1;
  }
  trouble = getaddrinfo(host, port, &hints, &address);
  if (trouble != 0) {
    fail(ret_error, listen, gai_strerror(trouble));
    return -1;
  }
  fd = listen_at(address);
  if (fd < 0) fail(ret_error, listen, strerrordesc_np(errno));
  freeaddrinfo(address);
  return fd;
}

static bool make_url(struct vtx_emulator *emulator, int fd, char **ret_error) {
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];

  if (getsockname(fd, (struct sockaddr *)&address, &size) < 0 ||
      getnameinfo((struct sockaddr *)&address, size, host, sizeof host, port,
                  sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return fail(ret_error, "listening socket", strerrordesc_np(errno));
  }
  emulator->url = cb_arena_printf(
      emulator->arena, strchr(host, ':') ? "http://[%s]:%s" : "http://%s:%s",
      host, port);
  return emulator->url || fail(ret_error, "emulator", "out of memory");
}

static bool copy_text(struct cb_arena *arena, const char *text,
                      const char **ret_copy) {
  *ret_copy = cb_arena_strdup(arena, text);
  return !text || *ret_copy;
}

static bool copy_options(struct vtx_emulator *emulator,
                         const struct vtx_emulator_options *options,
                         char **ret_error) {
  struct vtx_emu_responder *responder = &emulator->responder;
  struct vtx_emu_knobs knobs = vtx_emu_knobs_default();
  const char *trouble;

  knobs.latency = options->latency;
  knobs.jitter = options->jitter;
  knobs.chunk_interval = options->chunk_interval;
  if (options->defaults && !vtx_emu_knobs_parse(&knobs, emulator->arena,
                                                options->defaults, &trouble)) {
    return fail(ret_error, "defaults", trouble);
  }
  vtx_emu_defaults_init(&emulator->defaults, &knobs);
  responder->defaults = &emulator->defaults;
  responder->targets = &emulator->targets;
  responder->random = UINT64_C(0x9e3779b97f4a7c15);
  emulator->gzip = options->gzip;
  emulator->max_body_bytes = options->max_body_bytes > 0
                                 ? options->max_body_bytes
                                 : (size_t)USUAL_BODY;
  responder->identity = &emulator->identity;
  emulator->identity.required = options->require_issued_token;
  return (copy_text(emulator->arena, options->public_key,
                    &emulator->identity.public_key) &&
          copy_text(emulator->arena, options->require_token,
                    &responder->require_token) &&
          copy_text(emulator->arena, options->require_api_key,
                    &responder->require_api_key)) ||
         fail(ret_error, "emulator", "out of memory");
}

static struct vtx_emulator *make_emulator(void) {
  struct cb_arena *arena = cb_arena_new(NULL, ARENA_BYTES, 0);
  struct vtx_emulator *emulator =
      arena ? cb_arena_zalloc(arena, 1, sizeof *emulator) : NULL;

  if (!emulator || !vtx_emu_targets_init(&emulator->targets, cb_now(NULL))) {
    cb_arena_free(arena);
    return NULL;
  }
  emulator->arena = arena;
  emulator->watch_fd = -1;
  emulator->wake_fd = -1;
  cb_list_init(&emulator->suspended);
  cb_list_init(&emulator->leaving);
  cb_timers_init(&emulator->timers);
  vtx_emu_captures_init(&emulator->captures);
  vtx_emu_identity_init(&emulator->identity, NULL, false);
  return emulator;
}

static void release(struct vtx_emulator *emulator) {
  if (emulator->watch_fd >= 0) close(emulator->watch_fd);
  if (emulator->wake_fd >= 0) close(emulator->wake_fd);
  vtx_emu_schema_free(emulator->schema);
  vtx_emu_captures_release(&emulator->captures);
  vtx_emu_identity_release(&emulator->identity);
  cb_timers_release(&emulator->timers);
  vtx_emu_defaults_release(&emulator->defaults);
  vtx_emu_targets_release(&emulator->targets);
  cb_arena_free(emulator->arena);
}

static bool watch(struct vtx_emulator *emulator, int fd, void *mark) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = mark};

  return epoll_ctl(emulator->watch_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* The daemon owns the listener; its events are marked NULL, the end's by the
 * emulator itself. */
static bool open_server(struct vtx_emulator *emulator,
                        const struct vtx_emulator_options *options,
                        char **ret_error) {
  const char *listen = options->listen ? options->listen : "127.0.0.1:0";
  size_t most = options->max_connections > 0 ? options->max_connections
                                             : (size_t)USUAL_CONNECTIONS;
  const union MHD_DaemonInfo *info;
  int fd = open_listener(listen, ret_error);

  if (fd < 0) return false;
  if (!make_url(emulator, fd, ret_error)) {
    close(fd);
    return false;
  }
  emulator->watch_fd = epoll_create1(EPOLL_CLOEXEC);
  emulator->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  emulator->daemon = vtx_emu_daemon_start(emulator, fd, most);
  if (!emulator->daemon) {
    close(fd);
    return fail(ret_error, listen, "the HTTP server does not start");
  }
  info = MHD_get_daemon_info(emulator->daemon, MHD_DAEMON_INFO_EPOLL_FD);
  if (info && watch(emulator, info->epoll_fd, NULL) &&
      watch(emulator, emulator->wake_fd, emulator)) {
    return true;
  }
  MHD_stop_daemon(emulator->daemon);
  return fail(ret_error, listen, strerrordesc_np(errno));
}

/* Signals are the program's business, not this thread's. */
static bool start_thread(struct vtx_emulator *emulator, char **ret_error) {
  sigset_t all;
  sigset_t before;
  int trouble;

  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  trouble = pthread_create(&emulator->thread, NULL, run, emulator);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return trouble == 0 ||
         fail(ret_error, "emulator thread", strerrordesc_np(trouble));
}

struct vtx_emulator *vtx_emulator_new(
    const struct vtx_emulator_options *options, char **ret_error) {
  struct vtx_emulator *emulator = make_emulator();

  *ret_error = NULL;
  if (!emulator) return NULL;
  emulator->schema = vtx_emu_schema_new();
  emulator->responder.schema = emulator->schema;
  if (!emulator->schema) {
    fail(ret_error, "emulator", "out of memory");
    goto out;
  }
  if (!copy_options(emulator, options, ret_error)) goto out;
  if (!open_server(emulator, options, ret_error)) goto out;
  if (start_thread(emulator, ret_error)) return emulator;
  MHD_stop_daemon(emulator->daemon);

out:
  release(emulator);
  return NULL;
}

const char *vtx_emulator_url(const struct vtx_emulator *emulator) {
  return emulator->url;
}

void vtx_emulator_free(struct vtx_emulator *emulator) {
  uint64_t one = 1;
  ssize_t written;

  if (!emulator) return;
  written = write(emulator->wake_fd, &one, sizeof one);
  assert(written == sizeof one); /* an eventfd takes what is written once */
  (void)written;
  pthread_join(emulator->thread, NULL);
  release(emulator);
}
