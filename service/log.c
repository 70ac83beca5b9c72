#include "service/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

/* Two buffers: writers fill one under the lock, the thread writes out the
 * other without it and then swaps. The descriptor is polled before each write
 * of at most PIPE_BUF bytes, so that the thread never hangs in write() and an
 * end can always be reached. */

#define PATIENCE (1 * CB_SECOND) /* at the end, with a reader that is stuck */
#define POLL_MS 100

struct vtx_log {
  int fd;
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t more;
  struct cb_buf filling; /* under the mutex, as what follows */
  size_t dropped;
  bool stopping;
  int64_t give_up;
  struct cb_buf writing; /* the thread's */
};

static int64_t wall_clock(void) {
  struct timespec ts;

  clock_gettime(CLOCK_REALTIME, &ts);
  return (int64_t)ts.tv_sec * CB_SECOND + ts.tv_nsec;
}

static bool gave_up(struct vtx_log *log) {
  bool result;

  pthread_mutex_lock(&log->mutex);
  result = log->stopping && cb_now(NULL) >= log->give_up;
  pthread_mutex_unlock(&log->mutex);
  return result;
}

/* Writes some of the bytes at data. Returns how many, 0 to try again, or -1
 * when nobody will ever read them. */
static ssize_t write_some(int fd, const char *data, size_t size) {
  struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
  ssize_t written;

  if (poll(&pollfd, 1, POLL_MS) <= 0) return 0;
  written = write(fd, data, size < PIPE_BUF ? size : PIPE_BUF);
  if (written >= 0) return written;
  return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

static void write_out(struct vtx_log *log) {
  const struct cb_buf *buf = &log->writing;
  size_t done = 0;

  while (done < buf->len) {
    ssize_t written = write_some(log->fd, buf->data + done, buf->len - done);

    if (written < 0) break;
    done += (size_t)written;
    if (written == 0 && gave_up(log)) break;
  }
  cb_buf_clear(&log->writing);
}

/* With the mutex held. */
static void note_dropped(struct vtx_log *log) {
  const struct vtx_log_field field = vtx_number("lines", (int64_t)log->dropped);
  const struct vtx_log_line line = {wall_clock(), VTX_WARNING, "log_dropped",
                                    &field, 1};

  if (log->dropped == 0) return;
  vtx_log_format(&log->filling, &line);
  log->dropped = 0;
}

/* Waits for lines and moves them to the thread's buffer. False at the end. */
static bool fetch(struct vtx_log *log) {
  struct cb_buf empty;
  bool more;

  pthread_mutex_lock(&log->mutex);
  while (log->filling.len == 0 && log->dropped == 0 && !log->stopping)
    pthread_cond_wait(&log->more, &log->mutex);
  empty = log->writing;
  log->writing = log->filling;
  log->filling = empty;
  note_dropped(log);
  more = log->writing.len > 0 || log->filling.len > 0;
  pthread_mutex_unlock(&log->mutex);
  return more;
}

static void *run(void *arg) {
  struct vtx_log *log = arg;

  while (fetch(log))
    write_out(log);
  return NULL;
}

static bool start_thread(struct vtx_log *log) {
  sigset_t all;
  sigset_t before;
  bool good;

  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  good = pthread_create(&log->thread, NULL, run, log) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return good;
}

struct vtx_log *vtx_log_new(int fd) {
  struct vtx_log *log = calloc(1, sizeof *log);

  if (!log) return NULL;
  log->fd = fd;
  pthread_mutex_init(&log->mutex, NULL);
  pthread_cond_init(&log->more, NULL);
  cb_buf_init(&log->filling, VTX_LOG_BACKLOG, NULL);
  cb_buf_init(&log->writing, VTX_LOG_BACKLOG, NULL);
  if (start_thread(log)) return log;
  pthread_cond_destroy(&log->more);
  pthread_mutex_destroy(&log->mutex);
  free(log);
  return NULL;
}

void vtx_log_free(struct vtx_log *log) {
  if (!log) return;
  pthread_mutex_lock(&log->mutex);
  log->stopping = true;
  log->give_up = cb_time_add(cb_now(NULL), PATIENCE);
  pthread_cond_signal(&log->more);
  pthread_mutex_unlock(&log->mutex);
  pthread_join(log->thread, NULL);
  cb_buf_release(&log->filling);
  cb_buf_release(&log->writing);
  pthread_cond_destroy(&log->more);
  pthread_mutex_destroy(&log->mutex);
  free(log);
}

void vtx_log_write(struct vtx_log *log, enum vtx_severity severity,
                   const char *event, const struct vtx_log_field *fields,
                   size_t count) {
  const struct vtx_log_line line = {wall_clock(), severity, event, fields,
                                    count};
  struct cb_buf text;

  if (!log) return;
  cb_buf_init(&text, VTX_LOG_LINE_MAX, NULL);
  vtx_log_format(&text, &line);
  pthread_mutex_lock(&log->mutex);
  if (text.failed || !cb_buf_add(&log->filling, text.data, text.len)) {
    log->filling.failed = false; /* a shorter line may still fit */
    log->dropped++;
  }
  pthread_cond_signal(&log->more);
  pthread_mutex_unlock(&log->mutex);
  cb_buf_release(&text);
}
