#include "service/routes/routes.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "tests/unit/cmocka_all.h"

struct table {
  struct cb_arena *arena;
  struct vtx_routes routes;
};

static int set_up(void **state) {
  static struct table table;

  table.arena = cb_arena_new(NULL, 4 * 1024 * 1024, 0);
  *state = &table;
  return table.arena ? 0 : -1;
}

static int tear_down(void **state) {
  cb_arena_free(((struct table *)*state)->arena);
  return 0;
}

static struct cb_status build(struct table *table, const char *locations,
                              const char *const *aliases, size_t count) {
  return vtx_routes_build(&table->routes, locations, aliases, count,
                          table->arena);
}

static void expect_good(struct table *table, const char *locations,
                        const char *alias) {
  struct cb_status status = build(table, locations, &alias, alias != NULL);

  assert_string_equal(status.message, "");
  assert_int_equal(status.code, CB_OK);
}

static void expect_bad(struct cb_status status, const char *field,
                       const char *part) {
  assert_int_equal(status.code, CB_INVALID_ARGUMENT);
  assert_string_equal(status.field, field);
  if (!strstr(status.message, part)) assert_string_equal(status.message, part);
}

/* The route of model as one text: MODEL@LOCATION/INDEX ... */
static const char *route_text(struct table *table, const char *model) {
  struct vtx_route_room room;
  struct vtx_route route = vtx_routes_find(&table->routes, model, &room);
  const char *text = "";

  assert_in_range(route.count, 1, VTX_ROUTES_CANDIDATES);
  for (size_t i = 0; i < route.count; i++)
    text =
        cb_arena_printf(table->arena, "%s%s%s@%s/%u", text, i ? " " : "",
                        route.candidates[i].model, route.candidates[i].location,
                        route.candidates[i].model_index);
  return text;
}

/* --- build --------------------------------------------------------------- */

static void build__one_location__one_candidate(void **state) {
  struct table *table = *state;

  expect_good(table, "global", NULL);
  assert_int_equal(table->routes.location_count, 1);
  assert_string_equal(route_text(table, "m"), "m@global/0");
}

static void build__list__in_its_order(void **state) {
  struct table *table = *state;

  expect_good(table, "us-east1,global,eu", NULL);
  assert_string_equal(table->routes.locations[0], "us-east1");
  assert_string_equal(route_text(table, "m"), "m@us-east1/0 m@global/0 m@eu/0");
}

static void build__bad_location__says_which(void **state) {
  static const char *const bad[] = {
      "",         ",",    "us,",   ",us",        "us,,eu",  "us, eu", "US",
      "us_east1", "us/x", "us.eu", "{location}", "us@evil", "us\teu",
  };

  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    expect_bad(build(*state, bad[i], NULL, 0), "location",
               "a location has lower-case letters");
  expect_bad(build(*state, "us,EU,global", NULL, 0), "location", "\"EU\"");
  expect_bad(build(*state, "us,eu,us", NULL, 0), "location",
             "us is there twice");
}

static void build__length_of_a_location__limit_and_one_past(void **state) {
  expect_good(*state, "us,abcdefghijklmnopqrstuvwxyz012345", NULL);
  expect_bad(build(*state, "us,abcdefghijklmnopqrstuvwxyz0123456", NULL, 0),
             "location", "at most 32");
}

static void build__number_of_locations__limit_and_one_past(void **state) {
  struct table *table = *state;
  const char *text = "l0";

  for (int i = 1; i < VTX_ROUTES_LOCATIONS; i++)
    text = cb_arena_printf(table->arena, "%s,l%d", text, i);
  expect_good(table, text, NULL);
  assert_int_equal(table->routes.location_count, VTX_ROUTES_LOCATIONS);
  text = cb_arena_printf(table->arena, "%s,more", text);
  expect_bad(build(table, text, NULL, 0), "location", "more than 16 locations");
}

static void build__alias__models_one_after_the_other(void **state) {
  struct table *table = *state;

  expect_good(table, "us,eu", "fast=m,n");
  assert_string_equal(route_text(table, "fast"), "m@us/0 m@eu/0 n@us/1 n@eu/1");
  assert_string_equal(route_text(table, "m"), "m@us/0 m@eu/0");
}

static void build__alias_with_locations__these_only(void **state) {
  struct table *table = *state;

  expect_good(table, "us,eu", "fast=m:global,m:us,n,vendor/o:asia-east1");
  assert_string_equal(route_text(table, "fast"),
                      "m@global/0 m@us/0 n@us/1 n@eu/1 vendor/o@asia-east1/2");
}

static void build__same_model_written_otherwise__is_no_fallback(void **state) {
  struct table *table = *state;

  expect_good(table, "us", "a=m:us,publishers/google/models/m:eu,n:us,m:x");
  assert_string_equal(route_text(table, "a"),
                      "m@us/0 publishers/google/models/m@eu/0 n@us/1 m@x/2");
}

static void build__alias_named_like_its_model__gives_it_fallbacks(
    void **state) {
  struct table *table = *state;

  expect_good(table, "us", "m=m,n");
  assert_string_equal(route_text(table, "m"), "m@us/0 n@us/1");
}

static void build__places_of_their_own__one_candidate(void **state) {
  struct table *table = *state;

  expect_good(table, "us,eu",
              "a=projects/p/locations/x/publishers/google/models/m,"
              "endpoints/12,endpoints/12:eu,models/34,m");
  assert_string_equal(route_text(table, "a"),
                      "projects/p/locations/x/publishers/google/models/m@/0 "
                      "endpoints/12@/1 endpoints/12@eu/1 models/34@/2 "
                      "m@us/3 m@eu/3");
}

static void build__bad_alias__says_what(void **state) {
  static const struct {
    const char *alias;
    const char *part;
  } cases[] = {
      {"", "is not NAME=MODEL"},
      {"fast", "\"fast\" is not NAME=MODEL"},
      {"=m", "it is empty"},
      {"fast=", "fast: \"\": this is no model's name: it is empty"},
      {"fast=m,", "fast: \"\""},
      {"fast=,m", "fast: \"\""},
      {"fast=m:", "a location has lower-case"},
      {"fast=:us", "it is empty"},
      {"fast=m:us:eu", "a location has lower-case"},
      {"fast=m:US", "\"US\": a location has lower-case"},
      {"fast=m n", "only letters, digits"},
      {"fast=m?x", "only letters, digits"},
      {"fast=..", "\"..\" is not allowed"},
      {"fast=a/b/c", "it is neither"},
      {"fast=m=n", "only letters, digits"},
      {"fast=m,m", "fast: m at global is there twice"},
      {"fast=m,google/m", "fast: google/m at global is there twice"},
      {"fast=m:us,m:us", "fast: m at us is there twice"},
      {"fast=endpoints/1,endpoints/1", "fast: endpoints/1 is there twice"},
      {"fa st=m", "only letters, digits"},
      {"a/b/c=m", "it is neither"},
      {"publishers/google/models/x=m", "the form M or vendor/M"},
      {"models/x=m", "the form M or vendor/M"},
      {"endpoints/1=m", "the form M or vendor/M"},
      {"projects/p/locations/us/endpoints/1=m", "the form M or vendor/M"},
      {"fast=projects/p/locations/us/endpoints/1:us", "says its location"},
      {"fast=projects/p", "must be followed by"},
      {"fast=projects//locations/us/endpoints/1", "an empty part"},
  };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    expect_bad(build(*state, "global", &cases[i].alias, 1), "model-alias",
               cases[i].part);
}

static void build__alias_twice__refused_however_written(void **state) {
  static const char *const twice[] = {"fast=m", "fast=n"};
  static const char *const google[] = {"fast=m", "google/fast=n"};
  static const char *const others[] = {"fast=m", "vendor/fast=n"};
  struct table *table = *state;

  expect_bad(build(table, "global", twice, 2), "model-alias",
             "fast is there twice");
  expect_bad(build(table, "global", google, 2), "model-alias",
             "google/fast is there twice");
  assert_int_equal(build(table, "global", others, 2).code, CB_OK);
  assert_string_equal(route_text(table, "vendor/fast"), "n@global/0");
}

static void build__length_of_a_name__limit_and_one_past(void **state) {
  struct table *table = *state;
  char name[VTX_ROUTES_NAME + 2] = "";

  memset(name, 'n', sizeof name - 2);
  expect_good(table, "us", cb_arena_printf(table->arena, "%s=m", name));
  assert_string_equal(route_text(table, name), "m@us/0");
  memset(name, 'n', sizeof name - 1);
  const char *alias = cb_arena_printf(table->arena, "%s=m", name);
  expect_bad(build(table, "us", &alias, 1), "model-alias",
             "longer than 128 bytes");
}

static void build__length_of_a_model__limit_and_one_past(void **state) {
  struct table *table = *state;
  char model[514] = "";

  memset(model, 'm', 512);
  expect_good(table, "us", cb_arena_printf(table->arena, "a=%s", model));
  model[512] = 'm';
  const char *alias = cb_arena_printf(table->arena, "a=%s", model);
  expect_bad(build(table, "us", &alias, 1), "model-alias",
             "longer than 512 bytes");
}

static void build__number_of_places__limit_and_one_past(void **state) {
  struct table *table = *state;
  const char *text = "a=m0:us";

  for (int i = 1; i < VTX_ROUTES_CANDIDATES; i++)
    text = cb_arena_printf(table->arena, "%s,m%d:us", text, i);
  expect_good(table, "us", text);
  assert_int_equal(table->routes.aliases[0].route.count, VTX_ROUTES_CANDIDATES);
  text = cb_arena_printf(table->arena, "%s,more:us", text);
  expect_bad(build(table, "us", &text, 1), "model-alias",
             "a: more than 32 places");
}

static void build__models_times_locations__limit_and_one_past(void **state) {
  struct table *table = *state;
  const char *locations = "l0";
  const char *three = "a=m,n,o";

  for (int i = 1; i < VTX_ROUTES_LOCATIONS; i++)
    locations = cb_arena_printf(table->arena, "%s,l%d", locations, i);
  expect_good(table, locations, "a=m,n");
  expect_bad(build(table, locations, &three, 1), "model-alias",
             "a: more than 32 places");
}

static void build__number_of_aliases__limit_and_one_past(void **state) {
  struct table *table = *state;
  const char *aliases[VTX_ROUTES_ALIASES + 1];

  for (size_t i = 0; i <= VTX_ROUTES_ALIASES; i++)
    aliases[i] = cb_arena_printf(table->arena, "a%zu=m", i);
  assert_int_equal(build(table, "us", aliases, VTX_ROUTES_ALIASES).code, CB_OK);
  assert_string_equal(route_text(table, "a255"), "m@us/0");
  expect_bad(build(table, "us", aliases, VTX_ROUTES_ALIASES + 1), "model-alias",
             "more than 256 aliases");
}

static void build__no_memory__says_so(void **state) {
  const char *alias = "a=m,n";
  struct cb_arena *small = cb_arena_new(NULL, 300, 0);
  struct table *table = *state;
  struct cb_status status;

  assert_non_null(small);
  while (cb_arena_alloc(small, 1))
    continue;
  status = vtx_routes_build(&table->routes, "us", &alias, 1, small);
  assert_int_equal(status.code, CB_RESOURCE_EXHAUSTED);
  cb_arena_free(small);
}

/* --- check --------------------------------------------------------------- */

static void check__project__must_be_the_servers(void **state) {
  struct table *table = *state;
  struct vtx_endpoint endpoint = {.project = "p", .location = "us"};

  expect_good(table, "us,eu", "a=m,projects/p/locations/x/endpoints/1");
  assert_int_equal(
      vtx_routes_check(&table->routes, &endpoint, table->arena).code, CB_OK);
  endpoint.project = "other";
  expect_bad(vtx_routes_check(&table->routes, &endpoint, table->arena),
             "model-alias", "is in a project that");
}

static void check__several_locations_without_project__refused(void **state) {
  struct table *table = *state;
  struct vtx_endpoint endpoint = {.location = "us"};

  expect_good(table, "us", "a=m,n:us");
  assert_int_equal(
      vtx_routes_check(&table->routes, &endpoint, table->arena).code, CB_OK);
  expect_good(table, "us,eu", NULL);
  expect_bad(vtx_routes_check(&table->routes, &endpoint, table->arena),
             "location", "need a project");
  expect_good(table, "us", "a=m,n:eu");
  expect_bad(vtx_routes_check(&table->routes, &endpoint, table->arena),
             "model-alias", "need a project");
}

/* --- find ---------------------------------------------------------------- */

static void find__alias_in_any_form__is_found(void **state) {
  struct table *table = *state;

  expect_good(table, "us", "fast=m");
  assert_string_equal(route_text(table, "fast"), "m@us/0");
  assert_string_equal(route_text(table, "google/fast"), "m@us/0");
  assert_string_equal(route_text(table, "publishers/google/models/fast"),
                      "m@us/0");
  expect_good(table, "us", "google/fast=m");
  assert_string_equal(route_text(table, "fast"), "m@us/0");
}

static void find__something_else__is_not_the_alias(void **state) {
  static const char *const others[] = {
      "fas",        "fast1",
      "Fast",       "vendor/fast",
      "google/",    "publishers/google/fast",
      "",           "publishers/google/models/",
      "googl/fast", "publishers/google/models/x/fast",
  };
  struct table *table = *state;

  expect_good(table, "us", "fast=m");
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    assert_string_equal(route_text(table, others[i]),
                        cb_arena_printf(table->arena, "%s@us/0", others[i]));
}

static void find__at_home_in_one_place__stays_there(void **state) {
  static const char *const names[] = {
      "projects/p/locations/x/publishers/google/models/fast",
      "endpoints/fast",
      "models/fast",
  };
  struct table *table = *state;

  expect_good(table, "us,eu", "fast=m");
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    assert_string_equal(route_text(table, names[i]),
                        cb_arena_printf(table->arena, "%s@/0", names[i]));
}

static void of_cache__its_location__first_candidate_there(void **state) {
  static const struct vtx_candidate all[] = {
      {"m", "global", 0}, {"m", "us", 0},   {"m", "us-east1", 0},
      {"n", "us", 1},     {"n", "asia", 1}, {"endpoints/7", "", 2}};
  static const struct vtx_route route = {all, sizeof all / sizeof *all};
  static const struct {
    const char *cache;
    size_t index;
  } cases[] = {{"7", 0},
               {"cachedContents/7", 0},
               {"projects/p/locations/us/cachedContents/7", 1},
               {"projects/p/locations/us-east1/cachedContents/7", 2},
               {"locations/us-east1/cachedContents/7", 2},
               {"locations/asia/cachedContents/7", 4},
               {"projects/p/locations/eu/cachedContents/7", 0},
               {"projects/p/locations/us-east/cachedContents/7", 0},
               {"projects/p/locations/us", 0},
               {"projects/us/cachedContents/7", 0},
               {"projects/us/locations", 0},
               {"projects/us", 0},
               {"projects/", 0},
               {"locations/", 0},
               {"locations//", 0},
               {"us/cachedContents/7", 0},
               {"", 0}};

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_int_equal(vtx_route_of_cache(&route, cases[i].cache),
                     cases[i].index);
}

static void find__no_table__one_candidate(void **state) {
  struct vtx_route_room room;
  struct vtx_route route = vtx_routes_find(NULL, "m", &room);

  (void)state;
  assert_int_equal(route.count, 1);
  assert_string_equal(route.candidates[0].model, "m");
  assert_string_equal(route.candidates[0].location, "");
}

/* --- choose -------------------------------------------------------------- */

/* What a place can be like. */
enum place { READY, SLOTS, PACED, QUOTA, HELD, OPEN, PLACES, SHUT = PLACES };

static const struct vtx_candidate_state states[PLACES + 1] = {
    [READY] = {.wanted = true, .ready = true},
    [SLOTS] = {.wanted = true, .when = CB_NEVER}, /* all slots are taken */
    [PACED] = {.wanted = true, .ready = true, .throttled = true},
    [QUOTA] = {.wanted = true, .throttled = true, .when = 100},
    [HELD] = {.wanted = true, .throttled = true, .when = CB_NEVER},
    [OPEN] = {.ready = true},
    [SHUT] = {.throttled = true, .when = 100}, /* OPEN, and for quota, too */
};

struct world {
  const struct vtx_candidate *first;
  enum place places[VTX_ROUTES_CANDIDATES];
  int64_t when[VTX_ROUTES_CANDIDATES]; /* in place of the state's, if not 0 */
  size_t asked;
};

static void ask(void *ctx, const struct vtx_candidate *candidate,
                struct vtx_candidate_state *ret_state) {
  struct world *world = ctx;
  size_t index = (size_t)(candidate - world->first);

  *ret_state = states[world->places[index]];
  if (world->when[index]) ret_state->when = world->when[index];
  world->asked++;
}

/* Candidates of models with so many places each. */
static struct vtx_route route_of(struct vtx_candidate *all, size_t places,
                                 size_t models) {
  for (size_t i = 0; i < places * models; i++)
    all[i] = (struct vtx_candidate){"m", "l", (uint32_t)(i / places)};
  return (struct vtx_route){all, places * models};
}

static size_t choose(struct world *world, const struct vtx_route *route,
                     uint32_t tried) {
  world->first = route->candidates;
  world->asked = 0;
  return vtx_route_choose(route, tried, ask, world);
}

/* Of two candidates, none tried: by the first, then the second one's state. */
static void expect_pairs(const struct vtx_route *route,
                         const size_t wanted[PLACES][PLACES]) {
  for (int a = 0; a < PLACES; a++)
    for (int b = 0; b < PLACES; b++) {
      struct world world = {.places = {(enum place)a, (enum place)b}};

      if (choose(&world, route, 0) != wanted[a][b])
        fail_msg("states %d and %d: not %zu", a, b, wanted[a][b]);
    }
}

static void choose__two_places__every_pair_of_states(void **state) {
  static const size_t wanted[PLACES][PLACES] = {
      [READY] = {0, 0, 0, 0, 0, 0}, [SLOTS] = {0, 0, 0, 0, 0, 0},
      [PACED] = {0, 0, 0, 0, 0, 0}, [QUOTA] = {1, 1, 1, 0, 0, 0},
      [HELD] = {1, 1, 1, 1, 0, 0},  [OPEN] = {1, 1, 1, 1, 1, 0},
  };
  struct vtx_candidate all[2];
  struct vtx_route route = route_of(all, 2, 1);

  (void)state;
  expect_pairs(&route, wanted);
}

static void choose__two_places_first_tried__every_pair_of_states(void **state) {
  /* The second, unless its breaker is open and the first's is not: then that
   * one is tried again. */
  struct vtx_candidate all[2];
  struct vtx_route route = route_of(all, 2, 1);

  (void)state;
  for (int a = 0; a < PLACES; a++)
    for (int b = 0; b < PLACES; b++) {
      struct world world = {.places = {(enum place)a, (enum place)b}};
      size_t wanted = b == OPEN && a != OPEN ? 0 : 1;

      if (choose(&world, &route, 1) != wanted)
        fail_msg("states %d and %d: not %zu", a, b, wanted);
    }
}

static void choose__two_models__fallback_only_when_all_places_failed(
    void **state) {
  /* One place each. */
  static const size_t wanted[PLACES][PLACES] = {
      [READY] = {0, 0, 0, 0, 0, 0}, [SLOTS] = {0, 0, 0, 0, 0, 0},
      [PACED] = {0, 0, 0, 0, 0, 0}, [QUOTA] = {0, 0, 0, 0, 0, 0},
      [HELD] = {0, 0, 0, 0, 0, 0},  [OPEN] = {1, 1, 1, 1, 1, 0},
  };
  struct vtx_candidate all[2];
  struct vtx_route route = route_of(all, 1, 2);

  (void)state;
  expect_pairs(&route, wanted);
}

/* What the header says, in other words, for all states and masks at once. */
static size_t by_the_book(const struct vtx_route *route,
                          const enum place *places, uint32_t tried) {
  for (int round = 0; round < 2; round++, tried = 0) {
    for (uint32_t model = 0; model < 2; model++) {
      size_t quota = SIZE_MAX;
      size_t held = SIZE_MAX;

      for (size_t i = 0; i < route->count; i++) {
        if (route->candidates[i].model_index != model || tried >> i & 1) {
          continue;
        }
        if (places[i] <= PACED) return i;
        if (places[i] == QUOTA && quota == SIZE_MAX) quota = i;
        if (places[i] == HELD && held == SIZE_MAX) held = i;
      }
      if (quota != SIZE_MAX) return quota;
      if (held != SIZE_MAX) return held;
    }
  }
  return SIZE_MAX;
}

static void choose__two_models_at_two_places__as_the_header_says(void **state) {
  struct vtx_candidate all[4];
  struct vtx_route route = route_of(all, 2, 2);
  size_t cases = 0;

  (void)state;
  for (int code = 0; code < PLACES * PLACES * PLACES * PLACES; code++)
    for (uint32_t tried = 0; tried < 16; tried++) {
      struct world world = {.asked = 0};
      size_t wanted;

      for (int i = 0, rest = code; i < 4; i++, rest /= PLACES)
        world.places[i] = (enum place)(rest % PLACES);
      wanted = by_the_book(&route, world.places, tried);
      if (wanted == SIZE_MAX) { /* all breakers are open */
        for (wanted = 0; wanted < 4 && tried >> wanted & 1;)
          wanted++;
        if (wanted == 4) wanted = 0;
      }
      if (choose(&world, &route, tried) != wanted)
        fail_msg("states %d, tried %u: not %zu", code, tried, wanted);
      cases++;
    }
  assert_int_equal(cases, 1296 * 16);
}

static void choose__none_wanted__not_one_that_waits_for_quota(void **state) {
  struct vtx_candidate all[3];
  struct vtx_route route = route_of(all, 3, 1);
  struct world world = {.places = {SHUT, OPEN, OPEN}};

  (void)state;
  assert_int_equal(choose(&world, &route, 0), 1);
  assert_int_equal(choose(&world, &route, 2), 2);
  assert_int_equal(choose(&world, &route, 6), 0);
  assert_int_equal(choose(&world, &route, 7), 1);
  world.places[1] = world.places[2] = SHUT;
  assert_int_equal(choose(&world, &route, 0), 0);
  assert_int_equal(choose(&world, &route, 1), 1);
  assert_int_equal(choose(&world, &route, 7), 0);
}

static void choose__all_wait_for_quota__the_soonest(void **state) {
  struct vtx_candidate all[3];
  struct vtx_route route = route_of(all, 3, 1);
  struct world world = {.places = {QUOTA, QUOTA, QUOTA},
                        .when = {300, 100, 200}};

  (void)state;
  assert_int_equal(choose(&world, &route, 0), 1);
  assert_int_equal(choose(&world, &route, 2), 2);
  world.when[1] = 300;
  world.when[2] = 300;
  assert_int_equal(choose(&world, &route, 0), 0);
}

static void choose__the_first_will_do__asks_no_other(void **state) {
  struct vtx_candidate all[3];
  struct vtx_route route = route_of(all, 3, 1);
  struct world world = {.places = {READY, READY, READY}};

  (void)state;
  assert_int_equal(choose(&world, &route, 0), 0);
  assert_int_equal(world.asked, 1);
}

static void choose__one_candidate__is_not_even_asked(void **state) {
  struct vtx_candidate all[1];
  struct vtx_route route = route_of(all, 1, 1);
  struct world world = {.places = {OPEN}};

  (void)state;
  assert_int_equal(choose(&world, &route, 0), 0);
  assert_int_equal(choose(&world, &route, 1), 0);
  assert_int_equal(world.asked, 0);
}

static void choose__as_many_as_there_can_be__the_last_one(void **state) {
  struct vtx_candidate all[VTX_ROUTES_CANDIDATES];
  struct vtx_route route = route_of(all, 1, VTX_ROUTES_CANDIDATES);
  struct world world = {.asked = 0};

  (void)state;
  assert_int_equal(choose(&world, &route, UINT32_MAX >> 1),
                   VTX_ROUTES_CANDIDATES - 1);
  assert_int_equal(choose(&world, &route, UINT32_MAX), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  static const struct CMUnitTest tests[] = {
      CASE(build__one_location__one_candidate),
      CASE(build__list__in_its_order),
      CASE(build__bad_location__says_which),
      CASE(build__length_of_a_location__limit_and_one_past),
      CASE(build__number_of_locations__limit_and_one_past),
      CASE(build__alias__models_one_after_the_other),
      CASE(build__alias_with_locations__these_only),
      CASE(build__same_model_written_otherwise__is_no_fallback),
      CASE(build__alias_named_like_its_model__gives_it_fallbacks),
      CASE(build__places_of_their_own__one_candidate),
      CASE(build__bad_alias__says_what),
      CASE(build__alias_twice__refused_however_written),
      CASE(build__length_of_a_name__limit_and_one_past),
      CASE(build__length_of_a_model__limit_and_one_past),
      CASE(build__number_of_places__limit_and_one_past),
      CASE(build__models_times_locations__limit_and_one_past),
      CASE(build__number_of_aliases__limit_and_one_past),
      CASE(build__no_memory__says_so),
      CASE(check__project__must_be_the_servers),
      CASE(check__several_locations_without_project__refused),
      CASE(find__alias_in_any_form__is_found),
      CASE(find__something_else__is_not_the_alias),
      CASE(find__at_home_in_one_place__stays_there),
      CASE(find__no_table__one_candidate),
      CASE(of_cache__its_location__first_candidate_there),
      CASE(choose__two_places__every_pair_of_states),
      CASE(choose__two_places_first_tried__every_pair_of_states),
      CASE(choose__two_models__fallback_only_when_all_places_failed),
      CASE(choose__two_models_at_two_places__as_the_header_says),
      CASE(choose__none_wanted__not_one_that_waits_for_quota),
      CASE(choose__all_wait_for_quota__the_soonest),
      CASE(choose__the_first_will_do__asks_no_other),
      CASE(choose__one_candidate__is_not_even_asked),
      CASE(choose__as_many_as_there_can_be__the_last_one),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
