#include "service/quota/breaker.h"

const char *vtx_breaker_state_name(enum vtx_breaker_state state) {
  switch (state) {
    case VTX_BREAKER_CLOSED:
      return "closed";
    case VTX_BREAKER_OPEN:
      return "open";
    case VTX_BREAKER_HALF_OPEN:
      break;
  }
  return "half_open";
}

void vtx_breaker_init(struct vtx_breaker *breaker) {
  *breaker = (struct vtx_breaker){.state = VTX_BREAKER_CLOSED,
                                  .heard_at = -VTX_BREAKER_SILENCE,
                                  .wait = VTX_BREAKER_PROBE_FIRST};
}

bool vtx_breaker_wants(const struct vtx_breaker *breaker, int64_t now) {
  return breaker->state == VTX_BREAKER_CLOSED ||
         (breaker->state == VTX_BREAKER_OPEN && now >= breaker->probe_at);
}

bool vtx_breaker_started(struct vtx_breaker *breaker, int64_t now) {
  if (breaker->state != VTX_BREAKER_OPEN || now < breaker->probe_at) {
    return false;
  }
  breaker->state = VTX_BREAKER_HALF_OPEN;
  return true;
}

/* A failure opens it, for the first time or again. */
static void open_for(struct vtx_breaker *breaker, int64_t now, int64_t wait) {
  breaker->state = VTX_BREAKER_OPEN;
  breaker->wait = wait;
  breaker->open_since = now;
  breaker->probe_at = cb_time_add(now, wait);
}

static bool alive(struct vtx_breaker *breaker) {
  bool changed = breaker->state != VTX_BREAKER_CLOSED;

  if (changed) {
    breaker->state = VTX_BREAKER_CLOSED;
    breaker->wait = VTX_BREAKER_PROBE_FIRST;
    breaker->failing = 0;
    breaker->samples = 0;
  }
  breaker->row = 0;
  return changed;
}

/* The share of failures: a mean at first, a moving average from then on. */
static void sample(struct vtx_breaker *breaker, bool failed) {
  if (breaker->samples < VTX_BREAKER_SAMPLES) breaker->samples++;
  breaker->failing += ((failed ? 1 : 0) - breaker->failing) / breaker->samples;
}

static void note_answer(struct vtx_breaker *breaker, int64_t now) {
  breaker->heard_at = now;
  breaker->silent = 0;
}

/* True if it is one failure too many. */
static bool note_failure(struct vtx_breaker *breaker) {
  sample(breaker, true);
  breaker->row++;
  return breaker->row >= VTX_BREAKER_ROW ||
         (breaker->samples >= VTX_BREAKER_SAMPLES &&
          breaker->failing > VTX_BREAKER_SHARE);
}

/* True if it is one silence too many. */
static bool note_silence(struct vtx_breaker *breaker, int64_t now) {
  if (now - breaker->heard_at < VTX_BREAKER_SILENCE) return false;
  breaker->silent++;
  return breaker->silent >= VTX_BREAKER_ROW;
}

/* While it is closed: true if that end is one too many. */
static bool note_unserved(struct vtx_breaker *breaker, int64_t now,
                          enum vtx_gate_outcome outcome) {
  if (outcome == VTX_OUTCOME_NOTHING) return false;
  return outcome == VTX_OUTCOME_SILENT ? note_silence(breaker, now)
                                       : note_failure(breaker);
}

/* A probe that was given up tells nothing: another one follows, not at once,
 * for with callers in a hurry a target that hangs would get one after the
 * other. */
static void probe_ended(struct vtx_breaker *breaker, int64_t now,
                        enum vtx_gate_outcome outcome) {
  int64_t wait = 2 * breaker->wait;

  if (outcome == VTX_OUTCOME_NOTHING) {
    breaker->state = VTX_BREAKER_OPEN;
    breaker->probe_at = cb_time_add(now, VTX_BREAKER_PROBE_FIRST);
    return;
  }
  open_for(breaker, now,
           wait < VTX_BREAKER_PROBE_LAST ? wait : VTX_BREAKER_PROBE_LAST);
}

/* A time that is not known is the probe's: else there might never be another
 * one. */
static bool is_probe(const struct vtx_breaker *breaker, int64_t now,
                     const struct vtx_gate_end *end) {
  return end->took < 0 || now - end->took > breaker->open_since;
}

/* An end without an answer, or with a failure for one. */
static bool unserved(struct vtx_breaker *breaker, int64_t now,
                     const struct vtx_gate_end *end) {
  switch (breaker->state) {
    case VTX_BREAKER_CLOSED:
      if (!note_unserved(breaker, now, end->outcome)) return false;
      breaker->opened++;
      open_for(breaker, now, VTX_BREAKER_PROBE_FIRST);
      return true;
    case VTX_BREAKER_HALF_OPEN:
      if (!is_probe(breaker, now, end)) return false;
      probe_ended(breaker, now, end->outcome);
      return true;
    case VTX_BREAKER_OPEN:
      break;
  }
  return false; /* it was under way when the breaker opened */
}

bool vtx_breaker_ended(struct vtx_breaker *breaker, int64_t now,
                       const struct vtx_gate_end *end) {
  switch (end->outcome) {
    case VTX_OUTCOME_SERVED:
      note_answer(breaker, now);
      sample(breaker, false);
      return alive(breaker);
    case VTX_OUTCOME_THROTTLED:
      note_answer(breaker, now);
      return alive(breaker);
    case VTX_OUTCOME_OVERLOADED:
      note_answer(breaker, now);
      break;
    case VTX_OUTCOME_UNREACHED:
    case VTX_OUTCOME_SILENT:
    case VTX_OUTCOME_NOTHING:
      break;
  }
  return unserved(breaker, now, end);
}
