/* From scanned bytes to a message in an arena. */
#include "base/arena.h"
#include "crpc/wire.h"

struct source {
  struct cb_arena *arena;
  bool refused;
};

static void *take(void *self, size_t size) {
  struct source *source = self;
  void *memory = cb_arena_alloc(source->arena, size);

  if (!memory) source->refused = true;
  return memory;
}

/* The arena gives everything back at once. */
static void leave(void *self, void *block) {
  (void)self;
  (void)block;
}

struct cb_status crpc_no_memory(void) {
  struct cb_status status =
      cb_status_make(CB_RESOURCE_EXHAUSTED, "SERVER_MEMORY",
                     "the server has no memory left for the message");

  status.retryable = true;
  return status;
}

static struct cb_status too_large(void) {
  return cb_status_make(CB_RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE",
                        "the message needs too much memory");
}

struct cb_status crpc_unpack(const ProtobufCMessageDescriptor *descriptor,
                             struct crpc_bytes bytes,
                             const struct crpc_wire_limits *limits,
                             struct cb_arena *arena,
                             ProtobufCMessage **ret_message) {
  struct cb_status status =
      crpc_wire_scan(descriptor, bytes, limits, arena, NULL);
  struct source source = {arena, false};
  ProtobufCAllocator allocator = {take, leave, &source};
  ProtobufCMessage *message;

  if (status.code != CB_OK) return status;
  message =
      protobuf_c_message_unpack(descriptor, &allocator, bytes.size, bytes.data);
  if (!message && source.refused)
    return cb_arena_past_cap(arena) ? too_large() : crpc_no_memory();
  if (!message) /* a field that proto2 calls required is missing */
    return cb_status_make(CB_INVALID_ARGUMENT, "MALFORMED_REQUEST",
                          "the message cannot be unpacked");
  *ret_message = message;
  return cb_status_ok();
}
