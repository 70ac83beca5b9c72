/* Quotas, loads and tiers of the emulator's targets, on a clock of the test's
 * own. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json_writer.h"
#include "service/emulator/target.h"
#include "service/emulator/tier.h"
#include "tests/unit/cmocka_all.h"

#define START (1000 * CB_SECOND)

static int setup(void **state) {
  static struct vtx_emu_targets targets;

  *state = &targets;
  return vtx_emu_targets_init(&targets, START) ? 0 : -1;
}

static int teardown(void **state) {
  vtx_emu_targets_release(*state);
  return 0;
}

static struct vtx_emu_target *find(void **state, const char *location,
                                   const char *model) {
  struct vtx_emu_target *target = vtx_emu_targets_find(*state, location, model);

  assert_non_null(target);
  return target;
}

/* How many of a number of requests at one moment pass. */
static int passing(void **state, struct vtx_emu_target *target,
                   const struct vtx_emu_quota *quota, int count, int64_t now) {
  int passed = 0;

  for (int i = 0; i < count; i++) {
    passed +=
        vtx_emu_target_admit(*state, target, quota, 0, now) == VTX_EMU_ACCEPTED;
  }
  return passed;
}

static void target_admit__burst__passes_and_one_more_does_not(void **state) {
  const struct vtx_emu_quota quota = {.rps = 50, .burst = 5};
  struct vtx_emu_target *target = find(state, "l", "m");

  assert_int_equal(passing(state, target, &quota, 6, START), 5);
  assert_int_equal(target->count[VTX_EMU_ACCEPTED], 5);
  assert_int_equal(target->count[VTX_EMU_THROTTLED], 1);
}

static void target_admit__a_second_of_asking__gives_the_rate(void **state) {
  const struct vtx_emu_quota quota = {.rps = 50, .burst = 5};
  struct vtx_emu_target *target = find(state, "l", "m");
  int passed = passing(state, target, &quota, 5, START);

  for (int ms = 1; ms <= 1000; ms++) {
    passed += passing(state, target, &quota, 1, START + ms * CB_MILLISECOND);
  }
  assert_in_range(passed, 54, 55);
}

static void target_admit__rest__fills_no_more_than_the_burst(void **state) {
  const struct vtx_emu_quota quota = {.rps = 50, .burst = 5};
  struct vtx_emu_target *target = find(state, "l", "m");

  passing(state, target, &quota, 5, START);
  assert_int_equal(passing(state, target, &quota, 10, START + 60 * CB_SECOND),
                   5);
}

static void target_admit__quota_changed__keeps_what_fits(void **state) {
  const struct vtx_emu_quota wide = {.rps = 50, .burst = 5};
  const struct vtx_emu_quota narrow = {.rps = 1, .burst = 2};
  struct vtx_emu_target *target = find(state, "l", "m");

  assert_int_equal(passing(state, target, &wide, 1, START), 1);
  assert_int_equal(passing(state, target, &narrow, 5, START), 2);
  assert_int_equal(passing(state, target, &wide, 5, START), 0);
}

static void target_admit__no_burst_given__is_one(void **state) {
  const struct vtx_emu_quota quota = {.rps = 0.5};
  struct vtx_emu_target *target = find(state, "l", "m");

  assert_int_equal(passing(state, target, &quota, 3, START), 1);
  assert_int_equal(passing(state, target, &quota, 1, START + CB_SECOND), 0);
  assert_int_equal(passing(state, target, &quota, 1, START + 2 * CB_SECOND), 1);
}

static void target_admit__other_targets__have_quotas_of_their_own(
    void **state) {
  const struct vtx_emu_quota quota = {.rps = 1, .burst = 1};

  assert_int_equal(passing(state, find(state, "l", "m"), &quota, 2, START), 1);
  assert_int_equal(passing(state, find(state, "l", "n"), &quota, 2, START), 1);
  assert_int_equal(passing(state, find(state, "k", "m"), &quota, 2, START), 1);
}

static void target_charge__tokens_used_up__refuses_until_paid(void **state) {
  const struct vtx_emu_quota quota = {.tpm = 6000}; /* 100 a second */
  struct vtx_emu_target *target = find(state, "l", "m");

  assert_int_equal(passing(state, target, &quota, 1, START), 1);
  vtx_emu_target_charge(target, &quota, 300);
  assert_int_equal(passing(state, target, &quota, 1, START + CB_SECOND), 0);
  assert_int_equal(passing(state, target, &quota, 1, START + 2 * CB_SECOND), 0);
  assert_int_equal(passing(state, target, &quota, 1,
                           START + 2 * CB_SECOND + 10 * CB_MILLISECOND),
                   1);
}

static void target_admit__capacity__is_how_many_are_in_flight(void **state) {
  const struct vtx_emu_quota none = {.rps = 0};
  struct vtx_emu_target *target = find(state, "l", "m");

  vtx_emu_target_begin(target);
  vtx_emu_target_begin(target);
  assert_int_equal(vtx_emu_target_admit(*state, target, &none, 2, START),
                   VTX_EMU_ACCEPTED);
  vtx_emu_target_begin(target);
  assert_int_equal(vtx_emu_target_admit(*state, target, &none, 2, START),
                   VTX_EMU_OVERLOADED);
  vtx_emu_target_end(target);
  assert_int_equal(vtx_emu_target_admit(*state, target, &none, 2, START),
                   VTX_EMU_ACCEPTED);
  assert_int_equal(target->peak_in_flight, 3);
}

static void targets_find__more_than_are_told_apart__share_one(void **state) {
  struct vtx_emu_target *other;
  char model[16];

  for (int i = 0; i < VTX_EMU_TARGETS; i++) {
    snprintf(model, sizeof model, "m%d", i);
    assert_string_equal(find(state, "l", model)->model, model);
  }
  other = find(state, "l", "one-more");
  assert_string_equal(other->model, "other");
  assert_ptr_equal(find(state, "l", "and-another"), other);
  assert_string_equal(find(state, "l", "m0")->model, "m0");
}

static struct json_object *timeline(void **state, const char *location,
                                    int64_t now) {
  struct json_object *tree;
  struct json_object *list;
  struct cb_json json;
  struct cb_buf buf;

  cb_buf_init(&buf, 1 << 20, NULL);
  cb_json_init(&json, &buf);
  vtx_emu_targets_write_timeline(*state, location, NULL, now, &json);
  tree = json_tokener_parse(buf.data);
  cb_buf_release(&buf);
  assert_true(json_object_object_get_ex(tree, "timeline", &list));
  json_object_get(list);
  json_object_put(tree);
  return list;
}

static int64_t number_at(struct json_object *list, size_t place,
                         const char *name) {
  struct json_object *number;

  assert_true(json_object_object_get_ex(json_object_array_get_idx(list, place),
                                        name, &number));
  return json_object_get_int64(number);
}

static void write_timeline__two_places__are_summed_or_told_apart(void **state) {
  const struct vtx_emu_quota quota = {.rps = 1, .burst = 2};
  struct json_object *list;

  passing(state, find(state, "a", "m"), &quota, 3, START);
  passing(state, find(state, "b", "m"), &quota, 1, START + 2 * CB_SECOND);
  passing(state, find(state, "a", "m"), &quota, 1, START + 2 * CB_SECOND);
  list = timeline(state, NULL, START + 2 * CB_SECOND);
  assert_int_equal(json_object_array_length(list), 3);
  assert_int_equal(number_at(list, 0, "accepted"), 2);
  assert_int_equal(number_at(list, 0, "throttled"), 1);
  assert_int_equal(number_at(list, 1, "accepted"), 0);
  assert_int_equal(number_at(list, 2, "second"), 2);
  assert_int_equal(number_at(list, 2, "accepted"), 2);
  json_object_put(list);
  list = timeline(state, "b", START + 2 * CB_SECOND);
  assert_int_equal(number_at(list, 0, "accepted"), 0);
  assert_int_equal(number_at(list, 2, "accepted"), 1);
  json_object_put(list);
}

static void write_timeline__two_minutes__are_all_there_is(void **state) {
  const struct vtx_emu_quota none = {.rps = 0};
  struct vtx_emu_target *target = find(state, "a", "m");
  int64_t last = START + (VTX_EMU_SECONDS + 3) * CB_SECOND;
  struct json_object *list;

  passing(state, target, &none, 7, START + 3 * CB_SECOND);
  passing(state, target, &none, 9, START + 4 * CB_SECOND);
  passing(state, target, &none, 1, last);
  list = timeline(state, NULL, last);
  assert_int_equal(json_object_array_length(list), VTX_EMU_SECONDS);
  assert_int_equal(number_at(list, 0, "second"), 4);
  assert_int_equal(number_at(list, 0, "accepted"), 9);
  assert_int_equal(number_at(list, VTX_EMU_SECONDS - 1, "accepted"), 1);
  json_object_put(list);
}

static void targets_reset__in_mid_flight__keeps_what_is_in_flight(
    void **state) {
  const struct vtx_emu_quota quota = {.rps = 1, .burst = 1};
  struct vtx_emu_target *target = find(state, "l", "m");

  vtx_emu_target_begin(target);
  passing(state, target, &quota, 2, START);
  vtx_emu_targets_reset(*state);
  assert_int_equal(target->in_flight, 1);
  assert_int_equal(target->requests, 0);
  assert_int_equal(target->count[VTX_EMU_THROTTLED], 0);
  assert_int_equal(passing(state, target, &quota, 2, START), 1);
  vtx_emu_target_end(target);
}

static void tier_of__headers__name_the_traffic(void **state) {
  static const struct {
    const char *type;
    const char *shared;
    const char *tier;
  } cases[] = {
      {NULL, NULL, "ON_DEMAND"},
      {"shared", NULL, "ON_DEMAND"},
      {"dedicated", NULL, "PROVISIONED_THROUGHPUT"},
      {"dedicated", "flex", "PROVISIONED_THROUGHPUT"},
      {NULL, "priority", "ON_DEMAND_PRIORITY"},
      {"shared", "flex", "ON_DEMAND_FLEX"},
  };

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_string_equal(vtx_emu_tier_of(cases[i].type, cases[i].shared),
                        cases[i].tier);
  }
  assert_null(vtx_emu_tier_of("Dedicated", NULL));
  assert_null(vtx_emu_tier_of("", NULL));
  assert_null(vtx_emu_tier_of(NULL, "cheap"));
  assert_null(vtx_emu_tier_of("dedicated", "cheap"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(target_admit__burst__passes_and_one_more_does_not),
      TEST(target_admit__a_second_of_asking__gives_the_rate),
      TEST(target_admit__rest__fills_no_more_than_the_burst),
      TEST(target_admit__quota_changed__keeps_what_fits),
      TEST(target_admit__no_burst_given__is_one),
      TEST(target_admit__other_targets__have_quotas_of_their_own),
      TEST(target_charge__tokens_used_up__refuses_until_paid),
      TEST(target_admit__capacity__is_how_many_are_in_flight),
      TEST(targets_find__more_than_are_told_apart__share_one),
      TEST(write_timeline__two_places__are_summed_or_told_apart),
      TEST(write_timeline__two_minutes__are_all_there_is),
      TEST(targets_reset__in_mid_flight__keeps_what_is_in_flight),
      TEST(tier_of__headers__name_the_traffic),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
