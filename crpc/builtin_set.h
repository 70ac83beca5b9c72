/* builtin_set.h - the protos that belong to crpc, as protoc describes them.
 */
#ifndef CRPC_BUILTIN_SET_H
#define CRPC_BUILTIN_SET_H

#include <stddef.h>
#include <stdint.h>

/* A serialised google.protobuf.FileDescriptorSet; lives for ever. */
const uint8_t *crpc_builtin_set(size_t *ret_size);

#endif
