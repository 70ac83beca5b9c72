/* budget.h - a process-wide limit on bytes, charged by arenas and buffers.
 *
 * Everything whose size a peer decides is charged to one budget, so that the
 * sum over all calls has a limit too. Over it new work is refused; nothing
 * that holds memory is taken away.
 *
 * Threads:   safe from any (one atomic counter, relaxed order: the figure
 *            guards memory, it publishes nothing).
 * Ownership: the budget is the caller's memory and must outlive all that
 *            charges it. A NULL budget never refuses.
 */
#ifndef CB_BUDGET_H
#define CB_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct cb_budget {
  size_t limit;
  _Atomic size_t used;
};

/* Makes *budget empty, with limit bytes; SIZE_MAX means without limit. */
void cb_budget_init(struct cb_budget *budget, size_t limit);

/* Takes size bytes. False, and nothing taken, if that would pass the limit. */
bool cb_budget_charge(struct cb_budget *budget, size_t size);

/* Gives size bytes back that were charged before. */
void cb_budget_release(struct cb_budget *budget, size_t size);

/* Bytes charged now. */
size_t cb_budget_used(const struct cb_budget *budget);

#endif
