/* method.h - the tables that protoc-gen-crpc writes and the runtime reads.
 *
 * Users do not write these by hand: they include the generated header, which
 * has a typed function for each thing that a call of its service can do.
 */
#ifndef CRPC_METHOD_H
#define CRPC_METHOD_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

struct crpc_call;

enum crpc_kind {
  CRPC_UNARY,
  CRPC_SERVER_STREAMING,
  CRPC_CLIENT_STREAMING,
  CRPC_BIDI,
};

/* One method. dispatch and deliver are typed shims, so that no function is
 * ever called through a pointer of another type. */
struct crpc_method {
  const char *path; /* "/package.Service/Method" */
  const char *name; /* "Method" */
  enum crpc_kind kind;
  const ProtobufCMessageDescriptor *request;
  const ProtobufCMessageDescriptor *response;
  /* Server side: calls the handler of this method in handlers. message is NULL
   * where the client streams (the call is then opened without a message).
   * False if the table has no handler for it: UNIMPLEMENTED. */
  bool (*dispatch)(const void *handlers, struct crpc_call *call,
                   const ProtobufCMessage *message, void *self);
  /* Client side: hands a message to the typed events. */
  void (*deliver)(const void *events, const ProtobufCMessage *message,
                  void *ctx);
};

struct crpc_service {
  const char *name; /* "package.Service" */
  const struct crpc_method *methods;
  size_t method_count;
};

#endif
