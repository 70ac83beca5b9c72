#include "client/vertexctl/pack.h"

#include <string.h>

#include "google/protobuf/struct.crpc.h"
#include "tests/unit/cmocka_all.h"
#include "vertexd/v1/vertexd.crpc.h"

#define MAX_BYTES 4096

/* Packs text as that type; NULL if it went well, else what is wrong. */
static const char *pack(struct cb_buf *buf,
                        const ProtobufCMessageDescriptor *type,
                        const char *text, struct ctl_problem *problem) {
  bool is_null;
  json_object *json =
      ctl_parse(text, strlen(text), CTL_MAX_DEPTH, &is_null, problem);
  bool good = (json || is_null) && ctl_pack(buf, type, json, problem);

  json_object_put(json);
  return good ? NULL : problem->text;
}

static vertexd_GenerateRequest *request_of(const char *text) {
  struct ctl_problem problem;
  vertexd_GenerateRequest *request;
  struct cb_buf buf;

  cb_buf_init(&buf, MAX_BYTES, NULL);
  assert_null(pack(&buf, &vertexd_GenerateRequest_descriptor, text, &problem));
  request =
      vertexd__v1__generate_request__unpack(NULL, buf.len, (uint8_t *)buf.data);
  assert_non_null(request);
  cb_buf_release(&buf);
  return request;
}

static google_protobuf_Value *value_of(const char *text) {
  struct ctl_problem problem;
  google_protobuf_Value *value;
  struct cb_buf buf;

  cb_buf_init(&buf, MAX_BYTES, NULL);
  assert_null(pack(&buf, &google_protobuf_Value_descriptor, text, &problem));
  value = google__protobuf__value__unpack(NULL, buf.len, (uint8_t *)buf.data);
  assert_non_null(value);
  cb_buf_release(&buf);
  return value;
}

static void expect_wrong(const char *text, const char *expected) {
  struct ctl_problem problem;
  struct cb_buf buf;
  const char *wrong;

  cb_buf_init(&buf, MAX_BYTES, NULL);
  wrong = pack(&buf, &vertexd_GenerateRequest_descriptor, text, &problem);
  assert_non_null(wrong);
  if (!strstr(wrong, expected)) fail_msg("%s: %s", text, wrong);
  cb_buf_release(&buf);
}

static void pack__settings__in_their_fields(void **state) {
  vertexd_GenerateRequest *request = request_of(
      "{\"model\":\"m\",\"prompt\":\"p\\u00e9\",\"returnJson\":true,"
      "\"generation_config\":{\"temperature\":0.5,\"maxOutputTokens\":77,"
      "\"stop_sequences\":[\"a\",\"b\"],\"seed\":-3},\"labels\":{\"k\":\"v\"},"
      "\"system_instruction\":{\"parts\":[{\"text\":\"brief\"}]},"
      "\"count_tokens\":null}");

  (void)state;
  assert_string_equal(request->model, "m");
  assert_string_equal(request->prompt, "p\xC3\xA9");
  assert_true(request->return_json);
  assert_true(request->generation_config->temperature == 0.5f);
  assert_int_equal(request->generation_config->max_output_tokens, 77);
  assert_int_equal(request->generation_config->seed, -3);
  assert_int_equal(request->generation_config->n_stop_sequences, 2);
  assert_string_equal(request->generation_config->stop_sequences[1], "b");
  assert_int_equal(request->n_labels, 1);
  assert_string_equal(request->labels[0]->value, "v");
  assert_string_equal(request->system_instruction->parts[0]->text, "brief");
  assert_int_not_equal(request->_count_tokens_case,
                       vertexd_GenerateRequest_HAS_COUNT_TOKENS);
  vertexd__v1__generate_request__free_unpacked(request, NULL);
}

static void pack__enums_bytes_and_structs__as_protobuf_json(void **state) {
  vertexd_GenerateRequest *request = request_of(
      "{\"safety_settings\":[{\"category\":\"HARM_CATEGORY_HARASSMENT\","
      "\"threshold\":3}],\"contents\":[{\"role\":\"user\",\"parts\":["
      "{\"inline_data\":{\"mime_type\":\"a/b\",\"data\":\"aGk=\"}}]}],"
      "\"extra_body\":{\"x\":[1,{\"y\":null}]}}");

  (void)state;
  assert_int_equal(request->safety_settings[0]->threshold, 3);
  assert_true(request->safety_settings[0]->category > 0);
  assert_int_equal(request->contents[0]->parts[0]->inline_data->data.len, 2);
  assert_memory_equal(request->contents[0]->parts[0]->inline_data->data.data,
                      "hi", 2);
  assert_string_equal(request->extra_body->fields[0]->key, "x");
  assert_int_equal(request->extra_body->fields[0]->value->list_value->n_values,
                   2);
  vertexd__v1__generate_request__free_unpacked(request, NULL);
}

static void pack__values__of_each_kind(void **state) {
  static const struct {
    const char *text;
    int kind;
  } cases[] = {
      {"null", google_protobuf_Value_KIND_NULL_VALUE},
      {"1.5", google_protobuf_Value_KIND_NUMBER_VALUE},
      {"7", google_protobuf_Value_KIND_NUMBER_VALUE},
      {"\"x\"", google_protobuf_Value_KIND_STRING_VALUE},
      {"false", google_protobuf_Value_KIND_BOOL_VALUE},
      {"{}", google_protobuf_Value_KIND_STRUCT_VALUE},
      {"[]", google_protobuf_Value_KIND_LIST_VALUE},
  };

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    google_protobuf_Value *value = value_of(cases[i].text);

    assert_int_equal((int)value->kind_case, cases[i].kind);
    google__protobuf__value__free_unpacked(value, NULL);
  }
}

static void pack__wrong_member__named(void **state) {
  (void)state;
  expect_wrong("{\"promt\":\"x\"}", "promt: there is no such field");
  expect_wrong("{\"prompt\":1}", "prompt: must be a string");
  expect_wrong("{\"prompt\":\"a\\u0000b\"}", "prompt: must be without U+0000");
  expect_wrong("{\"generation_config\":{\"temprature\":1}}",
               "generation_config.temprature: there is no such field");
  expect_wrong("{\"generation_config\":{\"temperature\":\"1\"}}",
               "must be a number");
  expect_wrong("{\"generation_config\":{\"temperature\":1e39}}",
               "must be a number in range");
  expect_wrong("{\"generation_config\":{\"max_output_tokens\":1.5}}",
               "must be a whole number");
  expect_wrong("{\"generation_config\":[]}", "must be an object");
  expect_wrong("{\"contents\":{}}", "contents: must be an array");
  expect_wrong("{\"contents\":[{\"parts\":[{\"text\":\"a\"},{\"txt\":\"\"}]}]}",
               "contents[0].parts[1].txt");
  expect_wrong("{\"labels\":{\"a\":1}}", "labels.a: must be a string");
  expect_wrong("{\"safety_settings\":[{\"category\":\"X\"}]}",
               "there is no such name");
  expect_wrong("{\"include_raw\":1}", "must be true or false");
}

static void pack__number_at_limit_and_past__refused(void **state) {
  vertexd_GenerateRequest *request =
      request_of("{\"generation_config\":{\"seed\":2147483647}}");

  (void)state;
  assert_int_equal(request->generation_config->seed, INT32_MAX);
  vertexd__v1__generate_request__free_unpacked(request, NULL);
  expect_wrong("{\"generation_config\":{\"seed\":2147483648}}", "in range");
  expect_wrong("{\"generation_config\":{\"seed\":-2147483649}}", "in range");
}

static void parse__what_json_is_not__refused(void **state) {
  static const char *const texts[] = {
      "",
      "{",
      "{} x",
      "{\"a\":1,}",
      "nan",
      "{\"a\":NaN}",
      "'a'",
      "{\"prompt\":\"\xFF\"}",
      "{\"a\":18446744073709551616}",
  };

  (void)state;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    expect_wrong(texts[i], "not JSON that can be taken");
}

static void parse__depth_at_limit_and_past__refused(void **state) {
  char text[2 * CTL_MAX_DEPTH + 3] = {0};
  struct ctl_problem problem;
  bool is_null;
  json_object *json;

  (void)state;
  memset(text, '[', CTL_MAX_DEPTH);
  memset(text + CTL_MAX_DEPTH, ']', CTL_MAX_DEPTH);
  json = ctl_parse(text, 2 * CTL_MAX_DEPTH, CTL_MAX_DEPTH, &is_null, &problem);
  assert_null(json_object_array_get_idx(json, 1));
  assert_non_null(json);
  json_object_put(json);
  memset(text, '[', CTL_MAX_DEPTH + 1);
  memset(text + CTL_MAX_DEPTH + 1, ']', CTL_MAX_DEPTH + 1);
  assert_null(ctl_parse(text, 2 * CTL_MAX_DEPTH + 2, CTL_MAX_DEPTH, &is_null,
                        &problem));
  assert_false(is_null);
}

static void pack__message_past_the_buffer__refused(void **state) {
  struct ctl_problem problem;
  struct cb_buf buf;

  (void)state;
  cb_buf_init(&buf, 7, NULL); /* two bytes of tag and one of length */
  assert_null(pack(&buf, &vertexd_GenerateRequest_descriptor,
                   "{\"prompt\":\"1234\"}", &problem));
  cb_buf_clear(&buf);
  assert_non_null(pack(&buf, &vertexd_GenerateRequest_descriptor,
                       "{\"prompt\":\"12345\"}", &problem));
  assert_string_equal(problem.text, "too large");
  cb_buf_release(&buf);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pack__settings__in_their_fields),
      cmocka_unit_test(pack__enums_bytes_and_structs__as_protobuf_json),
      cmocka_unit_test(pack__values__of_each_kind),
      cmocka_unit_test(pack__wrong_member__named),
      cmocka_unit_test(pack__number_at_limit_and_past__refused),
      cmocka_unit_test(parse__what_json_is_not__refused),
      cmocka_unit_test(parse__depth_at_limit_and_past__refused),
      cmocka_unit_test(pack__message_past_the_buffer__refused),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
