/* target.h - the targets of a scheduler: their slots, and what waits for them.
 * Internal to the scheduler.
 *
 * A target is there while an entry looks at it or a prompt of it is under way;
 * some are kept longer, for what is known of them.
 *
 * Threads:   none inside.
 * Ownership: the scheduler's.
 */
#ifndef VTX_SCHED_TARGET_H
#define VTX_SCHED_TARGET_H

#include "service/scheduler/scheduler.h"

/* Targets beyond these go as soon as nobody uses them. */
#define VTX_SCHED_TARGETS_KEPT 1024

struct vtx_sched_target {
  struct vtx_sched_target *next; /* of the same hash */
  char *name;
  uint64_t serial; /* its own, from 1 */
  uint32_t hash;
  size_t uses;
  struct vtx_sched_slots slots;
  struct vtx_sched_lane lanes[VTX_SCHED_CLASSES];
  /* Towards the process, by class. */
  struct cb_heap_node nodes[VTX_SCHED_CLASSES];
  double starts[VTX_SCHED_CLASSES];  /* while it is in no lane */
  double weights[VTX_SCHED_CLASSES]; /* of what waits */
  /* How long prompts take: a moving average. */
  double took;
  uint32_t samples;
};

/* Room for the table and the common target; false when out of memory. */
bool vtx_sched_targets_init(struct vtx_scheduler *scheduler);
void vtx_sched_targets_release(struct vtx_scheduler *scheduler);

/* The target of that name, with one more use; the common one when there is no
 * memory for it. */
struct vtx_sched_target *vtx_sched_target_use(struct vtx_scheduler *scheduler,
                                              const char *name);

/* One use less. */
void vtx_sched_target_leave(struct vtx_scheduler *scheduler,
                            struct vtx_sched_target *target);

#endif
