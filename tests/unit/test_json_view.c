#include "base/json_view.h"

#include <string.h>

#include "tests/unit/cmocka_all.h"

static struct cb_json_view view(const char *json) {
  return cb_json_view(json, strlen(json));
}

static void kind__each_value__told(void **state) {
  (void)state;
  assert_int_equal(cb_json_kind(view(" {}")), CB_JSON_OBJECT);
  assert_int_equal(cb_json_kind(view("\n[]")), CB_JSON_ARRAY);
  assert_int_equal(cb_json_kind(view("\"\"")), CB_JSON_STRING);
  assert_int_equal(cb_json_kind(view("-1")), CB_JSON_NUMBER);
  assert_int_equal(cb_json_kind(view("true")), CB_JSON_BOOL);
  assert_int_equal(cb_json_kind(view("false")), CB_JSON_BOOL);
  assert_int_equal(cb_json_kind(view("null")), CB_JSON_NULL);
}

static void end__values_before_other_text__behind_the_value(void **state) {
  static const struct {
    const char *json;
    size_t size;
  } cases[] = {{"{\"a\":[1,{}],\"b\":\"}\\\"\"} ", 22},
               {"[[],[[]]]]", 9},
               {"\"a\\\\\" \"", 5},
               {"-1.5e+3,", 7},
               {"7", 1},
               {"null}", 4}};

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_int_equal(cb_json_end(view(cases[i].json)) - cases[i].json,
                     cases[i].size);
}

static void walk__members_and_elements__in_order(void **state) {
  const char *json = " { \"a\" : [ 1 , \"x\" ] , \"b\":2 } ";
  struct cb_json_walk walk = cb_json_walk(view(json));
  struct cb_json_walk inner;
  struct cb_json_view key;
  struct cb_json_view value;

  (void)state;
  assert_true(cb_json_walk_next(&walk, &key, &value));
  assert_true(cb_json_string_is(key, "a"));
  inner = cb_json_walk(value);
  assert_true(cb_json_walk_next(&inner, &key, &value));
  assert_null(key.at);
  assert_int_equal(*value.at, '1');
  inner.at = cb_json_end(value);
  assert_true(cb_json_walk_next(&inner, &key, &value));
  assert_true(cb_json_string_is(value, "x"));
  inner.at = cb_json_end(value);
  assert_false(cb_json_walk_next(&inner, &key, &value));
  walk.at = inner.at;
  assert_true(cb_json_walk_next(&walk, &key, &value));
  assert_true(cb_json_string_is(key, "b"));
  walk.at = cb_json_end(value);
  assert_false(cb_json_walk_next(&walk, &key, &value));
  assert_string_equal(walk.at, " ");
}

static void next_char__escapes__undone(void **state) {
  static const uint32_t wanted[] = {'"',  '\\',   '/',  '\b',   '\f',    '\n',
                                    '\r', '\t',   0xe9, 0x20ac, 0x1f600, 0xe9,
                                    0,    0xd83d, 'x',  0xde00, 0x1f600};
  const char *json =
      "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\\u00E9"
      "\\u0000\\ud83dx\\ude00\\uD83D\\ude00\"";
  const char *at = json + 1;
  uint32_t c;

  (void)state;
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    assert_true(cb_json_next_char(&at, &c));
    assert_int_equal(c, wanted[i]);
  }
  assert_false(cb_json_next_char(&at, &c));
}

static void strings__same_meaning__equal(void **state) {
  (void)state;
  assert_true(cb_json_same_string(view("\"a\\u0062\""), view("\"ab\"")));
  assert_false(cb_json_same_string(view("\"a\""), view("\"ab\"")));
  assert_false(cb_json_same_string(view("\"ab\""), view("\"a\"")));
  assert_true(cb_json_string_is(view("\"t\\u0079pe\""), "type"));
  assert_false(cb_json_string_is(view("\"type\\u0000\""), "type"));
  assert_false(cb_json_string_is(view("\"typ\""), "type"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(kind__each_value__told),
      cmocka_unit_test(end__values_before_other_text__behind_the_value),
      cmocka_unit_test(walk__members_and_elements__in_order),
      cmocka_unit_test(next_char__escapes__undone),
      cmocka_unit_test(strings__same_meaning__equal),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
