/* routes_internal.h - names of models as the table compares them. Internal to
 * the routes.
 *
 * Threads:   safe from any.
 * Ownership: keys borrow the text they were made of.
 */
#ifndef VTX_ROUTES_INTERNAL_H
#define VTX_ROUTES_INTERNAL_H

#include "service/routes/routes.h"

/* What "m", "google/m" and "publishers/google/models/m" have in common. */
struct vtx_route_key {
  const char *vendor;
  size_t vendor_size;
  const char *name;
};

/* True for what lives in one place: projects/..., endpoints/E, models/M. */
bool vtx_route_is_at_home(const char *model);

/* The key of a name that is not at home in one place. What is no model's name
 * gets a key, too, that no alias has. */
void vtx_route_key_of(const char *model, struct vtx_route_key *ret_key);

bool vtx_route_key_is(const struct vtx_route_key *left,
                      const struct vtx_route_key *right);

/* The alias that model, not at home in one place, means; NULL if none. */
const struct vtx_alias *vtx_routes_alias(const struct vtx_routes *routes,
                                         const char *model);

#endif
