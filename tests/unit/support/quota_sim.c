#include "tests/unit/support/quota_sim.h"

#include <math.h>
#include <stdlib.h>

#define START (1000 * CB_SECOND)

static int64_t ns(double seconds) {
  return (int64_t)(seconds * (double)CB_SECOND);
}

static double elapsed(const struct sim *sim) {
  return (double)(sim->now - START) / (double)CB_SECOND;
}

static int second_of(int64_t time) { return (int)((time - START) / CB_SECOND); }

double sim_random(struct sim *sim) {
  sim->random = sim->random * 6364136223846793005u + 1442695040888963407u;
  return (double)(sim->random >> 11) / 9007199254740992.0;
}

/* --- Events, the earliest first. --- */

static void push(struct sim *sim, const struct sim_event *event) {
  size_t at = sim->pending++;

  if (sim->pending > sim->room) {
    sim->room = 2 * sim->room + 64;
    sim->events = realloc(sim->events, sim->room * sizeof *sim->events);
    if (!sim->events) abort();
  }
  while (at > 0 && sim->events[(at - 1) / 2].at > event->at) {
    sim->events[at] = sim->events[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  sim->events[at] = *event;
}

static struct sim_event pop(struct sim *sim) {
  struct sim_event first = sim->events[0];
  struct sim_event last = sim->events[--sim->pending];
  size_t at = 0;

  for (;;) {
    size_t child = 2 * at + 1;

    if (child >= sim->pending) break;
    if (child + 1 < sim->pending &&
        sim->events[child + 1].at < sim->events[child].at) {
      child++;
    }
    if (sim->events[child].at >= last.at) break;
    sim->events[at] = sim->events[child];
    at = child;
  }
  sim->events[at] = last;
  return first;
}

/* --- Models. --- */

static struct sim_answer served(struct sim *sim) {
  double spread = 0.9 + 0.2 * sim_random(sim);

  return (struct sim_answer){VTX_OUTCOME_SERVED, ns(sim->up.latency * spread),
                             -1};
}

static struct sim_answer refused(struct sim *sim, enum vtx_gate_outcome why) {
  double refusal = sim->up.refusal > 0 ? sim->up.refusal : 0.003;

  return (struct sim_answer){
      why, ns(refusal * (0.8 + 0.4 * sim_random(sim))),
      sim->up.retry_after > 0 ? ns(sim->up.retry_after) : -1};
}

struct sim_answer sim_bucket(struct sim *sim) {
  struct sim_upstream *up = &sim->up;
  double gained = (double)(sim->now - up->at) / (double)CB_SECOND * up->quota;

  up->tokens = fmin(up->burst, up->tokens + gained);
  up->at = sim->now;
  if (up->tokens < 1) return refused(sim, VTX_OUTCOME_THROTTLED);
  up->tokens -= 1;
  return served(sim);
}

struct sim_answer sim_minutes(struct sim *sim) {
  int64_t minute = (sim->now - START) / (60 * CB_SECOND);

  if (minute != sim->up.minute) sim->up.in_minute = 0;
  sim->up.minute = minute;
  if (sim->up.in_minute >= 60 * sim->up.quota) {
    return refused(sim, VTX_OUTCOME_THROTTLED);
  }
  sim->up.in_minute++;
  return served(sim);
}

struct sim_answer sim_overloaded(struct sim *sim) {
  double load = (double)sim->up.under_way / sim->up.capacity;
  struct sim_answer answer;

  if (load >= 1) return refused(sim, VTX_OUTCOME_OVERLOADED);
  answer = served(sim);
  answer.took = (int64_t)((double)answer.took * (1 + load));
  return answer;
}

struct sim_answer sim_faulty(struct sim *sim) {
  double time = elapsed(sim);

  if ((time >= sim->up.down_from && time < sim->up.down_to) ||
      sim_random(sim) < sim->up.failing) {
    return refused(sim, VTX_OUTCOME_OVERLOADED);
  }
  return served(sim);
}

/* --- The run. --- */

static void start(struct sim *sim, struct sim_caller *caller) {
  struct sim_event event = {.started = sim->now, .caller = caller};
  int second = second_of(sim->now);

  vtx_gate_started(&caller->gate, sim->now, 1);
  event.answer = sim->up.model(sim);
  event.at = sim->now + event.answer.took;
  caller->in_flight++;
  caller->prompts--;
  if (event.answer.outcome == VTX_OUTCOME_SERVED) {
    sim->up.under_way++;
    caller->accepted_in[second]++;
  } else {
    caller->refused_in[second]++;
  }
  push(sim, &event);
}

static void end(struct sim *sim, const struct sim_event *event) {
  struct sim_caller *caller = event->caller;
  struct vtx_gate_end end = {.outcome = event->answer.outcome,
                             .took = sim->now - event->started,
                             .retry_after = event->answer.retry_after,
                             .estimated = 1,
                             .used = 1};

  caller->in_flight--;
  vtx_gate_ended(&caller->gate, sim->now, caller->in_flight, &end);
  switch (end.outcome) {
    case VTX_OUTCOME_SERVED:
      sim->up.under_way--;
      caller->served++;
      if (caller->prompts + caller->in_flight + caller->coming == 0) {
        caller->done_at = elapsed(sim);
      }
      return;
    case VTX_OUTCOME_THROTTLED:
      caller->refused++;
      break;
    default:
      caller->failed++;
      break;
  }
  caller->prompts++;
}

static void arrive(struct sim_caller *caller, double now, double step) {
  double due = caller->coming_due + caller->coming_rate * step;

  if (now >= caller->rush_at) due = (double)caller->coming;
  for (; due >= 1 && caller->coming > 0; due--) {
    caller->coming--;
    caller->prompts++;
  }
  caller->coming_due = due;
}

static bool step(struct sim *sim) {
  bool busy = false;

  while (sim->pending > 0 && sim->events[0].at <= sim->now) {
    struct sim_event event = pop(sim);

    end(sim, &event);
  }
  for (size_t i = 0; i < sim->count; i++) {
    struct sim_caller *caller = &sim->callers[i];

    arrive(caller, elapsed(sim), 0.001);
    if (caller->prompts + caller->in_flight + caller->coming > 0) busy = true;
    if (elapsed(sim) < caller->from) continue;
    while (caller->prompts > 0 && caller->in_flight < caller->cap &&
           vtx_gate_when(&caller->gate, sim->now, caller->in_flight, 1) <=
               sim->now) {
      start(sim, caller);
    }
  }
  return busy;
}

/* Once a second. */
static void change(struct sim *sim, int second) {
  struct sim_upstream *up = &sim->up;

  if (up->change_at > 0 && second == (int)up->change_at) {
    up->quota = up->change_to;
  }
  if (up->walk > 0) {
    up->quota *= sim_random(sim) < 0.5 ? 1 + up->walk : 1 / (1 + up->walk);
  }
  sim->quota_in[second] = up->quota;
}

void sim_run(struct sim *sim) {
  int64_t last = START + ns(sim->until);

  sim->random = sim->random * 2 + 1;
  sim->up.tokens = sim->up.burst;
  sim->up.at = START;
  for (size_t i = 0; i < sim->count; i++) {
    vtx_gate_init(&sim->callers[i].gate, &sim->callers[i].options);
  }
  for (sim->now = START; sim->now < last; sim->now += CB_MILLISECOND) {
    if ((sim->now - START) % CB_SECOND == 0) change(sim, second_of(sim->now));
    if (!step(sim)) break;
  }
  free(sim->events);
  sim->events = NULL;
}

/* --- Figures. --- */

double sim_accepted(const struct sim *sim, int from, int to) {
  double sum = 0;

  for (size_t i = 0; i < sim->count; i++) {
    for (int s = from; s < to; s++)
      sum += sim->callers[i].accepted_in[s];
  }
  return sum;
}

double sim_refused(const struct sim *sim, int from, int to) {
  double sum = 0;

  for (size_t i = 0; i < sim->count; i++) {
    for (int s = from; s < to; s++)
      sum += sim->callers[i].refused_in[s];
  }
  return sum;
}

static double quota(const struct sim *sim, int from, int to) {
  double sum = 0;

  for (int s = from; s < to; s++)
    sum += sim->quota_in[s];
  return sum;
}

double sim_goodput(const struct sim *sim, int from, int to) {
  return sim_accepted(sim, from, to) / quota(sim, from, to);
}

double sim_waste(const struct sim *sim) {
  double no = sim_refused(sim, 0, SIM_SECONDS);

  return no / (no + sim_accepted(sim, 0, SIM_SECONDS));
}

int sim_found(const struct sim *sim, int from) {
  int last = (int)elapsed(sim) - 2;

  for (int s = from; s < last; s++) {
    double yes = sim_accepted(sim, s, s + 2);
    double no = sim_refused(sim, s, s + 2);

    if (yes >= 0.93 * quota(sim, s, s + 2) && no <= 0.05 * (yes + no)) {
      return s - from;
    }
  }
  return -1;
}
