/* route.h - what a request's path asks for.
 *
 * Threads: safe from any. Ownership: texts are from the arena.
 */
#ifndef VTX_EMULATOR_ROUTE_H
#define VTX_EMULATOR_ROUTE_H

#include <stdbool.h>

struct cb_arena;

enum vtx_emu_verb {
  VTX_EMU_NO_VERB, /* no path of Vertex AI's */
  VTX_EMU_GENERATE,
  VTX_EMU_STREAM,
  VTX_EMU_COUNT,
  VTX_EMU_VERBS,
};

struct vtx_emu_route {
  enum vtx_emu_verb verb;
  const char *location; /* "" in express paths */
  const char *model;    /* its last word: a model's name or an endpoint's id */
  const char *resource; /* the whole name, from projects/ or publishers/ on */
};

/* "generateContent" and so on; "other" for no verb. */
const char *vtx_emu_verb_name(enum vtx_emu_verb verb);

/* Reads path, which is decoded and without a query:
 *   /VERSION/projects/P/locations/L/publishers/PUB/models/M:VERB
 *   /VERSION/projects/P/locations/L/endpoints/ID:VERB
 *   /VERSION/publishers/PUB/models/M:VERB
 * with v1 or v1beta1 as VERSION. False only when the arena is used up; a path
 * of another form has VTX_EMU_NO_VERB. */
bool vtx_emu_route_read(struct vtx_emu_route *route, struct cb_arena *arena,
                        const char *path);

#endif
