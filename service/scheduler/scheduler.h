/* scheduler.h - whose turn it is: the next prompt of which flow.
 *
 * A flow takes part with an entry. The scheduler asks entries, one prompt at a
 * time, as long as there are free slots: those of the process, and those of the
 * target (a model at a location) that the prompt is for. An entry is asked only
 * while it is open (has prompts left), not held (its reader keeps up), and
 * below its own limit.
 *
 * Fairness: start-time fair queueing. Each prompt has a cost in estimated
 * tokens, each entry a weight; a prompt starts, in the virtual time of its
 * target, where the one before it of the same entry ended, its cost over the
 * weight earlier, but not in the past. The earliest start goes first. So
 * entries that want more than there is get shares by weight, and one that was
 * idle has saved nothing up. Targets that compete for the slots of the process
 * do so in the same way, each with the weight of all that waits for it.
 *
 * Classes: interactive entries go before batches, first come first served. A
 * fifth of the slots is kept for them as long as one came lately
 * (VTX_SCHED_LATELY); batches borrow it when none did. While batches wait, a
 * fifth stays theirs, so that nobody starves.
 *
 * Threads:   none inside; runs on the engine's loop.
 * Ownership: entries are embedded in flows; the scheduler borrows them from
 *            vtx_scheduler_add() to vtx_scheduler_remove(). Targets are its
 * own. Cost:      O(log n) amortised for every function and every dispatch.
 */
#ifndef VTX_SCHEDULER_H
#define VTX_SCHEDULER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/heap.h"

struct vtx_sched_target;

enum vtx_sched_class {
  VTX_INTERACTIVE, /* one prompt, somebody waits for it */
  VTX_BATCH,
  VTX_SCHED_CLASSES,
};

/* How long after the last interactive prompt slots are kept for the next. */
#define VTX_SCHED_LATELY (5 * CB_SECOND)

/* One in so many slots is kept for the other class. */
#define VTX_SCHED_KEPT 5

/* Prompts over which a target's time is averaged, and which must be known
 * before it is gone by. */
#define VTX_SCHED_SAMPLES 32

/* What became of asking an entry for its next prompt. */
enum vtx_dispatch {
  VTX_DISPATCHED, /* one is under way: vtx_scheduler_finished() will come */
  VTX_SKIPPED,    /* one was used up without going upstream */
  VTX_HELD,       /* none now; the entry was held or closed meanwhile */
};

/* The next prompt of an entry. */
struct vtx_sched_head {
  const char *target; /* its name; read at once */
  double cost;        /* estimated tokens, above 0 */
};

struct vtx_sched_entry {
  /* Filled in before add. */
  enum vtx_sched_class sched_class;
  int32_t weight; /* 1 to VTX_WEIGHT_MAX */
  int32_t limit;  /* prompts under way at a time, at least 1 */
  size_t size;    /* bytes that it holds while it waits */
  bool held;      /* see vtx_scheduler_hold() */
  enum vtx_dispatch (*dispatch)(struct vtx_sched_entry *entry);
  /* Looks at the next prompt, which is there; NULL: they all have cost 1 and
   * one target. */
  void (*peek)(struct vtx_sched_entry *entry, struct vtx_sched_head *ret_head);
  /* The scheduler's. */
  struct cb_heap_node node; /* in its target's lane while ready */
  struct vtx_sched_target
      *target;                    /* of the next prompt; NULL: none looked at */
  double cost;                    /* of the next prompt */
  struct vtx_sched_target *asked; /* while it is being asked */
  double start;      /* of the next prompt, in the time of a target */
  uint64_t start_at; /* serial of that target, 0: none yet */
  double lead;       /* of start, when it was set */
  int32_t running;
  bool open;
  bool begun;   /* something of it was dispatched */
  bool waiting; /* had a prompt ready, and nothing was dispatched so far */
};

/* Slots, of the process or of a target. */
struct vtx_sched_slots {
  size_t limit;
  size_t used[VTX_SCHED_CLASSES];
  size_t ready[VTX_SCHED_CLASSES]; /* entries that could use one */
  int64_t last_interactive;
};

/* What waits for one target, of one class; or for the process, of one class. */
struct vtx_sched_lane {
  struct cb_heap heap;
  double now; /* virtual time */
};

struct vtx_sched_options {
  size_t max_in_flight;        /* prompts under way over all, at least 1 */
  size_t target_max_in_flight; /* over those of one target; 0: the same */
  size_t max_waiting;          /* entries that wait for their first dispatch,
                                  not counting those held from the start;
                                  0: no limit */
  size_t max_waiting_bytes;    /* 0: no limit */
};

struct vtx_scheduler {
  struct vtx_sched_options options;
  struct vtx_sched_slots slots;
  struct vtx_sched_lane lanes[VTX_SCHED_CLASSES]; /* of targets */
  struct vtx_sched_target **targets;              /* by hash, chained */
  struct vtx_sched_target *common; /* where there is no memory for another */
  size_t target_count;
  uint64_t serial;
  uint64_t order;
  int64_t now; /* clock time of the last run */
  size_t waiting;
  size_t waiting_bytes;
};

/* False when out of memory. */
bool vtx_scheduler_init(struct vtx_scheduler *scheduler,
                        const struct vtx_sched_options *options);

/* No entry may be in it. Fine for a zeroed scheduler. */
void vtx_scheduler_release(struct vtx_scheduler *scheduler);

/* True if no entry of size bytes should be taken in: too much waits already. */
bool vtx_scheduler_is_full(const struct vtx_scheduler *scheduler, size_t size);

/* Takes entry in, open. */
void vtx_scheduler_add(struct vtx_scheduler *scheduler,
                       struct vtx_sched_entry *entry);

/* Lets entry go, which may be zeroed and never added; nothing of it may be
 * under way. Not from inside dispatch. */
void vtx_scheduler_remove(struct vtx_scheduler *scheduler,
                          struct vtx_sched_entry *entry);

/* How long, in nanoseconds, an interactive entry that was just added waits at
 * least, going by what is ahead of it and by how long prompts took lately; 0 if
 * nothing is known. */
int64_t vtx_scheduler_wait(const struct vtx_scheduler *scheduler,
                           const struct vtx_sched_entry *entry);

/* Whose slot the prompt has that is being dispatched; for inside dispatch.
 * Valid until it is finished. */
struct vtx_sched_target *vtx_scheduler_target(
    const struct vtx_sched_entry *entry);

/* One prompt of entry, which has a slot of target and took so many nanoseconds
 * (negative: it does not count), is over. */
void vtx_scheduler_finished(struct vtx_scheduler *scheduler,
                            struct vtx_sched_entry *entry,
                            struct vtx_sched_target *target, int64_t took);

/* entry has no prompts left, or none that may still be sent. For good. */
void vtx_scheduler_close(struct vtx_scheduler *scheduler,
                         struct vtx_sched_entry *entry);

/* Stops, and goes on with, asking entry. Held, it need not have a prompt. */
void vtx_scheduler_hold(struct vtx_scheduler *scheduler,
                        struct vtx_sched_entry *entry, bool held);

/* Asks entries until all slots are taken or nobody has more (false), or slice
 * nanoseconds of clock (NULL: the system's) have passed (true: call again). */
bool vtx_scheduler_run(struct vtx_scheduler *scheduler,
                       const struct cb_clock *clock, int64_t slice);

#endif
