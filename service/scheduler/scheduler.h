/* scheduler.h - whose turn it is: the next prompt of which flow.
 *
 * A flow takes part with an entry. The scheduler asks entries, one prompt at a
 * time, as long as the process has a free slot: interactive entries before
 * batches, within a class in turn. An entry is asked only while it is open
 * (has prompts left), not held (its reader keeps up), and below its own limit.
 *
 * Fair queueing by weight goes into pick(): entries carry weight already.
 *
 * Threads:   none inside; runs on the engine's loop.
 * Ownership: entries are embedded in flows; the scheduler borrows them from
 *            vtx_scheduler_add() to vtx_scheduler_remove().
 * Cost:      O(1) for every function and every dispatch.
 */
#ifndef VTX_SCHEDULER_H
#define VTX_SCHEDULER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct cb_clock;

enum vtx_sched_class {
  VTX_INTERACTIVE, /* one prompt, somebody waits for it */
  VTX_BATCH,
  VTX_SCHED_CLASSES,
};

/* What became of asking an entry for its next prompt. */
enum vtx_dispatch {
  VTX_DISPATCHED, /* one is under way: vtx_scheduler_finished() will come */
  VTX_SKIPPED,    /* one was used up without going upstream */
  VTX_HELD,       /* none now; the entry was held or closed meanwhile */
};

struct vtx_sched_entry {
  /* Filled in before add. */
  enum vtx_sched_class sched_class;
  int32_t weight; /* 1 to VTX_WEIGHT_MAX */
  int32_t limit;  /* prompts under way at a time, at least 1 */
  enum vtx_dispatch (*dispatch)(struct vtx_sched_entry *entry);
  /* The scheduler's. */
  struct cb_link link; /* in a ready list while it may be asked */
  int32_t running;
  bool open;
  bool held;
};

struct vtx_scheduler {
  struct cb_link ready[VTX_SCHED_CLASSES];
  size_t max_in_flight;
  size_t in_flight;
};

/* max_in_flight: prompts under way over all entries, at least 1. */
void vtx_scheduler_init(struct vtx_scheduler *scheduler, size_t max_in_flight);

/* Takes entry in, open and not held. */
void vtx_scheduler_add(struct vtx_scheduler *scheduler,
                       struct vtx_sched_entry *entry);

/* Lets entry go; nothing of it may be under way. Not from inside dispatch. */
void vtx_scheduler_remove(struct vtx_scheduler *scheduler,
                          struct vtx_sched_entry *entry);

/* One prompt of entry that was under way is over. */
void vtx_scheduler_finished(struct vtx_scheduler *scheduler,
                            struct vtx_sched_entry *entry);

/* entry has no prompts left, or none that may still be sent. For good. */
void vtx_scheduler_close(struct vtx_scheduler *scheduler,
                         struct vtx_sched_entry *entry);

/* Stops, and goes on with, asking entry. */
void vtx_scheduler_hold(struct vtx_scheduler *scheduler,
                        struct vtx_sched_entry *entry, bool held);

/* Asks entries until all slots are taken or nobody has more (false), or slice
 * nanoseconds of clock (NULL: the system's) have passed (true: call again). */
bool vtx_scheduler_run(struct vtx_scheduler *scheduler,
                       const struct cb_clock *clock, int64_t slice);

#endif
