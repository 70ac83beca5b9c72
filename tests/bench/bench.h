/* bench.h - what the kinds of load share. */
#ifndef VTX_BENCH_H
#define VTX_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A prompt like those of small classification jobs, 320 bytes of body. */
#define BENCH_PROMPT                                                    \
  "Classify the sentiment of this review as positive, negative or "     \
  "neutral and give one reason: the delivery was late, but the people " \
  "at the counter were kind and the coffee was the best in town."

struct bench {
  const char *target;
  size_t count;
  size_t concurrency; /* or calls a second, for the paced kinds */
  size_t channels;
  int64_t *times; /* nanoseconds of each call that was timed */
  size_t timed;
  size_t messages; /* of streams */
  size_t ok;
  size_t failed;
};

/* Notes the end of one call. */
void bench_time(struct bench *bench, int64_t started, bool ok);

void bench_direct(struct bench *bench);
void bench_direct_stream(struct bench *bench);
void bench_paced_direct(struct bench *bench);
void bench_unary(struct bench *bench);
void bench_stream(struct bench *bench);
void bench_paced(struct bench *bench);
void bench_batch(struct bench *bench);
void bench_pipe(struct bench *bench);

#endif
