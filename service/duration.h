/* duration.h - google.protobuf.Duration and nanoseconds.
 *
 * Threads: safe from any.
 */
#ifndef VTX_DURATION_H
#define VTX_DURATION_H

#include <stdint.h>

#include "base/status.h"
#include "google/protobuf/duration.pb-c.h"

struct cb_arena;

/* Reads a knob. NULL leaves *ret_ns alone. INVALID_ARGUMENT naming field for a
 * negative one, for nanos out of range, and for what is no Duration at all;
 * what is too large for the clock (292 years) becomes CB_NEVER. */
struct cb_status vtx_duration_read(const Google__Protobuf__Duration *duration,
                                   const char *field, struct cb_arena *arena,
                                   int64_t *ret_ns);

/* ns (negative counts as 0) as a message on the caller's memory. */
Google__Protobuf__Duration vtx_duration_make(int64_t ns);

#endif
