/* reply.h - what will be sent for a request, and how it will go wrong.
 *
 * A reply is a status, pieces of body with pauses before them, and an ending.
 * Every answer and every fault is expressed in it, so the code that sends
 * knows nothing of either.
 *
 * Ownership: all texts and pieces live in the exchange's arena or for ever.
 */
#ifndef VTX_EMULATOR_REPLY_H
#define VTX_EMULATOR_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vtx_emu_ending {
  VTX_EMU_END_CLEAN, /* as HTTP wants it */
  VTX_EMU_END_RESET, /* RST */
  VTX_EMU_END_HANG,  /* nothing more comes, the connection stays */
};

/* size bytes, repeat times in a row. */
struct vtx_emu_piece {
  const char *data;
  size_t size;
  uint64_t repeat;
};

struct vtx_emu_reply {
  unsigned status;          /* HTTP; 0: the ending comes before any head */
  const char *content_type; /* NULL: none */
  const char *header;       /* one more header; NULL: none */
  const char *header_value;
  struct vtx_emu_piece *pieces;
  size_t piece_count;
  const char *hold;   /* key that lets it go; NULL: nothing holds it */
  int64_t delay;      /* nanoseconds before the head, once it is let go */
  int64_t interval;   /* and before each piece but the first */
  uint64_t end_after; /* bytes of body after which the ending comes, even in
                         the middle; UINT64_MAX: after the last */
  enum vtx_emu_ending ending;
  bool chunked; /* without a Content-Length, piece by piece */
  bool drip;    /* one byte at a time, each after interval */
};

#endif
