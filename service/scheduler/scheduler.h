/* scheduler.h - whose turn it is: the next prompt of which flow.
 *
 * A flow takes part with an entry. The scheduler asks entries, one prompt at a
 * time, as long as there are free slots: those of the process, and those of the
 * target (a model at a location) that the prompt is for; and as long as the
 * target's gate lets it start. An entry is asked only while it is open (has
 * prompts left), not held (its reader keeps up), and below its own limit.
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
 * fifth stays theirs, so that nobody starves. Where a gate spaces the starts
 * (or there is but one slot), every fifth start is theirs instead.
 *
 * Prompts come back: one whose call failed and is to be made again is set aside
 * (vtx_scheduler_set_aside()): its slots are free, its place in the entry's
 * limit is kept. When it is ready (vtx_scheduler_again()) the entry takes part
 * with it, whether it is open or not, held or not, at its limit or not. Which
 * prompt is next is for peek to say: one that came back, or a new one if the
 * entry takes one (vtx_scheduler_takes_new()); dispatch then means it. In the
 * shares each time counts that it goes upstream: a flow whose prompts keep
 * failing takes no more than others do.
 *
 * Targets: each has a gate (service/quota/gate.h), which says when a call may
 * start, and a breaker (service/quota/breaker.h), which who peeks may ask about
 * (vtx_scheduler_health()). What waits for a target is looked at again when its
 * breaker changes its mind, when it begins to be throttled, and when something
 * else of the entry ends while the target can take nothing; and who waits first
 * at a closed gate moves on once another of his targets has room.
 * vtx_scheduler_next() says when a gate that is closed for now is to be tried
 * again. A target whose gate is closed is in nobody's way.
 *
 * Threads:   none inside; runs on the engine's loop.
 * Ownership: entries are embedded in flows; the scheduler borrows them from
 *            vtx_scheduler_add() to vtx_scheduler_remove(). Targets are its
 *            own.
 * Cost:      O(log n) amortised for every function and every dispatch; where a
 *            breaker changes its mind, for each entry that waits there.
 */
#ifndef VTX_SCHEDULER_H
#define VTX_SCHEDULER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/list.h"
#include "service/quota/gate.h"
#include "service/scheduler/report.h"

struct vtx_quota_table;
struct vtx_sched_target;

enum vtx_sched_class {
  VTX_INTERACTIVE, /* one prompt, somebody waits for it */
  VTX_BATCH,
  VTX_SCHED_CLASSES,
};

/* How long after the last interactive prompt slots are kept for the next. */
#define VTX_SCHED_LATELY (5 * CB_SECOND)

/* One in so many slots, or starts, is kept for the other class. */
#define VTX_SCHED_KEPT 5

/* Prompts over which a target's time is averaged, and which must be known
 * before it is gone by. */
#define VTX_SCHED_SAMPLES 32

/* What became of asking an entry for its next prompt. */
enum vtx_dispatch {
  VTX_DISPATCHED, /* one is under way: vtx_scheduler_finished() will come */
  VTX_SKIPPED,    /* one was used up without going upstream */
  VTX_HELD,       /* none now; the entry was held or closed meanwhile. A prompt
                     that came back is set aside as before: it needs
                     vtx_scheduler_again() */
};

/* The next prompt of an entry. */
struct vtx_sched_head {
  const char *target; /* its name; read at once */
  double cost;        /* estimated tokens, above 0 */
  bool back;          /* one that came back; told to peek: there is one */
  bool glance;        /* told to peek: this is not what dispatch will mean */
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
   * one target. Changes nothing of the scheduler. */
  void (*peek)(struct vtx_sched_entry *entry, struct vtx_sched_head *ret_head);
  /* The scheduler's. */
  struct cb_heap_node node; /* in its target's lane while ready */
  struct vtx_sched_target
      *target;                    /* of the next prompt; NULL: none looked at */
  double cost;                    /* of the next prompt, or the one asked for */
  bool back;                      /* the next prompt is one that came back */
  struct vtx_sched_target *asked; /* while it is being asked */
  double start;      /* of the next prompt, in the time of a target */
  uint64_t start_at; /* serial of that target, 0: none yet */
  double lead;       /* of start, when it was set */
  int32_t running;   /* with a slot, or set aside */
  int32_t again;     /* set aside and ready to be dispatched */
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
  const struct cb_clock *clock; /* borrowed; NULL: the system's */
  size_t max_in_flight;         /* prompts under way over all, at least 1 */
  size_t target_max_in_flight;  /* over those of one target; 0: the same */
  size_t max_waiting;           /* entries that wait for their first dispatch,
                                   not counting those held from the start;
                                   0: no limit */
  size_t max_waiting_bytes;     /* 0: no limit */
  struct vtx_gate_options gate; /* of each target */
  const struct vtx_quota_table *quotas; /* for single ones; NULL: none */
  struct vtx_target_watch watch;        /* changed: NULL if nobody does */
};

/* What is known of a target, for those who choose among several. */
struct vtx_sched_health {
  bool wanted;    /* its breaker has nothing against a call */
  bool throttled; /* what waits for it waits for quota, learned or configured */
  bool ready;     /* a prompt of that cost could start now, behind those that
                     wait there */
  int64_t when;   /* it could, or CB_NEVER if one must end first. Not to be held
                     against a clock that was read before: ready says it */
};

struct vtx_scheduler {
  struct vtx_sched_options options;
  struct vtx_sched_slots slots;
  struct vtx_sched_lane lanes[VTX_SCHED_CLASSES]; /* of targets */
  struct cb_heap later; /* targets whose gate opens, by that time */
  struct cb_heap kept;  /* targets at which batches wait for the end of the
                           time for which slots are kept, by that time */
  struct vtx_sched_target **targets; /* by hash, chained */
  struct vtx_sched_target *common;   /* where there is no memory for another */
  size_t target_count;
  struct cb_link idle; /* targets that nobody uses, the oldest first */
  uint64_t serial;
  uint64_t order;
  int64_t now; /* clock time, when it was last looked at */
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
 * under way or set aside. Not from inside dispatch. */
void vtx_scheduler_remove(struct vtx_scheduler *scheduler,
                          struct vtx_sched_entry *entry);

/* How long, in nanoseconds, an interactive entry that was just added waits at
 * least, going by what is ahead of it, by how long prompts took lately and by
 * its target's gate; 0 if nothing is known. */
int64_t vtx_scheduler_wait(const struct vtx_scheduler *scheduler,
                           const struct vtx_sched_entry *entry);

/* True if a new prompt of entry would be dispatched: it is open, not held, and
 * below its limit. */
bool vtx_scheduler_takes_new(const struct vtx_sched_entry *entry);

/* Has peek choose anew if entry waits for a target that can take nothing now.
 */
void vtx_scheduler_reconsider(struct vtx_scheduler *scheduler,
                              struct vtx_sched_entry *entry);

/* Whose slot the prompt has that is being dispatched; for inside dispatch.
 * Valid until it is finished or set aside. What it costs is entry->cost. */
struct vtx_sched_target *vtx_scheduler_target(
    const struct vtx_sched_entry *entry);

/* One prompt of entry, which has a slot of target, is over. */
void vtx_scheduler_finished(struct vtx_scheduler *scheduler,
                            struct vtx_sched_entry *entry,
                            struct vtx_sched_target *target,
                            const struct vtx_gate_end *end);

/* One prompt of entry, which has a slot of target, has failed and will be
 * dispatched again: gives the slot back and keeps the place. */
void vtx_scheduler_set_aside(struct vtx_scheduler *scheduler,
                             struct vtx_sched_entry *entry,
                             struct vtx_sched_target *target,
                             const struct vtx_gate_end *end);

/* A prompt that came back goes elsewhere than to the target of that name, where
 * its last call failed for that reason (of service/vertex/retry.h): counts it,
 * if the target is still known. */
void vtx_scheduler_note_failover(struct vtx_scheduler *scheduler,
                                 const char *target, size_t reason);

/* One prompt of entry, which has a slot of target, goes on with another call:
 * the last one has ended so, and the next is of that cost. It keeps the slot;
 * in the shares both count as one. False, with nothing changed, where the
 * target's gate lets none start now: then the prompt is to be set aside. */
bool vtx_scheduler_go_on(struct vtx_scheduler *scheduler,
                         struct vtx_sched_entry *entry,
                         struct vtx_sched_target *target, double cost,
                         const struct vtx_gate_end *end);

/* One that was set aside is ready. entry->peek will be asked anew: about the
 * prompt that came back first. */
void vtx_scheduler_again(struct vtx_scheduler *scheduler,
                         struct vtx_sched_entry *entry);

/* One that was set aside is over without having been dispatched again; ready:
 * vtx_scheduler_again() was called for it. */
void vtx_scheduler_withdraw(struct vtx_scheduler *scheduler,
                            struct vtx_sched_entry *entry, bool ready);

/* What is known of the target of that name; of one that is not there: all is
 * well. For inside peek, among others. */
void vtx_scheduler_health(const struct vtx_scheduler *scheduler,
                          const char *target, double cost,
                          struct vtx_sched_health *ret_health);

/* When vtx_scheduler_run() could do more than now without any other event;
 * CB_NEVER if never. */
int64_t vtx_scheduler_next(const struct vtx_scheduler *scheduler);

/* entry has no new prompts left, or none that may still be sent. For good. Of
 * those that come back each is dispatched again or withdrawn. */
void vtx_scheduler_close(struct vtx_scheduler *scheduler,
                         struct vtx_sched_entry *entry);

/* Stops, and goes on with, asking entry. Held, it need not have a new prompt.
 */
void vtx_scheduler_hold(struct vtx_scheduler *scheduler,
                        struct vtx_sched_entry *entry, bool held);

/* Asks entries until all slots are taken, gates are closed or nobody has more
 * (false), or slice nanoseconds have passed (true: call again). */
bool vtx_scheduler_run(struct vtx_scheduler *scheduler, int64_t slice);

#endif
