/* A lane: one call at a time, opened again when it breaks. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "client/vertexctl/bulk_internal.h"

#define FIRST_WAIT (CB_SECOND / 4)
#define LONGEST_WAIT (10 * CB_SECOND)
#define RENEW_EVERY (30 * CB_SECOND)

struct vertexd_call_options ctl_lane_call(const struct ctl_lane *lane) {
  int64_t deadline = lane->bulk->deadline;
  int64_t left = deadline == CB_NEVER ? 0 : deadline - cb_now(NULL);

  if (deadline != CB_NEVER && left < CB_MILLISECOND) left = CB_MILLISECOND;
  return (struct vertexd_call_options){.timeout = left};
}

/* A result that says only that the server went away. */
static bool is_of_shutdown(const vertexd_ItemResult *result) {
  return result->outcome_case == vertexd_ItemResult_OUTCOME_ERROR &&
         strcmp(result->error->reason, "SERVER_SHUTTING_DOWN") == 0;
}

void ctl_lane_result(void *ctx, const vertexd_ItemResult *result) {
  struct ctl_lane *lane = ctx;
  struct ctl_bulk *bulk = lane->bulk;
  struct ctl_item *item =
      ctl_window_take(&lane->window, (uint64_t)(uint32_t)result->index);

  if (!item || bulk->at_once) {
    if (item) cb_list_append(&bulk->again, &item->link);
    return;
  }
  bulk->progress.in_flight--;
  if (is_of_shutdown(result)) { /* the next call has it again */
    cb_list_append(&bulk->again, &item->link);
    return;
  }
  if (!ctl_bulk_take_result(bulk, item, result)) lane->cut = true;
  for (size_t i = 0; i < bulk->lane_count; i++)
    bulk->lanes[i].barren = 0;
}

/* The server takes no message of that size, from whatever call. The core says
 * so without a reason. */
static bool is_request_too_large(const struct cb_status *status) {
  static const char core[] = "Received message larger than max";

  return strcmp(status->reason, "REQUEST_TOO_LARGE") == 0 ||
         strncmp(status->message, core, sizeof core - 1) == 0;
}

static bool is_too_large(const struct cb_status *status) {
  return is_request_too_large(status) ||
         strcmp(status->reason, "METADATA_TOO_LARGE") == 0;
}

/* May the same work go well in another call? */
static bool may_be_repeated(const struct ctl_bulk *bulk,
                            const struct cb_status *status) {
  switch (status->code) {
    case CB_UNAVAILABLE:
    case CB_CANCELLED:
    case CB_UNKNOWN:
    case CB_INTERNAL:
    case CB_ABORTED:
    case CB_DATA_LOSS:
      return true;
    case CB_RESOURCE_EXHAUSTED:
      return !is_too_large(status);
    case CB_DEADLINE_EXCEEDED:
      return cb_now(NULL) < bulk->deadline;
    default:
      return false;
  }
}

static int64_t wait_of(const struct ctl_lane *lane,
                       const struct cb_status *status) {
  int64_t wait = FIRST_WAIT;

  for (unsigned i = 1; i < lane->barren && wait < LONGEST_WAIT; i++)
    wait *= 2;
  if (wait > LONGEST_WAIT) wait = LONGEST_WAIT;
  return status->retry_after > wait ? status->retry_after : wait;
}

/* Which item it was the server does not say; most likely the largest of those
 * that are still in the lane's window. */
static void blame_item(struct ctl_lane *lane) {
  const struct ctl_item *item = ctl_window_largest(&lane->window);

  lane->bulk->too_large = true;
  ctl_bulk_say(lane->bulk,
               "an item, or what all items share, is too large for the server, "
               "and would be so again");
  if (!item) return;
  ctl_bulk_say(lane->bulk,
               "the largest of the %zu under way: id %.200s, line %" PRIu64
               ", %zu bytes",
               lane->window.count, item->id, item->line, item->size);
}

static void give_up(struct ctl_lane *lane, const struct cb_status *status) {
  ctl_bulk_say(lane->bulk, "the call failed: %s%s%s%s: %s",
               cb_code_name(status->code), *status->reason ? " (" : "",
               status->reason, *status->reason ? ")" : "", status->message);
  if (*status->field) ctl_bulk_say(lane->bulk, "field: %s", status->field);
  if (is_request_too_large(status)) blame_item(lane);
  ctl_bulk_stop(lane->bulk, status->code == CB_UNAVAILABLE ? CTL_UNREACHABLE
                            : status->code == CB_DEADLINE_EXCEEDED
                                ? CTL_UNFINISHED
                                : CTL_CALL_FAILED);
}

static void broke(struct ctl_lane *lane, const struct cb_status *status) {
  struct ctl_bulk *bulk = lane->bulk;
  int64_t wait;

  if (bulk->stopping) return;
  lane->barren++;
  if (!may_be_repeated(bulk, status) ||
      lane->barren > (unsigned)bulk->options->files.max_reconnects) {
    give_up(lane, status);
    return;
  }
  wait = wait_of(lane, status);
  lane->reopen_at = cb_time_add(cb_now(NULL), wait);
  ctl_bulk_say(bulk, "the call broke, next try in %.2f s: %s: %s",
               (double)wait / CB_SECOND, cb_code_name(status->code),
               status->message);
}

void ctl_lane_done(void *ctx, const vertexd_BatchSummary *summary,
                   const struct cb_status *status) {
  struct ctl_lane *lane = ctx;
  struct ctl_bulk *bulk = lane->bulk;
  bool early = lane->cut || !lane->ended || lane->window.count > 0;

  (void)summary;
  lane->open = false;
  assert(bulk->progress.in_flight >= lane->window.count);
  bulk->progress.in_flight -= lane->window.count;
  if (status->code != CB_OK)
    broke(lane, status);
  else if (early && !bulk->stopping) /* its deadline, or an error for all */
    ctl_bulk_stop(bulk, CTL_UNFINISHED);
  ctl_window_empty(&lane->window, &bulk->again);
}

static bool open_call(struct ctl_lane *lane) {
  lane->ended = false;
  lane->full = false;
  lane->cut = false;
  lane->next_index = 0;
  return lane->bulk->options->command == CTL_MAP ? ctl_map_open(lane)
                                                 : ctl_pipe_open(lane);
}

void ctl_lane_work(struct ctl_lane *lane, int64_t now) {
  struct ctl_bulk *bulk = lane->bulk;

  if (!lane->open && !bulk->stopping && now >= lane->reopen_at &&
      ctl_bulk_has_more(bulk)) {
    lane->open = open_call(lane);
    if (!lane->open) {
      ctl_bulk_say(bulk, "out of memory");
      ctl_bulk_stop(bulk, CTL_CALL_FAILED);
    }
  }
  if (lane->open && !lane->ended) ctl_pipe_feed(lane);
}

void ctl_lane_renew(struct ctl_bulk *bulk, int64_t now) {
  struct ctl_lane *lane;

  if (bulk->renew_at == 0) bulk->renew_at = now + RENEW_EVERY;
  if (bulk->lane_count < 2 || now < bulk->renew_at) return;
  lane = &bulk->lanes[bulk->renew_next++ % bulk->lane_count];
  if (lane->open && !lane->ended) ctl_pipe_end(lane);
  bulk->renew_at = now + RENEW_EVERY;
}
