/* target_log.h - what happens to the targets, as lines of the log.
 *
 * Threads: any; the log's.
 */
#ifndef VTX_TARGET_LOG_H
#define VTX_TARGET_LOG_H

#include "service/scheduler/report.h"

struct vtx_log;

/* One line about a target as it is now, of that event ("target"):
 *   target                    location and model
 *   in_flight                 calls under way
 *   started, served, throttled, failed, silent   calls so far; failed:
 *                             overloaded or not reached
 *   breaker                   closed, open or half_open
 *   opened                    times that the breaker opened
 *   probe_in_ms               while the breaker is open
 *   rate_per_minute           starts allowed, where something limits them
 *   limit                     calls under way allowed
 */
void vtx_target_log(struct vtx_log *log, const char *event,
                    const struct vtx_target_report *report);

/* One line about what has become of a target: target_fails, target_recovered
 * or target_throttled, with the fields above. */
void vtx_target_log_change(struct vtx_log *log, enum vtx_target_event event,
                           const struct vtx_target_report *report);

#endif
