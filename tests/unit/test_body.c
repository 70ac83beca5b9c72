#include "service/vertex/body.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "service/vertex/labels.h"
#include "support/room_help.h"
#include "support/vertex_help.h"
#include "tests/unit/cmocka_all.h"

typedef Vertexd__V1__GenerateRequest request_t;

/* A request from the JSON of Google's fields; own fields are set by hand. */
static request_t *request_of(struct cb_arena *arena, const char *json) {
  return vertex_decode(arena, &vertexd__v1__generate_request__descriptor, json,
                       NULL);
}

static Google__Protobuf__Struct *struct_of(struct cb_arena *arena,
                                           const char *json) {
  return vertex_decode(arena, &google__protobuf__struct__descriptor, json,
                       NULL);
}

static void set_return_json(request_t *request, bool value) {
  request->_return_json_case =
      VERTEXD__V1__GENERATE_REQUEST___RETURN_JSON_RETURN_JSON;
  request->return_json = value;
}

static struct vtx_prompt prompt_of(const request_t *request,
                                   const request_t *defaults) {
  return (struct vtx_prompt){
      .request = request, .defaults = defaults, .default_model = "dm"};
}

static struct cb_status write(struct cb_arena *arena,
                              const struct vtx_prompt *prompt,
                              const char **ret_text) {
  struct cb_buf out;
  struct cb_status status;

  cb_buf_init(&out, 1 << 20, NULL);
  status = vtx_body_generate(prompt, "requests[2]", arena, &out);
  *ret_text = cb_arena_memdup(arena, out.data ? out.data : "", out.len);
  cb_buf_release(&out);
  return status;
}

static const char *body(struct cb_arena *arena, const request_t *request,
                        const request_t *defaults) {
  struct vtx_prompt prompt = prompt_of(request, defaults);
  const char *text;

  assert_string_equal(write(arena, &prompt, &text).message, "");
  return text;
}

static struct cb_status check(struct cb_arena *arena, const request_t *request,
                              const request_t *defaults,
                              struct vtx_wants *ret_wants) {
  struct vtx_prompt prompt = prompt_of(request, defaults);

  return vtx_prompt_check(&prompt, "requests[2]", arena, ret_wants);
}

static void expect_field(struct cb_arena *arena, const request_t *request,
                         const request_t *defaults, const char *field) {
  struct vtx_wants wants;
  struct cb_status status = check(arena, request, defaults, &wants);

  assert_int_equal(status.code, CB_INVALID_ARGUMENT);
  assert_string_equal(status.field, field);
}

#define HI "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}]"

static request_t *hi(struct cb_arena *arena) {
  request_t *request = request_of(arena, "{}");

  request->prompt = "hi";
  return request;
}

/* --- bodies -------------------------------------------------------------- */

static void generate__prompt__one_user_turn(void **state) {
  assert_string_equal(body(*state, hi(*state), NULL), HI "}");
}

static void generate__prompt_given_beside__same(void **state) {
  struct vtx_prompt prompt = {.prompt = "hi", .default_model = "m"};
  const char *text;

  assert_int_equal(write(*state, &prompt, &text).code, CB_OK);
  assert_string_equal(text, HI "}");
}

static void generate__contents__as_they_are(void **state) {
  static const char json[] =
      "{\"contents\":[{\"parts\":[{\"text\":\"a\"}]},{\"role\":\"model\","
      "\"parts\":[{\"text\":\"b\"}]}]}";

  assert_string_equal(body(*state, request_of(*state, json), NULL), json);
}

static void generate__contents_given_beside__same(void **state) {
  request_t *from =
      request_of(*state, "{\"contents\":[{\"parts\":[{\"text\":\"a\"}]}]}");
  struct vtx_prompt prompt = {
      .contents = from->contents, .content_count = 1, .default_model = "m"};
  const char *text;

  assert_int_equal(write(*state, &prompt, &text).code, CB_OK);
  assert_string_equal(text, "{\"contents\":[{\"parts\":[{\"text\":\"a\"}]}]}");
}

static void generate__model_and_own_fields__left_out(void **state) {
  request_t *request = hi(*state);

  request->model = "secret-model";
  request->id = "my-id";
  request->include_raw = 1;
  assert_string_equal(body(*state, request, NULL), HI "}");
}

static void generate__defaults__merged_beneath(void **state) {
  request_t *defaults = request_of(
      *state,
      "{\"model\":\"m\",\"systemInstruction\":{\"parts\":[{\"text\":\"s\"}]},"
      "\"labels\":{\"a\":\"1\"},\"generationConfig\":{\"temperature\":1,"
      "\"seed\":7}}");
  request_t *request =
      request_of(*state,
                 "{\"labels\":{\"b\":\"2\"},\"generationConfig\":"
                 "{\"temperature\":0.7}}");

  request->prompt = "hi";
  assert_string_equal(
      body(*state, request, defaults), HI
      ",\"systemInstruction\":{\"parts\":[{\"text\":\"s\"}]},"
      "\"labels\":{\"b\":\"2\"},\"generationConfig\":{\"temperature\":0.7,"
      "\"seed\":7}}");
}

/* --- JSON mode ----------------------------------------------------------- */

static const char *config_of_body(struct cb_arena *arena,
                                  const request_t *request,
                                  const request_t *defaults) {
  const char *text = body(arena, request, defaults);
  const char *config = strstr(text, "\"generationConfig\":");

  return config ? config : "";
}

#define CONFIG "\"generationConfig\":{"
#define MIME "\"responseMimeType\":\"application/json\""

static void json__return_json__plain_mode(void **state) {
  request_t *request = hi(*state);

  set_return_json(request, true);
  assert_string_equal(config_of_body(*state, request, NULL), CONFIG MIME "}}");
}

static void json__mime_type_given_too__once(void **state) {
  request_t *request = request_of(
      *state,
      "{\"generationConfig\":{\"responseMimeType\":\"application/json\"}}");

  request->prompt = "hi";
  set_return_json(request, true);
  assert_string_equal(config_of_body(*state, request, NULL), CONFIG MIME "}}");
}

static void json__schema_forms__their_fields(void **state) {
  static const struct {
    const char *schema;
    const char *name;
  } cases[] = {
      {"{\"type\":\"OBJECT\",\"properties\":{\"type\":{\"type\":\"STRING\"}}}",
       "responseSchema"},
      {"{\"type\":\"object\",\"properties\":{\"b\":{\"type\":\"string\"},"
       "\"a\":{\"type\":[\"integer\",\"null\"]}}}",
       "responseJsonSchema"},
      {"{\"anyOf\":[{\"type\":\"NUMBER\"},{\"type\":\"NULL\"}]}",
       "responseSchema"},
      {"{\"enum\":[\"type\",\"OBJECT\"]}", "responseJsonSchema"},
      {"{}", "responseJsonSchema"},
      {"{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"type\":\"array\"}}}",
       "responseJsonSchema"},
      {"{\"type\":\"STRING\",\"enum\":[{\"type\":\"string\"}],"
       "\"example\":{\"type\":\"x\"}}",
       "responseSchema"},
      {"{\"properties\":{\"x\":{\"items\":{\"type\":\"BOOLEAN\"}}}}",
       "responseSchema"},
  };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char *wanted = cb_arena_printf(*state, CONFIG MIME ",\"%s\":%s}}",
                                   cases[i].name, cases[i].schema);
    request_t *request = hi(*state);

    request->json_schema_text = (char *)(uintptr_t)cases[i].schema;
    assert_string_equal(config_of_body(*state, request, NULL), wanted);
    request->json_schema_text = "";
    request->json_schema = struct_of(*state, cases[i].schema);
    assert_string_equal(config_of_body(*state, request, NULL), wanted);
  }
}

static void json__schema_text__kept_to_the_letter(void **state) {
  request_t *request = hi(*state);

  request->json_schema_text = " { \"type\" : \"object\",\n\"x\":1.50 } ";
  assert_string_equal(config_of_body(*state, request, NULL), CONFIG MIME
                      ",\"responseJsonSchema\": { \"type\" : "
                      "\"object\",\n\"x\":1.50 } }}");
}

static void json__mixed_types__refused(void **state) {
  request_t *request = hi(*state);
  struct vtx_prompt prompt = prompt_of(request, NULL);
  struct cb_status status;
  const char *text;

  request->json_schema = struct_of(
      *state, "{\"type\":\"OBJECT\",\"items\":{\"type\":\"string\"}}");
  status = write(*state, &prompt, &text);
  assert_int_equal(status.code, CB_INVALID_ARGUMENT);
  assert_string_equal(status.field, "requests[2].json_schema");
  assert_string_equal(text, "");
}

static void json__who_decides__request_then_defaults(void **state) {
  request_t *request = hi(*state);
  request_t *defaults = request_of(*state, "{}");
  struct vtx_wants wants;

  set_return_json(defaults, true);
  assert_int_equal(check(*state, request, defaults, &wants).code, CB_OK);
  assert_true(wants.json);
  set_return_json(request, false);
  assert_int_equal(check(*state, request, defaults, &wants).code, CB_OK);
  assert_false(wants.json);
  assert_string_equal(config_of_body(*state, request, defaults), "");
  defaults->_return_json_case = 0;
  defaults->json_schema_text = "{}";
  assert_int_equal(check(*state, request, defaults, &wants).code, CB_OK);
  assert_false(wants.json);
  assert_string_equal(config_of_body(*state, request, defaults), "");
  request->_return_json_case = 0;
  assert_int_equal(check(*state, request, defaults, &wants).code, CB_OK);
  assert_true(wants.json);
  assert_string_equal(config_of_body(*state, request, defaults),
                      CONFIG MIME ",\"responseJsonSchema\":{}}}");
  request->json_schema_text = "{\"type\":\"STRING\"}";
  assert_string_equal(config_of_body(*state, request, defaults), CONFIG MIME
                      ",\"responseSchema\":{\"type\":\"STRING\"}}}");
}

static void json__googles_own_way__untouched(void **state) {
  request_t *request =
      request_of(*state,
                 "{\"generationConfig\":{\"responseMimeType\":\"text/x.enum\","
                 "\"responseSchema\":{\"type\":\"STRING\"}}}");
  struct vtx_wants wants;

  request->prompt = "hi";
  assert_int_equal(check(*state, request, NULL, &wants).code, CB_OK);
  assert_false(wants.json);
  assert_string_equal(config_of_body(*state, request, NULL), CONFIG
                      "\"responseMimeType\":\"text/x.enum\","
                      "\"responseSchema\":{\"type\":\"STRING\"}}}");
}

/* --- extra_body ---------------------------------------------------------- */

static void extra__merged_last__deep(void **state) {
  request_t *request =
      request_of(*state,
                 "{\"generationConfig\":{\"temperature\":0.7,\"seed\":7,"
                 "\"stopSequences\":[\"a\",\"b\"]}}");

  request->prompt = "a/b";
  request->extra_body =
      struct_of(*state,
                "{\"generationConfig\":{\"seed\":8,\"stopSequences\":[\"c\"],"
                "\"newThing\":{\"x\":null}},\"serviceTier\":\"flex\"}");
  assert_string_equal(
      body(*state, request, NULL),
      "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"a/b\"}]}],"
      "\"generationConfig\":{\"temperature\":0.7,\"stopSequences\":[\"c\"],"
      "\"seed\":8,\"newThing\":{\"x\":null}},\"serviceTier\":\"flex\"}");
}

static void extra__of_defaults__unless_the_request_has_one(void **state) {
  request_t *request = hi(*state);
  request_t *defaults = request_of(*state, "{}");

  defaults->extra_body = struct_of(*state, "{\"a\":1}");
  assert_string_equal(body(*state, request, defaults), HI ",\"a\":1}");
  request->extra_body = struct_of(*state, "{\"b\":2}");
  assert_string_equal(body(*state, request, defaults), HI ",\"b\":2}");
}

static void extra__empty__changes_nothing(void **state) {
  request_t *request = hi(*state);

  request->extra_body = struct_of(*state, "{}");
  assert_string_equal(body(*state, request, NULL), HI "}");
}

/* --- checks -------------------------------------------------------------- */

static void check__no_or_two_texts__field_named(void **state) {
  request_t *both =
      request_of(*state, "{\"contents\":[{\"parts\":[{\"text\":\"a\"}]}]}");

  both->prompt = "b";
  expect_field(*state, both, NULL, "requests[2].prompt");
  expect_field(*state, request_of(*state, "{}"), NULL, "requests[2].prompt");
  expect_field(*state,
               request_of(*state, "{\"contents\":[{\"parts\":[{}]},{}]}"), NULL,
               "requests[2].contents[1].parts");
}

static void check__prompt_beside__prefix_is_the_field(void **state) {
  struct vtx_prompt prompt = {.prompt = "", .default_model = "m"};
  struct vtx_wants wants;
  struct cb_status status =
      vtx_prompt_check(&prompt, "prompts[17]", *state, &wants);

  assert_string_equal(status.field, "prompts[17]");
  prompt.prompt = "x";
  assert_int_equal(
      vtx_prompt_check(&prompt, "prompts[17]", *state, &wants).code, CB_OK);
  assert_string_equal(wants.id, "");
  prompt.request = hi(*state);
  assert_int_equal(vtx_prompt_check(&prompt, "", *state, &wants).code,
                   CB_INVALID_ARGUMENT);
}

static void check__model__request_defaults_server(void **state) {
  request_t *request = hi(*state);
  request_t *defaults = request_of(*state, "{}");
  struct vtx_prompt prompt = prompt_of(request, defaults);
  struct vtx_wants wants;
  struct cb_status status;

  check(*state, request, defaults, &wants);
  assert_string_equal(wants.model, "dm");
  defaults->model = "b";
  check(*state, request, defaults, &wants);
  assert_string_equal(wants.model, "b");
  request->model = "a";
  check(*state, request, defaults, &wants);
  assert_string_equal(wants.model, "a");
  request->model = defaults->model = "";
  prompt.default_model = NULL;
  status = vtx_prompt_check(&prompt, "", *state, &wants);
  assert_string_equal(status.field, "model");
}

static void check__wants__request_over_defaults(void **state) {
  request_t *request = hi(*state);
  request_t *defaults = request_of(*state, "{}");
  struct vtx_wants wants;

  request->id = "i";
  check(*state, request, defaults, &wants);
  assert_string_equal(wants.id, "i");
  assert_false(wants.count_tokens || wants.include_raw || wants.json);
  defaults->_count_tokens_case = 104;
  defaults->count_tokens = 1;
  defaults->include_raw = 1;
  check(*state, request, defaults, &wants);
  assert_true(wants.count_tokens && wants.include_raw);
  request->_count_tokens_case = 104;
  check(*state, request, defaults, &wants);
  assert_false(wants.count_tokens);
}

static void check__id_512_bytes__taken_513_refused(void **state) {
  request_t *request = hi(*state);
  struct vtx_wants wants;
  char id[514] = "";

  memset(id, 'i', 512);
  request->id = id;
  assert_int_equal(check(*state, request, NULL, &wants).code, CB_OK);
  id[512] = 'i';
  expect_field(*state, request, NULL, "requests[2].id");
}

static void labels__of_the_server__with_those_of_the_request(void **state) {
  static const struct cb_pair pairs[] = {{"team", "a"}, {"env", "x"}};
  const struct vtx_labels labels = {pairs, 2};
  request_t *request = request_of(*state, "{\"labels\":{\"env\":\"own\"}}");
  struct vtx_prompt prompt = prompt_of(request, NULL);
  struct cb_buf out;
  const char *text;

  prompt.prompt = "hi";
  prompt.labels = &labels;
  assert_int_equal(write(*state, &prompt, &text).code, CB_OK);
  assert_non_null(strstr(text, "\"labels\":{\"env\":\"own\",\"team\":\"a\"}"));
  cb_buf_init(&out, 1 << 20, NULL);
  assert_int_equal(vtx_body_count(&prompt, "", *state, &out).code, CB_OK);
  assert_null(strstr(out.data, "labels"));
  cb_buf_release(&out);
}

static void check__labels_and_tier__field_named(void **state) {
  request_t *request = request_of(*state, "{\"labels\":{\"a\":\"B\"}}");
  struct vtx_wants wants;

  request->prompt = (char *)"hi";
  expect_field(*state, request, NULL, "requests[2].labels[\"a\"]");
  assert_string_equal(vtx_defaults_check(request, *state).field,
                      "defaults.prompt");
  request->prompt = (char *)"";
  assert_string_equal(vtx_defaults_check(request, *state).field,
                      "defaults.labels[\"a\"]");
  request = request_of(*state, "{}");
  request->prompt = (char *)"hi";
  request->request_tier = (Vertexd__V1__RequestTier)99;
  expect_field(*state, request, NULL, "requests[2].request_tier");
  request->prompt = (char *)"";
  assert_string_equal(vtx_defaults_check(request, *state).field,
                      "defaults.request_tier");
  request->prompt = (char *)"hi";
  request->request_tier = VERTEXD__V1__REQUEST_TIER__REQUEST_TIER_FLEX;
  assert_int_equal(check(*state, request, NULL, &wants).code, CB_OK);
  assert_int_equal(wants.tier, VERTEXD__V1__REQUEST_TIER__REQUEST_TIER_FLEX);
}

static void check__two_schemas__field_named(void **state) {
  request_t *request = hi(*state);
  request_t *config =
      request_of(*state, "{\"generationConfig\":{\"responseSchema\":{}}}");
  request_t *defaults = request_of(*state, "{}");

  request->json_schema = struct_of(*state, "{}");
  request->json_schema_text = "{}";
  expect_field(*state, request, NULL, "requests[2].json_schema_text");
  request->json_schema_text = "";
  expect_field(*state, request, config, "requests[2].json_schema");
  request->generation_config = config->generation_config;
  expect_field(*state, request, NULL,
               "requests[2].generation_config.response_schema");
  request->json_schema = NULL;
  defaults->json_schema_text = "{}";
  expect_field(*state, request, defaults,
               "requests[2].generation_config.response_schema");
}

static void check__bad_schema_text__field_named(void **state) {
  static char *const texts[] = {"[]", "7", "{", "{\"a\":NaN}", "{} {}", " "};
  request_t *request = hi(*state);

  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    request->json_schema_text = texts[i];
    expect_field(*state, request, NULL, "requests[2].json_schema_text");
  }
}

static void check__false_beside_schema__refused(void **state) {
  request_t *request = hi(*state);

  set_return_json(request, false);
  request->json_schema = struct_of(*state, "{}");
  expect_field(*state, request, NULL, "requests[2].return_json");
}

static void check__other_mime_type__refused(void **state) {
  request_t *request = request_of(
      *state, "{\"generationConfig\":{\"responseMimeType\":\"text/plain\"}}");
  request_t *json = hi(*state);

  set_return_json(json, true);
  expect_field(*state, json, request,
               "defaults.generation_config.response_mime_type");
  request->prompt = "hi";
  set_return_json(request, true);
  expect_field(*state, request, NULL,
               "requests[2].generation_config.response_mime_type");
}

static void defaults__settings_only(void **state) {
  request_t *defaults = request_of(*state, "{\"model\":\"m\"}");

  assert_int_equal(vtx_defaults_check(NULL, *state).code, CB_OK);
  assert_int_equal(vtx_defaults_check(defaults, *state).code, CB_OK);
  defaults->prompt = "x";
  assert_string_equal(vtx_defaults_check(defaults, *state).field,
                      "defaults.prompt");
  defaults->prompt = "";
  defaults->id = "x";
  assert_string_equal(vtx_defaults_check(defaults, *state).field,
                      "defaults.id");
  defaults->id = "";
  defaults->json_schema_text = "[";
  assert_string_equal(vtx_defaults_check(defaults, *state).field,
                      "defaults.json_schema_text");
  defaults = request_of(*state, "{\"contents\":[{}]}");
  assert_string_equal(vtx_defaults_check(defaults, *state).field,
                      "defaults.contents");
}

/* --- errors of writing --------------------------------------------------- */

static void generate__bad_enum__path_under_prefix(void **state) {
  request_t *request = request_of(*state, "{\"generationConfig\":{}}");
  struct vtx_prompt prompt = prompt_of(request, NULL);
  Vertexd__V1__GenerationConfig__Modality modality =
      (Vertexd__V1__GenerationConfig__Modality)77;
  struct cb_status status;
  const char *text;

  request->prompt = "hi";
  request->generation_config->n_response_modalities = 1;
  request->generation_config->response_modalities = &modality;
  status = write(*state, &prompt, &text);
  assert_int_equal(status.code, CB_INVALID_ARGUMENT);
  assert_string_equal(status.field,
                      "requests[2].generation_config.response_modalities[0]");
  assert_string_equal(text, "");
}

static void generate__exact_room__taken_one_less_refused(void **state) {
  request_t *request = hi(*state);
  struct vtx_prompt prompt = prompt_of(request, NULL);

  for (int extra = 0; extra < 2; extra++) {
    size_t size = strlen(body(*state, request, NULL));

    for (size_t less = 0; less < 2; less++) {
      struct cb_buf out;
      struct cb_status status;

      cb_buf_init(&out, 3 + size - less, NULL);
      cb_buf_add_text(&out, "abc");
      status = vtx_body_generate(&prompt, "", *state, &out);
      assert_string_equal(status.reason, less ? "REQUEST_TOO_LARGE" : "");
      assert_int_equal(out.len, less ? 3 : 3 + size);
      if (less) assert_string_equal(out.data, "abc");
      cb_buf_release(&out);
    }
    request->extra_body = struct_of(*state, "{\"a\":1}");
  }
}

/* A prompt with all that takes memory besides its text: labels of both sides, a
 * schema, and extra_body if asked for. */
static struct vtx_prompt costly_prompt(struct cb_arena *arena, bool extra) {
  static const struct cb_pair pairs[] = {{"team", "a"}};
  static const struct vtx_labels labels = {pairs, 1};
  request_t *request =
      request_of(arena, "{\"labels\":{\"env\":\"own\",\"b\":\"2\"}}");
  struct vtx_prompt prompt = prompt_of(request, NULL);

  request->prompt = "hi";
  request->json_schema =
      struct_of(arena, "{\"type\":\"object\",\"required\":[\"abc\"]}");
  if (extra) request->extra_body = struct_of(arena, "{\"a\":1,\"b\":2}");
  prompt.labels = &labels;
  return prompt;
}

/* Writes the prompt that ctx is. */
static const char *write_with(void *ctx, size_t cap, struct cb_budget *budget) {
  struct cb_arena *arena = cb_arena_new(budget, cap, 64);
  struct cb_status status;
  struct cb_buf out;

  if (!arena) return "";
  cb_buf_init(&out, 1 << 20, budget);
  status = vtx_body_generate(ctx, "requests[2]", arena, &out);
  assert_int_equal(out.len > 0, status.code == CB_OK);
  assert_int_equal(status.retryable,
                   strcmp(status.reason, "SERVER_MEMORY") == 0);
  cb_buf_release(&out);
  cb_arena_free(arena); /* the reason is a literal */
  return status.code == CB_OK ? "OK" : status.reason;
}

static void generate__any_budget__server_memory_or_ok(void **state) {
  for (int extra = 0; extra < 2; extra++) {
    struct vtx_prompt prompt = costly_prompt(*state, extra);

    expect_by_budget(&(struct room_case){write_with, &prompt, 10});
  }
}

static void generate__any_cap__too_large_or_ok(void **state) {
  struct vtx_prompt prompt = costly_prompt(*state, false);

  expect_by_cap(&(struct room_case){write_with, &prompt, 10},
                "REQUEST_TOO_LARGE");
}

static void generate__name_of_the_cache__over_request_and_defaults(
    void **state) {
  request_t *request = request_of(*state, "{\"cachedContent\":\"short\"}");
  request_t *defaults = request_of(*state, "{\"cachedContent\":\"other\"}");
  struct vtx_prompt prompt = prompt_of(request, defaults);
  const char *text;

  request->prompt = "hi";
  assert_int_equal(write(*state, &prompt, &text).code, CB_OK);
  assert_string_equal(text, HI ",\"cachedContent\":\"short\"}");
  prompt.cached_content = "long";
  assert_int_equal(write(*state, &prompt, &text).code, CB_OK);
  assert_string_equal(text, HI ",\"cachedContent\":\"long\"}");
}

/* --- countTokens --------------------------------------------------------- */

static void count__prompt__only_what_counts(void **state) {
  request_t *request = request_of(
      *state,
      "{\"safetySettings\":[{\"category\":\"HARM_CATEGORY_HARASSMENT\"}],"
      "\"labels\":{\"a\":\"b\"},\"toolConfig\":{},\"cachedContent\":\"c\","
      "\"modelArmorConfig\":{},\"tools\":[{\"codeExecution\":{}}],"
      "\"systemInstruction\":{\"parts\":[{\"text\":\"s\"}]},"
      "\"generationConfig\":{\"seed\":1}}");
  struct vtx_prompt prompt = prompt_of(request, NULL);
  struct cb_buf out;

  request->prompt = "hi";
  request->extra_body = struct_of(*state, "{\"x\":1}");
  cb_buf_init(&out, 1000, NULL);
  assert_int_equal(vtx_body_count(&prompt, "", *state, &out).code, CB_OK);
  assert_string_equal(out.data, HI
                      ",\"tools\":[{\"codeExecution\":{}}],"
                      "\"systemInstruction\":{\"parts\":[{\"text\":\"s\"}]},"
                      "\"generationConfig\":{\"seed\":1}}");
  cb_buf_release(&out);
}

static Vertexd__V1__CountTokensRequest *count_of(struct cb_arena *arena,
                                                 const char *json) {
  return vertex_decode(arena, &vertexd__v1__count_tokens_request__descriptor,
                       json, NULL);
}

static struct cb_status count(struct cb_arena *arena,
                              const Vertexd__V1__CountTokensRequest *request,
                              const char *default_model, const char **ret_text,
                              const char **ret_model) {
  struct cb_buf out;
  struct cb_status status;

  cb_buf_init(&out, 1000, NULL);
  status =
      vtx_body_count_request(request, default_model, arena, &out, ret_model);
  *ret_text = cb_arena_memdup(arena, out.data ? out.data : "", out.len);
  cb_buf_release(&out);
  return status;
}

static void count_request__forms__written(void **state) {
  static const char json[] =
      "{\"instances\":[{\"a\":1}],\"contents\":[{\"parts\":[{\"text\":\"x\"}]}]"
      "}";
  Vertexd__V1__CountTokensRequest *request = count_of(*state, json);
  const char *text;
  const char *model;

  assert_int_equal(count(*state, request, "dm", &text, &model).code, CB_OK);
  assert_string_equal(text, json);
  assert_string_equal(model, "dm");
  request->endpoint = "e";
  count(*state, request, "dm", &text, &model);
  assert_string_equal(text, json);
  assert_string_equal(model, "e");
  request = count_of(*state, "{\"model\":\"m\",\"endpoint\":\"e\"}");
  request->prompt = "hi";
  count(*state, request, "dm", &text, &model);
  assert_string_equal(text, HI "}");
  assert_string_equal(model, "m");
}

static void count_request__wrong__field_named(void **state) {
  Vertexd__V1__CountTokensRequest *request = count_of(*state, "{}");
  const char *text;
  const char *model;

  assert_string_equal(count(*state, request, "m", &text, &model).field,
                      "prompt");
  request->prompt = "x";
  assert_string_equal(count(*state, request, NULL, &text, &model).field,
                      "model");
  request = count_of(*state, "{\"contents\":[{}]}");
  assert_string_equal(count(*state, request, "m", &text, &model).field,
                      "contents[0].parts");
  request->prompt = "x";
  assert_string_equal(count(*state, request, "m", &text, &model).field,
                      "prompt");
}

#define TEST(name) \
  cmocka_unit_test_setup_teardown(name, vertex_set_up, vertex_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(generate__prompt__one_user_turn),
      TEST(generate__prompt_given_beside__same),
      TEST(generate__contents__as_they_are),
      TEST(generate__contents_given_beside__same),
      TEST(generate__model_and_own_fields__left_out),
      TEST(generate__defaults__merged_beneath),
      TEST(json__return_json__plain_mode),
      TEST(json__mime_type_given_too__once),
      TEST(json__schema_forms__their_fields),
      TEST(json__schema_text__kept_to_the_letter),
      TEST(json__mixed_types__refused),
      TEST(json__who_decides__request_then_defaults),
      TEST(json__googles_own_way__untouched),
      TEST(extra__merged_last__deep),
      TEST(extra__of_defaults__unless_the_request_has_one),
      TEST(extra__empty__changes_nothing),
      TEST(check__no_or_two_texts__field_named),
      TEST(check__prompt_beside__prefix_is_the_field),
      TEST(check__model__request_defaults_server),
      TEST(check__wants__request_over_defaults),
      TEST(check__id_512_bytes__taken_513_refused),
      TEST(labels__of_the_server__with_those_of_the_request),
      TEST(check__labels_and_tier__field_named),
      TEST(check__two_schemas__field_named),
      TEST(check__bad_schema_text__field_named),
      TEST(check__false_beside_schema__refused),
      TEST(check__other_mime_type__refused),
      TEST(defaults__settings_only),
      TEST(generate__bad_enum__path_under_prefix),
      TEST(generate__exact_room__taken_one_less_refused),
      TEST(generate__any_budget__server_memory_or_ok),
      TEST(generate__any_cap__too_large_or_ok),
      TEST(generate__name_of_the_cache__over_request_and_defaults),
      TEST(count__prompt__only_what_counts),
      TEST(count_request__forms__written),
      TEST(count_request__wrong__field_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
