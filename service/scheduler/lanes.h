/* lanes.h - who waits where. Internal to the scheduler.
 *
 * Two levels of the same queue: the lanes of the process hold targets, those of
 * a target hold entries. A target is in the lane of the process while it has a
 * slot for what waits in its own lane of that class and its gate is open for
 * the first of it; while the gate is closed and will open, the target is among
 * scheduler->later. An entry is in the lane of its target while it is ready.
 * Where an entry's next prompt is for another target, whose virtual time is
 * another, its lead over that of the last one goes along.
 *
 * Threads:   none inside.
 * Ownership: the lanes borrow entries and targets.
 */
#ifndef VTX_SCHED_LANES_H
#define VTX_SCHED_LANES_H

#include "service/scheduler/scheduler.h"

/* Puts target where its slots, its gate and what waits for it say. To be called
 * after any of those has changed. */
void vtx_sched_settle_target(struct vtx_scheduler *scheduler,
                             struct vtx_sched_target *target);

/* The same for all targets whose gate is to be asked again by now. */
void vtx_sched_settle_due(struct vtx_scheduler *scheduler);

/* True if a batch is to have the next start at target, however many
 * interactive prompts wait. */
bool vtx_sched_batch_turn(const struct vtx_scheduler *scheduler,
                          const struct vtx_sched_target *target);

/* Takes note of a start at target. */
void vtx_sched_note_start(struct vtx_sched_target *target,
                          enum vtx_sched_class class);

/* Moves the virtual time of a lane on to that of node, which is its first. */
void vtx_sched_advance(struct vtx_sched_lane *lane,
                       const struct cb_heap_node *node);

/* Where the entry's next prompt starts, in the virtual time of target. */
void vtx_sched_set_start(struct vtx_sched_entry *entry,
                         const struct vtx_sched_target *target, double start);

/* Puts entry into the lane of its target, or takes it out, as it is ready or
 * not; leaves it alone while it is being asked. */
void vtx_sched_settle(struct vtx_scheduler *scheduler,
                      struct vtx_sched_entry *entry);

/* Takes entry out, which is in the lane of its target. */
void vtx_sched_unlist(struct vtx_scheduler *scheduler,
                      struct vtx_sched_entry *entry);

/* What is known of the entry's next prompt is forgotten; it is in no lane. */
void vtx_sched_forget_head(struct vtx_scheduler *scheduler,
                           struct vtx_sched_entry *entry);

/* Forgets it and looks at it again, if entry is in a lane. */
void vtx_sched_look_again(struct vtx_scheduler *scheduler,
                          struct vtx_sched_entry *entry);

/* Looks again at all that waits for target, which has another user. */
void vtx_sched_look_again_all(struct vtx_scheduler *scheduler,
                              struct vtx_sched_target *target);

/* Something of entry was dispatched, or it was closed before. */
void vtx_sched_waits_no_more(struct vtx_scheduler *scheduler,
                             struct vtx_sched_entry *entry);

/* Charges target, in the process's lane of that class, for a prompt. */
void vtx_sched_charge_target(struct vtx_scheduler *scheduler,
                             struct vtx_sched_target *target,
                             enum vtx_sched_class class, double cost);

#endif
