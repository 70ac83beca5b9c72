#include "service/batch/head.h"

#include <string.h>

#include "service/batch/ahead.h"
#include "service/batch/flow_internal.h"
#include "service/batch/input.h"
#include "service/batch/job.h"
#include "service/service_state.h"

/* Fills in the rest of head, whose prompt is that of choice. */
static void find_place(struct vtx_choice *choice, struct vtx_head *head) {
  head->index = choice->index;
  vtx_choice_make(choice, &head->place);
}

/* Tells the scheduler of it; the target's name is the service's scratch. */
static void tell(const struct vtx_choice *choice, const struct vtx_head *head,
                 struct vtx_sched_head *ret_sched_head) {
  struct vtx_service *service = choice->service;

  vtx_choice_target(choice, &head->place.candidate, service->target_name);
  ret_sched_head->target = service->target_name;
  ret_sched_head->cost = choice->cost;
  ret_sched_head->back = head->job != NULL;
}

/* The one head of a flow whose prompts are all for the same places. */
static void look_at_first(struct vtx_flow *flow,
                          struct vtx_sched_head *ret_sched_head,
                          struct vtx_head *ret_head) {
  struct vtx_choice choice;

  *ret_head = (struct vtx_head){.job = NULL};
  if (cb_list_empty(&flow->again)) {
    vtx_choice_of_new(flow, flow->next, NULL, &choice);
  } else {
    ret_head->job = CB_CONTAINER(flow->again.next, struct vtx_job, again);
    vtx_choice_of_job(ret_head->job, &choice);
  }
  find_place(&choice, ret_head);
  tell(&choice, ret_head, ret_sched_head);
  ret_head->others = choice.route.count > 1 && choice.kind.bound == 0;
}

/* Where there may be several: the one that can start soonest. */

/* Kinds of prompts that are told apart in one look. */
#define KINDS 8

struct look {
  struct vtx_flow *flow;
  struct vtx_kind kinds[KINDS];
  size_t kind_count;
  struct vtx_candidate_state state; /* of the best so far */
  struct vtx_sched_head *best_told;
  struct vtx_head *best;
};

static bool is_same(const struct vtx_kind *one, const struct vtx_kind *other) {
  return one->tier == other->tier && one->tried == other->tried &&
         one->bound == other->bound && strcmp(one->model, other->model) == 0 &&
         strcmp(one->cache, other->cache) == 0;
}

/* False if one like it was looked at before, or there are too many kinds. */
static bool is_new_kind(struct look *look, const struct vtx_kind *kind) {
  for (size_t i = 0; i < look->kind_count; i++)
    if (is_same(&look->kinds[i], kind)) return false;
  if (look->kind_count == KINDS) return false;
  look->kinds[look->kind_count++] = *kind;
  return true;
}

/* Takes what choice is about if it starts sooner than the best so far. True
 * once there is one that can start now. */
static bool consider(struct look *look, struct vtx_choice *choice,
                     struct vtx_head head) {
  struct vtx_candidate_state state;

  if (!is_new_kind(look, &choice->kind)) return false;
  find_place(choice, &head);
  vtx_choice_state(choice, &head.place.candidate, &state);
  if (look->kind_count > 1 && !state.ready && state.when >= look->state.when)
    return false;
  look->state = state;
  *look->best = head;
  tell(choice, &head, look->best_told);
  return state.ready;
}

static bool consider_jobs(struct look *look) {
  struct cb_link *link = look->flow->again.next;
  struct vtx_choice choice;

  for (size_t i = 0; i < VTX_AHEAD_WINDOW && link != &look->flow->again;
       i++, link = link->next) {
    struct vtx_job *job = CB_CONTAINER(link, struct vtx_job, again);

    vtx_choice_of_job(job, &choice);
    if (consider(look, &choice, (struct vtx_head){.job = job})) return true;
  }
  return false;
}

static bool consider_inputs(struct look *look, uint32_t window) {
  struct vtx_input *input = vtx_input_next(look->flow);
  struct vtx_choice choice;

  for (; input && input->index - look->flow->next < window;
       input = vtx_input_after(input)) {
    vtx_choice_of_new(look->flow, input->index, input, &choice);
    if (consider(look, &choice, (struct vtx_head){.input = input})) return true;
  }
  return false;
}

static bool consider_items(struct look *look, uint32_t window) {
  const struct vtx_flow *flow = look->flow;
  uint32_t left = flow->source.count - flow->next;
  struct vtx_choice choice;

  for (uint32_t i = 0; i < window && i < left; i++) {
    if (vtx_ahead_was_dispatched(flow, flow->next + i)) continue;
    vtx_choice_of_new(flow, flow->next + i, NULL, &choice);
    if (consider(look, &choice, (struct vtx_head){.job = NULL})) return true;
  }
  return false;
}

/* How many new prompts are considered. Where the caller does not keep up, or
 * there is no memory for more, the next one alone. */
static uint32_t window_of(struct vtx_flow *flow) {
  if (!vtx_scheduler_takes_new(&flow->entry)) {
    return cb_list_empty(&flow->again) ? 1 : 0; /* somebody just asks */
  }
  return !vtx_flow_is_over_allowance(flow) && vtx_ahead_may(flow)
             ? VTX_AHEAD_WINDOW
             : 1;
}

static void look_over(struct look *look) {
  uint32_t window = window_of(look->flow);

  if (consider_jobs(look)) return;
  if (look->flow->source.kind == VTX_SOURCE_PIPE) {
    consider_inputs(look, window);
  } else {
    consider_items(look, window);
  }
}

void vtx_head_look(struct vtx_flow *flow, struct vtx_sched_head *ret_sched_head,
                   struct vtx_head *ret_head) {
  struct look look = {
      .flow = flow, .best_told = ret_sched_head, .best = ret_head};

  if (flow->source.kind == VTX_SOURCE_REQUESTS ||
      flow->source.kind == VTX_SOURCE_PIPE) {
    look_over(&look);
    ret_head->others = look.kind_count > 1 || look.state.ready;
  } else {
    look_at_first(flow, ret_sched_head, ret_head);
  }
}

void vtx_head_health(struct vtx_flow *flow,
                     struct vtx_sched_health *ret_health) {
  struct vtx_sched_head head;
  struct vtx_head next;

  vtx_head_look(flow, &head, &next);
  vtx_scheduler_health(&flow->service->scheduler, head.target, head.cost,
                       ret_health);
}
