/* Somebody waits for a single call, so it waits for quota no longer than
 * --throttle-wait, counted from its arrival: before its first attempt as well
 * as between two of them. A target that is only busy is another matter: then
 * the call's deadline counts. Where it is clear from the start that its turn
 * comes too late, better no at once.
 */
#include "base/clock.h"
#include "service/batch/flow_internal.h"
#include "service/batch/head.h"
#include "service/limits.h"
#include "service/reasons.h"
#include "service/service_state.h"
#include "service/vertex/engine.h"
#include "service/vertex/reasons.h"

int64_t vtx_patience_end(const struct vtx_flow *flow) {
  return cb_time_add(flow->arrived, flow->service->options.throttle_wait);
}

int64_t vtx_patience_retry_after(const struct vtx_flow *flow,
                                 const struct vtx_sched_health *health) {
  int64_t now = vtx_engine_now(vtx_flow_engine(flow));
  int64_t wait =
      health->when > now && health->when < CB_NEVER ? health->when - now : 0;

  if (flow->entry.target) {
    int64_t queue = vtx_scheduler_wait(vtx_flow_scheduler(flow), &flow->entry);

    if (queue > wait && queue < CB_NEVER) wait = queue;
  }
  return wait > VTX_OVERLOAD_PAUSE ? wait : VTX_OVERLOAD_PAUSE;
}

struct cb_status vtx_patience_refusal(const struct vtx_flow *flow,
                                      const struct vtx_sched_health *health) {
  struct cb_status status =
      health->wanted
          ? vtx_fail(flow->arena, VTX_UPSTREAM_QUOTA_EXHAUSTED,
                     "this model's quota is used up (what Vertex AI grants, or "
                     "what is configured), and the call's turn does not come "
                     "in the time that it may wait (--throttle-wait, or its "
                     "deadline)")
          : vtx_fail(flow->arena, VTX_UPSTREAM_UNAVAILABLE,
                     "requests to this model fail for now, so that few are "
                     "sent, and the call's turn does not come in the time that "
                     "it may wait (--throttle-wait, or its deadline)");

  status.retry_after = vtx_patience_retry_after(flow, health);
  return status;
}

struct cb_status vtx_patience_check(struct vtx_flow *flow) {
  int64_t now = vtx_engine_now(vtx_flow_engine(flow));
  struct vtx_sched_health health;
  int64_t begins;

  if (flow->entry.sched_class != VTX_INTERACTIVE) return cb_status_ok();
  begins = cb_time_add(
      now, vtx_scheduler_wait(vtx_flow_scheduler(flow), &flow->entry));
  if (begins <= flow->end && begins <= vtx_patience_end(flow)) {
    return cb_status_ok();
  }
  vtx_head_health(flow, &health);
  if (health.throttled) return vtx_patience_refusal(flow, &health);
  if (begins <= flow->end) return cb_status_ok();
  return vtx_refuse(VTX_SERVICE_DEADLINE_UNREACHABLE,
                    "with what waits before it, this cannot begin before its "
                    "deadline");
}

static void timer_fired(struct cb_timer *timer) {
  struct vtx_flow *flow = CB_CONTAINER(timer, struct vtx_flow, patience);
  struct vtx_engine *engine = vtx_flow_engine(flow);
  struct vtx_sched_health health;
  struct cb_status status;

  if (flow->closed || flow->next > 0) return;
  vtx_head_health(flow, &health);
  if (!health.throttled &&
      vtx_engine_set_timer(engine, timer,
                           vtx_engine_now(engine) + VTX_PATIENCE_STEP)) {
    return;
  }
  status = vtx_patience_refusal(flow, &health);
  vtx_flow_close(flow, &status);
}

bool vtx_patience_begin(struct vtx_flow *flow) {
  int64_t end = vtx_patience_end(flow);

  flow->patience = (struct cb_timer){.fire = timer_fired};
  if (flow->entry.sched_class != VTX_INTERACTIVE || end == CB_NEVER) {
    return true;
  }
  return vtx_engine_set_timer(vtx_flow_engine(flow), &flow->patience, end);
}

void vtx_patience_over(struct vtx_flow *flow) {
  vtx_engine_cancel_timer(vtx_flow_engine(flow), &flow->patience);
}
