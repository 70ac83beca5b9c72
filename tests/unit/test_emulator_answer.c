#include <json-c/json.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "service/emulator/defaults.h"
#include "service/emulator/reply.h"
#include "service/emulator/respond.h"
#include "service/emulator/rest_schema.h"
#include "service/emulator/target.h"
#include "tests/unit/cmocka_all.h"

#define MODEL "/v1/projects/p/locations/l/publishers/google/models/m:"

struct fixture {
  struct vtx_emu_responder responder;
  struct vtx_emu_defaults defaults;
  struct vtx_emu_targets targets;
  struct vtx_emu_reply reply;
  const char *tier; /* X-Vertex-AI-LLM-Shared-Request-Type */
  struct cb_arena *arena;
};

static int setup(void **state) {
  struct cb_arena *arena = cb_arena_new(NULL, 64 << 20, 0);
  struct fixture *fixture = cb_arena_zalloc(arena, 1, sizeof *fixture);
  struct vtx_emu_knobs first;

  fixture->arena = arena;
  fixture->responder.schema = vtx_emu_schema_new();
  first = vtx_emu_knobs_default();
  vtx_emu_defaults_init(&fixture->defaults, &first);
  fixture->responder.defaults = &fixture->defaults;
  fixture->responder.targets = &fixture->targets;
  fixture->responder.random = 1;
  *state = fixture;
  return fixture->responder.schema && vtx_emu_targets_init(&fixture->targets, 0)
             ? 0
             : -1;
}

static int teardown(void **state) {
  struct fixture *fixture = *state;

  vtx_emu_schema_free(
      (struct vtx_emu_schema *)(uintptr_t)fixture->responder.schema);
  vtx_emu_targets_release(&fixture->targets);
  cb_arena_free(fixture->arena);
  return 0;
}

/* What a request is looked up in. */
struct query {
  const struct fixture *fixture;
  const char *alt;
};

static const char *header(const struct vtx_emu_request *request,
                          const char *name) {
  const struct query *query = request->http;
  bool shared = strcmp(name, "X-Vertex-AI-LLM-Shared-Request-Type") == 0;

  return shared ? query->fixture->tier : NULL;
}

static const char *parameter(const struct vtx_emu_request *request,
                             const char *name) {
  const struct query *query = request->http;

  return strcmp(name, "alt") == 0 ? query->alt : NULL;
}

static void respond(struct fixture *fixture, const char *path, const char *alt,
                    const char *body) {
  struct query query = {fixture, alt};
  struct vtx_emu_request request = {.arena = fixture->arena,
                                    .method = "POST",
                                    .path = path,
                                    .body = body,
                                    .body_size = strlen(body),
                                    .header = header,
                                    .parameter = parameter,
                                    .http = &query};
  struct vtx_emu_route route;

  assert_true(vtx_emu_route_read(&route, fixture->arena, path));
  request.target =
      vtx_emu_targets_find(&fixture->targets, route.location, route.model);
  vtx_emu_target_begin(request.target);
  vtx_emu_respond(&fixture->responder, &request, &route, &fixture->reply);
  vtx_emu_target_end(request.target);
}

static void put_tree(void *tree) { json_object_put(tree); }

static struct json_object *parse(struct fixture *fixture, const char *text,
                                 size_t size) {
  struct json_object *tree =
      json_tokener_parse(cb_arena_memdup(fixture->arena, text, size));

  if (!tree) fail_msg("no JSON: %.*s", (int)size, text);
  cb_arena_defer(fixture->arena, put_tree, tree);
  return tree;
}

/* The answer to a generateContent body. */
static struct json_object *generate(struct fixture *fixture, const char *body) {
  respond(fixture, MODEL "generateContent", NULL, body);
  assert_int_equal(fixture->reply.piece_count, 1);
  return parse(fixture, fixture->reply.pieces[0].data,
               fixture->reply.pieces[0].size);
}

/* What a path of names and numbers leads to, e.g. "candidates.0.content". */
static struct json_object *at(struct json_object *value, const char *path) {
  char copy[128];
  char *rest = copy;
  char *word;

  assert_true(strlen(path) < sizeof copy);
  memcpy(copy, path, strlen(path) + 1);
  while (value && (word = strtok_r(rest, ".", &rest))) {
    if (json_object_is_type(value, json_type_array)) {
      value = json_object_array_get_idx(value, (size_t)(*word - '0'));
    } else {
      json_object_object_get_ex(value, word, &value);
    }
  }
  return value;
}

static const char *text_at(struct json_object *value, const char *path) {
  const char *text = json_object_get_string(at(value, path));

  return text ? text : "(nothing)";
}

static int64_t number_at(struct json_object *value, const char *path) {
  return json_object_get_int64(at(value, path));
}

#define PROMPT(text) \
  "\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"" text "\"}]}]"
#define FIRST_TEXT "candidates.0.content.parts.0.text"
#define FINISH "candidates.0.finishReason"

static void answer__plain_prompt__names_prompt_and_model(void **state) {
  struct json_object *answer =
      generate(*state, "{" PROMPT("What is quantum computing?") "}");

  assert_string_equal(text_at(answer, FIRST_TEXT),
                      "You asked: \"What is quantum computing?\" The emulator "
                      "answers in place of m.");
  assert_string_equal(text_at(answer, FINISH), "STOP");
  assert_int_equal(number_at(answer, "usageMetadata.promptTokenCount"), 7);
  assert_int_equal(number_at(answer, "usageMetadata.totalTokenCount"),
                   7 + number_at(answer, "usageMetadata.candidatesTokenCount"));
  assert_string_equal(text_at(answer, "usageMetadata.trafficType"),
                      "ON_DEMAND");
  assert_string_equal(text_at(answer, "modelVersion"), "m");
}

static void answer__same_prompt_twice__is_the_same(void **state) {
  struct json_object *first = generate(*state, "{" PROMPT("hello") "}");
  struct json_object *second = generate(*state, "{" PROMPT("hello") "}");

  assert_string_equal(text_at(first, FIRST_TEXT), text_at(second, FIRST_TEXT));
}

static void answer__turns_media_and_system__are_mentioned(void **state) {
  const char *text = text_at(
      generate(*state,
               "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":"
               "\"one\"}]},{\"role\":\"model\",\"parts\":[{\"text\":\"two\"}]}"
               ",{\"role\":\"user\",\"parts\":[{\"text\":\"three\"},"
               "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":"
               "\"__4B\"}},{\"fileData\":{\"mimeType\":\"video/mp4\","
               "\"fileUri\":\"gs://b/o\"}}]}],\"systemInstruction\":"
               "{\"parts\":[{\"text\":\"be brief\"}]}}"),
      FIRST_TEXT);

  assert_non_null(strstr(text, "You asked: \"three\""));
  assert_non_null(strstr(text, "instruction \"be brief\""));
  assert_non_null(strstr(text, "turn 3"));
  assert_non_null(strstr(text, "image/png of 3 bytes"));
  assert_non_null(strstr(text, "gs://b/o (video/mp4)"));
}

static void answer__several_candidates__are_told_apart(void **state) {
  struct json_object *answer = generate(
      *state, "{" PROMPT("hi") ",\"generationConfig\":{\"candidateCount\":3}}");

  assert_int_equal(json_object_array_length(at(answer, "candidates")), 3);
  assert_int_equal(number_at(answer, "candidates.2.index"), 2);
  assert_non_null(strstr(text_at(answer, "candidates.2.content.parts.0.text"),
                         "(candidate 3)"));
}

static void answer__token_limit__cuts_it(void **state) {
  struct json_object *answer =
      generate(*state,
               "{" PROMPT("hi") ",\"generationConfig\":{\"maxOutputTokens\":3"
                                "}}");

  assert_string_equal(text_at(answer, FIRST_TEXT), "You asked: \"");
  assert_string_equal(text_at(answer, FINISH), "MAX_TOKENS");
  assert_int_equal(number_at(answer, "usageMetadata.candidatesTokenCount"), 3);
}

static void answer__thoughts_use_up_the_limit__has_no_text(void **state) {
  struct json_object *answer = generate(
      *state,
      "{" PROMPT("hi") ",\"generationConfig\":{\"maxOutputTokens\":10,"
                       "\"thinkingConfig\":{\"thinkingBudget\":100,"
                       "\"includeThoughts\":true}}}");

  assert_int_equal(number_at(answer, "usageMetadata.thoughtsTokenCount"), 10);
  assert_string_equal(text_at(answer, FINISH), "MAX_TOKENS");
  assert_int_equal(
      json_object_array_length(at(answer, "candidates.0.content.parts")), 1);
  assert_true(json_object_get_boolean(
      at(answer, "candidates.0.content.parts.0.thought")));
}

static void answer__stop_sequence__ends_it_before(void **state) {
  struct json_object *answer = generate(
      *state, "{" PROMPT("hi") ",\"generationConfig\":{\"stopSequences\":["
                               "\"zzz\",\" answer\",\"swer\"]}}");

  assert_string_equal(text_at(answer, FIRST_TEXT),
                      "You asked: \"hi\" The emulator");
  assert_string_equal(text_at(answer, FINISH), "STOP");
}

static void answer__json_mode__fits_the_schema(void **state) {
  static const char *const ways[] = {
      "\"responseMimeType\":\"application/json\",\"responseSchema\":{\"type\":"
      "\"OBJECT\",\"properties\":{\"n\":{\"type\":\"INTEGER\"}}}",
      "\"responseMimeType\":\"application/json\",\"responseJsonSchema\":"
      "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}}}",
      "\"responseFormat\":[{\"text\":{\"mimeType\":\"APPLICATION_JSON\","
      "\"schema\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":"
      "\"integer\"}}}}}]",
  };
  struct fixture *fixture = *state;

  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    char *body = cb_arena_printf(fixture->arena,
                                 "{" PROMPT("hi") ",\"generationConfig\":{%s}}",
                                 ways[i]);

    assert_string_equal(text_at(generate(fixture, body), FIRST_TEXT),
                        "{\"n\":42}");
  }
}

static void answer__json_mode_without_schema__quotes_the_prompt(void **state) {
  const char *text = text_at(
      generate(
          *state,
          "{" PROMPT(
              "hi \\\"you\\\"") ",\"generationConfig\":{\"responseMimeType\":"
                                "\"application/json\"}}"),
      FIRST_TEXT);
  struct json_object *value = parse(*state, text, strlen(text));

  assert_string_equal(text_at(value, "prompt"), "hi \"you\"");
}

static void answer__knobs_of_shape__are_obeyed(void **state) {
  struct json_object *answer =
      generate(*state, "{" PROMPT("[[emulator text=a+b%21]] hi") "}");

  assert_string_equal(text_at(answer, FIRST_TEXT), "a b!");
  answer = generate(*state, "{" PROMPT("[[emulator block=SAFETY]]") "}");
  assert_string_equal(text_at(answer, "promptFeedback.blockReason"), "SAFETY");
  assert_null(at(answer, "candidates"));
  answer = generate(
      *state, "{" PROMPT("[[emulator finish=RECITATION content=none]]") "}");
  assert_string_equal(text_at(answer, FINISH), "RECITATION");
  assert_null(at(answer, "candidates.0.content"));
  answer = generate(*state, "{" PROMPT("[[emulator empty=1]]") "}");
  assert_string_equal(text_at(answer, FIRST_TEXT), "");
  answer = generate(*state, "{" PROMPT("[[emulator thought_only=1]]") "}");
  assert_true(json_object_get_boolean(
      at(answer, "candidates.0.content.parts.0.thought")));
  answer = generate(
      *state, "{" PROMPT("[[emulator fence=1 text=x]] hi")
              ",\"generationConfig\":{\"responseMimeType\":\"application/json\""
              "}}");
  assert_string_equal(text_at(answer, FIRST_TEXT), "x");
}

static void answer__spoilt_json__is_fenced_or_broken(void **state) {
#define JSON_CONFIG                                                         \
  ",\"generationConfig\":{\"responseMimeType\":\"application/json\","       \
  "\"responseSchema\":{\"type\":\"ARRAY\",\"items\":{\"type\":\"INTEGER\"}" \
  "}}}"
  struct json_object *answer =
      generate(*state, "{" PROMPT("[[emulator fence=1]]") JSON_CONFIG);

  assert_string_equal(text_at(answer, FIRST_TEXT), "```json\n[42,43]\n```");
  answer = generate(*state, "{" PROMPT("[[emulator prose=1]]") JSON_CONFIG);
  assert_string_equal(text_at(answer, FIRST_TEXT),
                      "Here is the JSON you asked for: [42,43] I hope that "
                      "this helps!");
  answer =
      generate(*state, "{" PROMPT("[[emulator invalid_json=1]]") JSON_CONFIG);
  assert_string_equal(text_at(answer, FIRST_TEXT), "[42,43");
}

static void answer__function_must_be_called__is_called(void **state) {
  struct json_object *answer = generate(
      *state,
      "{" PROMPT("hi") ",\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\"}"
                       ",{\"name\":\"g\",\"parameters\":{\"type\":\"OBJECT\","
                       "\"properties\":{\"n\":{\"type\":\"INTEGER\"}}}}]}],"
                       "\"toolConfig\":{\"functionCallingConfig\":{\"mode\":"
                       "\"ANY\",\"allowedFunctionNames\":[\"g\"]}}}");

  assert_string_equal(
      text_at(answer, "candidates.0.content.parts.0.functionCall.name"), "g");
  assert_int_equal(
      number_at(answer, "candidates.0.content.parts.0.functionCall.args.n"),
      42);
}

static void count_tokens__prompt_with_image__counts_both(void **state) {
  struct fixture *fixture = *state;
  struct json_object *answer;

  respond(fixture, MODEL "countTokens", NULL,
          "{\"contents\":[{\"parts\":[{\"text\":\"12345678\"},{\"inlineData\":"
          "{\"mimeType\":\"image/png\",\"data\":\"AAAA\"}}]}]}");
  answer = parse(fixture, fixture->reply.pieces[0].data,
                 fixture->reply.pieces[0].size);
  assert_int_equal(number_at(answer, "totalTokens"), 260);
  assert_int_equal(number_at(answer, "totalBillableCharacters"), 8);
  assert_string_equal(text_at(answer, "promptTokensDetails.1.modality"),
                      "IMAGE");
}

/* The JSON of the event at place, without its frame. */
static struct json_object *event_at(struct fixture *fixture, size_t place) {
  const struct vtx_emu_piece *piece = &fixture->reply.pieces[place];

  assert_memory_equal(piece->data, "data: ", 6);
  assert_memory_equal(piece->data + piece->size - 4, "\r\n\r\n", 4);
  return parse(fixture, piece->data + 6, piece->size - 10);
}

static void stream__sse__ends_with_usage_and_reason(void **state) {
  struct fixture *fixture = *state;
  struct cb_buf joined;

  respond(fixture, MODEL "streamGenerateContent", "sse",
          "{" PROMPT("[[emulator chunks=4]] hello there") "}");
  assert_int_equal(fixture->reply.piece_count, 4);
  assert_string_equal(fixture->reply.content_type, "text/event-stream");
  cb_buf_init(&joined, 4096, NULL);
  for (size_t i = 0; i < 4; i++) {
    struct json_object *event = event_at(fixture, i);

    cb_buf_add_text(&joined, text_at(event, FIRST_TEXT));
    assert_string_equal(text_at(event, "usageMetadata.trafficType"),
                        "ON_DEMAND");
    assert_int_equal(at(event, FINISH) != NULL, i == 3);
    assert_int_equal(at(event, "usageMetadata.totalTokenCount") != NULL,
                     i == 3);
  }
  assert_string_equal(joined.data,
                      "You asked: \"hello there\" The emulator answers in "
                      "place of m.");
  cb_buf_release(&joined);
}

static void stream__without_alt__is_an_array(void **state) {
  struct fixture *fixture = *state;
  struct cb_buf joined;

  respond(fixture, MODEL "streamGenerateContent", NULL,
          "{" PROMPT("[[emulator chunks=3]] hello") "}");
  cb_buf_init(&joined, 1 << 16, NULL);
  for (size_t i = 0; i < fixture->reply.piece_count; i++) {
    cb_buf_add(&joined, fixture->reply.pieces[i].data,
               fixture->reply.pieces[i].size);
  }
  assert_int_equal(
      json_object_array_length(parse(fixture, joined.data, joined.len)), 3);
  cb_buf_release(&joined);
}

static void fault__fail_times__spares_later_requests(void **state) {
  static const char body[] =
      "{" PROMPT("[[emulator fault=http_503 fail_times=2 key=k]] hi") "}";
  static const unsigned expected[] = {503, 503, 200, 200};
  struct fixture *fixture = *state;

  for (size_t i = 0; i < 4; i++) {
    respond(fixture, MODEL "generateContent", NULL, body);
    assert_int_equal(fixture->reply.status, expected[i]);
  }
  respond(fixture, MODEL "generateContent", NULL,
          "{" PROMPT("[[emulator fault=http_503 fail_times=2 key=l]]") "}");
  assert_int_equal(fixture->reply.status, 503);
}

static void fault__probability__hits_about_as_often(void **state) {
  struct fixture *fixture = *state;
  int hits = 0;

  for (int i = 0; i < 400; i++) {
    respond(fixture, MODEL "generateContent", NULL,
            "{" PROMPT("[[emulator fault=http_429 probability=0.25]]") "}");
    if (fixture->reply.status == 429) hits++;
  }
  assert_true(hits > 60 && hits < 140);
}

static void respond__wrong_directive__is_an_error(void **state) {
  struct fixture *fixture = *state;

  respond(fixture, MODEL "generateContent", NULL,
          "{" PROMPT("[[emulator nonsense=1]]") "}");
  assert_int_equal(fixture->reply.status, 400);
}

static void respond__unknown_model_or_region__is_not_found(void **state) {
  struct fixture *fixture = *state;

  respond(fixture,
          "/v1/projects/p/locations/l/publishers/google/models/missing-model:"
          "generateContent",
          NULL, "{" PROMPT("hi") "}");
  assert_int_equal(fixture->reply.status, 404);
  assert_non_null(
      strstr(fixture->reply.pieces[0].data, "models/missing-model` was not"));
  respond(fixture,
          "/v1/projects/p/locations/nowhere1/publishers/google/models/m:"
          "generateContent",
          NULL, "{" PROMPT("hi") "}");
  assert_int_equal(fixture->reply.status, 404);
  assert_string_equal(fixture->reply.content_type, "text/html; charset=UTF-8");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(answer__plain_prompt__names_prompt_and_model),
      TEST(answer__same_prompt_twice__is_the_same),
      TEST(answer__turns_media_and_system__are_mentioned),
      TEST(answer__several_candidates__are_told_apart),
      TEST(answer__token_limit__cuts_it),
      TEST(answer__thoughts_use_up_the_limit__has_no_text),
      TEST(answer__stop_sequence__ends_it_before),
      TEST(answer__json_mode__fits_the_schema),
      TEST(answer__json_mode_without_schema__quotes_the_prompt),
      TEST(answer__knobs_of_shape__are_obeyed),
      TEST(answer__spoilt_json__is_fenced_or_broken),
      TEST(answer__function_must_be_called__is_called),
      TEST(count_tokens__prompt_with_image__counts_both),
      TEST(stream__sse__ends_with_usage_and_reason),
      TEST(stream__without_alt__is_an_array),
      TEST(fault__fail_times__spares_later_requests),
      TEST(fault__probability__hits_about_as_often),
      TEST(respond__wrong_directive__is_an_error),
      TEST(respond__unknown_model_or_region__is_not_found),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
