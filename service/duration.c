#include "service/duration.h"

#include "base/clock.h"

/* What the well-known type allows: some 10,000 years. */
#define SECONDS_MAX INT64_C(315576000000)

struct cb_status vtx_duration_read(const Google__Protobuf__Duration *duration,
                                   const char *field, struct cb_arena *arena,
                                   int64_t *ret_ns) {
  if (!duration) return cb_status_ok();
  if (duration->seconds > SECONDS_MAX || duration->seconds < -SECONDS_MAX) {
    return cb_status_field(arena, field, "%s is out of the range of a Duration",
                           field);
  }
  if (duration->nanos >= CB_SECOND || duration->nanos <= -CB_SECOND ||
      (duration->seconds > 0 && duration->nanos < 0) ||
      (duration->seconds < 0 && duration->nanos > 0)) {
    return cb_status_field(
        arena, field,
        "%s is no Duration: nanos must be within a second and "
        "have the sign of seconds",
        field);
  }
  if (duration->seconds < 0 || duration->nanos < 0) {
    return cb_status_field(arena, field, "%s must not be negative", field);
  }
  if (duration->seconds >= CB_NEVER / CB_SECOND) {
    *ret_ns = CB_NEVER;
  } else {
    *ret_ns = duration->seconds * CB_SECOND + duration->nanos;
  }
  return cb_status_ok();
}

Google__Protobuf__Duration vtx_duration_make(int64_t ns) {
  Google__Protobuf__Duration duration = GOOGLE__PROTOBUF__DURATION__INIT;

  if (ns > 0) {
    duration.seconds = ns / CB_SECOND;
    duration.nanos = (int32_t)(ns % CB_SECOND);
  }
  return duration;
}
