#include "crpc/payload.h"

#include <assert.h>
#include <grpc/byte_buffer.h>
#include <stdlib.h>

#include "base/buf.h"
#include "crpc/inflate.h"
#include "crpc/wire.h"

/* From here on a failing malloc is ours to handle; below it the core takes the
 * memory, and ends the process if there is none. */
#define OWN_MEMORY ((size_t)64 * 1024)

/* The bytes in one piece: those of the only slice, or gathered in buf. */
static bool in_one_piece(const grpc_slice_buffer *slices, struct cb_buf *buf,
                         const uint8_t **ret_data, size_t *ret_size) {
  *ret_data = (const uint8_t *)"";
  *ret_size = slices->length;
  if (slices->count == 1) {
    *ret_data = GRPC_SLICE_START_PTR(slices->slices[0]);
    return true;
  }
  if (slices->length == 0) return true;
  if (!cb_buf_reserve(buf, slices->length)) return false;
  for (size_t i = 0; i < slices->count; i++) {
    if (!cb_buf_add(buf, GRPC_SLICE_START_PTR(slices->slices[i]),
                    GRPC_SLICE_LENGTH(slices->slices[i]))) {
      return false;
    }
  }
  *ret_data = (const uint8_t *)buf->data;
  return true;
}

/* Replaces what data points to by its inflated form in inflated. */
static struct cb_status inflate(grpc_compression_algorithm compression,
                                struct cb_buf *inflated, const uint8_t **data,
                                size_t *size) {
  struct cb_status status = cb_status_ok();

  if (compression == GRPC_COMPRESS_NONE) return status;
  if (compression != GRPC_COMPRESS_GZIP &&
      compression != GRPC_COMPRESS_DEFLATE) {
    return cb_status_make(CB_UNIMPLEMENTED, "COMPRESSION_UNKNOWN",
                          "the message is compressed in an unknown way");
  }
  status = crpc_inflate(*data, *size, inflated);
  if (status.code != CB_OK) return status;
  *data =
      inflated->len > 0 ? (const uint8_t *)inflated->data : (const uint8_t *)"";
  *size = inflated->len;
  return status;
}

static struct cb_status too_large(size_t size, size_t most,
                                  struct cb_arena *arena) {
  return cb_status_format(arena, CB_RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE",
                          "the message has %zu bytes, %zu are allowed", size,
                          most);
}

struct cb_status crpc_payload_unpack(
    grpc_byte_buffer *bytes, const ProtobufCMessageDescriptor *descriptor,
    const struct crpc_payload_limits *limits, struct cb_arena *arena,
    ProtobufCMessage **ret_message) {
  const struct crpc_wire_limits wire = {.max_unpacked = limits->max_unpacked};
  struct cb_status status;
  struct cb_buf gathered;
  struct cb_buf inflated;
  const uint8_t *data;
  size_t size;

  assert(bytes->type == GRPC_BB_RAW);
  size = bytes->data.raw.slice_buffer.length;
  if (size > limits->max_bytes)
    return too_large(size, limits->max_bytes, arena);
  cb_buf_init(&gathered, limits->max_bytes, limits->budget);
  cb_buf_init(&inflated, limits->max_bytes, limits->budget);
  status = crpc_no_memory();
  if (in_one_piece(&bytes->data.raw.slice_buffer, &gathered, &data, &size)) {
    status = inflate(bytes->data.raw.compression, &inflated, &data, &size);
  }
  if (status.code == CB_OK) {
    status = crpc_unpack(descriptor, (struct crpc_bytes){data, size}, &wire,
                         arena, ret_message);
  }
  cb_buf_release(&gathered);
  cb_buf_release(&inflated);
  return status;
}

static grpc_slice make_slice(size_t size) {
  void *memory;

  if (size < OWN_MEMORY) return grpc_slice_malloc(size);
  memory = malloc(size);
  return memory ? grpc_slice_new(memory, size, free) : grpc_empty_slice();
}

grpc_byte_buffer *crpc_payload_pack(const ProtobufCMessage *message,
                                    size_t size) {
  grpc_slice slice = make_slice(size);
  grpc_byte_buffer *bytes;
  size_t packed;

  if (GRPC_SLICE_LENGTH(slice) != size) return NULL;
  packed = protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice));
  assert(packed == size);
  (void)packed;
  bytes = grpc_raw_byte_buffer_create(&slice, 1);
  grpc_slice_unref(slice); /* the buffer has a reference of its own */
  return bytes;
}
