#include <string.h>

#include "base/json_scan.h"
#include "tests/unit/cmocka_all.h"

static bool scan(const char *text, int max_depth) {
  struct cb_json_scan report;

  return cb_json_scan(text, strlen(text), max_depth, NULL, &report);
}

static void scan__one_value__taken(void **state) {
  static const char *const good[] = {
      "{}",   " [1, -2.5e+10, \"\\u00e9\", true, false, null] ",
      "0",    "\"\xc3\xa9 \xe2\x82\xac\"",
      "-0.5", "{\"a\":{\"b\":[[]]}}"};

  (void)state;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    assert_true(scan(good[i], 10));
}

static void scan__not_json__refused(void **state) {
  static const char *const bad[] = {
      "",        "{",        "[1,]",      "{\"a\":1,}", "{a:1}", "'a'",
      "NaN",     "01",       "+1",        ".5",         "1.",    "1e",
      "\"\\x\"", "\"a\nb\"", "[1] [2]",   "/**/ 1",     "tru",   "\"\\u12\"",
      "[1 2]",   "]",        "{\"a\" 1}", "True",       "-",     "\""};

  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    if (scan(bad[i], 10)) fail_msg("taken: %s", bad[i]);
  }
}

static void scan__at_depth__taken_one_more_refused(void **state) {
  (void)state;
  assert_true(scan("[[[]]]", 3));
  assert_false(scan("[[[[]]]]", 3));
  assert_false(scan("[[{\"a\":[]}]]", 3));
}

static void scan__wrong__says_where(void **state) {
  struct cb_json_scan report;

  (void)state;
  assert_false(cb_json_scan("[1,x]", 5, 3, NULL, &report));
  assert_int_equal(report.offset, 3);
  assert_non_null(report.error);
}

struct heard {
  size_t count;
  enum cb_json_oddity last;
  size_t offset;
};

static void hear(void *ctx, enum cb_json_oddity oddity, size_t offset,
                 size_t size) {
  struct heard *heard = ctx;

  assert_true(size > 0);
  heard->count++;
  heard->last = oddity;
  heard->offset = offset;
}

static void scan__what_json_c_would_change__told(void **state) {
  static const char text[] =
      "{\"a\":18446744073709551615,\"b\":18446744073709551616}";
  static const char key[] = "{\"a\\u0000\":\"\\u0000\"}";
  struct heard heard = {0};
  const struct cb_json_watch watch = {hear, &heard};
  struct cb_json_scan report;

  (void)state;
  assert_true(cb_json_scan(text, strlen(text), 3, &watch, &report));
  assert_true(heard.count > 0);
  assert_int_equal(heard.last, CB_JSON_LOST_INTEGER);
  heard = (struct heard){0};
  assert_true(cb_json_scan(key, strlen(key), 3, &watch, &report));
  assert_int_equal(heard.count, 1);
  assert_int_equal(heard.last, CB_JSON_NUL_IN_KEY);
}

static void scan_prefix__text_behind_the_value__its_end(void **state) {
  static const struct {
    const char *text;
    size_t end; /* 0: no value */
    bool cut;
  } cases[] = {
      {"{\"a\":1} and so on", 7, false},
      {" [1]\n\n", 4, false},
      {"true story", 4, false},
      {"12", 2, false},
      {"\"a\" b", 3, false},
      {"{x}", 0, false},
      {"[1,", 0, true},
      {"{\"a\":\"b", 0, true},
      {"[\"\\u12", 0, true},
      {"[tru", 0, true},
      {"[trx", 0, false},
      {"[1.", 0, true},
      {"[1. ", 0, false},
      {"", 0, true},
      {"[\"\\", 0, true},
      {"[1}", 0, false},
  };

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct cb_json_scan report;
    bool found =
        cb_json_scan_prefix(cases[i].text, strlen(cases[i].text), 10, &report);

    assert_int_equal(found, cases[i].end > 0);
    if (found) assert_int_equal(report.offset, cases[i].end);
    if (report.cut != cases[i].cut) fail_msg("%s", cases[i].text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(scan__one_value__taken),
      cmocka_unit_test(scan__not_json__refused),
      cmocka_unit_test(scan__at_depth__taken_one_more_refused),
      cmocka_unit_test(scan__wrong__says_where),
      cmocka_unit_test(scan__what_json_c_would_change__told),
      cmocka_unit_test(scan_prefix__text_behind_the_value__its_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
