#include "service/emulator/defaults.h"

#include <json-c/json.h>
#include <string.h>

#include "base/arena.h"

enum { MAX_KNOBS = 1 << 20 };

static const char no_memory[] = "Emulator: out of memory.";

void vtx_emu_defaults_init(struct vtx_emu_defaults *defaults,
                           const struct vtx_emu_knobs *first) {
  *defaults = (struct vtx_emu_defaults){.first = *first};
  defaults->general.knobs = *first;
}

void vtx_emu_defaults_release(struct vtx_emu_defaults *defaults) {
  cb_arena_free(defaults->general.arena);
  for (size_t i = 0; i < defaults->place_count; i++) {
    cb_arena_free(defaults->places[i].arena);
  }
}

void vtx_emu_defaults_reset(struct vtx_emu_defaults *defaults) {
  struct vtx_emu_knobs first = defaults->first;

  vtx_emu_defaults_release(defaults);
  vtx_emu_defaults_init(defaults, &first);
}

/* NULL is equal to NULL only. */
static bool same(const char *a, const char *b) {
  return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The index of the place's own setting; place_count if it has none. */
static size_t index_of(const struct vtx_emu_defaults *defaults,
                       const char *location, const char *model) {
  size_t i = 0;

  while (i < defaults->place_count &&
         !(same(defaults->places[i].location, location) &&
           same(defaults->places[i].model, model))) {
    i++;
  }
  return i;
}

static void remove_place(struct vtx_emu_defaults *defaults, size_t index) {
  if (index == defaults->place_count) return;
  cb_arena_free(defaults->places[index].arena);
  defaults->places[index] = defaults->places[--defaults->place_count];
}

/* Fills *setting, whose arena is new; false with a text that outlives it. */
static bool read_setting(struct vtx_emu_setting *setting,
                         const struct vtx_emu_setting *place,
                         struct json_object *body, struct cb_arena *arena,
                         const char **ret_error) {
  const char *trouble = no_memory;

  setting->arena = cb_arena_new(NULL, MAX_KNOBS, 0);
  if (setting->arena) {
    setting->location = cb_arena_strdup(setting->arena, place->location);
    setting->model = cb_arena_strdup(setting->arena, place->model);
    if (same(setting->location, place->location) &&
        same(setting->model, place->model) &&
        vtx_emu_knobs_parse_json(&setting->knobs, setting->arena, body,
                                 &trouble)) {
      return true;
    }
  }
  *ret_error = cb_arena_strdup(arena, trouble);
  if (!*ret_error) *ret_error = no_memory;
  cb_arena_free(setting->arena);
  return false;
}

bool vtx_emu_defaults_set(struct vtx_emu_defaults *defaults,
                          const struct vtx_emu_setting *place,
                          struct json_object *body, struct cb_arena *arena,
                          const char **ret_error) {
  bool general = !place->location && !place->model;
  size_t index = index_of(defaults, place->location, place->model);
  struct vtx_emu_setting setting = {.knobs = general ? defaults->first
                                                     : defaults->general.knobs};

  if (!general && json_object_is_type(body, json_type_object) &&
      json_object_object_length(body) == 0) {
    remove_place(defaults, index);
    return true;
  }
  if (!general && index == VTX_EMU_PLACES_SET) {
    *ret_error = "Emulator: there are defaults for 64 places already.";
    return false;
  }
  if (!read_setting(&setting, place, body, arena, ret_error)) return false;
  if (general) {
    cb_arena_free(defaults->general.arena);
    defaults->general = setting;
    return true;
  }
  remove_place(defaults, index);
  defaults->places[defaults->place_count++] = setting;
  return true;
}

const struct vtx_emu_knobs *vtx_emu_defaults_find(
    const struct vtx_emu_defaults *defaults, const char *location,
    const char *model) {
  const char *const wanted[][2] = {
      {location, model}, {location, NULL}, {NULL, model}};

  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    size_t index = index_of(defaults, wanted[i][0], wanted[i][1]);

    if (index < defaults->place_count) return &defaults->places[index].knobs;
  }
  return &defaults->general.knobs;
}
