/* defaults.h - the knobs that requests start from: those the emulator was
 * started with, those set for all since, and those of single places.
 *
 * Threads:   none inside.
 * Ownership: what is given is copied.
 */
#ifndef VTX_EMULATOR_DEFAULTS_H
#define VTX_EMULATOR_DEFAULTS_H

#include <stdbool.h>
#include <stddef.h>

#include "service/emulator/knobs.h"

struct cb_arena;
struct json_object;

enum { VTX_EMU_PLACES_SET = 64 };

/* The knobs of one place, or of all. */
struct vtx_emu_setting {
  struct cb_arena *arena; /* of the texts below; NULL: they live for ever */
  const char *location;   /* NULL: any */
  const char *model;      /* NULL: any */
  struct vtx_emu_knobs knobs;
};

struct vtx_emu_defaults {
  struct vtx_emu_knobs first; /* as the emulator was started */
  struct vtx_emu_setting general;
  struct vtx_emu_setting places[VTX_EMU_PLACES_SET];
  size_t place_count;
};

/* first's texts must outlive the defaults. */
void vtx_emu_defaults_init(struct vtx_emu_defaults *defaults,
                           const struct vtx_emu_knobs *first);
void vtx_emu_defaults_release(struct vtx_emu_defaults *defaults);

/* As at the start. */
void vtx_emu_defaults_reset(struct vtx_emu_defaults *defaults);

/* Sets the knobs of a place, NULL standing for any location or any model; with
 * both NULL those for all. Knobs that are not in body, an object, are as at the
 * start (for all) or as for all at this moment (for a place). An empty object
 * takes a place's own knobs away. False with *ret_error a text, from arena or a
 * literal, and nothing changed if a knob is wrong or there are too many
 * places. */
bool vtx_emu_defaults_set(struct vtx_emu_defaults *defaults,
                          const struct vtx_emu_setting *place,
                          struct json_object *body, struct cb_arena *arena,
                          const char **ret_error);

/* The knobs for a request: those of its location and model, else of its
 * location, else of its model, else for all. */
const struct vtx_emu_knobs *vtx_emu_defaults_find(
    const struct vtx_emu_defaults *defaults, const char *location,
    const char *model);

#endif
