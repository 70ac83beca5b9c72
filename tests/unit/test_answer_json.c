/* From a request's JSON settings to the judgement of an answer: which schema is
 * in force, what is said of an answer that does not fit, and the second call.
 */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "service/vertex/answer.h"
#include "service/vertex/body.h"
#include "service/vertex/repair.h"
#include "support/vertex_help.h"
#include "tests/unit/cmocka_all.h"

typedef Vertexd__V1__GenerateRequest request_t;
typedef Vertexd__V1__GenerateResponse response_t;

#define INTEGER "{\"type\":\"integer\"}"

static request_t *request_of(struct cb_arena *arena, const char *json) {
  return vertex_decode(arena, &vertexd__v1__generate_request__descriptor, json,
                       NULL);
}

/* A request with a generation_config in JSON. */
static request_t *config_of(struct cb_arena *arena, const char *config) {
  return request_of(
      arena, cb_arena_printf(arena, "{\"generationConfig\":%s}", config));
}

static request_t *text_schema(struct cb_arena *arena, const char *schema) {
  request_t *request = request_of(arena, "{}");

  request->json_schema_text = (char *)(uintptr_t)schema;
  return request;
}

static void set_return(request_t *request, bool value) {
  request->_return_json_case =
      VERTEXD__V1__GENERATE_REQUEST___RETURN_JSON_RETURN_JSON;
  request->return_json = value;
}

static void set_check(request_t *request, bool value) {
  request->_check_json_case =
      VERTEXD__V1__GENERATE_REQUEST___CHECK_JSON_CHECK_JSON;
  request->check_json = value;
}

static void set_repair(request_t *request, bool value) {
  request->_repair_json_case =
      VERTEXD__V1__GENERATE_REQUEST___REPAIR_JSON_REPAIR_JSON;
  request->repair_json = value;
}

static struct vtx_prompt prompt_of(const request_t *request,
                                   const request_t *defaults) {
  return (struct vtx_prompt){.request = request,
                             .defaults = defaults,
                             .prompt = "p",
                             .default_model = "m"};
}

static struct vtx_wants wants_of(struct cb_arena *arena,
                                 const struct vtx_prompt *prompt) {
  struct vtx_wants wants;
  struct cb_status status = vtx_prompt_check(prompt, "r", arena, &wants);

  assert_string_equal(status.message, "");
  return wants;
}

static const char *metadata(const struct cb_status *status, const char *key) {
  for (size_t i = 0; i < status->metadata_count; i++) {
    if (strcmp(status->metadata[i].key, key) == 0)
      return status->metadata[i].value;
  }
  return "";
}

static struct cb_status finish(struct cb_arena *arena,
                               const struct vtx_wants *wants, const char *text,
                               const char *reason, response_t **ret_response) {
  struct vtx_codec_notes notes = {0};
  response_t *response = vertex_decode(
      arena, &vertexd__v1__generate_response__descriptor,
      cb_arena_printf(
          arena,
          "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"%s\"}]},"
          "\"finishReason\":\"%s\"}],\"usageMetadata\":{\"promptTokenCount\":"
          "5,\"candidatesTokenCount\":2,\"totalTokenCount\":7}}",
          text, reason),
      &notes);

  if (ret_response) *ret_response = response;
  return vtx_answer_finish(response, wants, &notes, arena);
}

/* What becomes of an answer to request over defaults: a reason, "" if OK. */
static const char *judged(struct cb_arena *arena, const request_t *request,
                          const request_t *defaults, const char *text) {
  struct vtx_prompt prompt = prompt_of(request, defaults);
  struct vtx_wants wants = wants_of(arena, &prompt);

  return finish(arena, &wants, text, "STOP", NULL).reason;
}

#define EXPECT(request, defaults, text, reason) \
  assert_string_equal(judged(*state, request, defaults, text), reason)

/* --- which schema, and whether ------------------------------------------- */

static void check__own_schema__unless_switched_off(void **state) {
  request_t *request = text_schema(*state, INTEGER);
  request_t *other = request_of(*state, "{}");

  EXPECT(request, NULL, "7", "");
  EXPECT(request, NULL, "7.5", "JSON_SCHEMA_MISMATCH");
  EXPECT(request, NULL, "seven", "JSON_INVALID");
  EXPECT(NULL, request, "7.5", "JSON_SCHEMA_MISMATCH");
  EXPECT(other, request, "7.5", "JSON_SCHEMA_MISMATCH");
  EXPECT(text_schema(*state, "{\"type\":\"number\"}"), request, "7.5", "");
  set_check(other, false);
  EXPECT(other, request, "7.5", "");
  EXPECT(other, request, "seven", "JSON_INVALID");
  set_check(other, true);
  EXPECT(other, request, "7.5", "JSON_SCHEMA_MISMATCH");
  set_return(other, false);
  EXPECT(other, request, "seven", "");
  set_check(request, false);
  EXPECT(request, NULL, "7.5", "");
  other = request_of(*state, "{}");
  other->json_schema = vertex_decode(
      *state, &google__protobuf__struct__descriptor,
      "{\"type\":\"OBJECT\",\"properties\":{\"a\":{\"type\":\"STRING\","
      "\"nullable\":true}}}",
      NULL);
  EXPECT(other, NULL, "{\\\"a\\\":null}", "");
  EXPECT(other, NULL, "{\\\"a\\\":1}", "JSON_SCHEMA_MISMATCH");
}

static void check__schema_of_generation_config__only_where_asked(void **state) {
  static const char *const configs[] = {
      "{\"responseSchema\":{\"type\":\"INTEGER\"}}",
      "{\"responseJsonSchema\":" INTEGER "}",
      "{\"responseFormat\":[{\"image\":{}},{\"text\":{\"schema\":" INTEGER
      ",\"mimeType\":\"APPLICATION_JSON\"}}]}",
      "{\"responseFormat\":[{\"text\":{\"schema\":" INTEGER "}}]}",
  };

  for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
    request_t *config = config_of(*state, configs[i]);
    request_t *request = request_of(*state, "{}");

    EXPECT(config, NULL, "x", "");
    set_return(config, true);
    EXPECT(config, NULL, "x", "JSON_INVALID");
    EXPECT(config, NULL, "7.5", "");
    set_check(config, true);
    EXPECT(config, NULL, "7.5", "JSON_SCHEMA_MISMATCH");
    EXPECT(config, NULL, "7", "");
    config->_return_json_case = 0;
    EXPECT(config, NULL, "7.5", "JSON_SCHEMA_MISMATCH");
    EXPECT(config, NULL, "x", "JSON_INVALID");
    EXPECT(request, config, "7.5", "JSON_SCHEMA_MISMATCH");
    set_check(request, false);
    EXPECT(request, config, "x", "");
  }
}

static void check__schemas_of_both_configs__merged_as_sent(void **state) {
  request_t *request = config_of(
      *state, "{\"responseSchema\":{\"nullable\":true,\"minItems\":\"2\"}}");
  request_t *defaults = config_of(*state,
                                  "{\"responseSchema\":{\"type\":\"ARRAY\","
                                  "\"items\":{\"type\":\"STRING\"}}}");

  set_check(request, true);
  EXPECT(request, defaults, "null", "");
  EXPECT(request, defaults, "[\\\"a\\\"]", "JSON_SCHEMA_MISMATCH");
  EXPECT(request, defaults, "[\\\"a\\\",1]", "JSON_SCHEMA_MISMATCH");
  EXPECT(request, defaults, "[\\\"a\\\",\\\"b\\\"]", "");
}

static void check__no_schema__nothing_to_check(void **state) {
  request_t *request = request_of(*state, "{}");

  set_check(request, true);
  EXPECT(request, NULL, "x", "");
  set_return(request, true);
  EXPECT(request, NULL, "[1]", "");
  EXPECT(request, NULL, "x", "JSON_INVALID");
}

/* --- response_format ----------------------------------------------------- */

static void expect_conflict(struct cb_arena *arena, const request_t *request,
                            const request_t *defaults, const char *field) {
  struct vtx_prompt prompt = prompt_of(request, defaults);
  struct vtx_wants wants;
  struct cb_status status = vtx_prompt_check(&prompt, "r", arena, &wants);

  assert_int_equal(status.code, CB_INVALID_ARGUMENT);
  assert_string_equal(status.field, field);
}

static void format__against_json__field_named(void **state) {
  request_t *request = config_of(
      *state,
      "{\"responseFormat\":[{\"text\":{\"mimeType\":\"TEXT_PLAIN\"}}]}");
  request_t *other = text_schema(*state, INTEGER);

  set_return(request, true);
  expect_conflict(*state, request, NULL,
                  "r.generation_config.response_format[0].text.mime_type");
  expect_conflict(*state, NULL, request,
                  "defaults.generation_config.response_format[0].text."
                  "mime_type");
  request = config_of(*state, "{\"responseFormat\":[{\"text\":{}}]}");
  set_return(request, true);
  expect_conflict(*state, request, NULL,
                  "r.generation_config.response_format[0].text.mime_type");
  request = config_of(*state, "{\"responseFormat\":[{\"image\":{}}]}");
  set_return(request, true);
  expect_conflict(*state, request, NULL, "r.generation_config.response_format");
  request = config_of(*state,
                      "{\"responseFormat\":[{\"image\":{}},{\"text\":"
                      "{\"mimeType\":\"APPLICATION_JSON\",\"schema\":{}}}]}");
  expect_conflict(*state, other, request,
                  "defaults.generation_config.response_format[1].text.schema");
  request->json_schema_text = other->json_schema_text;
  expect_conflict(*state, request, NULL,
                  "r.generation_config.response_format[1].text.schema");
}

static const char *body_of(struct cb_arena *arena,
                           const struct vtx_prompt *prompt) {
  struct cb_buf out;
  const char *text;

  cb_buf_init(&out, 1 << 20, NULL);
  assert_int_equal(vtx_body_generate(prompt, "r", arena, &out).code, CB_OK);
  text = cb_arena_memdup(arena, out.data, out.len);
  cb_buf_release(&out);
  return text;
}

static void format__with_return_json__sent_alone(void **state) {
  request_t *request = config_of(
      *state,
      "{\"responseFormat\":[{\"text\":{\"mimeType\":\"APPLICATION_JSON\"}}]}");
  struct vtx_prompt prompt = prompt_of(request, NULL);

  set_return(request, true);
  assert_string_equal(
      body_of(*state, &prompt),
      "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"p\"}]}],"
      "\"generationConfig\":{\"responseFormat\":[{\"text\":{\"mimeType\":"
      "\"APPLICATION_JSON\"}}]}}");
  request->json_schema_text = (char *)(uintptr_t)INTEGER;
  assert_non_null(strstr(body_of(*state, &prompt),
                         "\"responseMimeType\":\"application/json\","
                         "\"responseJsonSchema\":" INTEGER));
}

/* --- what is said -------------------------------------------------------- */

static void mismatch__told__path_expectation_and_text(void **state) {
  request_t *request = text_schema(
      *state,
      "{\"properties\":{\"items\":{\"items\":{\"properties\":{\"name\":"
      "{\"type\":\"string\"}}}}}}");
  struct vtx_prompt prompt = prompt_of(request, NULL);
  struct vtx_wants wants = wants_of(*state, &prompt);
  response_t *response;
  struct cb_status status =
      finish(*state, &wants, "Here: {\\\"items\\\":[{},{\\\"name\\\":7}]}",
             "MAX_TOKENS", &response);

  assert_int_equal(status.code, CB_INTERNAL);
  assert_string_equal(status.reason, "JSON_SCHEMA_MISMATCH");
  assert_false(status.retryable);
  assert_string_equal(status.finish_reason, "MAX_TOKENS");
  assert_string_equal(metadata(&status, "finish_reason"), "MAX_TOKENS");
  assert_string_equal(metadata(&status, "json_path"), "$.items[1].name");
  assert_string_equal(metadata(&status, "expected"), "string");
  assert_string_equal(metadata(&status, "found"), "integer");
  assert_string_equal(metadata(&status, "text"),
                      "Here: {\"items\":[{},{\"name\":7}]}");
  assert_string_equal(metadata(&status, "total_tokens"), "7");
  assert_string_equal(metadata(&status, "repaired"), "");
  assert_non_null(
      strstr(status.message, "$.items[1].name: expected string, got integer"));
  assert_string_equal(response->json, "");
}

static void schema_past_the_limits__too_costly(void **state) {
  request_t *request = text_schema(*state, "{\"anyOf\":[{\"$ref\":\"#\"}]}");
  struct vtx_prompt prompt = prompt_of(request, NULL);
  struct vtx_wants wants = wants_of(*state, &prompt);
  struct cb_status status = finish(*state, &wants, "[1]", "STOP", NULL);

  assert_int_equal(status.code, CB_RESOURCE_EXHAUSTED);
  assert_string_equal(status.reason, "JSON_SCHEMA_TOO_COSTLY");
  assert_non_null(strstr(status.message, "check_json"));
  assert_string_equal(metadata(&status, "text"), "[1]");
}

static void stream__mismatch__error_at_its_end(void **state) {
  request_t *request = text_schema(*state, INTEGER);
  struct vtx_prompt prompt = prompt_of(request, NULL);
  struct vtx_wants wants = wants_of(*state, &prompt);
  struct vtx_stream_answer answer;
  struct vtx_codec_notes notes = {0};
  response_t *last;

  vtx_stream_answer_init(&answer, &wants, 1000, NULL);
  assert_int_equal(
      vtx_stream_answer_chunk(
          &answer,
          vertex_decode(*state, &vertexd__v1__generate_response__descriptor,
                        "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":"
                        "\"7.5\"}]},\"finishReason\":\"STOP\"}]}",
                        NULL),
          &notes, *state)
          .code,
      CB_OK);
  assert_string_equal(vtx_stream_answer_finish(&answer, *state, &last).reason,
                      "JSON_SCHEMA_MISMATCH");
  vtx_stream_answer_release(&answer);
}

/* --- the second call ----------------------------------------------------- */

static void repair__applies__to_what_can_be_mended(void **state) {
  request_t *request = text_schema(*state, INTEGER);
  request_t *defaults = request_of(*state, "{}");
  struct vtx_prompt prompt = prompt_of(request, defaults);
  struct vtx_wants wants = wants_of(*state, &prompt);
  struct cb_status bad = finish(*state, &wants, "x", "STOP", NULL);
  struct cb_status cut = finish(*state, &wants, "{", "MAX_TOKENS", NULL);
  struct cb_status misfit = finish(*state, &wants, "7.5", "STOP", NULL);
  struct cb_status empty = finish(*state, &wants, "", "SAFETY", NULL);

  assert_false(vtx_repair_applies(&wants, &bad));
  set_repair(defaults, true);
  wants = wants_of(*state, &prompt);
  assert_true(vtx_repair_applies(&wants, &bad));
  assert_true(vtx_repair_applies(&wants, &misfit));
  assert_false(vtx_repair_applies(&wants, &cut));
  assert_false(vtx_repair_applies(&wants, &empty));
  prompt.repair = &(struct vtx_repair){"", "", VERTEXD__V1__TOKEN_COUNT__INIT};
  wants = wants_of(*state, &prompt);
  assert_true(wants.repaired);
  assert_false(vtx_repair_applies(&wants, &bad));
  set_repair(request, false);
  prompt.repair = NULL;
  wants = wants_of(*state, &prompt);
  assert_false(vtx_repair_applies(&wants, &bad));
}

#define TURNS                                                               \
  "{\"role\":\"model\",\"parts\":[{\"text\":\"7.5\"}]},{\"role\":\"user\"," \
  "\"parts\":[{\"text\":\"The JSON of your last answer does not fit the "   \
  "schema that was asked for: at $ expected integer, but got number. "      \
  "Reply with the corrected JSON only: no explanation, no code fence.\"}]}]"

static void repair__counts_at_the_ends__stay_there(void **state) {
  struct vtx_repair repair = {"", "", VERTEXD__V1__TOKEN_COUNT__INIT};
  Vertexd__V1__TokenCount count = VERTEXD__V1__TOKEN_COUNT__INIT;
  const struct vtx_wants wants = {.spent = &repair.spent};

  (void)state;
  repair.spent.prompt_tokens = 2;
  repair.spent.completion_tokens = INT32_MAX;
  repair.spent.total_tokens = -1; /* an upstream may say anything */
  count.prompt_tokens = 3;
  count.completion_tokens = 1;
  count.total_tokens = INT32_MIN;
  vtx_repair_count(&wants, &count);
  assert_int_equal(count.prompt_tokens, 5);
  assert_int_equal(count.completion_tokens, INT32_MAX);
  assert_int_equal(count.total_tokens, INT32_MIN);
  vtx_repair_count(&wants, NULL);
}

static void repair__any_source_of_the_prompt__two_turns_behind(void **state) {
  request_t *schema = text_schema(*state, INTEGER);
  request_t *request = request_of(*state, "{}");
  struct vtx_prompt prompt = prompt_of(request, schema);
  struct vtx_wants wants = wants_of(*state, &prompt);
  response_t *response;
  struct cb_status status = finish(*state, &wants, "7.5", "STOP", &response);
  const char *text;

  prompt.repair = vtx_repair_make(response, &status, *state);
  text = body_of(*state, &prompt);
  assert_non_null(strstr(text,
                         "{\"contents\":[{\"role\":\"user\",\"parts\":"
                         "[{\"text\":\"p\"}]}," TURNS));
  prompt.prompt = NULL;
  request->prompt = (char *)(uintptr_t) "q";
  assert_non_null(
      strstr(body_of(*state, &prompt),
             "[{\"role\":\"user\",\"parts\":[{\"text\":\"q\"}]}," TURNS));
  request = request_of(
      *state,
      "{\"contents\":[{\"parts\":[{\"text\":\"a\"},{\"text\":\"b\"}]}]}");
  prompt.request = request;
  text = body_of(*state, &prompt);
  assert_non_null(strstr(text,
                         "{\"contents\":[{\"parts\":[{\"text\":\"a\"},"
                         "{\"text\":\"b\"}]}," TURNS));
  assert_null(strstr(strstr(text, "contents") + 1, "contents"));
  prompt.contents = request->contents;
  prompt.content_count = 1;
  prompt.request = NULL;
  assert_non_null(strstr(body_of(*state, &prompt),
                         "{\"contents\":[{\"parts\":[{\"text\":\"a\"},"
                         "{\"text\":\"b\"}]}," TURNS));
}

static void repair__second_answer__usage_of_both(void **state) {
  request_t *request = text_schema(*state, INTEGER);
  struct vtx_prompt prompt = prompt_of(request, NULL);
  struct vtx_wants wants;
  response_t *response;
  struct cb_status status;

  set_repair(request, true);
  wants = wants_of(*state, &prompt);
  status = finish(*state, &wants, "x", "STOP", &response);
  prompt.repair = vtx_repair_make(response, &status, *state);
  assert_non_null(strstr(prompt.repair->words, "not valid JSON"));
  wants = wants_of(*state, &prompt);
  assert_int_equal(finish(*state, &wants, "7", "STOP", &response).code, CB_OK);
  assert_int_equal(response->token_count->prompt_tokens, 10);
  assert_int_equal(response->token_count->completion_tokens, 4);
  assert_int_equal(response->token_count->total_tokens, 14);
  status = finish(*state, &wants, "y", "STOP", NULL);
  assert_string_equal(status.reason, "JSON_INVALID");
  assert_string_equal(metadata(&status, "repaired"), "true");
  assert_string_equal(metadata(&status, "total_tokens"), "14");
}

#define CASE(name) \
  cmocka_unit_test_setup_teardown(name, vertex_set_up_bounded, vertex_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(check__own_schema__unless_switched_off),
      CASE(check__schema_of_generation_config__only_where_asked),
      CASE(check__schemas_of_both_configs__merged_as_sent),
      CASE(check__no_schema__nothing_to_check),
      CASE(format__against_json__field_named),
      CASE(format__with_return_json__sent_alone),
      CASE(mismatch__told__path_expectation_and_text),
      CASE(schema_past_the_limits__too_costly),
      CASE(stream__mismatch__error_at_its_end),
      CASE(repair__applies__to_what_can_be_mended),
      CASE(repair__counts_at_the_ends__stay_there),
      CASE(repair__any_source_of_the_prompt__two_turns_behind),
      CASE(repair__second_answer__usage_of_both),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
