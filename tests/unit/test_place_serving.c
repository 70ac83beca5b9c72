#include <string.h>

#include "base/arena.h"
#include "service/batch/place.h"
#include "service/vertex/endpoint.h"
#include "tests/unit/cmocka_all.h"

static void expect(struct cb_arena *arena, const struct vtx_endpoint *home,
                   struct vtx_candidate candidate,
                   const char *const wanted[2]) {
  const struct vtx_place place = {.candidate = candidate};
  Vertexd__V1__Serving serving = VERTEXD__V1__SERVING__INIT;

  vtx_place_tell(&place, "asked", home, arena, &serving);
  assert_string_equal(serving.location, wanted[0]);
  assert_string_equal(serving.model, wanted[1]);
}

static void tell__every_form_of_name__location_and_resource(void **state) {
  static const struct {
    struct vtx_candidate candidate;
    const char *wanted[2];
  } cases[] = {
      {{"m", "us", 0}, {"us", "publishers/google/models/m"}},
      {{"vendor/m", "eu", 1}, {"eu", "publishers/vendor/models/m"}},
      {{"publishers/v/models/m", "", 0}, {"home", "publishers/v/models/m"}},
      {{"", "", 0}, {"home", "publishers/google/models/asked"}},
      {{"endpoints/12", "", 0}, {"home", "endpoints/12"}},
      {{"endpoints/12", "eu", 0}, {"eu", "endpoints/12"}},
      {{"projects/p/locations/far/publishers/google/models/m", "", 0},
       {"far", "publishers/google/models/m"}},
      {{"projects/other/locations/far/endpoints/9", "", 0},
       {"far", "endpoints/9"}},
      {{"no model", "us", 0}, {"", ""}},
  };
  static const char *const others[] = {"other"};
  const struct vtx_endpoint home = {.project = "p",
                                    .location = "home",
                                    .projects = others,
                                    .project_count = 1};
  struct cb_arena *arena = cb_arena_new(NULL, 1 << 16, 0);

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    expect(arena, &home, cases[i].candidate, cases[i].wanted);
  cb_arena_free(arena);
}

static void tell__express_mode__no_location(void **state) {
  static const char *const wanted[2] = {"", "publishers/google/models/m"};
  const struct vtx_endpoint home = {.location = "global"};
  struct cb_arena *arena = cb_arena_new(NULL, 1 << 16, 0);

  (void)state;
  expect(arena, &home, (struct vtx_candidate){"m", "global", 0}, wanted);
  cb_arena_free(arena);
}

static void tell__no_memory__left_out(void **state) {
  static const char *const wanted[2] = {"", ""};
  const struct vtx_endpoint home = {.project = "p", .location = "home"};
  struct cb_arena *arena = cb_arena_new(NULL, 1024, 0);

  (void)state;
  while (cb_arena_alloc(arena, 1))
    continue;
  expect(arena, &home, (struct vtx_candidate){"m", "us", 0}, wanted);
  cb_arena_free(arena);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(tell__every_form_of_name__location_and_resource),
      cmocka_unit_test(tell__express_mode__no_location),
      cmocka_unit_test(tell__no_memory__left_out),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
