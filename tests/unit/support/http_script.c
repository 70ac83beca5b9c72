#include "http_script.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define REPLIES 32
#define BLOCK 16384

struct connection {
  struct connection *next;
  struct connection *prev;
  int fd;
  char *request;
  size_t len;
  const struct http_reply *reply; /* NULL: reading */
  int step;
  size_t sent;   /* bytes of the step */
  int64_t until; /* of a wait, 0 if none */
};

struct http_script {
  const struct http_reply *replies;
  size_t reply_count;
  int used[REPLIES];
  int listener;
  int poller;
  int stopper;
  pthread_t thread;
  pthread_mutex_t mutex; /* counts and last */
  struct http_counts counts;
  char *last;
  char url[64];
  struct connection *first;
  bool gathered; /* those that wait for others may go on */
};

static void must(bool fine, const char *what) {
  if (fine) return;
  perror(what);
  abort();
}

static void watch(struct http_script *script, int fd, void *what) {
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET,
                              .data.ptr = what};

  must(epoll_ctl(script->poller, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

static void drop(struct http_script *script, struct connection *connection) {
  pthread_mutex_lock(&script->mutex);
  script->counts.open--;
  script->counts.busy -= connection->reply != NULL;
  pthread_mutex_unlock(&script->mutex);
  if (connection->prev) {
    connection->prev->next = connection->next;
  } else {
    script->first = connection->next;
  }
  if (connection->next) connection->next->prev = connection->prev;
  close(connection->fd);
  free(connection->request);
  free(connection);
}

static void reset(struct connection *connection) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};

  setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

static void accept_all(struct http_script *script) {
  int fd;

  while ((fd = accept4(script->listener, NULL, NULL,
                       SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    struct connection *connection = calloc(1, sizeof *connection);
    int on = 1;

    must(connection != NULL, "calloc");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection->fd = fd;
    connection->next = script->first;
    if (script->first) script->first->prev = connection;
    script->first = connection;
    pthread_mutex_lock(&script->mutex);
    script->counts.accepted++;
    script->counts.open++;
    pthread_mutex_unlock(&script->mutex);
    watch(script, fd, connection);
  }
}

/* Bytes of the first request in the buffer, 0 if it is not whole. */
static size_t request_size(const struct connection *connection) {
  const char *end = NULL;
  const char *length = NULL;
  size_t size;

  if (connection->len > 0) end = strstr(connection->request, "\r\n\r\n");
  if (!end) return 0;
  size = (size_t)(end - connection->request) + 4;
  length = strcasestr(connection->request, "\r\ncontent-length:");
  if (length && length < end) size += strtoul(length + 17, NULL, 10);
  return connection->len >= size ? size : 0;
}

static const struct http_reply *choose(struct http_script *script,
                                       const char *request) {
  size_t line = strcspn(request, "\r");

  for (size_t i = 0; i < script->reply_count; i++) {
    const struct http_reply *reply = &script->replies[i];
    const char *at = strstr(request, reply->path);

    if (!at || (size_t)(at - request) >= line) continue;
    if (reply->uses > 0 && script->used[i] >= reply->uses) continue;
    script->used[i]++;
    return reply;
  }
  fprintf(stderr, "no reply for %.*s\n", (int)line, request);
  abort();
}

static void begin(struct http_script *script, struct connection *connection,
                  size_t size) {
  struct http_counts *counts = &script->counts;

  connection->reply = choose(script, connection->request);
  connection->step = 0;
  connection->sent = 0;
  pthread_mutex_lock(&script->mutex);
  counts->requests++;
  counts->busy++;
  if (counts->busy > counts->most_busy) counts->most_busy = counts->busy;
  if (connection->reply->steps[0].action == HTTP_GATHER &&
      counts->busy == connection->reply->steps[0].size) {
    script->gathered = true;
  }
  free(script->last);
  script->last = strndup(connection->request, size);
  pthread_mutex_unlock(&script->mutex);
  connection->len -= size;
  memmove(connection->request, connection->request + size, connection->len + 1);
}

/* False if the client has gone. */
static bool read_more(struct connection *connection) {
  char bytes[16384];
  ssize_t got;

  while ((got = read(connection->fd, bytes, sizeof bytes)) > 0) {
    size_t size = (size_t)got;

    connection->request =
        realloc(connection->request, connection->len + size + 1);
    must(connection->request != NULL, "realloc");
    memcpy(connection->request + connection->len, bytes, size);
    connection->len += size;
    connection->request[connection->len] = '\0';
  }
  return got < 0 && errno == EAGAIN;
}

enum progress { GOES_ON, STUCK, OVER };

/* The next bytes of the step: as many as one write takes, small pieces that
 * come many times over put together in block. */
static size_t next_bytes(const struct connection *connection,
                         const struct http_step *step, char *block,
                         const char **ret_bytes) {
  size_t size = step->size > 0 ? step->size : strlen(step->data);
  size_t total = size * (step->times > 0 ? step->times : 1);
  size_t offset = connection->sent % size;
  size_t len = 0;

  *ret_bytes = step->data + offset;
  if (connection->sent == total) return 0;
  if (step->action == HTTP_DRIP) return 1;
  if (total == size || size >= BLOCK) return size - offset;
  while (len < BLOCK && connection->sent + len < total) {
    block[len] = step->data[(offset + len) % size];
    len++;
  }
  *ret_bytes = block;
  return len;
}

/* Writes what is left of a SEND or DRIP step. */
static enum progress send_step(struct connection *connection,
                               const struct http_step *step) {
  char block[BLOCK];
  const char *bytes = NULL;
  size_t size;

  while ((size = next_bytes(connection, step, block, &bytes)) > 0) {
    ssize_t put = send(connection->fd, bytes, size, MSG_NOSIGNAL);

    if (put < 0) return errno == EAGAIN ? STUCK : OVER;
    connection->sent += (size_t)put;
  }
  return GOES_ON;
}

static enum progress do_step(const struct http_script *script,
                             struct connection *connection) {
  const struct http_step *step = &connection->reply->steps[connection->step];

  switch (step->action) {
    case HTTP_SEND:
    case HTTP_DRIP:
      return send_step(connection, step);
    case HTTP_WAIT:
      if (connection->until == 0) {
        connection->until =
            cb_time_add(cb_now(NULL), step->ms * CB_MILLISECOND);
      }
      if (cb_now(NULL) < connection->until) return STUCK;
      connection->until = 0;
      return GOES_ON;
    case HTTP_GATHER:
      return script->counts.most_busy < step->size ? STUCK : GOES_ON;
    case HTTP_RESET:
      reset(connection);
      return OVER;
    case HTTP_CLOSE:
      return OVER;
    case HTTP_HANG:
    case HTTP_END:
      break;
  }
  return STUCK;
}

/* Goes as far as it can. */
static void advance(struct http_script *script, struct connection *connection) {
  for (;;) {
    size_t size = connection->reply ? 0 : request_size(connection);
    enum progress progress;

    if (size > 0) begin(script, connection, size);
    if (!connection->reply) return;
    if (connection->reply->steps[connection->step].action == HTTP_END) {
      pthread_mutex_lock(&script->mutex);
      script->counts.busy--;
      pthread_mutex_unlock(&script->mutex);
      connection->reply = NULL;
      continue;
    }
    progress = do_step(script, connection);
    if (progress == OVER) drop(script, connection);
    if (progress != GOES_ON) return;
    connection->step++;
    connection->sent = 0;
  }
}

static void on_ready(struct http_script *script,
                     struct connection *connection) {
  if (read_more(connection)) {
    advance(script, connection);
    return;
  }
  pthread_mutex_lock(&script->mutex);
  script->counts.abandoned += connection->reply != NULL;
  pthread_mutex_unlock(&script->mutex);
  drop(script, connection);
}

/* Goes on with those whose wait is over; returns when the next one's is. */
static int64_t run_waits(struct http_script *script) {
  struct connection *connection = script->first;
  int64_t next = CB_NEVER;
  int64_t now = cb_now(NULL);
  bool gathered = script->gathered;

  script->gathered = false;
  while (connection) {
    struct connection *after = connection->next; /* advance() may free it */

    if (gathered || (connection->until > 0 && connection->until <= now)) {
      advance(script, connection);
    }
    connection = after;
  }
  for (connection = script->first; connection; connection = connection->next) {
    if (connection->until > 0 && connection->until < next) {
      next = connection->until;
    }
  }
  return next;
}

static void *run(void *arg) {
  struct http_script *script = arg;
  struct epoll_event events[256];
  int64_t next = CB_NEVER;

  for (;;) {
    int count = epoll_wait(script->poller, events, 256,
                           cb_time_poll_ms(cb_now(NULL), next, 1000));

    for (int i = 0; i < count; i++) {
      void *what = events[i].data.ptr;

      if (what == &script->stopper) return NULL;
      if (what == &script->listener) {
        accept_all(script);
      } else {
        on_ready(script, what);
      }
    }
    next = run_waits(script);
  }
}

struct http_script *http_script_start(const struct http_reply *replies,
                                      size_t count) {
  struct http_script *script = calloc(1, sizeof *script);
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;

  must(script && count <= REPLIES, "http_script_start");
  script->replies = replies;
  script->reply_count = count;
  pthread_mutex_init(&script->mutex, NULL);
  script->listener =
      socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  must(bind(script->listener, (struct sockaddr *)&address, size) == 0 &&
           listen(script->listener, 4096) == 0 &&
           getsockname(script->listener, (struct sockaddr *)&address, &size) ==
               0,
       "listen");
  snprintf(script->url, sizeof script->url, "http://127.0.0.1:%d",
           ntohs(address.sin_port));
  script->poller = epoll_create1(EPOLL_CLOEXEC);
  script->stopper = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  watch(script, script->listener, &script->listener);
  /* Written to at stop; watched for that alone. */
  must(epoll_ctl(script->poller, EPOLL_CTL_ADD, script->stopper,
                 &(struct epoll_event){.events = EPOLLIN,
                                       .data.ptr = &script->stopper}) == 0,
       "epoll_ctl");
  must(pthread_create(&script->thread, NULL, run, script) == 0, "thread");
  return script;
}

void http_script_stop(struct http_script *script) {
  const uint64_t one = 1;

  must(write(script->stopper, &one, sizeof one) == sizeof one, "write");
  pthread_join(script->thread, NULL);
  while (script->first)
    drop(script, script->first);
  close(script->listener);
  close(script->poller);
  close(script->stopper);
  pthread_mutex_destroy(&script->mutex);
  free(script->last);
  free(script);
}

const char *http_script_url(const struct http_script *script) {
  return script->url;
}

struct http_counts http_script_counts(struct http_script *script) {
  struct http_counts counts;

  pthread_mutex_lock(&script->mutex);
  counts = script->counts;
  pthread_mutex_unlock(&script->mutex);
  return counts;
}

char *http_script_last(struct http_script *script) {
  char *last;

  pthread_mutex_lock(&script->mutex);
  last = strdup(script->last ? script->last : "");
  pthread_mutex_unlock(&script->mutex);
  return last;
}

char *http_script_json(const char *body) {
  char *text = NULL;

  must(asprintf(&text,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                "Content-Length: %zu\r\n\r\n%s",
                strlen(body), body) > 0,
       "asprintf");
  return text;
}
