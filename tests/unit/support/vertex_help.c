#include "support/vertex_help.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json_writer.h"
#include "service/vertex/codec_internal.h"
#include "tests/unit/cmocka_all.h"

#define MAX_FILL_DEPTH 6

int vertex_set_up(void **state) {
  *state = cb_arena_new(NULL, SIZE_MAX, 0);
  return *state ? 0 : -1;
}

int vertex_set_up_bounded(void **state) {
  *state = cb_arena_new(NULL, (size_t)64 << 20, 0);
  return *state ? 0 : -1;
}

int vertex_tear_down(void **state) {
  cb_arena_free(*state);
  return 0;
}

const char *vertex_encode(struct cb_arena *arena,
                          const ProtobufCMessage *message,
                          const ProtobufCMessage *defaults) {
  struct cb_buf buf;
  struct cb_json json;
  struct cb_status status;
  char *text;

  cb_buf_init(&buf, SIZE_MAX / 4, NULL);
  cb_json_init(&json, &buf);
  status = vtx_codec_encode(&json, message, defaults, "", arena);
  assert_string_equal(status.message, "");
  assert_false(buf.failed);
  text = cb_arena_memdup(arena, buf.data, buf.len);
  cb_buf_release(&buf);
  return text;
}

struct cb_status vertex_encode_error(struct cb_arena *arena,
                                     const ProtobufCMessage *message) {
  struct cb_buf buf;
  struct cb_json json;
  struct cb_status status;

  cb_buf_init(&buf, SIZE_MAX / 4, NULL);
  cb_json_init(&json, &buf);
  status = vtx_codec_encode(&json, message, NULL, "requests[3]", arena);
  cb_buf_release(&buf);
  return status;
}

struct cb_status vertex_try_decode(struct cb_arena *arena,
                                   struct vtx_codec_source source,
                                   const char *text,
                                   struct vtx_codec_notes *notes,
                                   ProtobufCMessage **ret_message) {
  struct vtx_codec_notes unread = {0};
  struct cb_status status =
      vtx_json_parse(text, strlen(text), arena, &source.object);

  if (status.code == CB_OK)
    status =
        vtx_codec_decode(&source, arena, notes ? notes : &unread, ret_message);
  json_object_put(source.object);
  return status;
}

void *vertex_decode(struct cb_arena *arena,
                    const ProtobufCMessageDescriptor *type, const char *text,
                    struct vtx_codec_notes *notes) {
  ProtobufCMessage *message = NULL;
  struct cb_status status = vertex_try_decode(
      arena, (struct vtx_codec_source){.type = type}, text, notes, &message);

  assert_string_equal(status.message, "");
  assert_non_null(message);
  return message;
}

struct filler {
  struct cb_arena *arena;
  unsigned variant;
  bool own;
};

static ProtobufCMessage *fill_message(struct filler *filler,
                                      const ProtobufCMessageDescriptor *type,
                                      int depth, unsigned index);

static void fill_bytes(struct filler *filler, ProtobufCBinaryData *bytes) {
  bytes->len = 3 + filler->variant % 3;
  bytes->data = cb_arena_alloc(filler->arena, bytes->len);
  memset(bytes->data, 0xfe, bytes->len);
}

static void fill_one(struct filler *filler,
                     const ProtobufCFieldDescriptor *field, void *slot,
                     int depth, unsigned index) {
  const ProtobufCEnumDescriptor *values = field->descriptor;

  switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
      *(ProtobufCMessage **)slot =
          fill_message(filler, field->descriptor, depth + 1, index);
      break;
    case PROTOBUF_C_TYPE_STRING:
      *(char **)slot =
          cb_arena_printf(filler->arena, "%s %s \"ü\" \xf0\x9f\x8c\x8d %u",
                          vtx_codec_is_own(field) ? "vertexd's" : "Google's",
                          field->name, index);
      break;
    case PROTOBUF_C_TYPE_BYTES:
      fill_bytes(filler, slot);
      break;
    case PROTOBUF_C_TYPE_FLOAT:
      *(float *)slot = 0.7f + (float)index;
      break;
    case PROTOBUF_C_TYPE_DOUBLE:
      *(double *)slot = -1e-7 * (index + 1);
      break;
    case PROTOBUF_C_TYPE_BOOL:
      *(protobuf_c_boolean *)slot = 1;
      break;
    case PROTOBUF_C_TYPE_ENUM:
      *(int *)slot =
          values->values[(filler->variant + index) % values->n_values].value;
      break;
    case PROTOBUF_C_TYPE_INT64:
      *(int64_t *)slot = -9007199254740993 + (int64_t)index;
      break;
    default:
      assert_int_equal(vtx_codec_element_size(field->type), 4);
      *(int32_t *)slot = -7 - (int32_t)index;
  }
}

static void fill_list(struct filler *filler,
                      const ProtobufCFieldDescriptor *field,
                      ProtobufCMessage *message, int depth) {
  size_t step = vtx_codec_element_size(field->type);
  char *list = cb_arena_zalloc(filler->arena, 2, step);

  for (unsigned i = 0; i < 2; i++)
    fill_one(filler, field, list + i * step, depth, i);
  vtx_codec_set_list(message, field, list, 2);
}

/* Of a oneof the variant chooses one member. */
static bool is_chosen(const struct filler *filler,
                      const ProtobufCMessageDescriptor *type,
                      const ProtobufCFieldDescriptor *field, unsigned index) {
  unsigned members = 0;
  unsigned place = 0;

  for (unsigned i = 0; i < type->n_fields; i++) {
    if (!vtx_codec_in_oneof(&type->fields[i]) ||
        type->fields[i].quantifier_offset != field->quantifier_offset)
      continue;
    if (&type->fields[i] == field) place = members;
    members++;
  }
  return (filler->variant + index) % members == place;
}

static void fill_field(struct filler *filler,
                       const ProtobufCFieldDescriptor *field,
                       ProtobufCMessage *message, int depth, unsigned index) {
  bool nested = field->type == PROTOBUF_C_TYPE_MESSAGE;

  if (vtx_codec_is_own(field) && !filler->own) return;
  if (nested && depth >= MAX_FILL_DEPTH && message->descriptor->n_fields > 2)
    return;
  if (vtx_codec_is_repeated(field)) {
    fill_list(filler, field, message, depth);
    return;
  }
  if (vtx_codec_in_oneof(field)) {
    if (!is_chosen(filler, message->descriptor, field, index)) return;
    vtx_codec_set_case(message, field);
  }
  fill_one(filler, field, vtx_codec_slot(message, field), depth, index);
}

static ProtobufCMessage *fill_message(struct filler *filler,
                                      const ProtobufCMessageDescriptor *type,
                                      int depth, unsigned index) {
  ProtobufCMessage *message =
      cb_arena_alloc(filler->arena, type->sizeof_message);
  enum vtx_kind kind = vtx_codec_kind(type);

  type->message_init(message);
  if (kind == VTX_KIND_DURATION || kind == VTX_KIND_TIMESTAMP) {
    *(int64_t *)vtx_codec_slot(message, &type->fields[0]) = 1700000000;
    *(int32_t *)vtx_codec_slot(message, &type->fields[1]) = 120034000;
    return message;
  }
  if (kind == VTX_KIND_VALUE && depth >= MAX_FILL_DEPTH) {
    vtx_codec_set_case(message, &type->fields[2]); /* a string ends it */
    fill_one(filler, &type->fields[2],
             vtx_codec_slot(message, &type->fields[2]), depth, index);
    return message;
  }
  for (unsigned i = 0; i < type->n_fields; i++)
    fill_field(filler, &type->fields[i], message, depth, index);
  return message;
}

ProtobufCMessage *vertex_fill(struct cb_arena *arena,
                              const ProtobufCMessageDescriptor *type,
                              unsigned variant, bool own) {
  struct filler filler = {arena, variant, own};

  return fill_message(&filler, type, 0, 0);
}

bool vertex_same(const ProtobufCMessage *one, const ProtobufCMessage *two) {
  size_t size = protobuf_c_message_get_packed_size(one);
  uint8_t *bytes;
  bool same;

  if (protobuf_c_message_get_packed_size(two) != size) return false;
  bytes = malloc(2 * size + 1);
  assert_non_null(bytes);
  protobuf_c_message_pack(one, bytes);
  protobuf_c_message_pack(two, bytes + size);
  same = memcmp(bytes, bytes + size, size) == 0;
  free(bytes);
  return same;
}

static char *append(char *at, const char *text, int times) {
  size_t size = strlen(text);

  for (; times > 0; times--, at += size)
    memcpy(at, text, size);
  return at;
}

char *vertex_nested(struct cb_arena *arena, const char *open, const char *inner,
                    const char *close, int count) {
  size_t size = (strlen(open) + strlen(close)) * (size_t)count + strlen(inner);
  char *text = cb_arena_alloc(arena, size + 1);
  char *at = append(text, open, count);

  at = append(at, inner, 1);
  at = append(at, close, count);
  *at = '\0';
  return text;
}
