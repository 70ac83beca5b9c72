#include <json-c/json.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "service/emulator/google_error.h"
#include "service/emulator/rest_schema.h"
#include "service/emulator/validate.h"
#include "tests/unit/cmocka_all.h"

struct fixture {
  struct vtx_emu_schema *schema;
  struct cb_arena *arena;
  struct vtx_emu_error error;
};

static int setup(void **state) {
  struct cb_arena *arena = cb_arena_new(NULL, 64 << 20, 0);
  struct fixture *fixture = cb_arena_zalloc(arena, 1, sizeof *fixture);

  fixture->arena = arena;
  fixture->schema = vtx_emu_schema_new();
  *state = fixture;
  return fixture->schema ? 0 : -1;
}

static int teardown(void **state) {
  struct fixture *fixture = *state;

  vtx_emu_schema_free(fixture->schema);
  cb_arena_free(fixture->arena);
  return 0;
}

static bool check_as(struct fixture *fixture, const char *type,
                     const char *text) {
  struct json_object *body =
      vtx_emu_parse_body(fixture->arena, text, strlen(text), &fixture->error);

  return body &&
         vtx_emu_check_shape(fixture->schema, type, fixture->arena, body,
                             &fixture->error) &&
         vtx_emu_check_meaning(fixture->arena, body, &fixture->error);
}

static bool check(struct fixture *fixture, const char *text) {
  return check_as(fixture, "GenerateContentRequest", text);
}

/* Refused with 400, the message having mentioned in it. */
static void assert_refused(struct fixture *fixture, const char *text,
                           const char *mentioned) {
  assert_false(check(fixture, text));
  assert_int_equal(fixture->error.http_status, 400);
  assert_string_equal(fixture->error.status, "INVALID_ARGUMENT");
  if (!strstr(fixture->error.message, mentioned)) {
    fail_msg("\"%s\" is not in \"%s\"", mentioned, fixture->error.message);
  }
}

#define HI "\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}]"
#define WITH_CONFIG(config) "{" HI ",\"generationConfig\":{" config "}}"
#define WITH_PART(part) "{\"contents\":[{\"parts\":[{" part "}]}]}"

static void check__requests_of_every_form__pass(void **state) {
  static const char *const good[] = {
      "{" HI "}",
      "{\"contents\":{\"role\":\"user\",\"parts\":{\"text\":\"hi\"}}}",
      "{" HI ",\"generation_config\":{\"max_output_tokens\":5}}",
      "{" HI ",\"labels\":{\"a\":\"b\"},\"cachedContent\":null}",
      WITH_CONFIG("\"temperature\":\"0.5\",\"candidateCount\":8.0"),
      WITH_CONFIG("\"temperature\":2,\"topP\":1,\"seed\":-1"),
      WITH_CONFIG("\"responseMimeType\":\"application/json\","
                  "\"responseSchema\":{\"type\":\"ARRAY\",\"minItems\":\"2\","
                  "\"items\":{\"type\":\"STRING\"}}"),
      WITH_CONFIG("\"responseMimeType\":\"application/json\","
                  "\"responseJsonSchema\":{\"type\":\"object\"}"),
      WITH_PART("\"inlineData\":{\"mimeType\":\"image/png\","
                "\"data\":\"__4B\"}"),
      WITH_PART("\"inline_data\":{\"mime_type\":\"image/png\","
                "\"data\":\"/w==\"}"),
      WITH_PART("\"text\":\"hi\",\"videoMetadata\":{\"startOffset\":\"3.5s\"}"),
      "{" HI
      ",\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\","
      "\"parametersJsonSchema\":{\"type\":\"object\"}}]}]}",
      "{" HI
      ",\"safetySettings\":[{\"category\":"
      "\"HARM_CATEGORY_HATE_SPEECH\",\"threshold\":\"OFF\"}]}",
  };

  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    if (!check(*state, good[i])) {
      fail_msg("%s: %s", good[i], ((struct fixture *)*state)->error.message);
    }
  }
}

static void check__unknown_field__is_named_with_its_path(void **state) {
  struct fixture *fixture = *state;

  assert_refused(fixture, WITH_PART("\"text\":\"a\",\"foo\":1"),
                 "Unknown name \"foo\" at 'contents[0].parts[0]': Cannot find "
                 "field.");
  assert_int_equal(fixture->error.violation_count, 1);
  assert_string_equal(fixture->error.violations[0].field,
                      "contents[0].parts[0]");
  assert_refused(fixture, "{" HI ",\"bar\":1}",
                 "Unknown name \"bar\": Cannot find field.");
  assert_null(fixture->error.violations[0].field);
}

static void check__several_faults__are_all_listed(void **state) {
  struct fixture *fixture = *state;

  assert_refused(fixture,
                 WITH_CONFIG("\"temperature\":\"warm\",\"topK\":[1],\"x\":2"),
                 "generation_config.temperature' (TYPE_FLOAT), \"warm\"");
  assert_int_equal(fixture->error.violation_count, 3);
  assert_non_null(strstr(fixture->error.message, "cannot start list"));
}

static void check__wrong_values__are_refused(void **state) {
  assert_refused(*state, WITH_PART("\"text\":5"), "TYPE_STRING");
  assert_refused(*state, WITH_PART("\"thought\":1"), "TYPE_BOOL");
  assert_refused(*state,
                 WITH_PART("\"inlineData\":{\"mimeType\":\"a/b\","
                           "\"data\":\"!!!\"}"),
                 "Base64 decoding failed for \"!!!\"");
  assert_refused(*state, WITH_CONFIG("\"seed\":1.5"), "TYPE_INT32");
  assert_refused(*state, WITH_CONFIG("\"seed\":2147483648"), "TYPE_INT32");
  assert_true(check(*state, WITH_CONFIG("\"seed\":2147483647")));
  assert_refused(*state,
                 "{" HI ",\"safetySettings\":[{\"category\":\"RUDE\"}]}",
                 "safety_settings[0].category");
  assert_refused(*state,
                 WITH_CONFIG("\"responseSchema\":{\"type\":"
                             "\"object\"}"),
                 "response_schema.type");
  assert_refused(*state,
                 WITH_PART("\"text\":\"a\",\"videoMetadata\":"
                           "{\"endOffset\":\"3\"}"),
                 "Duration");
  assert_refused(*state, "{" HI ",\"labels\":{\"a\":1}}", "labels.a");
  assert_refused(*state, "{\"contents\":[\"hi\"]}", "contents[0]");
}

static void check__ranges__end_where_vertex_says(void **state) {
  assert_true(check(*state, WITH_CONFIG("\"candidateCount\":8")));
  assert_refused(*state, WITH_CONFIG("\"candidateCount\":9"), "candidateCount");
  assert_true(check(*state, WITH_CONFIG("\"temperature\":2.0")));
  assert_refused(*state, WITH_CONFIG("\"temperature\":2.1"), "temperature");
}

static void check__contents__must_be_there_and_whole(void **state) {
  assert_refused(*state, "{}", "at least one contents");
  assert_refused(*state, "{\"contents\":[]}", "at least one contents");
  assert_refused(*state, "{\"contents\":[{}]}", "at least one parts");
  assert_refused(*state, "{\"contents\":[{\"parts\":[{}]}]}",
                 "one initialized field");
  assert_refused(*state,
                 "{\"contents\":[{\"role\":\"boss\",\"parts\":[{\"text\":"
                 "\"a\"}]}]}",
                 "valid role");
  assert_refused(*state,
                 WITH_PART("\"text\":\"a\",\"fileData\":{\"fileUri\":\"b\"}"),
                 "oneof");
}

static void check__schemas__must_suit_the_mime_type(void **state) {
  assert_refused(*state,
                 WITH_CONFIG("\"responseSchema\":{\"type\":\"OBJECT\"}"),
                 "response_mime_type");
  assert_refused(*state,
                 WITH_CONFIG("\"responseMimeType\":\"application/json\","
                             "\"responseSchema\":{\"type\":\"OBJECT\"},"
                             "\"responseJsonSchema\":{}"),
                 "only one of");
}

static void check__cached_content_with_tools__is_refused(void **state) {
  assert_refused(*state,
                 "{" HI ",\"cachedContent\":\"projects/p\",\"tools\":[{}]}",
                 "cached content");
}

static void check__no_json__is_refused(void **state) {
  static const char *const bad[] = {
      "",           "{",       "null",    "[]", "{\"contents\":[}",
      "{" HI "} x", "{'a':1}", "\xff\xfe"};

  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_refused(*state, bad[i], "Invalid JSON payload received");
  }
}

static void check__many_faults__stops_at_ten(void **state) {
  struct fixture *fixture = *state;
  struct cb_buf body;

  cb_buf_init(&body, 1 << 20, NULL);
  cb_buf_add_text(&body, "{" HI);
  for (int i = 0; i < 50; i++)
    cb_buf_printf(&body, ",\"f%d\":1", i);
  cb_buf_add_text(&body, "}");
  assert_refused(fixture, body.data, "Unknown name \"f9\"");
  assert_int_equal(fixture->error.violation_count, 10);
  cb_buf_release(&body);
}

/* anyOf within anyOf: messages within messages. */
static char *nested(struct fixture *fixture, int depth) {
  struct cb_buf body;
  char *text;

  cb_buf_init(&body, 1 << 20, NULL);
  cb_buf_add_text(&body, "{" HI
                         ",\"generationConfig\":{\"responseMimeType\":"
                         "\"application/json\",\"responseSchema\":");
  for (int i = 1; i < depth; i++)
    cb_buf_add_text(&body, "{\"anyOf\":[");
  cb_buf_add_text(&body, "{\"type\":\"STRING\"}");
  for (int i = 1; i < depth; i++)
    cb_buf_add_text(&body, "]}");
  cb_buf_add_text(&body, "}}");
  text = cb_arena_memdup(fixture->arena, body.data, body.len);
  cb_buf_release(&body);
  return text;
}

static void check__nesting__ends_at_a_hundred_messages(void **state) {
  /* The request and its generationConfig are two of the hundred. */
  assert_true(check(*state, nested(*state, 98)));
  assert_refused(*state, nested(*state, 99), "too deep");
  assert_refused(*state, nested(*state, 5000), "Invalid JSON payload");
}

static void check__count_tokens__has_its_own_fields(void **state) {
  struct fixture *fixture = *state;

  assert_true(
      check_as(fixture, "CountTokensRequest", "{" HI ",\"model\":\"m\"}"));
  assert_false(check_as(fixture, "CountTokensRequest",
                        "{" HI ",\"safetySettings\":[]}"));
  assert_non_null(strstr(fixture->error.message, "safetySettings"));
}

static void error_write__all_details__is_googles_envelope(void **state) {
  struct vtx_emu_violation violation = {"contents[0]", "It is wrong."};
  struct vtx_emu_error error = vtx_emu_error_make(429, "Too much.");
  struct cb_buf buf;

  (void)state;
  error.reason = "RATE_LIMIT_EXCEEDED";
  error.retry_delay = INT64_C(1500000000);
  error.violations = &violation;
  error.violation_count = 1;
  cb_buf_init(&buf, 4096, NULL);
  vtx_emu_error_write(&error, false, &buf);
  assert_string_equal(
      buf.data,
      "{\"error\":{\"code\":429,\"message\":\"Too much.\",\"status\":"
      "\"RESOURCE_EXHAUSTED\",\"details\":[{\"@type\":\"type.googleapis.com/"
      "google.rpc.ErrorInfo\",\"reason\":\"RATE_LIMIT_EXCEEDED\",\"domain\":"
      "\"googleapis.com\",\"metadata\":{\"service\":\"aiplatform.googleapis."
      "com\"}},{\"@type\":\"type.googleapis.com/google.rpc.BadRequest\","
      "\"fieldViolations\":[{\"field\":\"contents[0]\",\"description\":\"It is "
      "wrong.\"}]},{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\","
      "\"retryDelay\":\"1.500s\"}]}}");
  cb_buf_release(&buf);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(check__requests_of_every_form__pass),
      TEST(check__unknown_field__is_named_with_its_path),
      TEST(check__several_faults__are_all_listed),
      TEST(check__wrong_values__are_refused),
      TEST(check__ranges__end_where_vertex_says),
      TEST(check__contents__must_be_there_and_whole),
      TEST(check__schemas__must_suit_the_mime_type),
      TEST(check__cached_content_with_tools__is_refused),
      TEST(check__no_json__is_refused),
      TEST(check__many_faults__stops_at_ten),
      TEST(check__nesting__ends_at_a_hundred_messages),
      TEST(check__count_tokens__has_its_own_fields),
      TEST(error_write__all_details__is_googles_envelope),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
