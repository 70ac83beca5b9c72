#include "service/quota/pacer.h"

#include <math.h>
#include <string.h>

/* Steps in which growth is summed up, and how far back. */
#define STEP (50 * CB_MILLISECOND)
#define STEPS 200

/* How late a soft start may be and be caught up. */
#define SOFT_SLACK (2 * CB_MILLISECOND)

/* How long after a start it counts as not refused, and how long learning waits
 * for refusals: twice what they take, within these. */
#define SETTLE_MIN (20 * CB_MILLISECOND)
#define SETTLE_MAX (2 * CB_SECOND)

/* Before any time there is, and near enough to be subtracted from. */
#define LONG_AGO (INT64_MIN / 4)

/* So many refusals and no accepted call end a window early. */
#define ALL_REFUSED 5

/* The rate after a rest. */
#define PROBE_RATE 2.0

/* A rest after which the rate of before is likely to be right. */
#define BRIEF (5 * CB_SECOND)

/* Growth a second: near the ceiling, what it gains for each second after
 * VTX_PACER_QUIET, the most of it, and from below the ceiling. */
#define GROWTH_NEAR 0.01
#define GROWTH_GAIN 0.025
#define GROWTH_MOST 0.30
#define GROWTH_BACK 0.15

/* After a rest growth is slow for so many times its length, within a bound. */
#define QUIET_RESTS 10
#define QUIET_MOST (20 * CB_SECOND)

/* Below so many calls a second all of that is slower in proportion: what counts
 * is how many calls there are for each refusal. */
#define SLOW 30.0

/* Up to so many calls a second the doubling is ended only when a good part of a
 * window was refused, not by a single one: who joins others at a quota that
 * they have filled meets a refusal at once, and would stay at the bottom. */
#define JOIN 20.0
#define JOIN_SHARE 0.25

/* Shares of the ceiling: from NEAR on growth is slow, up to FAR it doubles. */
#define NEAR 0.95
#define FAR 0.5

static double seconds(int64_t time) { return (double)time / (double)CB_SECOND; }

static int64_t nanoseconds(double time) {
  return (int64_t)(time * (double)CB_SECOND);
}

static int64_t clamp(int64_t value, int64_t low, int64_t high) {
  return value < low ? low : value > high ? high : value;
}

static int64_t settle(const struct vtx_pacer *pacer) {
  return clamp(2 * pacer->delay, SETTLE_MIN, SETTLE_MAX);
}

void vtx_pacer_init(struct vtx_pacer *pacer) {
  memset(pacer, 0, sizeof *pacer);
  pacer->next = INT64_MIN;
  pacer->not_before = INT64_MIN;
  pacer->first = INT64_MIN;
  pacer->last = INT64_MIN;
  pacer->cut = INT64_MIN;
  pacer->refused = LONG_AGO;
  pacer->quiet = CB_NEVER;
  pacer->window_end = CB_NEVER;
  for (size_t i = 0; i < VTX_PACER_SLOTS; i++)
    pacer->slots[i].number = -1;
}

/* --- The meter. --- */

static struct vtx_pacer_slot *slot_of(struct vtx_pacer *pacer, int64_t time) {
  int64_t number = time / VTX_PACER_SLOT;
  struct vtx_pacer_slot *slot =
      &pacer->slots[(uint64_t)number % VTX_PACER_SLOTS];

  if (slot->number < number) {
    *slot = (struct vtx_pacer_slot){.number = number};
  }
  return slot->number == number ? slot : NULL;
}

/* Calls a second that were started in the last `look` and not refused. */
static double accepted(const struct vtx_pacer *pacer, int64_t now,
                       int64_t look) {
  int64_t from = (now - look) / VTX_PACER_SLOT;
  double count = 0;

  for (size_t i = 0; i < VTX_PACER_SLOTS; i++) {
    const struct vtx_pacer_slot *slot = &pacer->slots[i];

    if (slot->number <= from) continue;
    if (slot->started > slot->refused) count += slot->started - slot->refused;
  }
  return count / seconds(look);
}

/* --- The rate over time. --- */

/* Where a refusal costs a rest, it is risked less often. */
static int64_t quiet_time(const struct vtx_pacer *pacer) {
  return clamp(QUIET_RESTS * clamp(pacer->rest, 0, QUIET_MOST), VTX_PACER_QUIET,
               QUIET_MOST);
}

static double growth(const struct vtx_pacer *pacer, double rate, int64_t time) {
  double pace, quiet, more;
  bool wanted = pacer->binding >= 0.5;
  bool doubles = (pacer->doubling && wanted) || rate < FAR * pacer->ceiling;

  if (time <= pacer->quiet) return 0;
  if (doubles) {
    return M_LN2 / fmax(seconds(VTX_PACER_DOUBLE), 2 * seconds(pacer->delay));
  }
  if (rate < NEAR * pacer->ceiling) return GROWTH_BACK;
  if (!wanted) return 0;
  pace = fmin(rate / SLOW, 1);
  quiet = seconds(time - pacer->quiet) * pace - seconds(quiet_time(pacer));
  more = quiet > 0 ? GROWTH_GAIN * quiet : 0;
  return fmin(GROWTH_NEAR + more, GROWTH_MOST) * pace;
}

/* It grows only as long as calls come. */
static int64_t grown_until(const struct vtx_pacer *pacer, int64_t now) {
  int64_t idle = clamp(nanoseconds(2 / pacer->rate), CB_SECOND / 4, CB_NEVER);

  if (pacer->last == INT64_MIN) return pacer->at;
  return now < pacer->last + idle ? now : pacer->last + idle;
}

/* The rate now, and when the next start is due at that rate. Beside what it
 * grew there is what it let through while it grew. */
static double rate_at(const struct vtx_pacer *pacer, int64_t now,
                      int64_t *ret_next) {
  int64_t until = grown_until(pacer, now);
  int64_t time = pacer->at;
  double rate = pacer->rate;
  double owed = seconds(pacer->next - time) * rate;

  for (int i = 0; i < STEPS && time < until; i++) {
    int64_t step = until - time < STEP ? until - time : STEP;

    time += step;
    if (time > pacer->quiet && rate < pacer->resume) rate = pacer->resume;
    rate *= exp(growth(pacer, rate, time) * seconds(step));
    owed -= rate * seconds(step);
  }
  owed -= rate * seconds(now - time);
  *ret_next = now + nanoseconds(owed / rate);
  return rate;
}

/* From now on; the next start is as many calls away as before. */
static void set_rate(struct vtx_pacer *pacer, int64_t now, double rate) {
  rate = fmax(rate, VTX_PACER_FLOOR);
  if (pacer->next > now) {
    pacer->next =
        now + nanoseconds(seconds(pacer->next - now) * pacer->rate / rate);
  }
  pacer->rate = rate;
  pacer->at = now;
}

/* False while it is learned, and where all was refused ever since. */
static bool has_seen_quota(const struct vtx_pacer *pacer) {
  return !pacer->doubling && pacer->ceiling > 0;
}

static void advance(struct vtx_pacer *pacer, int64_t now) {
  if (now <= pacer->at) return;
  pacer->rate = rate_at(pacer, now, &pacer->next);
  pacer->at = now;
  if (pacer->rate >= pacer->resume) pacer->resume = 0;
  if (has_seen_quota(pacer) && pacer->rate > pacer->ceiling) {
    pacer->ceiling = pacer->rate;
  }
}

static int64_t slack(double rate) {
  return clamp(nanoseconds(VTX_PACER_SLACK / rate), VTX_PACER_SLACK_MIN,
               VTX_PACER_SLACK_MAX);
}

/* --- Starts. --- */

static bool is_soft(const struct vtx_pacer *pacer, int64_t now) {
  return pacer->first == INT64_MIN || pacer->last == INT64_MIN ||
         now - pacer->last > VTX_PACER_IDLE ||
         now - pacer->first < VTX_PACER_SOFT;
}

static int64_t when_open(const struct vtx_pacer *pacer, int64_t now) {
  if (!is_soft(pacer, now) || pacer->next == INT64_MIN) return now;
  return pacer->next - SOFT_SLACK;
}

int64_t vtx_pacer_when(const struct vtx_pacer *pacer, int64_t now) {
  int64_t when;
  double rate;

  if (now < pacer->not_before) return pacer->not_before;
  if (pacer->phase == VTX_PACER_OPEN) return when_open(pacer, now);
  rate = rate_at(pacer, now, &when);
  when -= slack(rate);
  /* While it grows, what is far off may be due sooner than it seems. */
  return when > now + STEP && pacer->quiet != CB_NEVER ? now + STEP : when;
}

static void start_open(struct vtx_pacer *pacer, int64_t now) {
  if (pacer->last == INT64_MIN || now - pacer->last > VTX_PACER_IDLE) {
    pacer->first = now;
  }
  if (pacer->next < now) pacer->next = now;
  if (is_soft(pacer, now)) pacer->next += nanoseconds(1 / VTX_PACER_SOFT_RATE);
}

static void forget(struct vtx_pacer *pacer) {
  pacer->phase = VTX_PACER_OPEN;
  pacer->ceiling = 0;
  pacer->window_end = CB_NEVER;
}

static void close_window(struct vtx_pacer *pacer, int64_t now);

/* True if a start now is one that waited: it comes before it is due, which a
 * loop that is late makes up for, or hardly after. Of calls that come as they
 * please few do, once the rate is twice theirs. */
static bool is_held_up(const struct vtx_pacer *pacer, int64_t now) {
  int64_t half = nanoseconds(0.5 / pacer->rate);

  return now <= pacer->next + clamp(half, 0, VTX_PACER_SLACK_MAX);
}

static void start_paced(struct vtx_pacer *pacer, int64_t now) {
  bool held_up = is_held_up(pacer, now);

  pacer->binding += ((held_up ? 1 : 0) - pacer->binding) / 8;
  /* This one is not known yet. */
  if (pacer->streak++ >= VTX_PACER_STREAK && pacer->ceiling <= 0) {
    pacer->doubling = true;
  }
  if (pacer->next < now) pacer->next = now;
  pacer->next += nanoseconds(1 / pacer->rate);
  if (pacer->quiet == CB_NEVER) pacer->quiet = now + settle(pacer);
  if (now < pacer->window_end) pacer->window_started++;
  if (now - pacer->refused > VTX_PACER_FORGET && pacer->binding < 0.5) {
    forget(pacer);
  }
}

/* After a rest one probe goes first; not refused, it is come back to the rate
 * of before. */
static void begin_with_probe(struct vtx_pacer *pacer) {
  double share = pacer->rest <= BRIEF ? NEAR : FAR;

  pacer->resume =
      fmax(pacer->resume, fmax(pacer->rate, pacer->ceiling) * share);
  pacer->rate = fmin(pacer->rate, PROBE_RATE);
}

void vtx_pacer_started(struct vtx_pacer *pacer, int64_t now) {
  struct vtx_pacer_slot *slot = slot_of(pacer, now);

  if (slot) slot->started++;
  if (pacer->phase == VTX_PACER_OPEN) {
    start_open(pacer, now);
  } else {
    advance(pacer, now);
    close_window(pacer, now);
    if (pacer->phase == VTX_PACER_LEARN && now >= pacer->not_before) {
      pacer->phase = VTX_PACER_PACED;
      if (pacer->rest > 0) begin_with_probe(pacer);
    }
    start_paced(pacer, now);
  }
  pacer->last = now;
}

/* --- Refusals. --- */

/* The rate of success just measured. */
static double learned(const struct vtx_pacer *pacer, int64_t now) {
  int64_t look = clamp(now - pacer->first, CB_SECOND, VTX_PACER_LOOK);

  return accepted(pacer, now, look);
}

static void learn(struct vtx_pacer *pacer, int64_t now) {
  pacer->phase = VTX_PACER_LEARN;
  pacer->doubling = true;
  pacer->ceiling = 0;
  pacer->binding = 1;
  pacer->rest = 0;
  pacer->cut = now;
  pacer->not_before = now + settle(pacer);
  pacer->next = pacer->not_before;
  pacer->window_end = CB_NEVER;
  pacer->at = now;
  pacer->rate = fmax(learned(pacer, now), VTX_PACER_FLOOR);
}

/* By a share of the rate, and looks what comes of it. */
static void cut(struct vtx_pacer *pacer, int64_t now, double share) {
  double length = fmin(8 / pacer->rate, seconds(VTX_PACER_LOOK));

  set_rate(pacer, now, pacer->rate * (1 - share));
  pacer->rest = 0;
  pacer->cut = now;
  pacer->window_end =
      now + clamp(nanoseconds(length), VTX_PACER_WINDOW, CB_NEVER);
  pacer->window_started = 0;
  pacer->window_refused = 0;
}

/* Cuts for what was refused in the window, if it is over: what started in it
 * has had the time to be refused, or all of it was. */
static void close_window(struct vtx_pacer *pacer, int64_t now) {
  double refused = pacer->window_refused;
  double all = fmax(pacer->window_started, refused);
  double surely; /* the share refused, without what may be chance */

  if (pacer->window_end == CB_NEVER) return;
  if (now < pacer->window_end + 3 * clamp(pacer->delay, 0, SETTLE_MAX) / 2 &&
      (refused < ALL_REFUSED || refused < 0.9 * all)) {
    return;
  }
  pacer->window_end = CB_NEVER;
  if (refused == 0) return;
  surely = (refused - sqrt(refused)) / all;
  if (pacer->doubling && pacer->rate < JOIN && surely < JOIN_SHARE) return;
  cut(pacer, now, fmax(VTX_PACER_CUT, fmin(surely, 0.5)));
  pacer->doubling = false;
  /* Where all was refused nothing is known of the quota that comes back. */
  if (refused < 0.9 * all) pacer->ceiling = pacer->rate;
}

/* The first one after a while. */
static void first_cut(struct vtx_pacer *pacer, int64_t now) {
  if (pacer->doubling && pacer->rate < JOIN) {
    cut(pacer, now, 0);
    pacer->window_refused = 1;
    pacer->window_started = 1;
    return;
  }
  cut(pacer, now, VTX_PACER_CUT);
  /* A probe that was refused says nothing of the quota that comes back. */
  if (pacer->rate > FAR * pacer->ceiling) pacer->ceiling = pacer->rate;
  pacer->doubling = false;
}

static void note_refusal(struct vtx_pacer *pacer, int64_t now, int64_t took) {
  struct vtx_pacer_slot *slot = slot_of(pacer, now - took);

  if (slot) slot->refused++;
  if (pacer->refused == LONG_AGO) {
    pacer->delay = took;
  } else {
    pacer->delay += (took - pacer->delay) / 8;
  }
  pacer->refused = now;
  pacer->quiet = CB_NEVER;
  pacer->streak = 0;
}

void vtx_pacer_refused(struct vtx_pacer *pacer, int64_t now, int64_t took) {
  if (took < 0) took = 0;
  if (pacer->phase != VTX_PACER_OPEN) advance(pacer, now);
  note_refusal(pacer, now, took);
  if (pacer->phase == VTX_PACER_OPEN) {
    learn(pacer, now);
    return;
  }
  if (pacer->phase == VTX_PACER_LEARN) {
    /* Of what was under way; later, in a rest, the meter has seen no starts. */
    if (now - pacer->cut <= settle(pacer)) {
      pacer->rate = fmax(learned(pacer, now), VTX_PACER_FLOOR);
    }
    return;
  }
  close_window(pacer, now);
  if (now - took < pacer->cut) return; /* started before: known already */
  if (pacer->window_end == CB_NEVER) {
    first_cut(pacer, now);
  } else if (now - took < pacer->window_end) {
    pacer->window_refused++;
  }
}

void vtx_pacer_rest(struct vtx_pacer *pacer, int64_t now, int64_t until) {
  if (pacer->phase == VTX_PACER_OPEN) learn(pacer, now);
  advance(pacer, now);
  pacer->rest = until - now;
  pacer->quiet = CB_NEVER;
  if (pacer->phase == VTX_PACER_PACED) {
    begin_with_probe(pacer);
    pacer->at = now;
    pacer->cut = now;
    pacer->window_end = CB_NEVER;
  } else if (until < pacer->not_before) {
    until = pacer->not_before; /* the rate is not known before */
  }
  pacer->not_before = until;
  pacer->next = until;
}

double vtx_pacer_rate(const struct vtx_pacer *pacer) {
  return pacer->phase == VTX_PACER_OPEN ? INFINITY : pacer->rate;
}
