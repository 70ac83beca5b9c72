/* counters.h - what the process holds right now, for SIGUSR1 and for tests that
 * look for leaks.
 *
 * Threads: the crpc loop's (crpc's own counters are its).
 */
#ifndef VTX_COUNTERS_H
#define VTX_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

struct cb_budget;
struct crpc_server;
struct vtx_engine;
struct vtx_log;
struct vtx_service;

/* Whose figures; any may be NULL: it counts as empty. */
struct vtx_counters_of {
  const struct crpc_server *server;
  const struct vtx_service *service;
  const struct vtx_engine *engine;
  const struct cb_budget *budget;
};

/* Writes one log line of that event with
 *   calls, flows, jobs, transfers, connections, arenas   living now
 *   bytes          charged to the memory budget
 *   descriptors    open files and sockets
 *   rss_bytes      resident memory
 *   calls_total, jobs_total, transfers_total, connections_total
 *   bytes_sent, bytes_received   bodies to and from the upstream
 */
void vtx_counters_log(const struct vtx_counters_of *of, struct vtx_log *log,
                      const char *event);

/* Files and sockets that the process has open, -1 if /proc does not say. */
int64_t vtx_counters_descriptors(void);

/* Bytes of the process that are in memory, -1 if /proc does not say. */
int64_t vtx_counters_resident(void);

#endif
