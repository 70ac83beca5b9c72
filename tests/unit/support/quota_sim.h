/* quota_sim.h - gates against models of an upstream, in simulated time.
 *
 * One or more callers, each with a backlog of equal prompts (some may come
 * later), a cap on calls under way and a gate, call one upstream. Callers look
 * at their gates once a millisecond, as the engine's loop does; a refused
 * prompt goes back into the backlog. Nothing here reads a clock, and chance
 * comes from a seed: a run has the same figures wherever and whenever it is
 * made.
 */
#ifndef VTX_QUOTA_SIM_H
#define VTX_QUOTA_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/quota/gate.h"

#define SIM_SECONDS 400
#define SIM_CALLERS 4

struct sim;

/* What becomes of a call that arrives at the upstream now. */
struct sim_answer {
  enum vtx_gate_outcome outcome;
  int64_t took;
  int64_t retry_after; /* -1: does not say */
};

typedef struct sim_answer sim_model(struct sim *sim);

struct sim_upstream {
  sim_model *model;
  double quota;       /* calls a second */
  double burst;       /* of the bucket */
  double latency;     /* seconds that an answer takes */
  double refusal;     /* seconds that a refusal takes; 0: 3 ms */
  double retry_after; /* seconds, of every refusal; 0: it says nothing */
  /* The quota changes to change_to at change_at seconds; 0: never. */
  double change_at;
  double change_to;
  double walk;               /* a random step up or down each second: factor */
  double failing;            /* share of calls that fail at random with 503 */
  double down_from, down_to; /* seconds: everything fails */
  double capacity;           /* calls under way that it bears */
  /* Its state. */
  double tokens;
  int64_t at;
  int64_t minute;
  double in_minute;
  size_t under_way;
};

struct sim_caller {
  struct vtx_gate gate;
  struct vtx_gate_options options;
  size_t prompts;
  size_t cap;
  double from; /* seconds: joins then */
  /* Beside those prompts, others that come one by one, so many a second, and
   * from rush_at seconds on all that are left at once. */
  size_t coming;
  double coming_rate;
  double rush_at;
  double coming_due; /* of the next one */
  size_t in_flight;
  uint32_t served;
  uint32_t refused;
  uint32_t failed;
  uint32_t accepted_in[SIM_SECONDS]; /* by the second of the start */
  uint32_t refused_in[SIM_SECONDS];
  double done_at; /* seconds */
};

struct sim_event {
  int64_t at;
  int64_t started;
  struct sim_caller *caller;
  struct sim_answer answer;
};

struct sim {
  struct sim_upstream up;
  struct sim_caller callers[SIM_CALLERS];
  size_t count; /* of callers */
  double until; /* seconds; stops there, or when all is served */
  int64_t now;
  uint64_t random;
  uint64_t offered; /* sum of the quota over time, in thousandths of a call */
  double quota_in[SIM_SECONDS];
  struct sim_event *events; /* a binary heap */
  size_t pending;
  size_t room;
};

/* The models. */
sim_model sim_bucket;     /* token bucket, changing */
sim_model sim_minutes;    /* 60 * quota in each minute, then nothing */
sim_model sim_overloaded; /* 503 above its capacity, slower near it */
sim_model sim_faulty;     /* 503 at random, and outages */

void sim_run(struct sim *sim);

/* A number from 0 to 1. */
double sim_random(struct sim *sim);

/* Calls of all callers in seconds [from, to): accepted, refused. */
double sim_accepted(const struct sim *sim, int from, int to);
double sim_refused(const struct sim *sim, int from, int to);

/* Accepted calls over the quota, in seconds [from, to). */
double sim_goodput(const struct sim *sim, int from, int to);

/* Refused calls over all calls of the whole run. */
double sim_waste(const struct sim *sim);

/* Seconds after `from` at which two seconds begin that use 93 % of the quota
 * and have no more than 5 % refused; -1: none. */
int sim_found(const struct sim *sim, int from);

#endif
