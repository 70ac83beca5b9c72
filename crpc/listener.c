#include "crpc/listener.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "crpc/loop.h"

/* The thread sleeps in epoll on three kinds of descriptors: an eventfd that
 * ends it, the listening sockets, and one duplicate for each connection. The
 * core shuts a socket down before it closes it, which the duplicate sees as a
 * hang-up; so does it when the peer is gone.
 *
 * A connection needs two descriptors. The second is taken before accept (the
 * spare, replaced by dup3), so that a connection is never accepted that cannot
 * be watched. Without a spare, and after accept() found no descriptor left,
 * the sockets are out of the epoll set for a moment: clients wait in the
 * kernel's backlog. */

#define MAX_SOCKETS 16
#define ACCEPT_BURST 64
#define EVENT_BATCH 64
#define PAUSE_MS 100

struct listening {
  enum crpc_watch kind;
  struct crpc_socket socket;
};

struct crpc_listener {
  enum crpc_watch kind; /* CRPC_WATCH_WAKE: what the eventfd's events name */
  struct crpc_loop *loop;
  const struct crpc_listener_events *events;
  void *self;
  size_t max_connections;
  struct listening sockets[MAX_SOCKETS];
  size_t socket_count;
  int poll_fd;
  int wake_fd;
  pthread_t thread;
  bool running;          /* the thread is to be joined */
  _Atomic bool stopping; /* tells the thread to end */
  struct cb_link conns;  /* the loop's: opened and not closed */

  /* The thread's own. */
  int spare;
  size_t connections;
  bool armed;  /* the sockets are in the epoll set */
  bool paused; /* no descriptor or memory left a moment ago */
};

struct crpc_conn *crpc_conn_ref(struct crpc_conn *conn) {
  conn->refs++;
  return conn;
}

void crpc_conn_unref(struct crpc_conn *conn) {
  assert(conn->refs > 0);
  if (--conn->refs == 0) free(conn);
}

static void on_opened(struct cb_mail *mail) {
  struct crpc_conn *conn = CB_CONTAINER(mail, struct crpc_conn, opened);
  struct crpc_listener *listener = conn->listener;

  cb_list_append(&listener->conns, &conn->link);
  listener->events->opened(conn, listener->self);
}

static void forget(struct crpc_conn *conn) {
  struct crpc_listener *listener = conn->listener;

  cb_list_remove(&conn->link);
  listener->events->closed(conn, listener->self);
  crpc_conn_unref(conn);
}

static void on_closed(struct cb_mail *mail) {
  forget(CB_CONTAINER(mail, struct crpc_conn, closed));
}

/* Thread side: the duplicate saw the connection end. */
static void conn_ended(struct crpc_listener *listener, struct crpc_conn *conn) {
  /* Closing alone does not end the watch while the core's descriptor of the
   * same connection is open: the end would be told twice. */
  epoll_ctl(listener->poll_fd, EPOLL_CTL_DEL, conn->watch, NULL);
  close(conn->watch);
  conn->watch = -1;
  listener->connections--;
  crpc_loop_post(listener->loop, &conn->closed);
}

/* Makes the connection of fd known, its duplicate being the spare. On failure
 * nothing has happened. */
static bool conn_began(struct crpc_listener *listener, int fd,
                       const struct sockaddr *address) {
  struct crpc_conn *conn = calloc(1, sizeof *conn);
  /* Asks for nothing: hang-up and error are always reported. */
  struct epoll_event event = {.events = 0, .data.ptr = conn};
  int on = 1;

  if (!conn) return false;
  *conn = (struct crpc_conn){.kind = CRPC_WATCH_CONN,
                             .listener = listener,
                             .opened.deliver = on_opened,
                             .closed.deliver = on_closed,
                             .fd = fd,
                             .watch = listener->spare,
                             .refs = 1};
  cb_list_init(&conn->link);
  crpc_address_print(address, conn->peer);
  if (dup3(fd, conn->watch, O_CLOEXEC) < 0 ||
      epoll_ctl(listener->poll_fd, EPOLL_CTL_ADD, conn->watch, &event) != 0) {
    close(conn->watch); /* may be a duplicate of fd by now */
    listener->spare = -1;
    free(conn);
    return false;
  }
  listener->spare = -1;
  listener->connections++;
  if (address->sa_family != AF_UNIX) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  crpc_loop_post(listener->loop, &conn->opened);
  return true;
}

static bool take_spare(struct crpc_listener *listener) {
  if (listener->spare < 0) {
    listener->spare = fcntl(listener->wake_fd, F_DUPFD_CLOEXEC, 0);
  }
  if (listener->spare < 0) listener->paused = true;
  return listener->spare >= 0;
}

/* True while there may be more to accept. */
static bool accept_one(struct crpc_listener *listener, int socket) {
  struct sockaddr_storage address = {.ss_family = AF_UNIX};
  socklen_t size = sizeof address;
  int fd;

  if (listener->connections >= listener->max_connections) return false;
  if (!take_spare(listener)) return false;
  fd = accept4(socket, (void *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
  if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) return true;
  if (fd >= 0 && conn_began(listener, fd, (const void *)&address)) return true;
  if (fd >= 0) close(fd);
  listener->paused = true;
  return false;
}

static void arm(struct crpc_listener *listener) {
  bool want =
      !listener->paused && listener->connections < listener->max_connections;

  if (want == listener->armed) return;
  for (size_t i = 0; i < listener->socket_count; i++) {
    struct epoll_event event = {.events = want ? EPOLLIN : 0,
                                .data.ptr = &listener->sockets[i]};

    epoll_ctl(listener->poll_fd, EPOLL_CTL_MOD, listener->sockets[i].socket.fd,
              &event);
  }
  listener->armed = want;
}

static void handle(struct crpc_listener *listener,
                   const struct epoll_event *event) {
  enum crpc_watch *kind = event->data.ptr;

  switch (*kind) {
    case CRPC_WATCH_WAKE:
      break; /* stopping is looked at anyway */
    case CRPC_WATCH_SOCKET: {
      struct listening *at = event->data.ptr;
      int left = ACCEPT_BURST;

      while (left-- > 0 && accept_one(listener, at->socket.fd)) {
      }
      break;
    }
    case CRPC_WATCH_CONN:
      conn_ended(listener, event->data.ptr);
      break;
  }
}

static void *run(void *arg) {
  struct crpc_listener *listener = arg;
  struct epoll_event events[EVENT_BATCH];

  while (!atomic_load(&listener->stopping)) {
    int count;

    arm(listener);
    count = epoll_wait(listener->poll_fd, events, EVENT_BATCH,
                       listener->paused ? PAUSE_MS : -1);
    listener->paused = false;
    for (int i = 0; i < count; i++)
      handle(listener, &events[i]);
  }
  return NULL;
}

struct crpc_listener *crpc_listener_new(
    struct crpc_loop *loop, int max_connections,
    const struct crpc_listener_events *events, void *self) {
  struct crpc_listener *listener = calloc(1, sizeof *listener);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = listener};

  if (!listener) return NULL;
  listener->kind = CRPC_WATCH_WAKE;
  listener->loop = loop;
  listener->events = events;
  listener->self = self;
  listener->max_connections = (size_t)max_connections;
  listener->spare = -1;
  cb_list_init(&listener->conns);
  listener->poll_fd = epoll_create1(EPOLL_CLOEXEC);
  listener->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (listener->poll_fd >= 0 && listener->wake_fd >= 0 &&
      epoll_ctl(listener->poll_fd, EPOLL_CTL_ADD, listener->wake_fd, &event) ==
          0) {
    return listener;
  }
  crpc_listener_free(listener);
  return NULL;
}

static struct cb_status refuse(const char *message) {
  struct cb_status status =
      cb_status_make(CB_UNAVAILABLE, "LISTEN_FAILED", message);

  status.field = "listen";
  return status;
}

bool crpc_listener_listen(struct crpc_listener *listener, const char *address,
                          char **ret_address, struct cb_status *ret_status) {
  size_t first = listener->socket_count;
  struct crpc_socket opened[MAX_SOCKETS];
  size_t count;

  assert(!listener->running);
  if (first == MAX_SOCKETS) {
    *ret_status = refuse("too many addresses to listen on");
    return false;
  }
  count = crpc_address_listen(address, opened, MAX_SOCKETS - first, ret_address,
                              ret_status);
  for (size_t i = 0; i < count; i++) {
    struct listening *at = &listener->sockets[listener->socket_count++];
    struct epoll_event event = {.data.ptr = at};

    *at = (struct listening){CRPC_WATCH_SOCKET, opened[i]};
    if (epoll_ctl(listener->poll_fd, EPOLL_CTL_ADD, at->socket.fd, &event)) {
      *ret_status = refuse("the kernel will not watch one more descriptor");
      free(*ret_address);
      *ret_address = NULL;
      return false; /* what was opened is closed with the listener */
    }
  }
  return count > 0;
}

bool crpc_listener_start(struct crpc_listener *listener) {
  sigset_t all;
  sigset_t before;

  assert(!listener->running);
  sigfillset(&all); /* signals are for the program's own threads */
  pthread_sigmask(SIG_SETMASK, &all, &before);
  listener->running =
      pthread_create(&listener->thread, NULL, run, listener) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return listener->running;
}

void crpc_listener_stop(struct crpc_listener *listener) {
  uint64_t one = 1;

  if (listener->running) {
    ssize_t written;

    atomic_store(&listener->stopping, true);
    written = write(listener->wake_fd, &one, sizeof one);
    assert(written == sizeof one);
    (void)written;
    pthread_join(listener->thread, NULL);
    listener->running = false;
  }
  while (listener->socket_count > 0) {
    crpc_socket_close(&listener->sockets[--listener->socket_count].socket);
  }
}

void crpc_listener_free(struct crpc_listener *listener) {
  if (!listener) return;
  crpc_listener_stop(listener);
  while (!cb_list_empty(&listener->conns)) {
    struct crpc_conn *conn =
        CB_CONTAINER(listener->conns.next, struct crpc_conn, link);

    if (conn->watch >= 0) close(conn->watch);
    conn->watch = -1;
    forget(conn);
  }
  if (listener->spare >= 0) close(listener->spare);
  if (listener->wake_fd >= 0) close(listener->wake_fd);
  if (listener->poll_fd >= 0) close(listener->poll_fd);
  free(listener);
}
