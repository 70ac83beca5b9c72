/* unit.h - what the parts of the generator share about the file at hand.
 *
 * Threads:   none. Ownership: the unit borrows the request; texts live in the
 *            arena; the two buffers are the caller's.
 */
#ifndef CRPC_GEN_UNIT_H
#define CRPC_GEN_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "google/protobuf/compiler/plugin.pb-c.h"

struct cb_arena;
struct cb_buf;

typedef Google__Protobuf__Compiler__CodeGeneratorRequest gen_Request;
typedef Google__Protobuf__FileDescriptorProto gen_File;
typedef Google__Protobuf__DescriptorProto gen_Message;
typedef Google__Protobuf__EnumDescriptorProto gen_Enum;
typedef Google__Protobuf__ServiceDescriptorProto gen_Service;
typedef Google__Protobuf__MethodDescriptorProto gen_Method;

struct gen_unit {
  struct cb_arena *arena;
  const gen_Request *request;
  const gen_File *file;
  bool keep_version;  /* the parameter keep_version was given */
  const char *prefix; /* of this file's short names */
  const char **names; /* every short name made so far */
  size_t name_count;
  size_t name_room;
};

/* Notes that the file defines the short name. Returns it. */
const char *gen_define(struct gen_unit *unit, const char *name);

/* A short name that was defined twice, NULL if none. Sorts the names. */
const char *gen_clash(struct gen_unit *unit);

/* The short name of the message type_name (".package.Outer.Inner"), defined in
 * any file of the request. */
const char *gen_short_type(struct gen_unit *unit, const char *type_name);

/* Writes the comment that stands in the .proto before the element at path as a
 * C comment; nothing where there is none. indent goes before each line. */
void gen_comment(const struct gen_unit *unit, struct cb_buf *out,
                 const char *indent, const int32_t *path, size_t path_size);

/* types.c: the short names of messages, enums and oneofs. */
void gen_types(struct gen_unit *unit, struct cb_buf *header);

/* service_header.c: handlers, shims, events, starts. */
void gen_service_header(struct gen_unit *unit, size_t index,
                        struct cb_buf *header);

/* service_source.c: dispatch and deliver shims, tables. */
void gen_service_source(struct gen_unit *unit, size_t index,
                        struct cb_buf *source);

/* file.c: the whole of FILE.crpc.h and FILE.crpc.c. NULL, or what is wrong. */
const char *gen_file(struct gen_unit *unit, struct cb_buf *header,
                     struct cb_buf *source);

#endif
