/* reflection.h - grpc.reflection v1 and v1alpha for any crpc server.
 *
 * Serves the FileDescriptorSet that the build embedded (made with
 * --include_imports by protoc), so that grpcurl and its like need no proto
 * file. google/rpc/error_details.proto, status.proto and the health and
 * reflection protos are always served as well. A call that asks with a message
 * of more than 4096 bytes fails with INVALID_ARGUMENT.
 */
#ifndef CRPC_REFLECTION_H
#define CRPC_REFLECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct crpc_server;

/* Adds both services to server, before start. set is a serialised
 * google.protobuf.FileDescriptorSet (borrowed for the server's life). Services
 * listed are those added to the server. False if set cannot be read or memory
 * is used up. */
bool crpc_reflection_add(struct crpc_server *server, const uint8_t *set,
                         size_t set_size);

#endif
