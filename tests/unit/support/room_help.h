/* room_help.h - what fails how, as there is more and more memory for it.
 *
 * Too large is what passes a cap of its own, and will again; for what finds the
 * budget used up others may make room. The two must not be taken for each
 * other, wherever in its work a function is refused.
 */
#ifndef TESTS_UNIT_SUPPORT_ROOM_HELP_H
#define TESTS_UNIT_SUPPORT_ROOM_HELP_H

#include <stddef.h>

struct cb_budget;

struct room_case {
  /* Does it with an arena of that cap and all memory from budget. Returns "OK"
   * or the reason, a literal; "" where there was not even an arena. */
  const char *(*run)(void *ctx, size_t cap, struct cb_budget *budget);
  void *ctx;
  size_t refusals; /* more than so many come before it is OK */
};

/* Runs with larger and larger caps until it is OK, and expects that reason of
 * each failure before. */
void expect_by_cap(const struct room_case *room, const char *reason);

/* The same with budgets, and SERVER_MEMORY. */
void expect_by_budget(const struct room_case *room);

#endif
