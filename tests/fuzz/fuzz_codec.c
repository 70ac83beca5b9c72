/* JSON -> message -> JSON -> message: what the codec reads it must write, and
 * the second message must be the first. The first byte picks the type. */
#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json_writer.h"
#include "base/utf8.h"
#include "service/vertex/codec.h"
#include "vertexd/v1/vertexd.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool decode(const ProtobufCMessageDescriptor *type, const char *text,
                   size_t size, struct cb_arena *arena,
                   ProtobufCMessage **ret_message) {
  struct vtx_codec_notes notes = {0};
  struct vtx_codec_source source = {type, NULL, 0};
  struct cb_status status = vtx_json_parse(text, size, arena, &source.object);

  if (status.code == CB_OK)
    status = vtx_codec_decode(&source, arena, &notes, ret_message);
  json_object_put(source.object);
  if (!cb_utf8_valid(status.message, strlen(status.message))) abort();
  return status.code == CB_OK;
}

static void compare(const ProtobufCMessage *one, const ProtobufCMessage *two) {
  size_t size = protobuf_c_message_get_packed_size(one);
  uint8_t *bytes = malloc(2 * size + 1);

  if (!bytes || protobuf_c_message_get_packed_size(two) != size) abort();
  protobuf_c_message_pack(one, bytes);
  protobuf_c_message_pack(two, bytes + size);
  if (memcmp(bytes, bytes + size, size) != 0) abort();
  free(bytes);
}

static void round_trip(const ProtobufCMessage *message,
                       struct cb_arena *arena) {
  ProtobufCMessage *again = NULL;
  struct cb_buf buf;
  struct cb_json json;

  cb_buf_init(&buf, SIZE_MAX / 4, NULL);
  cb_json_init(&json, &buf);
  if (vtx_codec_encode(&json, message, NULL, "", arena).code != CB_OK) abort();
  if (!decode(message->descriptor, buf.data, buf.len, arena, &again)) abort();
  compare(message, again);
  cb_buf_release(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const ProtobufCMessageDescriptor *const types[] = {
      &vertexd__v1__generate_response__descriptor,
      &vertexd__v1__generate_request__descriptor,
      &vertexd__v1__count_tokens_request__descriptor,
      &google__protobuf__value__descriptor};
  struct cb_arena *arena;
  ProtobufCMessage *message = NULL;

  if (size < 1) return 0;
  arena = cb_arena_new(NULL, 64 << 20, 0);
  if (decode(types[data[0] % 4], (const char *)data + 1, size - 1, arena,
             &message))
    round_trip(message, arena);
  cb_arena_free(arena);
  return 0;
}
