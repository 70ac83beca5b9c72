#include "service/vertex/sse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "tests/unit/cmocka_all.h"

/* What came out: "E:<data>;" for events, "R:<text>;" for raw text. */
struct seen {
  char text[4096];
  size_t size;
  int stop_after; /* events; 0: never */
};

static bool take(void *ctx, enum vtx_sse_kind kind, const char *data,
                 size_t size) {
  struct seen *seen = ctx;

  assert_true(seen->size + size + 4 < sizeof seen->text);
  seen->size += (size_t)sprintf(seen->text + seen->size, "%c:", "ELR"[kind]);
  memcpy(seen->text + seen->size, data, size);
  seen->size += size;
  seen->text[seen->size++] = ';';
  seen->text[seen->size] = '\0';
  return seen->stop_after == 0 || --seen->stop_after > 0;
}

/* Feeds text in pieces of step bytes, the first of them first bytes long. */
static enum vtx_sse_result run(const char *text, size_t max, size_t first,
                               size_t step, struct seen *seen) {
  struct vtx_sse sse;
  size_t size = strlen(text);
  size_t piece = first < size ? first : size;
  enum vtx_sse_result result;

  vtx_sse_init(&sse, max, NULL, take, seen);
  for (size_t at = 0; at < size;) {
    char *copy = malloc(piece + 1); /* so that ASan sees an overrun */

    assert_non_null(copy);
    memcpy(copy, text + at, piece);
    vtx_sse_feed(&sse, copy, piece);
    free(copy);
    at += piece;
    piece = step < size - at ? step : size - at;
  }
  result = vtx_sse_finish(&sse);
  assert_int_equal(vtx_sse_feed(&sse, "data: x\n\n", 0), result);
  vtx_sse_release(&sse);
  return result;
}

/* However text is cut, the same must come out. */
static void expect(const char *text, const char *wanted) {
  for (size_t step = 1; step <= strlen(text) + 1; step++) {
    for (size_t first = 1; first <= step; first++) {
      struct seen seen = {.size = 0};

      assert_int_equal(run(text, 1000, first, step, &seen), VTX_SSE_OK);
      assert_string_equal(seen.text, wanted);
    }
  }
}

static void feed__recorded_framing__events(void **state) {
  (void)state;
  expect("data: {\"a\":1}\r\n\r\ndata: {\"b\":2}\r\n\r\n",
         "E:{\"a\":1};E:{\"b\":2};");
}

static void feed__line_ends_mixed__events(void **state) {
  (void)state;
  expect("data: a\n\ndata: b\r\rdata: c\r\n\ndata: d\n\r\n",
         "E:a;E:b;E:c;E:d;");
  expect("data: a\n\r\ndata: b\r\n\r", "E:a;E:b;");
}

static void feed__cr_alone__ends_a_line(void **state) {
  (void)state;
  expect("data: a\rdata: b\r\rdata: c\r\r", "E:a\nb;E:c;");
  expect(":x\r\r\r\rdata: a\r\n\rdata: b\n\r\ndata: c\r", "E:a;E:b;L:c;");
  expect("data: a\r:\nid: 1\r\ndata: b\r\n\n\r\r\n", "E:a\nb;");
}

static void feed__several_data_lines__joined(void **state) {
  (void)state;
  expect("data: a\ndata:b\ndata\ndata:  c\n\n", "E:a\nb\n\n c;");
}

static void feed__comments_and_fields__ignored(void **state) {
  (void)state;
  expect(
      ": hi\n\nevent: x\nid: 1\nretry: 5\ndata: a\n:\ndatax: no\ndat: no\n"
      "\n:{\n",
      "E:a;");
}

static void feed__empty_data__no_event(void **state) {
  (void)state;
  expect("data:\n\ndata\n\n\n\ndata: a\n\n", "E:a;");
}

static void feed__no_blank_line_at_end__event_counts(void **state) {
  (void)state;
  expect("data: a\n\ndata: b\n", "E:a;L:b;");
  expect("data: a\n\ndata: b", "E:a;L:b;");
}

static void feed__byte_order_mark__ignored_at_start_only(void **state) {
  (void)state;
  expect(
      "\xef\xbb\xbf"
      "data: a\n\n\xef\xbb\xbf"
      "data: b\n\n",
      "E:a;");
  expect("\xef\xbb\xbf{\"error\":1}", "R:{\"error\":1};");
  expect(
      "\xef\xbb"
      "data: a\n\ndata: b\n\n",
      "E:b;");
}

static void feed__raw_error__handed_over_at_end(void **state) {
  (void)state;
  expect("data: a\r\n\r\n{\r\n  \"error\": {\n\n\r}\n}\n",
         "E:a;R:{\r\n  \"error\": {\n\n\r}\n}\n;");
  expect("[{\"error\":\n{}}]", "R:[{\"error\":\n{}}];");
  expect(": hi\n{}", "R:{};");
}

static void feed__brace_within_event__no_raw_text(void **state) {
  (void)state;
  expect("data: a\n{\n\ndata: b\n\n", "E:a;E:b;");
  expect(" {\n\ndata: b\n\n", "E:b;");
}

static void feed__utf8_and_nul__kept(void **state) {
  static const char text[] = "data: \0\xc3\xbc\n\n";
  struct seen seen = {.size = 0};
  struct vtx_sse sse;

  (void)state;
  expect("data: \xf0\x9f\x8c\x8d\n\n", "E:\xf0\x9f\x8c\x8d;");
  vtx_sse_init(&sse, 100, NULL, take, &seen);
  vtx_sse_feed(&sse, text, sizeof text - 1);
  assert_int_equal(seen.size, 6);
  assert_memory_equal(seen.text, "E:\0\xc3\xbc;", 6);
  vtx_sse_release(&sse);
}

static void feed__nothing__nothing(void **state) {
  struct seen seen = {.size = 0};

  (void)state;
  assert_int_equal(run("", 10, 1, 1, &seen), VTX_SSE_OK);
  assert_int_equal(seen.size, 0);
}

static enum vtx_sse_result limited(const char *text, size_t max) {
  enum vtx_sse_result result = VTX_SSE_OK;

  for (size_t step = 1; step <= strlen(text); step++) {
    struct seen seen = {.size = 0};
    enum vtx_sse_result now = run(text, max, step, step, &seen);

    if (step > 1) assert_int_equal(now, result);
    result = now;
  }
  return result;
}

static void feed__event_at_cap__taken_one_more_refused(void **state) {
  (void)state;
  assert_int_equal(limited("data: 12345678\n\n", 8), VTX_SSE_OK);
  assert_int_equal(limited("data: 123456789\n\n", 8), VTX_SSE_TOO_LARGE);
  assert_int_equal(limited("data: 1234567", 7), VTX_SSE_OK);
  assert_int_equal(limited("data: 12345678", 7), VTX_SSE_TOO_LARGE);
  assert_int_equal(limited("data: 123\ndata: 4567\n\n", 8), VTX_SSE_OK);
  assert_int_equal(limited("data: 123\ndata: 45678\n\n", 8), VTX_SSE_TOO_LARGE);
}

static void feed__raw_and_comment_at_cap__taken_one_more_refused(void **state) {
  (void)state;
  assert_int_equal(limited("{\"a\":\n1}", 8), VTX_SSE_OK);
  assert_int_equal(limited("{\"a\":\n12}", 8), VTX_SSE_TOO_LARGE);
  assert_int_equal(limited(":3456789abcdef\n\n", 8), VTX_SSE_OK);
  assert_int_equal(limited(":3456789abcdef0\n\n", 8), VTX_SSE_TOO_LARGE);
}

static bool ignore(void *ctx, enum vtx_sse_kind kind, const char *data,
                   size_t size) {
  (void)ctx;
  (void)kind;
  (void)data;
  (void)size;
  return true;
}

/* A line, the data of an event, a raw text. */
static void feed__budget_used_up__no_memory(void **state) {
  static const char *const texts[] = {"data: 1", "data: 1\n", "{\"a\""};

  (void)state;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct cb_budget none;
    struct vtx_sse sse;

    cb_budget_init(&none, 0);
    vtx_sse_init(&sse, 100, &none, ignore, NULL);
    assert_int_equal(vtx_sse_feed(&sse, texts[i], strlen(texts[i])),
                     VTX_SSE_NO_MEMORY);
    assert_int_equal(vtx_sse_finish(&sse), VTX_SSE_NO_MEMORY);
    vtx_sse_release(&sse);
  }
}

static void feed__many_events__cap_is_each_ones(void **state) {
  (void)state;
  assert_int_equal(limited("data: 12345678\n\ndata: 12345678\n\n", 8),
                   VTX_SSE_OK);
}

static void feed__handler_stops__nothing_more(void **state) {
  (void)state;
  for (size_t step = 1; step < 30; step++) {
    struct seen seen = {.stop_after = 1};

    assert_int_equal(run("data: a\n\ndata: b\n\n{}", 100, step, step, &seen),
                     VTX_SSE_STOPPED);
    assert_string_equal(seen.text, "E:a;");
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(feed__recorded_framing__events),
      cmocka_unit_test(feed__line_ends_mixed__events),
      cmocka_unit_test(feed__cr_alone__ends_a_line),
      cmocka_unit_test(feed__several_data_lines__joined),
      cmocka_unit_test(feed__comments_and_fields__ignored),
      cmocka_unit_test(feed__empty_data__no_event),
      cmocka_unit_test(feed__no_blank_line_at_end__event_counts),
      cmocka_unit_test(feed__byte_order_mark__ignored_at_start_only),
      cmocka_unit_test(feed__raw_error__handed_over_at_end),
      cmocka_unit_test(feed__brace_within_event__no_raw_text),
      cmocka_unit_test(feed__utf8_and_nul__kept),
      cmocka_unit_test(feed__nothing__nothing),
      cmocka_unit_test(feed__event_at_cap__taken_one_more_refused),
      cmocka_unit_test(feed__raw_and_comment_at_cap__taken_one_more_refused),
      cmocka_unit_test(feed__budget_used_up__no_memory),
      cmocka_unit_test(feed__many_events__cap_is_each_ones),
      cmocka_unit_test(feed__handler_stops__nothing_more),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
