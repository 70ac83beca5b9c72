#include "service/routes/routes.h"

#include <string.h>

#include "base/arena.h"
#include "service/routes/routes_internal.h"

static const char location_field[] = "location";
static const char alias_field[] = "model-alias";

#define NO_MEMORY \
  cb_status_make(CB_RESOURCE_EXHAUSTED, "", "no memory for the routes")

/* More than a URL and a message need. */
#define SCRATCH_BYTES ((size_t)16 * 1024)

/* What operators type is shown to them up to here. */
#define SHOWN 80

static int shown(size_t size) { return (int)(size < SHOWN ? size : SHOWN); }

/* --- locations ----------------------------------------------------------- */

/* Copies the size bytes at text, which have to be a location. */
static struct cb_status take_location(const char *field, const char *text,
                                      size_t size, struct cb_arena *arena,
                                      const char **ret_location) {
  struct vtx_endpoint endpoint = {.project = "p"};
  struct cb_status status;

  endpoint.location = cb_arena_memdup(arena, text, size);
  if (!endpoint.location) return NO_MEMORY;
  status = vtx_endpoint_check(&endpoint, arena);
  if (status.code == CB_OK) {
    *ret_location = endpoint.location;
    return status;
  }
  return cb_status_field(arena, field, "\"%.*s\": %s", shown(size), text,
                         status.message);
}

static bool has_location(const struct vtx_routes *routes,
                         const char *location) {
  for (size_t i = 0; i < routes->location_count; i++)
    if (strcmp(routes->locations[i], location) == 0) return true;
  return false;
}

static struct cb_status read_locations(struct vtx_routes *routes,
                                       const char *text,
                                       struct cb_arena *arena) {
  struct cb_status status;
  const char *location;
  size_t size;

  for (;; text += size + 1) {
    size = strcspn(text, ",");
    if (routes->location_count == VTX_ROUTES_LOCATIONS)
      return cb_status_field(arena, location_field, "more than %d locations",
                             VTX_ROUTES_LOCATIONS);
    status = take_location(location_field, text, size, arena, &location);
    if (status.code != CB_OK) return status;
    if (has_location(routes, location))
      return cb_status_field(arena, location_field, "%s is there twice",
                             location);
    routes->locations[routes->location_count++] = location;
    if (!text[size]) return cb_status_ok();
  }
}

/* --- aliases ------------------------------------------------------------- */

/* One --model-alias while it is read. */
struct reading {
  const struct vtx_routes *routes;
  struct cb_arena *arena;
  const char *name;
  struct vtx_candidate *candidates;
  size_t count;
};

/* Whether model has a URL at endpoint. */
static struct cb_status check_url(const struct vtx_endpoint *endpoint,
                                  const char *model, struct cb_arena *arena) {
  struct cb_arena *scratch = cb_arena_new(NULL, SCRATCH_BYTES, 0);
  struct cb_status status = NO_MEMORY;
  char *url;

  if (scratch)
    status = vtx_endpoint_url(endpoint, model, VTX_GENERATE, scratch, &url);
  status = cb_status_copy(&status, arena);
  cb_arena_free(scratch);
  return status;
}

/* What is wrong with model as such; the project in a full name is another
 * matter, which vtx_routes_check() looks at. */
static struct cb_status check_model(const char *model, struct cb_arena *arena) {
  static const char projects[] = "projects/";
  struct vtx_endpoint endpoint = {.project = "p", .location = "l"};

  if (strncmp(model, projects, sizeof projects - 1) == 0) {
    const char *project = model + sizeof projects - 1;

    endpoint.project = cb_arena_memdup(arena, project, strcspn(project, "/"));
    if (!endpoint.project) return NO_MEMORY;
  }
  return check_url(&endpoint, model, arena);
}

/* True if both are the same model, however they are written. */
static bool same_model(const char *left, const char *right) {
  struct vtx_route_key keys[2];

  if (vtx_route_is_at_home(left) || vtx_route_is_at_home(right))
    return strcmp(left, right) == 0;
  vtx_route_key_of(left, &keys[0]);
  vtx_route_key_of(right, &keys[1]);
  return vtx_route_key_is(&keys[0], &keys[1]);
}

static struct cb_status add_candidate(struct reading *reading,
                                      const char *model, const char *location) {
  uint32_t model_index = 0;

  for (size_t i = 0; i < reading->count; i++)
    if (same_model(reading->candidates[i].model, model) &&
        strcmp(reading->candidates[i].location, location) == 0)
      return cb_status_field(reading->arena, alias_field,
                             "%s: %s%s%s is there twice", reading->name, model,
                             *location ? " at " : "", location);
  if (reading->count == VTX_ROUTES_CANDIDATES)
    return cb_status_field(reading->arena, alias_field,
                           "%s: more than %d places, each model at each "
                           "location counted",
                           reading->name, VTX_ROUTES_CANDIDATES);
  if (reading->count > 0) {
    const struct vtx_candidate *last = &reading->candidates[reading->count - 1];

    model_index = last->model_index + !same_model(last->model, model);
  }
  reading->candidates[reading->count++] =
      (struct vtx_candidate){model, location, model_index};
  return cb_status_ok();
}

static struct cb_status add_everywhere(struct reading *reading,
                                       const char *model) {
  const struct vtx_routes *routes = reading->routes;
  struct cb_status status = cb_status_ok();

  if (vtx_route_is_at_home(model)) return add_candidate(reading, model, "");
  for (size_t i = 0; status.code == CB_OK && i < routes->location_count; i++)
    status = add_candidate(reading, model, routes->locations[i]);
  return status;
}

/* MODEL or MODEL:LOCATION */
static struct cb_status read_place(struct reading *reading, const char *text,
                                   size_t size) {
  const char *colon = memchr(text, ':', size);
  size_t model_size = colon ? (size_t)(colon - text) : size;
  char *model = cb_arena_memdup(reading->arena, text, model_size);
  const char *location;
  struct cb_status status;

  if (!model) return NO_MEMORY;
  status = check_model(model, reading->arena);
  if (status.code != CB_OK)
    return cb_status_field(reading->arena, alias_field, "%s: \"%.*s\": %s",
                           reading->name, shown(model_size), model,
                           status.message);
  if (!colon) return add_everywhere(reading, model);
  if (strncmp(model, "projects/", strlen("projects/")) == 0)
    return cb_status_field(reading->arena, alias_field,
                           "%s: a full resource name says its location itself",
                           reading->name);
  status = take_location(alias_field, colon + 1, size - model_size - 1,
                         reading->arena, &location);
  if (status.code != CB_OK) return status;
  return add_candidate(reading, model, location);
}

static struct cb_status read_places(struct reading *reading, const char *text) {
  struct cb_status status;
  size_t size;

  for (;; text += size + 1) {
    size = strcspn(text, ",");
    status = read_place(reading, text, size);
    if (status.code != CB_OK || !text[size]) return status;
  }
}

static struct cb_status check_name(const struct vtx_routes *routes,
                                   const char *name, struct cb_arena *arena) {
  struct cb_status status;

  if (strlen(name) > VTX_ROUTES_NAME)
    return cb_status_field(arena, alias_field, "a name is longer than %d bytes",
                           VTX_ROUTES_NAME);
  status = check_model(name, arena);
  if (status.code != CB_OK)
    return cb_status_field(arena, alias_field, "\"%s\": %s", name,
                           status.message);
  if (vtx_route_is_at_home(name) || strncmp(name, "publishers/", 11) == 0)
    return cb_status_field(arena, alias_field,
                           "\"%s\": a name has the form M or vendor/M", name);
  if (vtx_routes_alias(routes, name))
    return cb_status_field(arena, alias_field, "%s is there twice", name);
  return cb_status_ok();
}

/* NAME=PLACE[,PLACE...] */
static struct cb_status read_alias(struct vtx_routes *routes, const char *text,
                                   struct cb_arena *arena) {
  size_t size = strcspn(text, "=");
  struct vtx_candidate places[VTX_ROUTES_CANDIDATES];
  struct reading reading = {
      .routes = routes, .arena = arena, .candidates = places};
  struct vtx_candidate *kept;
  struct cb_status status;

  if (!text[size])
    return cb_status_field(arena, alias_field,
                           "\"%.*s\" is not NAME=MODEL[:LOCATION],...",
                           shown(size), text);
  reading.name = cb_arena_memdup(arena, text, size);
  if (!reading.name) return NO_MEMORY;
  status = check_name(routes, reading.name, arena);
  if (status.code == CB_OK) status = read_places(&reading, text + size + 1);
  if (status.code != CB_OK) return status;
  kept = cb_arena_alloc(arena, reading.count * sizeof *kept);
  if (!kept) return NO_MEMORY;
  memcpy(kept, places, reading.count * sizeof *kept);
  routes->aliases[routes->alias_count++] =
      (struct vtx_alias){reading.name, {kept, reading.count}};
  return cb_status_ok();
}

struct cb_status vtx_routes_build(struct vtx_routes *routes,
                                  const char *locations,
                                  const char *const *aliases,
                                  size_t alias_count, struct cb_arena *arena) {
  struct cb_status status;

  routes->location_count = 0;
  routes->alias_count = 0;
  if (alias_count > VTX_ROUTES_ALIASES)
    return cb_status_field(arena, alias_field, "more than %d aliases",
                           VTX_ROUTES_ALIASES);
  status = read_locations(routes, locations, arena);
  for (size_t i = 0; status.code == CB_OK && i < alias_count; i++)
    status = read_alias(routes, aliases[i], arena);
  return status;
}

/* --- where requests really go -------------------------------------------- */

static bool has_project(const struct vtx_endpoint *endpoint) {
  return endpoint->project && *endpoint->project;
}

static struct cb_status no_project(const char *field, struct cb_arena *arena) {
  return cb_status_field(arena, field,
                         "several locations need a project: without one there "
                         "is one place for all");
}

/* home is the first location. */
static struct cb_status check_alias(const struct vtx_alias *alias,
                                    const char *home,
                                    const struct vtx_endpoint *endpoint,
                                    struct cb_arena *arena) {
  struct vtx_endpoint there = *endpoint;
  struct cb_status status;

  for (size_t i = 0; i < alias->route.count; i++) {
    const struct vtx_candidate *place = &alias->route.candidates[i];

    if (!has_project(endpoint) && *place->location &&
        strcmp(place->location, home) != 0)
      return no_project(alias_field, arena);
    there.location = *place->location ? place->location : home;
    status = check_url(&there, place->model, arena);
    if (status.code != CB_OK)
      return cb_status_field(arena, alias_field, "%s: \"%s\": %s", alias->name,
                             place->model, status.message);
  }
  return cb_status_ok();
}

struct cb_status vtx_routes_check(const struct vtx_routes *routes,
                                  const struct vtx_endpoint *endpoint,
                                  struct cb_arena *arena) {
  struct cb_status status = cb_status_ok();

  if (routes->location_count > 1 && !has_project(endpoint))
    return no_project(location_field, arena);
  for (size_t i = 0; status.code == CB_OK && i < routes->alias_count; i++)
    status =
        check_alias(&routes->aliases[i], routes->locations[0], endpoint, arena);
  return status;
}
