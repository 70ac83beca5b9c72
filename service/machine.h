/* machine.h - what the machine, or the container, lets this process have.
 *
 * Threads: before any other thread is made.
 */
#ifndef VTX_MACHINE_H
#define VTX_MACHINE_H

#include <stdint.h>

/* Bytes of memory: the machine's, or the control group's limit if that is
 * less. */
uint64_t vtx_machine_memory(void);

/* Raises the soft limit of open descriptors to the hard one; returns what the
 * limit is then. */
uint64_t vtx_machine_raise_descriptors(void);

#endif
