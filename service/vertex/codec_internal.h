/* codec_internal.h - what the halves of the codec share. Not for others.
 *
 * Messages are walked by descriptor alone. The contract is proto3, so a field
 * is repeated, in a oneof (proto3 "optional" makes one with a single member),
 * or has implicit presence; protobuf-c's LABEL_OPTIONAL and LABEL_REQUIRED
 * (proto2) do not occur. Maps have string keys.
 *
 * Threads: safe from any; keeps nothing.
 */
#ifndef VTX_VERTEX_CODEC_INTERNAL_H
#define VTX_VERTEX_CODEC_INTERNAL_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cb_arena;

/* Message levels, in all, that other languages' parsers take. */
#define VTX_MAX_DEPTH 100

/* How a message stands in JSON. */
enum vtx_kind {
  VTX_KIND_PLAIN, /* an object of its fields */
  VTX_KIND_STRUCT,
  VTX_KIND_VALUE,
  VTX_KIND_LIST,
  VTX_KIND_DURATION,
  VTX_KIND_TIMESTAMP,
};

enum vtx_kind vtx_codec_kind(const ProtobufCMessageDescriptor *descriptor);

/* True for vertexd's own fields, which Google's JSON does not have. */
static inline bool vtx_codec_is_own(const ProtobufCFieldDescriptor *field) {
  return field->id >= 100 && field->id <= 999;
}

/* True for map<...>: a list of messages that protoc made up. */
bool vtx_codec_is_map(const ProtobufCFieldDescriptor *field);

static inline bool vtx_codec_is_repeated(
    const ProtobufCFieldDescriptor *field) {
  return field->label == PROTOBUF_C_LABEL_REPEATED;
}

static inline bool vtx_codec_in_oneof(const ProtobufCFieldDescriptor *field) {
  return (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
}

/* True for the enum whose only value is JSON's null. */
bool vtx_codec_is_null_enum(const ProtobufCFieldDescriptor *field);

static inline const void *vtx_codec_at(const ProtobufCMessage *message,
                                       const ProtobufCFieldDescriptor *field) {
  return (const char *)message + field->offset;
}

static inline void *vtx_codec_slot(ProtobufCMessage *message,
                                   const ProtobufCFieldDescriptor *field) {
  return (char *)message + field->offset;
}

/* The number of the member that is set in field's oneof, 0 if none. */
uint32_t vtx_codec_oneof_case(const ProtobufCMessage *message,
                              const ProtobufCFieldDescriptor *field);

/* Elements of a repeated field. */
static inline size_t vtx_codec_count(const ProtobufCMessage *message,
                                     const ProtobufCFieldDescriptor *field) {
  return *(const size_t *)(const void *)((const char *)message +
                                         field->quantifier_offset);
}

static inline void vtx_codec_set_list(ProtobufCMessage *message,
                                      const ProtobufCFieldDescriptor *field,
                                      void *elements, size_t count) {
  *(void **)vtx_codec_slot(message, field) = elements;
  *(size_t *)(void *)((char *)message + field->quantifier_offset) = count;
}

/* Makes field the member that is set in its oneof. */
static inline void vtx_codec_set_case(ProtobufCMessage *message,
                                      const ProtobufCFieldDescriptor *field) {
  *(uint32_t *)(void *)((char *)message + field->quantifier_offset) = field->id;
}

/* Bytes of one element, or of a single value, of that type in memory. */
size_t vtx_codec_element_size(ProtobufCType type);

/* True if message (may be NULL) has field: explicit presence is set, implicit
 * presence is not the default, a list is not empty. */
bool vtx_codec_has(const ProtobufCMessage *message,
                   const ProtobufCFieldDescriptor *field);

/* lowerCamelCase of a proto name, as protoc makes it; cut at the room. */
#define VTX_NAME_ROOM 96
size_t vtx_codec_json_name(const char *name, char out[VTX_NAME_ROOM]);

/* The field of a JSON name, in lowerCamelCase or as in the .proto; NULL if
 * there is none. */
const ProtobufCFieldDescriptor *vtx_codec_find(
    const ProtobufCMessageDescriptor *descriptor, const char *json_name);

/* Where the walk is; frames live on the C stack and cost nothing until a path
 * must be told. */
struct vtx_path {
  const struct vtx_path *up;
  const char *name; /* a field; "" adds nothing; NULL: see index and key */
  const char *key;  /* of a map or Struct, NULL: see index */
  size_t index;
};

/* "requests[3].contents[0].role" in arena, at most some 1,000 bytes; a short
 * literal if arena is used up. */
const char *vtx_path_text(const struct vtx_path *path, struct cb_arena *arena);

/* "3.5s" with 0, 3, 6 or 9 digits; false if out of protobuf's range. */
#define VTX_TIME_ROOM 96 /* as the compiler counts: six ints of any size */
bool vtx_duration_text(int64_t seconds, int32_t nanos, char out[VTX_TIME_ROOM]);
bool vtx_duration_parse(const char *text, int64_t *ret_seconds,
                        int32_t *ret_nanos);

/* RFC 3339; text is UTC with 0, 3, 6 or 9 digits, parsing takes offsets. */
bool vtx_timestamp_text(int64_t seconds, int32_t nanos,
                        char out[VTX_TIME_ROOM]);
bool vtx_timestamp_parse(const char *text, int64_t *ret_seconds,
                         int32_t *ret_nanos);

#endif
