#include "base/budget.h"

#include <assert.h>

void cb_budget_init(struct cb_budget *budget, size_t limit) {
  budget->limit = limit;
  atomic_init(&budget->used, 0);
}

bool cb_budget_charge(struct cb_budget *budget, size_t size) {
  size_t used;

  if (!budget) return true;
  used = atomic_load_explicit(&budget->used, memory_order_relaxed);
  do {
    if (size > budget->limit - used) return false;
  } while (!atomic_compare_exchange_weak_explicit(
      &budget->used, &used, used + size, memory_order_relaxed,
      memory_order_relaxed));
  return true;
}

void cb_budget_release(struct cb_budget *budget, size_t size) {
  size_t before;

  if (!budget) return;
  before = atomic_fetch_sub_explicit(&budget->used, size, memory_order_relaxed);
  assert(before >= size);
  (void)before;
}

size_t cb_budget_used(const struct cb_budget *budget) {
  if (!budget) return 0;
  return atomic_load_explicit(&budget->used, memory_order_relaxed);
}
