/* Made by protoc-gen-crpc from crpc/test/v1/everything.proto; do not edit. */
#include "crpc/test/v1/everything.crpc.h"

static bool crpc_test_EverythingService_Unary_dispatch(
    const void *handlers, struct crpc_call *call,
    const ProtobufCMessage *message, void *self) {
  const struct crpc_test_EverythingService_handlers *table = handlers;

  if (!table->Unary) return false;
  table->Unary(call, (const crpc_test_Everything *)message, self);
  return true;
}

static void crpc_test_EverythingService_Unary_deliver(
    const void *events, const ProtobufCMessage *message,
    void *ctx) {
  const struct crpc_test_EverythingService_Unary_events *typed = events;

  if (typed->message)
    typed->message(ctx, (const crpc_test_Other *)message);
}

static bool crpc_test_EverythingService_ServerStream_dispatch(
    const void *handlers, struct crpc_call *call,
    const ProtobufCMessage *message, void *self) {
  const struct crpc_test_EverythingService_handlers *table = handlers;

  if (!table->ServerStream) return false;
  table->ServerStream(call, (const crpc_test_Everything *)message, self);
  return true;
}

static void crpc_test_EverythingService_ServerStream_deliver(
    const void *events, const ProtobufCMessage *message,
    void *ctx) {
  const struct crpc_test_EverythingService_ServerStream_events *typed = events;

  if (typed->message)
    typed->message(ctx, (const google_protobuf_Duration *)message);
}

static bool crpc_test_EverythingService_ClientStream_dispatch(
    const void *handlers, struct crpc_call *call,
    const ProtobufCMessage *message, void *self) {
  const struct crpc_test_EverythingService_handlers *table = handlers;

  if (!table->ClientStream) return false;
  (void)message;
  table->ClientStream(call, self);
  return true;
}

static void crpc_test_EverythingService_ClientStream_deliver(
    const void *events, const ProtobufCMessage *message,
    void *ctx) {
  const struct crpc_test_EverythingService_ClientStream_events *typed = events;

  if (typed->message)
    typed->message(ctx, (const crpc_test_Everything *)message);
}

static bool crpc_test_EverythingService_Bidi_dispatch(
    const void *handlers, struct crpc_call *call,
    const ProtobufCMessage *message, void *self) {
  const struct crpc_test_EverythingService_handlers *table = handlers;

  if (!table->Bidi) return false;
  (void)message;
  table->Bidi(call, self);
  return true;
}

static void crpc_test_EverythingService_Bidi_deliver(
    const void *events, const ProtobufCMessage *message,
    void *ctx) {
  const struct crpc_test_EverythingService_Bidi_events *typed = events;

  if (typed->message)
    typed->message(ctx, (const crpc_test_Other *)message);
}

const struct crpc_method crpc_test_EverythingService_methods[] = {
  {
    .path = "/crpc.test.v1.EverythingService/Unary",
    .name = "Unary",
    .kind = CRPC_UNARY,
    .request = &crpc_test_Everything_descriptor,
    .response = &crpc_test_Other_descriptor,
    .dispatch = crpc_test_EverythingService_Unary_dispatch,
    .deliver = crpc_test_EverythingService_Unary_deliver,
  },
  {
    .path = "/crpc.test.v1.EverythingService/ServerStream",
    .name = "ServerStream",
    .kind = CRPC_SERVER_STREAMING,
    .request = &crpc_test_Everything_descriptor,
    .response = &google_protobuf_Duration_descriptor,
    .dispatch = crpc_test_EverythingService_ServerStream_dispatch,
    .deliver = crpc_test_EverythingService_ServerStream_deliver,
  },
  {
    .path = "/crpc.test.v1.EverythingService/ClientStream",
    .name = "ClientStream",
    .kind = CRPC_CLIENT_STREAMING,
    .request = &crpc_test_Other_descriptor,
    .response = &crpc_test_Everything_descriptor,
    .dispatch = crpc_test_EverythingService_ClientStream_dispatch,
    .deliver = crpc_test_EverythingService_ClientStream_deliver,
  },
  {
    .path = "/crpc.test.v1.EverythingService/Bidi",
    .name = "Bidi",
    .kind = CRPC_BIDI,
    .request = &crpc_test_Everything_Nested_descriptor,
    .response = &crpc_test_Other_descriptor,
    .dispatch = crpc_test_EverythingService_Bidi_dispatch,
    .deliver = crpc_test_EverythingService_Bidi_deliver,
  },
};

const struct crpc_service crpc_test_EverythingService = {
  .name = "crpc.test.v1.EverythingService",
  .methods = crpc_test_EverythingService_methods,
  .method_count = 4,
};

const struct crpc_method crpc_test_Nothing_methods[] = {
  {0}, /* none */
};

const struct crpc_service crpc_test_Nothing = {
  .name = "crpc.test.v1.Nothing",
  .methods = crpc_test_Nothing_methods,
  .method_count = 0,
};
