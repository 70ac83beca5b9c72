#include "service/quota/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "tests/unit/cmocka_all.h"

struct world {
  struct cb_arena *arena;
  struct vtx_quota_table table;
};

static int set_up(void **state) {
  struct world *world = calloc(1, sizeof *world);

  world->arena = cb_arena_new(NULL, 1 << 20, 0);
  *state = world;
  return 0;
}

static int tear_down(void **state) {
  struct world *world = *state;

  cb_arena_free(world->arena);
  free(world);
  return 0;
}

static void good(struct world *world, const char *const *texts, size_t count) {
  struct cb_status status =
      vtx_quota_build(&world->table, texts, count, world->arena);

  assert_int_equal(status.code, CB_OK);
  assert_int_equal(world->table.count, count);
}

static void bad(struct world *world, const char *text) {
  struct cb_status status =
      vtx_quota_build(&world->table, &text, 1, world->arena);

  assert_int_equal(status.code, CB_INVALID_ARGUMENT);
  assert_string_equal(status.field, "model-quota");
  assert_non_null(strstr(status.message, text));
}

/* Looks target up beside general limits of 5 requests and 7 tokens. */
static void expect(const struct vtx_quota_table *table, const char *target,
                   double requests, double tokens) {
  const struct vtx_gate_options general = {.requests_per_minute = 5,
                                           .tokens_per_minute = 7};
  struct vtx_gate_options found = vtx_quota_find(table, target, &general);

  assert_true(found.requests_per_minute == requests);
  assert_true(found.tokens_per_minute == tokens);
}

static void find__no_entry__the_general_limits(void **state) {
  struct world *world = *state;
  const char *const texts[] = {"gemini=60"};

  expect(NULL, "global/publishers/google/models/gemini", 5, 7);
  good(world, texts, 1);
  expect(&world->table, "global/publishers/google/models/gemini-2", 5, 7);
  expect(&world->table, "global/publishers/google/models/my-gemini", 5, 7);
  expect(&world->table, "gemini", 5, 7);
  expect(&world->table, "", 5, 7);
}

static void find__model__at_every_location(void **state) {
  struct world *world = *state;
  const char *const texts[] = {"gemini=60:9000", "endpoints/12=0",
                               "publishers/anthropic/models/c=3:0"};

  good(world, texts, 3);
  expect(&world->table, "global/publishers/google/models/gemini", 60, 9000);
  expect(&world->table, "us/publishers/google/models/gemini", 60, 9000);
  expect(&world->table, "us-central1/endpoints/12", 0, 7);
  expect(&world->table, "us-central1/endpoints/112", 5, 7);
  expect(&world->table, "us-central1/endpoints/12#flex", 0, 7);
  expect(&world->table, "us/publishers/anthropic/models/c", 3, 0);
}

static void find__model_at_a_location__wins(void **state) {
  struct world *world = *state;
  const char *const texts[] = {"gemini=60", "gemini:us=30"};

  good(world, texts, 2);
  expect(&world->table, "us/publishers/google/models/gemini", 30, 7);
  expect(&world->table, "us-east1/publishers/google/models/gemini", 60, 7);
}

static void build__no_quota__refused(void **state) {
  static const char *const texts[] = {"gemini",
                                      "gemini=",
                                      "=60",
                                      "gemini=x",
                                      "gemini=60:",
                                      "gemini=60:x",
                                      "gemini=60:1:1",
                                      "gemini=-1",
                                      "gemini=1.5",
                                      "gemini:=60",
                                      "gemini:u/s=60",
                                      "/gemini=60",
                                      "gemini/=60",
                                      "gem ini=60",
                                      "gemini=1000000001",
                                      "gemini=1:1000000000001"};

  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    bad(*state, texts[i]);
}

static void build__most_that_can_be__taken(void **state) {
  struct world *world = *state;
  const char *const texts[] = {"gemini=1000000000:1000000000000"};

  good(world, texts, 1);
  expect(&world->table, "us/publishers/google/models/gemini", 1e9, 1e12);
}

static void build__given_twice__refused(void **state) {
  struct world *world = *state;
  const char *const texts[] = {"gemini:us=60", "gemini:us=61"};

  assert_int_equal(vtx_quota_build(&world->table, texts, 2, world->arena).code,
                   CB_INVALID_ARGUMENT);
}

static void build__entries__at_the_limit_and_past(void **state) {
  struct world *world = *state;
  const char *texts[VTX_QUOTA_ENTRIES + 1];

  for (size_t i = 0; i <= VTX_QUOTA_ENTRIES; i++)
    texts[i] = cb_arena_printf(world->arena, "m%zu=1", i);
  good(world, texts, VTX_QUOTA_ENTRIES);
  assert_int_equal(
      vtx_quota_build(&world->table, texts, VTX_QUOTA_ENTRIES + 1, world->arena)
          .code,
      CB_INVALID_ARGUMENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(find__no_entry__the_general_limits),
      TEST(find__model__at_every_location),
      TEST(find__model_at_a_location__wins),
      TEST(build__no_quota__refused),
      TEST(build__most_that_can_be__taken),
      TEST(build__given_twice__refused),
      TEST(build__entries__at_the_limit_and_past),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
