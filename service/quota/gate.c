#include "service/quota/gate.h"

#include <math.h>

void vtx_gate_init(struct vtx_gate *gate,
                   const struct vtx_gate_options *options) {
  vtx_gcra_init(&gate->requests, options->requests_per_minute);
  vtx_gcra_init(&gate->tokens, options->tokens_per_minute);
  vtx_pacer_init(&gate->pacer);
  vtx_limit_init(&gate->limit);
  gate->held_until = INT64_MIN;
  gate->fixed = options->fixed;
}

static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }

int64_t vtx_gate_when(const struct vtx_gate *gate, int64_t now,
                      size_t in_flight, double tokens) {
  int64_t when = later(vtx_gcra_when(&gate->requests, now, 1),
                       vtx_gcra_when(&gate->tokens, now, tokens));

  if (gate->fixed) return when;
  if (in_flight > 0 && in_flight >= vtx_limit_value(&gate->limit)) {
    return CB_NEVER;
  }
  when = later(when, gate->held_until);
  return later(when, vtx_pacer_when(&gate->pacer, now));
}

void vtx_gate_started(struct vtx_gate *gate, int64_t now, double tokens) {
  vtx_gcra_take(&gate->requests, now, 1);
  vtx_gcra_take(&gate->tokens, now, tokens);
  if (gate->fixed) return;
  vtx_pacer_started(&gate->pacer, now);
  vtx_limit_started(&gate->limit, now);
}

/* What the target asks for, Retry-After, is for all its calls; but a failure
 * among many served calls speaks for itself alone. */
static void hold(struct vtx_gate *gate, int64_t now,
                 const struct vtx_gate_end *end) {
  int64_t wait = end->retry_after;
  int64_t until;

  if (wait <= 0) return;
  if (end->outcome == VTX_OUTCOME_OVERLOADED &&
      !vtx_limit_is_failing(&gate->limit)) {
    return;
  }
  until = cb_time_add(now, wait < VTX_GATE_HOLD_MAX ? wait : VTX_GATE_HOLD_MAX);
  if (until <= gate->held_until) return;
  gate->held_until = until;
  vtx_pacer_rest(&gate->pacer, now, until);
}

static void settle_tokens(struct vtx_gate *gate, int64_t now,
                          const struct vtx_gate_end *end) {
  double used = end->used;

  /* Nobody counts the tokens of a call that was refused. */
  if (used < 0 && end->outcome == VTX_OUTCOME_THROTTLED) used = 0;
  if (used >= 0) vtx_gcra_settle(&gate->tokens, now, used - end->estimated);
}

void vtx_gate_ended(struct vtx_gate *gate, int64_t now, size_t in_flight,
                    const struct vtx_gate_end *end) {
  settle_tokens(gate, now, end);
  if (gate->fixed) return;
  switch (end->outcome) {
    case VTX_OUTCOME_THROTTLED:
      vtx_pacer_refused(&gate->pacer, now, end->took);
      hold(gate, now, end);
      break;
    case VTX_OUTCOME_OVERLOADED:
      vtx_limit_ended(&gate->limit, now, in_flight, false);
      hold(gate, now, end);
      break;
    case VTX_OUTCOME_SERVED:
      vtx_limit_ended(&gate->limit, now, in_flight, true);
      break;
    case VTX_OUTCOME_UNREACHED:
    case VTX_OUTCOME_SILENT:
    case VTX_OUTCOME_NOTHING:
      break;
  }
}

bool vtx_gate_is_throttled(const struct vtx_gate *gate, int64_t now) {
  return gate->held_until > now || gate->pacer.phase != VTX_PACER_OPEN ||
         gate->limit.value > 0;
}

double vtx_gate_rate(const struct vtx_gate *gate) {
  return vtx_pacer_rate(&gate->pacer);
}

/* What was cut comes back to the ceiling within seconds. */
double vtx_gate_rate_soon(const struct vtx_gate *gate) {
  const struct vtx_pacer *pacer = &gate->pacer;

  if (pacer->phase != VTX_PACER_PACED || pacer->doubling) return INFINITY;
  return fmax(pacer->rate, pacer->ceiling);
}

size_t vtx_gate_limit(const struct vtx_gate *gate) {
  return vtx_limit_value(&gate->limit);
}
