#include "service/emulator/gzip.h"

#include <stdint.h>
#include <zlib.h>

#include "base/arena.h"

const char *vtx_emu_gzip(struct cb_arena *arena, const char *data, size_t size,
                         size_t *ret_size) {
  z_stream stream = {0};
  size_t room;
  char *out;

  if (size > UINT32_MAX / 2) return NULL;
  /* 16 on top of the window's bits asks for gzip's frame. */
  if (deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    return NULL;
  }
  room = deflateBound(&stream, size);
  out = cb_arena_alloc(arena, room);
  if (out) {
    stream.next_in = (Bytef *)(uintptr_t)data;
    stream.avail_in = (uInt)size;
    stream.next_out = (Bytef *)out;
    stream.avail_out = (uInt)room;
    if (deflate(&stream, Z_FINISH) != Z_STREAM_END) out = NULL;
    *ret_size = room - stream.avail_out;
  }
  deflateEnd(&stream);
  return out;
}
