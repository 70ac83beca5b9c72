#include "crpc/inflate.h"

#include <limits.h>
#include <zlib.h>

#include "base/buf.h"
#include "crpc/wire.h"

/* windowBits of zlib's API: the largest window, plus what says which format. */
#define WINDOW 15
#define GZIP_OR_ZLIB 32
#define GZIP 16

#define STEP ((size_t)16 * 1024)

static struct cb_status malformed(void) {
  return cb_status_make(CB_INVALID_ARGUMENT, "MALFORMED_REQUEST",
                        "the compressed message is malformed");
}

static struct cb_status too_large(void) {
  return cb_status_make(CB_RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE",
                        "the message is too large once inflated");
}

/* Where the next bytes go: not past the buffer's max, so that what does not fit
 * is found out without room for it. NULL when there is no memory. */
static char *next_room(struct cb_buf *out, size_t *ret_size) {
  size_t left = out->max - out->len;

  *ret_size = left < STEP ? left : STEP;
  return *ret_size > 0 ? cb_buf_reserve(out, *ret_size) : NULL;
}

/* True if the stream, whose bytes fill the buffer to its max, has more. */
static bool has_more(z_stream *stream, int *ret_code) {
  unsigned char byte;

  stream->next_out = &byte;
  stream->avail_out = 1;
  *ret_code = inflate(stream, Z_NO_FLUSH);
  return stream->avail_out == 0;
}

static struct cb_status inflate_all(z_stream *stream, struct cb_buf *out) {
  int code = Z_OK;

  while (code == Z_OK) {
    size_t size;
    char *room = next_room(out, &size);

    if (!room && size > 0) return crpc_no_memory();
    if (!room) {
      if (has_more(stream, &code)) return too_large();
      break;
    }
    stream->next_out = (unsigned char *)room;
    stream->avail_out = (unsigned)size;
    code = inflate(stream, Z_NO_FLUSH);
    cb_buf_grow(out, size - stream->avail_out);
  }
  if (code == Z_MEM_ERROR) return crpc_no_memory();
  /* Z_BUF_ERROR, for one, is a stream that ends early. */
  if (code != Z_STREAM_END || stream->avail_in > 0) return malformed();
  return cb_status_ok();
}

struct cb_status crpc_inflate(const uint8_t *data, size_t size,
                              struct cb_buf *out) {
  z_stream stream = {0};
  struct cb_status status;

  if (size > UINT_MAX) return too_large();
  if (inflateInit2(&stream, WINDOW + GZIP_OR_ZLIB) != Z_OK) {
    return crpc_no_memory();
  }
  stream.next_in = (z_const unsigned char *)data;
  stream.avail_in = (unsigned)size;
  status = inflate_all(&stream, out);
  inflateEnd(&stream);
  return status;
}

bool crpc_deflate(const uint8_t *data, size_t size, struct cb_buf *out) {
  z_stream stream = {0};
  int code = Z_OK;

  if (size > UINT_MAX) return false;
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW + GZIP, 8,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    return false;
  stream.next_in = (z_const unsigned char *)data;
  stream.avail_in = (unsigned)size;
  while (code == Z_OK) {
    size_t room_size;
    char *room = next_room(out, &room_size);

    if (!room) break;
    stream.next_out = (unsigned char *)room;
    stream.avail_out = (unsigned)room_size;
    code = deflate(&stream, Z_FINISH);
    cb_buf_grow(out, room_size - stream.avail_out);
  }
  deflateEnd(&stream);
  return code == Z_STREAM_END;
}
