/* retry_budget.h - how many retries the whole process may make.
 *
 * Retries multiply what an upstream in trouble has to carry, so they are paid
 * for: each success earns VTX_RETRY_EARNS of one. VTX_RETRY_START are there at
 * the start, and VTX_RETRY_MOST are kept at most: if everything fails, those
 * are all there are, few beside the 1,000 prompts of a small batch.
 *
 * Errors come back in milliseconds and answers in seconds: 200 prompts that
 * start together bring 60 failures before their 140 successes have paid for
 * them. So a call that finds the budget empty need not fail: it waits in line
 * as long as there is hope, which is as long as one of the calls may still
 * succeed that were there when it failed, at the last success, or when the last
 * retry was paid for. If they have all failed, so does what waited for them:
 * then everything fails, and it has cost nothing but the time of one call.
 *
 * Each call has a ticket here while it is under way, has paid for a retry, or
 * waits in line.
 *
 * Threads:   none inside; the engine's.
 * Ownership: tickets are embedded in jobs, zeroed before their first use; the
 *            budget borrows them until vtx_retry_leave() or a state of
 *            VTX_TICKET_IDLE.
 * Cost:      O(1) each.
 */
#ifndef VTX_RETRY_BUDGET_H
#define VTX_RETRY_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

#define VTX_RETRY_EARNS 0.6
#define VTX_RETRY_START 25.0
#define VTX_RETRY_MOST 100.0

enum vtx_ticket_state {
  VTX_TICKET_IDLE,
  VTX_TICKET_CALLING, /* its call is under way */
  VTX_TICKET_PAID,    /* its next call is paid for and has not begun */
  VTX_TICKET_IN_LINE,
};

struct vtx_retry_ticket {
  struct cb_link link; /* in hopes while CALLING or PAID; or in line */
  uint64_t serial;     /* in hopes: its own; in line: the last that was there */
  enum vtx_ticket_state state;
};

struct vtx_retry_budget {
  double left;          /* retries */
  struct cb_link hopes; /* those that may succeed, oldest first */
  struct cb_link line;
  uint64_t serial; /* the last that was given out */
  uint64_t hope;   /* the last one at the last success or payment */
  uint64_t paid;   /* retries over all */
  uint64_t denied; /* those that there was no budget for */
};

void vtx_retry_budget_init(struct vtx_retry_budget *budget);

/* The call of ticket, idle or paid for, begins. */
void vtx_retry_began(struct vtx_retry_budget *budget,
                     struct vtx_retry_ticket *ticket);

/* The call of ticket is over; it is idle then. */
void vtx_retry_ended(struct vtx_retry_budget *budget,
                     struct vtx_retry_ticket *ticket, bool served);

/* Pays for another call of ticket, which is idle. False if there is no budget
 * for it now. */
bool vtx_retry_pay(struct vtx_retry_budget *budget,
                   struct vtx_retry_ticket *ticket);

/* ticket, idle, waits until it is paid for or without hope. */
void vtx_retry_wait(struct vtx_retry_budget *budget,
                    struct vtx_retry_ticket *ticket);

/* ticket takes no part any more, whatever its state; what was paid for it comes
 * back. */
void vtx_retry_leave(struct vtx_retry_budget *budget,
                     struct vtx_retry_ticket *ticket);

/* Takes from the line the next ticket about which something is decided: now it
 * is paid for, or idle: without hope. NULL: none is. To be called until then at
 * the end of each turn. */
struct vtx_retry_ticket *vtx_retry_next(struct vtx_retry_budget *budget);

#endif
