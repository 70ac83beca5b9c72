#include "room_help.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/budget.h"
#include "tests/unit/cmocka_all.h"

#define STEP 8

/* Runs once with these limits. True if it is OK; counts a failure, which has
 * that reason. */
static bool is_ok(const struct room_case *room, size_t cap, size_t limit,
                  const char *reason, size_t *count) {
  struct cb_budget budget;
  const char *found;

  cb_budget_init(&budget, limit);
  found = room->run(room->ctx, cap, &budget);
  assert_int_equal(cb_budget_used(&budget), 0);
  if (strcmp(found, "OK") == 0) return true;
  if (!*found) return false;
  assert_string_equal(found, reason);
  ++*count;
  return false;
}

void expect_by_cap(const struct room_case *room, const char *reason) {
  size_t count = 0;
  size_t cap = 64;

  while (!is_ok(room, cap, SIZE_MAX, reason, &count))
    cap += STEP;
  assert_true(count > room->refusals);
}

void expect_by_budget(const struct room_case *room) {
  size_t count = 0;
  size_t limit = 0;

  while (!is_ok(room, SIZE_MAX, limit, "SERVER_MEMORY", &count))
    limit += STEP;
  assert_true(count > room->refusals);
}
