#include "service/vertex/endpoint.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"

#define MAX_MODEL 512
#define MAX_LOCATION 32
#define MAX_PROJECT 100
#define MAX_BASE_URL 512
#define MAX_SEGMENTS 8

#define USUAL_UNIVERSE "googleapis.com"

/* --- characters ---------------------------------------------------------- */

static bool all_in(const char *text, size_t size, const char *also) {
  for (size_t i = 0; i < size; i++) {
    unsigned char c = (unsigned char)text[i];

    if (c >= 0x80 || c == '\0') return false;
    if (!isalnum(c) && !strchr(also, c)) return false;
  }
  return true;
}

static bool no_upper(const char *text, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (text[i] >= 'A' && text[i] <= 'Z') return false;
  }
  return true;
}

static bool is_location(const char *text, size_t size) {
  return size >= 1 && size <= MAX_LOCATION && no_upper(text, size) &&
         all_in(text, size, "-");
}

static bool is_project(const char *text) {
  size_t size = strlen(text);

  return size <= MAX_PROJECT && no_upper(text, size) &&
         all_in(text, size, ":.-") && !strstr(text, "..") && text[0] != '.';
}

/* --- base URL ------------------------------------------------------------ */

static bool is_port(const char *text, size_t size) {
  long port = 0;

  if (size < 1 || size > 5) return false;
  for (size_t i = 0; i < size; i++) {
    if (text[i] < '0' || text[i] > '9') return false;
    port = port * 10 + (text[i] - '0');
  }
  return port >= 1 && port <= 65535;
}

/* host, host:port, [v6], [v6]:port */
static bool is_authority(const char *text, size_t size) {
  const char *end;
  const char *colon;
  size_t host;

  if (size > 0 && text[0] == '[') {
    end = memchr(text, ']', size);
    if (!end || end == text + 1) return false;
    host = (size_t)(end - text) + 1;
    if (!all_in(text + 1, host - 2, ":.")) return false;
    if (host == size) return true;
    return text[host] == ':' && is_port(text + host + 1, size - host - 1);
  }
  colon = memchr(text, ':', size);
  host = colon ? (size_t)(colon - text) : size;
  if (host == 0 || !all_in(text, host, ".-_")) return false;
  return !colon || is_port(colon + 1, size - host - 1);
}

static bool is_base_url(const char *url) {
  size_t scheme = 0;
  size_t authority;

  if (strlen(url) > MAX_BASE_URL) return false;
  if (strncasecmp(url, "http://", 7) == 0) scheme = 7;
  if (strncasecmp(url, "https://", 8) == 0) scheme = 8;
  if (scheme == 0) return false;
  url += scheme;
  authority = strcspn(url, "/");
  if (!is_authority(url, authority)) return false;
  url += authority;
  return all_in(url, strlen(url), "/._~-") && !strstr(url, "..");
}

static bool is_set(const char *text) { return text && *text; }

struct cb_status vtx_endpoint_check(const struct vtx_endpoint *endpoint,
                                    struct cb_arena *arena) {
  const char *location = endpoint->location ? endpoint->location : "";

  if (is_set(endpoint->project) && !is_project(endpoint->project))
    return cb_status_field(arena, "project",
                           "a project has lower-case letters, digits and "
                           ". : - only, at most %d",
                           MAX_PROJECT);
  if ((is_set(endpoint->project) || *location) &&
      !is_location(location, strlen(location)))
    return cb_status_field(arena, "location",
                           "a location has lower-case letters, digits and - "
                           "only, at most %d",
                           MAX_LOCATION);
  if (is_set(endpoint->base_url) && !is_base_url(endpoint->base_url))
    return cb_status_field(arena, "base_url",
                           "the base URL must be http:// or https://, a host, "
                           "and at most a port and a path");
  return cb_status_ok();
}

/* --- the model's name ---------------------------------------------------- */

struct segment {
  const char *text;
  size_t size;
};

struct name {
  struct segment segments[MAX_SEGMENTS];
  size_t count;
};

static bool segment_is(const struct segment *segment, const char *text) {
  return segment->size == strlen(text) &&
         memcmp(segment->text, text, segment->size) == 0;
}

/* Splits at slashes. False for an empty segment, "." (a client's URL library
 * would take it away), or too many. */
static bool split(const char *model, struct name *ret_name) {
  ret_name->count = 0;
  for (;;) {
    struct segment segment = {model, strcspn(model, "/")};

    if (segment.size == 0 || segment_is(&segment, ".")) return false;
    if (ret_name->count == MAX_SEGMENTS) return false;
    ret_name->segments[ret_name->count++] = segment;
    model += segment.size;
    if (!*model) return true;
    model++;
  }
}

static bool has(const struct name *name, size_t index, const char *text) {
  return index < name->count && segment_is(&name->segments[index], text);
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

static const char *check_full(const struct vtx_endpoint *endpoint,
                              const struct name *name) {
  const struct segment *location = &name->segments[3];

  if (!is_set(endpoint->project))
    return "a full resource name needs a server with a project";
  if (!segment_is(&name->segments[1], endpoint->project))
    return "the resource is in another project than the server's";
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
  if (!all_in(model, size, "._@/-"))
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

static bool ends_with_slash(const char *text, size_t size) {
  return size > 0 && text[size - 1] == '/';
}

/* Scheme and host (and prefix) for that location, without a slash behind. */
static char *make_base(const struct vtx_endpoint *endpoint,
                       const struct segment *location, struct cb_arena *arena) {
  const char *universe =
      is_set(endpoint->universe) ? endpoint->universe : USUAL_UNIVERSE;
  size_t size;

  if (is_set(endpoint->base_url)) {
    size = strlen(endpoint->base_url);
    while (ends_with_slash(endpoint->base_url, size))
      size--;
    return cb_arena_memdup(arena, endpoint->base_url, size);
  }
  if (!is_set(endpoint->project) || segment_is(location, "global"))
    return cb_arena_printf(arena, "https://aiplatform.%s", universe);
  if (segment_is(location, "us") || segment_is(location, "eu"))
    return cb_arena_printf(arena, "https://aiplatform.%.*s.rep.%s",
                           (int)location->size, location->text, universe);
  return cb_arena_printf(arena, "https://%.*s-aiplatform.%s",
                         (int)location->size, location->text, universe);
}

/* The path from the version on. */
static char *make_path(const struct vtx_endpoint *endpoint, const char *model,
                       const struct name *name, struct cb_arena *arena) {
  const char *before = "";
  const char *between = "";
  const char *vendor = "";
  int vendor_size = 0;

  if (has(name, 0, "projects")) return cb_arena_printf(arena, "/v1/%s", model);
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
    return cb_arena_printf(arena, "/v1/%s%.*s%s%s", before, vendor_size, vendor,
                           between, model);
  return cb_arena_printf(arena, "/v1/projects/%s/locations/%s/%s%.*s%s%s",
                         endpoint->project, endpoint->location, before,
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

struct cb_status vtx_endpoint_url(const struct vtx_endpoint *endpoint,
                                  const char *model, enum vtx_verb verb,
                                  struct cb_arena *arena, char **ret_url) {
  struct segment location = {endpoint->location ? endpoint->location : "", 0};
  struct name name = {.count = 0};
  const char *wrong = check_name(endpoint, model, &name);
  char *base;
  char *path;
  char *url;

  if (wrong)
    return cb_status_field(arena, "model", "this is no model's name: %s",
                           wrong);
  location.size = strlen(location.text);
  if (has(&name, 0, "projects")) location = name.segments[3];
  base = make_base(endpoint, &location, arena);
  path = make_path(endpoint, model, &name, arena);
  url = base && path
            ? cb_arena_printf(arena, "%s%s%s", base, path, verb_text(verb))
            : NULL;
  if (!url)
    return cb_status_make(CB_RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE",
                          "no memory for the request's address");
  *ret_url = url;
  return cb_status_ok();
}

/* --- the target ---------------------------------------------------------- */

void vtx_endpoint_target(const struct vtx_endpoint *endpoint, const char *model,
                         char out[VTX_TARGET_ROOM]) {
  struct segment location = {endpoint->location ? endpoint->location : "", 0};
  struct name name = {.count = 0};
  const char *resource = model;
  const char *before = "";

  out[0] = '\0';
  if (check_name(endpoint, model, &name)) return;
  location.size = strlen(location.text);
  if (has(&name, 0, "projects")) {
    location = name.segments[3];
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
