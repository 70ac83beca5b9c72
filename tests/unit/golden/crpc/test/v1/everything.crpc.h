/* Made by protoc-gen-crpc from crpc/test/v1/everything.proto; do not edit. */
#ifndef CRPC_crpc_2ftest_2fv1_2feverything_2eproto
#define CRPC_crpc_2ftest_2fv1_2feverything_2eproto

#include <assert.h>
#include <stdbool.h>

#include "crpc/call.h"
#include "crpc/client.h"
#include "crpc/method.h"
#include "crpc/server.h"
#include "crpc/test/v1/everything.pb-c.h"
#include "crpc/test/v1/other.crpc.h"
#include "google/protobuf/duration.crpc.h"
#include "google/protobuf/struct.crpc.h"

PROTOBUF_C__BEGIN_DECLS

/* enum crpc.test.v1.Color */
typedef Crpc__Test__V1__Color crpc_test_Color;
#define crpc_test_Color_descriptor \
  crpc__test__v1__color__descriptor
#define crpc_test_COLOR_UNSPECIFIED \
  CRPC__TEST__V1__COLOR__COLOR_UNSPECIFIED
#define crpc_test_COLOR_RED \
  CRPC__TEST__V1__COLOR__COLOR_RED

/* message crpc.test.v1.Everything */
typedef Crpc__Test__V1__Everything crpc_test_Everything;
#define crpc_test_Everything_INIT \
  CRPC__TEST__V1__EVERYTHING__INIT
#define crpc_test_Everything_descriptor \
  crpc__test__v1__everything__descriptor
#define crpc_test_Everything_CHOICE_NOT_SET \
  CRPC__TEST__V1__EVERYTHING__CHOICE__NOT_SET
#define crpc_test_Everything_CHOICE_CHOICE_TEXT \
  CRPC__TEST__V1__EVERYTHING__CHOICE_CHOICE_TEXT
#define crpc_test_Everything_CHOICE_CHOICE_NESTED \
  CRPC__TEST__V1__EVERYTHING__CHOICE_CHOICE_NESTED
#define crpc_test_Everything_CHOICE_CHOICE_SMALL \
  CRPC__TEST__V1__EVERYTHING__CHOICE_CHOICE_SMALL
#define crpc_test_Everything_CHOICE_CHOICE_VALUE \
  CRPC__TEST__V1__EVERYTHING__CHOICE_CHOICE_VALUE
#define crpc_test_Everything_CAMEL_CASE_NOT_SET \
  CRPC__TEST__V1__EVERYTHING__CAMEL_CASE__NOT_SET
#define crpc_test_Everything_CAMEL_CASE_CAMEL_DATA \
  CRPC__TEST__V1__EVERYTHING__CAMEL_CASE_CAMEL_DATA
#define crpc_test_Everything_HAS_MAYBE_SMALL \
  CRPC__TEST__V1__EVERYTHING___MAYBE_SMALL_MAYBE_SMALL
#define crpc_test_Everything_HAS_MAYBE_TEXT \
  CRPC__TEST__V1__EVERYTHING___MAYBE_TEXT_MAYBE_TEXT
#define crpc_test_Everything_HAS_MAYBE_OTHER \
  CRPC__TEST__V1__EVERYTHING___MAYBE_OTHER_MAYBE_OTHER

/* message crpc.test.v1.Everything.Nested */
typedef Crpc__Test__V1__Everything__Nested crpc_test_Everything_Nested;
#define crpc_test_Everything_Nested_INIT \
  CRPC__TEST__V1__EVERYTHING__NESTED__INIT
#define crpc_test_Everything_Nested_descriptor \
  crpc__test__v1__everything__nested__descriptor

/* enum crpc.test.v1.Everything.Nested.Code */
typedef Crpc__Test__V1__Everything__Nested__Code crpc_test_Everything_Nested_Code;
#define crpc_test_Everything_Nested_Code_descriptor \
  crpc__test__v1__everything__nested__code__descriptor
#define crpc_test_Everything_Nested_OK \
  CRPC__TEST__V1__EVERYTHING__NESTED__CODE__OK
#define crpc_test_Everything_Nested_NOT_FOUND \
  CRPC__TEST__V1__EVERYTHING__NESTED__CODE__NOT_FOUND

/* message crpc.test.v1.Everything.Nested.HTTPServer2Deep */
typedef Crpc__Test__V1__Everything__Nested__HTTPServer2Deep crpc_test_Everything_Nested_HTTPServer2Deep;
#define crpc_test_Everything_Nested_HTTPServer2Deep_INIT \
  CRPC__TEST__V1__EVERYTHING__NESTED__HTTPSERVER2_DEEP__INIT
#define crpc_test_Everything_Nested_HTTPServer2Deep_descriptor \
  crpc__test__v1__everything__nested__httpserver2_deep__descriptor

/* message crpc.test.v1.Everything.LabelsEntry */
typedef Crpc__Test__V1__Everything__LabelsEntry crpc_test_Everything_LabelsEntry;
#define crpc_test_Everything_LabelsEntry_INIT \
  CRPC__TEST__V1__EVERYTHING__LABELS_ENTRY__INIT
#define crpc_test_Everything_LabelsEntry_descriptor \
  crpc__test__v1__everything__labels_entry__descriptor

/* message crpc.test.v1.Everything.NestedByNumberEntry */
typedef Crpc__Test__V1__Everything__NestedByNumberEntry crpc_test_Everything_NestedByNumberEntry;
#define crpc_test_Everything_NestedByNumberEntry_INIT \
  CRPC__TEST__V1__EVERYTHING__NESTED_BY_NUMBER_ENTRY__INIT
#define crpc_test_Everything_NestedByNumberEntry_descriptor \
  crpc__test__v1__everything__nested_by_number_entry__descriptor

/* service crpc_test_EverythingService */

/*
 * Runs everything. A comment may end in * / or hold / * and must do no harm.
 */
struct crpc_test_EverythingService_handlers {
  /*
   * One in, one out.
   */
  void (*Unary)(struct crpc_call *call,
      const crpc_test_Everything *request, void *self);
  /*
   * One in, many out.
   *
   * With a second paragraph.
   */
  void (*ServerStream)(struct crpc_call *call,
      const crpc_test_Everything *request, void *self);
  void (*ClientStream)(struct crpc_call *call, void *self);
  /*
   * Many in, many out.
   */
  void (*Bidi)(struct crpc_call *call, void *self);
};

extern const struct crpc_service crpc_test_EverythingService;
extern const struct crpc_method crpc_test_EverythingService_methods[];

#define crpc_test_EverythingService_Unary \
  (crpc_test_EverythingService_methods[0])
#define crpc_test_EverythingService_ServerStream \
  (crpc_test_EverythingService_methods[1])
#define crpc_test_EverythingService_ClientStream \
  (crpc_test_EverythingService_methods[2])
#define crpc_test_EverythingService_Bidi \
  (crpc_test_EverythingService_methods[3])

/* Adds the service to server; handlers and self are borrowed for its life. */
static inline bool crpc_test_EverythingService_add(
    struct crpc_server *server,
    const struct crpc_test_EverythingService_handlers *handlers, void *self) {
  return crpc_server_add_service(
      server, &crpc_test_EverythingService, handlers, self);
}

/* rpc Unary */

static inline enum crpc_send crpc_test_EverythingService_Unary_reply(
    struct crpc_call *call, const crpc_test_Other *message) {
  return crpc_call_reply(call, &message->base);
}

struct crpc_test_EverythingService_Unary_events {
  void (*message)(void *ctx, const crpc_test_Other *message);
  void (*done)(void *ctx, const struct crpc_outcome *outcome);
};

/*
 * One in, one out.
 */
static inline struct cb_id crpc_test_EverythingService_Unary_start(
    struct crpc_channel *channel, const crpc_test_Everything *request,
    const struct crpc_rpc_options *options,
    const struct crpc_test_EverythingService_Unary_events *events, void *ctx) {
  const struct crpc_rpc_sink sink = {
      .events = events, .done = events->done, .ctx = ctx};

  return crpc_rpc_start(channel, &crpc_test_EverythingService_Unary,
      &request->base, options, &sink);
}

/* rpc ServerStream */

static inline enum crpc_send crpc_test_EverythingService_ServerStream_send(
    struct crpc_call *call, const google_protobuf_Duration *message) {
  return crpc_call_send(call, &message->base);
}

struct crpc_test_EverythingService_ServerStream_events {
  void (*message)(void *ctx, const google_protobuf_Duration *message);
  void (*done)(void *ctx, const struct crpc_outcome *outcome);
};

/*
 * One in, many out.
 *
 * With a second paragraph.
 */
static inline struct cb_id crpc_test_EverythingService_ServerStream_start(
    struct crpc_channel *channel, const crpc_test_Everything *request,
    const struct crpc_rpc_options *options,
    const struct crpc_test_EverythingService_ServerStream_events *events, void *ctx) {
  const struct crpc_rpc_sink sink = {
      .events = events, .done = events->done, .ctx = ctx};

  return crpc_rpc_start(channel, &crpc_test_EverythingService_ServerStream,
      &request->base, options, &sink);
}

/* rpc ClientStream */

static inline enum crpc_send crpc_test_EverythingService_ClientStream_reply(
    struct crpc_call *call, const crpc_test_Everything *message) {
  return crpc_call_reply(call, &message->base);
}

/* The message of a message event of this method's calls. */
static inline const crpc_test_Other *crpc_test_EverythingService_ClientStream_message(
    const ProtobufCMessage *message) {
  assert(message->descriptor == &crpc_test_Other_descriptor);
  return (const crpc_test_Other *)message;
}

struct crpc_test_EverythingService_ClientStream_events {
  void (*message)(void *ctx, const crpc_test_Everything *message);
  void (*done)(void *ctx, const struct crpc_outcome *outcome);
  void (*writable)(void *ctx); /* after CRPC_WAIT */
};

static inline struct cb_id crpc_test_EverythingService_ClientStream_start(
    struct crpc_channel *channel,
    const struct crpc_rpc_options *options,
    const struct crpc_test_EverythingService_ClientStream_events *events, void *ctx) {
  const struct crpc_rpc_sink sink = {
      .events = events, .done = events->done,
      .writable = events->writable, .ctx = ctx};

  return crpc_rpc_start(channel, &crpc_test_EverythingService_ClientStream,
      NULL, options, &sink);
}

/* Sends one message of the client's; see crpc_rpc_write(). */
static inline enum crpc_send crpc_test_EverythingService_ClientStream_write(
    struct crpc_channel *channel, struct cb_id id,
    const crpc_test_Other *message) {
  return crpc_rpc_write(channel, id, &message->base);
}

/* rpc Bidi */

static inline enum crpc_send crpc_test_EverythingService_Bidi_send(
    struct crpc_call *call, const crpc_test_Other *message) {
  return crpc_call_send(call, &message->base);
}

/* The message of a message event of this method's calls. */
static inline const crpc_test_Everything_Nested *crpc_test_EverythingService_Bidi_message(
    const ProtobufCMessage *message) {
  assert(message->descriptor == &crpc_test_Everything_Nested_descriptor);
  return (const crpc_test_Everything_Nested *)message;
}

struct crpc_test_EverythingService_Bidi_events {
  void (*message)(void *ctx, const crpc_test_Other *message);
  void (*done)(void *ctx, const struct crpc_outcome *outcome);
  void (*writable)(void *ctx); /* after CRPC_WAIT */
};

/*
 * Many in, many out.
 */
static inline struct cb_id crpc_test_EverythingService_Bidi_start(
    struct crpc_channel *channel,
    const struct crpc_rpc_options *options,
    const struct crpc_test_EverythingService_Bidi_events *events, void *ctx) {
  const struct crpc_rpc_sink sink = {
      .events = events, .done = events->done,
      .writable = events->writable, .ctx = ctx};

  return crpc_rpc_start(channel, &crpc_test_EverythingService_Bidi,
      NULL, options, &sink);
}

/* Sends one message of the client's; see crpc_rpc_write(). */
static inline enum crpc_send crpc_test_EverythingService_Bidi_write(
    struct crpc_channel *channel, struct cb_id id,
    const crpc_test_Everything_Nested *message) {
  return crpc_rpc_write(channel, id, &message->base);
}

/* service crpc_test_Nothing */

struct crpc_test_Nothing_handlers {
  char none;
};

extern const struct crpc_service crpc_test_Nothing;
extern const struct crpc_method crpc_test_Nothing_methods[];


/* Adds the service to server; handlers and self are borrowed for its life. */
static inline bool crpc_test_Nothing_add(
    struct crpc_server *server,
    const struct crpc_test_Nothing_handlers *handlers, void *self) {
  return crpc_server_add_service(
      server, &crpc_test_Nothing, handlers, self);
}

PROTOBUF_C__END_DECLS

#endif
