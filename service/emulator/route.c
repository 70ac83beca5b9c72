#include "service/emulator/route.h"

#include <stddef.h>
#include <string.h>

#include "base/arena.h"

enum { MAX_SEGMENTS = 10 };

static const char *const verb_names[VTX_EMU_VERBS] = {
    "other", "generateContent", "streamGenerateContent", "countTokens"};

const char *vtx_emu_verb_name(enum vtx_emu_verb verb) {
  return verb_names[verb];
}

static enum vtx_emu_verb verb_of(const char *name) {
  for (int verb = VTX_EMU_GENERATE; verb < VTX_EMU_VERBS; verb++) {
    if (strcmp(name, verb_names[verb]) == 0) return (enum vtx_emu_verb)verb;
  }
  return VTX_EMU_NO_VERB;
}

/* Parts path at its slashes, in place. 0 if it has too many or empty ones. */
static size_t split(char *path, char *segments[MAX_SEGMENTS]) {
  size_t count = 0;

  while (*path == '/') {
    *path++ = '\0';
    if (count == MAX_SEGMENTS || *path == '\0' || *path == '/') return 0;
    segments[count++] = path;
    path += strcspn(path, "/");
  }
  return count;
}

static bool matches(char *const segments[], size_t count,
                    const char *const pattern[], size_t pattern_count) {
  if (count != pattern_count) return false;
  for (size_t i = 0; i < count; i++) {
    if (pattern[i] && strcmp(segments[i], pattern[i]) != 0) return false;
  }
  return true;
}

/* Index of the location's segment, 0 for an express path, -1 for a path of no
 * known form. segments begin behind the version. */
static int location_of(char *const segments[], size_t count) {
  static const char *const model[] = {"projects",   NULL, "locations", NULL,
                                      "publishers", NULL, "models",    NULL};
  static const char *const endpoint[] = {"projects", NULL,        "locations",
                                         NULL,       "endpoints", NULL};
  static const char *const express[] = {"publishers", NULL, "models", NULL};

  if (matches(segments, count, model, 8)) return 3;
  if (matches(segments, count, endpoint, 6)) return 3;
  return matches(segments, count, express, 4) ? 0 : -1;
}

bool vtx_emu_route_read(struct vtx_emu_route *route, struct cb_arena *arena,
                        const char *path) {
  char *copy = cb_arena_strdup(arena, path);
  const char *second = *path ? strchr(path + 1, '/') : NULL;
  char *resource = second ? cb_arena_strdup(arena, second + 1) : NULL;
  char *segments[MAX_SEGMENTS];
  size_t count;
  char *colon;
  int location;

  *route = (struct vtx_emu_route){VTX_EMU_NO_VERB, "", "", ""};
  if (!copy || (second && !resource)) return false;
  count = split(copy, segments);
  if (count < 2) return true;
  if (strcmp(segments[0], "v1") != 0 && strcmp(segments[0], "v1beta1") != 0) {
    return true;
  }
  location = location_of(segments + 1, count - 1);
  colon = strrchr(segments[count - 1], ':');
  if (location < 0 || !colon) return true;
  *colon = '\0';
  *strrchr(resource, ':') = '\0';
  route->verb = verb_of(colon + 1);
  route->model = segments[count - 1];
  route->resource = resource;
  if (location > 0) route->location = segments[1 + location];
  return true;
}
