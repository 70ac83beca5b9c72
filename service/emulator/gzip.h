/* gzip.h - compresses a body in memory.
 *
 * Threads: safe from any. Ownership: the result is from the arena.
 */
#ifndef VTX_EMULATOR_GZIP_H
#define VTX_EMULATOR_GZIP_H

#include <stddef.h>

struct cb_arena;

/* The gzip form of size bytes, its length in *ret_size. NULL when the arena is
 * used up. */
const char *vtx_emu_gzip(struct cb_arena *arena, const char *data, size_t size,
                         size_t *ret_size);

#endif
