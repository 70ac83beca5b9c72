#include "service/vertex/endpoint.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "service/vertex/endpoint_internal.h"
#include "service/vertex/reasons.h"

#define MAX_MODEL 512
#define MAX_LOCATION 32
#define MAX_PROJECT 100
#define MAX_SEGMENTS 8

/* --- settings ------------------------------------------------------------ */

static bool no_upper(const char *text, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (text[i] >= 'A' && text[i] <= 'Z') return false;
  }
  return true;
}

static bool is_location(const char *text, size_t size) {
  return size >= 1 && size <= MAX_LOCATION && no_upper(text, size) &&
         vtx_endpoint_all_in(text, size, "-");
}

static bool is_project(const char *text) {
  size_t size = strlen(text);

  return size <= MAX_PROJECT && no_upper(text, size) &&
         vtx_endpoint_all_in(text, size, ":.-") && !strstr(text, "..") &&
         text[0] != '.';
}

static bool is_set(const char *text) { return text && *text; }

static const char *location_of(const struct vtx_endpoint *endpoint) {
  return endpoint->location ? endpoint->location : "";
}

static struct cb_status check_projects(const struct vtx_endpoint *endpoint,
                                       struct cb_arena *arena) {
  static const char form[] =
      "a project has lower-case letters, digits and . : - only, at most %d";

  if (is_set(endpoint->project) && !is_project(endpoint->project))
    return cb_status_field(arena, "project", form, MAX_PROJECT);
  for (size_t i = 0; i < endpoint->project_count; i++) {
    if (!is_set(endpoint->projects[i]) || !is_project(endpoint->projects[i]))
      return cb_status_field(arena, "projects", form, MAX_PROJECT);
  }
  return cb_status_ok();
}

struct cb_status vtx_endpoint_check(const struct vtx_endpoint *endpoint,
                                    struct cb_arena *arena) {
  const char *location = location_of(endpoint);
  struct cb_status status = check_projects(endpoint, arena);
  const char *wrong;

  if (status.code != CB_OK) return status;
  if ((is_set(endpoint->project) || *location) &&
      !is_location(location, strlen(location)))
    return cb_status_field(arena, "location",
                           "a location has lower-case letters, digits and - "
                           "only, at most %d",
                           MAX_LOCATION);
  wrong = vtx_endpoint_base_wrong(endpoint);
  if (wrong) return cb_status_field(arena, "base_url", "%s", wrong);
  return cb_status_ok();
}

/* --- the model's name ---------------------------------------------------- */

struct name {
  struct vtx_segment segments[MAX_SEGMENTS];
  size_t count;
};

/* Splits at slashes. False for an empty segment, "." (a client's URL library
 * would take it away), or too many. */
static bool split(const char *model, struct name *ret_name) {
  ret_name->count = 0;
  for (;;) {
    struct vtx_segment segment = {model, strcspn(model, "/")};

    if (segment.size == 0 || vtx_segment_is(&segment, ".")) return false;
    if (ret_name->count == MAX_SEGMENTS) return false;
    ret_name->segments[ret_name->count++] = segment;
    model += segment.size;
    if (!*model) return true;
    model++;
  }
}

static bool has(const struct name *name, size_t index, const char *text) {
  return index < name->count && vtx_segment_is(&name->segments[index], text);
}

/* models/M, endpoints/E or publishers/P/models/M from segment from on. */
static bool is_resource(const struct name *name, size_t from) {
  size_t left = name->count - from;

  if (left == 2)
    return has(name, from, "models") || has(name, from, "endpoints");
  return left == 4 && has(name, from, "publishers") &&
         has(name, from + 2, "models");
}

/* projects/P/locations/L/<resource> */
static bool is_full(const struct name *name) {
  return name->count >= 6 && has(name, 0, "projects") &&
         has(name, 2, "locations") && is_resource(name, 4);
}

static bool may_name(const struct vtx_endpoint *endpoint,
                     const struct vtx_segment *project) {
  if (vtx_segment_is(project, endpoint->project)) return true;
  for (size_t i = 0; i < endpoint->project_count; i++) {
    if (vtx_segment_is(project, endpoint->projects[i])) return true;
  }
  return false;
}

static const char *check_full(const struct vtx_endpoint *endpoint,
                              const struct name *name) {
  const struct vtx_segment *location = &name->segments[3];

  if (!is_set(endpoint->project))
    return "a full resource name needs a server with a project";
  if (!may_name(endpoint, &name->segments[1]))
    return "the resource is in a project that this server does not serve";
  if (!is_location(location->text, location->size))
    return "the resource's location has characters that none has";
  return NULL;
}

/* Why model cannot be one, NULL if it can. */
static const char *check_name(const struct vtx_endpoint *endpoint,
                              const char *model, struct name *ret_name) {
  size_t size = strlen(model);

  if (size == 0) return "it is empty";
  if (size > MAX_MODEL) return "it is longer than 512 bytes";
  if (!vtx_endpoint_all_in(model, size, "._@/-"))
    return "only letters, digits and . _ @ / - are allowed";
  if (strstr(model, "..")) return "\"..\" is not allowed";
  if (!split(model, ret_name)) return "it has an empty part, or too many";
  if (has(ret_name, 0, "projects"))
    return is_full(ret_name)
               ? check_full(endpoint, ret_name)
               : "projects/P/locations/L/ must be followed by a model or an "
                 "endpoint";
  if (ret_name->count == 1 || is_resource(ret_name, 0)) {
    bool tuned = ret_name->count > 1 && has(ret_name, 0, "endpoints");

    return tuned && !is_set(endpoint->project)
               ? "an endpoint needs a server with a project"
               : NULL;
  }
  if (ret_name->count == 2 && !has(ret_name, 0, "publishers")) return NULL;
  return "it is neither M, vendor/M, models/M, publishers/P/models/M, "
         "endpoints/E nor projects/P/locations/L/ with one of these";
}

/* --- the URL ------------------------------------------------------------- */

/* The path from the version on. */
static char *make_path(const struct vtx_endpoint *endpoint, const char *model,
                       const struct name *name, struct cb_arena *arena) {
  const char *version = endpoint->beta ? "v1beta1" : "v1";
  const char *before = "";
  const char *between = "";
  const char *vendor = "";
  int vendor_size = 0;

  if (has(name, 0, "projects"))
    return cb_arena_printf(arena, "/%s/%s", version, model);
  if (name->count == 1) {
    before = "publishers/google/models/";
  } else if (!is_resource(name, 0)) {
    before = "publishers/";
    between = "/models/";
    vendor = name->segments[0].text;
    vendor_size = (int)name->segments[0].size;
    model = name->segments[1].text;
  }
  if (!is_set(endpoint->project))
    return cb_arena_printf(arena, "/%s/%s%.*s%s%s", version, before,
                           vendor_size, vendor, between, model);
  return cb_arena_printf(arena, "/%s/projects/%s/locations/%s/%s%.*s%s%s",
                         version, endpoint->project, endpoint->location, before,
                         vendor_size, vendor, between, model);
}

static const char *verb_text(enum vtx_verb verb) {
  switch (verb) {
    case VTX_GENERATE:
      return ":generateContent";
    case VTX_STREAM_GENERATE:
      return ":streamGenerateContent?alt=sse";
    case VTX_COUNT_TOKENS:
      break;
  }
  return ":countTokens";
}

/* Where the resource of that name is. */
static struct vtx_segment place_of(const struct vtx_endpoint *endpoint,
                                   const struct name *name) {
  struct vtx_segment location = {location_of(endpoint), 0};

  if (has(name, 0, "projects")) return name->segments[3];
  location.size = strlen(location.text);
  return location;
}

struct cb_status vtx_endpoint_url(const struct vtx_endpoint *endpoint,
                                  const char *model, enum vtx_verb verb,
                                  struct cb_arena *arena, char **ret_url) {
  struct name name = {.count = 0};
  const char *wrong = check_name(endpoint, model, &name);
  struct vtx_segment location;
  char *base = NULL;
  char *path;
  char *url;

  if (wrong)
    return cb_status_field(arena, "model", "this is no model's name: %s",
                           wrong);
  location = place_of(endpoint, &name);
  if (is_set(endpoint->project) && !is_location(location.text, location.size))
    return cb_status_field(arena, "model", "it is at no location");
  if (!vtx_endpoint_base(endpoint, &location, arena, &base))
    return cb_status_field(arena, "model",
                           "the server's base URL has no place for \"%.*s\"",
                           (int)location.size, location.text);
  path = make_path(endpoint, model, &name, arena);
  url = base && path
            ? cb_arena_printf(arena, "%s%s%s", base, path, verb_text(verb))
            : NULL;
  if (!url) return vtx_no_memory("no memory for the request's address");
  *ret_url = url;
  return cb_status_ok();
}

/* --- the target ---------------------------------------------------------- */

/* Another project has a quota of its own. */
static bool is_elsewhere(const struct vtx_endpoint *endpoint,
                         const struct name *name) {
  return has(name, 0, "projects") &&
         !vtx_segment_is(&name->segments[1], endpoint->project);
}

void vtx_endpoint_target(const struct vtx_endpoint *endpoint, const char *model,
                         char out[VTX_TARGET_ROOM]) {
  struct name name = {.count = 0};
  const char *resource = model;
  const char *before = "";
  struct vtx_segment location;

  out[0] = '\0';
  if (check_name(endpoint, model, &name)) return;
  location = place_of(endpoint, &name);
  if (is_elsewhere(endpoint, &name)) {
    snprintf(out, VTX_TARGET_ROOM, "projects/%.*s/%.*s/%s",
             (int)name.segments[1].size, name.segments[1].text,
             (int)location.size, location.text, name.segments[4].text);
    return;
  }
  if (has(&name, 0, "projects")) {
    resource = name.segments[4].text;
  } else if (name.count == 1) {
    before = "publishers/google/models/";
  } else if (!is_resource(&name, 0)) {
    snprintf(out, VTX_TARGET_ROOM, "%.*s/publishers/%.*s/models/%s",
             (int)location.size, location.text, (int)name.segments[0].size,
             name.segments[0].text, name.segments[1].text);
    return;
  }
  snprintf(out, VTX_TARGET_ROOM, "%.*s/%s%s", (int)location.size, location.text,
           before, resource);
}

/* --- caches -------------------------------------------------------------- */

static bool begins(const char *text, const char *with) {
  return strncmp(text, with, strlen(with)) == 0;
}

const char *vtx_endpoint_cache(const struct vtx_endpoint *endpoint,
                               const char *model, const char *cache,
                               struct cb_arena *arena) {
  static const char collection[] = "cachedContents/";
  struct name name = {.count = 0};
  struct vtx_segment project = {endpoint->project, 0};
  struct vtx_segment location;

  if (!is_set(endpoint->project) || !*cache) return cache;
  project.size = strlen(project.text);
  if (begins(cache, "locations/"))
    return cb_arena_printf(arena, "projects/%s/%s", project.text, cache);
  if (!begins(cache, collection) && strchr(cache, '/')) return cache;
  if (check_name(endpoint, model, &name)) return cache;
  if (has(&name, 0, "projects")) project = name.segments[1];
  location = place_of(endpoint, &name);
  return cb_arena_printf(arena, "projects/%.*s/locations/%.*s/%s%s",
                         (int)project.size, project.text, (int)location.size,
                         location.text,
                         begins(cache, collection) ? "" : collection, cache);
}
