#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/budget.h"
#include "support/room_help.h"
#include "support/vertex_help.h"
#include "tests/unit/cmocka_all.h"
#include "vertexd/v1/vertexd.pb-c.h"

#define RESPONSE (&vertexd__v1__generate_response__descriptor)

typedef Vertexd__V1__GenerateResponse response_t;

static struct cb_status refused(struct cb_arena *arena,
                                const ProtobufCMessageDescriptor *type,
                                const char *text) {
  ProtobufCMessage *message = NULL;
  struct cb_status status = vertex_try_decode(
      arena, (struct vtx_codec_source){.type = type}, text, NULL, &message);

  assert_int_equal(status.code, CB_INTERNAL);
  assert_string_equal(status.reason, "UPSTREAM_MALFORMED");
  assert_null(message);
  return status;
}

/* --- recorded shapes ----------------------------------------------------- */

static void decode__whole_answer__every_field_read(void **state) {
  struct vtx_codec_notes notes = {0};
  response_t *response = vertex_decode(
      *state, RESPONSE,
      "{\"candidates\":[{\"index\":0,\"content\":{\"role\":\"model\","
      "\"parts\":[{\"text\":\"Hi\"}]},\"finishReason\":\"STOP\","
      "\"avgLogprobs\":-0.1,\"safetyRatings\":[{\"category\":"
      "\"HARM_CATEGORY_HATE_SPEECH\",\"probability\":\"NEGLIGIBLE\","
      "\"probabilityScore\":0.03,\"severity\":\"HARM_SEVERITY_NEGLIGIBLE\"}],"
      "\"citationMetadata\":{\"citations\":[{\"startIndex\":0,\"endIndex\":10,"
      "\"uri\":\"u\",\"publicationDate\":{\"year\":2019,\"month\":5,"
      "\"day\":10}}]}}],\"usageMetadata\":{\"promptTokenCount\":12013,"
      "\"totalTokenCount\":12101,\"promptTokensDetails\":[{\"modality\":"
      "\"TEXT\",\"tokenCount\":12013}],\"trafficType\":\"ON_DEMAND\"},"
      "\"modelVersion\":\"m\",\"createTime\":\"2026-04-01T12:00:00.123456Z\","
      "\"responseId\":\"r\"}",
      &notes);
  Vertexd__V1__Candidate *candidate = response->candidates[0];

  assert_int_equal(notes.count, 0);
  assert_int_equal(response->n_candidates, 1);
  assert_string_equal(candidate->content->parts[0]->text, "Hi");
  assert_int_equal(candidate->finish_reason,
                   VERTEXD__V1__CANDIDATE__FINISH_REASON__STOP);
  assert_true(candidate->avg_logprobs == -0.1);
  assert_true(candidate->safety_ratings[0]->probability_score == 0.03f);
  assert_int_equal(
      candidate->citation_metadata->citations[0]->publication_date->year, 2019);
  assert_int_equal(response->usage_metadata->total_token_count, 12101);
  assert_int_equal(response->create_time->seconds, 1775044800);
  assert_int_equal(response->create_time->nanos, 123456000);
  assert_string_equal(response->response_id, "r");
}

static void decode__bare_shapes__taken(void **state) {
  static const char *const shapes[] = {
      "{}",
      "{\"candidates\":[]}",
      "{\"candidates\":[{}]}",
      "{\"candidates\":[{\"content\":{}}]}",
      "{\"candidates\":[{\"content\":{\"role\":\"model\"}}]}",
      "{\"candidates\":[{\"content\":{\"parts\":[{}]}}]}",
      "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}]}}]}",
      ("{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":"
       "{\"name\":\"f\"}}]}}]}"),
      "{\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}",
      "{\"usageMetadata\":{\"trafficType\":\"ON_DEMAND\"}}",
      " \r\n{\"candidates\":null,\"usageMetadata\":null}\n",
  };

  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    struct vtx_codec_notes notes = {0};

    vertex_decode(*state, RESPONSE, shapes[i], &notes);
    assert_int_equal(notes.count, 0);
  }
}

static void decode__snake_case_names__taken(void **state) {
  struct vtx_codec_notes notes = {0};
  response_t *response =
      vertex_decode(*state, RESPONSE,
                    "{\"model_version\":\"m\",\"responseId\":\"r\"}", &notes);

  assert_string_equal(response->model_version, "m");
  assert_string_equal(response->response_id, "r");
  assert_int_equal(notes.count, 0);
}

static void decode__missing_strings__empty_not_null(void **state) {
  response_t *response = vertex_decode(*state, RESPONSE, "{}", NULL);

  assert_ptr_equal(response->model_version, protobuf_c_empty_string);
}

static void decode__key_twice__last_wins(void **state) {
  response_t *response = vertex_decode(
      *state, RESPONSE, "{\"responseId\":\"a\",\"responseId\":\"b\"}", NULL);

  assert_string_equal(response->response_id, "b");
}

/* --- what is not known --------------------------------------------------- */

static void decode__unknown_field__noted(void **state) {
  struct vtx_codec_notes notes = {0};

  vertex_decode(*state, RESPONSE,
                "{\"candidates\":[{},{\"content\":{\"parts\":[{\"newThing\":"
                "{\"a\":[1,\"/\"]}}]}}]}",
                &notes);
  assert_int_equal(notes.count, 1);
  assert_string_equal(notes.first->path,
                      "candidates[1].content.parts[0].newThing");
  assert_string_equal(notes.first->json, "{\"a\":[1,\"/\"]}");
  assert_null(notes.first->next);
}

static void decode__unknown_enum__noted_and_zero(void **state) {
  struct vtx_codec_notes notes = {0};
  response_t *response =
      vertex_decode(*state, RESPONSE,
                    "{\"candidates\":[{\"finishReason\":\"LANGUAGE\"},"
                    "{\"finishReason\":2},{\"finishReason\":999}]}",
                    &notes);

  assert_int_equal(notes.count, 2);
  assert_string_equal(notes.first->path, "candidates[0].finishReason");
  assert_string_equal(notes.first->json, "\"LANGUAGE\"");
  assert_int_equal(response->candidates[0]->finish_reason, 0);
  assert_int_equal(response->candidates[1]->finish_reason,
                   VERTEXD__V1__CANDIDATE__FINISH_REASON__MAX_TOKENS);
  assert_int_equal(response->candidates[2]->finish_reason, 0);
}

/* Unknown fields crowd in before an unknown finish reason. */
static char *crowded(struct cb_arena *arena) {
  size_t room = 400 * 1024;
  char *text = cb_arena_alloc(arena, room);
  size_t size = (size_t)snprintf(text, room, "{");

  for (int i = 0; i < 100; i++)
    size += (size_t)snprintf(text + size, room - size, "\"x%d\":\"%03000d\",",
                             i, i);
  snprintf(text + size, room - size,
           "\"candidates\":[{\"finishReason\":\"LANGUAGE\"}]}");
  return text;
}

static void decode__many_unknown__bytes_capped(void **state) {
  struct vtx_codec_notes notes = {0};
  const struct vtx_unrecognized *last;
  size_t bytes = 0;

  vertex_decode(*state, RESPONSE, crowded(*state), &notes);
  assert_int_equal(notes.count, 101);
  for (last = notes.first;; last = last->next) {
    bytes += strlen(last->path) + strlen(last->json);
    if (!last->next) break;
  }
  assert_int_equal(bytes, notes.bytes);
  assert_true(bytes <= 64 * 1024 && bytes > 56 * 1024);
  assert_string_equal(last->json, "\"LANGUAGE\"");
}

static void decode__large_unknown__cut(void **state) {
  struct vtx_codec_notes notes = {0};
  char text[6000];

  snprintf(text, sizeof text, "{\"x\":\"%05000d\"}", 0);
  vertex_decode(*state, RESPONSE, text, &notes);
  assert_int_equal(strlen(notes.first->json), 4096);
}

/* --- strings and bytes --------------------------------------------------- */

static void decode__nul__replaced_and_counted(void **state) {
  struct vtx_codec_notes notes = {0};
  response_t *response = vertex_decode(
      *state, RESPONSE,
      "{\"responseId\":\"a\\u0000b\\u0000\",\"modelVersion\":\"\\ud800x\","
      "\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"args\":"
      "{\"k\\u0000\":\"\\u0000\"}}}]}}]}",
      &notes);
  Google__Protobuf__Struct *args =
      response->candidates[0]->content->parts[0]->function_call->args;

  assert_string_equal(response->response_id,
                      "a\xef\xbf\xbd"
                      "b\xef\xbf\xbd");
  assert_string_equal(response->model_version, "\xef\xbf\xbdx");
  assert_string_equal(args->fields[0]->key, "k\xef\xbf\xbd");
  assert_string_equal(args->fields[0]->value->string_value, "\xef\xbf\xbd");
  assert_int_equal(notes.nul_replaced, 3);
}

static void parse__bad_utf8__refused(void **state) {
  static const char *const texts[] = {
      "{\"responseId\":\"\xc0\x80\"}",     /* overlong */
      "{\"responseId\":\"\xed\xa0\x80\"}", /* a surrogate */
      "{\"responseId\":\"\xff\"}",
      "{\"\xf4\x90\x80\x80\":1}", /* past the last character */
  };

  for (size_t i = 0; i < 4; i++)
    assert_non_null(
        strstr(refused(*state, RESPONSE, texts[i]).message, "UTF-8"));
}

static void decode__base64__both_alphabets(void **state) {
  static const char *const texts[] = {"//4B", "__4B", "/w==", "_w"};
  static const size_t sizes[] = {3, 3, 1, 1};

  for (size_t i = 0; i < 4; i++) {
    char text[64];
    Vertexd__V1__Blob *blob;

    snprintf(text, sizeof text, "{\"data\":\"%s\"}", texts[i]);
    blob = vertex_decode(*state, &vertexd__v1__blob__descriptor, text, NULL);
    assert_int_equal(blob->data.len, sizes[i]);
    assert_int_equal(blob->data.data[0], 0xff);
  }
  assert_non_null(strstr(
      refused(*state, &vertexd__v1__blob__descriptor, "{\"data\":\"a*==\"}")
          .message,
      "data in the answer is not base64"));
}

/* --- numbers ------------------------------------------------------------- */

static void decode__whole_numbers__at_their_limits(void **state) {
  static const struct {
    const char *text;
    int32_t number;
  } cases[] = {{"2147483647", INT32_MAX},
               {"-2147483648", INT32_MIN},
               {"\"7\"", 7},
               {"7.0", 7},
               {"7e1", 70},
               {"\"-7.0e0\"", -7},
               {"-0", 0}};

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[64];
    Vertexd__V1__CountTokensResponse *count;

    snprintf(text, sizeof text, "{\"totalTokens\":%s}", cases[i].text);
    count = vertex_decode(
        *state, &vertexd__v1__count_tokens_response__descriptor, text, NULL);
    assert_int_equal(count->total_tokens, cases[i].number);
  }
}

static void decode__no_whole_number__path_named(void **state) {
  static const char *const texts[] = {"2147483648", "-2147483649",
                                      "1.5",        "\"x\"",
                                      "\"\"",       "\" 7\"",
                                      "true",       "[1]",
                                      "\"0x7\"",    "1e300",
                                      "\"NaN\"",    "\"7 \"",
                                      "\"+7\"",     "99999999999999999999999"};

  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    char text[128];

    snprintf(text, sizeof text, "{\"usageMetadata\":{\"promptTokenCount\":%s}}",
             texts[i]);
    assert_non_null(strstr(refused(*state, RESPONSE, text).message,
                           "usageMetadata.promptTokenCount in the answer"));
  }
}

static void decode__int64__string_or_number_to_the_last_bit(void **state) {
  static const struct {
    const char *text;
    int64_t number;
  } cases[] = {{"\"9223372036854775807\"", INT64_MAX},
               {"9223372036854775807", INT64_MAX},
               {"\"-9223372036854775808\"", INT64_MIN},
               {"-9223372036854775808", INT64_MIN},
               {"9007199254740993", 9007199254740993}};
  static const char *const bad[] = {
      "9223372036854775808",  "\"9223372036854775808\"",
      "-9223372036854775809", "\"-9223372036854775809\"",
      "18446744073709551615", "\"18446744073709551615\"",
      "18446744073709551616", "\"18446744073709551616\""};
  const ProtobufCMessageDescriptor *type = &vertexd__v1__schema__descriptor;
  char text[64];

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Vertexd__V1__Schema *schema;

    snprintf(text, sizeof text, "{\"maxItems\":%s}", cases[i].text);
    schema = vertex_decode(*state, type, text, NULL);
    assert_true(schema->max_items == cases[i].number);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    snprintf(text, sizeof text, "{\"maxItems\":%s}", bad[i]);
    refused(*state, type, text);
  }
}

static void decode__doubles__specials_and_overflow(void **state) {
  const ProtobufCMessageDescriptor *type = &vertexd__v1__candidate__descriptor;
  Vertexd__V1__Candidate *candidate;

  candidate = vertex_decode(*state, type, "{\"score\":\"NaN\"}", NULL);
  assert_true(isnan(candidate->score));
  candidate = vertex_decode(*state, type, "{\"score\":\"-Infinity\"}", NULL);
  assert_true(isinf(candidate->score) && candidate->score < 0);
  candidate = vertex_decode(*state, type, "{\"score\":\"1.5\"}", NULL);
  assert_true(candidate->score == 1.5);
  refused(*state, type, "{\"score\":1e999}");
  refused(*state, type, "{\"score\":\"1e999\"}");
  refused(*state, &vertexd__v1__safety_rating__descriptor,
          "{\"probabilityScore\":1e39}");
}

static void decode__big_integer_in_value__not_clamped(void **state) {
  Google__Protobuf__Value *value = vertex_decode(
      *state, &google__protobuf__value__descriptor,
      "[1000000000000000000000000,-1e2,18446744073709551616]", NULL);

  assert_true(value->list_value->values[0]->number_value == 1e24);
  assert_true(value->list_value->values[1]->number_value == -100);
  assert_true(value->list_value->values[2]->number_value ==
              18446744073709551616.0);
}

static void decode__minus_zero__keeps_its_sign(void **state) {
  Google__Protobuf__Value *value =
      vertex_decode(*state, &google__protobuf__value__descriptor, "-0", NULL);

  assert_true(signbit(value->number_value) != 0);
  assert_string_equal(vertex_encode(*state, &value->base, NULL), "-0");
}

/* --- kinds --------------------------------------------------------------- */

static void decode__wrong_kind__path_named(void **state) {
  static const struct {
    const char *text;
    const char *message;
  } cases[] = {
      {"[]", "the outermost value in the answer is not an object"},
      {"{\"candidates\":{}}", "candidates in the answer is not an array"},
      {"{\"candidates\":[7]}", "candidates[0] in the answer is not an object"},
      {"{\"candidates\":[null]}",
       "candidates[0] in the answer is not an object"},
      {"{\"responseId\":7}", "responseId in the answer is not a string"},
      {"{\"candidates\":[{\"content\":{\"parts\":[{\"thought\":\"true\"}]}}]}",
       "candidates[0].content.parts[0].thought in the answer"},
      {"{\"candidates\":[{\"finishReason\":true}]}",
       "candidates[0].finishReason in the answer"},
      {"{\"createTime\":\"yesterday\"}", "createTime in the answer"},
      {"{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":"
       "{\"args\":[]}}]}}]}",
       "functionCall.args in the answer is not an object"},
  };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_non_null(strstr(refused(*state, RESPONSE, cases[i].text).message,
                           cases[i].message));
}

static void decode__null__unset_but_for_value(void **state) {
  Vertexd__V1__FunctionDeclaration *function = vertex_decode(
      *state, &vertexd__v1__function_declaration__descriptor,
      "{\"name\":null,\"parameters\":null,\"parametersJsonSchema\":null}",
      NULL);

  assert_string_equal(function->name, "");
  assert_null(function->parameters);
  assert_int_equal(function->parameters_json_schema->kind_case,
                   GOOGLE__PROTOBUF__VALUE__KIND_NULL_VALUE);
}

static void decode__timestamps__offsets_and_bad_ones(void **state) {
  static const char *const good[] = {"2026-04-01T14:00:00+02:00",
                                     "2026-04-01t11:30:00.000-00:30",
                                     "2026-04-01T12:00:00.000000000z"};
  static const char *const bad[] = {
      "2026-02-29T00:00:00Z",     "2026-13-01T00:00:00Z",
      "2026-04-01T24:00:00Z",     "2026-04-01T12:00:00",
      "2026-04-01 12:00:00Z",     "0000-04-01T12:00:00Z",
      "2026-04-01T12:00:00.Z",    "2026-04-01T12:00:00Zx",
      "0001-01-01T00:00:00+00:01"};
  char text[80];

  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    response_t *response;

    snprintf(text, sizeof text, "{\"createTime\":\"%s\"}", good[i]);
    response = vertex_decode(*state, RESPONSE, text, NULL);
    assert_int_equal(response->create_time->seconds, 1775044800);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    snprintf(text, sizeof text, "{\"createTime\":\"%s\"}", bad[i]);
    refused(*state, RESPONSE, text);
  }
}

/* --- depth and memory ---------------------------------------------------- */

/* Levels: response 1, candidate 2, content 3, part 4, call 5, args 6, its
 * entry 7, the value 8; each list in it two more. */
static struct cb_status nested_args(struct cb_arena *arena, int lists,
                                    int depth_above) {
  struct vtx_codec_source source = {RESPONSE, NULL, depth_above};
  ProtobufCMessage *message;
  char *text = cb_arena_printf(
      arena,
      "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"args\":"
      "{\"k\":%s}}}]}}]}",
      vertex_nested(arena, "[", "1", "]", lists));

  return vertex_try_decode(arena, source, text, NULL, &message);
}

static void decode__100_levels__taken_101_refused(void **state) {
  struct cb_status status;

  assert_int_equal(nested_args(*state, 46, 0).code, CB_OK);
  status = nested_args(*state, 46, 1);
  assert_string_equal(status.reason, "UPSTREAM_MALFORMED");
  assert_non_null(strstr(status.message, "deeper than 100 message levels"));
  assert_int_equal(nested_args(*state, 45, 2).code, CB_OK);
  assert_int_equal(nested_args(*state, 47, 0).code, CB_INTERNAL);
}

static void parse__256_deep__taken_257_refused(void **state) {
  struct json_object *object = NULL;
  char *text = vertex_nested(*state, "[", "", "]", 257);

  assert_int_equal(
      vtx_json_parse(text + 1, strlen(text) - 2, *state, &object).code, CB_OK);
  json_object_put(object);
  assert_int_equal(vtx_json_parse(text, strlen(text), *state, &object).code,
                   CB_INTERNAL);
  text = vertex_nested(*state, "{\"a\":", "1", "}", 100000);
  assert_int_equal(vtx_json_parse(text, strlen(text), *state, &object).code,
                   CB_INTERNAL);
}

static void parse__not_json__refused(void **state) {
  static const char *const texts[] = {"",
                                      " ",
                                      "{",
                                      "{\"a\":1",
                                      "{\"a\":1,}",
                                      "[1,]",
                                      "NaN",
                                      "{\"a\":NaN}",
                                      "[Infinity]",
                                      "{'a':1}",
                                      "{\"a\":01}",
                                      "// x\n{}",
                                      "{} {}",
                                      "{\"a\":\"\t\"}",
                                      "True",
                                      "\"\\x\"",
                                      "\"\\u12g4\"",
                                      "[1.]",
                                      "[-]",
                                      "\xef\xbb\xbf{}"};
  struct json_object *object;

  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    assert_string_equal(
        vtx_json_parse(texts[i], strlen(texts[i]), *state, &object).reason,
        "UPSTREAM_MALFORMED");
}

static void parse__scalars__taken(void **state) {
  static const char *const texts[] = {"7",     "-1.5e-3", "true",
                                      "\"x\"", "null",    "0"};

  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct json_object *object = NULL;

    assert_int_equal(
        vtx_json_parse(texts[i], strlen(texts[i]), *state, &object).code,
        CB_OK);
    assert_true((object == NULL) == (strcmp(texts[i], "null") == 0));
    json_object_put(object);
  }
}

static void parse__any_root__charged_as_long_as_it_lives(void **state) {
  static const struct {
    const char *text;
    size_t least; /* that a tree of it was seen to take */
  } cases[] = {{"[{},{},{}]", 2400}, {"{\"a\":[[],[]]}", 700},
               {"1.5", 0},           {"\"x\"", 0},
               {"null", 0},          {"{\"a\":-0}", 400}};

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct json_object *object = NULL;
    struct cb_budget budget;
    struct cb_arena *arena;
    size_t before;

    cb_budget_init(&budget, 10000);
    arena = cb_arena_new(&budget, SIZE_MAX, 0);
    before = cb_budget_used(&budget);
    assert_int_equal(
        vtx_json_parse(cases[i].text, strlen(cases[i].text), arena, &object)
            .code,
        CB_OK);
    assert_true(cb_budget_used(&budget) >= before + cases[i].least);
    json_object_put(object);
    assert_int_equal(cb_budget_used(&budget), before);
    cb_arena_free(arena);
  }
  (void)state;
}

/* Each name has its place in a table with room to spare. */
static void parse__many_names__charged_too(void **state) {
  struct json_object *object = NULL;
  struct cb_budget budget;
  struct cb_arena *arena;
  char text[16 * 1024] = "{";
  size_t size = 1;

  cb_budget_init(&budget, SIZE_MAX);
  arena = cb_arena_new(&budget, SIZE_MAX, 0);
  for (int i = 0; i < 1000; i++)
    size += (size_t)snprintf(text + size, 16, "\"%d\":1,", i);
  text[size - 1] = '}';
  assert_int_equal(vtx_json_parse(text, size, arena, &object).code, CB_OK);
  assert_true(cb_budget_used(&budget) >= (size_t)1000 * 200);
  json_object_put(object);
  cb_arena_free(arena);
  (void)state;
}

static void parse__tree_past_the_budget__server_memory(void **state) {
  static const char text[] = "[{},{},{}]";
  struct json_object *object = NULL;
  struct cb_budget budget;
  struct cb_arena *arena;
  struct cb_status status;

  cb_budget_init(&budget, 3000);
  arena = cb_arena_new(&budget, SIZE_MAX, 0);
  status = vtx_json_parse(text, strlen(text), arena, &object);
  assert_string_equal(status.reason, "SERVER_MEMORY");
  assert_null(object);
  cb_arena_free(arena);
  assert_int_equal(cb_budget_used(&budget), 0);
  (void)state;
}

static const char *decode_with(void *ctx, size_t cap,
                               struct cb_budget *budget) {
  static const char text[] =
      "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"abc\"},"
      "{\"functionCall\":{\"args\":{\"a\":[1,{\"b\":null}]}}}]},"
      "\"finishReason\":\"NEW\"}],\"x\":1,\"createTime\":"
      "\"2026-04-01T12:00:00Z\"}";
  struct cb_arena *arena = cb_arena_new(budget, cap, 64);
  ProtobufCMessage *message = NULL;
  struct cb_status status;

  (void)ctx;
  if (!arena) return "";
  status = vertex_try_decode(arena, (struct vtx_codec_source){.type = RESPONSE},
                             text, NULL, &message);
  cb_arena_free(arena); /* the reason is a literal */
  assert_int_equal(status.retryable,
                   strcmp(status.reason, "SERVER_MEMORY") == 0);
  return status.code == CB_OK ? "OK" : status.reason;
}

static const struct room_case decoding = {decode_with, NULL, 10};

static void decode__any_cap__too_large_or_ok(void **state) {
  (void)state;
  expect_by_cap(&decoding, "RESPONSE_TOO_LARGE");
}

static void decode__any_budget__server_memory_or_ok(void **state) {
  (void)state;
  expect_by_budget(&decoding);
}

#define TEST(name) \
  cmocka_unit_test_setup_teardown(name, vertex_set_up, vertex_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(decode__whole_answer__every_field_read),
      TEST(decode__bare_shapes__taken),
      TEST(decode__snake_case_names__taken),
      TEST(decode__missing_strings__empty_not_null),
      TEST(decode__key_twice__last_wins),
      TEST(decode__unknown_field__noted),
      TEST(decode__unknown_enum__noted_and_zero),
      TEST(decode__many_unknown__bytes_capped),
      TEST(decode__large_unknown__cut),
      TEST(decode__nul__replaced_and_counted),
      TEST(parse__bad_utf8__refused),
      TEST(decode__base64__both_alphabets),
      TEST(decode__whole_numbers__at_their_limits),
      TEST(decode__no_whole_number__path_named),
      TEST(decode__int64__string_or_number_to_the_last_bit),
      TEST(decode__doubles__specials_and_overflow),
      TEST(decode__big_integer_in_value__not_clamped),
      TEST(decode__minus_zero__keeps_its_sign),
      TEST(decode__wrong_kind__path_named),
      TEST(decode__null__unset_but_for_value),
      TEST(decode__timestamps__offsets_and_bad_ones),
      TEST(decode__100_levels__taken_101_refused),
      TEST(parse__256_deep__taken_257_refused),
      TEST(parse__not_json__refused),
      TEST(parse__scalars__taken),
      TEST(parse__any_root__charged_as_long_as_it_lives),
      TEST(parse__many_names__charged_too),
      TEST(parse__tree_past_the_budget__server_memory),
      TEST(decode__any_cap__too_large_or_ok),
      TEST(decode__any_budget__server_memory_or_ok),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
