#include "service/scheduler/slots.h"

#include <assert.h>

void vtx_sched_slots_init(struct vtx_sched_slots *slots, size_t limit) {
  *slots =
      (struct vtx_sched_slots){.limit = limit, .last_interactive = INT64_MIN};
}

size_t vtx_sched_slots_used(const struct vtx_sched_slots *slots) {
  return slots->used[VTX_INTERACTIVE] + slots->used[VTX_BATCH];
}

static bool interactive_lately(const struct vtx_sched_slots *slots,
                               int64_t now) {
  return slots->used[VTX_INTERACTIVE] > 0 ||
         (slots->last_interactive != INT64_MIN &&
          now - slots->last_interactive < VTX_SCHED_LATELY);
}

bool vtx_sched_slots_free(const struct vtx_sched_slots *slots,
                          enum vtx_sched_class class, int64_t now) {
  size_t interactive = slots->used[VTX_INTERACTIVE];
  size_t used = vtx_sched_slots_used(slots);
  size_t reserve = slots->limit / VTX_SCHED_KEPT;

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

int64_t vtx_sched_slots_when(const struct vtx_sched_slots *slots,
                             enum vtx_sched_class class, int64_t now) {
  if (vtx_sched_slots_free(slots, class, now)) return now;
  if (class == VTX_INTERACTIVE || slots->used[VTX_INTERACTIVE] > 0 ||
      vtx_sched_slots_used(slots) >= slots->limit)
    return CB_NEVER;
  return slots->last_interactive + VTX_SCHED_LATELY;
}

void vtx_sched_slots_take(struct vtx_sched_slots *slots,
                          enum vtx_sched_class class, int64_t now) {
  slots->used[class]++;
  if (class == VTX_INTERACTIVE) slots->last_interactive = now;
}

void vtx_sched_slots_give(struct vtx_sched_slots *slots,
                          enum vtx_sched_class class) {
  assert(slots->used[class] > 0);
  slots->used[class]--;
}
