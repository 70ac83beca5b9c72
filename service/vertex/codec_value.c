#include <json-c/json.h>
#include <string.h>

#include "base/arena.h"
#include "service/vertex/codec_decoder.h"

static bool decode_entry_value(struct vtx_decoder *dec,
                               struct json_object *json,
                               Google__Protobuf__Value **ret_value,
                               const struct vtx_decode_at *at) {
  ProtobufCMessage *message;

  if (!vtx_decode_message(dec, &google__protobuf__value__descriptor, json, at,
                          &message))
    return false;
  *ret_value = (void *)message;
  return true;
}

static bool decode_struct_entry(struct vtx_decoder *dec,
                                const struct lh_entry *json,
                                Google__Protobuf__Struct__FieldsEntry **ret,
                                const struct vtx_decode_at *at) {
  Google__Protobuf__Struct__FieldsEntry *entry =
      cb_arena_alloc(dec->arena, sizeof *entry);
  const char *key = lh_entry_k(json);

  if (!entry) return vtx_decode_full(dec);
  google__protobuf__struct__fields_entry__init(entry);
  *ret = entry;
  return vtx_decode_text(dec, key, strlen(key), &entry->key) &&
         decode_entry_value(dec, (struct json_object *)lh_entry_v(json),
                            &entry->value, at);
}

bool vtx_decode_struct(struct vtx_decoder *dec, struct json_object *value,
                       Google__Protobuf__Struct *object,
                       const struct vtx_decode_at *at) {
  size_t count;

  if (!json_object_is_type(value, json_type_object))
    return vtx_decode_fail(dec, at->path, "is not an object");
  count = (size_t)json_object_object_length(value);
  object->fields = cb_arena_zalloc(dec->arena, count, sizeof *object->fields);
  if (!object->fields) return vtx_decode_full(dec);
  for (struct lh_entry *json = json_object_get_object(value)->head; json;
       json = json->next) {
    struct vtx_path path = {at->path, NULL, lh_entry_k(json), 0};
    struct vtx_decode_at here = {&path, at->depth + 2};

    if (!decode_struct_entry(dec, json, &object->fields[object->n_fields],
                             &here))
      return false;
    object->n_fields++;
  }
  return true;
}

bool vtx_decode_list_value(struct vtx_decoder *dec, struct json_object *value,
                           Google__Protobuf__ListValue *list,
                           const struct vtx_decode_at *at) {
  size_t count;

  if (!json_object_is_type(value, json_type_array))
    return vtx_decode_fail(dec, at->path, "is not an array");
  count = json_object_array_length(value);
  list->values = cb_arena_zalloc(dec->arena, count, sizeof *list->values);
  if (!list->values) return vtx_decode_full(dec);
  for (size_t i = 0; i < count; i++) {
    struct vtx_path path = {at->path, NULL, NULL, i};
    struct vtx_decode_at here = {&path, at->depth + 1};

    if (!decode_entry_value(dec, json_object_array_get_idx(value, i),
                            &list->values[i], &here))
      return false;
    list->n_values++;
  }
  return true;
}

static bool decode_object(struct vtx_decoder *dec, struct json_object *json,
                          Google__Protobuf__Value *value,
                          const struct vtx_decode_at *at) {
  struct vtx_decode_at inner = {at->path, at->depth + 1};
  ProtobufCMessage *message;

  if (!vtx_decode_message(dec, &google__protobuf__struct__descriptor, json,
                          &inner, &message))
    return false;
  value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE;
  value->struct_value = (void *)message;
  return true;
}

static bool decode_array(struct vtx_decoder *dec, struct json_object *json,
                         Google__Protobuf__Value *value,
                         const struct vtx_decode_at *at) {
  struct vtx_decode_at inner = {at->path, at->depth + 1};
  ProtobufCMessage *message;

  if (!vtx_decode_message(dec, &google__protobuf__list_value__descriptor, json,
                          &inner, &message))
    return false;
  value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE;
  value->list_value = (void *)message;
  return true;
}

bool vtx_decode_value(struct vtx_decoder *dec, struct json_object *json,
                      Google__Protobuf__Value *value,
                      const struct vtx_decode_at *at) {
  switch (json_object_get_type(json)) {
    case json_type_object:
      return decode_object(dec, json, value, at);
    case json_type_array:
      return decode_array(dec, json, value, at);
    case json_type_string:
      value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE;
      return vtx_decode_text(dec, json_object_get_string(json),
                             (size_t)json_object_get_string_len(json),
                             &value->string_value);
    case json_type_boolean:
      value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE;
      value->bool_value = json_object_get_boolean(json);
      return true;
    case json_type_int:
    case json_type_double:
      value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE;
      return vtx_decode_double(dec, json, &value->number_value, at->path);
    case json_type_null:
      break;
  }
  value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NULL_VALUE;
  return true;
}
