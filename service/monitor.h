/* monitor.h - the metrics of the running server, for those who scrape them.
 *
 * A scrape comes on the thread of the metrics server (service/metrics/). The
 * figures belong to two loops: it asks each by a message, waits until both have
 * told theirs, and writes the page. Scrapes take turns, and each asks anew, so
 * that it shows all that was before it. Where a loop does not answer in time
 * there is no page (503).
 *
 * Threads:   the functions are for the thread that runs the crpc loop; inside
 *            is one more.
 * Ownership: new gives the monitor, free takes it back; what the options name
 *            is borrowed until stop, loop and engine until free.
 */
#ifndef VTX_MONITOR_H
#define VTX_MONITOR_H

#include <stdint.h>

#include "base/status.h"
#include "service/metrics/server.h"

struct cb_budget;
struct crpc_loop;
struct crpc_server;
struct vtx_engine;
struct vtx_monitor;
struct vtx_service;

struct vtx_monitor_options {
  const char *address; /* HOST:PORT or [V6]:PORT; port 0 picks one */
  const char *version; /* of the program */
  struct crpc_loop *loop;
  const struct crpc_server *server;
  const struct vtx_service *service;
  struct vtx_engine *engine;
  const struct cb_budget *budget;
  int64_t patience; /* with the loops, nanoseconds; 0: 5 s */
};

/* Descriptors that a monitor has open at most. */
#define VTX_MONITOR_DESCRIPTORS (VTX_METRICS_DESCRIPTORS + VTX_METRICS_SOCKETS)

/* Listens and answers from now on. NULL if it cannot; *ret_status says why, as
 * crpc_server_listen() does. */
struct vtx_monitor *vtx_monitor_new(const struct vtx_monitor_options *options,
                                    struct cb_status *ret_status);

/* Where it answers, "http://127.0.0.1:43211/metrics". */
const char *vtx_monitor_url(const struct vtx_monitor *monitor);

/* Breaks off the scrape that waits, ends the thread and listens no longer; to
 * be called before anything is taken down that has figures. Messages may still
 * be under way then; they read nothing when they come. NULL is fine. */
void vtx_monitor_stop(struct vtx_monitor *monitor);

/* Once it is stopped, and both loops have delivered their mail. NULL is fine.
 */
void vtx_monitor_free(struct vtx_monitor *monitor);

#endif
