#include "service/batch/options.h"

#include <inttypes.h>

#include "service/duration.h"
#include "service/limits.h"

static struct cb_status read_concurrency(int32_t asked,
                                         const struct vtx_run_limits *limits,
                                         struct cb_arena *arena,
                                         struct vtx_run *run) {
  if (asked < 0) {
    return cb_status_field(
        arena, "max_concurrency",
        "max_concurrency must not be negative, and is %" PRId32, asked);
  }
  run->max_concurrency = asked > 0 ? asked : VTX_CONCURRENCY_DEFAULT;
  if (run->max_concurrency > limits->max_concurrency_cap) {
    run->max_concurrency = limits->max_concurrency_cap;
  }
  return cb_status_ok();
}

static struct cb_status read_weight(const Vertexd__V1__BatchOptions *options,
                                    struct cb_arena *arena,
                                    struct vtx_run *run) {
  if (options->weight < 0) {
    return cb_status_field(
        arena, "options.weight",
        "options.weight must not be negative, and is %" PRId32,
        options->weight);
  }
  if (options->weight > 0) run->weight = options->weight;
  if (run->weight > VTX_WEIGHT_MAX) run->weight = VTX_WEIGHT_MAX;
  return cb_status_ok();
}

static struct cb_status read_policies(const Vertexd__V1__BatchOptions *options,
                                      struct cb_arena *arena,
                                      struct vtx_run *run) {
  int order = (int)options->order;
  int on_error = (int)options->on_error;

  if (order < VERTEXD__V1__RESULT_ORDER__RESULT_ORDER_UNSPECIFIED ||
      order > VERTEXD__V1__RESULT_ORDER__RESULT_ORDER_AS_COMPLETED) {
    return cb_status_field(arena, "options.order",
                           "options.order has no value with the number %d",
                           order);
  }
  if (on_error < VERTEXD__V1__ERROR_POLICY__ERROR_POLICY_UNSPECIFIED ||
      on_error > VERTEXD__V1__ERROR_POLICY__ERROR_POLICY_STOP) {
    return cb_status_field(arena, "options.on_error",
                           "options.on_error has no value with the number %d",
                           on_error);
  }
  if (order == VERTEXD__V1__RESULT_ORDER__RESULT_ORDER_AS_COMPLETED) {
    run->order = VTX_AS_COMPLETED;
  }
  run->stop_on_error = on_error == VERTEXD__V1__ERROR_POLICY__ERROR_POLICY_STOP;
  return cb_status_ok();
}

static struct cb_status read_times(const Vertexd__V1__BatchOptions *options,
                                   struct cb_arena *arena,
                                   struct vtx_run *run) {
  int64_t item_timeout = 0;
  struct cb_status status = vtx_duration_read(
      options->item_timeout, "options.item_timeout", arena, &item_timeout);

  if (status.code != CB_OK) return status;
  if (item_timeout > 0) run->item_timeout = item_timeout;
  status = vtx_duration_read(options->deadline_margin,
                             "options.deadline_margin", arena, &run->margin);
  if (status.code != CB_OK) return status;
  status =
      vtx_duration_read(options->progress_interval, "options.progress_interval",
                        arena, &run->progress);
  if (run->progress > 0 && run->progress < VTX_PROGRESS_MIN) {
    run->progress = VTX_PROGRESS_MIN;
  }
  return status;
}

static struct cb_status read_message_bytes(
    const Vertexd__V1__BatchOptions *options,
    const struct vtx_run_limits *limits, struct cb_arena *arena,
    struct vtx_run *run) {
  int64_t asked = options->max_message_bytes;

  if (options->_max_message_bytes_case ==
      VERTEXD__V1__BATCH_OPTIONS___MAX_MESSAGE_BYTES__NOT_SET) {
    return cb_status_ok();
  }
  if (asked < VTX_MESSAGE_BYTES_MIN) {
    return cb_status_field(
        arena, "options.max_message_bytes",
        "options.max_message_bytes must be at least %d, and is %" PRId64,
        VTX_MESSAGE_BYTES_MIN, asked);
  }
  run->max_message_bytes = limits->max_message_bytes;
  if ((uint64_t)asked < run->max_message_bytes) {
    run->max_message_bytes = (size_t)asked;
  }
  return cb_status_ok();
}

struct cb_status vtx_run_read(int32_t max_concurrency,
                              const Vertexd__V1__BatchOptions *options,
                              const struct vtx_run_limits *limits,
                              struct cb_arena *arena, struct vtx_run *ret_run) {
  struct vtx_run run = {.weight = 1,
                        .item_timeout = limits->item_timeout,
                        .margin = -1,
                        .order = VTX_INPUT_ORDER,
                        .max_message_bytes = VTX_MESSAGE_BYTES_DEFAULT};
  struct cb_status status =
      read_concurrency(max_concurrency, limits, arena, &run);

  if (status.code == CB_OK && options) {
    status = read_weight(options, arena, &run);
    if (status.code == CB_OK) status = read_policies(options, arena, &run);
    if (status.code == CB_OK) status = read_times(options, arena, &run);
    if (status.code == CB_OK) {
      status = read_message_bytes(options, limits, arena, &run);
    }
  }
  if (status.code == CB_OK) *ret_run = run;
  return status;
}
