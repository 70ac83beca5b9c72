/* options.h - how a batch or a map is to be run: what the caller asked for,
 * checked, with defaults filled in and limits applied.
 *
 * Threads: safe from any.
 */
#ifndef VTX_BATCH_OPTIONS_H
#define VTX_BATCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "service/batch/window.h"
#include "vertexd/v1/vertexd.pb-c.h"

struct cb_arena;

struct vtx_run {
  int32_t max_concurrency; /* in force */
  int32_t weight;
  int64_t item_timeout; /* nanoseconds */
  int64_t margin;       /* nanoseconds, -1 if the caller did not say */
  int64_t progress;     /* nanoseconds, 0: none */
  enum vtx_window_order order;
  bool stop_on_error;
  size_t max_message_bytes;
};

/* What the server allows. */
struct vtx_run_limits {
  int32_t max_concurrency_cap;
  int64_t item_timeout;     /* where the caller says nothing */
  size_t max_message_bytes; /* at most */
};

/* Reads the knobs of a call. options may be NULL. INVALID_ARGUMENT naming the
 * field for what is negative or unknown. */
struct cb_status vtx_run_read(int32_t max_concurrency,
                              const Vertexd__V1__BatchOptions *options,
                              const struct vtx_run_limits *limits,
                              struct cb_arena *arena, struct vtx_run *ret_run);

#endif
