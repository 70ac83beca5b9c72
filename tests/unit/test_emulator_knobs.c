#include <json-c/json.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "service/emulator/knobs.h"
#include "service/emulator/route.h"
#include "tests/unit/cmocka_all.h"

static int setup(void **state) {
  *state = cb_arena_new(NULL, 1 << 20, 0);
  return *state ? 0 : -1;
}

static int teardown(void **state) {
  cb_arena_free(*state);
  return 0;
}

static bool take(struct cb_arena *arena, char *text,
                 struct vtx_emu_knobs *ret_knobs, const char **ret_error) {
  *ret_knobs = vtx_emu_knobs_default();
  *ret_error = NULL;
  return vtx_emu_knobs_take(ret_knobs, arena, text, ret_error);
}

static void knobs_take__directive_at_end__leaves_the_prompt(void **state) {
  char text[] = "hello [[emulator latency=200ms chunks=3]]";
  struct vtx_emu_knobs knobs;
  const char *error;

  assert_true(take(*state, text, &knobs, &error));
  assert_string_equal(text, "hello");
  assert_int_equal(knobs.latency, 200 * CB_MILLISECOND);
  assert_int_equal(knobs.chunks, 3);
}

static void knobs_take__directive_in_the_middle__leaves_one_blank(
    void **state) {
  char text[] = "say [[emulator fault=hang]] hello";
  struct vtx_emu_knobs knobs;
  const char *error;

  assert_true(take(*state, text, &knobs, &error));
  assert_string_equal(text, "say hello");
  assert_int_equal(knobs.fault, VTX_EMU_HANG);
}

static void knobs_take__two_directives__obeys_both(void **state) {
  char text[] = "[[emulator words=7]] hi [[emulator finish=SAFETY]]";
  struct vtx_emu_knobs knobs;
  const char *error;

  assert_true(take(*state, text, &knobs, &error));
  assert_string_equal(text, "hi");
  assert_int_equal(knobs.words, 7);
  assert_string_equal(knobs.finish, "SAFETY");
}

static void knobs_take__no_directive__changes_nothing(void **state) {
  char text[] = "[[ not one ]] %20";
  struct vtx_emu_knobs knobs;
  const char *error;

  assert_true(take(*state, text, &knobs, &error));
  assert_string_equal(text, "[[ not one ]] %20");
  assert_int_equal(knobs.latency, 0);
  assert_int_equal(knobs.fault, VTX_EMU_NO_FAULT);
}

static void assert_refused(struct cb_arena *arena, const char *prompt,
                           const char *mentioned) {
  char *text = cb_arena_strdup(arena, prompt);
  struct vtx_emu_knobs knobs;
  const char *error;

  assert_false(take(arena, text, &knobs, &error));
  assert_non_null(error);
  assert_non_null(strstr(error, mentioned));
}

static void knobs_take__what_is_wrong__is_named(void **state) {
  assert_refused(*state, "[[emulator latency=1s", "]]");
  assert_refused(*state, "[[emulator colour=red]]", "colour");
  assert_refused(*state, "[[emulator fault=http_999]]", "http_999");
  assert_refused(*state, "[[emulator latency=soon]]", "latency");
  assert_refused(*state, "[[emulator latency=-1s]]", "latency");
  assert_refused(*state, "[[emulator chunks]]", "chunks");
  assert_refused(*state, "[[emulator chunks=x]]", "chunks");
  assert_refused(*state, "[[emulator empty=maybe]]", "empty");
  assert_refused(*state, "[[emulator text=a%0]]", "text");
  assert_refused(*state, "[[emulator text=a%00b]]", "text");
  assert_refused(*state, "[[emulator probability=1.5]]", "probability");
}

static bool set(struct cb_arena *arena, const char *words,
                struct vtx_emu_knobs *ret_knobs) {
  const char *error;

  *ret_knobs = vtx_emu_knobs_default();
  return vtx_emu_knobs_parse(ret_knobs, arena, words, &error);
}

static void knobs_parse__at_the_limits__takes_them_and_no_more(void **state) {
  struct vtx_emu_knobs knobs;

  assert_true(set(*state, "latency=3600s", &knobs));
  assert_false(set(*state, "latency=3601s", &knobs));
  assert_true(set(*state, "chunks=1000000", &knobs));
  assert_false(set(*state, "chunks=1000001", &knobs));
  assert_true(set(*state, "size=4g", &knobs));
  assert_int_equal(knobs.size, INT64_C(4) << 30);
  assert_false(set(*state, "size=5g", &knobs));
  assert_false(set(*state, "size=99999999999999999999", &knobs));
  assert_true(set(*state, "hold=0123456789012345678901234567890", &knobs));
  assert_false(set(*state, "hold=01234567890123456789012345678901", &knobs));
  assert_false(set(*state, "hold=", &knobs));
}

static void knobs_parse__all_units__reads_them(void **state) {
  struct vtx_emu_knobs knobs;

  assert_true(set(*state,
                  "latency=1.5s jitter=30us chunk_interval=20 size=2k "
                  "bytes=3m",
                  &knobs));
  assert_int_equal(knobs.latency, 1500 * CB_MILLISECOND);
  assert_int_equal(knobs.jitter, 30 * CB_MICROSECOND);
  assert_int_equal(knobs.chunk_interval, 20 * CB_MILLISECOND);
  assert_int_equal(knobs.size, 2048);
  assert_int_equal(knobs.bytes, 3 << 20);
}

static void knobs_parse__escaped_text__is_decoded(void **state) {
  struct vtx_emu_knobs knobs;

  assert_true(set(*state, "text=%7B%22a%22%3a1%7D+b", &knobs));
  assert_string_equal(knobs.text, "{\"a\":1} b");
}

static void knobs_parse_json__numbers_and_flags__are_values(void **state) {
  struct vtx_emu_knobs knobs = vtx_emu_knobs_default();
  struct json_object *object = json_tokener_parse(
      "{\"latency_ms\":100,\"fault\":\"http_503\",\"probability\":0.25,"
      "\"empty\":true}");
  const char *error;

  assert_true(vtx_emu_knobs_parse_json(&knobs, *state, object, &error));
  assert_int_equal(knobs.latency, 100 * CB_MILLISECOND);
  assert_int_equal(knobs.fault, VTX_EMU_HTTP_503);
  assert_true(knobs.probability > 0.24 && knobs.probability < 0.26);
  assert_true(knobs.empty);
  json_object_put(object);
}

static struct vtx_emu_route route_of(struct cb_arena *arena, const char *path) {
  struct vtx_emu_route route;

  assert_true(vtx_emu_route_read(&route, arena, path));
  return route;
}

static void route_read__paths_of_vertex__are_known(void **state) {
  struct vtx_emu_route route =
      route_of(*state,
               "/v1/projects/p/locations/us-central1/publishers/google/models/"
               "gemini-2.5-flash:generateContent");

  assert_int_equal(route.verb, VTX_EMU_GENERATE);
  assert_string_equal(route.model, "gemini-2.5-flash");
  assert_string_equal(route.location, "us-central1");
  assert_string_equal(route.resource,
                      "projects/p/locations/us-central1/publishers/google/"
                      "models/gemini-2.5-flash");
  route = route_of(*state,
                   "/v1beta1/projects/p/locations/l/endpoints/42:countTokens");
  assert_int_equal(route.verb, VTX_EMU_COUNT);
  assert_string_equal(route.model, "42");
  route =
      route_of(*state, "/v1/publishers/google/models/m:streamGenerateContent");
  assert_int_equal(route.verb, VTX_EMU_STREAM);
  assert_string_equal(route.location, "");
}

static void route_read__other_paths__have_no_verb(void **state) {
  static const char *const paths[] = {
      "",
      "/",
      "*",
      "/v1",
      "/v2/publishers/google/models/m:generateContent",
      "/v1/publishers/google/models/m",
      "/v1/publishers/google/models/m:predict",
      "/v1/publishers/google//models/m:generateContent",
      "/v1/projects/p/locations/l/publishers/google/models/:generateContent/",
      "/v1/projects/p/publishers/google/models/m:generateContent",
      "/a/b/c/d/e/f/g/h/i/j/k/l/m:generateContent",
  };

  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    assert_int_equal(route_of(*state, paths[i]).verb, VTX_EMU_NO_VERB);
  }
}

static void knobs_parse__quota__is_read(void **state) {
  struct vtx_emu_knobs knobs = vtx_emu_knobs_default();
  const char *error;

  assert_true(vtx_emu_knobs_parse(
      &knobs, *state,
      "quota_rps=12.5 quota_burst=5 quota_tpm=1e9 quota_retryinfo=1 "
      "capacity=7 slowdown=3ms retry_after=2s traffic_type=ON_DEMAND_FLEX",
      &error));
  assert_true(knobs.quota.rps > 12.4 && knobs.quota.rps < 12.6);
  assert_int_equal(knobs.quota.burst, 5);
  assert_true(knobs.quota.tpm > 999999999.0);
  assert_true(knobs.quota.retryinfo);
  assert_int_equal(knobs.capacity, 7);
  assert_int_equal(knobs.slowdown, 3 * CB_MILLISECOND);
  assert_int_equal(knobs.retry_after, 2 * CB_SECOND);
  assert_string_equal(knobs.traffic_type, "ON_DEMAND_FLEX");
  assert_false(
      vtx_emu_knobs_parse(&knobs, *state, "quota_tpm=1000000001", &error));
  assert_false(vtx_emu_knobs_parse(&knobs, *state, "quota_rps=nan", &error));
  assert_false(vtx_emu_knobs_parse(&knobs, *state, "quota_rps=-1", &error));
}

static void knobs_take__quota__is_not_for_prompts(void **state) {
  assert_refused(*state, "[[emulator words=3 quota_rps=5]]", "quota");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(knobs_take__directive_at_end__leaves_the_prompt),
      TEST(knobs_take__directive_in_the_middle__leaves_one_blank),
      TEST(knobs_take__two_directives__obeys_both),
      TEST(knobs_take__no_directive__changes_nothing),
      TEST(knobs_take__what_is_wrong__is_named),
      TEST(knobs_parse__at_the_limits__takes_them_and_no_more),
      TEST(knobs_parse__all_units__reads_them),
      TEST(knobs_parse__escaped_text__is_decoded),
      TEST(knobs_parse__quota__is_read),
      TEST(knobs_take__quota__is_not_for_prompts),
      TEST(knobs_parse_json__numbers_and_flags__are_values),
      TEST(route_read__paths_of_vertex__are_known),
      TEST(route_read__other_paths__have_no_verb),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
