#include "service/batch/retry_budget.h"

#include <assert.h>
#include <stddef.h>

void vtx_retry_budget_init(struct vtx_retry_budget *budget) {
  *budget = (struct vtx_retry_budget){.left = VTX_RETRY_START};
  cb_list_init(&budget->hopes);
  cb_list_init(&budget->line);
}

static struct vtx_retry_ticket *first_of(const struct cb_link *list) {
  if (cb_list_empty(list)) return NULL;
  return CB_CONTAINER(list->next, struct vtx_retry_ticket, link);
}

static void give_back(struct vtx_retry_budget *budget, double amount) {
  budget->left += amount;
  if (budget->left > VTX_RETRY_MOST) budget->left = VTX_RETRY_MOST;
}

/* Into the list of those that may succeed, which is in order of serials. */
static void add_hope(struct vtx_retry_budget *budget,
                     struct vtx_retry_ticket *ticket,
                     enum vtx_ticket_state state) {
  ticket->state = state;
  ticket->serial = ++budget->serial;
  cb_list_append(&budget->hopes, &ticket->link);
}

static void make_idle(struct vtx_retry_ticket *ticket) {
  cb_list_remove(&ticket->link);
  ticket->state = VTX_TICKET_IDLE;
}

void vtx_retry_began(struct vtx_retry_budget *budget,
                     struct vtx_retry_ticket *ticket) {
  if (ticket->state == VTX_TICKET_PAID) {
    ticket->state = VTX_TICKET_CALLING; /* in its place */
    return;
  }
  assert(ticket->state == VTX_TICKET_IDLE);
  add_hope(budget, ticket, VTX_TICKET_CALLING);
}

void vtx_retry_ended(struct vtx_retry_budget *budget,
                     struct vtx_retry_ticket *ticket, bool served) {
  assert(ticket->state == VTX_TICKET_CALLING);
  make_idle(ticket);
  if (!served) return;
  give_back(budget, VTX_RETRY_EARNS);
  budget->hope = budget->serial;
}

bool vtx_retry_pay(struct vtx_retry_budget *budget,
                   struct vtx_retry_ticket *ticket) {
  assert(ticket->state == VTX_TICKET_IDLE);
  if (budget->left < 1) return false;
  budget->left -= 1;
  budget->paid++;
  add_hope(budget, ticket, VTX_TICKET_PAID);
  budget->hope = budget->serial;
  return true;
}

void vtx_retry_wait(struct vtx_retry_budget *budget,
                    struct vtx_retry_ticket *ticket) {
  assert(ticket->state == VTX_TICKET_IDLE);
  ticket->state = VTX_TICKET_IN_LINE;
  ticket->serial = budget->serial;
  cb_list_append(&budget->line, &ticket->link);
}

void vtx_retry_leave(struct vtx_retry_budget *budget,
                     struct vtx_retry_ticket *ticket) {
  if (ticket->state == VTX_TICKET_IDLE) return;
  if (ticket->state == VTX_TICKET_PAID) {
    give_back(budget, 1);
    budget->paid--;
  }
  make_idle(ticket);
}

/* True if a call that was there when ticket came into the line, at the last
 * success or at the last payment may still succeed. */
static bool has_hope(const struct vtx_retry_budget *budget,
                     const struct vtx_retry_ticket *ticket) {
  const struct vtx_retry_ticket *oldest = first_of(&budget->hopes);
  uint64_t last = ticket->serial > budget->hope ? ticket->serial : budget->hope;

  return oldest && oldest->serial <= last;
}

struct vtx_retry_ticket *vtx_retry_next(struct vtx_retry_budget *budget) {
  struct vtx_retry_ticket *ticket = first_of(&budget->line);

  if (!ticket) return NULL;
  if (budget->left >= 1) {
    make_idle(ticket);
    vtx_retry_pay(budget, ticket);
    return ticket;
  }
  /* Whoever came later has seen as many under way, or more. */
  if (has_hope(budget, ticket)) return NULL;
  make_idle(ticket);
  budget->denied++;
  return ticket;
}
