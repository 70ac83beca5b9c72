#include <string.h>

#include "base/arena.h"
#include "service/batch/place.h"
#include "service/vertex/endpoint.h"

/* The resource behind the location in a target's name, LOCATION/RESOURCE or
 * projects/P/LOCATION/RESOURCE; *ret_location is where that begins. NULL if it
 * is no target's. */
static const char *resource_in(const char *target, const char **ret_location) {
  static const char projects[] = "projects/";
  const char *location = target;
  const char *slash;

  if (strncmp(target, projects, sizeof projects - 1) == 0) {
    slash = strchr(target + sizeof projects - 1, '/');
    if (!slash) return NULL;
    location = slash + 1;
  }
  slash = strchr(location, '/');
  *ret_location = location;
  return slash ? slash + 1 : NULL;
}

void vtx_place_tell(const struct vtx_place *place, const char *model,
                    const struct vtx_endpoint *home, struct cb_arena *arena,
                    Vertexd__V1__Serving *serving) {
  const struct vtx_candidate *candidate = &place->candidate;
  struct vtx_endpoint endpoint = *home;
  char target[VTX_TARGET_ROOM];
  const char *location;
  const char *resource;
  char *copy;

  if (candidate->model[0]) model = candidate->model;
  if (candidate->location[0]) endpoint.location = candidate->location;
  vtx_endpoint_target(&endpoint, model, target);
  resource = resource_in(target, &location);
  if (!resource) return;
  copy = cb_arena_strdup(arena, resource);
  if (copy) serving->model = copy;
  if (!home->project || !home->project[0]) return; /* express: nowhere */
  copy = cb_arena_memdup(arena, location, (size_t)(resource - 1 - location));
  if (copy) serving->location = copy;
}
