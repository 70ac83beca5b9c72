#include <assert.h>
#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/json_scan.h"
#include "base/utf8.h"
#include "google/protobuf/duration.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "service/vertex/codec.h"
#include "service/vertex/codec_decoder.h"
#include "service/vertex/reasons.h"

/* Follows the JSON and looks each name up in the descriptor. What the contract
 * does not know is noted, what it knows and cannot be is an error. Levels are
 * counted as protobuf counts them before each recursion, so the C stack is
 * capped too. */

bool vtx_decode_fail(struct vtx_decoder *dec, const struct vtx_path *path,
                     const char *what) {
  const char *where = vtx_path_text(path, dec->arena);

  dec->status =
      vtx_fail(dec->arena, VTX_UPSTREAM_MALFORMED, "%s in the answer %s",
               *where ? where : "the outermost value", what);
  return false;
}

bool vtx_decode_full(struct vtx_decoder *dec) {
  dec->status = vtx_answer_full(dec->arena, dec->arena);
  return false;
}

bool vtx_decode_depth(struct vtx_decoder *dec, const struct vtx_path *path,
                      int depth) {
  if (depth <= VTX_MAX_DEPTH) return true;
  return vtx_decode_fail(dec, path, "is nested deeper than 100 message levels");
}

/* --- notes --------------------------------------------------------------- */

#define MAX_NOTE_BYTES (64 * 1024)
#define MAX_NOTE_TEXT 4096
#define NOTE_RESERVE 1024

/* Keeps path and text. Short ones may use the last bytes of the cap too, so
 * that a large unknown field cannot crowd out an unknown finish reason. */
static bool note(struct vtx_decoder *dec, const struct vtx_path *path,
                 struct json_object *value) {
  size_t size;
  const char *text = json_object_to_json_string_length(
      value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size);
  struct vtx_codec_notes *notes = dec->notes;
  struct vtx_unrecognized *entry;
  size_t room = MAX_NOTE_BYTES - notes->bytes;
  const char *where;

  notes->count++;
  size = cb_utf8_cut(text, size, MAX_NOTE_TEXT);
  if (size > 64) room -= room < NOTE_RESERVE ? room : NOTE_RESERVE;
  where = vtx_path_text(path, dec->arena);
  if (strlen(where) + size > room) return true;

  entry = cb_arena_alloc(dec->arena, sizeof *entry);
  if (!entry) return vtx_decode_full(dec);
  entry->path = where;
  entry->json = cb_arena_memdup(dec->arena, text, size);
  entry->next = NULL;
  if (!entry->json) return vtx_decode_full(dec);
  if (!notes->last) notes->last = &notes->first;
  *notes->last = entry;
  notes->last = &entry->next;
  notes->bytes += strlen(where) + size;
  return true;
}

/* --- scalars ------------------------------------------------------------- */

/* A whole number in either sign, from a JSON number or a numeric string. */
struct whole {
  bool negative;
  uint64_t magnitude;
};

/* -2^63 itself is refused: as a double it may have been a little less. */
static bool whole_from_double(double value, struct whole *ret_whole) {
  if (!(value < 18446744073709551616.0 && value > -9223372036854775808.0) ||
      value != floor(value))
    return false;
  ret_whole->negative = value < 0;
  ret_whole->magnitude = (uint64_t)fabs(value);
  return true;
}

static bool whole_from_int(struct json_object *value, struct whole *ret_whole) {
  int64_t number = json_object_get_int64(value);

  ret_whole->negative = number < 0;
  ret_whole->magnitude =
      number < 0 ? 0 - (uint64_t)number : json_object_get_uint64(value);
  return true;
}

/* A string that holds one JSON number and nothing else. */
static bool is_number_text(const char *text, size_t size) {
  struct cb_json_scan scan;

  if (size == 0 || strlen(text) != size) return false;
  if (strchr("-0123456789", text[0]) == NULL) return false;
  return strchr("0123456789", text[size - 1]) != NULL &&
         cb_json_scan(text, size, 0, NULL, &scan);
}

static bool whole_from_string(struct json_object *value,
                              struct whole *ret_whole) {
  const char *text = json_object_get_string(value);
  size_t size = (size_t)json_object_get_string_len(value);
  bool negative = *text == '-';
  char *end;

  if (!is_number_text(text, size)) return false;
  if (size > 20 || strpbrk(text, ".eE"))
    return whole_from_double(strtod(text, NULL), ret_whole);
  errno = 0;
  ret_whole->negative = negative;
  ret_whole->magnitude = strtoull(text + negative, &end, 10);
  return *end == '\0' && errno != ERANGE;
}

static bool get_whole(struct json_object *value, struct whole *ret_whole) {
  switch (json_object_get_type(value)) {
    case json_type_int:
      return whole_from_int(value, ret_whole);
    case json_type_double:
      return whole_from_double(json_object_get_double(value), ret_whole);
    case json_type_string:
      return whole_from_string(value, ret_whole);
    default:
      return false;
  }
}

/* Brings a whole number into [-(max + 1), max]. */
static bool get_signed(struct json_object *value, int64_t max,
                       int64_t *ret_number) {
  struct whole whole;

  if (!get_whole(value, &whole)) return false;
  if (whole.magnitude > (uint64_t)max + (whole.negative ? 1 : 0)) return false;
  *ret_number = whole.negative ? (int64_t)(0 - whole.magnitude)
                               : (int64_t)whole.magnitude;
  return true;
}

static bool get_unsigned(struct json_object *value, uint64_t max,
                         uint64_t *ret_number) {
  struct whole whole;

  if (!get_whole(value, &whole)) return false;
  if (whole.magnitude > max) return false;
  if (whole.negative && whole.magnitude > 0) return false;
  *ret_number = whole.magnitude;
  return true;
}

static bool special_double(const char *text, double *ret_number) {
  if (strcmp(text, "NaN") == 0)
    *ret_number = NAN;
  else if (strcmp(text, "Infinity") == 0)
    *ret_number = INFINITY;
  else if (strcmp(text, "-Infinity") == 0)
    *ret_number = -INFINITY;
  else
    return false;
  return true;
}

static bool get_double(struct json_object *value, double *ret_number) {
  enum json_type type = json_object_get_type(value);
  const char *text;

  if (type == json_type_string) {
    text = json_object_get_string(value);
    if (special_double(text, ret_number)) return true;
    if (!is_number_text(text, (size_t)json_object_get_string_len(value)))
      return false;
    *ret_number = strtod(text, NULL);
  } else if (type == json_type_int || type == json_type_double) {
    *ret_number = json_object_get_double(value);
  } else {
    return false;
  }
  return isfinite(*ret_number);
}

bool vtx_decode_double(struct vtx_decoder *dec, struct json_object *value,
                       double *ret_number, const struct vtx_path *path) {
  if (get_double(value, ret_number)) return true;
  return vtx_decode_fail(dec, path, "is not a number that a double can hold");
}

static bool decode_float(struct vtx_decoder *dec, struct json_object *value,
                         float *ret_number, const struct vtx_path *path) {
  double number;

  if (!vtx_decode_double(dec, value, &number, path)) return false;
  *ret_number = (float)number;
  if (isfinite(number) && !isfinite(*ret_number))
    return vtx_decode_fail(dec, path, "is not a number that a float can hold");
  return true;
}

static bool decode_int32(struct vtx_decoder *dec, struct json_object *value,
                         int32_t *ret_number, const struct vtx_path *path) {
  int64_t number;

  if (!get_signed(value, INT32_MAX, &number))
    return vtx_decode_fail(dec, path, "is not a whole number of 32 bits");
  *ret_number = (int32_t)number;
  return true;
}

static bool decode_uint32(struct vtx_decoder *dec, struct json_object *value,
                          uint32_t *ret_number, const struct vtx_path *path) {
  uint64_t number;

  if (!get_unsigned(value, UINT32_MAX, &number))
    return vtx_decode_fail(dec, path,
                           "is not a whole number of 32 bits without sign");
  *ret_number = (uint32_t)number;
  return true;
}

static bool decode_int64(struct vtx_decoder *dec, struct json_object *value,
                         int64_t *ret_number, const struct vtx_path *path) {
  if (get_signed(value, INT64_MAX, ret_number)) return true;
  return vtx_decode_fail(dec, path, "is not a whole number of 64 bits");
}

static bool decode_uint64(struct vtx_decoder *dec, struct json_object *value,
                          uint64_t *ret_number, const struct vtx_path *path) {
  if (get_unsigned(value, UINT64_MAX, ret_number)) return true;
  return vtx_decode_fail(dec, path,
                         "is not a whole number of 64 bits without sign");
}

/* What the enum does not know is noted, and 0. */
static bool decode_enum(struct vtx_decoder *dec,
                        const ProtobufCEnumDescriptor *descriptor,
                        struct json_object *value, int *ret_number,
                        const struct vtx_path *path) {
  const ProtobufCEnumValue *known = NULL;
  int64_t number;

  *ret_number = 0;
  if (json_object_is_type(value, json_type_string)) {
    known = protobuf_c_enum_descriptor_get_value_by_name(
        descriptor, json_object_get_string(value));
  } else if (get_signed(value, INT32_MAX, &number)) {
    known = protobuf_c_enum_descriptor_get_value(descriptor, (int)number);
  } else {
    return vtx_decode_fail(dec, path, "is not the name of an enum value");
  }
  if (!known) return note(dec, path, value);
  *ret_number = known->value;
  return true;
}

bool vtx_decode_text(struct vtx_decoder *dec, const char *text, size_t size,
                     char **ret_text) {
  if (!memchr(text, '\0', size)) {
    *ret_text = cb_arena_memdup(dec->arena, text, size);
    return *ret_text ? true : vtx_decode_full(dec);
  }
  *ret_text = cb_arena_alloc(dec->arena, 3 * size + 1);
  if (!*ret_text) return vtx_decode_full(dec);
  cb_utf8_clean(text, size, *ret_text, &dec->notes->nul_replaced);
  return true;
}

static bool decode_string(struct vtx_decoder *dec, struct json_object *value,
                          char **ret_text, const struct vtx_path *path) {
  if (!json_object_is_type(value, json_type_string))
    return vtx_decode_fail(dec, path, "is not a string");
  return vtx_decode_text(dec, json_object_get_string(value),
                         (size_t)json_object_get_string_len(value), ret_text);
}

static bool decode_bytes(struct vtx_decoder *dec, struct json_object *value,
                         ProtobufCBinaryData *ret_bytes,
                         const struct vtx_path *path) {
  const char *text;
  size_t size;

  if (!json_object_is_type(value, json_type_string))
    return vtx_decode_fail(dec, path, "is not a string of base64");
  text = json_object_get_string(value);
  size = (size_t)json_object_get_string_len(value);
  ret_bytes->len = 0;
  ret_bytes->data = cb_arena_alloc(dec->arena, cb_base64_decoded_room(size));
  if (!ret_bytes->data) return vtx_decode_full(dec);
  if (cb_base64_decode(text, size, ret_bytes->data, &ret_bytes->len))
    return true;
  return vtx_decode_fail(dec, path, "is not base64");
}

static bool decode_bool(struct vtx_decoder *dec, struct json_object *value,
                        protobuf_c_boolean *ret_value,
                        const struct vtx_path *path) {
  if (!json_object_is_type(value, json_type_boolean))
    return vtx_decode_fail(dec, path, "is neither true nor false");
  *ret_value = json_object_get_boolean(value);
  return true;
}

/* One value of field's type into slot. */
static bool decode_scalar(struct vtx_decoder *dec,
                          const ProtobufCFieldDescriptor *field,
                          struct json_object *value, void *slot,
                          const struct vtx_path *path) {
  switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
      return decode_int32(dec, value, slot, path);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
      return decode_uint32(dec, value, slot, path);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
      return decode_int64(dec, value, slot, path);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
      return decode_uint64(dec, value, slot, path);
    case PROTOBUF_C_TYPE_FLOAT:
      return decode_float(dec, value, slot, path);
    case PROTOBUF_C_TYPE_DOUBLE:
      return vtx_decode_double(dec, value, slot, path);
    case PROTOBUF_C_TYPE_BOOL:
      return decode_bool(dec, value, slot, path);
    case PROTOBUF_C_TYPE_ENUM:
      return decode_enum(dec, field->descriptor, value, slot, path);
    case PROTOBUF_C_TYPE_STRING:
      return decode_string(dec, value, slot, path);
    case PROTOBUF_C_TYPE_BYTES:
      return decode_bytes(dec, value, slot, path);
    case PROTOBUF_C_TYPE_MESSAGE:
      break;
  }
  assert(field->type != PROTOBUF_C_TYPE_MESSAGE);
  return false;
}

/* --- fields -------------------------------------------------------------- */

static bool decode_element(struct vtx_decoder *dec,
                           const ProtobufCFieldDescriptor *field,
                           struct json_object *value, void *slot,
                           const struct vtx_decode_at *at) {
  struct vtx_decode_at inner = {at->path, at->depth + 1};

  if (field->type == PROTOBUF_C_TYPE_MESSAGE)
    return vtx_decode_message(dec, field->descriptor, value, &inner, slot);
  return decode_scalar(dec, field, value, slot, at->path);
}

static bool decode_list(struct vtx_decoder *dec,
                        const ProtobufCFieldDescriptor *field,
                        struct json_object *value, ProtobufCMessage *message,
                        const struct vtx_decode_at *at) {
  size_t step = vtx_codec_element_size(field->type);
  size_t count;
  char *elements;

  if (!json_object_is_type(value, json_type_array))
    return vtx_decode_fail(dec, at->path, "is not an array");
  count = json_object_array_length(value);
  elements = cb_arena_zalloc(dec->arena, count, step);
  if (!elements) return vtx_decode_full(dec);
  for (size_t i = 0; i < count; i++) {
    struct vtx_path path = {at->path, NULL, NULL, i};
    struct vtx_decode_at here = {&path, at->depth};

    if (!decode_element(dec, field, json_object_array_get_idx(value, i),
                        elements + i * step, &here))
      return false;
  }
  vtx_codec_set_list(message, field, elements, count);
  return true;
}

static bool decode_entry(struct vtx_decoder *dec,
                         const ProtobufCMessageDescriptor *descriptor,
                         const struct lh_entry *json,
                         ProtobufCMessage **ret_entry,
                         const struct vtx_decode_at *at) {
  const ProtobufCFieldDescriptor *value = &descriptor->fields[1];
  ProtobufCMessage *entry =
      cb_arena_alloc(dec->arena, descriptor->sizeof_message);
  const char *key = lh_entry_k(json);

  if (!entry) return vtx_decode_full(dec);
  assert(descriptor->fields[0].type == PROTOBUF_C_TYPE_STRING);
  descriptor->message_init(entry);
  *ret_entry = entry;
  return vtx_decode_text(dec, key, strlen(key),
                         vtx_codec_slot(entry, &descriptor->fields[0])) &&
         decode_element(dec, value, (struct json_object *)lh_entry_v(json),
                        vtx_codec_slot(entry, value), at);
}

static bool decode_map(struct vtx_decoder *dec,
                       const ProtobufCFieldDescriptor *field,
                       struct json_object *value, ProtobufCMessage *message,
                       const struct vtx_decode_at *at) {
  ProtobufCMessage **entries;
  size_t count;
  size_t next = 0;

  if (!json_object_is_type(value, json_type_object))
    return vtx_decode_fail(dec, at->path, "is not an object");
  count = (size_t)json_object_object_length(value);
  entries = cb_arena_zalloc(dec->arena, count, sizeof *entries);
  if (!entries) return vtx_decode_full(dec);
  for (struct lh_entry *json = json_object_get_object(value)->head; json;
       json = json->next) {
    struct vtx_path path = {at->path, NULL, lh_entry_k(json), 0};
    struct vtx_decode_at here = {&path, at->depth + 1};

    if (!decode_entry(dec, field->descriptor, json, &entries[next++], &here))
      return false;
  }
  vtx_codec_set_list(message, field, entries, count);
  return true;
}

/* null is "not set", but for the two types that have a null of their own. */
static bool is_unset(const ProtobufCFieldDescriptor *field,
                     const struct json_object *value) {
  if (value || vtx_codec_is_repeated(field)) return !value;
  if (vtx_codec_is_null_enum(field)) return false;
  return field->type != PROTOBUF_C_TYPE_MESSAGE ||
         vtx_codec_kind(field->descriptor) != VTX_KIND_VALUE;
}

static bool decode_field(struct vtx_decoder *dec,
                         const ProtobufCFieldDescriptor *field,
                         struct json_object *value, ProtobufCMessage *message,
                         const struct vtx_decode_at *at) {
  void *slot = vtx_codec_slot(message, field);

  if (is_unset(field, value)) return true;
  if (vtx_codec_is_map(field))
    return decode_map(dec, field, value, message, at);
  if (vtx_codec_is_repeated(field))
    return decode_list(dec, field, value, message, at);
  if (!value && vtx_codec_is_null_enum(field))
    *(int *)slot = 0;
  else if (!decode_element(dec, field, value, slot, at))
    return false;
  if (vtx_codec_in_oneof(field)) vtx_codec_set_case(message, field);
  return true;
}

static bool decode_members(struct vtx_decoder *dec, struct json_object *object,
                           ProtobufCMessage *message,
                           const struct vtx_decode_at *at) {
  for (struct lh_entry *json = json_object_get_object(object)->head; json;
       json = json->next) {
    const char *name = lh_entry_k(json);
    struct json_object *value = (struct json_object *)lh_entry_v(json);
    const ProtobufCFieldDescriptor *field =
        vtx_codec_find(message->descriptor, name);
    struct vtx_path path = {at->path, name, NULL, 0};
    struct vtx_decode_at here = {&path, at->depth};
    bool good;

    if (field && !vtx_codec_is_own(field))
      good = decode_field(dec, field, value, message, &here);
    else
      good = note(dec, &path, value);
    if (!good) return false;
  }
  return true;
}

static bool decode_duration(struct vtx_decoder *dec, struct json_object *value,
                            ProtobufCMessage *message,
                            const struct vtx_path *path) {
  Google__Protobuf__Duration *duration = (void *)message;

  if (json_object_is_type(value, json_type_string) &&
      vtx_duration_parse(json_object_get_string(value), &duration->seconds,
                         &duration->nanos))
    return true;
  return vtx_decode_fail(dec, path, "is not a duration such as \"3.5s\"");
}

static bool decode_timestamp(struct vtx_decoder *dec, struct json_object *value,
                             ProtobufCMessage *message,
                             const struct vtx_path *path) {
  Google__Protobuf__Timestamp *time = (void *)message;

  if (json_object_is_type(value, json_type_string) &&
      vtx_timestamp_parse(json_object_get_string(value), &time->seconds,
                          &time->nanos))
    return true;
  return vtx_decode_fail(dec, path, "is not a time as RFC 3339 has it");
}

bool vtx_decode_message(struct vtx_decoder *dec,
                        const ProtobufCMessageDescriptor *descriptor,
                        struct json_object *value,
                        const struct vtx_decode_at *at,
                        ProtobufCMessage **ret_message) {
  ProtobufCMessage *message;

  if (!vtx_decode_depth(dec, at->path, at->depth)) return false;
  message = cb_arena_alloc(dec->arena, descriptor->sizeof_message);
  if (!message) return vtx_decode_full(dec);
  descriptor->message_init(message);
  *ret_message = message;
  switch (vtx_codec_kind(descriptor)) {
    case VTX_KIND_STRUCT:
      return vtx_decode_struct(dec, value, (void *)message, at);
    case VTX_KIND_VALUE:
      return vtx_decode_value(dec, value, (void *)message, at);
    case VTX_KIND_LIST:
      return vtx_decode_list_value(dec, value, (void *)message, at);
    case VTX_KIND_DURATION:
      return decode_duration(dec, value, message, at->path);
    case VTX_KIND_TIMESTAMP:
      return decode_timestamp(dec, value, message, at->path);
    case VTX_KIND_PLAIN:
      break;
  }
  if (!json_object_is_type(value, json_type_object))
    return vtx_decode_fail(dec, at->path, "is not an object");
  return decode_members(dec, value, message, at);
}

struct cb_status vtx_codec_decode(const struct vtx_codec_source *source,
                                  struct cb_arena *arena,
                                  struct vtx_codec_notes *notes,
                                  ProtobufCMessage **ret_message) {
  struct vtx_decoder dec = {arena, notes, cb_status_ok()};
  struct vtx_path root = {NULL, "", NULL, 0};
  struct vtx_decode_at at = {&root, source->depth_above + 1};
  ProtobufCMessage *message;

  if (vtx_decode_message(&dec, source->type, source->object, &at, &message))
    *ret_message = message;
  return dec.status;
}
