#include "service/metrics/server.h"

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "service/metrics/exposition.h"

/* The thread sleeps in an epoll of its own, which watches an eventfd that ends
 * it, the sockets, the library's epoll, and of connections only their peers'
 * leaving. Three things the library does not do:
 *
 *  - It would turn in circles when descriptors run out: accepting is done here,
 *    and paused then.
 *  - Its timeouts begin anew with each byte, which a peer can draw out for
 *    hours: connections are cut here when their time is over.
 *  - It does not see an end that comes along with the bytes before it, since it
 *    asks epoll for edges and stops reading at the first short read. Once it
 *    has read those, shutting that direction makes another edge.
 */

#define USUAL_LIFE (10 * CB_SECOND)
#define HEAD_BYTES ((size_t)8 * 1024)
#define LONGEST_SLEEP_MS 60000
#define PAUSE (100 * CB_MILLISECOND) /* when none could be accepted */

struct peer {
  int fd;        /* -1: there is none */
  int64_t until; /* cb_clock; CB_NEVER once it was cut */
  bool leaving;  /* it says no more, which the library is to be told */
  bool left;     /* the library was told */
};

/* What an event is about: the peer of that index, or one of these. */
enum {
  WAKE = VTX_METRICS_CONNECTIONS,
  LIBRARY,
  SOCKETS, /* the first of them */
  WATCHED = SOCKETS + VTX_METRICS_SOCKETS,
};

/* All but options is the thread's own. */
struct vtx_metrics_server {
  struct vtx_metrics_options options;
  pthread_t thread;
  int watch_fd;
  int wake_fd; /* written once, for the end */
  struct MHD_Daemon *daemon;
  struct peer peers[VTX_METRICS_CONNECTIONS];
  bool accepting; /* the sockets are watched */
  int64_t paused; /* cb_clock, until when none is accepted */
};

static bool watch(struct vtx_metrics_server *server, int fd, uint32_t events,
                  uint32_t what) {
  struct epoll_event event = {.events = events, .data.u32 = what};

  return epoll_ctl(server->watch_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static int64_t read_clock(const struct vtx_metrics_server *server) {
  return cb_now(server->options.clock);
}

/* Requests. */

static bool add_headers(struct MHD_Response *response, unsigned status) {
  const char *type =
      status == MHD_HTTP_OK ? VTX_EXPOSITION_TYPE : "text/plain; charset=utf-8";

  return MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                                 type) == MHD_YES &&
         MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION,
                                 "close") == MHD_YES &&
         (status != MHD_HTTP_METHOD_NOT_ALLOWED ||
          MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW,
                                  "GET, HEAD") == MHD_YES);
}

static enum MHD_Result reply(struct MHD_Connection *http, unsigned status,
                             const char *body, size_t size) {
  struct MHD_Response *response = MHD_create_response_from_buffer(
      size, (void *)body, MHD_RESPMEM_MUST_COPY);
  enum MHD_Result result = MHD_NO;

  if (!response) return MHD_NO;
  if (add_headers(response, status))
    result = MHD_queue_response(http, status, response);
  MHD_destroy_response(response);
  return result;
}

static enum MHD_Result reply_text(struct MHD_Connection *http, unsigned status,
                                  const char *text) {
  return reply(http, status, text, strlen(text));
}

static enum MHD_Result reply_page(const struct vtx_metrics_server *server,
                                  struct MHD_Connection *http) {
  const struct vtx_metrics_options *options = &server->options;
  enum MHD_Result result;
  struct cb_buf page;

  cb_buf_init(&page, options->max_page_bytes, NULL);
  if (options->make(options->self, &page) && page.len > 0 && !page.failed)
    result = reply(http, MHD_HTTP_OK, page.data, page.len);
  else
    result = reply_text(http, MHD_HTTP_SERVICE_UNAVAILABLE,
                        "there are no figures now\n");
  cb_buf_release(&page);
  return result;
}

/* Called with the head, with each bit of a body, and when all is there. */
static enum MHD_Result handle(void *cls, struct MHD_Connection *http,
                              const char *path, const char *method,
                              const char *version, const char *data,
                              size_t *size, void **context) {
  const struct vtx_metrics_server *server = cls;

  (void)version;
  (void)data;
  if (!*context) {
    *context = cls;
    return MHD_YES;
  }
  if (*size > 0) {
    *size = 0;
    return MHD_YES;
  }
  if (strcmp(path, VTX_METRICS_PATH) != 0)
    return reply_text(http, MHD_HTTP_NOT_FOUND,
                      "there is nothing but " VTX_METRICS_PATH "\n");
  if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
      strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
    return reply_text(http, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
  return reply_page(server, http);
}

/* Connections. */

/* The peer of that descriptor, or with -1 room for one; NULL if there is none.
 */
static struct peer *find_peer(struct vtx_metrics_server *server, int fd) {
  for (size_t i = 0; i < VTX_METRICS_CONNECTIONS; i++)
    if (server->peers[i].fd == fd) return &server->peers[i];
  return NULL;
}

static void forget(struct vtx_metrics_server *server, int fd) {
  struct peer *peer = find_peer(server, fd);

  if (peer) peer->fd = -1;
}

static void on_connection(void *cls, struct MHD_Connection *http,
                          void **context,
                          enum MHD_ConnectionNotificationCode code) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(http, MHD_CONNECTION_INFO_CONNECTION_FD);

  (void)context;
  if (code == MHD_CONNECTION_NOTIFY_CLOSED && info)
    forget(cls, info->connect_fd);
}

/* One that cannot be watched is better not there. */
static bool add_peer(struct vtx_metrics_server *server, struct peer *peer,
                     int fd) {
  uint32_t index = (uint32_t)(peer - server->peers);

  if (!watch(server, fd, EPOLLRDHUP | EPOLLET, index)) return false;
  *peer = (struct peer){
      .fd = fd, .until = cb_time_add(read_clock(server), server->options.life)};
  return true;
}

static void accept_one(struct vtx_metrics_server *server, int socket) {
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  struct peer *peer = find_peer(server, -1);
  int fd;

  if (!peer) return;
  fd = accept4(socket, (void *)&address, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    if (errno != EAGAIN)
      server->paused = cb_time_add(read_clock(server), PAUSE);
  } else if (!add_peer(server, peer, fd)) {
    close(fd);
  } else if (MHD_add_connection(server->daemon, fd, (void *)&address, size) !=
             MHD_YES) {
    forget(server, fd); /* the library has closed it */
  }
}

/* The library takes what is shut for the peer's end. */
static void see_off(struct peer *peer, int64_t now) {
  if (peer->fd < 0) return;
  if (peer->leaving && !peer->left) {
    shutdown(peer->fd, SHUT_RD);
    peer->left = true;
  }
  if (now >= peer->until) {
    shutdown(peer->fd, SHUT_RDWR);
    peer->until = CB_NEVER;
  }
}

/* The loop. */

static int sleep_ms(const struct vtx_metrics_server *server, int64_t now) {
  MHD_UNSIGNED_LONG_LONG library;
  int64_t until = server->accepting ? CB_NEVER : server->paused;
  int ms;

  if (until <= now) until = CB_NEVER; /* it waits for a peer to go */
  for (size_t i = 0; i < VTX_METRICS_CONNECTIONS; i++)
    if (server->peers[i].fd >= 0 && server->peers[i].until < until)
      until = server->peers[i].until;
  ms = cb_time_poll_ms(now, until, LONGEST_SLEEP_MS);
  if (MHD_get_timeout(server->daemon, &library) == MHD_YES &&
      library < (MHD_UNSIGNED_LONG_LONG)ms)
    ms = (int)library;
  return ms;
}

/* Watches the sockets as long as a peer can be taken. */
static void settle_accepting(struct vtx_metrics_server *server, int64_t now) {
  const struct vtx_metrics_options *options = &server->options;
  bool accepting = find_peer(server, -1) != NULL && now >= server->paused;

  if (accepting == server->accepting) return;
  server->accepting = accepting;
  for (uint32_t i = 0; i < options->socket_count; i++) {
    struct epoll_event event = {.events = accepting ? EPOLLIN : 0,
                                .data.u32 = SOCKETS + i};

    epoll_ctl(server->watch_fd, EPOLL_CTL_MOD, options->sockets[i], &event);
  }
}

/* Waits for something to do, and accepts. False when it is the end. */
static bool wait_for_work(struct vtx_metrics_server *server) {
  struct epoll_event events[WATCHED];
  /* One moment for both: were the pause over for the second alone, nothing
   * would be watched and nothing waited for. */
  int64_t now = read_clock(server);
  bool more = true;
  int count;

  settle_accepting(server, now);
  count = epoll_wait(server->watch_fd, events, WATCHED, sleep_ms(server, now));
  for (int i = 0; i < count; i++) {
    uint32_t what = events[i].data.u32;

    if (what == WAKE) {
      more = false;
    } else if (what >= SOCKETS) {
      accept_one(server, server->options.sockets[what - SOCKETS]);
    } else if (what < VTX_METRICS_CONNECTIONS) {
      server->peers[what].leaving = true;
    }
  }
  return more;
}

static void *run(void *arg) {
  struct vtx_metrics_server *server = arg;

  while (wait_for_work(server)) {
    int64_t now = read_clock(server);

    MHD_run(server->daemon);
    for (size_t i = 0; i < VTX_METRICS_CONNECTIONS; i++)
      see_off(&server->peers[i], now);
  }
  MHD_stop_daemon(server->daemon);
  return NULL;
}

/* Life. */

static bool start_daemon(struct vtx_metrics_server *server) {
  const union MHD_DaemonInfo *info;

  server->daemon = MHD_start_daemon(
      MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, handle, server,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEAD_BYTES,
      MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_END);
  if (!server->daemon) return false;
  info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
  return info && watch(server, info->epoll_fd, EPOLLIN, LIBRARY);
}

static bool start_watch(struct vtx_metrics_server *server) {
  const struct vtx_metrics_options *options = &server->options;

  server->watch_fd = epoll_create1(EPOLL_CLOEXEC);
  server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (server->watch_fd < 0 || server->wake_fd < 0) return false;
  if (!watch(server, server->wake_fd, EPOLLIN, WAKE)) return false;
  for (uint32_t i = 0; i < options->socket_count; i++)
    if (!watch(server, options->sockets[i], EPOLLIN, SOCKETS + i)) return false;
  server->accepting = true;
  return true;
}

/* Signals are the program's business, not this thread's. */
static bool start_thread(struct vtx_metrics_server *server) {
  sigset_t all;
  sigset_t before;
  bool good;

  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  good = pthread_create(&server->thread, NULL, run, server) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return good;
}

/* The daemon is the thread's to stop, if there was one. */
static void release(struct vtx_metrics_server *server) {
  if (server->watch_fd >= 0) close(server->watch_fd);
  if (server->wake_fd >= 0) close(server->wake_fd);
  free(server);
}

struct vtx_metrics_server *vtx_metrics_server_new(
    const struct vtx_metrics_options *options) {
  struct vtx_metrics_server *server = calloc(1, sizeof *server);

  assert(options->socket_count <= VTX_METRICS_SOCKETS);
  if (!server) return NULL;
  server->options = *options;
  if (server->options.life == 0) server->options.life = USUAL_LIFE;
  for (size_t i = 0; i < VTX_METRICS_CONNECTIONS; i++)
    server->peers[i].fd = -1;
  if (start_watch(server) && start_daemon(server) && start_thread(server))
    return server;
  if (server->daemon) MHD_stop_daemon(server->daemon);
  release(server);
  return NULL;
}

void vtx_metrics_server_free(struct vtx_metrics_server *server) {
  uint64_t one = 1;
  ssize_t written;

  if (!server) return;
  written = write(server->wake_fd, &one, sizeof one);
  assert(written == sizeof one); /* an eventfd takes what is written once */
  (void)written;
  pthread_join(server->thread, NULL);
  release(server);
}
