#include "service/counters.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/budget.h"
#include "service/log.h"

static int64_t open_descriptors(void) {
  DIR *dir = opendir("/proc/self/fd");
  const struct dirent *entry;
  int64_t count = -1; /* the directory itself is one of them */

  if (!dir) return -1;
  while ((entry = readdir(dir)))
    count += entry->d_name[0] != '.';
  closedir(dir);
  return count;
}

static int64_t resident_bytes(void) {
  FILE *file = fopen("/proc/self/statm", "re");
  long pages = -1;

  if (!file) return -1;
  if (fscanf(file, "%*s %ld", &pages) != 1) pages = -1;
  fclose(file);
  return pages < 0 ? -1 : (int64_t)pages * sysconf(_SC_PAGESIZE);
}

void vtx_counters_take(const struct vtx_counters_of *of,
                       struct vtx_counters *ret_counters) {
  *ret_counters = (struct vtx_counters){
      .arenas = cb_arena_live(),
      .budget_used = cb_budget_used(of->budget),
      .budget_limit = of->budget ? of->budget->limit : 0,
      .descriptors = -1,
      .resident = -1,
  };
  if (of->server) crpc_server_counters(of->server, &ret_counters->server);
  if (of->service) vtx_service_counters(of->service, &ret_counters->service);
  if (of->engine) vtx_engine_counters(of->engine, &ret_counters->engine);
}

void vtx_counters_ask_system(struct vtx_counters *counters) {
  counters->descriptors = open_descriptors();
  counters->resident = resident_bytes();
}

static struct vtx_log_field figure(const char *key, uint64_t value) {
  return vtx_number(key, (int64_t)value);
}

void vtx_counters_log(const struct vtx_counters *counters, struct vtx_log *log,
                      const char *event) {
  const struct vtx_log_field fields[] = {
      figure("calls", counters->server.calls_live),
      figure("flows", counters->service.flows),
      figure("jobs", counters->service.jobs),
      figure("transfers", counters->engine.transfers),
      figure("connections", counters->server.connections),
      figure("arenas", counters->arenas),
      figure("bytes", counters->budget_used),
      vtx_number("descriptors", counters->descriptors),
      vtx_number("rss_bytes", counters->resident),
      figure("calls_total", counters->server.calls_total),
      figure("jobs_total", counters->service.jobs_total),
      figure("transfers_total", counters->engine.transfers_total),
      figure("retries", counters->service.retries),
      figure("requeues", counters->service.requeues),
      figure("failovers", counters->service.failovers),
      figure("retries_denied", counters->service.retries_denied),
      figure("retries_left", counters->service.retries_left),
      figure("connections_total", counters->server.connections_total),
      figure("bytes_sent", counters->engine.bytes_sent),
      figure("bytes_received", counters->engine.bytes_received),
  };

  vtx_log_write(log, VTX_INFO, event, fields, sizeof fields / sizeof *fields);
}
