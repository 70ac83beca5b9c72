#include "service/metrics/exposition.h"

#include <math.h>
#include <stdint.h>

#include "base/buf.h"
#include "tests/unit/cmocka_all.h"

#define MOST 4096

static const struct vtx_metric_family gauge = {"a_gauge", VTX_METRIC_GAUGE,
                                               "What it is."};

static void is(struct cb_buf *page, const char *expected) {
  assert_false(page->failed);
  assert_string_equal(page->data ? page->data : "", expected);
  cb_buf_release(page);
}

static void family__types__help_and_type(void **state) {
  const struct vtx_metric_family counter = {"a_total", VTX_METRIC_COUNTER,
                                            "One \"or\"\nmore \\."};
  struct cb_buf page;

  (void)state;
  cb_buf_init(&page, MOST, NULL);
  vtx_exposition_family(&page, &counter);
  vtx_exposition_family(&page, &gauge);
  is(&page,
     "# HELP a_total One \"or\"\\nmore \\\\.\n"
     "# TYPE a_total counter\n"
     "# HELP a_gauge What it is.\n"
     "# TYPE a_gauge gauge\n");
}

static void single__family_with_its_sample(void **state) {
  struct cb_buf page;

  (void)state;
  cb_buf_init(&page, MOST, NULL);
  vtx_exposition_single(&page, &gauge, 17);
  is(&page,
     "# HELP a_gauge What it is.\n"
     "# TYPE a_gauge gauge\n"
     "a_gauge 17\n");
}

static void sample__labels__in_order(void **state) {
  static const struct vtx_metric_label none[] = {{NULL, NULL}};
  static const struct vtx_metric_label one[] = {{"a", "b"}, {NULL, NULL}};
  static const struct vtx_metric_label two[] = {
      {"a", ""}, {"b", "c"}, {NULL, NULL}};
  struct cb_buf page;

  (void)state;
  cb_buf_init(&page, MOST, NULL);
  vtx_exposition_sample(&page, &gauge, NULL, 0);
  vtx_exposition_sample(&page, &gauge, none, 1);
  vtx_exposition_sample(&page, &gauge, one, 2);
  vtx_exposition_sample(&page, &gauge, two, 3);
  is(&page,
     "a_gauge 0\n"
     "a_gauge 1\n"
     "a_gauge{a=\"b\"} 2\n"
     "a_gauge{a=\"\",b=\"c\"} 3\n");
}

static void sample__label_with_specials__escaped(void **state) {
  static const struct vtx_metric_label labels[] = {
      {"a", "\\\"\n"}, {"b", "x\\y\"z\n{},= \xc3\xa9"}, {NULL, NULL}};
  struct cb_buf page;

  (void)state;
  cb_buf_init(&page, MOST, NULL);
  vtx_exposition_sample(&page, &gauge, labels, 1);
  is(&page, "a_gauge{a=\"\\\\\\\"\\n\",b=\"x\\\\y\\\"z\\n{},= \xc3\xa9\"} 1\n");
}

static void sample__values__as_go_reads_them(void **state) {
  struct cb_buf page;

  (void)state;
  cb_buf_init(&page, MOST, NULL);
  vtx_exposition_sample(&page, &gauge, NULL, -1);
  vtx_exposition_sample(&page, &gauge, NULL, 2.5);
  vtx_exposition_sample(&page, &gauge, NULL, 0.1);
  vtx_exposition_sample(&page, &gauge, NULL, 1e-9);
  vtx_exposition_sample(&page, &gauge, NULL, 9007199254740991.0);
  vtx_exposition_sample(&page, &gauge, NULL, (double)UINT64_MAX);
  vtx_exposition_sample(&page, &gauge, NULL, INFINITY);
  vtx_exposition_sample(&page, &gauge, NULL, -INFINITY);
  is(&page,
     "a_gauge -1\n"
     "a_gauge 2.5\n"
     "a_gauge 0.1\n"
     "a_gauge 1e-09\n"
     "a_gauge 9007199254740991\n"
     "a_gauge 18446744073709551616\n"
     "a_gauge +Inf\n"
     "a_gauge -Inf\n");
}

static void sample__no_number__left_out(void **state) {
  struct cb_buf page;

  (void)state;
  cb_buf_init(&page, MOST, NULL);
  vtx_exposition_sample(&page, &gauge, NULL, NAN);
  is(&page, "");
}

static void sample__page_is_full__marked(void **state) {
  struct cb_buf page;

  (void)state;
  cb_buf_init(&page, 10, NULL);
  vtx_exposition_sample(&page, &gauge, NULL, 1); /* ten bytes */
  assert_false(page.failed);
  vtx_exposition_sample(&page, &gauge, NULL, 1);
  assert_true(page.failed);
  assert_int_equal(page.len, 10);
  cb_buf_release(&page);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(family__types__help_and_type),
      cmocka_unit_test(single__family_with_its_sample),
      cmocka_unit_test(sample__labels__in_order),
      cmocka_unit_test(sample__label_with_specials__escaped),
      cmocka_unit_test(sample__values__as_go_reads_them),
      cmocka_unit_test(sample__no_number__left_out),
      cmocka_unit_test(sample__page_is_full__marked),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
