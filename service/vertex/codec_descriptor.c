#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "google/protobuf/duration.pb-c.h"
#include "google/protobuf/struct.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "service/vertex/codec_internal.h"

#define MAX_PATH 1000
#define MAX_PATH_KEY 64

enum vtx_kind vtx_codec_kind(const ProtobufCMessageDescriptor *descriptor) {
  if (descriptor == &google__protobuf__struct__descriptor)
    return VTX_KIND_STRUCT;
  if (descriptor == &google__protobuf__value__descriptor) return VTX_KIND_VALUE;
  if (descriptor == &google__protobuf__list_value__descriptor)
    return VTX_KIND_LIST;
  if (descriptor == &google__protobuf__duration__descriptor)
    return VTX_KIND_DURATION;
  if (descriptor == &google__protobuf__timestamp__descriptor)
    return VTX_KIND_TIMESTAMP;
  return VTX_KIND_PLAIN;
}

/* protobuf-c's descriptors do not say map_entry; protoc makes the name of the
 * entry from the field's, and no message of the contract has such a name. */
bool vtx_codec_is_map(const ProtobufCFieldDescriptor *field) {
  const ProtobufCMessageDescriptor *entry = field->descriptor;
  size_t length;

  if (!vtx_codec_is_repeated(field) || field->type != PROTOBUF_C_TYPE_MESSAGE)
    return false;
  length = strlen(entry->short_name);
  return entry->n_fields == 2 && length > 5 &&
         strcmp(entry->short_name + length - 5, "Entry") == 0 &&
         entry->fields[0].id == 1 && entry->fields[1].id == 2 &&
         strcmp(entry->fields[0].name, "key") == 0 &&
         strcmp(entry->fields[1].name, "value") == 0;
}

bool vtx_codec_is_null_enum(const ProtobufCFieldDescriptor *field) {
  return field->type == PROTOBUF_C_TYPE_ENUM &&
         field->descriptor == &google__protobuf__null_value__descriptor;
}

uint32_t vtx_codec_oneof_case(const ProtobufCMessage *message,
                              const ProtobufCFieldDescriptor *field) {
  assert(vtx_codec_in_oneof(field));
  return *(const uint32_t *)(const void *)((const char *)message +
                                           field->quantifier_offset);
}

size_t vtx_codec_element_size(ProtobufCType type) {
  switch (type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
      return 8;
    case PROTOBUF_C_TYPE_BOOL:
      return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_STRING:
      return sizeof(char *);
    case PROTOBUF_C_TYPE_BYTES:
      return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_MESSAGE:
      return sizeof(ProtobufCMessage *);
    default:
      return 4;
  }
}

static bool all_zero(const void *data, size_t size) {
  static const char zeros[8];

  assert(size <= sizeof zeros);
  return memcmp(data, zeros, size) == 0;
}

bool vtx_codec_has(const ProtobufCMessage *message,
                   const ProtobufCFieldDescriptor *field) {
  const void *at;

  if (!message) return false;
  at = vtx_codec_at(message, field);
  if (vtx_codec_is_repeated(field)) return vtx_codec_count(message, field) > 0;
  if (vtx_codec_in_oneof(field) &&
      vtx_codec_oneof_case(message, field) != field->id)
    return false;
  if (field->type == PROTOBUF_C_TYPE_MESSAGE)
    return *(ProtobufCMessage *const *)at != NULL;
  if (vtx_codec_in_oneof(field)) return true;
  if (field->type == PROTOBUF_C_TYPE_STRING) {
    const char *text = *(char *const *)at;

    return text && *text;
  }
  if (field->type == PROTOBUF_C_TYPE_BYTES)
    return ((const ProtobufCBinaryData *)at)->len > 0;
  return !all_zero(at, vtx_codec_element_size(field->type));
}

size_t vtx_codec_json_name(const char *name, char out[VTX_NAME_ROOM]) {
  size_t length = 0;
  bool upper = false;

  for (; *name && length + 1 < VTX_NAME_ROOM; name++) {
    char c = *name;

    if (c == '_') {
      upper = true;
      continue;
    }
    if (upper && c >= 'a' && c <= 'z') c = (char)(c - 'a' + 'A');
    upper = false;
    out[length++] = c;
  }
  out[length] = '\0';
  return length;
}

const ProtobufCFieldDescriptor *vtx_codec_find(
    const ProtobufCMessageDescriptor *descriptor, const char *json_name) {
  char name[VTX_NAME_ROOM];
  size_t length = 0;

  for (const char *from = json_name; *from; from++) {
    if (length + 3 > sizeof name) return NULL;
    if (*from >= 'A' && *from <= 'Z') {
      name[length++] = '_';
      name[length++] = (char)(*from - 'A' + 'a');
    } else {
      name[length++] = *from;
    }
  }
  name[length] = '\0';
  return protobuf_c_message_descriptor_get_field_by_name(descriptor, name);
}

static void append(char *out, size_t *length, const char *text, size_t size) {
  size_t room = MAX_PATH - *length;
  size_t cut = size <= room ? size : cb_utf8_cut(text, size, room);

  memcpy(out + *length, text, cut);
  *length += cut;
}

static void append_frame(char *out, size_t *length,
                         const struct vtx_path *path) {
  char number[32];
  size_t size;

  if (path->name) {
    if (*path->name && *length > 0) append(out, length, ".", 1);
    append(out, length, path->name, strlen(path->name));
    return;
  }
  append(out, length, "[", 1);
  if (path->key) {
    size = strlen(path->key);
    append(out, length, path->key, cb_utf8_cut(path->key, size, MAX_PATH_KEY));
  } else {
    size = (size_t)snprintf(number, sizeof number, "%zu", path->index);
    append(out, length, number, size);
  }
  append(out, length, "]", 1);
}

const char *vtx_path_text(const struct vtx_path *path, struct cb_arena *arena) {
  const struct vtx_path *frames[4 * VTX_MAX_DEPTH];
  char out[MAX_PATH];
  size_t count = 0;
  size_t length = 0;
  const char *text;

  for (; path && count < sizeof frames / sizeof *frames; path = path->up)
    frames[count++] = path;
  while (count > 0)
    append_frame(out, &length, frames[--count]);
  text = cb_arena_memdup(arena, out, length);
  return text ? text : "(no memory for the path)";
}
