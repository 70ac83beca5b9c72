#include <string.h>

#include "service/routes/routes.h"
#include "service/routes/routes_internal.h"

static bool begins(const char *text, const char *with) {
  return strncmp(text, with, strlen(with)) == 0;
}

bool vtx_route_is_at_home(const char *model) {
  return begins(model, "projects/") || begins(model, "endpoints/") ||
         begins(model, "models/");
}

void vtx_route_key_of(const char *model, struct vtx_route_key *ret_key) {
  static const char publishers[] = "publishers/";
  static const char models[] = "/models/";
  bool is_long = begins(model, publishers);
  const char *vendor = is_long ? model + sizeof publishers - 1 : model;
  const char *slash = strchr(vendor, '/');
  struct vtx_route_key key = {"google", strlen("google"), model};

  if (slash && (!is_long || begins(slash, models))) {
    key.vendor = vendor;
    key.vendor_size = (size_t)(slash - vendor);
    key.name = slash + (is_long ? sizeof models - 1 : 1);
  }
  *ret_key = key;
}

bool vtx_route_key_is(const struct vtx_route_key *left,
                      const struct vtx_route_key *right) {
  return strcmp(left->name, right->name) == 0 &&
         left->vendor_size == right->vendor_size &&
         memcmp(left->vendor, right->vendor, left->vendor_size) == 0;
}

const struct vtx_alias *vtx_routes_alias(const struct vtx_routes *routes,
                                         const char *model) {
  struct vtx_route_key wanted;
  struct vtx_route_key key;

  vtx_route_key_of(model, &wanted);
  for (size_t i = 0; i < routes->alias_count; i++) {
    vtx_route_key_of(routes->aliases[i].name, &key);
    if (vtx_route_key_is(&key, &wanted)) return &routes->aliases[i];
  }
  return NULL;
}

struct vtx_route vtx_routes_find(const struct vtx_routes *routes,
                                 const char *model,
                                 struct vtx_route_room *room) {
  struct vtx_route route = {room->candidates, 1};
  const struct vtx_alias *alias;

  room->candidates[0] = (struct vtx_candidate){model, "", 0};
  if (!routes || vtx_route_is_at_home(model)) return route;
  alias = vtx_routes_alias(routes, model);
  if (alias) return alias->route;
  for (size_t i = 0; i < routes->location_count; i++)
    room->candidates[i] =
        (struct vtx_candidate){model, routes->locations[i], 0};
  route.count = routes->location_count;
  return route;
}

size_t vtx_route_of_cache(const struct vtx_route *route, const char *cache) {
  static const char locations[] = "locations/";
  const char *place = begins(cache, locations) ? cache : NULL;
  const char *location;

  if (begins(cache, "projects/")) {
    place = strchr(cache + strlen("projects/"), '/');
    if (place && !begins(++place, locations)) place = NULL;
  }
  if (!place) return 0;
  place += strlen(locations);
  for (size_t i = 0; i < route->count; i++) {
    location = route->candidates[i].location;
    if (*location && begins(place, location) &&
        place[strlen(location)] == '/') {
      return i;
    }
  }
  return 0;
}
