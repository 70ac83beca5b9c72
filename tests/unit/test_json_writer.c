#include "base/json_writer.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/buf.h"
#include "tests/unit/cmocka_all.h"

static void write_all(struct cb_json *json) {
  cb_json_begin_object(json);
  cb_json_key(json, "a");
  cb_json_begin_array(json);
  cb_json_int(json, INT64_MIN);
  cb_json_uint(json, UINT64_MAX);
  cb_json_begin_object(json);
  cb_json_end_object(json);
  cb_json_begin_array(json);
  cb_json_end_array(json);
  cb_json_null(json);
  cb_json_bool(json, true);
  cb_json_end_array(json);
  cb_json_key_n(json, "bc", 1);
  cb_json_bool(json, false);
  cb_json_key(json, "q\"");
  cb_json_base64(json, (const uint8_t *)"fo", 2);
  cb_json_key(json, "r");
  cb_json_raw(json, "{\"x\":1}", 7);
  cb_json_end_object(json);
}

static const char all_text[] =
    "{\"a\":[-9223372036854775808,18446744073709551615,{},[],null,true],"
    "\"b\":false,\"q\\\"\":\"Zm8=\",\"r\":{\"x\":1}}";

static void any__nested__commas_are_right(void **state) {
  struct cb_buf buf;
  struct cb_json json;

  (void)state;
  cb_buf_init(&buf, 1000, NULL);
  cb_json_init(&json, &buf);
  write_all(&json);
  assert_string_equal(buf.data, all_text);
  assert_int_equal(json.depth, 0);
  cb_buf_release(&buf);
}

static void any__every_maximum__fails_or_is_whole(void **state) {
  (void)state;
  for (size_t max = 0; max <= strlen(all_text); max++) {
    struct cb_buf buf;
    struct cb_json json;

    cb_buf_init(&buf, max, NULL);
    cb_json_init(&json, &buf);
    write_all(&json);
    assert_int_equal(buf.failed, max < strlen(all_text));
    cb_buf_release(&buf);
  }
}

static void string__special_characters__escaped(void **state) {
  static const char in[] =
      "\"\\/\b\f\n\r\t\x01\x1f\x7f é\xE2\x80\xA8 \xF0\x9F\x98\x80";
  static const char out[] =
      "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f é\xE2\x80\xA8 "
      "\xF0\x9F\x98\x80\"";
  struct cb_buf buf;
  struct cb_json json;

  (void)state;
  cb_buf_init(&buf, 1000, NULL);
  cb_json_init(&json, &buf);
  cb_json_string(&json, in);
  assert_string_equal(buf.data, out);
  cb_buf_clear(&buf);
  cb_json_init(&json, &buf);
  cb_json_string_n(&json, "a\0b", 3);
  assert_string_equal(buf.data, "\"a\\u0000b\"");
  cb_buf_release(&buf);
}

static void expect_double(double value, const char *text) {
  char out[CB_DOUBLE_ROOM];
  size_t len = cb_double_text(value, out);

  assert_string_equal(out, text);
  assert_int_equal(len, strlen(text));
}

static void expect_float(float value, const char *text) {
  char out[CB_DOUBLE_ROOM];
  size_t len = cb_float_text(value, out);

  assert_string_equal(out, text);
  assert_int_equal(len, strlen(text));
}

static void double_text__known_values__shortest(void **state) {
  (void)state;
  expect_double(0, "0");
  expect_double(-0.0, "-0");
  expect_double(3.0, "3");
  expect_double(-17, "-17");
  expect_double(0.1, "0.1");
  expect_double(0.1 + 0.2, "0.30000000000000004");
  expect_double(1.0 / 3, "0.3333333333333333");
  expect_double(1e15, "1000000000000000");
  expect_double(9007199254740991.0, "9007199254740991");
  expect_double(9007199254740992.0, "9007199254740992");
  expect_double(1e20, "1e+20");
  expect_double(1.5e-7, "1.5e-07");
  expect_double(DBL_MAX, "1.7976931348623157e+308");
  expect_double(-DBL_MAX, "-1.7976931348623157e+308");
  expect_double(5e-324, "4.94065645841247e-324");
  expect_double((double)NAN, "NaN");
  expect_double((double)INFINITY, "Infinity");
  expect_double(-(double)INFINITY, "-Infinity");
}

static void float_text__known_values__shortest(void **state) {
  (void)state;
  expect_float(0.1f, "0.1");
  expect_float(0.7f, "0.7");
  expect_float(1.0f / 3, "0.33333334");
  expect_float(16777216.0f, "16777216");
  expect_float(40.0f, "40");
  expect_float(FLT_MAX, "3.4028235e+38");
  expect_float((float)INFINITY, "Infinity");
}

static void double_text__many_values__read_back_equal(void **state) {
  uint64_t bits = 88172645463325252u;

  (void)state;
  for (int i = 0; i < 20000; i++) {
    char out[CB_DOUBLE_ROOM];
    double value;
    float small;

    bits ^= bits << 13; /* xorshift: the same values in each run */
    bits ^= bits >> 7;
    bits ^= bits << 17;
    memcpy(&value, &bits, sizeof value);
    memcpy(&small, &bits, sizeof small);
    if (isfinite(value)) {
      assert_true(cb_double_text(value, out) < CB_DOUBLE_ROOM);
      assert_true(strtod(out, NULL) == value);
    }
    if (isfinite(small)) {
      assert_true(cb_float_text(small, out) < CB_DOUBLE_ROOM);
      assert_true(strtof(out, NULL) == small);
    }
  }
}

static void expect_point(const char *printed, const char *text) {
  char out[32];

  memcpy(out, printed, strlen(printed) + 1);
  assert_int_equal(cb_number_fix_point(out), strlen(text));
  assert_string_equal(out, text);
}

static void fix_point__points_of_locales__become_dots(void **state) {
  (void)state;
  expect_point("0,5", "0.5");
  expect_point("-1,25e+300", "-1.25e+300");
  expect_point(
      "1\xD9\xAB"
      "5",
      "1.5"); /* U+066B, two bytes */
  expect_point("0.5", "0.5");
  expect_point("1e-07", "1e-07");
  expect_point("15", "15");
}

static void double__not_finite__a_string(void **state) {
  struct cb_buf buf;
  struct cb_json json;

  (void)state;
  cb_buf_init(&buf, 100, NULL);
  cb_json_init(&json, &buf);
  cb_json_begin_array(&json);
  cb_json_double(&json, (double)NAN);
  cb_json_float(&json, -(float)INFINITY);
  cb_json_double(&json, 2.5);
  cb_json_end_array(&json);
  assert_string_equal(buf.data, "[\"NaN\",\"-Infinity\",2.5]");
  cb_buf_release(&buf);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(any__nested__commas_are_right),
      cmocka_unit_test(any__every_maximum__fails_or_is_whole),
      cmocka_unit_test(string__special_characters__escaped),
      cmocka_unit_test(double_text__known_values__shortest),
      cmocka_unit_test(float_text__known_values__shortest),
      cmocka_unit_test(double_text__many_values__read_back_equal),
      cmocka_unit_test(fix_point__points_of_locales__become_dots),
      cmocka_unit_test(double__not_finite__a_string),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
