/* MapGenerate: a template over items, all results in one message.
 *
 * Results are packed as soon as their turn comes, one behind the other, as the
 * elements of the field `results`; what is kept until the end is wire bytes
 * and not messages. To protobuf-c they are one unknown field: it writes tag and
 * bytes as they are.
 *
 * Memory for a minimal error of every item is there from the beginning on, so
 * that no lack of it loses what was done: an answer that there is none for
 * becomes an error, and the others stay.
 */
#include <assert.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/timers.h"
#include "crpc/call.h"
#include "crpc/loop.h"
#include "service/batch/flow.h"
#include "service/batch/message_room.h"
#include "service/batch/result.h"
#include "service/batch/sink.h"
#include "service/batch/summary.h"
#include "service/batch/window.h"
#include "service/handlers/handlers.h"
#include "service/reasons.h"
#include "service/service_state.h"

/* MapGenerateResponse.results: field 1, with a length. */
#define RESULTS_NUMBER 1
#define RESULTS_TAG 0x0A

/* Errors for items never dispatched that are packed in one go. */
#define REST_SLICE 1000

struct map {
  struct vtx_sink sink;
  struct vtx_run run;
  int64_t arrived;
  struct vtx_window window;
  struct vtx_summary summary;
  struct vtx_message_room room;
  struct cb_buf results;
  uint32_t packed; /* items in it */
  uint32_t rest;
  bool stopped; /* the flow was told to */
  bool over;
  struct cb_timer timer;
};

static void add_varint(struct cb_buf *buf, size_t value) {
  while (value >= 0x80) {
    cb_buf_add_char(buf, (char)(value | 0x80));
    value >>= 7;
  }
  cb_buf_add_char(buf, (char)value);
}

/* True if there is memory for item, and behind it for a minimal error of each
 * one that follows. A minimal error can always be had. */
static bool reserve(struct map *map, const struct vtx_item *item) {
  size_t after = (map->summary.total - map->packed - 1) * map->room.minimal;

  if (cb_buf_reserve(&map->results, vtx_item_size(item) + after)) return true;
  map->results.failed = false; /* what is smaller still fits */
  return false;
}

/* Packs item, which there is memory for, behind the others. */
static void pack(struct map *map, const struct vtx_item *item) {
  size_t size = vertexd__v1__item_result__get_packed_size(&item->result);
  size_t before = map->results.len;
  char *room;

  cb_buf_add_char(&map->results, RESULTS_TAG);
  add_varint(&map->results, size);
  room = cb_buf_reserve(&map->results, size);
  assert(room);
  vertexd__v1__item_result__pack(&item->result, (uint8_t *)room);
  cb_buf_grow(&map->results, size);
  map->packed++;
  vtx_message_room_take(
      &map->room, map->results.len - before,
      item->result.outcome_case == VERTEXD__V1__ITEM_RESULT__OUTCOME_RESPONSE);
}

static struct cb_status no_memory(void) {
  return vtx_refuse(VTX_SERVICE_SERVER_MEMORY,
                    "the server has no memory for the results of this call");
}

static void stop(struct map *map, enum vtx_stop why) {
  if (map->stopped) return;
  map->stopped = true;
  vtx_sink_stop(&map->sink, why);
}

static void count(struct map *map, const struct vtx_result *result) {
  const Vertexd__V1__GenerateResponse *response =
      (const Vertexd__V1__GenerateResponse *)result->message;

  if (response) {
    vtx_summary_answer(&map->summary, response->token_count);
  } else {
    vtx_summary_failure(&map->summary, result->status.code,
                        result->status.reason, 1);
  }
}

/* There is no memory for item, the result's, as it is. Further answers would be
 * paid for and thrown away as well. */
static void shrink(struct map *map, struct vtx_result *result,
                   struct vtx_item *item) {
  struct cb_status status = no_memory();

  if (result->message) {
    vtx_result_fail(result, &status);
    vtx_item_fill(item, result);
    stop(map, map->run.stop_on_error ? VTX_STOP_ERROR : VTX_STOP_MEMORY);
  }
  vtx_item_minimise(item);
}

/* Admits the result whose turn it is. */
static void admit(struct map *map, struct vtx_result *result) {
  struct vtx_item item;
  bool was_answer = result->message != NULL;

  vtx_item_fill(&item, result);
  vtx_item_fit(&item, result, vtx_message_room_next(&map->room));
  if (was_answer && !result->message) {
    vtx_message_room_refused(&map->room);
    if (map->run.stop_on_error) stop(map, VTX_STOP_ERROR);
    if (map->room.full) stop(map, VTX_STOP_FULL);
  }
  if (!reserve(map, &item)) shrink(map, result, &item);
  count(map, result);
  pack(map, &item);
}

static void reply(struct map *map) {
  Vertexd__V1__MapGenerateResponse response =
      VERTEXD__V1__MAP_GENERATE_RESPONSE__INIT;
  struct vtx_summary_message message;
  ProtobufCMessageUnknownField results = {
      .tag = RESULTS_NUMBER, .wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED};

  vtx_summary_fill(&map->summary, cb_now(NULL) - map->arrived,
                   map->run.max_concurrency, &message);
  response.summary = &message.summary;
  if (map->results.len > 0) {
    /* The first tag is the unknown field's own. */
    results.data = (uint8_t *)map->results.data + 1;
    results.len = map->results.len - 1;
    response.base.n_unknown_fields = 1;
    response.base.unknown_fields = &results;
  }
  map->over = true;
  crpc_call_reply(map->sink.call, &response.base);
}

static void take(struct vtx_sink *sink, struct vtx_result *result) {
  struct map *map = (struct map *)sink;

  vtx_window_put(&map->window, result);
  while (!map->over && (result = vtx_window_take(&map->window)) != NULL) {
    size_t charge = result->charge;

    admit(map, result);
    vtx_result_free(result);
    vtx_sink_credit(sink, charge);
  }
}

/* Packs the next slice of errors for what was never sent. */
static void pack_slice(struct map *map) {
  const struct vtx_flow *flow = map->sink.flow;
  uint32_t until = map->summary.total;

  if (until - map->rest > REST_SLICE) until = map->rest + REST_SLICE;
  for (; map->rest < until; map->rest++) {
    struct vtx_item item;

    vtx_item_fill_error(&item, map->rest, "", &flow->rest);
    if (vtx_item_size(&item) > vtx_message_room_next(&map->room) ||
        !reserve(map, &item)) {
      vtx_item_minimise(&item);
    }
    pack(map, &item);
  }
}

/* Packs them all, one slice in a turn if that can be had, and replies. */
static void pack_rest(struct map *map) {
  do {
    pack_slice(map);
    if (map->rest == map->summary.total) {
      reply(map);
      return;
    }
  } while (!crpc_loop_set_timer(map->sink.service->options.loop, &map->timer,
                                cb_now(NULL)));
}

static void timer_fired(struct cb_timer *timer) {
  pack_rest(CB_CONTAINER(timer, struct map, timer));
}

static void ended(struct vtx_sink *sink) {
  struct map *map = (struct map *)sink;
  const struct vtx_flow *flow = sink->flow;

  if (map->over) return;
  map->rest = flow->next;
  if (map->rest < map->summary.total) {
    vtx_summary_failure(&map->summary, flow->rest.code, flow->rest.reason,
                        map->summary.total - map->rest);
  }
  pack_rest(map);
}

static void release(struct vtx_sink *sink) {
  struct map *map = (struct map *)sink;

  crpc_loop_cancel_timer(sink->service->options.loop, &map->timer);
  vtx_window_release(&map->window);
  cb_buf_release(&map->results);
}

static const struct vtx_sink_type map_type = {
    .size = sizeof(struct map),
    .result = take,
    .ended = ended,
    .release = release,
};

/* Room for a minimal error of each item must be there. */
static bool check_room(struct crpc_call *call, const struct vtx_run *run,
                       uint32_t count, const char *field,
                       struct vtx_message_room *ret_room) {
  struct cb_status status;

  if (vtx_message_room_init(ret_room, run->max_message_bytes, count)) {
    return true;
  }
  status = cb_status_field(
      crpc_call_arena(call), field,
      "%s has %u items; not even errors for more than %zu fit into one message "
      "of "
      "%zu bytes: use StreamMapGenerate, or raise options.max_message_bytes",
      field, (unsigned)count, vtx_message_room_items(run->max_message_bytes),
      run->max_message_bytes);
  status.reason = "TOO_MANY_ITEMS";
  return vtx_prepare_check(call, &status);
}

static void submit(struct crpc_call *call, struct vtx_flow *flow,
                   const struct vtx_run *run,
                   const struct vtx_message_room *room,
                   struct vtx_service *service) {
  struct map *map = (struct map *)vtx_sink_new(service, call, &map_type);
  struct cb_status status = no_memory();

  if (!map) return;
  map->run = *run;
  map->room = *room;
  map->arrived = flow->arrived;
  map->timer.fire = timer_fired;
  vtx_window_init(&map->window, VTX_INPUT_ORDER);
  vtx_summary_init(&map->summary, flow->source.count);
  cb_buf_init(&map->results, run->max_message_bytes, service->options.budget);
  if (flow->source.count == 0) {
    vtx_sink_without_flow(&map->sink);
    reply(map);
    return;
  }
  if (!cb_buf_reserve(&map->results, room->minimal * flow->source.count)) {
    vtx_sink_without_flow(&map->sink);
    crpc_call_fail(call, &status);
    return;
  }
  vtx_sink_submit(&map->sink, flow);
}

void vtx_handle_map_generate(struct crpc_call *call,
                             const Vertexd__V1__MapGenerateRequest *request,
                             void *self) {
  const char *field = request->n_values > 0 ? "values" : "items";
  struct vtx_message_room room;
  struct vtx_run run;
  struct vtx_flow *flow = vtx_prepare_map(self, call, request, &run);

  if (!flow || !check_room(call, &run, flow->source.count, field, &room))
    return;
  submit(call, flow, &run, &room, self);
}
