#include <assert.h>

#include "service/routes/routes.h"

#define NONE SIZE_MAX

struct chooser {
  const struct vtx_route *route;
  uint32_t tried;
  void (*ask)(void *ctx, const struct vtx_candidate *candidate,
              struct vtx_candidate_state *ret_state);
  void *ctx;
};

static bool was_tried(const struct chooser *chooser, size_t index) {
  return chooser->tried >> index & 1u;
}

/* The place of the model whose candidates begin at *index; NONE if all of them
 * have failed. *index goes to the next model's. */
static size_t of_model(const struct chooser *chooser, size_t *index) {
  const struct vtx_candidate *all = chooser->route->candidates;
  uint32_t model = all[*index].model_index;
  int64_t when = INT64_MAX;
  size_t soonest = NONE;

  for (; *index < chooser->route->count && all[*index].model_index == model;
       ++*index) {
    struct vtx_candidate_state state = {.wanted = false};

    if (was_tried(chooser, *index)) continue;
    chooser->ask(chooser->ctx, &all[*index], &state);
    if (!state.wanted) continue;
    if (state.ready || !state.throttled) return *index;
    if (soonest != NONE && state.when >= when) continue;
    soonest = *index;
    when = state.when;
  }
  return soonest;
}

static size_t of_all(const struct chooser *chooser) {
  size_t index = 0;
  size_t found = NONE;

  while (found == NONE && index < chooser->route->count)
    found = of_model(chooser, &index);
  return found;
}

static size_t first_untried(const struct chooser *chooser) {
  for (size_t i = 0; i < chooser->route->count; i++)
    if (!was_tried(chooser, i)) return i;
  return NONE;
}

/* Of places that nobody wants: the first that does not make the prompt wait for
 * quota on top of it. */
static size_t of_unwanted(const struct chooser *chooser) {
  for (size_t i = 0; i < chooser->route->count; i++) {
    struct vtx_candidate_state state = {.wanted = false};

    if (was_tried(chooser, i)) continue;
    chooser->ask(chooser->ctx, &chooser->route->candidates[i], &state);
    if (state.ready || !state.throttled) return i;
  }
  return first_untried(chooser);
}

size_t vtx_route_choose(const struct vtx_route *route, uint32_t tried,
                        void (*ask)(void *ctx,
                                    const struct vtx_candidate *candidate,
                                    struct vtx_candidate_state *ret_state),
                        void *ctx) {
  struct chooser chooser = {route, tried, ask, ctx};
  size_t found;

  assert(route->count >= 1 && route->count <= VTX_ROUTES_CANDIDATES);
  if (route->count == 1) return 0; /* whatever is known of it */
  found = of_all(&chooser);
  if (found == NONE && tried != 0) {
    chooser.tried = 0;
    found = of_all(&chooser);
    chooser.tried = tried;
  }
  if (found != NONE) return found;
  if (first_untried(&chooser) == NONE) chooser.tried = 0;
  return of_unwanted(&chooser);
}
