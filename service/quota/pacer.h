/* pacer.h - how many calls a second a target takes, learned from its refusals.
 *
 * A target refuses calls over its quota (429) within milliseconds, while those
 * that it accepts take seconds. So what is measured is calls that were started
 * and not refused, and what is limited is starts: a number of calls in flight
 * could not find the quota, as a refused call's place would be taken at once.
 *
 * The law, in the order of a target's life:
 *
 *   open    Nothing is limited. Only after idleness (VTX_PACER_IDLE, and at
 *           first) the first starts are spread a little (VTX_PACER_SOFT_RATE,
 *           for VTX_PACER_SOFT), so that a target without room can say so
 *           before everything was sent.
 *   learn   The first 429 stops starts for a moment, until the refusals of what
 *           is under way are in. The rate is that of the calls accepted in the
 *           last VTX_PACER_LOOK, or second if there was less. While calls wait
 *           for it, it doubles every VTX_PACER_DOUBLE until enough is refused
 *           again.
 *   paced   A 429 cuts the rate by VTX_PACER_CUT at once, and then for each
 *           window (VTX_PACER_WINDOW, longer at few calls a second) in which
 *           more came, by the share that was refused, less what may be chance,
 *           but by VTX_PACER_CUT at least and half at most. What was started
 *           before a cut counts no more. The rate grows slowly for
 *           VTX_PACER_QUIET after the last 429, then faster and faster. Below
 *           the ceiling, the rate that the quota was last seen at, it comes
 *           back quickly. It never falls below VTX_PACER_FLOOR. Where all was
 *           refused no quota was seen: after VTX_PACER_STREAK starts in a row
 *           that were not, it is learned anew.
 *   rest    A target may say how long to wait. Then one probe is started, and
 *           when that was not refused the rate of before is come back to: at
 *           once after a brief rest, from half of it after a long one. Growth
 *           stays slow for ten times as long as the rest, 20 s at most: where
 *           a refusal costs a rest, it is risked less often.
 *
 * It grows only after a call was started since the last 429, and beyond the
 * ceiling, or where there is none, only while calls wait for it: from calls
 * that do not wait nothing is learned, and a rush after them would meet a rate
 * that nobody has tried. It is forgotten when there was no 429 for
 * VTX_PACER_FORGET and it held nothing up.
 *
 * Cuts and growth are by time, neither by the number of 429s nor by how long
 * answers take. Several callers of one quota come to equal shares: who starts
 * more meets more 429s, and so has more windows with one.
 *
 * Calls start one by one at that rate. A start that comes late, as loops do, is
 * caught up by a few others (VTX_PACER_SLACK calls, within VTX_PACER_SLACK_MIN
 * and _MAX); nothing more is saved up, since a target's own burst may be small.
 *
 * Threads:   none inside. Times come from the caller (cb_clock nanoseconds).
 * Ownership: a plain value.
 */
#ifndef VTX_QUOTA_PACER_H
#define VTX_QUOTA_PACER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define VTX_PACER_IDLE (10 * CB_SECOND)
#define VTX_PACER_SOFT (50 * CB_MILLISECOND)
#define VTX_PACER_SOFT_RATE 5000.0
#define VTX_PACER_LOOK (2 * CB_SECOND)
#define VTX_PACER_DOUBLE (500 * CB_MILLISECOND)
#define VTX_PACER_CUT 0.03
#define VTX_PACER_WINDOW (200 * CB_MILLISECOND)
#define VTX_PACER_QUIET (2 * CB_SECOND)
#define VTX_PACER_FLOOR 0.5 /* calls a second */
#define VTX_PACER_STREAK 3
#define VTX_PACER_FORGET (60 * CB_SECOND)
#define VTX_PACER_SLACK 5.0
#define VTX_PACER_SLACK_MIN (5 * CB_MILLISECOND)
#define VTX_PACER_SLACK_MAX (20 * CB_MILLISECOND)

/* The meter: what was started and refused, by the time it was started. */
#define VTX_PACER_SLOTS 40
#define VTX_PACER_SLOT (100 * CB_MILLISECOND)

struct vtx_pacer_slot {
  int64_t number; /* time / VTX_PACER_SLOT */
  uint32_t started;
  uint32_t refused;
};

enum vtx_pacer_phase {
  VTX_PACER_OPEN,
  VTX_PACER_LEARN, /* until not_before */
  VTX_PACER_PACED,
};

struct vtx_pacer {
  enum vtx_pacer_phase phase;
  bool doubling; /* no 429 since the rate was learned */
  double rate;   /* calls a second, at the time `at`; while not open */
  int64_t at;
  double ceiling;     /* the quota as last seen; 0: not yet */
  double resume;      /* the rate once a probe was not refused; 0: as it is */
  double binding;     /* share of starts that the rate held up, lately */
  uint32_t streak;    /* starts since the last 429 */
  int64_t next;       /* when the next start is due; slack before */
  int64_t not_before; /* whatever else: probes, and what learn waits for */
  int64_t first;      /* start after idleness */
  int64_t last;       /* start */
  int64_t cut;        /* the last one */
  int64_t refused;    /* the last one */
  int64_t quiet;      /* since when there is none; CB_NEVER: not known yet */
  int64_t rest;       /* how long the last one was to be; 0: none since a cut */
  int64_t delay;      /* how long refusals take */
  int64_t window_end; /* CB_NEVER: none open */
  uint32_t window_started;
  uint32_t window_refused;
  struct vtx_pacer_slot slots[VTX_PACER_SLOTS];
};

void vtx_pacer_init(struct vtx_pacer *pacer);

/* When the next call may start: now or before, if it may; later, if it is to be
 * asked again then. */
int64_t vtx_pacer_when(const struct vtx_pacer *pacer, int64_t now);

/* A call starts. */
void vtx_pacer_started(struct vtx_pacer *pacer, int64_t now);

/* A call that took so long (negative: not known) was refused for quota. */
void vtx_pacer_refused(struct vtx_pacer *pacer, int64_t now, int64_t took);

/* Nothing starts until then, and a probe first. */
void vtx_pacer_rest(struct vtx_pacer *pacer, int64_t now, int64_t until);

/* Calls a second; INFINITY while nothing limits them. */
double vtx_pacer_rate(const struct vtx_pacer *pacer);

#endif
