#include "service/scheduler/lanes.h"

#include <assert.h>

#include "base/list.h"
#include "service/scheduler/slots.h"
#include "service/scheduler/target.h"

static void put(struct vtx_scheduler *scheduler, struct vtx_sched_lane *lane,
                struct cb_heap_node *node, double start) {
  node->key = start > lane->now ? start : lane->now;
  node->order = ++scheduler->order;
  cb_heap_put(&lane->heap, node);
}

void vtx_sched_advance(struct vtx_sched_lane *lane,
                       const struct cb_heap_node *node) {
  if (node->key > lane->now) lane->now = node->key;
}

/* Targets. */

/* When the gate lets the first prompt of that class start, of which there is
 * one. */
static int64_t gate_opens(const struct vtx_scheduler *scheduler,
                          const struct vtx_sched_target *target,
                          enum vtx_sched_class class) {
  const struct cb_heap_node *node = cb_heap_first(&target->lanes[class].heap);
  const struct vtx_sched_entry *first =
      CB_CONTAINER(node, struct vtx_sched_entry, node);

  return vtx_gate_when(&target->gate, scheduler->now,
                       vtx_sched_slots_used(&target->slots), first->cost);
}

bool vtx_sched_batch_turn(const struct vtx_scheduler *scheduler,
                          const struct vtx_sched_target *target) {
  const struct vtx_sched_slots *slots = &target->slots;

  return (target->spaced || slots->limit == 1) &&
         target->passed >= VTX_SCHED_KEPT - 1 && slots->ready[VTX_BATCH] > 0 &&
         vtx_sched_slots_free(slots, VTX_BATCH, scheduler->now);
}

void vtx_sched_note_start(struct vtx_sched_target *target,
                          enum vtx_sched_class class) {
  if (class == VTX_BATCH) {
    target->passed = 0;
    target->spaced = false;
  } else if (target->slots.ready[VTX_BATCH] > 0 &&
             target->passed < VTX_SCHED_KEPT) {
    target->passed++;
  }
}

/* When a prompt of that class may start, as far as slots and gate go: CB_NEVER
 * if something must happen first. While it is a batch's turn whose prompt has
 * to wait for tokens, smaller ones of others must not use them up. */
static int64_t opens(const struct vtx_scheduler *scheduler,
                     const struct vtx_sched_target *target,
                     enum vtx_sched_class class) {
  int64_t when;
  int64_t other;

  if (target->slots.ready[class] == 0 ||
      !vtx_sched_slots_free(&target->slots, class, scheduler->now)) {
    return CB_NEVER;
  }
  when = gate_opens(scheduler, target, class);
  if (class != VTX_INTERACTIVE || !vtx_sched_batch_turn(scheduler, target)) {
    return when;
  }
  other = gate_opens(scheduler, target, VTX_BATCH);
  return other > when ? other : when;
}

static void place(struct vtx_scheduler *scheduler,
                  struct vtx_sched_target *target, enum vtx_sched_class class,
                  bool able) {
  struct vtx_sched_lane *lane = &scheduler->lanes[class];
  struct cb_heap_node *node = &target->nodes[class];

  if (able == node->in) return;
  if (able) {
    put(scheduler, lane, node, target->starts[class]);
  } else {
    target->starts[class] = node->key;
    cb_heap_remove(&lane->heap, node);
  }
}

/* Puts a target's node to its time. The key is a double, so the order is that
 * of the times to a few nanoseconds; whether a target is due its own time says.
 */
static void come_back(struct cb_heap *heap, struct cb_heap_node *node,
                      int64_t *time, int64_t when) {
  if (node->in) {
    if (*time == when) return;
    cb_heap_remove(heap, node);
  }
  if (when == CB_NEVER) return;
  *time = when;
  node->key = (double)when;
  cb_heap_put(heap, node);
}

/* When batches may have those slots of target that are kept for single prompts.
 * Nothing else may happen until then. */
static int64_t reserve_ends(const struct vtx_scheduler *scheduler,
                            const struct vtx_sched_target *target) {
  int64_t when;

  if (target->slots.ready[VTX_BATCH] == 0) return CB_NEVER;
  when = vtx_sched_slots_when(&target->slots, VTX_BATCH, scheduler->now);
  return when > scheduler->now ? when : CB_NEVER;
}

void vtx_sched_settle_target(struct vtx_scheduler *scheduler,
                             struct vtx_sched_target *target) {
  int64_t earliest = CB_NEVER;

  for (int i = 0; i < VTX_SCHED_CLASSES; i++) {
    enum vtx_sched_class class = (enum vtx_sched_class)i;
    int64_t when = opens(scheduler, target, class);

    place(scheduler, target, class, when <= scheduler->now);
    if (when <= scheduler->now) continue;
    if (when < CB_NEVER) target->spaced = true;
    if (when < earliest) earliest = when;
  }
  come_back(&scheduler->later, &target->later, &target->opens, earliest);
  come_back(&scheduler->kept, &target->kept, &target->frees,
            reserve_ends(scheduler, target));
}

void vtx_sched_settle_due(struct vtx_scheduler *scheduler) {
  struct cb_heap_node *node;
  struct vtx_sched_target *target;

  while ((node = cb_heap_first(&scheduler->later)) != NULL) {
    target = CB_CONTAINER(node, struct vtx_sched_target, later);
    if (target->opens > scheduler->now) break;
    vtx_sched_settle_target(scheduler, target);
  }
  while ((node = cb_heap_first(&scheduler->kept)) != NULL) {
    target = CB_CONTAINER(node, struct vtx_sched_target, kept);
    if (target->frees > scheduler->now) break;
    vtx_sched_settle_target(scheduler, target);
  }
}

void vtx_sched_charge_target(struct vtx_scheduler *scheduler,
                             struct vtx_sched_target *target,
                             enum vtx_sched_class class, double cost) {
  struct vtx_sched_lane *lane = &scheduler->lanes[class];
  struct cb_heap_node *node = &target->nodes[class];

  if (!node->in) {
    target->starts[class] += cost;
    return;
  }
  cb_heap_remove(&lane->heap, node);
  put(scheduler, lane, node, node->key + cost);
}

/* Entries. */

static bool is_ready(const struct vtx_sched_entry *entry) {
  return entry->again > 0 || vtx_scheduler_takes_new(entry);
}

/* Looks at the entry's next prompt, unless that was done. */
static void look(struct vtx_scheduler *scheduler,
                 struct vtx_sched_entry *entry) {
  struct vtx_sched_head head = {
      .target = "", .cost = 1, .back = entry->again > 0};

  if (entry->target) return;
  if (entry->peek) entry->peek(entry, &head);
  entry->target = vtx_sched_target_use(scheduler, head.target);
  entry->cost = head.cost;
  entry->back = head.back;
}

/* Puts entry in: a batch where its next prompt starts in the time of its
 * target, interactive ones in the order in which they came first. */
static void put_entry(struct vtx_scheduler *scheduler,
                      struct vtx_sched_lane *lane,
                      struct vtx_sched_entry *entry) {
  uint64_t order = entry->node.order;

  if (entry->sched_class == VTX_BATCH) {
    put(scheduler, lane, &entry->node,
        entry->start_at == entry->target->serial ? entry->start
                                                 : lane->now + entry->lead);
    return;
  }
  entry->node.key = lane->now;
  entry->node.order = order > 0 ? order : ++scheduler->order;
  cb_heap_put(&lane->heap, &entry->node);
}

void vtx_sched_set_start(struct vtx_sched_entry *entry,
                         const struct vtx_sched_target *target, double start) {
  const struct vtx_sched_lane *lane = &target->lanes[entry->sched_class];

  entry->start = start;
  entry->start_at = target->serial;
  entry->lead = start > lane->now ? start - lane->now : 0;
}

static void begins_to_wait(struct vtx_scheduler *scheduler,
                           struct vtx_sched_entry *entry) {
  if (entry->begun || entry->waiting) return;
  entry->waiting = true;
  scheduler->waiting++;
  scheduler->waiting_bytes += entry->size;
}

void vtx_sched_waits_no_more(struct vtx_scheduler *scheduler,
                             struct vtx_sched_entry *entry) {
  if (!entry->waiting) return;
  entry->waiting = false;
  scheduler->waiting--;
  scheduler->waiting_bytes -= entry->size;
}

static void list(struct vtx_scheduler *scheduler,
                 struct vtx_sched_entry *entry) {
  enum vtx_sched_class class = entry->sched_class;
  struct vtx_sched_target *target;

  begins_to_wait(scheduler, entry);
  look(scheduler, entry);
  target = entry->target;
  put_entry(scheduler, &target->lanes[class], entry);
  target->slots.ready[class]++;
  scheduler->slots.ready[class]++;
  target->weights[class] += entry->weight;
  vtx_sched_settle_target(scheduler, target);
}

void vtx_sched_unlist(struct vtx_scheduler *scheduler,
                      struct vtx_sched_entry *entry) {
  enum vtx_sched_class class = entry->sched_class;
  struct vtx_sched_target *target = entry->target;

  vtx_sched_set_start(entry, target, entry->node.key);
  cb_heap_remove(&target->lanes[class].heap, &entry->node);
  target->slots.ready[class]--;
  scheduler->slots.ready[class]--;
  target->weights[class] -= entry->weight;
  vtx_sched_settle_target(scheduler, target);
}

void vtx_sched_settle(struct vtx_scheduler *scheduler,
                      struct vtx_sched_entry *entry) {
  if (entry->asked || is_ready(entry) == entry->node.in) return;
  if (entry->node.in) {
    vtx_sched_unlist(scheduler, entry);
  } else {
    list(scheduler, entry);
  }
}

void vtx_sched_forget_head(struct vtx_scheduler *scheduler,
                           struct vtx_sched_entry *entry) {
  assert(!entry->node.in);
  if (!entry->target) return;
  vtx_sched_target_leave(scheduler, entry->target);
  entry->target = NULL;
}

void vtx_sched_look_again(struct vtx_scheduler *scheduler,
                          struct vtx_sched_entry *entry) {
  if (entry->node.in) vtx_sched_unlist(scheduler, entry);
  vtx_sched_forget_head(scheduler, entry);
  vtx_sched_settle(scheduler, entry);
}

/* Two steps: who comes back to the same lane must not be met again. */
static void look_again_lane(struct vtx_scheduler *scheduler,
                            struct vtx_sched_target *target,
                            enum vtx_sched_class class) {
  struct vtx_sched_lane *lane = &target->lanes[class];
  struct cb_heap aside = {NULL};
  struct cb_heap_node *node;

  while ((node = cb_heap_first(&lane->heap)) != NULL) {
    vtx_sched_unlist(scheduler,
                     CB_CONTAINER(node, struct vtx_sched_entry, node));
    cb_heap_put(&aside, node);
  }
  while ((node = cb_heap_first(&aside)) != NULL) {
    cb_heap_remove(&aside, node);
    vtx_sched_look_again(scheduler,
                         CB_CONTAINER(node, struct vtx_sched_entry, node));
  }
}

void vtx_sched_look_again_all(struct vtx_scheduler *scheduler,
                              struct vtx_sched_target *target) {
  look_again_lane(scheduler, target, VTX_INTERACTIVE);
  look_again_lane(scheduler, target, VTX_BATCH);
}
