/* counters.h - what the process holds right now, for SIGUSR1, for metrics, and
 * for tests that look for leaks.
 *
 * Threads: vtx_counters_take() on the crpc loop (crpc's own counters are its),
 *          the others on any.
 */
#ifndef VTX_COUNTERS_H
#define VTX_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

#include "crpc/server.h"
#include "service/service.h"
#include "service/vertex/engine.h"

struct cb_budget;
struct vtx_log;

/* Whose figures; any may be NULL: it counts as empty. */
struct vtx_counters_of {
  const struct crpc_server *server;
  const struct vtx_service *service;
  const struct vtx_engine *engine;
  const struct cb_budget *budget;
};

struct vtx_counters {
  struct crpc_server_counters server;
  struct vtx_service_counters service;
  struct vtx_engine_counters engine;
  size_t arenas;       /* living now */
  size_t budget_used;  /* bytes */
  size_t budget_limit; /* bytes */
  int64_t descriptors; /* open files and sockets, -1: not known */
  int64_t resident;    /* bytes in memory, -1: not known */
};

/* All figures but the last two. */
void vtx_counters_take(const struct vtx_counters_of *of,
                       struct vtx_counters *ret_counters);

/* The last two: asks /proc, which takes a while where many files are open. */
void vtx_counters_ask_system(struct vtx_counters *counters);

/* Writes one log line of that event with
 *   calls, flows, jobs, transfers, connections, arenas   living now
 *   bytes          charged to the memory budget
 *   descriptors    open files and sockets, -1 if the system does not say
 *   rss_bytes      resident memory, the same
 *   calls_total, jobs_total, transfers_total, connections_total
 *   retries        attempts made again after a failure, so far
 *   requeues       the same after a refusal for quota (429)
 *   failovers      those of either that went to another place
 *   retries_denied failures for whose retry there was no budget, so far
 *   retries_left   that the budget has now
 *   bytes_sent, bytes_received   bodies to and from the upstream
 */
void vtx_counters_log(const struct vtx_counters *counters, struct vtx_log *log,
                      const char *event);

#endif
