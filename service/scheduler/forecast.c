/* What the scheduler knows of the time to come: how long somebody waits, when a
 * target can take a call, when to look again. Changes nothing. */
#include <math.h>

#include "base/clock.h"
#include "service/scheduler/scheduler.h"
#include "service/scheduler/slots.h"
#include "service/scheduler/target.h"

/* No wait that is worth telling from others is longer. */
#define VTX_SCHED_FAR (24 * 3600 * CB_SECOND)

/* Until the slots let the last of those that wait begin. */
static double slots_wait(const struct vtx_scheduler *scheduler,
                         const struct vtx_sched_target *target,
                         enum vtx_sched_class class, double ahead) {
  const struct vtx_sched_slots *slots = &target->slots;

  if (target->samples < VTX_SCHED_SAMPLES ||
      vtx_sched_slots_free(slots, class, scheduler->now)) {
    return 0;
  }
  return ahead * target->took / (double)slots->limit;
}

/* Until those ahead and one more fit into the requests that are configured. */
static double requests_wait(const struct vtx_gcra *requests, int64_t now,
                            double ahead) {
  double owed = requests->paid > now ? (double)(requests->paid - now) : 0;
  double burst = fmax((double)VTX_GCRA_BURST, requests->unit);

  return requests->unit > 0 ? owed + (ahead + 1) * requests->unit - burst : 0;
}

/* Until the gate does. */
static double gate_wait(const struct vtx_scheduler *scheduler,
                        const struct vtx_sched_target *target, double cost,
                        double ahead) {
  const struct vtx_gate *gate = &target->gate;
  double rate = vtx_gate_rate_soon(gate);
  int64_t when = vtx_gate_when(gate, scheduler->now, 0, cost);
  double wait = when > scheduler->now && when < CB_NEVER
                    ? (double)(when - scheduler->now)
                    : 0;

  if (!isinf(rate)) wait += ahead * (double)CB_SECOND / rate;
  return fmax(wait, requests_wait(&gate->requests, scheduler->now, ahead));
}

int64_t vtx_scheduler_wait(const struct vtx_scheduler *scheduler,
                           const struct vtx_sched_entry *entry) {
  const struct vtx_sched_target *target = entry->target;
  double ahead;
  double wait;

  if (!target) return 0;
  ahead = (double)target->slots.ready[entry->sched_class] - 1;
  wait = fmax(slots_wait(scheduler, target, entry->sched_class, ahead),
              gate_wait(scheduler, target, entry->cost, ahead));
  return wait < (double)CB_NEVER ? (int64_t)wait : CB_NEVER;
}

/* True if a configured limit is used up for now. */
static bool is_spent(const struct vtx_gate *gate, int64_t now, double cost) {
  return vtx_gcra_when(&gate->requests, now, 1) > now ||
         vtx_gcra_when(&gate->tokens, now, cost) > now;
}

/* Nanoseconds by which each start puts off the next, going by a cost. */
static double spacing(const struct vtx_gate *gate, double cost) {
  double rate = vtx_gate_rate(gate);
  double paced = rate > 0 && !isinf(rate) ? (double)CB_SECOND / rate : 0;

  return fmax(paced, fmax(gate->requests.unit, gate->tokens.unit * cost));
}

/* When a prompt could start behind all that waits for target already. Without
 * what waits, many that have the choice would all take the same one. */
static int64_t start_behind(const struct vtx_sched_target *target, double cost,
                            int64_t now) {
  const struct vtx_sched_slots *slots = &target->slots;
  size_t used = vtx_sched_slots_used(slots);
  size_t ahead = slots->ready[VTX_INTERACTIVE] + slots->ready[VTX_BATCH];
  double wait =
      fmin((double)ahead * spacing(&target->gate, cost), (double)VTX_SCHED_FAR);
  int64_t when;

  if (used >= slots->limit) return CB_NEVER;
  when = vtx_gate_when(&target->gate, now, used, cost);
  if (when == CB_NEVER || wait <= 0) return when;
  return cb_time_add(when > now ? when : now, (int64_t)wait);
}

void vtx_scheduler_health(const struct vtx_scheduler *scheduler,
                          const char *target, double cost,
                          struct vtx_sched_health *ret_health) {
  const struct vtx_sched_target *found =
      vtx_sched_target_find(scheduler, target);
  int64_t now = cb_now(scheduler->options.clock);

  *ret_health =
      (struct vtx_sched_health){.wanted = true, .ready = true, .when = 0};
  if (!found) return;
  ret_health->wanted = vtx_breaker_wants(&found->breaker, now);
  ret_health->throttled = vtx_gate_is_throttled(&found->gate, now) ||
                          is_spent(&found->gate, now, cost);
  ret_health->when = start_behind(found, cost, now);
  ret_health->ready = ret_health->when <= now;
}

static int64_t earlier(int64_t one, int64_t other) {
  return one < other ? one : other;
}

/* Batches wait at open gates only for slots of the process, which may be those
 * that are kept for single prompts for a time. */
int64_t vtx_scheduler_next(const struct vtx_scheduler *scheduler) {
  const struct cb_heap_node *later = cb_heap_first(&scheduler->later);
  const struct cb_heap_node *kept = cb_heap_first(&scheduler->kept);
  int64_t next = CB_NEVER;

  if (later) next = CB_CONTAINER(later, struct vtx_sched_target, later)->opens;
  if (kept)
    next =
        earlier(next, CB_CONTAINER(kept, struct vtx_sched_target, kept)->frees);
  if (cb_heap_first(&scheduler->lanes[VTX_BATCH].heap))
    next = earlier(next, vtx_sched_slots_when(&scheduler->slots, VTX_BATCH,
                                              scheduler->now));
  return next;
}
