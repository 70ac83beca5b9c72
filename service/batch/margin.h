/* margin.h - when the server ends its own work for a call.
 *
 * That is a margin before the caller's deadline, so that what is done, and the
 * typed error for what is not, arrive before the caller's bare timer.
 *
 * Threads: safe from any.
 */
#ifndef VTX_MARGIN_H
#define VTX_MARGIN_H

#include <stddef.h>
#include <stdint.h>

/* margin: as the caller asked, -1 if it did not: then the smaller of 5 % of the
 * call's time and VTX_MARGIN_MAX. All in cb_clock nanoseconds. CB_NEVER for a
 * call without deadline. May lie before arrived, if the margin is larger than
 * the call's time. */
int64_t vtx_margin_end(int64_t arrived, int64_t deadline, int64_t margin);

/* How much earlier than end work must be over when that many results, and that
 * many bytes of others, are still to be written then: what writing and reading
 * them takes, but half of the call's time at most. Not negative. */
int64_t vtx_margin_growth(int64_t arrived, int64_t end, uint64_t results,
                          size_t bytes);

#endif
