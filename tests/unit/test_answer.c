#include "service/vertex/answer.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/budget.h"
#include "base/buf.h"
#include "base/utf8.h"
#include "support/room_help.h"
#include "support/vertex_help.h"
#include "tests/unit/cmocka_all.h"

typedef Vertexd__V1__GenerateResponse response_t;

static const struct vtx_wants plain = {.model = "m", .id = "my-id"};
static const struct vtx_wants wants_json = {
    .model = "m", .id = "", .json = true};

static struct cb_status finish(struct cb_arena *arena, const char *json,
                               const struct vtx_wants *wants,
                               response_t **ret_response) {
  struct vtx_codec_notes notes = {0};
  response_t *response = vertex_decode(
      arena, &vertexd__v1__generate_response__descriptor, json, &notes);

  if (ret_response) *ret_response = response;
  return vtx_answer_finish(response, wants, &notes, arena);
}

static const char *metadata(const struct cb_status *status, const char *key) {
  for (size_t i = 0; i < status->metadata_count; i++) {
    if (strcmp(status->metadata[i].key, key) == 0)
      return status->metadata[i].value;
  }
  return "";
}

/* An answer of one text part. */
static char *saying(struct cb_arena *arena, const char *text,
                    const char *reason) {
  return cb_arena_printf(
      arena,
      "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"%s\"}]},"
      "\"finishReason\":\"%s\"}]}",
      text, reason);
}

/* --- whole answers ------------------------------------------------------- */

static void finish__good_answer__own_fields_filled(void **state) {
  response_t *response;
  struct cb_status status = finish(
      *state,
      "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hm\",\"thought\":"
      "true},{\"text\":\"a\"},{\"inlineData\":{}},{\"text\":\"b\"}]},"
      "\"finishReason\":\"STOP\"},{\"content\":{\"parts\":[{\"text\":\"no\"}]}"
      "}],\"usageMetadata\":{\"promptTokenCount\":12013,"
      "\"candidatesTokenCount\":15,\"thoughtsTokenCount\":73,"
      "\"totalTokenCount\":12101},\"newField\":1}",
      &plain, &response);

  assert_int_equal(status.code, CB_OK);
  assert_string_equal(response->text, "ab");
  assert_string_equal(response->finish_reason_text, "STOP");
  assert_string_equal(response->id, "my-id");
  assert_int_equal(response->token_count->prompt_tokens, 12013);
  assert_int_equal(response->token_count->completion_tokens, 88);
  assert_int_equal(response->token_count->total_tokens, 12101);
  assert_int_equal(response->n_unrecognized, 1);
  assert_string_equal(response->unrecognized[0]->path, "newField");
  assert_string_equal(response->unrecognized[0]->json, "1");
  assert_string_equal(response->json, "");
}

static void finish__unknown_finish_reason__its_text(void **state) {
  response_t *response;
  struct cb_status status =
      finish(*state, saying(*state, "x", "LANGUAGE"), &plain, &response);

  assert_int_equal(status.code, CB_OK);
  assert_string_equal(response->finish_reason_text, "LANGUAGE");
  assert_int_equal(response->candidates[0]->finish_reason, 0);
}

static void finish__content_that_was_cut__ok(void **state) {
  static const char *const reasons[] = {"MAX_TOKENS", "SAFETY", "RECITATION"};

  for (size_t i = 0; i < 3; i++)
    assert_int_equal(
        finish(*state, saying(*state, "cut o", reasons[i]), &plain, NULL).code,
        CB_OK);
}

static void finish__any_part_but_an_empty_text__content(void **state) {
  static const char *const parts[] = {
      "{\"functionCall\":{\"name\":\"f\"}}",
      "{\"inlineData\":{\"mimeType\":\"image/png\"}}",
      "{\"text\":\"hm\",\"thought\":true}",
      "{\"text\":\"\"},{\"executableCode\":{}}",
      "{\"audioTranscription\":{\"text\":\"new\"}}",
  };

  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    assert_int_equal(
        finish(*state,
               cb_arena_printf(
                   *state, "{\"candidates\":[{\"content\":{\"parts\":[%s]}}]}",
                   parts[i]),
               &plain, NULL)
            .code,
        CB_OK);
}

static void finish__content_in_second_candidate__ok(void **state) {
  assert_int_equal(
      finish(*state,
             "{\"candidates\":[{\"finishReason\":\"SAFETY\"},{\"index\":1,"
             "\"content\":{\"parts\":[{\"text\":\"x\"}]}}]}",
             &plain, NULL)
          .code,
      CB_OK);
}

/* --- empty answers ------------------------------------------------------- */

static void finish__prompt_blocked__reason_and_usage(void **state) {
  struct cb_status status =
      finish(*state,
             "{\"promptFeedback\":{\"blockReason\":\"PROHIBITED_CONTENT\","
             "\"blockReasonMessage\":\"not that\"},\"usageMetadata\":"
             "{\"promptTokenCount\":7,\"totalTokenCount\":7}}",
             &plain, NULL);

  assert_int_equal(status.code, CB_FAILED_PRECONDITION);
  assert_string_equal(status.reason, "PROMPT_BLOCKED");
  assert_string_equal(metadata(&status, "block_reason"), "PROHIBITED_CONTENT");
  assert_string_equal(metadata(&status, "block_reason_message"), "not that");
  assert_string_equal(metadata(&status, "prompt_tokens"), "7");
  assert_string_equal(metadata(&status, "total_tokens"), "7");
  status = finish(*state, "{\"promptFeedback\":{\"blockReason\":\"NEW\"}}",
                  &plain, NULL);
  assert_string_equal(status.reason, "PROMPT_BLOCKED");
  assert_string_equal(metadata(&status, "block_reason"), "NEW");
}

static void finish__nothing_in_it__empty_or_blocked(void **state) {
  static const struct {
    const char *json;
    const char *reason;
    const char *finish_reason;
  } cases[] = {
      {"{}", "ANSWER_EMPTY", ""},
      {"{\"promptFeedback\":{}}", "ANSWER_EMPTY", ""},
      {"{\"candidates\":[]}", "ANSWER_EMPTY", ""},
      {"{\"candidates\":[{}]}", "ANSWER_EMPTY", ""},
      {"{\"candidates\":[{\"content\":{\"parts\":[{}]},\"finishReason\":"
       "\"STOP\"}]}",
       "ANSWER_EMPTY", "STOP"},
      {"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}]},"
       "\"finishReason\":\"MAX_TOKENS\"}]}",
       "ANSWER_EMPTY", "MAX_TOKENS"},
      {"{\"candidates\":[{\"finishReason\":\"MALFORMED_FUNCTION_CALL\"}]}",
       "ANSWER_EMPTY", "MALFORMED_FUNCTION_CALL"},
      {"{\"candidates\":[{\"finishReason\":\"SAFETY\",\"content\":{}}]}",
       "ANSWER_BLOCKED", "SAFETY"},
      {"{\"candidates\":[{\"finishReason\":\"IMAGE_SAFETY\"}]}",
       "ANSWER_BLOCKED", "IMAGE_SAFETY"},
      {"{\"candidates\":[{\"finishReason\":\"SPII\"}]}", "ANSWER_BLOCKED",
       "SPII"},
  };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct cb_status status = finish(*state, cases[i].json, &plain, NULL);

    assert_int_equal(status.code, CB_FAILED_PRECONDITION);
    assert_string_equal(status.reason, cases[i].reason);
    assert_string_equal(status.finish_reason, cases[i].finish_reason);
    assert_string_equal(metadata(&status, "finish_reason"),
                        cases[i].finish_reason);
    assert_false(status.retryable);
  }
}

static void finish__finish_message__told(void **state) {
  struct cb_status status =
      finish(*state,
             "{\"candidates\":[{\"finishReason\":\"MALFORMED_FUNCTION_CALL\","
             "\"finishMessage\":\"call: f(\"}]}",
             &plain, NULL);

  assert_non_null(strstr(status.message, "call: f("));
  assert_string_equal(metadata(&status, "finish_message"), "call: f(");
}

/* --- tokens -------------------------------------------------------------- */

static void expect_tokens(struct cb_arena *arena, const char *usage,
                          int32_t prompt, int32_t completion, int32_t total) {
  response_t *response = vertex_decode(
      arena, &vertexd__v1__generate_response__descriptor,
      cb_arena_printf(arena, "{\"usageMetadata\":{%s}}", usage), NULL);
  Vertexd__V1__TokenCount *count = vtx_answer_tokens(response, arena);

  assert_non_null(count);
  assert_int_equal(count->prompt_tokens, prompt);
  assert_int_equal(count->completion_tokens, completion);
  assert_int_equal(count->total_tokens, total);
}

static void tokens__partial_usage__made_the_best_of(void **state) {
  response_t *response;

  expect_tokens(*state,
                "\"promptTokenCount\":6,\"candidatesTokenCount\":4,"
                "\"totalTokenCount\":10",
                6, 4, 10);
  expect_tokens(*state, "\"promptTokenCount\":6,\"totalTokenCount\":6", 6, 0,
                6);
  expect_tokens(*state, "\"promptTokenCount\":6,\"candidatesTokenCount\":4", 6,
                4, 10);
  /* 20 of the total are in no other counter: tool use */
  expect_tokens(*state,
                "\"promptTokenCount\":6,\"candidatesTokenCount\":4,"
                "\"totalTokenCount\":30",
                26, 4, 30);
  expect_tokens(*state,
                "\"promptTokenCount\":6,\"toolUsePromptTokensDetails\":"
                "[{\"tokenCount\":2},{\"tokenCount\":3}]",
                11, 0, 11);
  expect_tokens(*state,
                "\"promptTokenCount\":6,\"toolUsePromptTokenCount\":5,"
                "\"toolUsePromptTokensDetails\":[{\"tokenCount\":2}]",
                11, 0, 11);
  expect_tokens(*state,
                "\"promptTokenCount\":2147483647,"
                "\"candidatesTokenCount\":2147483647",
                INT32_MAX, INT32_MAX, INT32_MAX);
  response = vertex_decode(*state, &vertexd__v1__generate_response__descriptor,
                           "{\"usageMetadata\":{\"trafficType\":\"ON_DEMAND\","
                           "\"promptTokenCount\":-5}}",
                           NULL);
  assert_null(vtx_answer_tokens(response, *state));
}

/* --- JSON ---------------------------------------------------------------- */

static void finish__json_wanted__exact_text(void **state) {
  response_t *response;
  struct cb_status status =
      finish(*state, saying(*state, "```json\\n{ \\\"a\\\": 1 }\\n```", "STOP"),
             &wants_json, &response);

  assert_int_equal(status.code, CB_OK);
  assert_string_equal(response->json, "{ \"a\": 1 }");
  assert_string_equal(response->text, "```json\n{ \"a\": 1 }\n```");
}

static void finish__no_json__error_with_text(void **state) {
  struct cb_status status =
      finish(*state, saying(*state, "sorry", "STOP"), &wants_json, NULL);

  assert_int_equal(status.code, CB_INTERNAL);
  assert_string_equal(status.reason, "JSON_INVALID");
  assert_string_equal(status.finish_reason, "STOP");
  assert_string_equal(metadata(&status, "text"), "sorry");
  status = finish(*state, saying(*state, "{\\\"a\\\":", "MAX_TOKENS"),
                  &wants_json, NULL);
  assert_string_equal(status.reason, "JSON_INVALID");
  assert_non_null(strstr(status.message, "MAX_TOKENS"));
}

static void finish__long_text_that_is_no_json__cut_at_1000(void **state) {
  char text[1206] = "";
  struct cb_status status;

  for (int i = 0; i < 1200; i += 3)
    memcpy(text + i, "\xe2\x82\xac", 4);
  status = finish(*state, saying(*state, text, "STOP"), &wants_json, NULL);
  assert_int_equal(strlen(metadata(&status, "text")), 999);
  assert_true(cb_utf8_valid(metadata(&status, "text"), 999));
  text[999] = 'x';
  text[1000] = '\0';
  status = finish(*state, saying(*state, text, "STOP"), &wants_json, NULL);
  assert_string_equal(metadata(&status, "text"), text);
}

static void finish__function_call_where_json_is_wanted__ok(void **state) {
  response_t *response;
  struct cb_status status =
      finish(*state,
             "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":"
             "{\"name\":\"f\"}}]}}]}",
             &wants_json, &response);

  assert_int_equal(status.code, CB_OK);
  assert_string_equal(response->json, "");
}

static const char *finish_with(void *ctx, size_t cap,
                               struct cb_budget *budget) {
  static const char json[] =
      "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"{}\"}]},"
      "\"finishReason\":\"NEW\"}],\"x\":1,\"usageMetadata\":"
      "{\"promptTokenCount\":1}}";
  struct cb_arena *arena = cb_arena_new(budget, cap, 64);
  struct vtx_codec_source source = {
      .type = &vertexd__v1__generate_response__descriptor};
  struct vtx_codec_notes notes = {0};
  ProtobufCMessage *message = NULL;
  struct cb_status status;

  (void)ctx;
  if (!arena) return "";
  status = vertex_try_decode(arena, source, json, &notes, &message);
  if (status.code == CB_OK)
    status = vtx_answer_finish((response_t *)(void *)message, &wants_json,
                               &notes, arena);
  if (message) protobuf_c_message_get_packed_size(message);
  cb_arena_free(arena); /* the reason is a literal */
  return status.code == CB_OK ? "OK" : status.reason;
}

static void finish__any_cap_or_budget__too_large_or_memory(void **state) {
  const struct room_case room = {finish_with, NULL, 5};

  (void)state;
  expect_by_cap(&room, "RESPONSE_TOO_LARGE");
  expect_by_budget(&room);
}

/* --- streams ------------------------------------------------------------- */

static struct cb_status stream(struct cb_arena *arena,
                               const struct vtx_wants *wants,
                               const char *const *chunks, size_t max_text,
                               response_t **ret_last) {
  struct vtx_stream_answer answer;
  struct cb_status status = cb_status_ok();

  vtx_stream_answer_init(&answer, wants, max_text, NULL);
  for (; *chunks && status.code == CB_OK; chunks++) {
    struct vtx_codec_notes notes = {0};
    response_t *chunk = vertex_decode(
        arena, &vertexd__v1__generate_response__descriptor, *chunks, &notes);

    status = vtx_stream_answer_chunk(&answer, chunk, &notes, arena);
  }
  if (status.code == CB_OK)
    status = vtx_stream_answer_finish(&answer, arena, ret_last);
  vtx_stream_answer_release(&answer);
  return status;
}

#define TEXT(text) \
  "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"" text "\"}]}}]}"
#define STOP "{\"candidates\":[{\"finishReason\":\"STOP\"}]}"

static void stream__good__last_message_has_the_sums(void **state) {
  static const char *const chunks[] = {
      "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Che\"}]}}],"
      "\"usageMetadata\":{\"trafficType\":\"ON_DEMAND\"}}",
      "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"yenne\"}]},"
      "\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":6,"
      "\"candidatesTokenCount\":4,\"totalTokenCount\":10}}",
      NULL};
  response_t *last = NULL;

  assert_int_equal(stream(*state, &plain, chunks, 100, &last).code, CB_OK);
  assert_string_equal(last->id, "my-id");
  assert_string_equal(last->text, "");
  assert_string_equal(last->finish_reason_text, "STOP");
  assert_int_equal(last->token_count->total_tokens, 10);
}

static void stream__chunk__what_is_new_in_it(void **state) {
  struct vtx_stream_answer answer;
  struct vtx_codec_notes notes = {0};
  response_t *chunk = vertex_decode(
      *state, &vertexd__v1__generate_response__descriptor,
      "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},"
      "\"finishReason\":\"NEW\"}],\"x\":1}",
      &notes);

  vtx_stream_answer_init(&answer, &plain, 100, NULL);
  vtx_stream_answer_chunk(&answer, chunk, &notes, *state);
  assert_string_equal(chunk->text, "a");
  assert_string_equal(chunk->finish_reason_text, "NEW");
  assert_int_equal(chunk->n_unrecognized, 2);
  assert_null(chunk->token_count);
  vtx_stream_answer_release(&answer);
}

static void stream__running_totals__latest_wins(void **state) {
  static const char *const chunks[] = {
      "{\"usageMetadata\":{\"promptTokenCount\":6,\"candidatesTokenCount\":1,"
      "\"totalTokenCount\":7}}",
      "{\"usageMetadata\":{\"promptTokenCount\":6,\"candidatesTokenCount\":3,"
      "\"totalTokenCount\":9}}",
      TEXT("a"), STOP, NULL};
  response_t *last = NULL;

  stream(*state, &plain, chunks, 100, &last);
  assert_int_equal(last->token_count->completion_tokens, 3);
  assert_int_equal(last->token_count->total_tokens, 9);
}

static void stream__stop_on_every_chunk__goes_on(void **state) {
  static const char *const chunks[] = {
      "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},"
      "\"finishReason\":\"STOP\"}]}",
      "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"b\"}]},"
      "\"finishReason\":\"MAX_TOKENS\"}]}",
      NULL};
  response_t *last = NULL;

  assert_int_equal(stream(*state, &plain, chunks, 100, &last).code, CB_OK);
  assert_string_equal(last->finish_reason_text, "MAX_TOKENS");
  assert_null(last->token_count);
}

static void stream__no_finish_reason__truncated(void **state) {
  static const char *const some[] = {TEXT("a"), TEXT("b"), NULL};
  static const char *const none[] = {NULL};
  response_t *last = NULL;
  struct cb_status status = stream(*state, &plain, some, 100, &last);

  assert_int_equal(status.code, CB_UNAVAILABLE);
  assert_string_equal(status.reason, "UPSTREAM_TRUNCATED");
  assert_string_equal(stream(*state, &plain, none, 100, &last).reason,
                      "UPSTREAM_TRUNCATED");
  assert_null(last);
}

static void stream__blocked_or_empty__same_rule(void **state) {
  static const char *const blocked[] = {
      "{\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}", NULL};
  static const char *const empty[] = {TEXT(""), STOP, NULL};
  static const char *const filtered[] = {
      "{\"candidates\":[{\"finishReason\":\"SAFETY\"}]}", NULL};
  static const char *const withdrawn[] = {
      TEXT("a"), "{\"candidates\":[{\"finishReason\":\"RECITATION\"}]}", NULL};
  response_t *last = NULL;
  struct cb_status status = stream(*state, &plain, blocked, 100, &last);

  assert_string_equal(status.reason, "PROMPT_BLOCKED");
  assert_string_equal(metadata(&status, "block_reason"), "SAFETY");
  assert_string_equal(stream(*state, &plain, empty, 100, &last).reason,
                      "ANSWER_EMPTY");
  status = stream(*state, &plain, filtered, 100, &last);
  assert_string_equal(status.reason, "ANSWER_BLOCKED");
  assert_string_equal(status.finish_reason, "SAFETY");
  assert_int_equal(stream(*state, &plain, withdrawn, 100, &last).code, CB_OK);
  assert_string_equal(last->finish_reason_text, "RECITATION");
}

/* 85 times three bytes are kept whole; of 86 the last one is left out. */
static void stream__end_in_words__told_and_cut_between_characters(
    void **state) {
  static const char head[] = "{\"candidates\":[{\"finishReason\":\"SAFETY\"}]}";
  response_t *last = NULL;

  for (int count = 85; count <= 86; count++) {
    struct cb_buf words;
    const char *chunks[] = {head, NULL, NULL};
    struct cb_status status;

    cb_buf_init(&words, 4096, NULL);
    cb_buf_add_text(&words, "{\"candidates\":[{\"finishMessage\":\"");
    for (int i = 0; i < count; i++)
      cb_buf_add_text(&words, "\xe2\x82\xac");
    cb_buf_add_text(&words, "\"}]}");
    chunks[1] = words.data;
    status = stream(*state, &plain, chunks, 100, &last);
    assert_string_equal(status.reason, "ANSWER_BLOCKED");
    assert_int_equal(strlen(metadata(&status, "finish_message")), 255);
    assert_true(strstr(status.message, "\xe2\x82\xac"));
    cb_buf_release(&words);
  }
}

static void stream__json__from_all_chunks(void **state) {
  static const char *const good[] = {TEXT("```json\\n{\\\"a\\\""),
                                     TEXT(":1}\\n```"), STOP, NULL};
  static const char *const bad[] = {TEXT("sor"), TEXT("ry"), STOP, NULL};
  response_t *last = NULL;
  struct cb_status status = stream(*state, &wants_json, good, 100, &last);

  assert_int_equal(status.code, CB_OK);
  assert_string_equal(last->json, "{\"a\":1}");
  status = stream(*state, &wants_json, bad, 100, &last);
  assert_string_equal(status.reason, "JSON_INVALID");
  assert_string_equal(metadata(&status, "text"), "sorry");
}

static void stream__json_at_cap__taken_one_more_refused(void **state) {
  static const char *const chunks[] = {TEXT("[1,"), TEXT("2]"), STOP, NULL};
  response_t *last = NULL;

  assert_int_equal(stream(*state, &wants_json, chunks, 5, &last).code, CB_OK);
  assert_string_equal(stream(*state, &wants_json, chunks, 4, &last).reason,
                      "RESPONSE_TOO_LARGE");
  assert_int_equal(stream(*state, &plain, chunks, 4, &last).code, CB_OK);
}

static const char *stream_with(void *ctx, size_t cap,
                               struct cb_budget *budget) {
  struct cb_arena *chunks = cb_arena_new(NULL, SIZE_MAX, 0);
  struct cb_arena *arena = cb_arena_new(budget, cap, 64);
  struct vtx_codec_notes notes = {0};
  response_t *chunk =
      vertex_decode(chunks, &vertexd__v1__generate_response__descriptor,
                    "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":"
                    "\"{}\"}]},\"finishReason\":\"NEW\"}],\"x\":1}",
                    &notes);
  struct vtx_stream_answer answer;
  response_t *last = NULL;
  struct cb_status status = cb_status_make(CB_UNKNOWN, "", "");

  (void)ctx;
  vtx_stream_answer_init(&answer, &wants_json, 100, budget);
  if (arena) status = vtx_stream_answer_chunk(&answer, chunk, &notes, arena);
  if (status.code == CB_OK)
    status = vtx_stream_answer_finish(&answer, arena, &last);
  vtx_stream_answer_release(&answer);
  cb_arena_free(arena);
  cb_arena_free(chunks);
  return status.code == CB_OK ? "OK" : status.reason;
}

static void stream__any_cap_or_budget__too_large_or_memory(void **state) {
  const struct room_case room = {stream_with, NULL, 5};

  (void)state;
  expect_by_cap(&room, "RESPONSE_TOO_LARGE");
  expect_by_budget(&room);
}

static void stream__json_without_memory__server_memory(void **state) {
  struct vtx_codec_notes notes = {0};
  response_t *chunk = vertex_decode(
      *state, &vertexd__v1__generate_response__descriptor, TEXT("[1"), &notes);
  struct vtx_stream_answer answer;
  struct cb_budget none;
  struct cb_status status;

  cb_budget_init(&none, 0);
  vtx_stream_answer_init(&answer, &wants_json, 100, &none);
  status = vtx_stream_answer_chunk(&answer, chunk, &notes, *state);
  assert_string_equal(status.reason, "SERVER_MEMORY");
  assert_true(status.retryable);
  vtx_stream_answer_release(&answer);
}

#define TEST(name) \
  cmocka_unit_test_setup_teardown(name, vertex_set_up, vertex_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(finish__good_answer__own_fields_filled),
      TEST(finish__unknown_finish_reason__its_text),
      TEST(finish__content_that_was_cut__ok),
      TEST(finish__any_part_but_an_empty_text__content),
      TEST(finish__content_in_second_candidate__ok),
      TEST(finish__prompt_blocked__reason_and_usage),
      TEST(finish__nothing_in_it__empty_or_blocked),
      TEST(finish__finish_message__told),
      TEST(tokens__partial_usage__made_the_best_of),
      TEST(finish__json_wanted__exact_text),
      TEST(finish__no_json__error_with_text),
      TEST(finish__long_text_that_is_no_json__cut_at_1000),
      TEST(finish__function_call_where_json_is_wanted__ok),
      TEST(finish__any_cap_or_budget__too_large_or_memory),
      TEST(stream__good__last_message_has_the_sums),
      TEST(stream__chunk__what_is_new_in_it),
      TEST(stream__running_totals__latest_wins),
      TEST(stream__stop_on_every_chunk__goes_on),
      TEST(stream__no_finish_reason__truncated),
      TEST(stream__blocked_or_empty__same_rule),
      TEST(stream__end_in_words__told_and_cut_between_characters),
      TEST(stream__json__from_all_chunks),
      TEST(stream__json_at_cap__taken_one_more_refused),
      TEST(stream__any_cap_or_budget__too_large_or_memory),
      TEST(stream__json_without_memory__server_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
