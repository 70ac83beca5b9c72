/* payload.h - from the core's byte buffers to messages and back.
 *
 * Threads: safe from any; keeps nothing.
 */
#ifndef CRPC_PAYLOAD_H
#define CRPC_PAYLOAD_H

#include <grpc/grpc.h>
#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

#include "base/status.h"

struct cb_arena;
struct cb_budget;

struct crpc_payload_limits {
  size_t max_bytes;         /* on the wire, and inflated */
  size_t max_unpacked;      /* in the arena */
  struct cb_budget *budget; /* for what is held meanwhile */
};

/* Inflates bytes if they are compressed, scans them and unpacks them into
 * arena. bytes stays the caller's. CB_OK, or what crpc_inflate() and
 * crpc_unpack() say; RESOURCE_EXHAUSTED with reason REQUEST_TOO_LARGE when it
 * is over max_bytes as it came; UNIMPLEMENTED for a compression we do not have.
 */
struct cb_status crpc_payload_unpack(
    grpc_byte_buffer *bytes, const ProtobufCMessageDescriptor *descriptor,
    const struct crpc_payload_limits *limits, struct cb_arena *arena,
    ProtobufCMessage **ret_message);

/* Packs message (size bytes, as protobuf-c says) into a new buffer. NULL when
 * out of memory. */
grpc_byte_buffer *crpc_payload_pack(const ProtobufCMessage *message,
                                    size_t size);

#endif
