/* The lane of a batch: a pipe. */
#include "client/vertexctl/bulk_internal.h"
#include "client/vertexctl/settings.h"

#define WINDOW_MORE 2 /* on the way, besides what the server holds */
#define WINDOW_BYTES ((size_t)16 << 20)

static void on_writable(void *ctx) {
  struct ctl_lane *lane = ctx;

  lane->full = false;
}

bool ctl_pipe_open(struct ctl_lane *lane) {
  static const struct vertexd_pipe_events events = {.result = ctl_lane_result,
                                                    .writable = on_writable,
                                                    .done = ctl_lane_done};
  struct ctl_bulk *bulk = lane->bulk;
  struct vertexd_call_options call = ctl_lane_call(lane);
  vertexd_BatchOptions batch = ctl_batch_options(bulk->options);
  vertexd_PipeStart start = vertexd_PipeStart_INIT;

  batch.order = vertexd_RESULT_ORDER_AS_COMPLETED;
  start.defaults = (vertexd_GenerateRequest *)(uintptr_t)bulk->defaults;
  start.max_concurrency = lane->max_concurrency;
  start.options = &batch;
  lane->call = vertexd_pipe(bulk->client, &start, &call, &events, lane);
  return lane->call.generation != 0;
}

/* What the server holds (in flight and read ahead) and what is on the way. */
static bool has_room(const struct ctl_lane *lane) {
  const struct ctl_window *window = &lane->window;

  return window->count == 0 ||
         (window->count < 2 * (size_t)lane->max_concurrency + WINDOW_MORE &&
          window->bytes < WINDOW_BYTES);
}

static enum vertexd_pipe_sent send(struct ctl_lane *lane,
                                   struct ctl_item *item) {
  vertexd_GenerateRequest *request =
      vertexd__v1__generate_request__unpack(NULL, item->size, item->packed);
  enum vertexd_pipe_sent sent;

  if (!request) return VERTEXD_PIPE_NO_MEMORY;
  sent = vertexd_pipe_send(lane->bulk->client, lane->call, request);
  vertexd__v1__generate_request__free_unpacked(request, NULL);
  if (sent != VERTEXD_PIPE_SENT) return sent;
  item->index = lane->next_index++;
  ctl_window_add(&lane->window, item);
  lane->bulk->progress.in_flight++;
  return sent;
}

void ctl_pipe_end(struct ctl_lane *lane) {
  lane->ended = true;
  vertexd_pipe_end(lane->bulk->client, lane->call);
}

/* Sends one item; false when this is all for now. */
static bool feed_one(struct ctl_lane *lane) {
  struct ctl_bulk *bulk = lane->bulk;
  struct ctl_item *item = ctl_bulk_next(bulk);

  if (!item) {
    if (bulk->input_over || bulk->stopping) ctl_pipe_end(lane);
    return false;
  }
  switch (send(lane, item)) {
    case VERTEXD_PIPE_SENT:
      return true;
    case VERTEXD_PIPE_WAIT:
      lane->full = true;
      break;
    case VERTEXD_PIPE_OVER: /* the server takes no more; done says why */
      lane->full = true;
      break;
    case VERTEXD_PIPE_NO_MEMORY:
      ctl_bulk_say(bulk, "out of memory");
      ctl_bulk_stop(bulk, CTL_CALL_FAILED);
      break;
  }
  ctl_bulk_give_back(bulk, item);
  return false;
}

void ctl_pipe_feed(struct ctl_lane *lane) {
  if (lane->bulk->stopping) {
    ctl_pipe_end(lane);
    return;
  }
  while (!lane->full && has_room(lane) && feed_one(lane))
    continue;
}
