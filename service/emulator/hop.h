/* hop.h - answers that come in several requests: a hop ends with CONTINUATION
 * and a token, and the same request with that token gets the next piece.
 *
 * A token tells where in the answer it stands and which request it belongs to,
 * so that one beside a request that was changed is refused.
 *
 * Threads:   none inside.
 * Ownership: texts are from the arena.
 */
#ifndef VTX_EMULATOR_HOP_H
#define VTX_EMULATOR_HOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cb_arena;
struct cb_json;
struct json_object;
struct vtx_emu_answer;
struct vtx_emu_knobs;

/* Output tokens that a unary call may ask for. */
#define VTX_EMU_UNARY_TOKENS 32768

/* Which piece of an answer is asked for. */
struct vtx_emu_hop {
  uint64_t request; /* hash of the body without its token */
  size_t from;      /* bytes of the text that came before */
  bool later;       /* it came with a token */
};

/* Reads the token of body, if it has one. False if it is none of this
 * emulator's, or of another request. */
bool vtx_emu_hop_read(struct json_object *body, struct vtx_emu_hop *ret_hop);

/* Cuts the whole answer down to the piece that hop asks for, as long as knobs
 * want pieces to be. False when the arena is used up. */
bool vtx_emu_hop_cut(const struct vtx_emu_hop *hop,
                     const struct vtx_emu_knobs *knobs, struct cb_arena *arena,
                     struct vtx_emu_answer *answer);

/* Writes the value of a token for what follows so many bytes of the hop. */
void vtx_emu_hop_write_token(const struct vtx_emu_hop *hop, size_t bytes,
                             struct cb_json *json);

#endif
