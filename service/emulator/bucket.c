#include "service/emulator/bucket.h"

#include "base/clock.h"

double vtx_emu_bucket_fill(struct vtx_emu_bucket *bucket, double rate,
                           double burst, int64_t now) {
  if (!bucket->used) {
    bucket->used = true;
    bucket->level = burst;
  } else if (now > bucket->filled_at) {
    bucket->level +=
        rate * (double)(now - bucket->filled_at) / (double)CB_SECOND;
  }
  bucket->filled_at = now;
  if (bucket->level > burst) bucket->level = burst;
  return bucket->level;
}

void vtx_emu_bucket_spend(struct vtx_emu_bucket *bucket, double amount) {
  bucket->level -= amount;
}
