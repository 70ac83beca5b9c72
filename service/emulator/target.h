/* target.h - what the emulator knows of each (location, model): its quota, its
 * load and what became of its requests, in all and second by second.
 *
 * Threads:   none inside; the emulator's own.
 * Ownership: targets live as long as the table. At most VTX_EMU_TARGETS are
 *            told apart; all further ones share one by the name of "other".
 */
#ifndef VTX_EMULATOR_TARGET_H
#define VTX_EMULATOR_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/emulator/bucket.h"
#include "service/emulator/knobs.h"

struct cb_arena;
struct cb_json;

enum { VTX_EMU_TARGETS = 256, VTX_EMU_SECONDS = 120 };

enum vtx_emu_verdict {
  VTX_EMU_ACCEPTED,
  VTX_EMU_THROTTLED,  /* beyond the quota: 429 */
  VTX_EMU_OVERLOADED, /* beyond the capacity: 503 */
  VTX_EMU_VERDICTS,
};

/* One second's verdicts. */
struct vtx_emu_second {
  int64_t second; /* since the emulator's start */
  uint32_t count[VTX_EMU_VERDICTS];
};

struct vtx_emu_target {
  const char *location;
  const char *model;
  uint64_t requests;
  uint64_t in_flight;
  uint64_t peak_in_flight;
  uint64_t ok; /* answers of status 200, whatever came of them */
  uint64_t count[VTX_EMU_VERDICTS];
  struct vtx_emu_bucket request_bucket;
  struct vtx_emu_bucket token_bucket;
  struct vtx_emu_second seconds[VTX_EMU_SECONDS]; /* by second modulo */
};

struct vtx_emu_targets {
  struct cb_arena *arena;
  int64_t started; /* where seconds are counted from */
  struct vtx_emu_target *all[VTX_EMU_TARGETS + 1];
  size_t count;
};

/* False when memory is used up. now is the start. */
bool vtx_emu_targets_init(struct vtx_emu_targets *targets, int64_t now);
void vtx_emu_targets_release(struct vtx_emu_targets *targets);

/* Counters and timelines at zero, buckets full; in_flight stays. */
void vtx_emu_targets_reset(struct vtx_emu_targets *targets);

/* The target of that name, made if it is new. NULL when memory is used up. */
struct vtx_emu_target *vtx_emu_targets_find(struct vtx_emu_targets *targets,
                                            const char *location,
                                            const char *model);

/* A request for it has come; its answer has ended. NULL is fine. */
void vtx_emu_target_begin(struct vtx_emu_target *target);
void vtx_emu_target_end(struct vtx_emu_target *target);

/* Whether a request that has begun may be answered now, and counts the
 * verdict. capacity is how many may be in flight, 0: any number. */
enum vtx_emu_verdict vtx_emu_target_admit(struct vtx_emu_targets *targets,
                                          struct vtx_emu_target *target,
                                          const struct vtx_emu_quota *quota,
                                          int64_t capacity, int64_t now);

/* Charges the quota of tokens for an answer to an accepted request. */
void vtx_emu_target_charge(struct vtx_emu_target *target,
                           const struct vtx_emu_quota *quota, int64_t tokens);

/* Adds the members accepted, throttled, overloaded, ok and by_target to the
 * object that is open in json. */
void vtx_emu_targets_write(const struct vtx_emu_targets *targets,
                           struct cb_json *json);

/* Appends {"second": N, "timeline": [...]}: the last VTX_EMU_SECONDS seconds,
 * oldest first, N being the present one; summed over the targets of that
 * location and model, each NULL for any. */
void vtx_emu_targets_write_timeline(const struct vtx_emu_targets *targets,
                                    const char *location, const char *model,
                                    int64_t now, struct cb_json *json);

#endif
