/* flow_internal.h - what the parts of a flow share: its life (flow.c), its
 * prompts (flow_jobs.c) and its patience (patience.c).
 *
 * Threads: the engine's.
 */
#ifndef VTX_FLOW_INTERNAL_H
#define VTX_FLOW_INTERNAL_H

#include "service/batch/flow.h"

struct vtx_engine *vtx_flow_engine(const struct vtx_flow *flow);
struct vtx_scheduler *vtx_flow_scheduler(const struct vtx_flow *flow);

/* Looks, at the end of the turn, whether flow is over. */
void vtx_flow_may_end(struct vtx_flow *flow);

/* Nothing new is dispatched any more, for that reason, and what waits to be
 * dispatched again ends with it. */
void vtx_flow_close(struct vtx_flow *flow, const struct cb_status *status);

/* Closes the flow and ends all its jobs. */
void vtx_flow_abort(struct vtx_flow *flow, const struct cb_status *status);

/* True if as much is unsent as may be: then nothing is dispatched but what
 * fills a gap (ahead.h). */
bool vtx_flow_is_over_allowance(const struct vtx_flow *flow);

/* Holds the flow, or lets it go on, as what is unsent and what waits says. */
void vtx_flow_settle_hold(struct vtx_flow *flow);

/* The last prompt that there will be was dispatched. */
bool vtx_flow_is_exhausted(const struct vtx_flow *flow);

/* A prompt waits to be dispatched, for the first time or again. */
bool vtx_flow_has_next(const struct vtx_flow *flow);

/* There may be memory now for the job that there was none for. */
void vtx_flow_memory_timer(struct cb_timer *timer);

/* Something else may be able to start than what the scheduler waits with. */
void vtx_flow_look_timer(struct cb_timer *timer);

/* The scheduler's questions to a flow. */
void vtx_flow_peek(struct vtx_sched_entry *entry,
                   struct vtx_sched_head *ret_head);
enum vtx_dispatch vtx_flow_dispatch(struct vtx_sched_entry *entry);

/* patience.c: how long a single call waits for quota. */

/* The end of a single call's patience with a target that is throttled. */
int64_t vtx_patience_end(const struct vtx_flow *flow);

/* Has flow, a single call's, looked after until its prompt is dispatched. False
 * when out of memory. */
bool vtx_patience_begin(struct vtx_flow *flow);
void vtx_patience_over(struct vtx_flow *flow);

/* Whether flow, which was just added to the scheduler, begins in time, going by
 * what is known: else a refusal, for quota if that is what it would wait for
 * longer than it has patience or time, or DEADLINE_UNREACHABLE. */
struct cb_status vtx_patience_check(struct vtx_flow *flow);

/* The refusal, for a target of that health: for quota, or where its calls fail,
 * as unavailable. */
struct cb_status vtx_patience_refusal(const struct vtx_flow *flow,
                                      const struct vtx_sched_health *health);

/* What retry_after is to say of a target, where the upstream does not:
 * nanoseconds. */
int64_t vtx_patience_retry_after(const struct vtx_flow *flow,
                                 const struct vtx_sched_health *health);

#endif
