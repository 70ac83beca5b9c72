/* replay.h - what a stream handed on behind its newest token, and what becomes
 * of it when the stream is resumed there.
 *
 * Upstream, all that came behind the token comes once more. Callers have it
 * already, so the resumed stream must begin with it, to the byte, and loses
 * that much. If it begins otherwise the answer cannot be made whole. Only plain
 * text of candidate 0 can be compared so; behind a token, anything else is a
 * reason not to resume.
 *
 * Threads:   none inside.
 * Ownership: the struct is the caller's; init and release.
 */
#ifndef VTX_REPLAY_H
#define VTX_REPLAY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "vertexd/v1/vertexd.pb-c.h"

struct cb_budget;

struct vtx_replay {
  struct cb_buf behind; /* text that was handed on behind the newest token */
  struct cb_buf expect; /* with which the stream at hand must begin */
  size_t replayed;      /* bytes of expect that it has brought */
  bool odd;             /* what is behind the token cannot be compared */
};

/* Texts grow to max bytes each. */
void vtx_replay_init(struct vtx_replay *replay, size_t max,
                     struct cb_budget *budget);
void vtx_replay_release(struct vtx_replay *replay);

/* Takes out of chunk, in place, what was handed on before. False if it is not
 * what is expected; chunk may then have lost some of its text. */
bool vtx_replay_skip(struct vtx_replay *replay,
                     Vertexd__V1__GenerateResponse *chunk);

/* chunk is handed on. */
void vtx_replay_note(struct vtx_replay *replay,
                     const Vertexd__V1__GenerateResponse *chunk);

/* A token came: what follows is behind it. */
void vtx_replay_token(struct vtx_replay *replay);

/* True if the stream may be resumed at the newest token. */
bool vtx_replay_possible(const struct vtx_replay *replay);

/* Another stream begins: at the newest token (resumed), or where the one at
 * hand did. */
void vtx_replay_begin(struct vtx_replay *replay, bool resumed);

/* True until all that is expected has come. */
bool vtx_replay_pending(const struct vtx_replay *replay);

#endif
