#include "service/scheduler/scheduler.h"

#include <assert.h>
#include <string.h>

#include "base/list.h"
#include "service/scheduler/lanes.h"
#include "service/scheduler/slots.h"
#include "service/scheduler/target.h"

static void look_at_clock(struct vtx_scheduler *scheduler) {
  scheduler->now = cb_now(scheduler->options.clock);
}

bool vtx_scheduler_init(struct vtx_scheduler *scheduler,
                        const struct vtx_sched_options *options) {
  assert(options->max_in_flight > 0);
  memset(scheduler, 0, sizeof *scheduler);
  scheduler->options = *options;
  if (scheduler->options.target_max_in_flight == 0) {
    scheduler->options.target_max_in_flight = options->max_in_flight;
  }
  vtx_sched_slots_init(&scheduler->slots, options->max_in_flight);
  look_at_clock(scheduler);
  return vtx_sched_targets_init(scheduler);
}

void vtx_scheduler_release(struct vtx_scheduler *scheduler) {
  vtx_sched_targets_release(scheduler);
}

bool vtx_scheduler_is_full(const struct vtx_scheduler *scheduler, size_t size) {
  const struct vtx_sched_options *options = &scheduler->options;

  return (options->max_waiting > 0 &&
          scheduler->waiting >= options->max_waiting) ||
         (options->max_waiting_bytes > 0 && scheduler->waiting > 0 &&
          scheduler->waiting_bytes + size > options->max_waiting_bytes);
}

void vtx_scheduler_add(struct vtx_scheduler *scheduler,
                       struct vtx_sched_entry *entry) {
  assert(entry->limit > 0 && entry->weight > 0 && entry->dispatch);
  memset(&entry->node, 0, sizeof entry->node);
  entry->target = NULL;
  entry->asked = NULL;
  entry->start_at = 0;
  entry->lead = 0;
  entry->running = 0;
  entry->again = 0;
  entry->open = true;
  entry->begun = false;
  entry->waiting = false;
  vtx_sched_settle(scheduler, entry);
}

void vtx_scheduler_remove(struct vtx_scheduler *scheduler,
                          struct vtx_sched_entry *entry) {
  assert(entry->running == 0 && entry->again == 0);
  vtx_scheduler_close(scheduler, entry);
}

bool vtx_scheduler_takes_new(const struct vtx_sched_entry *entry) {
  return entry->open && !entry->held && entry->running < entry->limit;
}

struct vtx_sched_target *vtx_scheduler_target(
    const struct vtx_sched_entry *entry) {
  return entry->asked;
}

/* Ends. */

static void note_time(struct vtx_sched_target *target,
                      const struct vtx_gate_end *end) {
  if (end->took < 0 || end->outcome != VTX_OUTCOME_SERVED) return;
  if (target->samples < VTX_SCHED_SAMPLES) target->samples++;
  target->took += ((double)end->took - target->took) / (double)target->samples;
}

/* True if what waits for target is to be looked at again. */
static bool learn(struct vtx_scheduler *scheduler,
                  struct vtx_sched_target *target,
                  const struct vtx_gate_end *end) {
  struct vtx_sched_mood before;
  bool changed;

  look_at_clock(scheduler);
  before = vtx_sched_target_mood(scheduler, target);
  note_time(target, end);
  vtx_gate_ended(&target->gate, scheduler->now,
                 vtx_sched_slots_used(&target->slots), end);
  vtx_sched_target_limit(scheduler, target);
  changed = vtx_breaker_ended(&target->breaker, scheduler->now, end);
  vtx_sched_target_note_end(scheduler, target, end->outcome, before);
  return changed || (!before.throttled &&
                     vtx_sched_target_mood(scheduler, target).throttled);
}

/* A call of that cost starts at target. True if what waits for target is to be
 * looked at again. */
static bool note_call(struct vtx_scheduler *scheduler,
                      struct vtx_sched_target *target, double cost) {
  target->counts.started++;
  vtx_gate_started(&target->gate, scheduler->now, cost);
  vtx_sched_target_limit(scheduler, target);
  return vtx_breaker_started(&target->breaker, scheduler->now);
}

/* True if entry waits for a target that can take nothing now: it may have the
 * choice of the one where something of it just ended. */
static bool is_blocked(const struct vtx_sched_entry *entry) {
  return entry->peek && entry->node.in &&
         !entry->target->nodes[entry->sched_class].in;
}

/* end: NULL if it never went upstream. */
static void give_back(struct vtx_scheduler *scheduler,
                      struct vtx_sched_entry *entry,
                      struct vtx_sched_target *target,
                      const struct vtx_gate_end *end) {
  bool changed;

  vtx_sched_slots_give(&scheduler->slots, entry->sched_class);
  vtx_sched_slots_give(&target->slots, entry->sched_class);
  changed = end && learn(scheduler, target, end);
  vtx_sched_settle(scheduler, entry);
  vtx_sched_settle_target(scheduler, target);
  if (changed) vtx_sched_look_again_all(scheduler, target);
  if (is_blocked(entry)) vtx_sched_look_again(scheduler, entry);
  vtx_sched_target_leave(scheduler, target);
}

static void over(struct vtx_scheduler *scheduler, struct vtx_sched_entry *entry,
                 struct vtx_sched_target *target,
                 const struct vtx_gate_end *end) {
  assert(entry->running > 0);
  entry->running--;
  give_back(scheduler, entry, target, end);
}

void vtx_scheduler_finished(struct vtx_scheduler *scheduler,
                            struct vtx_sched_entry *entry,
                            struct vtx_sched_target *target,
                            const struct vtx_gate_end *end) {
  over(scheduler, entry, target, end);
}

void vtx_scheduler_set_aside(struct vtx_scheduler *scheduler,
                             struct vtx_sched_entry *entry,
                             struct vtx_sched_target *target,
                             const struct vtx_gate_end *end) {
  assert(entry->running > entry->again);
  give_back(scheduler, entry, target, end);
}

bool vtx_scheduler_go_on(struct vtx_scheduler *scheduler,
                         struct vtx_sched_entry *entry,
                         struct vtx_sched_target *target, double cost,
                         const struct vtx_gate_end *end) {
  size_t others = vtx_sched_slots_used(&target->slots) - 1;
  bool changed;

  look_at_clock(scheduler);
  if (vtx_gate_when(&target->gate, scheduler->now, others, cost) >
      scheduler->now) {
    return false;
  }
  vtx_sched_slots_give(&target->slots, entry->sched_class);
  changed = learn(scheduler, target, end);
  changed = note_call(scheduler, target, cost) || changed;
  vtx_sched_slots_take(&target->slots, entry->sched_class, scheduler->now);
  vtx_sched_settle_target(scheduler, target);
  if (changed) vtx_sched_look_again_all(scheduler, target);
  return true;
}

void vtx_scheduler_again(struct vtx_scheduler *scheduler,
                         struct vtx_sched_entry *entry) {
  assert(entry->again < entry->running);
  entry->again++;
  if (entry->again == 1) vtx_sched_look_again(scheduler, entry);
}

void vtx_scheduler_withdraw(struct vtx_scheduler *scheduler,
                            struct vtx_sched_entry *entry, bool ready) {
  assert(entry->running > 0 && (!ready || entry->again > 0));
  entry->running--;
  if (ready) {
    entry->again--;
    vtx_sched_look_again(scheduler, entry);
  } else {
    vtx_sched_settle(scheduler, entry);
  }
}

/* A new prompt that was to be next is not taken any more; what came back still
 * is. */
static bool has_wrong_head(const struct vtx_sched_entry *entry) {
  return entry->node.in && entry->again > 0 && !entry->back &&
         !vtx_scheduler_takes_new(entry);
}

static void settle_new(struct vtx_scheduler *scheduler,
                       struct vtx_sched_entry *entry) {
  if (has_wrong_head(entry)) {
    vtx_sched_look_again(scheduler, entry);
  } else {
    vtx_sched_settle(scheduler, entry);
  }
}

void vtx_scheduler_close(struct vtx_scheduler *scheduler,
                         struct vtx_sched_entry *entry) {
  entry->open = false;
  settle_new(scheduler, entry);
  vtx_sched_waits_no_more(scheduler, entry);
  if (!entry->node.in) vtx_sched_forget_head(scheduler, entry);
}

void vtx_scheduler_hold(struct vtx_scheduler *scheduler,
                        struct vtx_sched_entry *entry, bool held) {
  entry->held = held;
  settle_new(scheduler, entry);
}

void vtx_scheduler_reconsider(struct vtx_scheduler *scheduler,
                              struct vtx_sched_entry *entry) {
  if (is_blocked(entry)) vtx_sched_look_again(scheduler, entry);
}

/* Dispatching. */

static struct vtx_sched_entry *first_of(const struct vtx_sched_target *target,
                                        enum vtx_sched_class class) {
  struct cb_heap_node *node = cb_heap_first(&target->lanes[class].heap);

  return CB_CONTAINER(node, struct vtx_sched_entry, node);
}

/* The target whose turn it is in that class, NULL if none may be asked. */
static struct vtx_sched_target *first_target(
    const struct vtx_scheduler *scheduler, enum vtx_sched_class class) {
  struct cb_heap_node *node = cb_heap_first(&scheduler->lanes[class].heap);

  if (!node || !vtx_sched_slots_free(&scheduler->slots, class, scheduler->now))
    return NULL;
  return CB_CONTAINER(node, struct vtx_sched_target, nodes[class]);
}

/* Whose turn it is, NULL if nobody may be asked. */
static struct vtx_sched_entry *pick(const struct vtx_scheduler *scheduler) {
  struct vtx_sched_target *target = first_target(scheduler, VTX_INTERACTIVE);

  if (!target) {
    target = first_target(scheduler, VTX_BATCH);
    return target ? first_of(target, VTX_BATCH) : NULL;
  }
  if (target->nodes[VTX_BATCH].in && vtx_sched_batch_turn(scheduler, target) &&
      vtx_sched_slots_free(&scheduler->slots, VTX_BATCH, scheduler->now)) {
    return first_of(target, VTX_BATCH);
  }
  return first_of(target, VTX_INTERACTIVE);
}

/* Takes slots for entry's next prompt, and entry out of its lane. True if it
 * is one that came back. */
static bool begin(struct vtx_scheduler *scheduler,
                  struct vtx_sched_entry *entry) {
  enum vtx_sched_class class = entry->sched_class;
  struct vtx_sched_target *target = entry->target;
  struct vtx_sched_lane *lane = &scheduler->lanes[class];
  struct cb_heap_node *node = &target->nodes[class];
  bool back = entry->back;

  /* Out of turn, a target does not move the time of the others. */
  if (cb_heap_first(&lane->heap) == node) vtx_sched_advance(lane, node);
  vtx_sched_advance(&target->lanes[class], &entry->node);
  vtx_sched_unlist(scheduler, entry);
  entry->asked = target;
  entry->target = NULL;
  if (back) {
    entry->again--;
  } else {
    entry->running++;
  }
  vtx_sched_slots_take(&scheduler->slots, class, scheduler->now);
  vtx_sched_slots_take(&target->slots, class, scheduler->now);
  vtx_sched_settle_target(scheduler, target);
  return back;
}

/* It is under way: charges all that counts it. */
static void went(struct vtx_scheduler *scheduler, struct vtx_sched_entry *entry,
                 struct vtx_sched_target *target) {
  enum vtx_sched_class class = entry->sched_class;
  double weights = target->weights[class] + entry->weight;
  bool changed;

  vtx_sched_set_start(entry, target,
                      entry->start + entry->cost / entry->weight);
  vtx_sched_note_start(target, class);
  changed = note_call(scheduler, target, entry->cost);
  vtx_sched_settle_target(scheduler, target);
  vtx_sched_charge_target(scheduler, target, class, entry->cost / weights);
  vtx_sched_settle(scheduler, entry);
  if (changed) vtx_sched_look_again_all(scheduler, target);
}

/* The entry may close, hold or finish itself while it is asked; with a slot,
 * and in no lane meanwhile, its account is right whatever it does. A prompt
 * that does not go upstream costs nothing. */
static void ask(struct vtx_scheduler *scheduler,
                struct vtx_sched_entry *entry) {
  struct vtx_sched_target *target = entry->target;
  bool back = begin(scheduler, entry);
  enum vtx_dispatch what = entry->dispatch(entry);

  entry->asked = NULL;
  if (what != VTX_HELD) {
    entry->begun = true;
    vtx_sched_waits_no_more(scheduler, entry);
  }
  if (what == VTX_DISPATCHED) {
    went(scheduler, entry, target);
  } else if (what == VTX_HELD && back) {
    give_back(scheduler, entry, target, NULL);
  } else {
    over(scheduler, entry, target, NULL);
  }
}

/* True if entry, whose target can take nothing now, would go to another one
 * that can. Where it would wait there, too, it stays. */
static bool would_move(const struct vtx_scheduler *scheduler,
                       struct vtx_sched_entry *entry) {
  struct vtx_sched_head head = {
      .target = "", .cost = 1, .back = entry->again > 0, .glance = true};
  const struct vtx_sched_target *found;
  struct vtx_sched_health health;

  if (!entry->peek) return false;
  entry->peek(entry, &head);
  if (strcmp(head.target, entry->target->name) == 0) return false;
  found = vtx_sched_target_find(scheduler, head.target);
  if (found &&
      !vtx_sched_slots_free(&found->slots, entry->sched_class, scheduler->now))
    return false;
  vtx_scheduler_health(scheduler, head.target, head.cost, &health);
  return health.ready;
}

/* Of the target whose gate opens next, those who wait first may have the choice
 * of another that has room meanwhile. True if one of them took it. */
static bool move_on(struct vtx_scheduler *scheduler) {
  struct cb_heap_node *node = cb_heap_first(&scheduler->later);
  struct vtx_sched_target *target =
      node ? CB_CONTAINER(node, struct vtx_sched_target, later) : NULL;

  for (int i = 0; target && i < VTX_SCHED_CLASSES; i++) {
    struct cb_heap_node *first = cb_heap_first(&target->lanes[i].heap);
    struct vtx_sched_entry *entry =
        first ? CB_CONTAINER(first, struct vtx_sched_entry, node) : NULL;

    if (!entry ||
        !vtx_sched_slots_free(&scheduler->slots, (enum vtx_sched_class)i,
                              scheduler->now) ||
        !would_move(scheduler, entry))
      continue;
    vtx_sched_look_again(scheduler, entry);
    return true;
  }
  return false;
}

/* One who moved on and cannot be asked there either, for it is not its turn,
 * must not go to and fro: that is enough for this time. */
bool vtx_scheduler_run(struct vtx_scheduler *scheduler, int64_t slice) {
  bool moved = false;
  int64_t until;

  look_at_clock(scheduler);
  until = cb_time_add(scheduler->now, slice);
  vtx_sched_settle_due(scheduler);
  for (;;) {
    struct vtx_sched_entry *entry = pick(scheduler);

    if (!entry && (moved || !move_on(scheduler))) return false;
    if (entry) ask(scheduler, entry);
    moved = !entry;
    look_at_clock(scheduler);
    if (scheduler->now >= until) return true;
  }
}
