/* bulk_internal.h - what the files of a run share.
 *
 * A run takes items from the source, gives them to its lanes, and writes what
 * comes back. A lane is one call at a time that carries part of the work: a
 * pipe for batch; for map, which has no pipe, calls of some hundred items one
 * after another. What a broken call leaves unanswered goes to the list again,
 * from which the lanes take before they read on.
 *
 * An item is in exactly one place: the source, the list, one lane's window, or
 * freed because its result was written.
 *
 * Threads: one; callbacks run inside vertexd_client_step(). */
#ifndef VERTEXCTL_BULK_INTERNAL_H
#define VERTEXCTL_BULK_INTERNAL_H

#include "base/buf.h"
#include "client/vertexctl/bulk.h"
#include "client/vertexctl/ids.h"
#include "client/vertexctl/progress.h"
#include "client/vertexctl/results.h"
#include "client/vertexctl/source.h"
#include "client/vertexctl/window.h"

struct ctl_bulk;

struct ctl_lane {
  struct ctl_bulk *bulk;
  struct ctl_window window; /* items sent and not answered */
  struct cb_id call;
  bool open;  /* done has not come yet */
  bool ended; /* nothing more is sent on this call */
  bool full;  /* until writable */
  bool cut;   /* the server gave items back unworked */
  int32_t max_concurrency;
  uint64_t next_index;
  unsigned barren;   /* calls broken in a row, without a result in between */
  int64_t reopen_at; /* not before that */
};

struct ctl_bulk {
  const struct ctl_options *options;
  const vertexd_GenerateRequest *defaults;
  struct vertexd_client *client;
  struct ctl_source *source;
  struct ctl_ids ids;
  struct ctl_results results;
  struct ctl_progress progress;
  struct cb_buf line;   /* the last result's */
  struct cb_link again; /* items to be sent before the source is read on */
  struct ctl_lane *lanes;
  size_t lane_count;
  size_t renew_next; /* lane */
  int64_t renew_at;
  int64_t deadline;
  int signals;     /* signalfd */
  bool checked;    /* the whole input was looked through before */
  bool input_over; /* the source is at its end */
  bool stopping;   /* nothing more is sent */
  bool too_large;  /* an item is: the same command would end as this one */
  bool left_over;  /* items were given back unworked and dropped */
  bool interrupted;
  bool at_once; /* the second signal: do not wait for anything */
  enum ctl_exit result;
  struct ctl_earlier earlier;
};

/* A message to the person, in the place of the progress bar. */
void ctl_bulk_say(struct ctl_bulk *bulk, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Ends the sending; result is the exit code unless there is one. */
void ctl_bulk_stop(struct ctl_bulk *bulk, enum ctl_exit result);

/* Looks the whole input through, so that what is wrong is said before anything
 * is sent; notes all ids. False and result set if something is. */
bool ctl_bulk_check(struct ctl_bulk *bulk);

/* The next item that has no result yet; NULL: there is none (input_over), none
 * has come through the pipe so far, or the input is bad (stopping). */
struct ctl_item *ctl_bulk_next(struct ctl_bulk *bulk);

/* Is there one? */
bool ctl_bulk_has_more(struct ctl_bulk *bulk);

/* Takes an item back that was not sent; it comes next. */
void ctl_bulk_give_back(struct ctl_bulk *bulk, struct ctl_item *item);

/* Writes the result of an item, and frees the item. False: it was not worked
 * on, and is as if it had not been sent. */
bool ctl_bulk_take_result(struct ctl_bulk *bulk, struct ctl_item *item,
                          const vertexd_ItemResult *result);

/* Opens the lane's call if there is work for it, and feeds it. */
void ctl_lane_work(struct ctl_lane *lane, int64_t now);

/* What both kinds of call do with a result and with their end. */
void ctl_lane_result(void *ctx, const vertexd_ItemResult *result);
void ctl_lane_done(void *ctx, const vertexd_BatchSummary *summary,
                   const struct cb_status *status);

/* The options of a call that is opened now. */
struct vertexd_call_options ctl_lane_call(const struct ctl_lane *lane);

/* Ends the call of one lane after the other, every half minute, where there
 * are several: its next call goes to the server whose turn it is. So the work
 * comes back to a server that was away. */
void ctl_lane_renew(struct ctl_bulk *bulk, int64_t now);

/* Opens a pipe, sends what it takes, and ends it. */
bool ctl_pipe_open(struct ctl_lane *lane);
void ctl_pipe_end(struct ctl_lane *lane);
void ctl_pipe_feed(struct ctl_lane *lane);

/* Opens a call with the next items of a map. */
bool ctl_map_open(struct ctl_lane *lane);

#endif
