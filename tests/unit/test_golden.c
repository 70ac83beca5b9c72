/* What protoc-gen-crpc made of golden/: it compiles without a warning, and its
 * tables and shims do what they say. The runtime is played by this file. */
#include <stdbool.h>
#include <string.h>

#include "crpc/test/v1/everything.crpc.h"
#include "tests/unit/cmocka_all.h"

/* What the shims called last. */
struct seen {
  const char *called;
  const void *message;
  const void *handlers;
  void *self;
  const struct crpc_service *service;
  const struct crpc_method *method;
  void (*done)(void *ctx, const struct crpc_outcome *outcome);
  void (*writable)(void *ctx);
};

static struct seen *seen_now(void) {
  static struct seen seen;

  return &seen;
}

enum crpc_send crpc_call_reply(struct crpc_call *call,
                               const ProtobufCMessage *message) {
  (void)call;
  seen_now()->called = "reply";
  seen_now()->message = message;
  return CRPC_SENT;
}

enum crpc_send crpc_call_send(struct crpc_call *call,
                              const ProtobufCMessage *message) {
  (void)call;
  seen_now()->called = "send";
  seen_now()->message = message;
  return CRPC_WAIT;
}

bool crpc_server_add_service(struct crpc_server *server,
                             const struct crpc_service *service,
                             const void *handlers, void *self) {
  (void)server;
  seen_now()->service = service;
  seen_now()->handlers = handlers;
  seen_now()->self = self;
  return true;
}

struct cb_id crpc_rpc_start(struct crpc_channel *channel,
                            const struct crpc_method *method,
                            const ProtobufCMessage *request,
                            const struct crpc_rpc_options *options,
                            const struct crpc_rpc_sink *sink) {
  (void)channel;
  (void)options;
  seen_now()->method = method;
  seen_now()->message = request;
  seen_now()->done = sink->done;
  seen_now()->writable = sink->writable;
  return (struct cb_id){1, 2};
}

enum crpc_send crpc_rpc_write(struct crpc_channel *channel, struct cb_id id,
                              const ProtobufCMessage *message) {
  (void)channel;
  seen_now()->called = id.slot == 1 ? "write" : "";
  seen_now()->message = message;
  return CRPC_WAIT;
}

static void on_unary(struct crpc_call *call,
                     const crpc_test_Everything *request, void *self) {
  (void)call;
  seen_now()->message = request;
  seen_now()->self = self;
}

static void on_bidi(struct crpc_call *call, void *self) {
  (void)call;
  seen_now()->called = "bidi";
  seen_now()->self = self;
}

static void names__short_ones__mean_the_long_ones(void **state) {
  crpc_test_Everything message = crpc_test_Everything_INIT;
  crpc_test_Everything_Nested_HTTPServer2Deep deep =
      crpc_test_Everything_Nested_HTTPServer2Deep_INIT;
  crpc_test_Everything_Nested_Code code = crpc_test_Everything_Nested_NOT_FOUND;

  (void)state;
  assert_int_equal(code, 5);
  assert_int_equal(crpc_test_COLOR_RED, 1);
  assert_int_equal(crpc_test_Everything_CHOICE_NOT_SET, message.choice_case);
  assert_int_equal(crpc_test_Everything_CHOICE_CHOICE_NESTED, 22);
  assert_int_equal(crpc_test_Everything_CAMEL_CASE_CAMEL_DATA, 25);
  assert_int_equal(crpc_test_Everything_HAS_MAYBE_SMALL, 18);
  assert_int_equal(crpc_test_Everything_HAS_MAYBE_TEXT, 19);
  assert_ptr_equal(deep.base.descriptor,
                   &crpc_test_Everything_Nested_HTTPServer2Deep_descriptor);
  assert_string_equal(crpc_test_Color_descriptor.name, "crpc.test.v1.Color");
}

static void tables__hold_paths_kinds_and_types(void **state) {
  const struct crpc_service *service = &crpc_test_EverythingService;

  (void)state;
  assert_string_equal(service->name, "crpc.test.v1.EverythingService");
  assert_int_equal(service->method_count, 4);
  assert_ptr_equal(&crpc_test_EverythingService_Bidi, &service->methods[3]);
  assert_string_equal(service->methods[0].path,
                      "/crpc.test.v1.EverythingService/Unary");
  assert_int_equal(service->methods[0].kind, CRPC_UNARY);
  assert_int_equal(service->methods[1].kind, CRPC_SERVER_STREAMING);
  assert_int_equal(service->methods[2].kind, CRPC_CLIENT_STREAMING);
  assert_int_equal(service->methods[3].kind, CRPC_BIDI);
  assert_ptr_equal(service->methods[1].response,
                   &google_protobuf_Duration_descriptor);
  for (size_t i = 0; i < service->method_count; i++)
    assert_non_null(service->methods[i].deliver);
  assert_int_equal(crpc_test_Nothing.method_count, 0);
}

static void dispatch__calls_the_handler_or_says_there_is_none(void **state) {
  const struct crpc_test_EverythingService_handlers handlers = {
      .Unary = on_unary, .Bidi = on_bidi};
  crpc_test_Everything request = crpc_test_Everything_INIT;
  int self;

  (void)state;
  assert_true(crpc_test_EverythingService_Unary.dispatch(&handlers, NULL,
                                                         &request.base, &self));
  assert_ptr_equal(seen_now()->message, &request);
  assert_ptr_equal(seen_now()->self, &self);
  assert_true(
      crpc_test_EverythingService_Bidi.dispatch(&handlers, NULL, NULL, &self));
  assert_string_equal(seen_now()->called, "bidi");
  assert_false(crpc_test_EverythingService_ServerStream.dispatch(
      &handlers, NULL, &request.base, &self));
  assert_false(crpc_test_EverythingService_ClientStream.dispatch(
      &handlers, NULL, NULL, &self));
}

static void shims__of_the_server__hand_on_their_message(void **state) {
  crpc_test_Other other = crpc_test_Other_INIT;
  google_protobuf_Duration duration = google_protobuf_Duration_INIT;
  crpc_test_Everything_Nested nested = crpc_test_Everything_Nested_INIT;
  const struct crpc_test_EverythingService_handlers handlers = {.Unary = NULL};

  (void)state;
  assert_int_equal(crpc_test_EverythingService_Unary_reply(NULL, &other),
                   CRPC_SENT);
  assert_string_equal(seen_now()->called, "reply");
  assert_int_equal(
      crpc_test_EverythingService_ServerStream_send(NULL, &duration),
      CRPC_WAIT);
  assert_ptr_equal(seen_now()->message, &duration);
  assert_ptr_equal(crpc_test_EverythingService_Bidi_message(&nested.base),
                   &nested);
  assert_true(crpc_test_EverythingService_add(NULL, &handlers, &other));
  assert_ptr_equal(seen_now()->service, &crpc_test_EverythingService);
  assert_ptr_equal(seen_now()->handlers, &handlers);
}

static void on_other(void *ctx, const crpc_test_Other *message) {
  *(const crpc_test_Other **)ctx = message;
}

static void on_end(void *ctx, const struct crpc_outcome *outcome) {
  (void)ctx;
  (void)outcome;
}

static void shims__of_the_client__start_and_deliver(void **state) {
  const struct crpc_test_EverythingService_Unary_events events = {
      .message = on_other, .done = on_end};
  const struct crpc_test_EverythingService_Unary_events deaf = {.done = on_end};
  crpc_test_Everything request = crpc_test_Everything_INIT;
  crpc_test_Other other = crpc_test_Other_INIT;
  const crpc_test_Other *got = NULL;
  struct cb_id id = crpc_test_EverythingService_Unary_start(
      NULL, &request, NULL, &events, NULL);

  (void)state;
  assert_int_equal(id.generation, 2);
  assert_ptr_equal(seen_now()->method, &crpc_test_EverythingService_Unary);
  assert_ptr_equal(seen_now()->message, &request);
  assert_true(seen_now()->done == on_end);
  crpc_test_EverythingService_Unary.deliver(&events, &other.base, &got);
  assert_ptr_equal(got, &other);
  crpc_test_EverythingService_Unary.deliver(&deaf, &other.base, &got);
}

static void on_room(void *ctx) { (void)ctx; }

static void shims__of_a_streaming_client__start_empty_and_write(void **state) {
  const struct crpc_test_EverythingService_Bidi_events events = {
      .message = on_other, .done = on_end, .writable = on_room};
  const struct crpc_test_EverythingService_ClientStream_events deaf = {
      .done = on_end};
  crpc_test_Everything_Nested nested = crpc_test_Everything_Nested_INIT;
  crpc_test_Other other = crpc_test_Other_INIT;
  const crpc_test_Other *got = NULL;
  struct cb_id id =
      crpc_test_EverythingService_Bidi_start(NULL, NULL, &events, NULL);

  (void)state;
  assert_int_equal(id.generation, 2);
  assert_ptr_equal(seen_now()->method, &crpc_test_EverythingService_Bidi);
  assert_null(seen_now()->message);
  assert_true(seen_now()->done == on_end);
  assert_true(seen_now()->writable == on_room);
  assert_int_equal(crpc_test_EverythingService_Bidi_write(NULL, id, &nested),
                   CRPC_WAIT);
  assert_string_equal(seen_now()->called, "write");
  assert_ptr_equal(seen_now()->message, &nested);
  crpc_test_EverythingService_Bidi.deliver(&events, &other.base, &got);
  assert_ptr_equal(got, &other);
  crpc_test_EverythingService_ClientStream_start(NULL, NULL, &deaf, NULL);
  assert_ptr_equal(seen_now()->method,
                   &crpc_test_EverythingService_ClientStream);
  assert_null(seen_now()->writable);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names__short_ones__mean_the_long_ones),
      cmocka_unit_test(tables__hold_paths_kinds_and_types),
      cmocka_unit_test(dispatch__calls_the_handler_or_says_there_is_none),
      cmocka_unit_test(shims__of_the_server__hand_on_their_message),
      cmocka_unit_test(shims__of_the_client__start_and_deliver),
      cmocka_unit_test(shims__of_a_streaming_client__start_empty_and_write),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
