/* What Vertex AI has in REST only: two golden files, data/rest_only_*.json,
 * hold every such field and come back as they were. */
#include <json.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "service/vertex/codec_internal.h"
#include "support/vertex_help.h"
#include "tests/unit/cmocka_all.h"
#include "vertexd/v1/vertexd.pb-c.h"

#define REQUEST (&vertexd__v1__generate_request__descriptor)
#define RESPONSE (&vertexd__v1__generate_response__descriptor)
#define USAGE(name) \
  VERTEXD__V1__GENERATE_RESPONSE__USAGE_METADATA__TRAFFIC_TYPE__##name

typedef Vertexd__V1__GenerateRequest request_t;
typedef Vertexd__V1__GenerateResponse response_t;

/* The text of tests/unit/data/<name>. */
static const char *golden(struct cb_arena *arena, const char *name) {
  const char *path = cb_arena_printf(arena, VTX_TEST_DATA "/%s", name);
  size_t room = 64 * 1024;
  char *text = cb_arena_zalloc(arena, 1, room);
  FILE *file = fopen(path, "r");
  size_t size;

  assert_non_null(file);
  size = fread(text, 1, room, file);
  fclose(file);
  assert_true(size > 100 && size < room);
  return text;
}

static void expect_same_json(const char *one, const char *two) {
  struct json_object *left = json_tokener_parse(one);
  struct json_object *right = json_tokener_parse(two);

  assert_non_null(left);
  if (!json_object_equal(left, right)) assert_string_equal(two, one);
  json_object_put(left);
  json_object_put(right);
}

static void *read_golden(struct cb_arena *arena, const char *name,
                         const ProtobufCMessageDescriptor *type) {
  struct vtx_codec_notes notes = {0};
  const char *text = golden(arena, name);
  void *message = vertex_decode(arena, type, text, &notes);

  if (notes.first) assert_string_equal(notes.first->path, "");
  expect_same_json(text, vertex_encode(arena, message, NULL));
  return message;
}

static void request__rest_only_fields__as_in_the_golden_file(void **state) {
  request_t *request = read_golden(*state, "rest_only_request.json", REQUEST);
  Vertexd__V1__GenerationConfig *config = request->generation_config;

  assert_int_equal(request->continuation_token.len, 3);
  assert_string_equal(request->output_config->output_uri_prefix, "gs://b/out/");
  assert_string_equal(request->contents[0]->parts[2]->function_call->id,
                      "call-1");
  assert_int_equal(config->n_response_format, 4);
  assert_int_equal(config->response_format[0]->format_case,
                   VERTEXD__V1__RESPONSE_FORMAT__FORMAT_TEXT);
  assert_int_equal(config->_enable_affective_dialog_case, 1002); /* false */
  assert_int_equal(config->enable_affective_dialog, 0);
}

static void answer__rest_only_fields__as_in_the_golden_file(void **state) {
  response_t *answer = read_golden(*state, "rest_only_answer.json", RESPONSE);

  assert_int_equal(answer->candidates[0]->finish_reason,
                   VERTEXD__V1__CANDIDATE__FINISH_REASON__CONTINUATION);
  assert_memory_equal(answer->candidates[0]->continuation_token.data,
                      "\xff\x00\x01", 3);
  assert_int_equal(answer->usage_metadata->tool_use_prompt_token_count, 5);
  assert_int_equal(answer->usage_metadata->traffic_type,
                   USAGE(ON_DEMAND_OFFPEAK));
}

/* --- nothing forgotten --------------------------------------------------- */

#define TYPES 200

struct walk {
  const char *text;
  const ProtobufCMessageDescriptor *seen[TYPES];
  size_t count; /* types seen */
  unsigned fields;
};

static void expect_field(struct walk *walk,
                         const ProtobufCFieldDescriptor *field) {
  char name[VTX_NAME_ROOM];
  char quoted[VTX_NAME_ROOM + 2];

  vtx_codec_json_name(field->name, name);
  snprintf(quoted, sizeof quoted, "\"%s\"", name);
  walk->fields++;
  if (!strstr(walk->text, quoted)) fail_msg("the file has no %s", quoted);
}

/* Each field from 1000 on, of type and what lies beneath it, is in the text. */
static void expect_all(struct walk *walk,
                       const ProtobufCMessageDescriptor *type) {
  for (size_t i = 0; i < walk->count; i++) {
    if (walk->seen[i] == type) return;
  }
  assert_true(walk->count < TYPES);
  walk->seen[walk->count++] = type;
  for (unsigned i = 0; i < type->n_fields; i++) {
    const ProtobufCFieldDescriptor *field = &type->fields[i];

    if (vtx_codec_is_own(field)) continue;
    if (field->id >= 1000) expect_field(walk, field);
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
      expect_all(walk, field->descriptor);
  }
}

static void golden_files__every_field_that_rest_has_alone__is_there(
    void **state) {
  struct walk walk = {.count = 0};

  walk.text = golden(*state, "rest_only_request.json");
  expect_all(&walk, REQUEST);
  assert_true(walk.fields >= 20);
  walk.text = cb_arena_printf(*state, "%s%s", walk.text,
                              golden(*state, "rest_only_answer.json"));
  expect_all(&walk, RESPONSE);
  assert_true(walk.fields >= 30);
}

static void response__unknown_beside_rest_only__still_noted(void **state) {
  struct vtx_codec_notes notes = {0};
  response_t *answer = vertex_decode(
      *state, RESPONSE,
      "{\"candidates\":[{\"continuationToken\":\"AA==\",\"finishReason\":"
      "\"NEWER\",\"nextToken\":1}],\"promptFeedback\":{\"blockReason\":"
      "\"NEWEST\"}}",
      &notes);

  assert_int_equal(notes.count, 3);
  assert_int_equal(answer->candidates[0]->continuation_token.len, 1);
  assert_int_equal(answer->candidates[0]->finish_reason, 0);
  assert_string_equal(notes.first->path, "candidates[0].finishReason");
  assert_string_equal(notes.first->json, "\"NEWER\"");
}

static void request__number_between_the_ranges__refused(void **state) {
  Vertexd__V1__SafetySetting setting = VERTEXD__V1__SAFETY_SETTING__INIT;

  setting.category = (Vertexd__V1__HarmCategory)1003;
  assert_non_null(strstr(vertex_encode(*state, &setting.base, NULL),
                         "HARM_CATEGORY_IMAGE_SEXUALLY_EXPLICIT"));
  setting.category = (Vertexd__V1__HarmCategory)1004;
  assert_int_equal(vertex_encode_error(*state, &setting.base).code,
                   CB_INVALID_ARGUMENT);
  setting.category = (Vertexd__V1__HarmCategory)999;
  assert_int_equal(vertex_encode_error(*state, &setting.base).code,
                   CB_INVALID_ARGUMENT);
}

#define TEST(name) \
  cmocka_unit_test_setup_teardown(name, vertex_set_up, vertex_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(request__rest_only_fields__as_in_the_golden_file),
      TEST(answer__rest_only_fields__as_in_the_golden_file),
      TEST(golden_files__every_field_that_rest_has_alone__is_there),
      TEST(response__unknown_beside_rest_only__still_noted),
      TEST(request__number_between_the_ranges__refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
