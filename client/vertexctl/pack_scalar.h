/* pack_scalar.h - single values of a message, from JSON to wire bytes.
 *
 * Threads: none inside. Ownership: all borrowed. What does not fit the buffer
 * shows as out->failed. */
#ifndef VERTEXCTL_PACK_SCALAR_H
#define VERTEXCTL_PACK_SCALAR_H

#include <json-c/json.h>
#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

#include "base/buf.h"

/* Tag and varint. */
void ctl_put_number(struct cb_buf *out, uint32_t id, uint64_t value);

/* Tag, length and bytes: strings, bytes, messages. */
void ctl_put_bytes(struct cb_buf *out, uint32_t id, const void *data,
                   size_t size);

/* The value of a field that is no message. NULL if it went well, else what it
 * must be. */
const char *ctl_put_scalar(struct cb_buf *out,
                           const ProtobufCFieldDescriptor *field,
                           json_object *json);

#endif
