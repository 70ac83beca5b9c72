#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json_writer.h"
#include "support/vertex_help.h"
#include "tests/unit/cmocka_all.h"
#include "vertexd/v1/vertexd.pb-c.h"

typedef Vertexd__V1__GenerateRequest request_t;
typedef Vertexd__V1__GenerationConfig config_t;

static request_t request_with(config_t *config) {
  request_t request = VERTEXD__V1__GENERATE_REQUEST__INIT;

  request.generation_config = config;
  return request;
}

static void set_temperature(config_t *config, float value) {
  config->_temperature_case =
      VERTEXD__V1__GENERATION_CONFIG___TEMPERATURE_TEMPERATURE;
  config->temperature = value;
}

static const char *config_text(struct cb_arena *arena, config_t *above,
                               config_t *below) {
  return vertex_encode(arena, above ? &above->base : NULL,
                       below ? &below->base : NULL);
}

static void encode__empty_message__empty_object(void **state) {
  Vertexd__V1__Tool tool = VERTEXD__V1__TOOL__INIT;
  Vertexd__V1__Tool__GoogleSearch search =
      VERTEXD__V1__TOOL__GOOGLE_SEARCH__INIT;

  assert_string_equal(vertex_encode(*state, &tool.base, NULL), "{}");
  tool.google_search = &search;
  assert_string_equal(vertex_encode(*state, &tool.base, NULL),
                      "{\"googleSearch\":{}}");
}

static void encode__float__shortest_text(void **state) {
  config_t config = VERTEXD__V1__GENERATION_CONFIG__INIT;

  set_temperature(&config, 0.7f);
  assert_string_equal(config_text(*state, &config, NULL),
                      "{\"temperature\":0.7}");
}

static void encode__optional_zero__written(void **state) {
  config_t config = VERTEXD__V1__GENERATION_CONFIG__INIT;

  set_temperature(&config, 0);
  config._seed_case = VERTEXD__V1__GENERATION_CONFIG___SEED_SEED;
  config._audio_timestamp_case =
      VERTEXD__V1__GENERATION_CONFIG___AUDIO_TIMESTAMP_AUDIO_TIMESTAMP;
  config._media_resolution_case =
      VERTEXD__V1__GENERATION_CONFIG___MEDIA_RESOLUTION_MEDIA_RESOLUTION;
  assert_string_equal(config_text(*state, &config, NULL),
                      "{\"temperature\":0,\"seed\":0,\"audioTimestamp\":false,"
                      "\"mediaResolution\":\"MEDIA_RESOLUTION_UNSPECIFIED\"}");
}

static void encode__int64_bytes_enum_list__as_google_has_them(void **state) {
  Vertexd__V1__Schema schema = VERTEXD__V1__SCHEMA__INIT;
  Vertexd__V1__Blob blob = VERTEXD__V1__BLOB__INIT;
  uint8_t bytes[] = {0xff, 0xfe, 0x01};
  char *names[] = {"b", "a"};

  schema.type = VERTEXD__V1__TYPE__OBJECT;
  schema.min_items = INT64_MIN;
  schema.max_items = 9007199254740993;
  schema.n_property_ordering = 2;
  schema.property_ordering = names;
  assert_string_equal(vertex_encode(*state, &schema.base, NULL),
                      "{\"type\":\"OBJECT\","
                      "\"minItems\":\"-9223372036854775808\","
                      "\"maxItems\":\"9007199254740993\","
                      "\"propertyOrdering\":[\"b\",\"a\"]}");
  blob.data.data = bytes;
  blob.data.len = sizeof bytes;
  assert_string_equal(vertex_encode(*state, &blob.base, NULL),
                      "{\"data\":\"//4B\"}");
}

static void encode__duration__shortest_of_the_digits(void **state) {
  static const struct {
    int64_t seconds;
    int32_t nanos;
    const char *text;
  } cases[] = {
      {3, 0, "\"3s\""},
      {3, 500000000, "\"3.500s\""},
      {0, 1000, "\"0.000001s\""},
      {0, -1, "\"-0.000000001s\""},
      {-3, -500000000, "\"-3.500s\""},
      {315576000000, 999999999, "\"315576000000.999999999s\""},
  };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Google__Protobuf__Duration duration = GOOGLE__PROTOBUF__DURATION__INIT;

    duration.seconds = cases[i].seconds;
    duration.nanos = cases[i].nanos;
    assert_string_equal(vertex_encode(*state, &duration.base, NULL),
                        cases[i].text);
  }
}

static void encode__duration_out_of_range__field_named(void **state) {
  static const struct {
    int64_t seconds;
    int32_t nanos;
  } cases[] = {{315576000001, 0}, {0, 1000000000}, {1, -1}, {-1, 1}};

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Vertexd__V1__VideoMetadata video = VERTEXD__V1__VIDEO_METADATA__INIT;
    Google__Protobuf__Duration duration = GOOGLE__PROTOBUF__DURATION__INIT;
    struct cb_status status;

    duration.seconds = cases[i].seconds;
    duration.nanos = cases[i].nanos;
    video.start_offset = &duration;
    status = vertex_encode_error(*state, &video.base);
    assert_int_equal(status.code, CB_INVALID_ARGUMENT);
    assert_string_equal(status.field, "requests[3].start_offset");
  }
}

static void encode__timestamp__utc(void **state) {
  Vertexd__V1__GenerateResponse response = VERTEXD__V1__GENERATE_RESPONSE__INIT;
  Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;

  response.create_time = &time;
  time.seconds = 1775044800;
  time.nanos = 123456000;
  assert_string_equal(vertex_encode(*state, &response.base, NULL),
                      "{\"createTime\":\"2026-04-01T12:00:00.123456Z\"}");
  time.seconds = -62135596800;
  time.nanos = 0;
  assert_string_equal(vertex_encode(*state, &response.base, NULL),
                      "{\"createTime\":\"0001-01-01T00:00:00Z\"}");
  time.seconds = 253402300799;
  assert_string_equal(vertex_encode(*state, &response.base, NULL),
                      "{\"createTime\":\"9999-12-31T23:59:59Z\"}");
  time.seconds++;
  assert_int_equal(vertex_encode_error(*state, &response.base).code,
                   CB_INVALID_ARGUMENT);
  time.seconds = -62135596801;
  assert_int_equal(vertex_encode_error(*state, &response.base).code,
                   CB_INVALID_ARGUMENT);
}

static void encode__unknown_enum_number__field_named(void **state) {
  request_t request = VERTEXD__V1__GENERATE_REQUEST__INIT;
  Vertexd__V1__SafetySetting good = VERTEXD__V1__SAFETY_SETTING__INIT;
  Vertexd__V1__SafetySetting bad = VERTEXD__V1__SAFETY_SETTING__INIT;
  Vertexd__V1__SafetySetting *settings[] = {&good, &bad};
  struct cb_status status;

  bad.threshold = (Vertexd__V1__SafetySetting__HarmBlockThreshold)99;
  request.n_safety_settings = 2;
  request.safety_settings = settings;
  status = vertex_encode_error(*state, &request.base);
  assert_int_equal(status.code, CB_INVALID_ARGUMENT);
  assert_string_equal(status.field, "requests[3].safety_settings[1].threshold");
}

/* {"k": value} as args of a function call. */
static struct cb_status try_value(struct cb_arena *arena,
                                  Google__Protobuf__Value *value,
                                  const char **ret_text) {
  Google__Protobuf__Struct__FieldsEntry entry =
      GOOGLE__PROTOBUF__STRUCT__FIELDS_ENTRY__INIT;
  Google__Protobuf__Struct__FieldsEntry *entries[] = {&entry};
  Google__Protobuf__Struct args = GOOGLE__PROTOBUF__STRUCT__INIT;
  Vertexd__V1__FunctionCall call = VERTEXD__V1__FUNCTION_CALL__INIT;

  entry.key = "k";
  entry.value = value;
  args.n_fields = 1;
  args.fields = entries;
  call.args = &args;
  if (!ret_text) return vertex_encode_error(arena, &call.base);
  *ret_text = vertex_encode(arena, &call.base, NULL);
  return cb_status_ok();
}

static void encode__value_without_kind__null(void **state) {
  Google__Protobuf__Value value = GOOGLE__PROTOBUF__VALUE__INIT;
  const char *text;

  try_value(*state, &value, &text);
  assert_string_equal(text, "{\"args\":{\"k\":null}}");
  try_value(*state, NULL, &text);
  assert_string_equal(text, "{\"args\":{\"k\":null}}");
}

static void encode__value_number__no_needless_point(void **state) {
  Google__Protobuf__Value value = GOOGLE__PROTOBUF__VALUE__INIT;
  const char *text;

  value.kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE;
  value.number_value = 3;
  try_value(*state, &value, &text);
  assert_string_equal(text, "{\"args\":{\"k\":3}}");
}

static void encode__value_not_finite__field_named(void **state) {
  static const double numbers[] = {NAN, INFINITY, -INFINITY};

  for (size_t i = 0; i < 3; i++) {
    Google__Protobuf__Value value = GOOGLE__PROTOBUF__VALUE__INIT;
    struct cb_status status;

    value.kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE;
    value.number_value = numbers[i];
    status = try_value(*state, &value, NULL);
    assert_int_equal(status.code, CB_INVALID_ARGUMENT);
    assert_string_equal(status.field, "requests[3].args[k]");
  }
}

/* --- maps ---------------------------------------------------------------- */

static void encode__map_key_twice__last_wins(void **state) {
  request_t request = VERTEXD__V1__GENERATE_REQUEST__INIT;
  Vertexd__V1__GenerateRequest__LabelsEntry entries[5];
  Vertexd__V1__GenerateRequest__LabelsEntry *labels[5];
  static char *const keys[] = {"a", "b", "a", "c", "a"};
  static char *const values[] = {"1", "2", "3", "4", "5"};

  for (int i = 0; i < 5; i++) {
    vertexd__v1__generate_request__labels_entry__init(&entries[i]);
    entries[i].key = keys[i];
    entries[i].value = values[i];
    labels[i] = &entries[i];
  }
  request.n_labels = 5;
  request.labels = labels;
  assert_string_equal(vertex_encode(*state, &request.base, NULL),
                      "{\"labels\":{\"b\":\"2\",\"c\":\"4\",\"a\":\"5\"}}");
}

static void encode__map_entry_without_message__empty_object(void **state) {
  Vertexd__V1__Schema schema = VERTEXD__V1__SCHEMA__INIT;
  Vertexd__V1__Schema__PropertiesEntry entry =
      VERTEXD__V1__SCHEMA__PROPERTIES_ENTRY__INIT;
  Vertexd__V1__Schema__PropertiesEntry *entries[] = {&entry};

  entry.key = "p";
  schema.n_properties = 1;
  schema.properties = entries;
  assert_string_equal(vertex_encode(*state, &schema.base, NULL),
                      "{\"properties\":{\"p\":{}}}");
}

/* --- merging ------------------------------------------------------------- */

static void merge__scalars__request_wins(void **state) {
  config_t above = VERTEXD__V1__GENERATION_CONFIG__INIT;
  config_t below = VERTEXD__V1__GENERATION_CONFIG__INIT;

  set_temperature(&above, 0);
  set_temperature(&below, 1);
  below.response_mime_type = "text/plain";
  below._top_k_case = VERTEXD__V1__GENERATION_CONFIG___TOP_K_TOP_K;
  below.top_k = 40;
  assert_string_equal(config_text(*state, &above, &below),
                      "{\"temperature\":0,\"topK\":40,"
                      "\"responseMimeType\":\"text/plain\"}");
}

static void merge__messages__field_by_field(void **state) {
  config_t above = VERTEXD__V1__GENERATION_CONFIG__INIT;
  config_t below = VERTEXD__V1__GENERATION_CONFIG__INIT;
  request_t upper = request_with(&above);
  request_t lower = request_with(&below);

  set_temperature(&above, 0.5f);
  below._seed_case = VERTEXD__V1__GENERATION_CONFIG___SEED_SEED;
  below.seed = 7;
  assert_string_equal(
      vertex_encode(*state, &upper.base, &lower.base),
      "{\"generationConfig\":{\"temperature\":0.5,\"seed\":7}}");
}

static void merge__lists_and_maps__replaced(void **state) {
  config_t above = VERTEXD__V1__GENERATION_CONFIG__INIT;
  config_t below = VERTEXD__V1__GENERATION_CONFIG__INIT;
  char *upper[] = {"a"};
  char *lower[] = {"b", "c"};

  above.n_stop_sequences = 1;
  above.stop_sequences = upper;
  below.n_stop_sequences = 2;
  below.stop_sequences = lower;
  assert_string_equal(config_text(*state, &above, &below),
                      "{\"stopSequences\":[\"a\"]}");
  above.n_stop_sequences = 0;
  assert_string_equal(config_text(*state, &above, &below),
                      "{\"stopSequences\":[\"b\",\"c\"]}");
}

typedef Vertexd__V1__GenerationConfig__RoutingConfig routing_t;
typedef Vertexd__V1__GenerationConfig__RoutingConfig__AutoRoutingMode auto_t;
typedef Vertexd__V1__GenerationConfig__RoutingConfig__ManualRoutingMode
    manual_t;

static void merge__other_member_of_oneof__hides_default(void **state) {
  routing_t above = VERTEXD__V1__GENERATION_CONFIG__ROUTING_CONFIG__INIT;
  routing_t below = VERTEXD__V1__GENERATION_CONFIG__ROUTING_CONFIG__INIT;
  auto_t automatic =
      VERTEXD__V1__GENERATION_CONFIG__ROUTING_CONFIG__AUTO_ROUTING_MODE__INIT;
  manual_t manual =
      VERTEXD__V1__GENERATION_CONFIG__ROUTING_CONFIG__MANUAL_ROUTING_MODE__INIT;

  above.routing_config_case =
      VERTEXD__V1__GENERATION_CONFIG__ROUTING_CONFIG__ROUTING_CONFIG_AUTO_MODE;
  above.auto_mode = &automatic;
  below.routing_config_case =
      VERTEXD__V1__GENERATION_CONFIG__ROUTING_CONFIG__ROUTING_CONFIG_MANUAL_MODE;
  below.manual_mode = &manual;
  assert_string_equal(vertex_encode(*state, &above.base, &below.base),
                      "{\"autoMode\":{}}");
  above.routing_config_case = 0;
  assert_string_equal(vertex_encode(*state, &above.base, &below.base),
                      "{\"manualMode\":{}}");
}

static void merge__same_message_of_oneof__merged(void **state) {
  Vertexd__V1__Part above = VERTEXD__V1__PART__INIT;
  Vertexd__V1__Part below = VERTEXD__V1__PART__INIT;
  Vertexd__V1__FileData upper = VERTEXD__V1__FILE_DATA__INIT;
  Vertexd__V1__FileData lower = VERTEXD__V1__FILE_DATA__INIT;

  above.data_case = below.data_case = VERTEXD__V1__PART__DATA_FILE_DATA;
  above.file_data = &upper;
  below.file_data = &lower;
  upper.file_uri = "gs://b/o";
  lower.file_uri = "gs://b/p";
  lower.mime_type = "image/png";
  assert_string_equal(vertex_encode(*state, &above.base, &below.base),
                      "{\"fileData\":{\"mimeType\":\"image/png\","
                      "\"fileUri\":\"gs://b/o\"}}");
}

static void merge__struct__replaced_whole(void **state) {
  const ProtobufCMessageDescriptor *type =
      &vertexd__v1__function_call__descriptor;
  void *above = vertex_decode(*state, type, "{\"args\":{\"a\":1}}", NULL);
  void *below =
      vertex_decode(*state, type, "{\"name\":\"f\",\"args\":{\"b\":2}}", NULL);

  assert_string_equal(vertex_encode(*state, above, below),
                      "{\"name\":\"f\",\"args\":{\"a\":1}}");
}

static void fields__skip__outermost_only(void **state) {
  static const char *const names[] = {"role"};
  struct vtx_codec_skip skip = {names, 1};
  Vertexd__V1__Content *content =
      vertex_decode(*state, &vertexd__v1__content__descriptor,
                    "{\"role\":\"user\",\"parts\":[{\"text\":\"x\"}]}", NULL);
  struct vtx_codec_layers layers = {&content->base, NULL};
  struct vtx_codec_layers none = {NULL, NULL};
  struct cb_buf buf;
  struct cb_json json;

  cb_buf_init(&buf, 1000, NULL);
  cb_json_init(&json, &buf);
  vtx_codec_encode_fields(&json, &layers, &skip, "", *state);
  assert_string_equal(buf.data, "\"parts\":[{\"text\":\"x\"}]");
  cb_buf_clear(&buf);
  cb_json_init(&json, &buf);
  assert_int_equal(vtx_codec_encode_fields(&json, &none, NULL, "", *state).code,
                   CB_OK);
  assert_int_equal(buf.len, 0);
  cb_buf_release(&buf);
}

/* --- depth --------------------------------------------------------------- */

/* A chain of so many Schema messages. */
static Vertexd__V1__Schema *chain(struct cb_arena *arena, int count) {
  Vertexd__V1__Schema *schema = NULL;

  for (int i = 0; i < count; i++) {
    Vertexd__V1__Schema *outer = cb_arena_alloc(arena, sizeof *outer);

    vertexd__v1__schema__init(outer);
    outer->items = schema;
    schema = outer;
  }
  return schema;
}

static void encode__100_levels__taken_101_refused(void **state) {
  struct cb_status status;

  assert_non_null(strstr(vertex_encode(*state, &chain(*state, 100)->base, NULL),
                         "{\"items\":{}}"));
  status = vertex_encode_error(*state, &chain(*state, 101)->base);
  assert_int_equal(status.code, CB_INVALID_ARGUMENT);
  assert_non_null(strstr(status.message, "100 message levels"));
}

static void encode__value_levels__each_counts_two(void **state) {
  const ProtobufCMessageDescriptor *type = &google__protobuf__value__descriptor;
  ProtobufCMessage *value = vertex_decode(
      *state, type, vertex_nested(*state, "[", "", "]", 50), NULL);
  Google__Protobuf__Value *list[] = {(Google__Protobuf__Value *)(void *)value};
  Google__Protobuf__ListValue outer = GOOGLE__PROTOBUF__LIST_VALUE__INIT;

  vertex_encode(*state, value, NULL); /* 50 lists are 100 levels */
  outer.n_values = 1;
  outer.values = list;
  assert_int_equal(vertex_encode_error(*state, &outer.base).code,
                   CB_INVALID_ARGUMENT);
}

#define TEST(name) \
  cmocka_unit_test_setup_teardown(name, vertex_set_up, vertex_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(encode__empty_message__empty_object),
      TEST(encode__float__shortest_text),
      TEST(encode__optional_zero__written),
      TEST(encode__int64_bytes_enum_list__as_google_has_them),
      TEST(encode__duration__shortest_of_the_digits),
      TEST(encode__duration_out_of_range__field_named),
      TEST(encode__timestamp__utc),
      TEST(encode__unknown_enum_number__field_named),
      TEST(encode__value_without_kind__null),
      TEST(encode__value_number__no_needless_point),
      TEST(encode__value_not_finite__field_named),
      TEST(encode__map_key_twice__last_wins),
      TEST(encode__map_entry_without_message__empty_object),
      TEST(merge__scalars__request_wins),
      TEST(merge__messages__field_by_field),
      TEST(merge__lists_and_maps__replaced),
      TEST(merge__other_member_of_oneof__hides_default),
      TEST(merge__same_message_of_oneof__merged),
      TEST(merge__struct__replaced_whole),
      TEST(fields__skip__outermost_only),
      TEST(encode__100_levels__taken_101_refused),
      TEST(encode__value_levels__each_counts_two),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
