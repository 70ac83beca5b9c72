#include "client/vertexctl/progress.h"

#include <string.h>

#include "tests/unit/cmocka_all.h"

static void text__bar_half_way__all_figures(void **state) {
  const struct ctl_progress progress = {.kind = CTL_PROGRESS_BAR,
                                        .total = 1000,
                                        .skipped = 100,
                                        .answered = 390,
                                        .failed = 10,
                                        .tokens = 1234,
                                        .rate = 100};
  char text[CTL_PROGRESS_ROOM];

  (void)state;
  ctl_progress_text(&progress, text);
  assert_string_equal(text,
                      "[############............] 500/1000 (50 %), 100.0/s, "
                      "ETA 0:05, 10 failed, 1234 tokens");
}

static void text__total_not_known__count_alone(void **state) {
  const struct ctl_progress progress = {.kind = CTL_PROGRESS_BAR,
                                        .answered = 3};
  char text[CTL_PROGRESS_ROOM];

  (void)state;
  ctl_progress_text(&progress, text);
  assert_string_equal(text, "3 done, 0 failed, 0 tokens");
}

static void text__all_done__no_time_left(void **state) {
  const struct ctl_progress progress = {
      .kind = CTL_PROGRESS_LINES, .total = 2, .answered = 2, .rate = 0.5};
  char text[CTL_PROGRESS_ROOM];

  (void)state;
  ctl_progress_text(&progress, text);
  assert_string_equal(text, "2/2 (100 %), 0.5/s, 0 failed, 0 tokens");
}

static void text__largest_figures__fit(void **state) {
  const struct ctl_progress progress = {.kind = CTL_PROGRESS_BAR,
                                        .total = UINT32_MAX,
                                        .answered = UINT32_MAX - 7,
                                        .failed = 6,
                                        .tokens = INT64_MAX,
                                        .rate = 1e-12};
  char text[CTL_PROGRESS_ROOM];
  size_t size = ctl_progress_text(&progress, text);

  (void)state;
  assert_int_equal(size, strlen(text));
  assert_non_null(strstr(text, "ETA 1000000:00:00"));
  assert_non_null(strstr(text, "9223372036854775807 tokens"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text__bar_half_way__all_figures),
      cmocka_unit_test(text__total_not_known__count_alone),
      cmocka_unit_test(text__all_done__no_time_left),
      cmocka_unit_test(text__largest_figures__fit),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
