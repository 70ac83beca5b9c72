/* bucket.h - a token bucket, by which the emulator keeps a quota.
 *
 * A bucket holds at most `burst` and is refilled at `rate` a second. Both are
 * given with each call, so a quota may change while it is in use: what is in
 * the bucket then stays, as far as it fits.
 *
 * Threads: none inside. Times are nanoseconds of cb_now().
 */
#ifndef VTX_EMULATOR_BUCKET_H
#define VTX_EMULATOR_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/* All zero is a bucket that is full when it is first used. */
struct vtx_emu_bucket {
  double level; /* may be below 0, see vtx_emu_bucket_spend() */
  int64_t filled_at;
  bool used;
};

/* Refills the bucket up to now and returns what is in it. */
double vtx_emu_bucket_fill(struct vtx_emu_bucket *bucket, double rate,
                           double burst, int64_t now);

/* Takes amount out, which may leave a debt. */
void vtx_emu_bucket_spend(struct vtx_emu_bucket *bucket, double amount);

#endif
