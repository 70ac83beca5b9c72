/* slots.h - which class may have the next slot. Internal to the scheduler.
 *
 * Threads:   none inside.
 * Ownership: plain values of the scheduler's.
 */
#ifndef VTX_SCHED_SLOTS_H
#define VTX_SCHED_SLOTS_H

#include "service/scheduler/scheduler.h"

/* None used. */
void vtx_sched_slots_init(struct vtx_sched_slots *slots, size_t limit);

/* How many are used, of both classes. */
size_t vtx_sched_slots_used(const struct vtx_sched_slots *slots);

/* True if there is a slot for one more prompt of that class. */
bool vtx_sched_slots_free(const struct vtx_sched_slots *slots,
                          enum vtx_sched_class class, int64_t now);

/* When there is one, if nothing happens meanwhile: now, later, where the slots
 * that are kept for the other class are free for all again, or CB_NEVER. */
int64_t vtx_sched_slots_when(const struct vtx_sched_slots *slots,
                             enum vtx_sched_class class, int64_t now);

void vtx_sched_slots_take(struct vtx_sched_slots *slots,
                          enum vtx_sched_class class, int64_t now);
void vtx_sched_slots_give(struct vtx_sched_slots *slots,
                          enum vtx_sched_class class);

#endif
