#include "service/quota/limit.h"

#include <math.h>

/* So many failures, and twice those served, end a window early. */
#define LANDSLIDE 15

/* A cut so long after the one before it has a cause of its own. */
#define EPISODE (3 * CB_SECOND)

#define GROWTH 0.05      /* a second */
#define GROWTH_LEAST 0.5 /* calls a second */

void vtx_limit_init(struct vtx_limit *limit) {
  *limit = (struct vtx_limit){.cut = INT64_MIN, .since = INT64_MIN};
}

/* What failed is compared with what was started: failures come back at once,
 * so among ends they would be too many as long as the first answers are due. */
static double all(const struct vtx_limit *limit) {
  return fmax(limit->started, (double)limit->served + limit->failed);
}

/* Half of them, and more than chance would have it where three in ten fail. */
static bool most_failed(const struct vtx_limit *limit) {
  double count = all(limit);

  return limit->failed > 0.5 * count + 0.75 * sqrt(count);
}

bool vtx_limit_is_failing(const struct vtx_limit *limit) {
  return limit->value > 0 || limit->failed > 0.5 * all(limit);
}

static void cut(struct vtx_limit *limit, int64_t now) {
  double from = (double)limit->most;

  if (limit->value > 0) from = fmin(from, limit->value);
  /* Cuts that follow on one another are of one cause. */
  if (limit->value <= 0 || (limit->served && now - limit->cut > EPISODE)) {
    limit->good = from;
  }
  limit->value =
      fmax(1, from * (limit->served ? VTX_LIMIT_CUT : VTX_LIMIT_CUT_ALL));
  limit->cut = now;
}

static void grow(struct vtx_limit *limit, int64_t now) {
  double seconds = (double)(now - limit->since) / (double)CB_SECOND;

  if (now - limit->cut > VTX_LIMIT_FORGET) {
    limit->value = 0;
    limit->good = 0;
  } else if (limit->value < limit->good / 2) {
    limit->value = fmin(limit->value * exp2(seconds) + 0.001, limit->good / 2);
  } else if ((double)limit->most + 1 >= limit->value) {
    limit->value +=
        fmax(limit->value * GROWTH * seconds, GROWTH_LEAST * seconds);
  }
}

static void judge(struct vtx_limit *limit, int64_t now) {
  if (most_failed(limit)) {
    cut(limit, now);
  } else if (limit->value > 0 && limit->served >= limit->failed) {
    grow(limit, now);
  }
}

static void begin(struct vtx_limit *limit, int64_t now) {
  if (limit->since != INT64_MIN && now - limit->since <= VTX_LIMIT_STALE) {
    return;
  }
  limit->since = now;
  limit->started = 0;
  limit->served = 0;
  limit->failed = 0;
  limit->most = 0;
}

/* Time for it, or a landslide. */
static bool is_over(const struct vtx_limit *limit, int64_t now) {
  uint32_t ends = limit->served + limit->failed;

  if (limit->failed > 2 * limit->served + LANDSLIDE && most_failed(limit)) {
    return true;
  }
  return now - limit->since >= VTX_LIMIT_WINDOW && ends >= VTX_LIMIT_SAMPLES;
}

void vtx_limit_started(struct vtx_limit *limit, int64_t now) {
  begin(limit, now);
  limit->started++;
}

void vtx_limit_ended(struct vtx_limit *limit, int64_t now, size_t in_flight,
                     bool served) {
  begin(limit, now);
  if (served) {
    limit->served++;
  } else {
    limit->failed++;
  }
  if (in_flight + 1 > limit->most) limit->most = in_flight + 1;
  if (!is_over(limit, now)) return;
  judge(limit, now);
  limit->since = INT64_MIN;
  begin(limit, now);
}

size_t vtx_limit_value(const struct vtx_limit *limit) {
  return limit->value > 0 ? (size_t)limit->value : SIZE_MAX;
}
