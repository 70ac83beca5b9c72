#include "service/metrics_page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "service/counters.h"
#include "service/scheduler/report.h"
#include "service/vertex/endpoint.h"
#include "tests/unit/cmocka_all.h"

static const struct vtx_counters counters = {
    .server = {.calls_live = 1,
               .calls_total = 2,
               .connections = 3,
               .connections_total = 4},
    .service = {.flows = 5,
                .jobs = 6,
                .jobs_total = 7,
                .retries = 8,
                .requeues = 9,
                .failovers = 10,
                .retries_denied = 11,
                .retries_left = 12},
    .engine = {.transfers = 13,
               .transfers_total = 14,
               .bytes_sent = 15,
               .bytes_received = 16},
    .arenas = 17,
    .budget_used = 18,
    .budget_limit = 19,
    .descriptors = 20,
    .resident = 21,
};

static const struct vtx_target_report targets[] = {
    {.target = "us/publishers/google/models/m",
     .in_flight = 1,
     .counts = {.started = 100,
                .served = 90,
                .throttled = 4,
                .overloaded = 3,
                .unreached = 2,
                .silent = 1,
                .failovers = {[0] = 7, [6] = 8}},
     .breaker = VTX_BREAKER_OPEN,
     .opened = 5,
     .rate = 2.5,
     .limit = 17},
    {.target = "a\"b\\c\nd", .rate = INFINITY, .limit = 1000},
};

/* The bytes of a file of tests/unit/data, with a NUL behind them. */
static char *read_data(const char *name) {
  char path[512];
  FILE *file;
  char *text = test_calloc(1, 16384);

  snprintf(path, sizeof path, VTX_TEST_DATA "/%s", name);
  file = fopen(path, "re");
  assert_non_null(file);
  assert_true(fread(text, 1, 16383, file) > 0);
  fclose(file);
  return text;
}

/* Takes the samples of targets out of a page. */
static void drop_targets(char *page) {
  char *out = page;

  while (*page) {
    size_t size = strcspn(page, "\n") + 1;

    if (strncmp(page, "vertexd_target_", 15) != 0) {
      memmove(out, page, size);
      out += size;
    }
    page += size;
  }
  *out = '\0';
}

static void page__targets__as_in_the_file(void **state) {
  const struct vtx_metrics_figures figures = {.version = "1.2.3",
                                              .counters = &counters,
                                              .targets = targets,
                                              .target_count = 2,
                                              .left_out = 3};
  char *expected = read_data("metrics_page.txt");
  struct cb_buf page;

  (void)state;
  cb_buf_init(&page, VTX_METRICS_PAGE_MAX, NULL);
  vtx_metrics_page(&figures, &page);
  assert_string_equal(page.data, expected);
  cb_buf_release(&page);
  test_free(expected);
}

static void page__no_targets__their_families_without_samples(void **state) {
  const struct vtx_metrics_figures figures = {
      .version = "1.2.3", .counters = &counters, .left_out = 3};
  char *expected = read_data("metrics_page.txt");
  struct cb_buf page;

  (void)state;
  drop_targets(expected);
  cb_buf_init(&page, VTX_METRICS_PAGE_MAX, NULL);
  vtx_metrics_page(&figures, &page);
  assert_string_equal(page.data, expected);
  cb_buf_release(&page);
  test_free(expected);
}

static void page__system_says_nothing__left_out(void **state) {
  const struct vtx_counters none = {.descriptors = -1, .resident = -1};
  const struct vtx_metrics_figures figures = {.version = "1.2.3",
                                              .counters = &none};
  struct cb_buf page;

  (void)state;
  cb_buf_init(&page, VTX_METRICS_PAGE_MAX, NULL);
  vtx_metrics_page(&figures, &page);
  assert_null(strstr(page.data, "process_"));
  assert_non_null(strstr(page.data, "vertexd_calls_total 0\n"));
  cb_buf_release(&page);
}

static void page__as_large_as_can_be__fits(void **state) {
  struct vtx_target_report many[VTX_REPORT_MOST];
  struct vtx_metrics_figures figures = {.version = "1.2.3",
                                        .counters = &counters,
                                        .targets = many,
                                        .target_count = VTX_REPORT_MOST};
  char name[VTX_TARGET_ROOM];
  struct cb_buf page;

  (void)state;
  memset(name, '"', sizeof name); /* no name has one: it would take two */
  name[sizeof name - 1] = '\0';
  for (size_t i = 0; i < VTX_REPORT_MOST; i++) {
    memset(&many[i].counts, 0xff, sizeof many[i].counts);
    many[i].target = name;
    many[i].in_flight = SIZE_MAX;
    many[i].breaker = VTX_BREAKER_CLOSED;
    many[i].opened = UINT64_MAX;
    many[i].rate = 1.0 / 3e9;
    many[i].limit = SIZE_MAX;
  }
  cb_buf_init(&page, VTX_METRICS_PAGE_MAX, NULL);
  vtx_metrics_page(&figures, &page);
  assert_false(page.failed);
  cb_buf_release(&page);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(page__targets__as_in_the_file),
      cmocka_unit_test(page__no_targets__their_families_without_samples),
      cmocka_unit_test(page__system_says_nothing__left_out),
      cmocka_unit_test(page__as_large_as_can_be__fits),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
