/* The look at all has no successor in libcurl that updates its sockets, too. */
#define CURL_DISABLE_DEPRECATION

#include "service/vertex/watch.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

static uint32_t to_epoll(int what) {
  uint32_t events = 0;

  if (what & CURL_POLL_IN) events |= EPOLLIN;
  if (what & CURL_POLL_OUT) events |= EPOLLOUT;
  return events;
}

static int to_curl(uint32_t events) {
  int what = 0;

  if (events & EPOLLIN) what |= CURL_CSELECT_IN;
  if (events & EPOLLOUT) what |= CURL_CSELECT_OUT;
  if (events & (EPOLLERR | EPOLLHUP)) what |= CURL_CSELECT_ERR;
  return what;
}

/* From inside curl. known is what was assigned to the socket: not NULL while
 * it is in the set. A socket that the kernel does not take is served by the
 * look at all; an error from here would end every transfer. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
                     void *known) {
  struct vtx_watch *watch = arg;
  struct epoll_event event = {.events = to_epoll(what), .data.fd = fd};

  (void)easy;
  if (what == CURL_POLL_REMOVE) {
    epoll_ctl(watch->set, EPOLL_CTL_DEL, fd, &event);
  } else if (known) {
    epoll_ctl(watch->set, EPOLL_CTL_MOD, fd, &event);
  } else if (epoll_ctl(watch->set, EPOLL_CTL_ADD, fd, &event) == 0) {
    curl_multi_assign(watch->multi, fd, watch);
  }
  return 0;
}

/* From inside curl. */
static int on_timeout(CURLM *multi, long ms, void *arg) {
  struct vtx_watch *watch = arg;

  (void)multi;
  watch->when =
      ms < 0 ? CB_NEVER : cb_time_add(cb_now(NULL), ms * CB_MILLISECOND);
  return 0;
}

bool vtx_watch_init(struct vtx_watch *watch, CURLM *multi) {
  struct epoll_event event = {.events = EPOLLIN};

  *watch = (struct vtx_watch){.multi = multi, .set = -1, .when = CB_NEVER};
  watch->wakes = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  watch->set = epoll_create1(EPOLL_CLOEXEC);
  event.data.fd = watch->wakes;
  if (watch->wakes < 0 || watch->set < 0 ||
      epoll_ctl(watch->set, EPOLL_CTL_ADD, watch->wakes, &event) != 0) {
    return false;
  }
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, watch);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timeout);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, watch);
  return true;
}

void vtx_watch_release(struct vtx_watch *watch) {
  if (!watch->multi) return;
  curl_multi_setopt(watch->multi, CURLMOPT_SOCKETFUNCTION, NULL);
  curl_multi_setopt(watch->multi, CURLMOPT_TIMERFUNCTION, NULL);
  if (watch->set >= 0) close(watch->set);
  if (watch->wakes >= 0) close(watch->wakes);
  *watch = (struct vtx_watch){.multi = NULL};
}

void vtx_watch_wake(struct vtx_watch *watch) {
  const uint64_t one = 1;
  ssize_t size = write(watch->wakes, &one, sizeof one);

  (void)size; /* a counter that is full wakes as well */
}

/* Before the sleeper looks at what it was woken for: a wake that comes later
 * ends the next wait. */
static void take_wakes(struct vtx_watch *watch) {
  uint64_t sum;
  ssize_t size = read(watch->wakes, &sum, sizeof sum);

  (void)size;
}

void vtx_watch_wait(struct vtx_watch *watch, int cap_ms) {
  int ms = watch->when == CB_NEVER
               ? cap_ms
               : cb_time_poll_ms(cb_now(NULL), watch->when, cap_ms);
  int count = epoll_wait(watch->set, watch->events, VTX_WATCH_EVENTS, ms);

  watch->count = count > 0 ? count : 0; /* else a signal, or time is up */
  for (int i = 0; i < watch->count; i++) {
    if (watch->events[i].data.fd == watch->wakes) take_wakes(watch);
  }
}

/* An event of a socket that libcurl has closed meanwhile does no harm: it
 * knows its sockets, and reads without waiting. */
void vtx_watch_act(struct vtx_watch *watch) {
  int running;

  for (int i = 0; i < watch->count; i++) {
    const struct epoll_event *event = &watch->events[i];

    if (event->data.fd == watch->wakes) continue;
    curl_multi_socket_action(watch->multi, event->data.fd,
                             to_curl(event->events), &running);
  }
  watch->count = 0;
  if (watch->when > cb_now(NULL)) return;
  watch->when = CB_NEVER; /* libcurl sets it again from inside */
  curl_multi_socket_action(watch->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

void vtx_watch_act_all(struct vtx_watch *watch) {
  int running;

  curl_multi_socket_all(watch->multi, &running);
}
