/* answer.h - makes up what the model would have said.
 *
 * Threads:   none inside.
 * Ownership: texts are from the arena.
 */
#ifndef VTX_EMULATOR_ANSWER_H
#define VTX_EMULATOR_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cb_arena;
struct vtx_emu_prompt;

enum { VTX_EMU_MAX_CANDIDATES = 8 };

struct vtx_emu_candidate {
  const char *text;     /* NULL: no content at all; "" is an empty part */
  const char *thought;  /* NULL: none is shown */
  const char *function; /* NULL: none is called */
  const char *args;     /* JSON text of the call's arguments */
  const char *finish_reason;
  int64_t tokens;
};

struct vtx_emu_answer {
  const char *block_reason; /* NULL: the prompt is not blocked */
  struct vtx_emu_candidate candidates[VTX_EMU_MAX_CANDIDATES];
  size_t candidate_count;
  bool continues; /* more comes in another request */
  int64_t candidates_tokens;
  int64_t thoughts_tokens;
};

/* Fills *answer. False when the arena is used up. */
bool vtx_emu_answer_make(struct vtx_emu_answer *answer, struct cb_arena *arena,
                         const struct vtx_emu_prompt *prompt);

#endif
