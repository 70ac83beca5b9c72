#include "crpc/reflection.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/status.h"
#include "crpc/builtin_set.h"
#include "crpc/call.h"
#include "crpc/descriptor_pool.h"
#include "crpc/reflection_answer.h"
#include "crpc/server.h"
#include "crpc/wire.h"
#include "grpc/reflection/v1/reflection.crpc.h"

/* The pool of a set of 100 kB takes about a megabyte. */
#define POOL_MAX ((size_t)256 << 20)

/* A question is kept, in no budget, until its answer is taken. Names of files
 * and symbols are a small part of this; all of the message counts, for fields
 * that nobody knows are kept as well. */
#define QUESTION_MAX 4096

/* v1alpha has the same bytes: another name for the same method. */
#define V1_PATH "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
#define V1ALPHA_PATH \
  "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"

/* One call: a client asks, and gets answers in order. The next question is read
 * when the answer to the one before was taken. */
struct stream {
  struct crpc_reflection *reflection;
  ProtobufCBinaryData waiting; /* the question whose answer was not taken */
};

/* Keeps the question until there is room to answer it. */
static bool keep(struct stream *stream, const ProtobufCMessage *question) {
  size_t size = protobuf_c_message_get_packed_size(question);

  stream->waiting.data = malloc(size > 0 ? size : 1);
  if (!stream->waiting.data) return false;
  stream->waiting.len = protobuf_c_message_pack(question, stream->waiting.data);
  return true;
}

static void fail_memory(struct crpc_call *call) {
  const struct cb_status status = crpc_no_memory();

  crpc_call_fail(call, &status);
}

static void answer(struct crpc_call *call, struct stream *stream,
                   const ProtobufCMessage *question) {
  switch (crpc_reflection_answer(
      stream->reflection, call,
      (const grpc_reflection_ServerReflectionRequest *)question)) {
    case CRPC_SENT:
      crpc_call_read(call);
      return;
    case CRPC_WAIT:
      if (keep(stream, question)) return;
      fail_memory(call);
      return;
    case CRPC_NO_MEMORY:
      fail_memory(call);
      return;
    case CRPC_CLOSED:
      return;
  }
}

/* No error_response: that holds the question again. */
static void refuse_size(struct crpc_call *call) {
  struct cb_status status =
      cb_status_make(CB_INVALID_ARGUMENT, "INVALID_FIELD",
                     "a question of reflection has more than 4096 bytes");

  status.field = "message_request";
  crpc_call_fail(call, &status);
}

static void on_message(struct crpc_call *call, const ProtobufCMessage *message,
                       void *ctx) {
  if (protobuf_c_message_get_packed_size(message) > QUESTION_MAX)
    refuse_size(call);
  else
    answer(call, ctx, message);
}

static void on_writable(struct crpc_call *call, void *ctx) {
  struct stream *stream = ctx;
  ProtobufCBinaryData bytes = stream->waiting;
  ProtobufCMessage *question;

  if (!bytes.data) return;
  stream->waiting = (ProtobufCBinaryData){0, NULL};
  question = protobuf_c_message_unpack(
      &grpc_reflection_ServerReflectionRequest_descriptor, NULL, bytes.len,
      bytes.data);
  free(bytes.data);
  if (!question) {
    fail_memory(call);
    return;
  }
  answer(call, stream, question);
  protobuf_c_message_free_unpacked(question, NULL);
}

static void on_half_closed(struct crpc_call *call, void *ctx) {
  (void)ctx;
  crpc_call_finish(call);
}

static void on_done(struct crpc_call *call, void *ctx) {
  struct stream *stream = ctx;

  (void)call;
  free(stream->waiting.data);
  free(stream);
}

static const struct crpc_call_events stream_events = {
    .writable = on_writable,
    .message = on_message,
    .half_closed = on_half_closed,
    .done = on_done,
};

static void on_info(struct crpc_call *call, void *self) {
  struct stream *stream = calloc(1, sizeof *stream);

  if (!stream) {
    fail_memory(call);
    return;
  }
  stream->reflection = self;
  crpc_call_set_events(call, &stream_events, stream);
  crpc_call_read(call);
}

static const struct grpc_reflection_ServerReflection_handlers handlers = {
    .ServerReflectionInfo = on_info};

static void release(void *object) { cb_arena_free(object); }

bool crpc_reflection_add(struct crpc_server *server, const uint8_t *set,
                         size_t set_size) {
  struct cb_arena *arena = cb_arena_new(NULL, POOL_MAX, 0);
  struct crpc_reflection *reflection;
  const uint8_t *builtin;
  size_t builtin_size;

  if (!arena) return false;
  if (!crpc_server_defer(server, release, arena)) {
    cb_arena_free(arena);
    return false;
  }
  reflection = cb_arena_zalloc(arena, 1, sizeof *reflection);
  if (!reflection) return false;
  reflection->server = server;
  builtin = crpc_builtin_set(&builtin_size);
  return crpc_pool_add(&reflection->pool, set, set_size, arena) &&
         crpc_pool_add(&reflection->pool, builtin, builtin_size, arena) &&
         grpc_reflection_ServerReflection_add(server, &handlers, reflection) &&
         crpc_server_add_alias(server, V1ALPHA_PATH, V1_PATH);
}
