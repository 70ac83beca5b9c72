#include "service/quota/gcra.h"

#include <math.h>

void vtx_gcra_init(struct vtx_gcra *gcra, double per_minute) {
  gcra->unit = per_minute > 0 ? 60.0 * (double)CB_SECOND / per_minute : 0;
  gcra->paid = INT64_MIN;
  gcra->rest = 0;
}

/* The burst holds at least one unit: a limit of two requests a minute still
 * lets one through at once. */
static double burst(const struct vtx_gcra *gcra) {
  return fmax((double)VTX_GCRA_BURST, gcra->unit);
}

int64_t vtx_gcra_when(const struct vtx_gcra *gcra, int64_t now, double units) {
  double early;

  if (gcra->unit <= 0 || gcra->paid <= now) return now;
  early = burst(gcra) - units * gcra->unit;
  return early > 0 ? gcra->paid - (int64_t)early : gcra->paid;
}

/* Moves the time on by nanoseconds, which may be negative. */
static void owe(struct vtx_gcra *gcra, int64_t now, double nanoseconds) {
  double most = (double)VTX_GCRA_DEBT;
  double ahead = (double)(gcra->paid - now) + gcra->rest + nanoseconds;
  double whole = floor(fmin(ahead, most));

  gcra->rest = ahead > most ? 0 : ahead - whole;
  gcra->paid = now + (int64_t)whole;
}

void vtx_gcra_take(struct vtx_gcra *gcra, int64_t now, double units) {
  if (gcra->unit <= 0) return;
  if (gcra->paid < now) {
    gcra->paid = now;
    gcra->rest = 0;
  }
  owe(gcra, now, units * gcra->unit);
}

void vtx_gcra_settle(struct vtx_gcra *gcra, int64_t now, double more) {
  if (more > 0) {
    vtx_gcra_take(gcra, now, more);
  } else if (gcra->unit > 0 && gcra->paid > now) {
    owe(gcra, now, fmax(more * gcra->unit, (double)(now - gcra->paid)));
  }
}
