/* machine.h - what the machine, or the container, lets this process have.
 *
 * Threads: before any other thread is made.
 */
#ifndef VTX_MACHINE_H
#define VTX_MACHINE_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of memory: the machine's, or the control group's limit if that is
 * less. */
uint64_t vtx_machine_memory(void);

/* Raises the soft limit of open descriptors to the hard one; returns what the
 * limit is then. */
uint64_t vtx_machine_raise_descriptors(void);

/* Who may have how many of the connections that a limit of descriptors lets
 * be. */
struct vtx_machine_shares {
  size_t upstream; /* at least 1 */
  size_t callers;  /* at least 1; SIZE_MAX: no limit is known */
};

/* Divides descriptors (0: unknown, no limit): some stay for files and what the
 * process always has open, the upstream gets what wanted connections of each
 * descriptors take, but three quarters at most, and the callers, who cost two
 * for each connection, the rest. */
struct vtx_machine_shares vtx_machine_share(uint64_t descriptors, size_t wanted,
                                            size_t each);

#endif
