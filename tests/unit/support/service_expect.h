/* service_expect.h - one world and one call for each test, and what is expected
 * of them. Included once by each test of the service's calls.
 */
#ifndef TEST_SERVICE_EXPECT_H
#define TEST_SERVICE_EXPECT_H

#include "service_world.h"

#define MS CB_MILLISECOND

/* Made by expect_set_up(), checked and freed by expect_tear_down(). */
extern struct world *world;
extern struct seen *seen;

int expect_set_up(void **state);
int expect_tear_down(void **state);

#define CASE(name) \
  cmocka_unit_test_setup_teardown(name, expect_set_up, expect_tear_down)

void expect_call_ok(void);
void expect_call_error(enum cb_code code, const char *reason,
                       const char *field);
void expect_item_error(size_t at, enum cb_code code, const char *reason,
                       const char *field);

/* Every index once, and the summary once and adding up. */
void expect_complete(int32_t total);
void expect_in_order(void);

/* The deadline for a batch with these options whose work is to be over after
 * work nanoseconds: a minute later, by deadline_margin, so that no machine is
 * too slow to have the results by then. */
int64_t expect_deadline(vertexd_BatchOptions *options, int64_t work);

vertexd_BatchGenerateRequest batch_of(char **prompts, size_t count);
vertexd_MapGenerateRequest map_of(const char *template, char **items,
                                  size_t count);

#endif
