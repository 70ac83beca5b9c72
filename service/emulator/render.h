/* render.h - answers as the JSON that Vertex AI sends.
 *
 * Threads: none inside. Ownership: pieces and texts are from the arena.
 */
#ifndef VTX_EMULATOR_RENDER_H
#define VTX_EMULATOR_RENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cb_arena;
struct vtx_emu_answer;
struct vtx_emu_prompt;
struct vtx_emu_reply;

/* How a stream is framed. */
enum vtx_emu_framing {
  VTX_EMU_UNARY, /* no stream: one object */
  VTX_EMU_SSE,   /* alt=sse */
  VTX_EMU_ARRAY, /* a JSON array that is written bit by bit */
};

struct vtx_emu_render {
  enum vtx_emu_framing framing;
  uint64_t serial;   /* makes the responseId */
  int64_t unix_time; /* nanoseconds, makes the createTime */
  const char *traffic_type;
};

/* Fills the reply's pieces, content type and chunking with the answer. False
 * when the arena is used up. */
bool vtx_emu_render_answer(const struct vtx_emu_render *render,
                           struct cb_arena *arena,
                           const struct vtx_emu_prompt *prompt,
                           const struct vtx_emu_answer *answer,
                           struct vtx_emu_reply *reply);

/* The same for countTokens. */
bool vtx_emu_render_count(struct cb_arena *arena,
                          const struct vtx_emu_prompt *prompt,
                          struct vtx_emu_reply *reply);

/* Makes body, of size bytes, the reply's only piece. False when the arena is
 * used up. */
bool vtx_emu_reply_set(struct vtx_emu_reply *reply, struct cb_arena *arena,
                       const char *body, size_t size);

#endif
