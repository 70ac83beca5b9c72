/* sched_fake.h - flows that write down what the scheduler asked them for, in
 * simulated time.
 *
 * A new prompt is logged as the flow's letter, one that came back as its
 * capital.
 */
#ifndef VTX_SCHED_FAKE_H
#define VTX_SCHED_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/scheduler/scheduler.h"

#define FAKE_LOG 4096
#define FAKE_UNDER_WAY 64

struct fake_world {
  struct vtx_scheduler scheduler;
  int64_t now;
  int64_t tick; /* by which reading the clock moves it */
  struct cb_clock clock;
  char log[FAKE_LOG];
  size_t logged;
};

struct fake {
  struct vtx_sched_entry entry;
  struct fake_world *world;
  char name;
  const char *target; /* of new prompts */
  const char *back;   /* of those that came back; NULL: the same */
  const char *second; /* where target is not wanted; NULL: target anyway */
  bool hurries;       /* second also where only that is ready */
  double cost;
  bool prefers_new; /* before those that came back */
  int left;
  int returned;          /* ready to be dispatched again */
  enum vtx_dispatch say; /* what it answers; held once it was VTX_HELD */
  int peeks;
  struct vtx_sched_target *under_way[FAKE_UNDER_WAY]; /* oldest first */
  int running;
};

/* options: clock is filled in here. */
void fake_world_init(struct fake_world *world,
                     const struct vtx_sched_options *options);

/* All flows have been let go. */
void fake_world_release(struct fake_world *world);

/* A batch of so many prompts for the target "one". */
struct fake fake_make(struct fake_world *world, char name, int left, int limit);

void fake_add(struct fake *fake);

/* The oldest prompt under way ends, or is set aside. */
void fake_end(struct fake *fake, enum vtx_gate_outcome outcome);
void fake_set_aside(struct fake *fake, enum vtx_gate_outcome outcome);

/* One that was set aside is ready. */
void fake_again(struct fake *fake);

/* Ends what is under way, withdraws what came back, and lets it go. */
void fake_drop(struct fake *fake);

/* Runs the scheduler at now + delay; what was logged by it. */
const char *fake_run(struct fake_world *world, int64_t delay);

#endif
