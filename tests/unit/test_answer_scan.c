#include <string.h>

#include "base/arena.h"
#include "service/vertex/answer.h"
#include "support/vertex_help.h"
#include "tests/unit/cmocka_all.h"

struct json_case {
  const char *text;
  const char *json; /* NULL: none */
};

static void expect_json(const struct json_case *cases, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const char *json;
    size_t size;
    bool found =
        vtx_answer_json(cases[i].text, strlen(cases[i].text), &json, &size);

    if (found != (cases[i].json != NULL))
      fail_msg("%s: found %d", cases[i].text, found);
    if (!found) continue;
    if (size != strlen(cases[i].json) || memcmp(json, cases[i].json, size) != 0)
      fail_msg("%s: %.*s", cases[i].text, (int)size, json);
  }
}

static void json__whole_texts_and_fences__exact_value(void **state) {
  static const struct json_case cases[] = {
      {"{\"a\": 1.50}", "{\"a\": 1.50}"},
      {" \n[1]\t\n", "[1]"},
      {"\xef\xbb\xbf{}", "{}"},
      {"```json\n{\"a\":1}\n```", "{\"a\":1}"},
      {"```\n{\"a\":1}\n```\n", "{\"a\":1}"},
      {"  ```JSON \r\n [1] \r\n``` ", "[1]"},
      {"```json\n{\"a\":\"```\"}\n```", "{\"a\":\"```\"}"},
      {"```json\n{\"a\":1}", "{\"a\":1}"},
      {"```json {\"a\":1}```", "{\"a\":1}"},
      {"````json5 title=\"x\"\n[\"```\"]\n````", "[\"```\"]"},
      {"````\n[1]\n", "[1]"},
      {"```c++\n7\n```", "7"},
      {"\"text\"", "\"text\""},
      {"7", "7"},
      {"null", "null"},
      {"", NULL},
      {"{\"a\":", NULL},
      {"```", NULL},
      {"```json", NULL},
      {"```json\n```", NULL},
      {"```json\n{\"a\":1", NULL},
      {"{'a':1}", NULL},
      {"true story", NULL},
      {"7 of 9", NULL},
      {"```\ntrue story\n```", NULL},
  };

  (void)state;
  expect_json(cases, sizeof cases / sizeof *cases);
}

static void json__prose_around__outermost_value(void **state) {
  static const struct json_case cases[] = {
      {"Sure: {}", "{}"},
      {"{} {}", "{}"},
      {"Here it is:\n\n{\"a\":{\"b\":[1]}}\n\nAnything else?",
       "{\"a\":{\"b\":[1]}}"},
      {"use {x} like this: {\"a\":1}", "{\"a\":1}"},
      {"use {x like this: {\"a\":1}", "{\"a\":1}"},
      {"[see below] {\"a\":\"}\"} :-}", "{\"a\":\"}\"}"},
      {"} ] {\"a\":\"\\\"}{\"}", "{\"a\":\"\\\"}{\"}"},
      {"Text.\n```json\n{\"a\":1}\n```\nMore {\"b\":2}.", "{\"a\":1}"},
      {"First {\"b\":2}, better:\n  ```\n[3]\n  ```", "[3]"},
      {"```python\nx = {}\n```\n```json\n{\"a\":1}\n```", "{\"a\":1}"},
      {"```python\nx = {1: 2}\n```\nso: [7]", "[7]"},
      {"The answer is true.", NULL},
      {"\"quoted\" and {\"a\":1}", "{\"a\":1}"},
      {"It's \"open {\"a\":1}", "{\"a\":1}"},
  };

  (void)state;
  expect_json(cases, sizeof cases / sizeof *cases);
}

static void json__broken_or_cut__no_inner_part(void **state) {
  static const struct json_case cases[] = {
      {"{\"items\":[{\"a\":1},{\"a\":2},{\"a\"", NULL},
      {"Here: {\"items\":[{\"a\":1},", NULL},
      {"{\"items\":[{\"a\":1},]}", NULL},
      {"{'a': [1,2]}", NULL},
      {"{a: {\"b\":1}}", NULL},
      {"He said \"{\" and then [1,2]", NULL}, /* a name that is cut */
      {"{ // note\n \"a\": [1] }", NULL},
      {"like {\"x\":1}:\n```json\n{\"a\": [1,\n", NULL},
      {"{\"a\": \"}\", b: [1]} and then {\"c\":1}", "{\"c\":1}"},
  };

  (void)state;
  expect_json(cases, sizeof cases / sizeof *cases);
}

static void json__stray_brackets__at_the_limit_and_one_more(void **state) {
  static const char fifteen[] = "{x {x {x {x {x {x {x {x {x {x {x {x {x {x {x ";
  const struct json_case cases[] = {
      {cb_arena_printf(*state, "%s {\"a\":1}", fifteen), "{\"a\":1}"},
      {cb_arena_printf(*state, "%s {x {\"a\":1}", fifteen), NULL},
  };

  expect_json(cases, 2);
}

static void json__behind_a_stray_bracket__16_mib_gone_through(void **state) {
  size_t most = (size_t)16 << 20;
  char *text = cb_arena_alloc(*state, most + 1);
  const char *json;
  size_t size;

  memset(text, ' ', most + 1);
  memcpy(text + 1, "{x", 2);
  memcpy(text + most - 1, "[]", 2);
  assert_true(vtx_answer_json(text + 1, most, &json, &size));
  assert_int_equal(size, 2);
  *text = '{';
  text[1] = 'x';
  assert_false(vtx_answer_json(text, most + 1, &json, &size));
}

/* Each would take hours if what was looked at were looked at again. */
static void json__hostile_megabyte__soon_refused(void **state) {
  static const char *const pieces[] = {
      "{",       "[",         "{\"a\":",   "[[],",   "[\"a\",",      "\"",
      "[\"",     "\\\"",      "{\"\\\"",   "```\n[", "```\n[\"\n",   "```[",
      "\n```\n", "[1] x {\n", "{x} [\"\n", "[{]",    "\n\"\\\"\\\"", "`"};
  size_t size = 1 << 20;
  char *text = cb_arena_alloc(*state, size + 64);

  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
    size_t piece = strlen(pieces[i]);
    const char *json = text;
    size_t found = 0;

    for (size_t at = 0; at < size; at += piece)
      memcpy(text + at, pieces[i], piece);
    if (vtx_answer_json(text, size, &json, &found))
      assert_true(json >= text && json + found <= text + size);
  }
}

static void json__1024_deep__taken_1025_refused(void **state) {
  char *text = vertex_nested(*state, "[", "", "]", 1025);
  const char *json;
  size_t size;

  assert_true(vtx_answer_json(text + 1, 2048, &json, &size));
  assert_int_equal(size, 2048);
  assert_false(vtx_answer_json(text, 2050, &json, &size));
}

#define CASE(name) \
  cmocka_unit_test_setup_teardown(name, vertex_set_up_bounded, vertex_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(json__whole_texts_and_fences__exact_value),
      CASE(json__prose_around__outermost_value),
      CASE(json__broken_or_cut__no_inner_part),
      CASE(json__stray_brackets__at_the_limit_and_one_more),
      CASE(json__behind_a_stray_bracket__16_mib_gone_through),
      CASE(json__hostile_megabyte__soon_refused),
      CASE(json__1024_deep__taken_1025_refused),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
