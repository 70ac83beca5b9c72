#include "service/machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* Standard streams, loops, listening sockets, and files that are read now and
 * then: certificates, credentials, name lookups. */
#define OWN_DESCRIPTORS 32

#define EACH_CALLER 2 /* see crpc/listener.c */

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

struct vtx_machine_shares vtx_machine_share(uint64_t descriptors, size_t wanted,
                                            size_t each) {
  struct vtx_machine_shares shares = {wanted, SIZE_MAX};
  uint64_t left =
      descriptors > OWN_DESCRIPTORS ? descriptors - OWN_DESCRIPTORS : 0;
  uint64_t most = (left - left / 4) / each;
  uint64_t callers;

  if (descriptors == 0) return shares;
  if (shares.upstream > most) shares.upstream = (size_t)most;
  callers = (left - shares.upstream * each) / EACH_CALLER;
  if (shares.upstream == 0) shares.upstream = 1;
  if (callers < SIZE_MAX) shares.callers = (size_t)callers;
  if (shares.callers == 0) shares.callers = 1;
  return shares;
}
