#include <json-c/json.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_writer.h"
#include "service/emulator/fit.h"
#include "tests/unit/cmocka_all.h"

/* The value made for the schema, parsed; the caller puts it. */
static struct json_object *fit(const char *schema_text) {
  struct json_object *schema = json_tokener_parse(schema_text);
  struct json_tokener *tokener = json_tokener_new_ex(200);
  struct json_object *value;
  struct cb_json json;
  struct cb_buf buf;

  assert_non_null(schema);
  cb_buf_init(&buf, 64 << 20, NULL);
  cb_json_init(&json, &buf);
  vtx_emu_fit(schema, "What is a bat?", &json);
  assert_false(buf.failed);
  /* With its NUL, so that a bare number has an end. */
  value = json_tokener_parse_ex(tokener, buf.data, (int)buf.len + 1);
  assert_int_equal(json_tokener_get_error(tokener), json_tokener_success);
  json_tokener_free(tokener);
  cb_buf_release(&buf);
  json_object_put(schema);
  return value;
}

static void assert_fits(const char *schema, const char *expected) {
  struct json_object *value = fit(schema);

  assert_string_equal(
      json_object_to_json_string_ext(
          value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
      expected);
  json_object_put(value);
}

static void fit__scalars_of_both_dialects__have_their_type(void **state) {
  (void)state;
  assert_fits("{\"type\":\"STRING\"}", "\"value for What is a bat?\"");
  assert_fits("{\"type\":\"integer\"}", "42");
  assert_fits("{\"type\":\"NUMBER\"}", "42");
  assert_fits("{\"type\":\"boolean\"}", "true");
  assert_fits("{\"type\":\"NULL\"}", "null");
  assert_fits("{\"type\":[\"null\",\"integer\"]}", "42");
}

static void fit__fixed_values__are_taken(void **state) {
  (void)state;
  assert_fits("{\"type\":\"STRING\",\"enum\":[\"red\",\"green\"]}", "\"red\"");
  assert_fits("{\"const\":{\"a\":1}}", "{\"a\":1}");
  assert_fits("{\"enum\":[7]}", "7");
}

static void fit__bounds__are_kept(void **state) {
  (void)state;
  assert_fits("{\"type\":\"INTEGER\",\"minimum\":50}", "50");
  assert_fits("{\"type\":\"INTEGER\",\"maximum\":3}", "3");
  assert_fits("{\"type\":\"integer\",\"exclusiveMaximum\":10}", "9");
  assert_fits("{\"type\":\"integer\",\"exclusiveMinimum\":42}", "43");
  assert_fits("{\"type\":\"integer\",\"multipleOf\":5}", "45");
  assert_fits("{\"type\":\"integer\",\"multipleOf\":5,\"maximum\":44}", "40");
  assert_fits(
      "{\"type\":\"number\",\"exclusiveMinimum\":0,"
      "\"exclusiveMaximum\":1}",
      "0.5");
}

static void fit__text_lengths__are_kept(void **state) {
  (void)state;
  assert_fits("{\"type\":\"STRING\",\"maxLength\":\"5\"}", "\"value\"");
  assert_fits("{\"type\":\"STRING\",\"minLength\":\"28\"}",
              "\"value for What is a bat?....\"");
  assert_fits("{\"type\":\"string\",\"format\":\"date\"}", "\"2026-01-02\"");
}

static void fit__lists__have_the_right_length(void **state) {
  (void)state;
  assert_fits(
      "{\"type\":\"ARRAY\",\"minItems\":\"3\",\"items\":"
      "{\"type\":\"INTEGER\"}}",
      "[42,43,44]");
  assert_fits(
      "{\"type\":\"array\",\"maxItems\":1,\"items\":"
      "{\"type\":\"string\"}}",
      "[\"value for What is a bat?\"]");
  assert_fits("{\"type\":\"array\",\"maxItems\":0}", "[]");
  assert_fits(
      "{\"type\":\"array\",\"prefixItems\":[{\"type\":\"integer\"},"
      "{\"type\":\"boolean\"}],\"items\":false}",
      "[42,true]");
}

static void fit__properties__come_in_their_order(void **state) {
  (void)state;
  assert_fits(
      "{\"type\":\"OBJECT\",\"properties\":{\"a\":{\"type\":"
      "\"INTEGER\"},\"b\":{\"type\":\"BOOLEAN\"}}}",
      "{\"a\":42,\"b\":true}");
  assert_fits(
      "{\"type\":\"OBJECT\",\"propertyOrdering\":[\"b\",\"a\"],"
      "\"properties\":{\"a\":{\"type\":\"INTEGER\"},\"b\":{\"type\":"
      "\"BOOLEAN\"}}}",
      "{\"b\":true,\"a\":42}");
  assert_fits("{\"properties\":{\"title\":{\"type\":\"string\"}}}",
              "{\"title\":\"title for What is a bat?\"}");
  assert_fits(
      "{\"type\":\"object\",\"additionalProperties\":"
      "{\"type\":\"integer\"}}",
      "{\"key\":42}");
}

static void fit__choices_and_references__are_followed(void **state) {
  (void)state;
  assert_fits("{\"anyOf\":[{\"type\":\"NULL\"},{\"type\":\"INTEGER\"}]}", "42");
  assert_fits(
      "{\"$ref\":\"#/$defs/N\",\"$defs\":{\"N\":{\"type\":"
      "\"integer\"}}}",
      "42");
  assert_fits(
      "{\"ref\":\"#/defs/N\",\"defs\":{\"N\":{\"type\":"
      "\"INTEGER\"}}}",
      "42");
  assert_fits(
      "{\"allOf\":[{\"properties\":{\"a\":{\"type\":\"integer\"}}},"
      "{\"properties\":{\"b\":{\"type\":\"boolean\"}}}]}",
      "{\"a\":42,\"b\":true}");
}

static int depth_of(struct json_object *value) {
  struct json_object *child = NULL;
  int depth = 0;

  while (json_object_object_get_ex(value, "child", &child) && child) {
    value = child;
    depth++;
  }
  return depth;
}

static void fit__schema_of_itself__comes_to_an_end(void **state) {
  struct json_object *value =
      fit("{\"type\":\"object\",\"properties\":{\"child\":{\"$ref\":\"#\"}}}");

  (void)state;
  assert_true(depth_of(value) > 0 && depth_of(value) < 20);
  json_object_put(value);
  value =
      fit("{\"type\":\"object\",\"required\":[\"child\"],\"properties\":"
          "{\"child\":{\"$ref\":\"#\"}}}");
  assert_true(depth_of(value) < 64);
  json_object_put(value);
  assert_fits("{\"$ref\":\"#\"}", "null");
}

static void fit__lists_of_lists__stay_within_a_most(void **state) {
  struct json_object *value =
      fit("{\"type\":\"array\",\"minItems\":1000,\"items\":{\"$ref\":\"#\"}}");

  (void)state;
  assert_int_equal(json_object_array_length(value), 1000);
  json_object_put(value);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fit__scalars_of_both_dialects__have_their_type),
      cmocka_unit_test(fit__fixed_values__are_taken),
      cmocka_unit_test(fit__bounds__are_kept),
      cmocka_unit_test(fit__text_lengths__are_kept),
      cmocka_unit_test(fit__lists__have_the_right_length),
      cmocka_unit_test(fit__properties__come_in_their_order),
      cmocka_unit_test(fit__choices_and_references__are_followed),
      cmocka_unit_test(fit__schema_of_itself__comes_to_an_end),
      cmocka_unit_test(fit__lists_of_lists__stay_within_a_most),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
