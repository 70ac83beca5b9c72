#include "client/vertexctl/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define BAR_WIDTH 24
#define BAR_EVERY (CB_SECOND / 5)
#define LINES_EVERY (5 * CB_SECOND)
#define SMOOTHING 10.0 /* seconds that the rate looks back, about */

static uint64_t done_of(const struct ctl_progress *progress) {
  return progress->answered + progress->failed;
}

static size_t add_bar(const struct ctl_progress *progress, char *out) {
  uint64_t done = progress->skipped + done_of(progress);
  size_t filled = (size_t)(done * BAR_WIDTH / progress->total);

  out[0] = '[';
  for (size_t i = 0; i < BAR_WIDTH; i++)
    out[1 + i] = i < filled ? '#' : '.';
  memcpy(out + 1 + BAR_WIDTH, "] ", 2);
  return BAR_WIDTH + 3;
}

/* "1:02:03" or "2:03". */
static void print_time(char *out, size_t room, double seconds) {
  uint64_t left = seconds < 3.6e9 ? (uint64_t)(seconds + 0.5) : 3600000000;

  if (left >= 3600)
    snprintf(out, room, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, left / 3600,
             left / 60 % 60, left % 60);
  else
    snprintf(out, room, "%" PRIu64 ":%02" PRIu64, left / 60, left % 60);
}

static size_t add_rate(const struct ctl_progress *progress, char *out,
                       size_t room) {
  uint64_t done = progress->skipped + done_of(progress);
  char left[40];
  int size;

  if (progress->rate <= 0) return 0;
  if (progress->total <= done) {
    size = snprintf(out, room, ", %.1f/s", progress->rate);
  } else {
    print_time(left, sizeof left,
               (double)(progress->total - done) / progress->rate);
    size = snprintf(out, room, ", %.1f/s, ETA %s", progress->rate, left);
  }
  return (size_t)size;
}

size_t ctl_progress_text(const struct ctl_progress *progress,
                         char out[CTL_PROGRESS_ROOM]) {
  uint64_t done = progress->skipped + done_of(progress);
  size_t size = 0;

  if (progress->total > 0) {
    if (progress->kind == CTL_PROGRESS_BAR) size = add_bar(progress, out);
    size += (size_t)snprintf(out + size, CTL_PROGRESS_ROOM - size,
                             "%" PRIu64 "/%" PRIu64 " (%" PRIu64 " %%)", done,
                             progress->total, done * 100 / progress->total);
  } else {
    size += (size_t)snprintf(out + size, CTL_PROGRESS_ROOM - size,
                             "%" PRIu64 " done", done);
  }
  size += add_rate(progress, out + size, CTL_PROGRESS_ROOM - size);
  size += (size_t)snprintf(out + size, CTL_PROGRESS_ROOM - size,
                           ", %" PRIu64 " failed, %" PRId64 " tokens",
                           progress->failed, progress->tokens);
  return size;
}

/* The rate of late: what is older counts less and less. */
static void take_rate(struct ctl_progress *progress, int64_t now) {
  double seconds = (double)(now - progress->shown_at) / CB_SECOND;
  double rate = (double)(done_of(progress) - progress->shown_count) / seconds;
  double weight = seconds < SMOOTHING ? seconds / SMOOTHING : 1;

  progress->rate = progress->rate > 0
                       ? progress->rate + weight * (rate - progress->rate)
                       : rate;
}

void ctl_progress_show(struct ctl_progress *progress, int64_t now) {
  bool bar = progress->kind == CTL_PROGRESS_BAR;
  char text[CTL_PROGRESS_ROOM];

  if (progress->kind == CTL_PROGRESS_NONE) return;
  if (progress->shown_at == 0) progress->shown_at = now;
  if (now - progress->shown_at < (bar ? BAR_EVERY : LINES_EVERY)) return;
  take_rate(progress, now);
  progress->shown_at = now;
  progress->shown_count = done_of(progress);
  ctl_progress_text(progress, text);
  if (bar)
    fprintf(stderr, "\r%s\033[K", text);
  else
    fprintf(stderr, "vertexctl: %s\n", text);
  progress->bar_is_there = bar;
}

void ctl_progress_hide(struct ctl_progress *progress) {
  if (progress->bar_is_there) fputs("\r\033[K", stderr);
  progress->bar_is_there = false;
}
