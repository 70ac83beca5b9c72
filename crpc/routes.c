#include <stdlib.h>
#include <string.h>

#include "crpc/server_internal.h"

/* FNV-1a. Paths that are looked up come from peers, but only paths of our own
 * are ever put in, so nobody can fill a chain. */
static size_t hash(const void *path, size_t size) {
  const unsigned char *at = path;
  uint64_t value = UINT64_C(14695981039346656037);

  for (size_t i = 0; i < size; i++) {
    value = (value ^ at[i]) * UINT64_C(1099511628211);
  }
  return (size_t)(value ^ (value >> 32));
}

static size_t place_of(const struct crpc_routes *routes, const void *path,
                       size_t size) {
  size_t place = hash(path, size) & (routes->table_size - 1);

  while (routes->table[place] != 0) {
    const struct crpc_route *route = &routes->all[routes->table[place] - 1];

    if (route->path_size == size && memcmp(route->path, path, size) == 0) break;
    place = (place + 1) & (routes->table_size - 1);
  }
  return place;
}

/* Keeps the table at most half full. */
static bool grow(struct crpc_routes *routes) {
  size_t room = routes->room > 0 ? routes->room * 2 : 16;
  struct crpc_route *all;
  uint32_t *table;

  if (routes->count < routes->room) return true;
  all = realloc(routes->all, room * sizeof *all);
  if (!all) return false;
  routes->all = all;
  table = calloc(room * 2, sizeof *table);
  if (!table) return false;
  free(routes->table);
  routes->table = table;
  routes->table_size = room * 2;
  routes->room = room;
  for (size_t i = 0; i < routes->count; i++) {
    table[place_of(routes, all[i].path, all[i].path_size)] = (uint32_t)i + 1;
  }
  return true;
}

bool crpc_routes_add(struct crpc_routes *routes, const char *path,
                     const struct crpc_route *route) {
  size_t size = strlen(path);
  struct crpc_route *added;
  size_t place;

  if (!grow(routes)) return false;
  place = place_of(routes, path, size);
  if (routes->table[place] != 0) return false;
  added = &routes->all[routes->count];
  *added = *route;
  added->path = strdup(path);
  added->path_size = size;
  if (!added->path) return false;
  routes->table[place] = (uint32_t)++routes->count;
  return true;
}

const struct crpc_route *crpc_routes_find(const struct crpc_routes *routes,
                                          const void *path, size_t size) {
  size_t place;

  if (routes->count == 0) return NULL;
  place = place_of(routes, path, size);
  if (routes->table[place] == 0) return NULL;
  return &routes->all[routes->table[place] - 1];
}

void crpc_routes_release(struct crpc_routes *routes) {
  for (size_t i = 0; i < routes->count; i++)
    free(routes->all[i].path);
  free(routes->all);
  free(routes->table);
  *routes = (struct crpc_routes){0};
}
