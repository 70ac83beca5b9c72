/* The lane of a map: calls of some items each, since there is no pipe that
 * knows templates. Two lanes or more overlap, so that the end of one call,
 * where fewer items are left than could run, costs little. */
#include <stdlib.h>

#include "client/vertexctl/bulk_internal.h"
#include "client/vertexctl/settings.h"
#include "google/protobuf/struct.crpc.h"

#define ROUNDS 8 /* items of a call, for each that runs at a time */
#define MIN_ITEMS 16
#define MAX_ITEMS 1000
#define MAX_BYTES ((size_t)4 << 20)

static size_t items_of(const struct ctl_lane *lane) {
  size_t items = ROUNDS * (size_t)lane->max_concurrency;

  if (items < MIN_ITEMS) return MIN_ITEMS;
  return items < MAX_ITEMS ? items : MAX_ITEMS;
}

/* Takes the items of one call into the lane's window; returns how many. */
static size_t take_items(struct ctl_lane *lane,
                         google_protobuf_Value *values[MAX_ITEMS]) {
  size_t max = items_of(lane);
  size_t count = 0;

  while (count < max && lane->window.bytes < MAX_BYTES) {
    struct ctl_item *item = ctl_bulk_next(lane->bulk);

    if (!item) break;
    values[count] =
        google__protobuf__value__unpack(NULL, item->size, item->packed);
    if (!values[count]) {
      ctl_bulk_give_back(lane->bulk, item);
      break;
    }
    item->index = count++;
    ctl_window_add(&lane->window, item);
    lane->bulk->progress.in_flight++;
  }
  return count;
}

static struct cb_id start(struct ctl_lane *lane, google_protobuf_Value **values,
                          size_t count) {
  static const struct vertexd_batch_events events = {.result = ctl_lane_result,
                                                     .done = ctl_lane_done};
  const struct ctl_options *options = lane->bulk->options;
  struct vertexd_call_options call = ctl_lane_call(lane);
  vertexd_BatchOptions batch = ctl_batch_options(options);
  vertexd_MapGenerateRequest request = vertexd_MapGenerateRequest_INIT;

  batch.order = vertexd_RESULT_ORDER_AS_COMPLETED;
  request.template_ = (char *)(uintptr_t)options->template_text;
  if (options->item_template)
    request.item_template = (char *)(uintptr_t)options->item_template;
  request.values = values;
  request.n_values = count;
  request.defaults = (vertexd_GenerateRequest *)(uintptr_t)lane->bulk->defaults;
  request.max_concurrency = lane->max_concurrency;
  request.options = &batch;
  return vertexd_map(lane->bulk->client, &request, &call, &events, lane);
}

bool ctl_map_open(struct ctl_lane *lane) {
  google_protobuf_Value **values = calloc(MAX_ITEMS, sizeof *values);
  size_t count = values ? take_items(lane, values) : 0;

  lane->ended = true;
  lane->call = count > 0 ? start(lane, values, count) : (struct cb_id){0};
  for (size_t i = 0; i < count; i++)
    google__protobuf__value__free_unpacked(values[i], NULL);
  free(values);
  if (lane->call.generation != 0) return true;
  lane->bulk->progress.in_flight -= lane->window.count;
  ctl_window_empty(&lane->window, &lane->bulk->again);
  return false;
}
