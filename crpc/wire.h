/* wire.h - one look at the bytes of a message before protobuf-c unpacks them.
 *
 * protobuf-c 1.4 has no recursion limit (a nested google.protobuf.Value of
 * some 33 kB ends the process), does not check UTF-8, cuts strings at NUL,
 * and makes 2 bytes of wire into 100 of heap. The scan follows the descriptor
 * through the bytes once, without recursion and without allocating, and says
 * no first, naming the field.
 *
 * One thing that protobuf allows is refused: a message field that may stand
 * once and stands twice. Parsers merge the two; protobuf-c does it wrongly
 * (fields get lost) and in quadratic time, and no encoder writes it.
 *
 * Message types have 512 fields at most.
 *
 * Threads: safe from any; keeps nothing.
 */
#ifndef CRPC_WIRE_H
#define CRPC_WIRE_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct cb_arena;

/* Message levels in all, as other languages' parsers have it. */
#define CRPC_MAX_DEPTH 100

/* Borrowed bytes; data may be NULL where size is 0. */
struct crpc_bytes {
  const uint8_t *data;
  size_t size;
};

struct crpc_wire_limits {
  int max_depth;       /* 0: CRPC_MAX_DEPTH */
  size_t max_elements; /* fields, repeated ones each; 0: 10,000,000 */
  size_t max_unpacked; /* bytes in memory once unpacked; 0: no limit */
};

struct crpc_wire_report {
  size_t elements;
  size_t unpacked; /* bytes that unpacking into an arena will need, upper
                      bound */
};

/* Scans bytes as a message of that descriptor. CB_OK and *ret_report
 * (may be NULL); or INVALID_ARGUMENT with reason MALFORMED_REQUEST (bytes that
 * are no message; too deep; bad UTF-8, NUL; unknown enum number is not judged
 * here) and the field path as far as known, or RESOURCE_EXHAUSTED with reason
 * REQUEST_TOO_LARGE (elements, unpacked size). Texts come from arena. */
struct cb_status crpc_wire_scan(const ProtobufCMessageDescriptor *descriptor,
                                struct crpc_bytes bytes,
                                const struct crpc_wire_limits *limits,
                                struct cb_arena *arena,
                                struct crpc_wire_report *ret_report);

/* Scans and unpacks into arena. On success *ret_message is owned by arena.
 * Errors are those of the scan, REQUEST_TOO_LARGE past arena's cap as well, and
 * crpc_no_memory(). */
struct cb_status crpc_unpack(const ProtobufCMessageDescriptor *descriptor,
                             struct crpc_bytes bytes,
                             const struct crpc_wire_limits *limits,
                             struct cb_arena *arena,
                             ProtobufCMessage **ret_message);

/* RESOURCE_EXHAUSTED with reason SERVER_MEMORY: budget or memory is used up at
 * the moment, so the same message may pass later. */
struct cb_status crpc_no_memory(void);

#endif
