/* prompt.h - what of a request matters for its answer.
 *
 * Reads a generateContent or countTokens body that was found valid.
 *
 * Threads:   none inside.
 * Ownership: texts are from the arena or belong to the JSON tree; the prompt
 *            may be used as long as both live.
 */
#ifndef VTX_EMULATOR_PROMPT_H
#define VTX_EMULATOR_PROMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/emulator/hop.h"
#include "service/emulator/knobs.h"

struct cb_arena;
struct json_object;

enum { VTX_EMU_MAX_MEDIA = 16, VTX_EMU_MAX_STOPS = 16 };

/* How many kinds of input Vertex AI counts apart. */
enum vtx_emu_modality {
  VTX_EMU_MODALITY_TEXT,
  VTX_EMU_MODALITY_IMAGE,
  VTX_EMU_MODALITY_VIDEO,
  VTX_EMU_MODALITY_AUDIO,
  VTX_EMU_MODALITY_DOCUMENT,
  VTX_EMU_MODALITIES,
};

struct vtx_emu_media {
  const char *mime_type;
  const char *uri; /* NULL: the bytes came with it */
  size_t bytes;
};

struct vtx_emu_prompt {
  const char *model;
  const char *text;   /* last user turn, directives taken out */
  const char *system; /* NULL: none */
  size_t turns;
  struct vtx_emu_media media[VTX_EMU_MAX_MEDIA]; /* of the last user turn */
  size_t media_count;
  const char *function_result; /* name of the last turn's first
                                  functionResponse; NULL: none */
  int64_t tokens[VTX_EMU_MODALITIES];
  int64_t billable_characters;
  struct vtx_emu_knobs knobs;
  struct vtx_emu_hop hop;

  /* generationConfig */
  int64_t candidate_count;   /* at least 1 */
  int64_t max_output_tokens; /* INT64_MAX: not limited */
  const char *stops[VTX_EMU_MAX_STOPS];
  size_t stop_count;
  int64_t thinking_budget;
  bool include_thoughts;
  bool json;                  /* a JSON answer is asked for */
  bool enum_text;             /* the bare name of an enum is */
  struct json_object *schema; /* of the answer; NULL: none */

  /* The function that must be called; NULL: none. */
  const char *function;
  struct json_object *function_schema; /* of its arguments; may be NULL */
};

/* Fills *prompt. False when the arena is used up or a directive is wrong;
 * *ret_error says which. knobs are where the directives start from. */
bool vtx_emu_prompt_read(struct vtx_emu_prompt *prompt, struct cb_arena *arena,
                         struct json_object *body,
                         const struct vtx_emu_knobs *knobs,
                         const char **ret_error);

/* Tokens of the whole prompt. */
int64_t vtx_emu_prompt_tokens(const struct vtx_emu_prompt *prompt);

/* Tokens that so many bytes of text count for: about one for four. */
int64_t vtx_emu_tokens(size_t bytes);

/* Declared parameters of a function, NULL if it is not declared or has none;
 * an empty name means the first. *ret_name is its declared name, NULL if there
 * is no such function. */
struct json_object *vtx_emu_find_function(struct json_object *body,
                                          const char *name,
                                          const char **ret_name);

#endif
