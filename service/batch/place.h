/* place.h - where a prompt goes: which of the places that can answer it
 * (service/routes/routes.h).
 *
 * Threads:   the engine's.
 * Ownership: texts belong to the request or the configuration.
 */
#ifndef VTX_PLACE_H
#define VTX_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "service/routes/routes.h"
#include "vertexd/v1/vertexd.pb-c.h"

struct cb_arena;
struct vtx_endpoint;
struct vtx_flow;
struct vtx_input;
struct vtx_job;
struct vtx_sched_health;
struct vtx_service;
struct vtx_source;

/* Where a prompt goes. */
struct vtx_place {
  struct vtx_candidate candidate;
  uint32_t index; /* among the candidates of its model */
};

/* What the place of a prompt depends on. */
struct vtx_kind {
  const char *model;
  const char *cache;
  Vertexd__V1__RequestTier tier;
  uint32_t tried; /* bit i: place i has failed it */
  uint32_t bound; /* the place it has to be, counted from 1; 0: none */
};

/* A prompt, and what there is to choose from for it. Points into itself once
 * the choice is made. */
struct vtx_choice {
  struct vtx_service *service;
  const struct vtx_source *source;
  uint32_t index;
  double output; /* tokens that the call's answers have */
  struct vtx_kind kind;
  /* Filled in by vtx_choice_make(). */
  double cost;
  struct vtx_route route;
  struct vtx_route_room room;
};

/* The choice, not made yet, for job's next attempt. */
void vtx_choice_of_job(const struct vtx_job *job,
                       struct vtx_choice *ret_choice);

/* The same for a prompt of flow that was not dispatched: input's, or that at
 * index. */
void vtx_choice_of_new(const struct vtx_flow *flow, uint32_t index,
                       const struct vtx_input *input,
                       struct vtx_choice *ret_choice);

/* Makes it: the best place now. */
void vtx_choice_make(struct vtx_choice *choice, struct vtx_place *ret_place);

/* Of a choice that was made: what is known of one of its candidates. */
void vtx_choice_state(const struct vtx_choice *choice,
                      const struct vtx_candidate *candidate,
                      struct vtx_candidate_state *ret_state);

/* The name of that candidate's target; out has VTX_TARGET_ROOM bytes. */
void vtx_choice_target(const struct vtx_choice *choice,
                       const struct vtx_candidate *candidate, char *out);

/* What is known of the target where job's next attempt would go. */
void vtx_place_health(const struct vtx_job *job,
                      struct vtx_sched_health *ret_health);

/* The target of job's last attempt, as the scheduler names it; out has
 * VTX_TARGET_ROOM bytes. */
void vtx_place_target(const struct vtx_job *job, char *out);

/* True if there is a place for job, which has failed at job->place, that is
 * worth a try at once: one that has not failed it, and that nothing is known
 * against. */
bool vtx_place_elsewhere(const struct vtx_job *job);

/* True if the last attempt of job was where prompts like it go first: what that
 * place says of the model, or of a permission, is said to all of them. */
bool vtx_place_is_first(const struct vtx_job *job);

/* Fills in serving->location and model, from arena: where an answer came from
 * and which model that was. model is the one that was asked for; home is the
 * server's own endpoint. Left out when there is no memory. */
void vtx_place_tell(const struct vtx_place *place, const char *model,
                    const struct vtx_endpoint *home, struct cb_arena *arena,
                    Vertexd__V1__Serving *serving);

#endif
