#include "service/scheduler/report.h"

#include <assert.h>

#include "service/scheduler/slots.h"
#include "service/scheduler/target.h"

/* The targets with the most calls, most first. */
struct top {
  const struct vtx_sched_target *targets[VTX_REPORT_MOST];
  size_t most;
  size_t count;
  size_t left_out;
};

static void describe(const struct vtx_scheduler *scheduler,
                     const struct vtx_sched_target *target,
                     struct vtx_target_report *ret_report) {
  int64_t now = scheduler->now;
  int64_t probe_at = target->breaker.probe_at;

  *ret_report = (struct vtx_target_report){
      .target = target->name,
      .in_flight = vtx_sched_slots_used(&target->slots),
      .counts = target->counts,
      .breaker = target->breaker.state,
      .opened = target->breaker.opened,
      .probe_in = probe_at > now ? probe_at - now : 0,
      .throttled = vtx_gate_is_throttled(&target->gate, now),
      .rate = vtx_gate_rate(&target->gate),
      .limit = target->slots.limit,
  };
}

struct vtx_sched_mood vtx_sched_target_mood(
    const struct vtx_scheduler *scheduler,
    const struct vtx_sched_target *target) {
  return (struct vtx_sched_mood){
      .breaker = target->breaker.state,
      .throttled = vtx_gate_is_throttled(&target->gate, scheduler->now),
  };
}

static void count(struct vtx_target_counts *counts,
                  enum vtx_gate_outcome outcome) {
  switch (outcome) {
    case VTX_OUTCOME_SERVED:
      counts->served++;
      break;
    case VTX_OUTCOME_THROTTLED:
      counts->throttled++;
      break;
    case VTX_OUTCOME_OVERLOADED:
      counts->overloaded++;
      break;
    case VTX_OUTCOME_UNREACHED:
      counts->unreached++;
      break;
    case VTX_OUTCOME_SILENT:
      counts->silent++;
      break;
    case VTX_OUTCOME_NOTHING:
      break;
  }
}

void vtx_scheduler_note_failover(struct vtx_scheduler *scheduler,
                                 const char *target, size_t reason) {
  struct vtx_sched_target *left = vtx_sched_target_find(scheduler, target);

  assert(reason < VTX_RETRY_REASONS);
  if (left) left->counts.failovers[reason]++;
}

static void tell(const struct vtx_scheduler *scheduler,
                 const struct vtx_sched_target *target,
                 enum vtx_target_event event) {
  const struct vtx_target_watch *watch = &scheduler->options.watch;
  struct vtx_target_report report;

  if (!watch->changed) return;
  describe(scheduler, target, &report);
  watch->changed(watch->self, event, &report);
}

/* A target that takes now more, now less, would fill the log. */
static bool is_news(const struct vtx_scheduler *scheduler,
                    const struct vtx_sched_target *target) {
  return target->told_throttled == INT64_MIN ||
         scheduler->now - target->told_throttled >= VTX_TARGET_QUIET;
}

void vtx_sched_target_note_end(struct vtx_scheduler *scheduler,
                               struct vtx_sched_target *target,
                               enum vtx_gate_outcome outcome,
                               struct vtx_sched_mood before) {
  struct vtx_sched_mood now = vtx_sched_target_mood(scheduler, target);

  count(&target->counts, outcome);
  if (before.breaker == VTX_BREAKER_CLOSED && now.breaker == VTX_BREAKER_OPEN)
    tell(scheduler, target, VTX_TARGET_FAILS);
  if (before.breaker != VTX_BREAKER_CLOSED && now.breaker == VTX_BREAKER_CLOSED)
    tell(scheduler, target, VTX_TARGET_RECOVERED);
  if (!before.throttled && now.throttled && is_news(scheduler, target)) {
    target->told_throttled = scheduler->now;
    tell(scheduler, target, VTX_TARGET_THROTTLED);
  }
}

static void consider(struct top *top, const struct vtx_sched_target *target) {
  size_t at = top->count;

  if (target->counts.started == 0) return;
  if (top->count == top->most) {
    top->left_out++;
    if (at == 0 ||
        top->targets[at - 1]->counts.started >= target->counts.started)
      return;
    at--;
  } else {
    top->count++;
  }
  for (;
       at > 0 && top->targets[at - 1]->counts.started < target->counts.started;
       at--)
    top->targets[at] = top->targets[at - 1];
  top->targets[at] = target;
}

size_t vtx_scheduler_report(
    const struct vtx_scheduler *scheduler, size_t most,
    void (*take)(void *self, const struct vtx_target_report *report),
    void *self) {
  struct top top = {.most = most};
  struct vtx_target_report report;

  assert(most <= VTX_REPORT_MOST);
  consider(&top, scheduler->common);
  for (size_t i = 0; i < VTX_SCHED_BUCKETS; i++)
    for (const struct vtx_sched_target *target = scheduler->targets[i]; target;
         target = target->next)
      consider(&top, target);
  for (size_t i = 0; i < top.count; i++) {
    describe(scheduler, top.targets[i], &report);
    take(self, &report);
  }
  return top.left_out;
}
