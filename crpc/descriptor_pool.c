#include "crpc/descriptor_pool.h"

#include <string.h>

#include "base/arena.h"
#include "crpc/wire.h"
#include "crpc/wire_scan.h"

typedef google_protobuf_FileDescriptorProto File;
typedef google_protobuf_DescriptorProto Message;
typedef google_protobuf_EnumDescriptorProto Enum;
typedef google_protobuf_ServiceDescriptorProto Service;
typedef google_protobuf_FieldDescriptorProto Field;

/* How many files a set has: a set holds nothing but files, each a field of wire
 * type 2. The bytes were scanned before. */
static size_t count_files(const uint8_t *set, size_t size) {
  const uint8_t *end = set + size;
  size_t count = 0;

  while (set < end) {
    uint32_t number;
    uint64_t length;
    int type;

    if (crpc_wire_tag(&set, end, &number, &type) ||
        !crpc_wire_varint(&set, end, 5, &length))
      break;
    set += length;
    count++;
  }
  return count;
}

/* The next file's bytes in the set. */
static ProtobufCBinaryData next_file(const uint8_t **at, const uint8_t *end) {
  ProtobufCBinaryData bytes = {0, NULL};
  uint32_t number;
  uint64_t length = 0;
  int type;

  if (crpc_wire_tag(at, end, &number, &type) ||
      !crpc_wire_varint(at, end, 5, &length))
    return bytes;
  bytes.len = (size_t)length;
  bytes.data = (uint8_t *)(uintptr_t)*at; /* never written to */
  *at += length;
  return bytes;
}

/* Room for more files; the old array is left to the arena. */
static bool grow(struct crpc_pool *pool, size_t more, struct cb_arena *arena) {
  struct crpc_pool_file *files =
      cb_arena_zalloc(arena, pool->count + more, sizeof *files);

  if (!files) return false;
  if (pool->count > 0) memcpy(files, pool->files, pool->count * sizeof *files);
  pool->files = files;
  return true;
}

bool crpc_pool_add(struct crpc_pool *pool, const uint8_t *set, size_t size,
                   struct cb_arena *arena) {
  const uint8_t *end = set + size;

  if (crpc_wire_scan(&google_protobuf_FileDescriptorSet_descriptor,
                     (struct crpc_bytes){set, size}, NULL, arena, NULL)
          .code != CB_OK)
    return false;
  if (!grow(pool, count_files(set, size), arena)) return false;
  while (set < end) {
    ProtobufCBinaryData bytes = next_file(&set, end);
    ProtobufCMessage *message = NULL;
    const File *file;

    if (crpc_unpack(&google_protobuf_FileDescriptorProto_descriptor,
                    (struct crpc_bytes){bytes.data, bytes.len}, NULL, arena,
                    &message)
            .code != CB_OK)
      return false;
    file = (const File *)message;
    if (!file->name) return false;
    if (crpc_pool_find_file(pool, file->name) != SIZE_MAX) continue;
    pool->files[pool->count++] = (struct crpc_pool_file){file, bytes};
  }
  return true;
}

size_t crpc_pool_find_file(const struct crpc_pool *pool, const char *name) {
  for (size_t i = 0; i < pool->count; i++)
    if (strcmp(pool->files[i].file->name, name) == 0) return i;
  return SIZE_MAX;
}

/* What follows name and a dot in path; "" if path is name; else NULL. */
static const char *step(const char *path, const char *name) {
  size_t size = strlen(name);

  if (strncmp(path, name, size) != 0) return NULL;
  if (path[size] == 0) return path + size;
  return path[size] == '.' && path[size + 1] ? path + size + 1 : NULL;
}

static bool fields_have(Field *const *fields, size_t count, const char *path) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(fields[i]->name, path) == 0) return true;
  return false;
}

/* Values of an enum have names beside it, not in it. */
static bool enums_have(Enum *const *enums, size_t count, const char *path) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(enums[i]->name, path) == 0) return true;
    for (size_t k = 0; k < enums[i]->n_value; k++)
      if (strcmp(enums[i]->value[k]->name, path) == 0) return true;
  }
  return false;
}

static bool message_has(const Message *type, const char *path) {
  if (fields_have(type->field, type->n_field, path) ||
      fields_have(type->extension, type->n_extension, path) ||
      enums_have(type->enum_type, type->n_enum_type, path))
    return true;
  for (size_t i = 0; i < type->n_oneof_decl; i++)
    if (strcmp(type->oneof_decl[i]->name, path) == 0) return true;
  return false;
}

/* The path in messages, their messages and so on: one of them, or what one of
 * them has. Goes down without recursion, since names choose the way. */
static bool messages_have(Message *const *types, size_t count,
                          const char *path) {
  size_t i = 0;

  while (i < count) {
    const Message *type = types[i++];
    const char *rest = step(path, type->name);

    if (!rest) continue;
    if (!*rest || message_has(type, rest)) return true;
    types = type->nested_type;
    count = type->n_nested_type;
    path = rest;
    i = 0;
  }
  return false;
}

static bool services_have(Service *const *services, size_t count,
                          const char *path) {
  for (size_t i = 0; i < count; i++) {
    const char *rest = step(path, services[i]->name);

    if (!rest) continue;
    if (!*rest) return true;
    for (size_t k = 0; k < services[i]->n_method; k++)
      if (strcmp(services[i]->method[k]->name, rest) == 0) return true;
  }
  return false;
}

static bool file_has(const File *file, const char *name) {
  const char *path = name;

  if (file->package && *file->package) path = step(name, file->package);
  if (!path || !*path) return false;
  return messages_have(file->message_type, file->n_message_type, path) ||
         enums_have(file->enum_type, file->n_enum_type, path) ||
         services_have(file->service, file->n_service, path) ||
         fields_have(file->extension, file->n_extension, path);
}

size_t crpc_pool_find_symbol(const struct crpc_pool *pool, const char *name) {
  for (size_t i = 0; i < pool->count; i++)
    if (file_has(pool->files[i].file, name)) return i;
  return SIZE_MAX;
}

/* Where numbers of extensions go; with only != 0, a search for that one. */
struct search {
  const char *type;
  int32_t only;
  int32_t *out;
  size_t room;
  size_t count;
};

static void search_fields(struct search *search, Field *const *fields,
                          size_t count) {
  for (size_t i = 0; i < count; i++) {
    const char *of = fields[i]->extendee ? fields[i]->extendee : "";

    if (*of == '.') of++;
    if (strcmp(of, search->type) != 0) continue;
    if (search->only != 0 && fields[i]->number != search->only) continue;
    if (search->count < search->room)
      search->out[search->count] = fields[i]->number;
    search->count++;
  }
}

/* As deep as messages are nested in a .proto, which the scan has bounded. */
static void search_messages(struct search *search, Message *const *types,
                            size_t count) {
  for (size_t i = 0; i < count; i++) {
    search_fields(search, types[i]->extension, types[i]->n_extension);
    search_messages(search, types[i]->nested_type, types[i]->n_nested_type);
  }
}

static void search_file(struct search *search, const File *file) {
  search_fields(search, file->extension, file->n_extension);
  search_messages(search, file->message_type, file->n_message_type);
}

size_t crpc_pool_find_extension(const struct crpc_pool *pool, const char *type,
                                int32_t number) {
  struct search search = {.type = type, .only = number};

  if (number <= 0) return SIZE_MAX;
  for (size_t i = 0; i < pool->count; i++) {
    search_file(&search, pool->files[i].file);
    if (search.count > 0) return i;
  }
  return SIZE_MAX;
}

size_t crpc_pool_extensions(const struct crpc_pool *pool, const char *type,
                            int32_t *out, size_t room) {
  struct search search = {.type = type, .out = out, .room = room};

  for (size_t i = 0; i < pool->count; i++)
    search_file(&search, pool->files[i].file);
  return search.count;
}
