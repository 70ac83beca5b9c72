#include "service/batch/ahead.h"

#include <assert.h>

#include "base/arena.h"
#include "service/batch/flow.h"
#include "service/batch/input.h"
#include "service/batch/result.h"
#include "service/batch/source.h"

bool vtx_ahead_may(struct vtx_flow *flow) {
  struct vtx_ahead *ahead = &flow->ahead;

  if (flow->source.kind == VTX_SOURCE_PIPE) return true;
  if (ahead->spare) return !ahead->over;
  ahead->spare =
      cb_arena_alloc(flow->arena, VTX_AHEAD_WINDOW * sizeof *ahead->spare);
  return ahead->spare != NULL;
}

bool vtx_ahead_was_dispatched(const struct vtx_flow *flow, uint32_t index) {
  uint32_t distance = index - flow->next;

  return distance < VTX_AHEAD_WINDOW &&
         (flow->ahead.dispatched >> distance & 1u) != 0;
}

bool vtx_ahead_has_gaps(const struct vtx_flow *flow) {
  return flow->ahead.dispatched != 0;
}

/* The next prompt is taken care of, and so may those behind it be. */
static void move_on(struct vtx_flow *flow) {
  do {
    flow->next++;
    flow->ahead.dispatched >>= 1;
  } while (flow->ahead.dispatched & 1u);
}

void vtx_ahead_dispatched(struct vtx_flow *flow, uint32_t index) {
  uint32_t distance = index - flow->next;

  assert(distance < VTX_AHEAD_WINDOW);
  assert(!vtx_ahead_was_dispatched(flow, index));
  if (distance == 0) {
    move_on(flow);
  } else {
    flow->ahead.dispatched |= UINT64_C(1) << distance;
  }
}

/* Of a pipe, whose input it is. */
static void refuse_next(struct vtx_flow *flow, const struct cb_status *status) {
  struct vtx_input *input = vtx_input_next(flow);

  vtx_ahead_dispatched(flow, input->index);
  vtx_input_refuse(input, status);
}

/* Of all others. */
static void end_next(struct vtx_flow *flow, const struct cb_status *status) {
  struct vtx_result *result = &flow->ahead.spare[flow->next % VTX_AHEAD_WINDOW];

  flow->ahead.over = true;
  *result = (struct vtx_result){
      .mail.deliver = flow->take_result,
      .service = flow->service,
      .sink = flow->id,
      .index = flow->next,
      .last = true,
      .status = *status,
      .id = vtx_source_id(&flow->source, flow->next),
  };
  move_on(flow);
  vtx_flow_post(flow, result);
}

void vtx_ahead_end_next(struct vtx_flow *flow, const struct cb_status *status) {
  assert(vtx_ahead_has_gaps(flow));
  if (flow->source.kind == VTX_SOURCE_PIPE) {
    refuse_next(flow, status);
  } else {
    end_next(flow, status);
  }
}

void vtx_ahead_end_all(struct vtx_flow *flow) {
  if (flow->source.kind == VTX_SOURCE_PIPE) {
    while (vtx_input_next(flow))
      refuse_next(flow, &flow->rest);
  } else {
    while (vtx_ahead_has_gaps(flow))
      end_next(flow, &flow->rest);
  }
}
