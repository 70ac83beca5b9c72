#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "service/emulator/defaults.h"
#include "tests/unit/cmocka_all.h"

struct fixture {
  struct vtx_emu_defaults defaults;
  struct cb_arena *arena;
  const char *error;
};

static int setup(void **state) {
  struct vtx_emu_knobs first = vtx_emu_knobs_default();
  struct cb_arena *arena = cb_arena_new(NULL, 1 << 20, 0);
  struct fixture *fixture = cb_arena_zalloc(arena, 1, sizeof *fixture);

  fixture->arena = arena;
  first.latency = CB_SECOND;
  vtx_emu_defaults_init(&fixture->defaults, &first);
  *state = fixture;
  return 0;
}

static int teardown(void **state) {
  struct fixture *fixture = *state;

  vtx_emu_defaults_release(&fixture->defaults);
  cb_arena_free(fixture->arena);
  return 0;
}

static bool set(struct fixture *fixture, const char *location,
                const char *model, const char *text) {
  const struct vtx_emu_setting place = {.location = location, .model = model};
  struct json_object *body = json_tokener_parse(text);
  bool good = vtx_emu_defaults_set(&fixture->defaults, &place, body,
                                   fixture->arena, &fixture->error);

  json_object_put(body);
  return good;
}

static const struct vtx_emu_knobs *find(struct fixture *fixture,
                                        const char *location,
                                        const char *model) {
  return vtx_emu_defaults_find(&fixture->defaults, location, model);
}

static void defaults_find__several_places__the_closest_holds(void **state) {
  assert_true(set(*state, NULL, NULL, "{\"words\": 1}"));
  assert_true(set(*state, NULL, "m", "{\"words\": 2}"));
  assert_true(set(*state, "l", NULL, "{\"words\": 3}"));
  assert_true(set(*state, "l", "m", "{\"words\": 4}"));
  assert_int_equal(find(*state, "k", "n")->words, 1);
  assert_int_equal(find(*state, "k", "m")->words, 2);
  assert_int_equal(find(*state, "l", "n")->words, 3);
  assert_int_equal(find(*state, "l", "m")->words, 4);
}

static void defaults_set__a_place__starts_from_those_for_all(void **state) {
  assert_true(set(*state, NULL, NULL, "{\"fault\": \"http_503\"}"));
  assert_true(set(*state, "l", NULL, "{\"latency_ms\": 5}"));
  assert_int_equal(find(*state, "l", "m")->fault, VTX_EMU_HTTP_503);
  assert_int_equal(find(*state, "l", "m")->latency, 5 * CB_MILLISECOND);
  assert_true(set(*state, NULL, NULL, "{}"));
  assert_int_equal(find(*state, "k", "m")->fault, VTX_EMU_NO_FAULT);
  assert_int_equal(find(*state, "k", "m")->latency, CB_SECOND);
  assert_int_equal(find(*state, "l", "m")->fault, VTX_EMU_HTTP_503);
}

static void defaults_set__nothing_for_a_place__takes_its_own_away(
    void **state) {
  assert_true(set(*state, "l", NULL, "{\"words\": 3, \"finish\": \"SPII\"}"));
  assert_true(set(*state, "l", NULL, "{\"words\": 4}"));
  assert_int_equal(find(*state, "l", "m")->words, 4);
  assert_null(find(*state, "l", "m")->finish);
  assert_true(set(*state, "l", NULL, "{}"));
  assert_int_equal(find(*state, "l", "m")->words, 0);
  assert_true(set(*state, "l", NULL, "{}"));
}

static void defaults_set__wrong_knob__changes_nothing(void **state) {
  struct fixture *fixture = *state;

  assert_true(set(fixture, "l", NULL, "{\"words\": 3}"));
  assert_false(set(fixture, "l", NULL, "{\"words\": 4, \"colour\": 1}"));
  assert_non_null(strstr(fixture->error, "colour"));
  assert_false(set(fixture, NULL, NULL, "{\"words\": -1}"));
  assert_int_equal(find(fixture, "l", "m")->words, 3);
  assert_int_equal(find(fixture, "k", "m")->words, 0);
}

static void defaults_set__more_places_than_there_may_be__is_refused(
    void **state) {
  struct fixture *fixture = *state;
  char name[16];

  for (int i = 0; i < VTX_EMU_PLACES_SET; i++) {
    snprintf(name, sizeof name, "l%d", i);
    assert_true(set(fixture, name, NULL, "{\"words\": 1}"));
  }
  assert_false(set(fixture, "one-more", NULL, "{\"words\": 1}"));
  assert_non_null(strstr(fixture->error, "64"));
  assert_true(set(fixture, "l7", NULL, "{\"words\": 2}"));
  assert_true(set(fixture, "l8", NULL, "{}"));
  assert_true(set(fixture, "one-more", NULL, "{\"words\": 1}"));
}

static void defaults_reset__places_and_all__are_as_at_the_start(void **state) {
  struct fixture *fixture = *state;

  assert_true(set(fixture, NULL, NULL, "{\"latency_ms\": 7}"));
  assert_true(set(fixture, "l", NULL, "{\"latency_ms\": 8}"));
  vtx_emu_defaults_reset(&fixture->defaults);
  assert_int_equal(find(fixture, "l", "m")->latency, CB_SECOND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(defaults_find__several_places__the_closest_holds),
      TEST(defaults_set__a_place__starts_from_those_for_all),
      TEST(defaults_set__nothing_for_a_place__takes_its_own_away),
      TEST(defaults_set__wrong_knob__changes_nothing),
      TEST(defaults_set__more_places_than_there_may_be__is_refused),
      TEST(defaults_reset__places_and_all__are_as_at_the_start),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
