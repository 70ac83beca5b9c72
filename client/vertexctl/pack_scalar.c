#include "client/vertexctl/pack_scalar.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

static void put_varint(struct cb_buf *out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    cb_buf_add_char(out, (char)(unsigned char)(value | 0x80));
  cb_buf_add_char(out, (char)value);
}

static void put_tag(struct cb_buf *out, uint32_t id, enum wire wire) {
  put_varint(out, (uint64_t)id << 3 | wire);
}

void ctl_put_number(struct cb_buf *out, uint32_t id, uint64_t value) {
  put_tag(out, id, WIRE_VARINT);
  put_varint(out, value);
}

void ctl_put_bytes(struct cb_buf *out, uint32_t id, const void *data,
                   size_t size) {
  put_tag(out, id, WIRE_BYTES);
  put_varint(out, size);
  if (size > 0) cb_buf_add(out, data, size);
}

static void put_little_endian(struct cb_buf *out, uint64_t bits, int size) {
  for (int i = 0; i < size; i++, bits >>= 8)
    cb_buf_add_char(out, (char)(unsigned char)(bits & 0xff));
}

static const char *put_text(struct cb_buf *out, uint32_t id,
                            json_object *json) {
  const char *text;
  size_t size;

  if (!json_object_is_type(json, json_type_string)) return "must be a string";
  text = json_object_get_string(json);
  size = (size_t)json_object_get_string_len(json);
  if (memchr(text, '\0', size)) return "must be without U+0000";
  ctl_put_bytes(out, id, text, size);
  return NULL;
}

static const char *put_base64(struct cb_buf *out, uint32_t id,
                              json_object *json) {
  const char *text = json_object_get_string(json);
  size_t size = (size_t)json_object_get_string_len(json);
  uint8_t *bytes;
  size_t count;
  bool good;

  if (!json_object_is_type(json, json_type_string)) return "must be base64";
  bytes = malloc(cb_base64_decoded_room(size) + 1);
  if (!bytes) return "does not fit into memory";
  good = cb_base64_decode(text, size, bytes, &count);
  if (good) ctl_put_bytes(out, id, bytes, count);
  free(bytes);
  return good ? NULL : "must be base64";
}

/* 64-bit numbers may be strings, as protobuf's JSON has them. */
static bool as_int(json_object *json, int64_t *ret_value) {
  const char *text;
  char *end;
  double number;

  switch (json_object_get_type(json)) {
    case json_type_int:
      *ret_value = json_object_get_int64(json);
      return true;
    case json_type_double:
      number = json_object_get_double(json);
      if (!(fabs(number) < 9e15) || trunc(number) != number) return false;
      *ret_value = (int64_t)number;
      return true;
    case json_type_string:
      text = json_object_get_string(json);
      errno = 0;
      *ret_value = strtoll(text, &end, 10);
      return end != text && !*end && !errno;
    default:
      return false;
  }
}

static const char *put_int(struct cb_buf *out, uint32_t id, json_object *json,
                           int64_t min, int64_t max) {
  int64_t value;

  if (!as_int(json, &value) || value < min || value > max)
    return "must be a whole number in range";
  ctl_put_number(out, id, (uint64_t)value);
  return NULL;
}

static const char *put_enum(struct cb_buf *out,
                            const ProtobufCFieldDescriptor *field,
                            json_object *json) {
  const ProtobufCEnumValue *value;

  if (json_object_is_type(json, json_type_int))
    return put_int(out, field->id, json, INT32_MIN, INT32_MAX);
  if (!json_object_is_type(json, json_type_string)) return "must be a name";
  value = protobuf_c_enum_descriptor_get_value_by_name(
      field->descriptor, json_object_get_string(json));
  if (!value) return "there is no such name";
  ctl_put_number(out, field->id, (uint64_t)(int64_t)value->value);
  return NULL;
}

static const char *put_real(struct cb_buf *out,
                            const ProtobufCFieldDescriptor *field,
                            json_object *json) {
  double value = json_object_get_double(json);
  union {
    double real;
    uint64_t bits;
  } wide = {.real = value};
  union {
    float real;
    uint32_t bits;
  } narrow;

  if (!json_object_is_type(json, json_type_double) &&
      !json_object_is_type(json, json_type_int))
    return "must be a number";
  if (!isfinite(value)) return "must be a finite number";
  if (field->type == PROTOBUF_C_TYPE_DOUBLE) {
    put_tag(out, field->id, WIRE_64);
    put_little_endian(out, wide.bits, 8);
    return NULL;
  }
  if (fabs(value) > 3.4028234663852886e38) return "must be a number in range";
  narrow.real = (float)value;
  put_tag(out, field->id, WIRE_32);
  put_little_endian(out, narrow.bits, 4);
  return NULL;
}

static const char *put_bool(struct cb_buf *out, uint32_t id,
                            json_object *json) {
  if (!json_object_is_type(json, json_type_boolean))
    return "must be true or false";
  ctl_put_number(out, id, json_object_get_boolean(json) ? 1 : 0);
  return NULL;
}

const char *ctl_put_scalar(struct cb_buf *out,
                           const ProtobufCFieldDescriptor *field,
                           json_object *json) {
  switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
      return put_text(out, field->id, json);
    case PROTOBUF_C_TYPE_BYTES:
      return put_base64(out, field->id, json);
    case PROTOBUF_C_TYPE_BOOL:
      return put_bool(out, field->id, json);
    case PROTOBUF_C_TYPE_ENUM:
      return put_enum(out, field, json);
    case PROTOBUF_C_TYPE_INT32:
      return put_int(out, field->id, json, INT32_MIN, INT32_MAX);
    case PROTOBUF_C_TYPE_INT64:
      return put_int(out, field->id, json, INT64_MIN, INT64_MAX);
    case PROTOBUF_C_TYPE_UINT32:
      return put_int(out, field->id, json, 0, UINT32_MAX);
    case PROTOBUF_C_TYPE_UINT64:
      return put_int(out, field->id, json, 0, INT64_MAX);
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FLOAT:
      return put_real(out, field, json);
    default:
      return "cannot be set here";
  }
}
