#include <ctype.h>
#include <strings.h>

#include "base/arena.h"
#include "service/vertex/endpoint_internal.h"

/* Scheme and host: Google's for a location, or the operator's base URL. */

#define MAX_BASE_URL 512
#define PLACE "{location}"
#define PLACE_SIZE (sizeof PLACE - 1)
#define USUAL_UNIVERSE "googleapis.com"

bool vtx_endpoint_all_in(const char *text, size_t size, const char *also) {
  for (size_t i = 0; i < size; i++) {
    unsigned char c = (unsigned char)text[i];

    if (c >= 0x80 || c == '\0') return false;
    if (!isalnum(c) && !strchr(also, c)) return false;
  }
  return true;
}

static bool is_set(const char *text) { return text && *text; }

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
    if (!vtx_endpoint_all_in(text + 1, host - 2, ":.")) return false;
    if (host == size) return true;
    return text[host] == ':' && is_port(text + host + 1, size - host - 1);
  }
  colon = memchr(text, ':', size);
  host = colon ? (size_t)(colon - text) : size;
  if (host == 0 || !vtx_endpoint_all_in(text, host, ".-_")) return false;
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
  return vtx_endpoint_all_in(url, strlen(url), "/._~-") && !strstr(url, "..");
}

/* --- a place for the location -------------------------------------------- */

/* The bytes of url with location in all its places, without slashes behind;
 * not terminated. False where that is too long. */
static bool fill(const char *url, const struct vtx_segment *location,
                 char out[MAX_BASE_URL + 1]) {
  size_t length = 0;

  while (*url) {
    bool place = strncmp(url, PLACE, PLACE_SIZE) == 0;
    const char *from = place ? location->text : url;
    size_t size = place ? location->size : 1;

    if (size > MAX_BASE_URL - length) return false;
    memcpy(out + length, from, size);
    length += size;
    url += place ? PLACE_SIZE : 1;
  }
  while (length > 0 && out[length - 1] == '/')
    length--;
  out[length] = '\0';
  return true;
}

/* A caller may name a location, and must not choose a host by that: the end of
 * the name is the operator's, ".example". */
static bool is_anchored(const char *url) {
  const char *host = strstr(url, "://");
  const char *place;
  size_t size;
  size_t rest;

  host = host ? host + 3 : url;
  for (;;) {
    place = strstr(host, PLACE);
    size = strcspn(host, ":/");
    if (!place || place > host + size) return true;
    host = place + PLACE_SIZE;
    rest = strcspn(host, ":/");
    if (!memchr(host, '.', rest) || host[rest - 1] == '.') return false;
  }
}

const char *vtx_endpoint_base_wrong(const struct vtx_endpoint *endpoint) {
  static const struct vtx_segment some = {"1", 1};
  char filled[MAX_BASE_URL + 1];
  const char *url = endpoint->base_url;

  if (!is_set(url)) return NULL;
  if (!is_anchored(url))
    return "a host with " PLACE " must go on behind it to a domain of its own";
  if (strlen(url) > MAX_BASE_URL || !fill(url, &some, filled) ||
      !is_base_url(filled))
    return "the base URL must be http:// or https://, a host, and at most a "
           "port and a path";
  return NULL;
}

/* --- the base ------------------------------------------------------------ */

static char *google_host(const struct vtx_endpoint *endpoint,
                         const struct vtx_segment *location,
                         struct cb_arena *arena) {
  const char *universe =
      is_set(endpoint->universe) ? endpoint->universe : USUAL_UNIVERSE;
  const char *mtls = endpoint->mtls ? "mtls." : "";
  int size = (int)location->size;

  if (!is_set(endpoint->project) || vtx_segment_is(location, "global"))
    return cb_arena_printf(arena, "https://aiplatform.%s%s", mtls, universe);
  if (vtx_segment_is(location, "us") || vtx_segment_is(location, "eu"))
    return cb_arena_printf(arena, "https://aiplatform.%.*s.rep.%s%s", size,
                           location->text, mtls, universe);
  return cb_arena_printf(arena, "https://%.*s-aiplatform.%s%s", size,
                         location->text, mtls, universe);
}

bool vtx_endpoint_base(const struct vtx_endpoint *endpoint,
                       const struct vtx_segment *location,
                       struct cb_arena *arena, char **ret_base) {
  char filled[MAX_BASE_URL + 1];

  if (!is_set(endpoint->base_url)) {
    *ret_base = google_host(endpoint, location, arena);
    return true;
  }
  if (location->size == 0 && strstr(endpoint->base_url, PLACE)) return false;
  if (!fill(endpoint->base_url, location, filled) || !is_base_url(filled))
    return false;
  *ret_base = cb_arena_strdup(arena, filled);
  return true;
}
