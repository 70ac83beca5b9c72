/* head.h - what is next of a flow: which prompt, and its place
 * (service/batch/place.h).
 *
 * A job that came back goes before the flow's new prompts, those in the order
 * in which they came back. Where the target of the first one has no room and
 * the flow's prompts are for several targets, the first of the next
 * VTX_AHEAD_WINDOW whose target has room overtakes it, or else the one that can
 * start soonest: each target's quota is used, whatever the others do.
 *
 * Threads:   the engine's.
 * Ownership: texts belong to the request, the configuration, or (target) the
 *            service's scratch, until the next look.
 */
#ifndef VTX_HEAD_H
#define VTX_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "service/batch/place.h"
#include "service/scheduler/scheduler.h"

struct vtx_flow;
struct vtx_input;
struct vtx_job;

/* What is next. */
struct vtx_head {
  struct vtx_job *job;     /* one that came back; NULL: a new prompt */
  uint32_t index;          /* of the prompt in its call */
  struct vtx_input *input; /* of a pipe's new prompt */
  struct vtx_place place;
  bool others; /* if it has to wait, another of its places may have room, or
                  there may be prompts for other targets */
};

/* How often a flow that waits looks whether it could start elsewhere, or others
 * of its prompts could start instead. What most often makes it so is noticed at
 * once: this is for what other calls and time do. Where many wait it is less
 * often: VTX_LOOK_EACH for each of them. */
#define VTX_LOOK_STEP (100 * CB_MILLISECOND)
#define VTX_LOOK_EACH (100 * CB_MICROSECOND)

/* The next prompt of flow, which has one that came back or was not dispatched,
 * and the best place for it now. */
void vtx_head_look(struct vtx_flow *flow, struct vtx_sched_head *ret_sched_head,
                   struct vtx_head *ret_head);

/* What is known of the target where the next prompt of flow, which has one,
 * would go. */
void vtx_head_health(struct vtx_flow *flow,
                     struct vtx_sched_health *ret_health);

#endif
