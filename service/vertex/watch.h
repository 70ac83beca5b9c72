/* watch.h - where the engine sleeps: libcurl's sockets, and who wakes it.
 *
 * libcurl names the sockets that it waits for and the time at which it wants
 * to be called; they are kept in an epoll set. So a turn costs what has
 * happened, not what is in flight: curl_multi_poll() and curl_multi_perform()
 * look at every transfer each time, which at 500 in flight is more work than
 * all the rest.
 *
 * libcurl 7.88 was seen to miss an event next to a paused HTTP/2 stream. So
 * there is also a look at all transfers, which the engine orders now and then.
 *
 * Threads:   vtx_watch_wake() from any; the others the engine's.
 * Ownership: the watch borrows the multi handle, which must outlive it; it is
 *            released before that handle is cleaned up.
 */
#ifndef VTX_VERTEX_WATCH_H
#define VTX_VERTEX_WATCH_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#define VTX_WATCH_EVENTS 128

struct vtx_watch {
  CURLM *multi;
  int set;      /* epoll */
  int wakes;    /* eventfd */
  int64_t when; /* libcurl wants to be called; CB_NEVER: not at all */
  struct epoll_event events[VTX_WATCH_EVENTS];
  int count; /* of events that libcurl has not been told of */
};

/* False if there are no descriptors, or no memory, left. */
bool vtx_watch_init(struct vtx_watch *watch, CURLM *multi);

/* Fine for one that was zeroed and never initialised. */
void vtx_watch_release(struct vtx_watch *watch);

/* Ends a wait, or the next one. */
void vtx_watch_wake(struct vtx_watch *watch);

/* Sleeps until something happens, but cap_ms at most. */
void vtx_watch_wait(struct vtx_watch *watch, int cap_ms);

/* Has libcurl do what there is to do. Its callbacks run inside. */
void vtx_watch_act(struct vtx_watch *watch);

/* The same for all transfers, whether anything has happened or not. */
void vtx_watch_act_all(struct vtx_watch *watch);

#endif
