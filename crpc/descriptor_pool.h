/* descriptor_pool.h - .proto files, and what is defined in which.
 *
 * For reflection, whose questions are rare: symbols are found by walking the
 * descriptors, so nothing but the descriptors is kept.
 *
 * Threads:   none inside; read only once built.
 * Ownership: the pool's memory comes from the arena handed in; the sets of
 *            descriptors are borrowed for its life.
 */
#ifndef CRPC_DESCRIPTOR_POOL_H
#define CRPC_DESCRIPTOR_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "google/protobuf/descriptor.crpc.h"

struct cb_arena;

struct crpc_pool_file {
  const google_protobuf_FileDescriptorProto *file;
  ProtobufCBinaryData bytes; /* the file as it stands in its set */
};

struct crpc_pool {
  struct crpc_pool_file *files;
  size_t count;
};

/* Adds the files of a serialised FileDescriptorSet that the pool does not have
 * by name. False if it cannot be read or memory is used up. */
bool crpc_pool_add(struct crpc_pool *pool, const uint8_t *set, size_t size,
                   struct cb_arena *arena);

/* These return SIZE_MAX if there is none. */

/* The file of that name. */
size_t crpc_pool_find_file(const struct crpc_pool *pool, const char *name);

/* The file that defines the message, field, oneof, enum, enum value, service,
 * method or extension of that full name. */
size_t crpc_pool_find_symbol(const struct crpc_pool *pool, const char *name);

/* The file that defines extension number of the message of that full name. */
size_t crpc_pool_find_extension(const struct crpc_pool *pool, const char *type,
                                int32_t number);

/* Writes the numbers of all extensions of type to out, at most room of them;
 * returns how many there are. */
size_t crpc_pool_extensions(const struct crpc_pool *pool, const char *type,
                            int32_t *out, size_t room);

#endif
