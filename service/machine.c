#include "service/machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* The limit of a control group (version 2) that is also our root, as in a
 * container. "max", or no such file, is none. */
static uint64_t group_limit(void) {
  FILE *file = fopen("/sys/fs/cgroup/memory.max", "re");
  uint64_t limit = UINT64_MAX;

  if (!file) return limit;
  if (fscanf(file, "%" SCNu64, &limit) != 1) limit = UINT64_MAX;
  fclose(file);
  return limit;
}

uint64_t vtx_machine_memory(void) {
  long pages = sysconf(_SC_PHYS_PAGES);
  long page_size = sysconf(_SC_PAGESIZE);
  uint64_t limit = group_limit();
  uint64_t all = pages > 0 && page_size > 0
                     ? (uint64_t)pages * (uint64_t)page_size
                     : UINT64_C(1) << 30;

  return limit < all ? limit : all;
}

uint64_t vtx_machine_raise_descriptors(void) {
  struct rlimit limit;

  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return limit.rlim_cur;
}
