#include "service/scheduler/scheduler.h"

#include <assert.h>

#include "base/clock.h"

static bool is_ready(const struct vtx_sched_entry *entry) {
  return entry->open && !entry->held && entry->running < entry->limit;
}

static bool is_listed(const struct vtx_sched_entry *entry) {
  return !cb_list_empty(&entry->link);
}

/* Puts entry into its ready list, last, or takes it out, as its state says. An
 * entry that is listed keeps its place: only a dispatch costs a turn. */
static void settle(struct vtx_scheduler *scheduler,
                   struct vtx_sched_entry *entry) {
  if (is_ready(entry) == is_listed(entry)) return;
  if (is_listed(entry)) {
    cb_list_remove(&entry->link);
  } else {
    cb_list_append(&scheduler->ready[entry->sched_class], &entry->link);
  }
}

void vtx_scheduler_init(struct vtx_scheduler *scheduler, size_t max_in_flight) {
  assert(max_in_flight > 0);
  for (int i = 0; i < VTX_SCHED_CLASSES; i++) {
    cb_list_init(&scheduler->ready[i]);
  }
  scheduler->max_in_flight = max_in_flight;
  scheduler->in_flight = 0;
}

void vtx_scheduler_add(struct vtx_scheduler *scheduler,
                       struct vtx_sched_entry *entry) {
  assert(entry->limit > 0 && entry->weight > 0 && entry->dispatch);
  cb_list_init(&entry->link);
  entry->running = 0;
  entry->open = true;
  entry->held = false;
  settle(scheduler, entry);
}

void vtx_scheduler_remove(struct vtx_scheduler *scheduler,
                          struct vtx_sched_entry *entry) {
  assert(entry->running == 0);
  vtx_scheduler_close(scheduler, entry);
}

void vtx_scheduler_finished(struct vtx_scheduler *scheduler,
                            struct vtx_sched_entry *entry) {
  assert(entry->running > 0 && scheduler->in_flight > 0);
  entry->running--;
  scheduler->in_flight--;
  settle(scheduler, entry);
}

void vtx_scheduler_close(struct vtx_scheduler *scheduler,
                         struct vtx_sched_entry *entry) {
  entry->open = false;
  settle(scheduler, entry);
}

void vtx_scheduler_hold(struct vtx_scheduler *scheduler,
                        struct vtx_sched_entry *entry, bool held) {
  entry->held = held;
  settle(scheduler, entry);
}

/* Whose turn it is; NULL if nobody may be asked. */
static struct vtx_sched_entry *pick(struct vtx_scheduler *scheduler) {
  for (int i = 0; i < VTX_SCHED_CLASSES; i++) {
    struct cb_link *link = cb_list_take(&scheduler->ready[i]);

    if (link) return CB_CONTAINER(link, struct vtx_sched_entry, link);
  }
  return NULL;
}

/* The entry may close, hold or finish itself while it is asked; counting it as
 * running meanwhile keeps its account right whatever it does. */
static void ask(struct vtx_scheduler *scheduler,
                struct vtx_sched_entry *entry) {
  entry->running++;
  scheduler->in_flight++;
  if (entry->dispatch(entry) != VTX_DISPATCHED) {
    vtx_scheduler_finished(scheduler, entry);
  } else {
    settle(scheduler, entry);
  }
}

bool vtx_scheduler_run(struct vtx_scheduler *scheduler,
                       const struct cb_clock *clock, int64_t slice) {
  int64_t until = cb_time_add(cb_now(clock), slice);

  while (scheduler->in_flight < scheduler->max_in_flight) {
    struct vtx_sched_entry *entry = pick(scheduler);

    if (!entry) return false;
    ask(scheduler, entry);
    if (cb_now(clock) >= until) return true;
  }
  return false;
}
