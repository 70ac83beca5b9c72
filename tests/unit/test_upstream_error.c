#include "service/vertex/upstream_error.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/budget.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "service/vertex/codec.h"
#include "service/vertex/model_answer.h"
#include "service/vertex/reasons.h"
#include "support/vertex_help.h"
#include "tests/unit/cmocka_all.h"

static struct cb_status read_error(struct cb_arena *arena, int http,
                                   const char *body) {
  return vtx_upstream_error(http, body, strlen(body), -1, arena);
}

/* Google's usual body; details may be "". */
static struct cb_status envelope(struct cb_arena *arena, int http,
                                 const char *status, const char *message,
                                 const char *details) {
  return read_error(
      arena, http,
      cb_arena_printf(arena,
                      "{\"error\":{\"code\":%d,\"message\":\"%s\","
                      "\"status\":\"%s\",\"details\":[%s]}}",
                      http, message, status, details));
}

static const char *metadata(const struct cb_status *status, const char *key) {
  for (size_t i = 0; i < status->metadata_count; i++) {
    if (strcmp(status->metadata[i].key, key) == 0)
      return status->metadata[i].value;
  }
  return "";
}

static void error__429_with_details__all_read(void **state) {
  struct cb_status status = envelope(
      *state, 429, "RESOURCE_EXHAUSTED",
      "Resource exhausted. Please try again later.",
      "{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":"
      "\"RATE_LIMIT_EXCEEDED\",\"domain\":\"googleapis.com\",\"metadata\":"
      "{\"service\":\"aiplatform.googleapis.com\"}},"
      "{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\","
      "\"retryDelay\":\"53.5s\"},"
      "{\"@type\":\"type.googleapis.com/google.rpc.QuotaFailure\","
      "\"violations\":[{\"subject\":\"s\",\"description\":\"d\"},"
      "{\"quotaMetric\":\"m\",\"quotaId\":\"i\"}]},"
      "{\"@type\":\"type.googleapis.com/google.rpc.RequestInfo\","
      "\"requestId\":\"r1\"},"
      "{\"@type\":\"type.googleapis.com/google.rpc.Help\",\"links\":"
      "[{\"description\":\"x\",\"url\":\"https://h\"}]}");

  assert_int_equal(status.code, CB_RESOURCE_EXHAUSTED);
  assert_string_equal(status.reason, "UPSTREAM_QUOTA_EXHAUSTED");
  assert_string_equal(status.message,
                      "Resource exhausted. Please try again later.");
  assert_int_equal(status.http_status, 429);
  assert_true(status.retryable);
  assert_true(status.retry_after == 53 * CB_SECOND + CB_SECOND / 2);
  assert_string_equal(metadata(&status, "upstream_status"),
                      "RESOURCE_EXHAUSTED");
  assert_string_equal(metadata(&status, "upstream_reason"),
                      "RATE_LIMIT_EXCEEDED");
  assert_string_equal(metadata(&status, "upstream_domain"), "googleapis.com");
  assert_string_equal(metadata(&status, "upstream_service"),
                      "aiplatform.googleapis.com");
  assert_string_equal(metadata(&status, "upstream_request_id"), "r1");
  assert_string_equal(metadata(&status, "upstream_help"), "https://h");
  assert_int_equal(status.quota_count, 2);
  assert_string_equal(status.quota[0].subject, "s");
  assert_string_equal(status.quota[0].description, "d");
  assert_string_equal(status.quota[1].subject, "m");
  assert_string_equal(status.quota[1].description, "i");
}

static void error__array__same(void **state) {
  struct cb_status status = read_error(
      *state, 503,
      "[{\n  \"error\": {\"code\": 503, \"message\": \"over\", \"status\": "
      "\"UNAVAILABLE\"}\n}\n]");

  assert_string_equal(status.reason, "UPSTREAM_UNAVAILABLE");
  assert_string_equal(status.message, "over");
  assert_true(status.retryable);
}

static void error__legacy_list__message_and_reason(void **state) {
  struct cb_status status = read_error(
      *state, 429,
      "{\"error\":{\"code\":429,\"errors\":[{\"message\":\"slow down\","
      "\"domain\":\"global\",\"reason\":\"rateLimitExceeded\"}]}}");

  assert_string_equal(status.reason, "UPSTREAM_QUOTA_EXHAUSTED");
  assert_string_equal(status.message, "slow down");
  assert_string_equal(metadata(&status, "upstream_reason"),
                      "rateLimitExceeded");
}

static void error__token_server_form__read(void **state) {
  struct cb_status status = read_error(
      *state, 401,
      "{\"error\":\"invalid_grant\",\"error_description\":\"expired\"}");

  assert_string_equal(status.reason, "UPSTREAM_UNAUTHENTICATED");
  assert_non_null(strstr(status.message, "expired"));
  assert_string_equal(metadata(&status, "upstream_reason"), "invalid_grant");
}

static void error__codes_by_name__table(void **state) {
  static const struct {
    const char *status;
    enum vtx_reason reason;
  } cases[] = {
      {"CANCELLED", VTX_UPSTREAM_CANCELLED},
      {"UNKNOWN", VTX_UPSTREAM_UNKNOWN},
      {"INVALID_ARGUMENT", VTX_UPSTREAM_INVALID_ARGUMENT},
      {"DEADLINE_EXCEEDED", VTX_UPSTREAM_TIMEOUT},
      {"NOT_FOUND", VTX_UPSTREAM_NOT_FOUND},
      {"ALREADY_EXISTS", VTX_UPSTREAM_ALREADY_EXISTS},
      {"PERMISSION_DENIED", VTX_UPSTREAM_PERMISSION_DENIED},
      {"RESOURCE_EXHAUSTED", VTX_UPSTREAM_QUOTA_EXHAUSTED},
      {"FAILED_PRECONDITION", VTX_UPSTREAM_FAILED_PRECONDITION},
      {"ABORTED", VTX_UPSTREAM_ABORTED},
      {"OUT_OF_RANGE", VTX_UPSTREAM_OUT_OF_RANGE},
      {"UNIMPLEMENTED", VTX_UPSTREAM_UNIMPLEMENTED},
      {"INTERNAL", VTX_UPSTREAM_INTERNAL},
      {"UNAVAILABLE", VTX_UPSTREAM_UNAVAILABLE},
      {"DATA_LOSS", VTX_UPSTREAM_DATA_LOSS},
      {"UNAUTHENTICATED", VTX_UPSTREAM_UNAUTHENTICATED},
  };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const struct vtx_reason_entry *entry = &vtx_reason_table[cases[i].reason];
    struct cb_status status =
        envelope(*state, 400, cases[i].status, "text", "");

    assert_string_equal(status.reason, entry->name);
    assert_int_equal(status.code, entry->code);
    assert_int_equal(status.retryable, entry->retryable);
  }
}

static void error__codes_by_http__table(void **state) {
  static const struct {
    int http;
    enum cb_code code;
    bool retryable;
  } cases[] = {
      {400, CB_INVALID_ARGUMENT, false},
      {401, CB_FAILED_PRECONDITION, false},
      {403, CB_FAILED_PRECONDITION, false},
      {404, CB_NOT_FOUND, false},
      {408, CB_DEADLINE_EXCEEDED, true},
      {409, CB_ABORTED, true},
      {412, CB_FAILED_PRECONDITION, false},
      {413, CB_INVALID_ARGUMENT, false},
      {416, CB_OUT_OF_RANGE, false},
      {429, CB_RESOURCE_EXHAUSTED, true},
      {499, CB_CANCELLED, true},
      {500, CB_INTERNAL, true},
      {501, CB_UNIMPLEMENTED, false},
      {502, CB_UNAVAILABLE, true},
      {503, CB_UNAVAILABLE, true},
      {504, CB_DEADLINE_EXCEEDED, false},
      {418, CB_FAILED_PRECONDITION, false},
      {599, CB_INTERNAL, true},
      {302, CB_INTERNAL, false},
  };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct cb_status status = read_error(*state, cases[i].http, "");

    assert_int_equal(status.code, cases[i].code);
    assert_int_equal(status.retryable, cases[i].retryable);
    assert_int_equal(status.http_status, cases[i].http);
    assert_non_null(strstr(status.message, "without a text"));
    assert_int_equal(read_error(*state, cases[i].http,
                                "{\"error\":{\"status\":\"NEW\",\"message\":"
                                "\"m\"}}")
                         .code,
                     cases[i].code);
  }
}

static void error__credential__never_the_callers(void **state) {
  struct cb_status status =
      envelope(*state, 401, "UNAUTHENTICATED", "token expired", "");

  assert_int_equal(status.code, CB_FAILED_PRECONDITION);
  assert_non_null(strstr(status.message, "server's credential"));
  assert_non_null(strstr(status.message, "token expired"));
  assert_true(vtx_upstream_error_hits_all(&status));
  status = envelope(*state, 403, "PERMISSION_DENIED",
                    "Permission 'aiplatform.endpoints.predict' denied",
                    "{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\","
                    "\"reason\":\"IAM_PERMISSION_DENIED\"}");
  assert_string_equal(status.reason, "UPSTREAM_PERMISSION_DENIED");
  assert_true(vtx_upstream_error_hits_all(&status));
  status = envelope(*state, 400, "INVALID_ARGUMENT", "API key not valid.",
                    "{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\","
                    "\"reason\":\"API_KEY_INVALID\"}");
  assert_string_equal(status.reason, "UPSTREAM_UNAUTHENTICATED");
  assert_int_equal(status.code, CB_FAILED_PRECONDITION);
  assert_true(vtx_upstream_error_hits_all(&status));
}

static void error__api_disabled__named(void **state) {
  struct cb_status status = envelope(
      *state, 403, "PERMISSION_DENIED", "Vertex AI API has not been used",
      "{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":"
      "\"SERVICE_DISABLED\"}");

  assert_string_equal(status.reason, "UPSTREAM_API_DISABLED");
  assert_true(vtx_upstream_error_hits_all(&status));
}

static void error__file_not_readable__this_item_only(void **state) {
  struct cb_status status =
      envelope(*state, 403, "PERMISSION_DENIED",
               "service agent does not have storage.objects.get access", "");

  assert_string_equal(status.reason, "UPSTREAM_FILE_ACCESS_DENIED");
  assert_false(vtx_upstream_error_hits_all(&status));
}

static void error__404__model_or_cache(void **state) {
  struct cb_status status =
      envelope(*state, 404, "NOT_FOUND",
               "The PublisherModel `publishers/google/models/x` does not "
               "exist.",
               "");

  assert_string_equal(status.reason, "MODEL_NOT_FOUND");
  assert_int_equal(status.code, CB_NOT_FOUND);
  assert_true(vtx_upstream_error_hits_all(&status));
  status = envelope(*state, 404, "NOT_FOUND",
                    "Not found: cache content metadata 7.", "");
  assert_string_equal(status.reason, "UPSTREAM_NOT_FOUND");
  assert_false(vtx_upstream_error_hits_all(&status));
}

static void error__html_404__location_suspected(void **state) {
  struct cb_status status = read_error(
      *state, 404,
      "\n<!DOCTYPE html>\n<html><title>Error 404 (Not Found)!!1</title>"
      "<p>That\xe9s an error.");

  assert_string_equal(status.reason, "LOCATION_NOT_FOUND");
  assert_non_null(strstr(status.message, "location"));
  assert_non_null(strstr(status.message, "Error 404 (Not Found)!!1"));
  assert_null(strstr(status.message, "<p>"));
  assert_true(vtx_upstream_error_hits_all(&status));
}

static void error__plain_text__kept_and_cleaned(void **state) {
  struct cb_status status = read_error(*state, 502, "upstream \xff connect");

  assert_string_equal(status.reason, "UPSTREAM_UNAVAILABLE");
  assert_string_equal(status.message, "upstream \xef\xbf\xbd connect");
  status = read_error(*state, 500, "{\"error\": {\"message\": \"cut o");
  assert_string_equal(status.message, "{\"error\": {\"message\": \"cut o");
  status = read_error(*state, 500, "{\"message\":\"no envelope\"}");
  assert_string_equal(status.message, "{\"message\":\"no envelope\"}");
}

static void error__long_text__cut_on_a_character(void **state) {
  char body[9001];
  struct cb_status status;

  for (size_t i = 0; i < 9000; i += 3)
    memcpy(body + i, "\xe2\x82\xac", 4);
  status = read_error(*state, 500, body);
  assert_int_equal(strlen(status.message), 1998);
  assert_true(cb_utf8_valid(status.message, 1998));
  body[1998] = '\0';
  assert_string_equal(read_error(*state, 500, body).message, body);
}

static void error__bad_request__googles_path(void **state) {
  static const char detail[] =
      "{\"@type\":\"type.googleapis.com/google.rpc.BadRequest\","
      "\"fieldViolations\":[{\"field\":\"generation_config\","
      "\"description\":\"Unknown name x\"}]}";
  struct cb_status status =
      envelope(*state, 400, "INVALID_ARGUMENT", "Invalid JSON payload", detail);

  assert_string_equal(status.reason, "UPSTREAM_INVALID_ARGUMENT");
  assert_string_equal(status.field, "generation_config");
  assert_string_equal(status.message, "Invalid JSON payload");
  status = envelope(*state, 400, "INVALID_ARGUMENT",
                    "Request contains an invalid argument.", detail);
  assert_string_equal(status.message,
                      "Request contains an invalid argument. Unknown name x");
}

static void error__generic_text__cause_appended(void **state) {
  static const char detail[] =
      "{\"@type\":\"type.googleapis.com/google.rpc.DebugInfo\","
      "\"detail\":\"[ORIGINAL ERROR] broken image\"}";
  struct cb_status status =
      envelope(*state, 400, "INVALID_ARGUMENT",
               "Request contains an invalid argument.", detail);

  assert_string_equal(
      status.message,
      "Request contains an invalid argument. [ORIGINAL ERROR] broken image");
  status = envelope(*state, 400, "INVALID_ARGUMENT", "Clear enough.", detail);
  assert_string_equal(status.message, "Clear enough.");
}

static void error__retry_after__header_unless_the_body_says(void **state) {
  static const char plain[] = "{\"error\":{\"code\":429}}";
  static const char said[] =
      "{\"error\":{\"code\":429,\"details\":[{\"@type\":"
      "\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"2s\"}]}}";
  static const char negative[] =
      "{\"error\":{\"code\":429,\"details\":[{\"@type\":"
      "\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"-2s\"}]}}";

  assert_true(
      vtx_upstream_error(429, plain, strlen(plain), 7, *state).retry_after ==
      7);
  assert_true(
      vtx_upstream_error(429, plain, strlen(plain), -1, *state).retry_after ==
      -1);
  assert_true(
      vtx_upstream_error(429, said, strlen(said), 7, *state).retry_after ==
      2 * CB_SECOND);
  assert_true(vtx_upstream_error(429, negative, strlen(negative), 7, *state)
                  .retry_after == 7);
}

static void error__413__no_retry(void **state) {
  struct cb_status status =
      read_error(*state, 413, "<html><title>Too large</title>");

  assert_int_equal(status.code, CB_INVALID_ARGUMENT);
  assert_string_equal(status.reason, "UPSTREAM_REQUEST_TOO_LARGE");
  assert_false(status.retryable);
}

static void error__wrong_kinds__passed_over(void **state) {
  struct cb_status status = read_error(
      *state, 500,
      "{\"error\":{\"code\":\"x\",\"message\":7,\"status\":[],\"details\":"
      "[null,7,{},{\"@type\":\"google.rpc.ErrorInfo\",\"metadata\":[]},"
      "{\"@type\":\"type.googleapis.com/google.rpc.QuotaFailure\","
      "\"violations\":{}},{\"@type\":"
      "\"type.googleapis.com/google.rpc.BadRequest\","
      "\"fieldViolations\":[7]},{\"@type\":\"x/google.rpc.RetryInfo\"}],"
      "\"errors\":7}}");

  assert_string_equal(status.reason, "UPSTREAM_INTERNAL");
  assert_string_equal(status.message, "HTTP 500 without a text");
}

/* However much of it there is, what it says is told in little memory. */
static void error__endless_details__the_first_count(void **state) {
  static const char detail[] =
      "{\"@type\":\"x/google.rpc.ErrorInfo\",\"reason\":\"R\","
      "\"metadata\":{\"a\":\"%0500d\",\"b\":\"1\",\"c\":\"1\"}},";
  struct cb_arena *small = cb_arena_new(NULL, (size_t)256 * 1024, 0);
  struct cb_buf body;
  struct cb_status status;

  cb_buf_init(&body, SIZE_MAX, NULL);
  cb_buf_add_text(&body,
                  "{\"error\":{\"code\":429,\"message\":\"slow down\","
                  "\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[");
  for (int i = 0; i < 100; i++)
    cb_buf_printf(&body, detail, 1);
  cb_buf_add_text(&body, "7]}}");
  status = vtx_upstream_error(429, body.data, body.len, -1, small);
  assert_string_equal(status.reason, "UPSTREAM_QUOTA_EXHAUSTED");
  assert_string_equal(status.message, "slow down");
  assert_true(status.metadata_count > 0);
  cb_buf_release(&body);
  cb_arena_free(small);
  (void)state;
}

/* Its tree would take hundreds of times as much. */
static void error__64_kib__read_one_more_told_by_its_beginning(void **state) {
  static const char head[] =
      "{\"error\":{\"message\":\"m\",\"status\":\"ABORTED\"}";

  for (size_t more = 0; more < 2; more++) {
    size_t size = VTX_ERROR_BYTES + more;
    char *body = cb_arena_alloc(*state, size + 1);
    struct cb_status status;

    memset(body, ' ', size);
    memcpy(body, head, sizeof head - 1);
    memcpy(body + size - 1, "}", 2);
    status = read_error(*state, 503, body);
    assert_string_equal(status.reason,
                        more ? "UPSTREAM_UNAVAILABLE" : "UPSTREAM_ABORTED");
    assert_ptr_equal(strstr(status.message, more ? head : "m"), status.message);
  }
}

/* An error is there to tell, with or without memory to read it. */
static void error__no_memory_for_its_tree__told_as_text(void **state) {
  static const char body[] =
      "{\"error\":{\"message\":\"m\",\"status\":\"ABORTED\"}}";
  struct cb_budget budget;
  struct cb_arena *arena;
  struct cb_status status;

  cb_budget_init(&budget, 2000);
  arena = cb_arena_new(&budget, SIZE_MAX, 0);
  status = read_error(arena, 503, body);
  assert_string_equal(status.reason, "UPSTREAM_UNAVAILABLE");
  assert_string_equal(status.message, body);
  status = vtx_model_answer_error(body, strlen(body), arena);
  assert_string_equal(status.reason, "SERVER_MEMORY");
  cb_arena_free(arena);
  assert_int_equal(cb_budget_used(&budget), 0);
  (void)state;
}

/* --- in mid-stream ------------------------------------------------------- */

static bool mid_stream(struct cb_arena *arena, const char *text,
                       struct cb_status *ret_status) {
  struct json_object *object = NULL;
  bool found;

  assert_int_equal(vtx_json_parse(text, strlen(text), arena, &object).code,
                   CB_OK);
  found = vtx_upstream_error_in(object, arena, ret_status);
  json_object_put(object);
  return found;
}

static void error_in__envelopes__found(void **state) {
  struct cb_status status;

  assert_true(mid_stream(
      *state,
      "{\n \"error\": {\"code\": 499, \"message\": \"The operation was "
      "cancelled.\", \"status\": \"CANCELLED\"}}",
      &status));
  assert_int_equal(status.code, CB_CANCELLED);
  assert_int_equal(status.http_status, 499);
  assert_true(mid_stream(*state, "[{\"error\":{\"code\":503}}]", &status));
  assert_string_equal(status.reason, "UPSTREAM_UNAVAILABLE");
  assert_true(mid_stream(*state, "{\"error\":{\"message\":\"m\"}}", &status));
  assert_string_equal(status.reason, "UPSTREAM_UNKNOWN");
}

static void error_in__answers__none(void **state) {
  static const char *const texts[] = {
      "{}", "{\"candidates\":[]}", "[]", "[7]", "null",
      "7",  "{\"error\":null}"};
  struct cb_status status;

  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    assert_false(mid_stream(*state, texts[i], &status));
}

static void hits_all__one_items_failures__false(void **state) {
  struct cb_status status = cb_status_ok();

  (void)state;
  assert_false(vtx_upstream_error_hits_all(&status));
  status = cb_status_make(CB_FAILED_PRECONDITION, "ANSWER_BLOCKED", "");
  assert_false(vtx_upstream_error_hits_all(&status));
  status = cb_status_make(CB_FAILED_PRECONDITION, "CREDENTIAL_UNAVAILABLE", "");
  assert_true(vtx_upstream_error_hits_all(&status));
}

/* --- the table ----------------------------------------------------------- */

static void reasons__table__words_in_upper_snake_once_each(void **state) {
  (void)state;
  for (size_t i = 0; i < VTX_REASON_COUNT; i++) {
    const char *name = vtx_reason_table[i].name;

    assert_int_equal(strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), strlen(name));
    assert_int_not_equal(vtx_reason_table[i].code, CB_OK);
    for (size_t j = 0; j < i; j++)
      assert_string_not_equal(name, vtx_reason_table[j].name);
  }
}

#define TEST(name) \
  cmocka_unit_test_setup_teardown(name, vertex_set_up, vertex_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(error__429_with_details__all_read),
      TEST(error__array__same),
      TEST(error__legacy_list__message_and_reason),
      TEST(error__token_server_form__read),
      TEST(error__codes_by_name__table),
      TEST(error__codes_by_http__table),
      TEST(error__credential__never_the_callers),
      TEST(error__api_disabled__named),
      TEST(error__file_not_readable__this_item_only),
      TEST(error__404__model_or_cache),
      TEST(error__html_404__location_suspected),
      TEST(error__plain_text__kept_and_cleaned),
      TEST(error__long_text__cut_on_a_character),
      TEST(error__bad_request__googles_path),
      TEST(error__generic_text__cause_appended),
      TEST(error__retry_after__header_unless_the_body_says),
      TEST(error__413__no_retry),
      TEST(error__wrong_kinds__passed_over),
      TEST(error__endless_details__the_first_count),
      TEST(error__64_kib__read_one_more_told_by_its_beginning),
      TEST(error__no_memory_for_its_tree__told_as_text),
      TEST(error_in__envelopes__found),
      TEST(error_in__answers__none),
      TEST(hits_all__one_items_failures__false),
      TEST(reasons__table__words_in_upper_snake_once_each),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
