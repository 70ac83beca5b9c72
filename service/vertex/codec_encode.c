#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/json_writer.h"
#include "google/protobuf/duration.pb-c.h"
#include "google/protobuf/struct.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "service/vertex/codec.h"
#include "service/vertex/codec_internal.h"
#include "service/vertex/reasons.h"

/* The writer goes through two messages of one type side by side: what is set
 * in the upper one wins, what is not shows the lower one through. Nothing is
 * copied for it. Each message level is one recursion, and levels are capped,
 * so the C stack is too. The first failure ends the walk; what was written is
 * then the caller's to throw away. */

struct encoder {
  struct cb_json *json;
  struct cb_arena *arena;
  struct cb_status status;
};

static bool encode_message(struct encoder *enc, struct vtx_codec_layers layers,
                           const struct vtx_path *path, int depth);
static bool encode_value(struct encoder *enc,
                         const Google__Protobuf__Value *value,
                         const struct vtx_path *path, int depth);

static bool fail(struct encoder *enc, const struct vtx_path *path,
                 const char *what) {
  const char *field = vtx_path_text(path, enc->arena);

  enc->status = cb_status_field(enc->arena, field, "%s: %s",
                                *field ? field : "request", what);
  return false;
}

static bool check_depth(struct encoder *enc, const struct vtx_path *path,
                        int depth) {
  if (depth <= VTX_MAX_DEPTH) return true;
  return fail(enc, path, "nested deeper than 100 message levels");
}

/* --- maps ---------------------------------------------------------------- */

struct map_order {
  const char *key;
  size_t index;
};

static const char *entry_key(ProtobufCMessage *const *entries, size_t index) {
  const ProtobufCMessage *entry = entries[index];
  const ProtobufCFieldDescriptor *key = &entry->descriptor->fields[0];
  const char *text;

  assert(key->type == PROTOBUF_C_TYPE_STRING);
  text = *(char *const *)vtx_codec_at(entry, key);
  return text ? text : "";
}

static int compare_order(const void *left, const void *right) {
  const struct map_order *a = left;
  const struct map_order *b = right;
  int order = strcmp(a->key, b->key);

  if (order != 0) return order;
  return a->index < b->index ? -1 : 1;
}

/* Marks the entries that a later one with the same key overrides: on the wire
 * a map may hold a key twice, in JSON it must not. *ret_stale is NULL where
 * there can be none. */
static bool find_stale(struct encoder *enc, ProtobufCMessage *const *entries,
                       size_t count, bool **ret_stale) {
  struct map_order *order;

  *ret_stale = NULL;
  if (count < 2) return true;
  order = cb_arena_zalloc(enc->arena, count, sizeof *order);
  *ret_stale = cb_arena_zalloc(enc->arena, count, sizeof **ret_stale);
  if (!order || !*ret_stale) {
    enc->status = vtx_no_room(enc->arena, cb_arena_past_cap(enc->arena),
                              VTX_REQUEST_TOO_LARGE,
                              "the request's maps are too large to be written");
    return false;
  }
  for (size_t i = 0; i < count; i++)
    order[i] = (struct map_order){entry_key(entries, i), i};
  qsort(order, count, sizeof *order, compare_order);
  for (size_t i = 0; i + 1 < count; i++) {
    if (strcmp(order[i].key, order[i + 1].key) == 0)
      (*ret_stale)[order[i].index] = true;
  }
  return true;
}

/* --- Struct, Value, ListValue -------------------------------------------- */

static bool encode_struct(struct encoder *enc,
                          const Google__Protobuf__Struct *object,
                          const struct vtx_path *path, int depth) {
  bool *stale;

  if (!check_depth(enc, path, depth)) return false;
  if (!find_stale(enc, (ProtobufCMessage *const *)(void *)object->fields,
                  object->n_fields, &stale))
    return false;
  cb_json_begin_object(enc->json);
  for (size_t i = 0; i < object->n_fields; i++) {
    const Google__Protobuf__Struct__FieldsEntry *entry = object->fields[i];
    struct vtx_path here = {path, NULL, entry->key, 0};

    if (stale && stale[i]) continue;
    cb_json_key(enc->json, entry->key);
    if (!encode_value(enc, entry->value, &here, depth + 2)) return false;
  }
  cb_json_end_object(enc->json);
  return true;
}

static bool encode_list_value(struct encoder *enc,
                              const Google__Protobuf__ListValue *list,
                              const struct vtx_path *path, int depth) {
  if (!check_depth(enc, path, depth)) return false;
  cb_json_begin_array(enc->json);
  for (size_t i = 0; i < list->n_values; i++) {
    struct vtx_path here = {path, NULL, NULL, i};

    if (!encode_value(enc, list->values[i], &here, depth + 1)) return false;
  }
  cb_json_end_array(enc->json);
  return true;
}

/* value is NULL where a map entry has none; nothing set means null. */
static bool encode_value(struct encoder *enc,
                         const Google__Protobuf__Value *value,
                         const struct vtx_path *path, int depth) {
  if (!check_depth(enc, path, depth)) return false;
  switch (value ? value->kind_case : GOOGLE__PROTOBUF__VALUE__KIND__NOT_SET) {
    case GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE:
      if (!isfinite(value->number_value))
        return fail(enc, path, "JSON has no NaN and no infinity");
      cb_json_double(enc->json, value->number_value);
      return true;
    case GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE:
      cb_json_string(enc->json, value->string_value);
      return true;
    case GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE:
      cb_json_bool(enc->json, value->bool_value);
      return true;
    case GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE:
      return encode_struct(enc, value->struct_value, path, depth + 1);
    case GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE:
      return encode_list_value(enc, value->list_value, path, depth + 1);
    default:
      cb_json_null(enc->json);
      return true;
  }
}

/* --- scalars ------------------------------------------------------------- */

static bool encode_enum(struct encoder *enc,
                        const ProtobufCFieldDescriptor *field, int number,
                        const struct vtx_path *path) {
  const ProtobufCEnumValue *value =
      protobuf_c_enum_descriptor_get_value(field->descriptor, number);

  if (vtx_codec_is_null_enum(field)) {
    cb_json_null(enc->json);
    return true;
  }
  if (!value) return fail(enc, path, "no value of the enum has this number");
  cb_json_string(enc->json, value->name);
  return true;
}

/* 64-bit integers are strings in JSON: a double would round them. */
static void encode_int64(struct encoder *enc, const void *at, bool is_signed) {
  char text[24];
  int size;

  if (is_signed)
    size = snprintf(text, sizeof text, "%lld", (long long)*(const int64_t *)at);
  else
    size = snprintf(text, sizeof text, "%llu",
                    (unsigned long long)*(const uint64_t *)at);
  cb_json_string_n(enc->json, text, (size_t)size);
}

static void encode_bytes(struct encoder *enc, const void *at) {
  const ProtobufCBinaryData *bytes = at;

  cb_json_base64(enc->json, bytes->data, bytes->len);
}

/* One value of field's type at at; an element where field is repeated. */
static bool encode_scalar(struct encoder *enc,
                          const ProtobufCFieldDescriptor *field, const void *at,
                          const struct vtx_path *path) {
  const char *text;

  switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
      cb_json_int(enc->json, *(const int32_t *)at);
      break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
      cb_json_uint(enc->json, *(const uint32_t *)at);
      break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
      encode_int64(enc, at, true);
      break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
      encode_int64(enc, at, false);
      break;
    case PROTOBUF_C_TYPE_FLOAT:
      cb_json_float(enc->json, *(const float *)at);
      break;
    case PROTOBUF_C_TYPE_DOUBLE:
      cb_json_double(enc->json, *(const double *)at);
      break;
    case PROTOBUF_C_TYPE_BOOL:
      cb_json_bool(enc->json, *(const protobuf_c_boolean *)at != 0);
      break;
    case PROTOBUF_C_TYPE_ENUM:
      return encode_enum(enc, field, *(const int *)at, path);
    case PROTOBUF_C_TYPE_STRING:
      text = *(char *const *)at;
      cb_json_string(enc->json, text ? text : "");
      break;
    case PROTOBUF_C_TYPE_BYTES:
      encode_bytes(enc, at);
      break;
    case PROTOBUF_C_TYPE_MESSAGE:
      assert(field->type != PROTOBUF_C_TYPE_MESSAGE);
  }
  return true;
}

/* --- fields -------------------------------------------------------------- */

/* A map entry whose message was left out on the wire has an empty one. */
static void encode_absent(struct encoder *enc,
                          const ProtobufCFieldDescriptor *field) {
  if (vtx_codec_kind(field->descriptor) == VTX_KIND_VALUE) {
    cb_json_null(enc->json);
    return;
  }
  cb_json_begin_object(enc->json);
  cb_json_end_object(enc->json);
}

static bool encode_element(struct encoder *enc,
                           const ProtobufCFieldDescriptor *field,
                           const void *at, const struct vtx_path *path,
                           int depth) {
  struct vtx_codec_layers layers = {NULL, NULL};

  if (field->type != PROTOBUF_C_TYPE_MESSAGE)
    return encode_scalar(enc, field, at, path);
  layers.message = *(ProtobufCMessage *const *)at;
  if (layers.message) return encode_message(enc, layers, path, depth + 1);
  encode_absent(enc, field);
  return true;
}

static bool encode_list(struct encoder *enc,
                        const ProtobufCFieldDescriptor *field,
                        const ProtobufCMessage *from,
                        const struct vtx_path *path, int depth) {
  const char *at = *(char *const *)vtx_codec_at(from, field);
  size_t step = vtx_codec_element_size(field->type);

  cb_json_begin_array(enc->json);
  for (size_t i = 0; i < vtx_codec_count(from, field); i++, at += step) {
    struct vtx_path here = {path, NULL, NULL, i};

    if (!encode_element(enc, field, at, &here, depth)) return false;
  }
  cb_json_end_array(enc->json);
  return true;
}

static bool encode_map(struct encoder *enc,
                       const ProtobufCFieldDescriptor *field,
                       const ProtobufCMessage *from,
                       const struct vtx_path *path, int depth) {
  ProtobufCMessage *const *entries =
      *(ProtobufCMessage * *const *)vtx_codec_at(from, field);
  size_t count = vtx_codec_count(from, field);
  bool *stale;

  if (!find_stale(enc, entries, count, &stale)) return false;
  cb_json_begin_object(enc->json);
  for (size_t i = 0; i < count; i++) {
    const char *key = entry_key(entries, i);
    const ProtobufCFieldDescriptor *value = &entries[i]->descriptor->fields[1];
    struct vtx_path here = {path, NULL, key, 0};

    if (stale && stale[i]) continue;
    cb_json_key(enc->json, key);
    if (!encode_element(enc, value, vtx_codec_at(entries[i], value), &here,
                        depth + 1))
      return false;
  }
  cb_json_end_object(enc->json);
  return true;
}

static const ProtobufCMessage *submessage(
    const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field) {
  if (!vtx_codec_has(message, field)) return NULL;
  return *(ProtobufCMessage *const *)vtx_codec_at(message, field);
}

/* True if the lower layer's field shows through, or merges: another member of
 * its oneof that is set above hides it. */
static bool lower_counts(const struct vtx_codec_layers *layers,
                         const ProtobufCFieldDescriptor *field) {
  uint32_t upper_case;

  if (!vtx_codec_has(layers->defaults, field)) return false;
  if (!layers->message || !vtx_codec_in_oneof(field)) return true;
  upper_case = vtx_codec_oneof_case(layers->message, field);
  return upper_case == 0 || upper_case == field->id;
}

static bool encode_field(struct encoder *enc,
                         const ProtobufCFieldDescriptor *field,
                         const struct vtx_codec_layers *layers,
                         const struct vtx_path *path, int depth) {
  bool above = vtx_codec_has(layers->message, field);
  bool below = lower_counts(layers, field);
  const ProtobufCMessage *from = above ? layers->message : layers->defaults;
  struct vtx_path here = {path, field->name, NULL, 0};
  char name[VTX_NAME_ROOM];

  if (!above && !below) return true;
  cb_json_key_n(enc->json, name, vtx_codec_json_name(field->name, name));
  if (vtx_codec_is_map(field))
    return encode_map(enc, field, from, &here, depth);
  if (vtx_codec_is_repeated(field))
    return encode_list(enc, field, from, &here, depth);
  if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
    struct vtx_codec_layers inner = {
        above ? submessage(layers->message, field) : NULL,
        below ? submessage(layers->defaults, field) : NULL};

    return encode_message(enc, inner, &here, depth + 1);
  }
  return encode_scalar(enc, field, vtx_codec_at(from, field), &here);
}

static bool is_skipped(const struct vtx_codec_skip *skip, const char *name) {
  for (size_t i = 0; skip && i < skip->count; i++) {
    if (strcmp(skip->names[i], name) == 0) return true;
  }
  return false;
}

static bool encode_fields(struct encoder *enc,
                          const struct vtx_codec_layers *layers,
                          const struct vtx_codec_skip *skip,
                          const struct vtx_path *path, int depth) {
  const ProtobufCMessage *any =
      layers->message ? layers->message : layers->defaults;
  const ProtobufCMessageDescriptor *descriptor = any->descriptor;

  assert(!layers->defaults || layers->defaults->descriptor == descriptor);
  for (unsigned i = 0; i < descriptor->n_fields; i++) {
    const ProtobufCFieldDescriptor *field = &descriptor->fields[i];

    if (vtx_codec_is_own(field) || is_skipped(skip, field->name)) continue;
    if (!encode_field(enc, field, layers, path, depth)) return false;
  }
  return true;
}

static bool encode_duration(struct encoder *enc, const ProtobufCMessage *from,
                            const struct vtx_path *path) {
  const Google__Protobuf__Duration *duration = (const void *)from;
  char text[VTX_TIME_ROOM];

  if (!vtx_duration_text(duration->seconds, duration->nanos, text))
    return fail(enc, path, "no Duration that can be written as one");
  cb_json_string(enc->json, text);
  return true;
}

static bool encode_timestamp(struct encoder *enc, const ProtobufCMessage *from,
                             const struct vtx_path *path) {
  const Google__Protobuf__Timestamp *time = (const void *)from;
  char text[VTX_TIME_ROOM];

  if (!vtx_timestamp_text(time->seconds, time->nanos, text))
    return fail(enc, path, "no Timestamp of the years 1 to 9999");
  cb_json_string(enc->json, text);
  return true;
}

/* Types with a form of their own are values: the upper layer's replaces. */
static bool encode_message(struct encoder *enc, struct vtx_codec_layers layers,
                           const struct vtx_path *path, int depth) {
  const ProtobufCMessage *top =
      layers.message ? layers.message : layers.defaults;

  if (!check_depth(enc, path, depth)) return false;
  switch (vtx_codec_kind(top->descriptor)) {
    case VTX_KIND_STRUCT:
      return encode_struct(enc, (const void *)top, path, depth);
    case VTX_KIND_VALUE:
      return encode_value(enc, (const void *)top, path, depth);
    case VTX_KIND_LIST:
      return encode_list_value(enc, (const void *)top, path, depth);
    case VTX_KIND_DURATION:
      return encode_duration(enc, top, path);
    case VTX_KIND_TIMESTAMP:
      return encode_timestamp(enc, top, path);
    case VTX_KIND_PLAIN:
      break;
  }
  cb_json_begin_object(enc->json);
  if (!encode_fields(enc, &layers, NULL, path, depth)) return false;
  cb_json_end_object(enc->json);
  return true;
}

struct cb_status vtx_codec_encode_fields(struct cb_json *json,
                                         const struct vtx_codec_layers *layers,
                                         const struct vtx_codec_skip *skip,
                                         const char *prefix,
                                         struct cb_arena *arena) {
  struct encoder enc = {json, arena, cb_status_ok()};
  struct vtx_path root = {NULL, prefix, NULL, 0};

  if (layers->message || layers->defaults)
    encode_fields(&enc, layers, skip, &root, 1);
  return enc.status;
}

struct cb_status vtx_codec_encode(struct cb_json *json,
                                  const ProtobufCMessage *message,
                                  const ProtobufCMessage *defaults,
                                  const char *prefix, struct cb_arena *arena) {
  struct encoder enc = {json, arena, cb_status_ok()};
  struct vtx_codec_layers layers = {message, defaults};
  struct vtx_path root = {NULL, prefix, NULL, 0};

  assert(message || defaults);
  encode_message(&enc, layers, &root, 1);
  return enc.status;
}
