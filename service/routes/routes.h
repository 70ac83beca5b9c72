/* routes.h - which targets can answer for a model's name, in order of
 * preference.
 *
 * The operator gives a list of locations (--location A,B,C) and aliases
 * (--model-alias NAME=MODEL[:LOCATION][,MODEL[:LOCATION]...]). A caller's model
 * is looked up among the aliases; each model of it without a location of its
 * own is tried at all locations, in their order, before the next model is. A
 * model that is no alias is tried at all locations. What is at home in one
 * place has one candidate: a full resource name (projects/...), a tuned
 * endpoint (endpoints/...) and a project's own model (models/...).
 *
 * An alias may have the name of a real model, to give that one fallbacks; its
 * models are never looked up again.
 *
 * Threads:   built before any thread, then constant.
 * Ownership: texts belong to the arena it was built in.
 */
#ifndef VTX_ROUTES_H
#define VTX_ROUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "service/vertex/endpoint.h"

struct cb_arena;

#define VTX_ROUTES_LOCATIONS 16  /* of --location */
#define VTX_ROUTES_CANDIDATES 32 /* of one model; tried is a mask of them */
#define VTX_ROUTES_ALIASES 256
#define VTX_ROUTES_NAME 128 /* bytes of an alias's name */

/* One place that can answer. */
struct vtx_candidate {
  const char *model;    /* as endpoint.h takes it */
  const char *location; /* "": the model's name says it, or the first one */
  uint32_t model_index; /* 0: the model itself, 1: its first fallback, ... */
};

struct vtx_route {
  const struct vtx_candidate *candidates; /* at least one, by model_index */
  size_t count;                           /* up to VTX_ROUTES_CANDIDATES */
};

struct vtx_alias {
  const char *name; /* M or vendor/M */
  struct vtx_route route;
};

struct vtx_routes {
  const char *locations[VTX_ROUTES_LOCATIONS];
  size_t location_count; /* at least 1 */
  struct vtx_alias aliases[VTX_ROUTES_ALIASES];
  size_t alias_count;
};

/* Room for a route that is made on the spot, for a model without alias. */
struct vtx_route_room {
  struct vtx_candidate candidates[VTX_ROUTES_LOCATIONS];
};

/* Builds the table. locations is the text of --location, aliases those of
 * --model-alias. INVALID_ARGUMENT with field "location" or "model-alias"
 * otherwise: a bad or doubled location, a bad model, a place that is named
 * twice in one alias, a name that is given twice or is no model's name, too
 * many of anything. */
struct cb_status vtx_routes_build(struct vtx_routes *routes,
                                  const char *locations,
                                  const char *const *aliases,
                                  size_t alias_count, struct cb_arena *arena);

/* Checks the table against where requests really go: that all models of the
 * aliases have a URL there, and that several locations are several places.
 * INVALID_ARGUMENT as above. */
struct cb_status vtx_routes_check(const struct vtx_routes *routes,
                                  const struct vtx_endpoint *endpoint,
                                  struct cb_arena *arena);

/* The candidates for model, which is borrowed; room is used where no alias
 * fits. An alias is found in whatever form the caller writes its name ("m",
 * "google/m", "publishers/google/models/m"). routes may be NULL: there is one
 * candidate, without a location. */
struct vtx_route vtx_routes_find(const struct vtx_routes *routes,
                                 const char *model,
                                 struct vtx_route_room *room);

/* The one candidate, an index, of a prompt whose beginning is in the cache of
 * that name: a cache is in one location, and for one model. The first candidate
 * at the location that the name says; the first one if it says none, or one
 * that is not among them. */
size_t vtx_route_of_cache(const struct vtx_route *route, const char *cache);

/* What a chooser knows of a candidate. */
struct vtx_candidate_state {
  bool wanted;    /* its breaker has nothing against a call */
  bool ready;     /* a call could start now */
  bool throttled; /* it waits for quota, or is held */
  int64_t when;   /* if not ready: when a call could start, CB_NEVER if one
                     must end first; 0 if nobody knows */
};

/* Which candidate to take, an index. tried is the mask of those that failed
 * this prompt; a refusal for quota is no failure. Model after model:
 *
 *  - the first place that is wanted, not tried, and ready or not throttled;
 *  - else, of the places that are wanted and not tried, the one that is ready
 *    soonest: waiting for quota is no reason for another model;
 *  - else the next model, for all places of this one have failed: this prompt,
 *    or so many that their breakers are open.
 *
 * With nothing left it begins anew, as if nothing had been tried; with no place
 * that is wanted it takes the first that was not tried and is ready or not
 * throttled, or else the first that was not tried; so of all, if all were.
 *
 * ask() is called for each candidate that is considered, from inside. */
size_t vtx_route_choose(const struct vtx_route *route, uint32_t tried,
                        void (*ask)(void *ctx,
                                    const struct vtx_candidate *candidate,
                                    struct vtx_candidate_state *ret_state),
                        void *ctx);

#endif
