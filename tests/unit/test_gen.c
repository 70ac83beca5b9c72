/* The generator's names and refusals; what it writes is compared with the
 * files in golden/. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "crpc/gen/names.h"
#include "crpc/gen/unit.h"
#include "tests/unit/cmocka_all.h"

static int set_up(void **state) {
  *state = cb_arena_new(NULL, (size_t)1 << 20, 0);
  return *state ? 0 : -1;
}

static int tear_down(void **state) {
  cb_arena_free(*state);
  return 0;
}

static void long_names__are_those_of_protobuf_c(void **state) {
  static const struct {
    const char *full_name;
    const char *type;
    const char *upper;
    const char *lower;
  } cases[] = {
      {"vertexd.v1.GenerateRequest", "Vertexd__V1__GenerateRequest",
       "VERTEXD__V1__GENERATE_REQUEST", "vertexd__v1__generate_request"},
      {".a_b.c.HTTPServer2Deep", "AB__C__HTTPServer2Deep",
       "A_B__C__HTTPSERVER2_DEEP", "a_b__c__httpserver2_deep"},
      {"Plain", "Plain", "PLAIN", "plain"},
      {"x.snake_Case", "X__SnakeCase", "X__SNAKE__CASE", "x__snake__case"},
  };

  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    assert_string_equal(gen_long_type(*state, cases[i].full_name),
                        cases[i].type);
    assert_string_equal(gen_long_upper(*state, cases[i].full_name),
                        cases[i].upper);
    assert_string_equal(gen_long_lower(*state, cases[i].full_name),
                        cases[i].lower);
  }
}

static void short_prefix__drops_the_version_unless_asked(void **state) {
  assert_string_equal(gen_short_prefix(*state, "vertexd.v1", false),
                      "vertexd_");
  assert_string_equal(gen_short_prefix(*state, "grpc.a.v1alpha", false),
                      "grpc_a_");
  assert_string_equal(gen_short_prefix(*state, "grpc.a.v2p1beta3", false),
                      "grpc_a_");
  assert_string_equal(gen_short_prefix(*state, "grpc.a.v1alpha", true),
                      "grpc_a_v1alpha_");
  assert_string_equal(gen_short_prefix(*state, "a.vector", false), "a_vector_");
  assert_string_equal(gen_short_prefix(*state, "a.v1X", false), "a_v1X_");
  assert_string_equal(gen_short_prefix(*state, "v1", false), "v1_");
  assert_string_equal(gen_short_prefix(*state, "", false), "");
}

static void file_names__become_stems_and_guards(void **state) {
  assert_string_equal(gen_stem(*state, "a/b-c.proto"), "a/b-c");
  assert_string_equal(gen_stem(*state, "a.proto.txt"), "a.proto.txt");
  assert_string_equal(gen_guard(*state, "a/b_c.proto"), "a_2fb_5fc_2eproto");
}

/* What the generator says of a file with these two messages. */
static const char *run(struct cb_arena *arena, gen_File *file) {
  gen_Request request =
      GOOGLE__PROTOBUF__COMPILER__CODE_GENERATOR_REQUEST__INIT;
  struct gen_unit unit = {.arena = arena, .request = &request, .file = file};
  struct cb_buf header;
  struct cb_buf source;
  const char *error;

  cb_buf_init(&header, (size_t)1 << 20, NULL);
  cb_buf_init(&source, (size_t)1 << 20, NULL);
  request.n_proto_file = 1;
  request.proto_file = &file;
  error = gen_file(&unit, &header, &source);
  cb_buf_release(&header);
  cb_buf_release(&source);
  return error;
}

static void generate__two_things_of_one_name__error(void **state) {
  gen_Message outer = GOOGLE__PROTOBUF__DESCRIPTOR_PROTO__INIT;
  gen_Message inner = GOOGLE__PROTOBUF__DESCRIPTOR_PROTO__INIT;
  gen_Message other = GOOGLE__PROTOBUF__DESCRIPTOR_PROTO__INIT;
  gen_Message *nested[] = {&inner};
  gen_Message *messages[] = {&outer, &other};
  gen_File file = GOOGLE__PROTOBUF__FILE_DESCRIPTOR_PROTO__INIT;
  const char *error;

  file.name = "a.proto";
  file.package = "a";
  file.n_message_type = 2;
  file.message_type = messages;
  outer.name = "Foo";
  outer.n_nested_type = 1;
  outer.nested_type = nested;
  inner.name = "Bar";
  other.name = "Foo_Baz";
  assert_null(run(*state, &file));
  other.name = "Foo_Bar";
  error = run(*state, &file);
  assert_non_null(error);
  assert_non_null(strstr(error, "a_Foo_Bar"));
}

static void generate__protobuf_c_file_option__error(void **state) {
  ProtobufCMessageUnknownField option = {.tag = 1019, .wire_type = 2};
  Google__Protobuf__FileOptions options = GOOGLE__PROTOBUF__FILE_OPTIONS__INIT;
  gen_File file = GOOGLE__PROTOBUF__FILE_DESCRIPTOR_PROTO__INIT;

  file.name = "a.proto";
  file.options = &options;
  assert_null(run(*state, &file));
  options.base.n_unknown_fields = 1;
  options.base.unknown_fields = &option;
  assert_non_null(strstr(run(*state, &file), "pb_c_file"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(long_names__are_those_of_protobuf_c),
      CASE(short_prefix__drops_the_version_unless_asked),
      CASE(file_names__become_stems_and_guards),
      CASE(generate__two_things_of_one_name__error),
      CASE(generate__protobuf_c_file_option__error),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
