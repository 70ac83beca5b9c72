/* Health and reflection, asked through a real server. */
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "crpc/health.h"
#include "crpc/reflection.h"
#include "crpc/test/v1/everything.crpc.h"
#include "google/protobuf/descriptor.crpc.h"
#include "grpc/health/v1/health.crpc.h"
#include "grpc/reflection/v1/reflection.crpc.h"
#include "support/raw_call.h"
#include "tests/unit/cmocka_all.h"

#define V1 "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
#define V1ALPHA "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"

typedef grpc_reflection_ServerReflectionRequest Question;
typedef grpc_reflection_ServerReflectionResponse Answer;

struct services {
  struct fixture fixture; /* what raw_call uses of it */
  struct crpc_health *health;
  uint8_t *set;
};

/* TEST_DESCRIPTOR_SET is the file that the build made of golden/. */
static uint8_t *read_set(size_t *ret_size) {
  FILE *file = fopen(TEST_DESCRIPTOR_SET, "rb");
  uint8_t *bytes = malloc(1 << 20);

  assert_non_null(file);
  assert_non_null(bytes);
  *ret_size = fread(bytes, 1, 1 << 20, file);
  assert_in_range(*ret_size, 1000, (1 << 20) - 1);
  fclose(file);
  return bytes;
}

static int set_up(void **state) {
  static const struct crpc_test_Nothing_handlers nothing;
  struct services *s = calloc(1, sizeof *s);
  struct crpc_server_options options = {0};
  struct crpc_channel_options channel = {.own_connection = true};
  struct cb_status status;
  size_t size;

  s->set = read_set(&size);
  s->fixture.loop = crpc_loop_new();
  s->fixture.server = crpc_server_new(s->fixture.loop, &options, &status);
  assert_non_null(s->fixture.server);
  s->health = crpc_health_add(s->fixture.server);
  assert_non_null(s->health);
  assert_true(crpc_reflection_add(s->fixture.server, s->set, size));
  assert_true(crpc_test_Nothing_add(s->fixture.server, &nothing, NULL));
  assert_true(crpc_server_listen(s->fixture.server, "127.0.0.1:0",
                                 &s->fixture.address, &status));
  assert_true(crpc_server_start(s->fixture.server));
  s->fixture.channel =
      crpc_channel_new(s->fixture.loop, s->fixture.address, &channel);
  *state = s;
  return 0;
}

static int tear_down(void **state) {
  struct services *s = *state;

  crpc_channel_free(s->fixture.channel);
  fixture_drain(&s->fixture, 5000);
  fixture_until(&s->fixture, &s->fixture.drained);
  crpc_server_free(s->fixture.server);
  crpc_loop_free(s->fixture.loop);
  assert_int_equal(cb_arena_live(), 0);
  free(s->fixture.address);
  free(s->set);
  free(s);
  return 0;
}

/* Health. */

struct heard {
  int messages;
  int last; /* status of the last message */
  bool is_done;
  enum cb_code code;
  size_t listed;
};

static void on_health(void *ctx,
                      const grpc_health_HealthCheckResponse *response) {
  struct heard *heard = ctx;

  heard->messages++;
  heard->last = (int)response->status;
}

static void on_list(void *ctx, const grpc_health_HealthListResponse *response) {
  struct heard *heard = ctx;

  heard->listed = response->n_statuses;
  for (size_t i = 0; i < response->n_statuses; i++)
    if (strcmp(response->statuses[i]->key, "crpc.test.v1.Nothing") == 0)
      heard->last = (int)response->statuses[i]->value->status;
}

static void on_done(void *ctx, const struct crpc_outcome *outcome) {
  struct heard *heard = ctx;

  heard->code = outcome->status.code;
  heard->is_done = true;
}

static struct heard check(struct services *s, const char *service) {
  static const struct grpc_health_Health_Check_events events = {on_health,
                                                                on_done};
  grpc_health_HealthCheckRequest request = grpc_health_HealthCheckRequest_INIT;
  struct heard heard = {.last = -1};
  char name[100];

  snprintf(name, sizeof name, "%s", service);
  request.service = name;
  grpc_health_Health_Check_start(s->fixture.channel, &request, NULL, &events,
                                 &heard);
  fixture_until(&s->fixture, &heard.is_done);
  return heard;
}

static void watch(struct services *s, const char *service,
                  struct heard *heard) {
  static const struct grpc_health_Health_Watch_events events = {on_health,
                                                                on_done};
  grpc_health_HealthCheckRequest request = grpc_health_HealthCheckRequest_INIT;
  char name[100];

  *heard = (struct heard){.last = -1};
  snprintf(name, sizeof name, "%s", service);
  request.service = name;
  grpc_health_Health_Watch_start(s->fixture.channel, &request, NULL, &events,
                                 heard);
  fixture_until_count(&s->fixture, &heard->messages, 1);
}

static void check__server_and_added_services__serving(void **state) {
  assert_int_equal(check(*state, "").last,
                   grpc_health_HealthCheckResponse_SERVING);
  assert_int_equal(check(*state, "crpc.test.v1.Nothing").last,
                   grpc_health_HealthCheckResponse_SERVING);
  assert_int_equal(check(*state, "grpc.health.v1.Health").last,
                   grpc_health_HealthCheckResponse_SERVING);
}

static void check__unknown_service__not_found(void **state) {
  assert_int_equal(check(*state, "crpc.test.v1.Noth").code, CB_NOT_FOUND);
}

static void set__not_serving_and_back__is_told(void **state) {
  struct services *s = *state;

  assert_true(crpc_health_set(s->health, "crpc.test.v1.Nothing", false));
  assert_int_equal(check(s, "crpc.test.v1.Nothing").last,
                   grpc_health_HealthCheckResponse_NOT_SERVING);
  assert_int_equal(check(s, "").last, grpc_health_HealthCheckResponse_SERVING);
  assert_true(crpc_health_set(s->health, "crpc.test.v1.Nothing", true));
  assert_int_equal(check(s, "crpc.test.v1.Nothing").last,
                   grpc_health_HealthCheckResponse_SERVING);
  assert_false(crpc_health_set(s->health, "unknown", false));
}

static void list__tells_all(void **state) {
  static const struct grpc_health_Health_List_events events = {on_list,
                                                               on_done};
  struct services *s = *state;
  grpc_health_HealthListRequest request = grpc_health_HealthListRequest_INIT;
  struct heard heard = {.last = -1};

  assert_true(crpc_health_set(s->health, "crpc.test.v1.Nothing", false));
  grpc_health_Health_List_start(s->fixture.channel, &request, NULL, &events,
                                &heard);
  fixture_until(&s->fixture, &heard.is_done);
  assert_int_equal(heard.code, CB_OK);
  assert_int_equal(heard.listed, 4); /* "", health, reflection, Nothing */
  assert_int_equal(heard.last, grpc_health_HealthCheckResponse_NOT_SERVING);
}

static void watch__change__is_told_once(void **state) {
  struct services *s = *state;
  struct heard heard;
  struct heard unknown;

  watch(s, "crpc.test.v1.Nothing", &heard);
  watch(s, "unknown", &unknown);
  assert_int_equal(heard.last, grpc_health_HealthCheckResponse_SERVING);
  assert_int_equal(unknown.last,
                   grpc_health_HealthCheckResponse_SERVICE_UNKNOWN);
  crpc_health_set(s->health, "crpc.test.v1.Nothing", false);
  crpc_health_set(s->health, "crpc.test.v1.Nothing", false);
  crpc_health_set(s->health, "", false);
  fixture_until_count(&s->fixture, &heard.messages, 2);
  assert_int_equal(heard.last, grpc_health_HealthCheckResponse_NOT_SERVING);
  assert_int_equal(check(s, "").last,
                   grpc_health_HealthCheckResponse_NOT_SERVING);
  assert_int_equal(heard.messages, 2);
  assert_int_equal(unknown.messages, 1);
  crpc_health_stop(s->health);
  fixture_until(&s->fixture, &heard.is_done);
  fixture_until(&s->fixture, &unknown.is_done);
}

static void stop__watchers_are_told_and_let_go(void **state) {
  struct services *s = *state;
  struct heard first;
  struct heard second;

  watch(s, "", &first);
  crpc_health_stop(s->health);
  fixture_until(&s->fixture, &first.is_done);
  assert_int_equal(first.last, grpc_health_HealthCheckResponse_NOT_SERVING);
  assert_int_equal(first.messages, 2);
  assert_int_equal(first.code, CB_UNAVAILABLE);
  watch(s, "", &second); /* one that comes late is told as well */
  fixture_until(&s->fixture, &second.is_done);
  assert_int_equal(second.last, grpc_health_HealthCheckResponse_NOT_SERVING);
  assert_int_equal(second.code, CB_UNAVAILABLE);
  crpc_health_set(s->health, "", true); /* it is for good */
  assert_int_equal(check(s, "").last,
                   grpc_health_HealthCheckResponse_NOT_SERVING);
}

/* Reflection. */

static Answer *read_answer(struct raw_call *raw) {
  grpc_byte_buffer_reader reader;
  grpc_slice slice;
  ProtobufCMessage *message;

  assert_true(raw_read(raw));
  assert_true(grpc_byte_buffer_reader_init(&reader, raw->message));
  slice = grpc_byte_buffer_reader_readall(&reader);
  message = protobuf_c_message_unpack(
      &grpc_reflection_ServerReflectionResponse_descriptor, NULL,
      GRPC_SLICE_LENGTH(slice), GRPC_SLICE_START_PTR(slice));
  assert_non_null(message);
  grpc_slice_unref(slice);
  grpc_byte_buffer_reader_destroy(&reader);
  return (Answer *)message;
}

static void send_question(struct raw_call *raw, const Question *question) {
  uint8_t bytes[5000];
  size_t size = protobuf_c_message_get_packed_size(&question->base);

  assert_true(size <= sizeof bytes);
  protobuf_c_message_pack(&question->base, bytes);
  raw_send(raw, bytes, size, GRPC_COMPRESS_NONE);
}

static Answer *ask(struct raw_call *raw, const Question *question) {
  send_question(raw, question);
  return read_answer(raw);
}

static void close_stream(struct raw_call *raw) {
  raw_half_close(raw);
  assert_false(raw_read(raw));
  raw_finish(raw);
  assert_int_equal(raw->code, GRPC_STATUS_OK);
}

static void forget(Answer *answer) {
  protobuf_c_message_free_unpacked(&answer->base, NULL);
}

static Question about_symbol(char *name) {
  Question question = grpc_reflection_ServerReflectionRequest_INIT;

  question.message_request_case =
      grpc_reflection_ServerReflectionRequest_MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL;
  question.file_containing_symbol = name;
  return question;
}

static Question about_file(char *name) {
  Question question = grpc_reflection_ServerReflectionRequest_INIT;

  question.message_request_case =
      grpc_reflection_ServerReflectionRequest_MESSAGE_REQUEST_FILE_BY_FILENAME;
  question.file_by_filename = name;
  return question;
}

/* The name of file number index of an answer. */
static void file_name(const Answer *answer, size_t index, char out[100]) {
  const ProtobufCBinaryData *bytes =
      &answer->file_descriptor_response->file_descriptor_proto[index];
  ProtobufCMessage *message =
      protobuf_c_message_unpack(&google_protobuf_FileDescriptorProto_descriptor,
                                NULL, bytes->len, bytes->data);

  assert_non_null(message);
  snprintf(out, 100, "%s",
           ((google_protobuf_FileDescriptorProto *)message)->name);
  protobuf_c_message_free_unpacked(message, NULL);
}

static void expect_file(struct raw_call *raw, const Question *question,
                        const char *name, size_t count) {
  Answer *answer = ask(raw, question);
  char first[100];

  assert_int_equal(
      answer->message_response_case,
      grpc_reflection_ServerReflectionResponse_MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE);
  assert_int_equal(answer->file_descriptor_response->n_file_descriptor_proto,
                   count);
  file_name(answer, 0, first);
  assert_string_equal(first, name);
  forget(answer);
}

static void expect_error(struct raw_call *raw, const Question *question,
                         enum cb_code code) {
  Answer *answer = ask(raw, question);

  assert_int_equal(
      answer->message_response_case,
      grpc_reflection_ServerReflectionResponse_MESSAGE_RESPONSE_ERROR_RESPONSE);
  assert_int_equal(answer->error_response->error_code, code);
  assert_true(strlen(answer->error_response->error_message) > 0);
  forget(answer);
}

static void open_stream(struct services *s, const char *path,
                        struct raw_call *raw) {
  raw_open(raw, &s->fixture, path, 10000, GRPC_COMPRESS_NONE);
}

static void reflection__list_services__names_all(void **state) {
  static const char *const paths[] = {V1, V1ALPHA};

  for (size_t i = 0; i < 2; i++) {
    Question question = grpc_reflection_ServerReflectionRequest_INIT;
    struct raw_call raw;
    Answer *answer;

    question.message_request_case =
        grpc_reflection_ServerReflectionRequest_MESSAGE_REQUEST_LIST_SERVICES;
    question.list_services = (char *)(uintptr_t) "*";
    question.host = (char *)(uintptr_t) "here";
    open_stream(*state, paths[i], &raw);
    answer = ask(&raw, &question);
    assert_string_equal(answer->valid_host, "here");
    assert_string_equal(answer->original_request->list_services, "*");
    assert_int_equal(answer->list_services_response->n_service, 4);
    assert_string_equal(answer->list_services_response->service[0]->name,
                        "grpc.health.v1.Health");
    assert_string_equal(answer->list_services_response->service[1]->name,
                        "grpc.reflection.v1.ServerReflection");
    assert_string_equal(answer->list_services_response->service[2]->name,
                        "crpc.test.v1.Nothing");
    assert_string_equal(answer->list_services_response->service[3]->name,
                        "grpc.reflection.v1alpha.ServerReflection");
    forget(answer);
    close_stream(&raw);
  }
}

static void reflection__symbols_of_all_kinds__give_their_file(void **state) {
  static const char *const symbols[] = {
      "crpc.test.v1.Everything",
      ".crpc.test.v1.Everything",
      "crpc.test.v1.Everything.Nested.HTTPServer2Deep",
      "crpc.test.v1.Everything.Nested.HTTPServer2Deep.text",
      "crpc.test.v1.Everything.Nested.Code",
      "crpc.test.v1.Everything.Nested.NOT_FOUND",
      "crpc.test.v1.Everything.text",
      "crpc.test.v1.Everything.choice",
      "crpc.test.v1.Everything.LabelsEntry",
      "crpc.test.v1.Color",
      "crpc.test.v1.COLOR_RED",
      "crpc.test.v1.EverythingService",
      "crpc.test.v1.EverythingService.Unary",
  };
  struct raw_call raw;

  open_stream(*state, V1, &raw);
  for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
    Question question = about_symbol((char *)(uintptr_t)symbols[i]);

    /* everything, other, duration, struct */
    expect_file(&raw, &question, "crpc/test/v1/everything.proto", 4);
  }
  close_stream(&raw);
}

static void reflection__unknown_things__are_errors_not_ends(void **state) {
  static const char *const symbols[] = {
      "",
      "crpc",
      "crpc.test.v1",
      "crpc.test.v1.",
      "crpc.test.v1.Every",
      "crpc.test.v1.Everything.",
      "crpc.test.v1.Everything.Nested.OK.more",
      "crpc.test.v1.Everything.Nested.Code.OK",
      "Everything",
  };
  Question empty = grpc_reflection_ServerReflectionRequest_INIT;
  Question file = about_file((char *)(uintptr_t) "no.proto");
  struct raw_call raw;

  open_stream(*state, V1, &raw);
  for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
    Question question = about_symbol((char *)(uintptr_t)symbols[i]);

    expect_error(&raw, &question, CB_NOT_FOUND);
  }
  expect_error(&raw, &file, CB_NOT_FOUND);
  expect_error(&raw, &empty, CB_INVALID_ARGUMENT);
  close_stream(&raw);
}

/* A question of this packed size, in the name's memory. */
static Question sized_question(char *name, size_t size) {
  Question question = about_symbol(name);

  memset(name, 'n', size);
  name[size - 3] = '\0'; /* a tag, and two bytes of length */
  assert_int_equal(protobuf_c_message_get_packed_size(&question.base), size);
  return question;
}

static void reflection__question_at_the_limit_and_one_past__ends_call(
    void **state) {
  char name[5000];
  Question question = sized_question(name, 4096);
  struct raw_call raw;

  open_stream(*state, V1, &raw);
  expect_error(&raw, &question, CB_NOT_FOUND);
  question = sized_question(name, 4097);
  send_question(&raw, &question);
  assert_false(raw_read(&raw));
  raw_finish(&raw);
  assert_int_equal(raw.code, GRPC_STATUS_INVALID_ARGUMENT);
}

static void reflection__files__with_imports_and_crpcs_own(void **state) {
  static const struct {
    const char *name;
    size_t count;
  } cases[] = {
      {"crpc/test/v1/other.proto", 1},
      {"google/rpc/error_details.proto", 2},
      {"google/rpc/status.proto", 2},
      {"grpc/health/v1/health.proto", 1},
      {"grpc/reflection/v1/reflection.proto", 1},
      {"grpc/reflection/v1alpha/reflection.proto", 1},
  };
  struct raw_call raw;

  open_stream(*state, V1ALPHA, &raw);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    Question question = about_file((char *)(uintptr_t)cases[i].name);

    expect_file(&raw, &question, cases[i].name, cases[i].count);
  }
  close_stream(&raw);
}

static Question about_extension(grpc_reflection_ExtensionRequest *extension,
                                int32_t number) {
  Question question = grpc_reflection_ServerReflectionRequest_INIT;

  extension->containing_type = (char *)(uintptr_t) "crpc.test.v1.Extended";
  extension->extension_number = number;
  question.message_request_case =
      grpc_reflection_ServerReflectionRequest_MESSAGE_REQUEST_FILE_CONTAINING_EXTENSION;
  question.file_containing_extension = extension;
  return question;
}

static void reflection__extensions__are_found(void **state) {
  grpc_reflection_ExtensionRequest extension =
      grpc_reflection_ExtensionRequest_INIT;
  Question all = grpc_reflection_ServerReflectionRequest_INIT;
  Question top = about_extension(&extension, 100);
  struct raw_call raw;
  Answer *answer;

  open_stream(*state, V1, &raw);
  expect_file(&raw, &top, "crpc/test/v1/extension.proto", 1);
  extension.extension_number = 101;
  expect_file(&raw, &top, "crpc/test/v1/extension.proto", 1);
  extension.extension_number = 102;
  expect_error(&raw, &top, CB_NOT_FOUND);
  all.message_request_case =
      grpc_reflection_ServerReflectionRequest_MESSAGE_REQUEST_ALL_EXTENSION_NUMBERS_OF_TYPE;
  all.all_extension_numbers_of_type = extension.containing_type;
  answer = ask(&raw, &all);
  assert_int_equal(answer->all_extension_numbers_response->n_extension_number,
                   2);
  forget(answer);
  all.all_extension_numbers_of_type = (char *)(uintptr_t) "no.Type";
  expect_error(&raw, &all, CB_NOT_FOUND);
  close_stream(&raw);
}

/* A client that asks without reading: questions wait for their turn, and every
 * answer comes, in order. */
static void reflection__questions_at_once__all_are_answered(void **state) {
  enum { COUNT = 200 };
  struct raw_call raw;
  uint8_t bytes[200];
  char host[20];

  open_stream(*state, V1, &raw);
  for (int i = 0; i < COUNT; i++) {
    Question question =
        about_file((char *)(uintptr_t) "google/rpc/error_details.proto");

    snprintf(host, sizeof host, "%d", i);
    question.host = host;
    raw_send(&raw, bytes, protobuf_c_message_pack(&question.base, bytes),
             GRPC_COMPRESS_NONE);
  }
  for (int i = 0; i < COUNT; i++) {
    Answer *answer = read_answer(&raw);

    snprintf(host, sizeof host, "%d", i);
    assert_string_equal(answer->valid_host, host);
    forget(answer);
  }
  close_stream(&raw);
}

static void add__garbage_for_a_set__false(void **state) {
  struct crpc_loop *loop = crpc_loop_new();
  struct crpc_server_options options = {0};
  struct cb_status status;
  struct crpc_server *server = crpc_server_new(loop, &options, &status);

  (void)state;
  assert_false(crpc_reflection_add(server, (const uint8_t *)"\xFF\xFF", 2));
  crpc_server_free(server);
  crpc_loop_free(loop);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(check__server_and_added_services__serving),
      CASE(check__unknown_service__not_found),
      CASE(set__not_serving_and_back__is_told),
      CASE(list__tells_all),
      CASE(watch__change__is_told_once),
      CASE(stop__watchers_are_told_and_let_go),
      CASE(reflection__list_services__names_all),
      CASE(reflection__symbols_of_all_kinds__give_their_file),
      CASE(reflection__unknown_things__are_errors_not_ends),
      CASE(reflection__question_at_the_limit_and_one_past__ends_call),
      CASE(reflection__files__with_imports_and_crpcs_own),
      CASE(reflection__extensions__are_found),
      CASE(reflection__questions_at_once__all_are_answered),
      cmocka_unit_test(add__garbage_for_a_set__false),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
