/* bench.c - one measured run of one kind of load; tests/bench/run.py puts runs
 * side by side.
 *
 *   bench direct URL   COUNT CONCURRENCY      bare libcurl, nothing else
 *   bench direct-stream URL COUNT CONCURRENCY the same, streamGenerateContent
 *   bench unary  ADDR  COUNT CONCURRENCY CHANNELS   Generate calls
 *   bench stream ADDR  COUNT CONCURRENCY CHANNELS   StreamGenerate calls
 *   bench batch  ADDR  COUNT CONCURRENCY      one BatchGenerate
 *   bench pipe   ADDR  COUNT CONCURRENCY      one PipeGenerate
 *   bench paced-direct URL COUNT RATE         open loop: RATE calls a second
 *   bench paced  ADDR  COUNT RATE             the same through vertexd
 *
 * Prints one JSON line: seconds, ok, failed, p50_ms, p99_ms (where calls are
 * timed one by one), the messages that streams brought, and the CPU seconds of
 * this process. */
#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"

static int compare(const void *a, const void *b) {
  int64_t left = *(const int64_t *)a;
  int64_t right = *(const int64_t *)b;

  return (left > right) - (left < right);
}

static double milliseconds_at(const struct bench *bench, double part) {
  size_t place = (size_t)((double)(bench->timed - 1) * part);

  return bench->timed ? (double)bench->times[place] / 1e6 : 0;
}

void bench_time(struct bench *bench, int64_t started, bool ok) {
  bench->times[bench->timed++] = cb_now(NULL) - started;
  if (ok)
    bench->ok++;
  else
    bench->failed++;
}

static double cpu_seconds(void) {
  struct rusage usage;

  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void report(struct bench *bench, int64_t started) {
  double seconds = (double)(cb_now(NULL) - started) / 1e9;

  qsort(bench->times, bench->timed, sizeof *bench->times, compare);
  printf(
      "{\"seconds\":%.4f,\"ok\":%zu,\"failed\":%zu,\"p50_ms\":%.3f,"
      "\"p99_ms\":%.3f,\"messages\":%zu,\"cpu\":%.3f}\n",
      seconds, bench->ok, bench->failed, milliseconds_at(bench, 0.5),
      milliseconds_at(bench, 0.99), bench->messages, cpu_seconds());
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*run)(struct bench *bench);
  } kinds[] = {{"direct", bench_direct},
               {"direct-stream", bench_direct_stream},
               {"unary", bench_unary},
               {"stream", bench_stream},
               {"batch", bench_batch},
               {"pipe", bench_pipe},
               {"paced-direct", bench_paced_direct},
               {"paced", bench_paced}};
  struct bench bench = {.channels = 1};
  int64_t started;

  if (argc < 5) return 2;
  bench.target = argv[2];
  bench.count = strtoul(argv[3], NULL, 10);
  bench.concurrency = strtoul(argv[4], NULL, 10);
  if (argc > 5) bench.channels = strtoul(argv[5], NULL, 10);
  if (bench.count == 0 || bench.concurrency == 0 || bench.channels == 0)
    return 2;
  bench.times = calloc(bench.count, sizeof *bench.times);
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (strcmp(kinds[i].name, argv[1]) != 0) continue;
    started = cb_now(NULL);
    kinds[i].run(&bench);
    report(&bench, started);
    free(bench.times);
    return bench.failed > 0;
  }
  return 2;
}
