/* progress.h - how far a run is, on stderr: a bar on a terminal, else a line
 * every few seconds.
 *
 * Threads: none inside. Ownership: the struct is the caller's. */
#ifndef VERTEXCTL_PROGRESS_H
#define VERTEXCTL_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ctl_progress_kind {
  CTL_PROGRESS_NONE,
  CTL_PROGRESS_BAR,
  CTL_PROGRESS_LINES,
};

struct ctl_progress {
  enum ctl_progress_kind kind;
  uint64_t total;    /* items of the input; 0: not known */
  uint64_t skipped;  /* of them, those of an earlier run */
  uint64_t answered; /* in this run */
  uint64_t failed;
  uint64_t in_flight;
  int64_t tokens;
  int64_t shown_at;     /* when it was shown last; 0: never */
  uint64_t shown_count; /* how many were answered or had failed then */
  double rate;          /* items a second of late; 0: not known yet */
  bool bar_is_there;    /* the cursor stands behind a bar */
};

/* What to say now. Room for 256 bytes; returns the length. For show and for
 * tests. */
#define CTL_PROGRESS_ROOM 256
size_t ctl_progress_text(const struct ctl_progress *progress,
                         char out[CTL_PROGRESS_ROOM]);

/* Shows it if it is time to. now is cb_now(). */
void ctl_progress_show(struct ctl_progress *progress, int64_t now);

/* Takes the bar away, so that something else can be printed. */
void ctl_progress_hide(struct ctl_progress *progress);

#endif
