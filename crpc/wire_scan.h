/* wire_scan.h - the state of a scan; inside of wire.c and wire_error.c only.
 */
#ifndef CRPC_WIRE_SCAN_H
#define CRPC_WIRE_SCAN_H

#include "crpc/wire.h"

/* Fields that a message type may have: a bit for each fits a frame. */
#define CRPC_MAX_FIELDS 512

/* One message that the scan is inside of. */
struct crpc_wire_frame {
  const ProtobufCMessageDescriptor *descriptor;
  const uint8_t *start;
  const uint8_t *end;
  const uint8_t *field_at; /* where the current field's tag begins */
  const ProtobufCFieldDescriptor *field; /* the current one, NULL: unknown */
  size_t members;                        /* fields read so far */
  size_t member_room; /* fields that protobuf-c has scratch space for */
  size_t slab;        /* fields that its newest piece of scratch space holds */
  bool has_unknown;
  uint64_t seen[CRPC_MAX_FIELDS / 64]; /* as far as the type has fields */
};

struct crpc_wire_scan {
  const uint8_t *at;
  size_t elements;
  size_t unpacked;
  size_t max_elements;
  size_t max_unpacked;
  int max_depth;
  int depth; /* frames in use */
  struct crpc_wire_frame frames[CRPC_MAX_DEPTH];
};

/* Reads a varint of at most max_bytes at *at, which then stands behind it.
 * False if it does not end in time or before end. */
bool crpc_wire_varint(const uint8_t **at, const uint8_t *end, int max_bytes,
                      uint64_t *ret_value);

/* Reads a tag. NULL, or what is wrong with it. */
const char *crpc_wire_tag(const uint8_t **at, const uint8_t *end,
                          uint32_t *ret_number, int *ret_type);

/* The status for what was found at the innermost frame's current field. */
struct cb_status crpc_wire_malformed(const struct crpc_wire_scan *scan,
                                     const char *why, struct cb_arena *arena);
struct cb_status crpc_wire_too_large(const struct crpc_wire_scan *scan,
                                     struct cb_arena *arena);

#endif
