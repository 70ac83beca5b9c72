#include "service/vertex/schema_pattern.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "support/vertex_help.h"
#include "tests/unit/cmocka_all.h"

static struct cb_json_view view(const char *json) {
  return cb_json_view(json, strlen(json));
}

static const struct vtx_pattern *compile(struct cb_arena *arena,
                                         const char *json) {
  size_t steps = 100000;

  return vtx_pattern_compile(view(json), arena, &steps);
}

static void match__patterns__as_ecma_has_them(void **state) {
  static const struct {
    const char *pattern;
    const char *text;
    bool fits;
  } cases[] = {
      {"\"\"", "\"\"", true},
      {"\"^$\"", "\"\"", true},
      {"\"^$\"", "\"a\"", false},
      {"\"a|b\"", "\"xbx\"", true},
      {"\"^(a|b)$\"", "\"xb\"", false},
      {"\"^a|b$\"", "\"xb\"", true},
      {"\"^(ab|cd|)+$\"", "\"abcdab\"", true},
      {"\"^a?b*c+$\"", "\"bbc\"", true},
      {"\"^a?b*c+$\"", "\"bb\"", false},
      {"\"^a{3}$\"", "\"aaa\"", true},
      {"\"^a{3}$\"", "\"aaaa\"", false},
      {"\"^a{2,}$\"", "\"aaaa\"", true},
      {"\"^a{2,}$\"", "\"a\"", false},
      {"\"^a{2,3}?$\"", "\"aaaa\"", false},
      {"\"^a{0}$\"", "\"\"", true},
      {"\"^a{,3}$\"", "\"a{,3}\"", true},
      {"\"^x{y}$\"", "\"x{y}\"", true},
      {"\"^(a*)*$\"", "\"aaab\"", false},
      {"\"^(?:ab){2}$\"", "\"abab\"", true},
      {"\"^(?<year>\\\\d{4})$\"", "\"2026\"", true},
      {"\"^[^\\\\d-]$\"", "\"-\"", false},
      {"\"^[^\\\\d-]$\"", "\"x\"", true},
      {"\"^[\\\\w.+-]+@[\\\\w-]+\\\\.[a-z]{2,}$\"", "\"a.b+c@x-y.org\"", true},
      {"\"^[\\\\w.+-]+@[\\\\w-]+\\\\.[a-z]{2,}$\"", "\"a.b@x-y.o\"", false},
      {"\"^[\\\\D]$\"", "\"5\"", false},
      {"\"^[]$\"", "\"a\"", false},
      {"\"^[^]$\"", "\"\\n\"", true},
      {"\"^.$\"", "\"\\n\"", false},
      {"\"^.$\"", "\"\xf0\x9f\x98\x80\"", true},
      {"\"^[\xc3\xa0-\xc3\xbf]+$\"", "\"\\u00e9\xc3\xa8\"", true},
      {"\"^\\\\u00e9\\\\x41\\\\t$\"",
       "\"\xc3\xa9"
       "A\\t\"",
       true},
      {"\"\\\\bcat\\\\b\"", "\"a cat!\"", true},
      {"\"\\\\bcat\\\\b\"", "\"concat\"", false},
      {"\"\\\\Bcat\"", "\"concat\"", true},
      {"\"^\\\\s\\\\S$\"", "\"\\u00a0x\"", true},
      {"\"^\\\\$\\\\(\\\\/\\\\]$\"", "\"$(/]\"", true},
      {"\"^[a-f\\\\]\\\\\\\\]+$\"", "\"a]\\\\f\"", true},
      {"\"(^|,)b(,|$)\"", "\"a,b\"", true},
  };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const struct vtx_pattern *pattern = compile(*state, cases[i].pattern);
    size_t steps = 10000;

    if (!pattern) fail_msg("not compiled: %s", cases[i].pattern);
    if ((vtx_pattern_match(pattern, view(cases[i].text), &steps) ==
         VTX_PATTERN_FITS) != cases[i].fits)
      fail_msg("%s with %s", cases[i].pattern, cases[i].text);
  }
}

static void compile__what_it_cannot_do__null(void **state) {
  static const char *const patterns[] = {
      "\"(\"",         "\")\"",      "\"[a\"",          "\"*\"",
      "\"a**\"",       "\"a{3,2}\"", "\"(?=a)\"",       "\"(?!a)\"",
      "\"(?<=a)\"",    "\"(?<!a)\"", "\"(a)\\\\1\"",    "\"\\\\p{L}\"",
      "\"(?i)a\"",     "\"[b-a]\"",  "\"[a-\\\\d]\"",   "\"\\\\\"",
      "\"\\\\ud83d\"", "\"\\\\x4\"", "\"\\\\A\"",       "\"(?P<a>b)\"",
      "\"^*\"",        "\"(?<a\"",   "\"[\\\\ud800]\"", "\"\\\\u{41}\"",
  };

  for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
    if (compile(*state, patterns[i])) fail_msg("compiled: %s", patterns[i]);
  }
}

static void compile__size__at_the_limit_and_one_more(void **state) {
  char text[64];

  snprintf(text, sizeof text, "\"a{%d}\"", VTX_PATTERN_MAX - 1);
  assert_non_null(compile(*state, text));
  snprintf(text, sizeof text, "\"a{%d}\"", VTX_PATTERN_MAX);
  assert_null(compile(*state, text));
  assert_null(compile(*state, "\"((a{1,1000}){1,1000}){1,1000}\""));
  assert_null(compile(*state, "\"(((){99999}){99999}){99999}\""));
  assert_null(compile(*state, "\"(((a{0}){99999}){99999}){99999}\""));
  assert_null(compile(*state, "\"(((a{0,0}){3000}){3000}){3000}\""));
}

static char *repeated(struct cb_arena *arena, const char *piece, int count,
                      const char *tail) {
  char *text = cb_arena_alloc(arena, strlen(piece) * (size_t)count + 1024);
  char *at = text;

  *at++ = '"';
  for (int i = 0; i < count; i++)
    at += sprintf(at, "%s", piece);
  sprintf(at, "%s\"", tail);
  return text;
}

static void compile__groups_and_length__at_the_limit_and_one_more(
    void **state) {
  char *open = repeated(*state, "(", 100, "");
  char *both = cb_arena_printf(*state, "%.*s%s", (int)strlen(open) - 1, open,
                               repeated(*state, ")", 100, "") + 1);

  assert_non_null(compile(*state, both));
  both = cb_arena_printf(*state, "\"(%.*s)\"", (int)strlen(both) - 2, both + 1);
  assert_null(compile(*state, both));
  assert_null(compile(*state, repeated(*state, "a", 4096, "b")));
}

static void match__hostile__linear_in_the_text(void **state) {
  static const char *const patterns[] = {"\"^(a+)+$\"", "\"(a|a)*b\"",
                                         "\"(.*)*x\"", "\"a{500}b\""};
  char *text = repeated(*state, "a", 2000, "c");

  for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
    size_t steps = 3000000;
    const struct vtx_pattern *pattern = compile(*state, patterns[i]);

    assert_int_equal(vtx_pattern_match(pattern, view(text), &steps),
                     VTX_PATTERN_DIFFERS);
  }
}

static void match__steps__at_the_limit_and_one_less(void **state) {
  const struct vtx_pattern *pattern = compile(*state, "\"^a*b\"");
  size_t enough = 0;
  size_t steps;

  do {
    steps = ++enough;
  } while (vtx_pattern_match(pattern, view("\"aaaaaab\""), &steps) ==
           VTX_PATTERN_COSTLY);
  assert_int_equal(steps, 0);
  assert_true(enough > 10);
  steps = enough - 1;
  assert_int_equal(vtx_pattern_match(pattern, view("\"aaaaaab\""), &steps),
                   VTX_PATTERN_COSTLY);
}

#define CASE(name) \
  cmocka_unit_test_setup_teardown(name, vertex_set_up_bounded, vertex_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(match__patterns__as_ecma_has_them),
      CASE(compile__what_it_cannot_do__null),
      CASE(compile__size__at_the_limit_and_one_more),
      CASE(compile__groups_and_length__at_the_limit_and_one_more),
      CASE(match__hostile__linear_in_the_text),
      CASE(match__steps__at_the_limit_and_one_less),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
