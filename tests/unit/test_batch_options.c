#include "service/batch/options.h"

#include "base/arena.h"
#include "base/clock.h"
#include "service/duration.h"
#include "service/limits.h"
#include "tests/unit/cmocka_all.h"

static const struct vtx_run_limits limits = {
    .max_concurrency_cap = 1000,
    .item_timeout = 600 * CB_SECOND,
    .max_message_bytes = 64 * 1024 * 1024,
};

static struct cb_arena *arena;

static struct vtx_run read_fine(int32_t concurrency,
                                const Vertexd__V1__BatchOptions *options) {
  struct vtx_run run;
  struct cb_status status =
      vtx_run_read(concurrency, options, &limits, arena, &run);

  assert_int_equal(status.code, CB_OK);
  return run;
}

static void expect_field(const Vertexd__V1__BatchOptions *options,
                         const char *field) {
  struct vtx_run run;
  struct cb_status status = vtx_run_read(0, options, &limits, arena, &run);

  assert_int_equal(status.code, CB_INVALID_ARGUMENT);
  assert_string_equal(status.reason, "INVALID_FIELD");
  assert_string_equal(status.field, field);
}

static Google__Protobuf__Duration duration_of(int64_t seconds, int32_t nanos) {
  Google__Protobuf__Duration duration = GOOGLE__PROTOBUF__DURATION__INIT;

  duration.seconds = seconds;
  duration.nanos = nanos;
  return duration;
}

static void read__nothing_said__defaults(void **state) {
  struct vtx_run run = read_fine(0, NULL);

  (void)state;
  assert_int_equal(run.max_concurrency, 5);
  assert_int_equal(run.weight, 1);
  assert_int_equal(run.item_timeout, 600 * CB_SECOND);
  assert_int_equal(run.margin, -1);
  assert_int_equal(run.progress, 0);
  assert_int_equal(run.order, VTX_INPUT_ORDER);
  assert_false(run.stop_on_error);
  assert_int_equal(run.max_message_bytes, 4 * 1024 * 1024 - 5);
}

static void read__concurrency__lowered_to_the_cap(void **state) {
  struct vtx_run run;
  struct cb_status status;

  (void)state;
  assert_int_equal(read_fine(1, NULL).max_concurrency, 1);
  assert_int_equal(read_fine(1000, NULL).max_concurrency, 1000);
  assert_int_equal(read_fine(1001, NULL).max_concurrency, 1000);
  status = vtx_run_read(-1, NULL, &limits, arena, &run);
  assert_int_equal(status.code, CB_INVALID_ARGUMENT);
  assert_string_equal(status.field, "max_concurrency");
}

static void read__weight__within_its_range(void **state) {
  Vertexd__V1__BatchOptions options = VERTEXD__V1__BATCH_OPTIONS__INIT;

  (void)state;
  options.weight = 100;
  assert_int_equal(read_fine(0, &options).weight, 100);
  options.weight = 101;
  assert_int_equal(read_fine(0, &options).weight, 100);
  options.weight = -1;
  expect_field(&options, "options.weight");
}

static void read__unknown_enum_numbers__named(void **state) {
  Vertexd__V1__BatchOptions options = VERTEXD__V1__BATCH_OPTIONS__INIT;

  (void)state;
  options.order = (Vertexd__V1__ResultOrder)2;
  options.on_error = (Vertexd__V1__ErrorPolicy)2;
  assert_int_equal(read_fine(0, &options).order, VTX_AS_COMPLETED);
  assert_true(read_fine(0, &options).stop_on_error);
  options.on_error = (Vertexd__V1__ErrorPolicy)3;
  expect_field(&options, "options.on_error");
  options.order = (Vertexd__V1__ResultOrder)3;
  expect_field(&options, "options.order");
}

static void read__durations__checked(void **state) {
  Vertexd__V1__BatchOptions options = VERTEXD__V1__BATCH_OPTIONS__INIT;
  Google__Protobuf__Duration duration = duration_of(2, 5);

  (void)state;
  options.item_timeout = &duration;
  assert_int_equal(read_fine(0, &options).item_timeout, 2 * CB_SECOND + 5);
  duration = duration_of(0, 0);
  assert_int_equal(read_fine(0, &options).item_timeout, 600 * CB_SECOND);
  duration = duration_of(0, -1);
  expect_field(&options, "options.item_timeout");
  duration = duration_of(1, -1);
  expect_field(&options, "options.item_timeout");
  duration = duration_of(0, 1000000000);
  expect_field(&options, "options.item_timeout");
  duration = duration_of(INT64_C(315576000001), 0);
  expect_field(&options, "options.item_timeout");
  duration = duration_of(INT64_C(315576000000), 0);
  assert_int_equal(read_fine(0, &options).item_timeout, CB_NEVER);
  options.item_timeout = NULL;
  options.deadline_margin = &duration;
  duration = duration_of(0, 0);
  assert_int_equal(read_fine(0, &options).margin, 0);
  duration = duration_of(-1, 0);
  expect_field(&options, "options.deadline_margin");
}

static void read__progress_interval__raised_to_the_minimum(void **state) {
  Vertexd__V1__BatchOptions options = VERTEXD__V1__BATCH_OPTIONS__INIT;
  Google__Protobuf__Duration duration = duration_of(0, 99999999);

  (void)state;
  options.progress_interval = &duration;
  assert_int_equal(read_fine(0, &options).progress, 100 * CB_MILLISECOND);
  duration = duration_of(0, 100000001);
  assert_int_equal(read_fine(0, &options).progress, 100000001);
  duration = duration_of(0, 0);
  assert_int_equal(read_fine(0, &options).progress, 0);
  duration = duration_of(0, -5);
  expect_field(&options, "options.progress_interval");
}

static void read__message_bytes__at_the_limits(void **state) {
  Vertexd__V1__BatchOptions options = VERTEXD__V1__BATCH_OPTIONS__INIT;

  (void)state;
  options._max_message_bytes_case =
      VERTEXD__V1__BATCH_OPTIONS___MAX_MESSAGE_BYTES_MAX_MESSAGE_BYTES;
  options.max_message_bytes = VTX_MESSAGE_BYTES_MIN;
  assert_int_equal(read_fine(0, &options).max_message_bytes, 1024);
  options.max_message_bytes = VTX_MESSAGE_BYTES_MIN - 1;
  expect_field(&options, "options.max_message_bytes");
  options.max_message_bytes = 64 * 1024 * 1024 + 1;
  assert_int_equal(read_fine(0, &options).max_message_bytes, 64 * 1024 * 1024);
  options.max_message_bytes = -1;
  expect_field(&options, "options.max_message_bytes");
}

static int set_up(void **state) {
  (void)state;
  arena = cb_arena_new(NULL, SIZE_MAX, 0);
  return arena ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  cb_arena_free(arena);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(read__nothing_said__defaults),
      cmocka_unit_test(read__concurrency__lowered_to_the_cap),
      cmocka_unit_test(read__weight__within_its_range),
      cmocka_unit_test(read__unknown_enum_numbers__named),
      cmocka_unit_test(read__durations__checked),
      cmocka_unit_test(read__progress_interval__raised_to_the_minimum),
      cmocka_unit_test(read__message_bytes__at_the_limits),
  };

  return cmocka_run_group_tests(tests, set_up, tear_down);
}
