/* ahead.h - the prompts of a flow that were dispatched out of their order.
 *
 * flow->next is the first prompt that was not dispatched. Behind it, within
 * VTX_AHEAD_WINDOW, others may have been, where their target had room and that
 * of next had not (service/batch/head.h). To the sink a flow that ends is still
 * one cut: all before next have had a result, none from next on has one. So
 * when a flow is closed the gaps get their results from here.
 *
 * Threads:   the engine's.
 * Ownership: the results of gaps live in the flow's arena, which outlives them.
 */
#ifndef VTX_AHEAD_H
#define VTX_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

struct vtx_flow;
struct vtx_result;

#define VTX_AHEAD_WINDOW 64

struct vtx_ahead {
  uint64_t dispatched;      /* bit i: the prompt at next + i was */
  struct vtx_result *spare; /* for gaps, by index; NULL: none needed yet */
  bool over;                /* one was used: no more gaps are made, so that each
                               of those that there are has one to itself */
};

/* True if a prompt that is not the next one may be dispatched: there is memory
 * for the results of gaps, which is taken here at the first time. A pipe needs
 * none, its inputs have their own. */
bool vtx_ahead_may(struct vtx_flow *flow);

/* True if the prompt at index, not before next, was dispatched. */
bool vtx_ahead_was_dispatched(const struct vtx_flow *flow, uint32_t index);

/* True if one behind next was dispatched. */
bool vtx_ahead_has_gaps(const struct vtx_flow *flow);

/* The prompt at index, within the window, is dispatched: next moves on over
 * all that were. */
void vtx_ahead_dispatched(struct vtx_flow *flow, uint32_t index);

/* Ends the next prompt, which is the first gap, with status (texts literals or
 * from the flow's arena). */
void vtx_ahead_end_next(struct vtx_flow *flow, const struct cb_status *status);

/* Ends all gaps, and all that a pipe has waiting, with why the flow was
 * closed. */
void vtx_ahead_end_all(struct vtx_flow *flow);

#endif
