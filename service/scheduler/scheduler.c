/* Two levels of the same queue: the lanes of the process hold targets, those of
 * a target hold entries. A target is in the lane of the process while it has a
 * slot for what waits in its own lane of that class, an entry in the lane of
 * its target while it is ready. Where an entry's next prompt is for another
 * target, whose virtual time is another, its lead over that of the last one
 * goes along.
 */
#include "service/scheduler/scheduler.h"

#include <assert.h>
#include <string.h>

#include "base/list.h"
#include "service/scheduler/target.h"

/* Slots. */

static size_t kept(const struct vtx_sched_slots *slots) {
  return slots->limit / VTX_SCHED_KEPT;
}

static bool interactive_lately(const struct vtx_sched_slots *slots,
                               int64_t now) {
  return slots->used[VTX_INTERACTIVE] > 0 ||
         (slots->last_interactive != INT64_MIN &&
          now - slots->last_interactive < VTX_SCHED_LATELY);
}

/* True if there is a slot for one more prompt of that class. */
static bool is_free(const struct vtx_sched_slots *slots,
                    enum vtx_sched_class class, int64_t now) {
  size_t interactive = slots->used[VTX_INTERACTIVE];
  size_t used = interactive + slots->used[VTX_BATCH];
  size_t reserve = kept(slots);

  if (used >= slots->limit) return false;
  if (class == VTX_INTERACTIVE) {
    /* Of few slots one is enough to keep batches going. */
    if (reserve == 0 && slots->limit > 1) reserve = 1;
    return slots->ready[VTX_BATCH] == 0 || slots->used[VTX_BATCH] >= reserve ||
           used + reserve - slots->used[VTX_BATCH] < slots->limit;
  }
  if (interactive >= reserve || !interactive_lately(slots, now)) return true;
  return used + reserve - interactive < slots->limit;
}

static void take_slot(struct vtx_sched_slots *slots, enum vtx_sched_class class,
                      int64_t now) {
  slots->used[class]++;
  if (class == VTX_INTERACTIVE) slots->last_interactive = now;
}

static void give_slot(struct vtx_sched_slots *slots,
                      enum vtx_sched_class class) {
  assert(slots->used[class] > 0);
  slots->used[class]--;
}

/* Lanes. */

static void put(struct vtx_scheduler *scheduler, struct vtx_sched_lane *lane,
                struct cb_heap_node *node, double start) {
  node->key = start > lane->now ? start : lane->now;
  node->order = scheduler->order++;
  cb_heap_put(&lane->heap, node);
}

/* Puts target into the process's lane of that class, or takes it out, as its
 * slots and what waits for it say. */
static void settle_target(struct vtx_scheduler *scheduler,
                          struct vtx_sched_target *target,
                          enum vtx_sched_class class) {
  struct vtx_sched_lane *lane = &scheduler->lanes[class];
  struct cb_heap_node *node = &target->nodes[class];
  bool able = target->slots.ready[class] > 0 &&
              is_free(&target->slots, class, scheduler->now);

  if (able == node->in) return;
  if (able) {
    put(scheduler, lane, node, target->starts[class]);
  } else {
    target->starts[class] = node->key;
    cb_heap_remove(&lane->heap, node);
  }
}

static void settle_both(struct vtx_scheduler *scheduler,
                        struct vtx_sched_target *target) {
  settle_target(scheduler, target, VTX_INTERACTIVE);
  settle_target(scheduler, target, VTX_BATCH);
}

/* Entries. */

static bool is_ready(const struct vtx_sched_entry *entry) {
  return entry->open && !entry->held && entry->running < entry->limit;
}

/* Looks at the entry's next prompt, unless that was done. */
static void look(struct vtx_scheduler *scheduler,
                 struct vtx_sched_entry *entry) {
  struct vtx_sched_head head = {"", 1};

  if (entry->target) return;
  if (entry->peek) entry->peek(entry, &head);
  entry->target = vtx_sched_target_use(scheduler, head.target);
  entry->cost = head.cost;
}

/* Where the next prompt starts, in the time of its target. */
static double start_of(const struct vtx_sched_entry *entry,
                       const struct vtx_sched_lane *lane) {
  return entry->start_at == entry->target->serial ? entry->start
                                                  : lane->now + entry->lead;
}

static void set_start(struct vtx_sched_entry *entry,
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

static void list(struct vtx_scheduler *scheduler,
                 struct vtx_sched_entry *entry) {
  enum vtx_sched_class class = entry->sched_class;
  struct vtx_sched_lane *lane;
  struct vtx_sched_target *target;

  begins_to_wait(scheduler, entry);
  look(scheduler, entry);
  target = entry->target;
  lane = &target->lanes[class];
  put(scheduler, lane, &entry->node, start_of(entry, lane));
  target->slots.ready[class]++;
  scheduler->slots.ready[class]++;
  target->weights[class] += entry->weight;
  settle_both(scheduler, target);
}

static void unlist(struct vtx_scheduler *scheduler,
                   struct vtx_sched_entry *entry) {
  enum vtx_sched_class class = entry->sched_class;
  struct vtx_sched_target *target = entry->target;

  set_start(entry, target, entry->node.key);
  cb_heap_remove(&target->lanes[class].heap, &entry->node);
  target->slots.ready[class]--;
  scheduler->slots.ready[class]--;
  target->weights[class] -= entry->weight;
  settle_both(scheduler, target);
}

static void settle(struct vtx_scheduler *scheduler,
                   struct vtx_sched_entry *entry) {
  if (entry->asked || is_ready(entry) == entry->node.in) return;
  if (entry->node.in) {
    unlist(scheduler, entry);
  } else {
    list(scheduler, entry);
  }
}

static void forget_head(struct vtx_scheduler *scheduler,
                        struct vtx_sched_entry *entry) {
  if (!entry->target) return;
  vtx_sched_target_leave(scheduler, entry->target);
  entry->target = NULL;
}

static void waits_no_more(struct vtx_scheduler *scheduler,
                          struct vtx_sched_entry *entry) {
  if (!entry->waiting) return;
  entry->waiting = false;
  scheduler->waiting--;
  scheduler->waiting_bytes -= entry->size;
}

bool vtx_scheduler_init(struct vtx_scheduler *scheduler,
                        const struct vtx_sched_options *options) {
  assert(options->max_in_flight > 0);
  memset(scheduler, 0, sizeof *scheduler);
  scheduler->options = *options;
  if (scheduler->options.target_max_in_flight == 0) {
    scheduler->options.target_max_in_flight = options->max_in_flight;
  }
  scheduler->slots.limit = options->max_in_flight;
  scheduler->slots.last_interactive = INT64_MIN;
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
  entry->open = true;
  entry->begun = false;
  entry->waiting = false;
  settle(scheduler, entry);
}

void vtx_scheduler_remove(struct vtx_scheduler *scheduler,
                          struct vtx_sched_entry *entry) {
  assert(entry->running == 0);
  vtx_scheduler_close(scheduler, entry);
}

int64_t vtx_scheduler_wait(const struct vtx_scheduler *scheduler,
                           const struct vtx_sched_entry *entry) {
  const struct vtx_sched_target *target = entry->target;
  const struct vtx_sched_slots *slots;
  size_t ahead;

  if (!target || target->samples < VTX_SCHED_SAMPLES) return 0;
  slots = &target->slots;
  if (is_free(slots, entry->sched_class, scheduler->now)) return 0;
  ahead = slots->ready[entry->sched_class] - 1;
  return (int64_t)((double)ahead * target->took / (double)slots->limit);
}

struct vtx_sched_target *vtx_scheduler_target(
    const struct vtx_sched_entry *entry) {
  return entry->asked;
}

static void note_time(struct vtx_sched_target *target, int64_t took) {
  if (took < 0) return;
  if (target->samples < VTX_SCHED_SAMPLES) target->samples++;
  target->took += ((double)took - target->took) / (double)target->samples;
}

void vtx_scheduler_finished(struct vtx_scheduler *scheduler,
                            struct vtx_sched_entry *entry,
                            struct vtx_sched_target *target, int64_t took) {
  assert(entry->running > 0);
  entry->running--;
  give_slot(&scheduler->slots, entry->sched_class);
  give_slot(&target->slots, entry->sched_class);
  note_time(target, took);
  settle(scheduler, entry);
  settle_both(scheduler, target);
  vtx_sched_target_leave(scheduler, target);
}

void vtx_scheduler_close(struct vtx_scheduler *scheduler,
                         struct vtx_sched_entry *entry) {
  entry->open = false;
  settle(scheduler, entry);
  waits_no_more(scheduler, entry);
  if (!entry->node.in) forget_head(scheduler, entry);
}

void vtx_scheduler_hold(struct vtx_scheduler *scheduler,
                        struct vtx_sched_entry *entry, bool held) {
  entry->held = held;
  settle(scheduler, entry);
}

/* Dispatching. */

static void advance(struct vtx_sched_lane *lane,
                    const struct cb_heap_node *node) {
  if (node->key > lane->now) lane->now = node->key;
}

/* Whose turn it is, NULL if nobody may be asked. */
static struct vtx_sched_entry *pick(struct vtx_scheduler *scheduler) {
  for (int i = 0; i < VTX_SCHED_CLASSES; i++) {
    enum vtx_sched_class class = (enum vtx_sched_class)i;
    struct cb_heap_node *node = cb_heap_first(&scheduler->lanes[i].heap);
    struct vtx_sched_target *target;

    if (!node || !is_free(&scheduler->slots, class, scheduler->now)) continue;
    target = CB_CONTAINER(node, struct vtx_sched_target, nodes[i]);
    node = cb_heap_first(&target->lanes[i].heap);
    return CB_CONTAINER(node, struct vtx_sched_entry, node);
  }
  return NULL;
}

static void charge_target(struct vtx_scheduler *scheduler,
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

/* Takes slots for entry's next prompt, and entry out of its lane. */
static void begin(struct vtx_scheduler *scheduler,
                  struct vtx_sched_entry *entry) {
  enum vtx_sched_class class = entry->sched_class;
  struct vtx_sched_target *target = entry->target;

  advance(&scheduler->lanes[class], &target->nodes[class]);
  advance(&target->lanes[class], &entry->node);
  unlist(scheduler, entry);
  entry->asked = target;
  entry->target = NULL;
  entry->running++;
  take_slot(&scheduler->slots, class, scheduler->now);
  take_slot(&target->slots, class, scheduler->now);
  settle_both(scheduler, target);
}

/* The entry may close, hold or finish itself while it is asked; with a slot,
 * and in no lane meanwhile, its account is right whatever it does. A prompt
 * that does not go upstream costs nothing. */
static void ask(struct vtx_scheduler *scheduler,
                struct vtx_sched_entry *entry) {
  enum vtx_sched_class class = entry->sched_class;
  struct vtx_sched_target *target = entry->target;
  double weights = target->weights[class];
  double cost = entry->cost;
  enum vtx_dispatch what;

  begin(scheduler, entry);
  what = entry->dispatch(entry);
  entry->asked = NULL;
  if (what != VTX_HELD) {
    entry->begun = true;
    waits_no_more(scheduler, entry);
  }
  if (what != VTX_DISPATCHED) {
    vtx_scheduler_finished(scheduler, entry, target, -1);
    return;
  }
  set_start(entry, target, entry->start + cost / entry->weight);
  charge_target(scheduler, target, class, cost / weights);
  settle(scheduler, entry);
}

bool vtx_scheduler_run(struct vtx_scheduler *scheduler,
                       const struct cb_clock *clock, int64_t slice) {
  int64_t until;

  scheduler->now = cb_now(clock);
  until = cb_time_add(scheduler->now, slice);
  for (;;) {
    struct vtx_sched_entry *entry = pick(scheduler);

    if (!entry) return false;
    ask(scheduler, entry);
    if (cb_now(clock) >= until) return true;
  }
}
