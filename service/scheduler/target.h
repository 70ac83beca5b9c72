/* target.h - the targets of a scheduler: their slots, and what waits for them.
 * Internal to the scheduler.
 *
 * A target is there while an entry looks at it or a prompt of it is under way.
 * Those used last are kept longer, for what is known of them.
 *
 * Threads:   none inside.
 * Ownership: the scheduler's.
 */
#ifndef VTX_SCHED_TARGET_H
#define VTX_SCHED_TARGET_H

#include "service/quota/breaker.h"
#include "service/quota/gate.h"
#include "service/scheduler/report.h"
#include "service/scheduler/scheduler.h"

/* Chains of the table. */
#define VTX_SCHED_BUCKETS 1024

/* Of more than these, those that nobody uses go, the oldest first. */
#define VTX_SCHED_TARGETS_KEPT 1024

struct vtx_sched_target {
  struct vtx_sched_target *next; /* of the same hash */
  char *name;
  uint64_t serial; /* its own, from 1 */
  uint32_t hash;
  size_t uses;
  struct cb_link idle; /* while nobody does */
  struct vtx_sched_slots slots;
  struct vtx_sched_lane lanes[VTX_SCHED_CLASSES];
  /* Towards the process, by class. */
  struct cb_heap_node nodes[VTX_SCHED_CLASSES];
  double starts[VTX_SCHED_CLASSES];  /* while it is in no lane */
  double weights[VTX_SCHED_CLASSES]; /* of what waits */
  struct vtx_gate gate;
  struct vtx_breaker breaker;
  /* Among those whose gate opens later, or whose kept slots are free later. */
  struct cb_heap_node later;
  struct cb_heap_node kept;
  int64_t opens; /* while it is in later */
  int64_t frees; /* while it is in kept */
  /* Whose start it is, where a gate spaces them. */
  uint32_t passed; /* interactive starts since a batch had one, or waits */
  bool spaced;     /* the gate made somebody wait meanwhile */
  /* How long prompts take: a moving average. */
  double took;
  uint32_t samples;
  /* For those who watch. */
  struct vtx_target_counts counts;
  int64_t told_throttled; /* when that was told; INT64_MIN: never */
};

/* What may change when a call ends, and be worth telling. */
struct vtx_sched_mood {
  enum vtx_breaker_state breaker;
  bool throttled;
};

/* Room for the table and the common target; false when out of memory. */
bool vtx_sched_targets_init(struct vtx_scheduler *scheduler);
void vtx_sched_targets_release(struct vtx_scheduler *scheduler);

/* The target of that name, with one more use; the common one when there is no
 * memory for it. */
struct vtx_sched_target *vtx_sched_target_use(struct vtx_scheduler *scheduler,
                                              const char *name);

/* The target of that name, NULL if there is none. */
struct vtx_sched_target *vtx_sched_target_find(
    const struct vtx_scheduler *scheduler, const char *name);

/* Its limit, after its gate has learned something. */
void vtx_sched_target_limit(const struct vtx_scheduler *scheduler,
                            struct vtx_sched_target *target);

struct vtx_sched_mood vtx_sched_target_mood(
    const struct vtx_scheduler *scheduler,
    const struct vtx_sched_target *target);

/* Counts the end of a call, and tells the watch what has become of target since
 * before. */
void vtx_sched_target_note_end(struct vtx_scheduler *scheduler,
                               struct vtx_sched_target *target,
                               enum vtx_gate_outcome outcome,
                               struct vtx_sched_mood before);

/* One use less. */
void vtx_sched_target_leave(struct vtx_scheduler *scheduler,
                            struct vtx_sched_target *target);

#endif
