#include "service/batch/place.h"

#include "service/batch/cost.h"
#include "service/batch/flow.h"
#include "service/batch/input.h"
#include "service/batch/job.h"
#include "service/batch/job_hops.h"
#include "service/service_state.h"
#include "service/vertex/endpoint.h"
#include "service/vertex/tier.h"

/* A tier has a quota of its own. */
void vtx_choice_target(const struct vtx_choice *choice,
                       const struct vtx_candidate *candidate, char *out) {
  struct vtx_endpoint endpoint = choice->service->options.upstream->endpoint;

  if (candidate->location[0]) endpoint.location = candidate->location;
  vtx_endpoint_target(&endpoint, candidate->model, out);
  vtx_tier_mark(choice->kind.tier, out);
}

void vtx_choice_state(const struct vtx_choice *choice,
                      const struct vtx_candidate *candidate,
                      struct vtx_candidate_state *ret_state) {
  const struct vtx_service *service = choice->service;
  struct vtx_sched_health health;
  char target[VTX_TARGET_ROOM];

  vtx_choice_target(choice, candidate, target);
  vtx_scheduler_health(&service->scheduler, target, choice->cost, &health);
  *ret_state = (struct vtx_candidate_state){
      .wanted = health.wanted,
      .ready = health.ready,
      .throttled = health.throttled,
      .when = health.when,
  };
}

static void ask(void *ctx, const struct vtx_candidate *candidate,
                struct vtx_candidate_state *ret_state) {
  vtx_choice_state(ctx, candidate, ret_state);
}

static uint32_t choose(struct vtx_choice *choice) {
  if (choice->kind.bound > 0) return choice->kind.bound - 1;
  return (uint32_t)vtx_route_choose(&choice->route, choice->kind.tried, ask,
                                    choice);
}

/* Fills in the kind, but for what was tried, from service, source and index. */
static void name_kind(struct vtx_choice *choice) {
  const struct vtx_service_options *options = &choice->service->options;
  struct vtx_kind *kind = &choice->kind;

  kind->model = vtx_source_model(choice->source, choice->index);
  kind->cache = vtx_source_cache(choice->source, choice->index);
  kind->tier = vtx_source_tier(choice->source, choice->index, options->tier);
  if (!kind->model[0] && options->default_model) {
    kind->model = options->default_model;
  }
}

void vtx_choice_of_job(const struct vtx_job *job,
                       struct vtx_choice *ret_choice) {
  ret_choice->service = job->flow->service;
  ret_choice->source = job->source;
  ret_choice->index = job->result.index;
  ret_choice->kind.tried = job->tried;
  ret_choice->kind.bound = vtx_hops_bound(job) ? job->place.index + 1 : 0;
  ret_choice->output = job->flow->output;
  name_kind(ret_choice);
}

void vtx_choice_of_new(const struct vtx_flow *flow, uint32_t index,
                       const struct vtx_input *input,
                       struct vtx_choice *ret_choice) {
  ret_choice->service = flow->service;
  ret_choice->source = input ? &input->source : &flow->source;
  ret_choice->index = index;
  ret_choice->kind.tried = 0;
  ret_choice->kind.bound = 0;
  ret_choice->output = flow->output;
  name_kind(ret_choice);
}

/* Fills in the rest. What names a cache goes to no other place: it would not be
 * there. */
static void prepare(struct vtx_choice *choice) {
  struct vtx_kind *kind = &choice->kind;

  choice->route = vtx_routes_find(choice->service->options.routes, kind->model,
                                  &choice->room);
  if (*kind->cache && kind->bound == 0) {
    kind->bound = (uint32_t)vtx_route_of_cache(&choice->route, kind->cache) + 1;
  }
  choice->cost =
      vtx_cost_estimate(choice->source, choice->index, choice->output);
}

void vtx_choice_make(struct vtx_choice *choice, struct vtx_place *ret_place) {
  prepare(choice);
  ret_place->index = choose(choice);
  ret_place->candidate = choice->route.candidates[ret_place->index];
}

void vtx_place_health(const struct vtx_job *job,
                      struct vtx_sched_health *ret_health) {
  const struct vtx_service *service = job->flow->service;
  char target[VTX_TARGET_ROOM];
  struct vtx_choice choice;
  struct vtx_place place;

  vtx_choice_of_job(job, &choice);
  vtx_choice_make(&choice, &place);
  vtx_choice_target(&choice, &place.candidate, target);
  vtx_scheduler_health(&service->scheduler, target, choice.cost, ret_health);
}

void vtx_place_target(const struct vtx_job *job, char *out) {
  struct vtx_choice choice;

  vtx_choice_of_job(job, &choice);
  vtx_choice_target(&choice, &job->place.candidate, out);
}

bool vtx_place_is_first(const struct vtx_job *job) {
  struct vtx_choice choice;
  uint32_t first;

  vtx_choice_of_job(job, &choice);
  choice.kind.bound = 0; /* but for a cache, which prepare() sees to */
  prepare(&choice);
  first = choice.kind.bound > 0 ? choice.kind.bound - 1 : 0;
  return job->place.index == first;
}

bool vtx_place_elsewhere(const struct vtx_job *job) {
  const struct vtx_candidate *all;
  struct vtx_candidate_state state;
  struct vtx_choice choice;
  uint32_t index;
  bool failed; /* or only refused for quota: no reason for another model */

  vtx_choice_of_job(job, &choice);
  prepare(&choice);
  if (choice.route.count == 1) return false;
  failed = job->tried >> job->place.index & 1u;
  choice.kind.tried |= 1u << job->place.index;
  index = choose(&choice);
  if (choice.kind.tried >> index & 1u) return false;
  all = choice.route.candidates;
  if (!failed && all[index].model_index != all[job->place.index].model_index)
    return false;
  vtx_choice_state(&choice, &all[index], &state);
  return state.wanted && (state.ready || !state.throttled);
}
