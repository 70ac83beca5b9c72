#include "service/counters.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/budget.h"
#include "crpc/server.h"
#include "service/log.h"
#include "service/service.h"
#include "service/vertex/engine.h"

int64_t vtx_counters_descriptors(void) {
  DIR *dir = opendir("/proc/self/fd");
  const struct dirent *entry;
  int64_t count = -1; /* the directory itself is one of them */

  if (!dir) return -1;
  while ((entry = readdir(dir)))
    count += entry->d_name[0] != '.';
  closedir(dir);
  return count;
}

int64_t vtx_counters_resident(void) {
  FILE *file = fopen("/proc/self/statm", "re");
  long pages = -1;

  if (!file) return -1;
  if (fscanf(file, "%*s %ld", &pages) != 1) pages = -1;
  fclose(file);
  return pages < 0 ? -1 : (int64_t)pages * sysconf(_SC_PAGESIZE);
}

struct figures {
  struct crpc_server_counters server;
  struct vtx_service_counters service;
  struct vtx_engine_counters engine;
};

static struct figures figures_of(const struct vtx_counters_of *of) {
  struct figures figures = {.server.calls_live = 0};

  if (of->server) crpc_server_counters(of->server, &figures.server);
  if (of->service) vtx_service_counters(of->service, &figures.service);
  if (of->engine) vtx_engine_counters(of->engine, &figures.engine);
  return figures;
}

static struct vtx_log_field figure(const char *key, uint64_t value) {
  return vtx_number(key, (int64_t)value);
}

void vtx_counters_log(const struct vtx_counters_of *of, struct vtx_log *log,
                      const char *event) {
  const struct figures now = figures_of(of);
  const struct vtx_log_field fields[] = {
      figure("calls", now.server.calls_live),
      figure("flows", now.service.flows),
      figure("jobs", now.service.jobs),
      figure("transfers", now.engine.transfers),
      figure("connections", now.server.connections),
      figure("arenas", cb_arena_live()),
      figure("bytes", cb_budget_used(of->budget)),
      vtx_number("descriptors", vtx_counters_descriptors()),
      vtx_number("rss_bytes", vtx_counters_resident()),
      figure("calls_total", now.server.calls_total),
      figure("jobs_total", now.service.jobs_total),
      figure("transfers_total", now.engine.transfers_total),
      figure("connections_total", now.server.connections_total),
      figure("bytes_sent", now.engine.bytes_sent),
      figure("bytes_received", now.engine.bytes_received),
  };

  vtx_log_write(log, VTX_INFO, event, fields, sizeof fields / sizeof *fields);
}
