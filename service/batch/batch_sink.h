/* batch_sink.h - the sink of BatchGenerate and StreamMapGenerate, and the way
 * out of PipeGenerate: results in their order, progress on a timer, errors for
 * what was never sent, and one summary.
 *
 * Threads: the crpc loop's.
 */
#ifndef VTX_BATCH_SINK_H
#define VTX_BATCH_SINK_H

#include "base/timers.h"
#include "crpc/call.h"
#include "service/batch/options.h"
#include "service/batch/sink.h"
#include "service/batch/summary.h"
#include "service/batch/window.h"
#include "vertexd/v1/vertexd.pb-c.h"

struct vtx_flow;
struct vtx_service;

/* One message of the stream: exactly one member is set. */
struct vtx_batch_event {
  Vertexd__V1__BatchProgress *progress;
  Vertexd__V1__ItemResult *result;
  Vertexd__V1__BatchSummary *summary;
};

/* Sends an event as the method's own message. */
typedef enum crpc_send vtx_batch_send(struct crpc_call *call,
                                      const struct vtx_batch_event *event);

struct vtx_batch {
  struct vtx_sink sink;
  vtx_batch_send *send;
  struct vtx_run run;
  int64_t arrived;
  struct vtx_window window;
  struct vtx_result *first; /* taken out of it, and not yet sent */
  struct vtx_summary summary;
  uint32_t rest; /* the next item that was never dispatched */
  int32_t in_flight;
  bool progress_due;
  bool begun;
  bool over;                   /* nothing is sent any more */
  const struct cb_status *end; /* of the call, after all; NULL: OK */
  struct cb_timer progress_timer;
  struct cb_timer memory_timer;
};

/* Runs flow, whose source is filled in, for call. */
void vtx_batch_submit(struct crpc_call *call, struct vtx_flow *flow,
                      const struct vtx_run *run, vtx_batch_send *send,
                      struct vtx_service *service);

/* For a sink type that begins with a struct vtx_batch: begins with flow, and
 * the members of the type that it may take as they are or call. */
void vtx_batch_begin(struct vtx_batch *batch, struct vtx_flow *flow,
                     const struct vtx_run *run, vtx_batch_send *send);
void vtx_batch_take(struct vtx_sink *sink, struct vtx_result *result);
void vtx_batch_ended(struct vtx_sink *sink);
void vtx_batch_pump(struct vtx_sink *sink);
void vtx_batch_told(struct vtx_sink *sink, int32_t in_flight);
void vtx_batch_release(struct vtx_sink *sink);

#endif
