# Bytes: messages on the wire, status details, compression; and the services
# that every server may have.
set(CRPC_BUILTIN_SET ${CMAKE_CURRENT_BINARY_DIR}/builtin.binpb)
descriptor_set(${CRPC_BUILTIN_SET} ${CRPC_PROTO} ${CRPC_RPC_PROTOS}
  grpc/reflection/v1alpha/reflection.proto)
set_source_files_properties(builtin_set.c PROPERTIES
  OBJECT_DEPENDS ${CRPC_BUILTIN_SET}
  COMPILE_DEFINITIONS CRPC_BUILTIN_SET="${CRPC_BUILTIN_SET}")

set(CRPC_BYTES
  builtin_set.c
  descriptor_pool.c
  health.c
  inflate.c
  reflection.c
  reflection_answer.c
  status_details.c
  status_parse.c
  unpack.c
  wire.c
  wire_error.c)
