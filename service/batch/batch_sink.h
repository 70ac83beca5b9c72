/* batch_sink.h - the sink of BatchGenerate and StreamMapGenerate: results in
 * their order, progress on a timer, errors for what was never sent, and one
 * summary.
 *
 * Threads: the crpc loop's.
 */
#ifndef VTX_BATCH_SINK_H
#define VTX_BATCH_SINK_H

#include "crpc/call.h"
#include "service/batch/options.h"
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

/* Runs flow, whose source is filled in, for call. */
void vtx_batch_submit(struct crpc_call *call, struct vtx_flow *flow,
                      const struct vtx_run *run, vtx_batch_send *send,
                      struct vtx_service *service);

#endif
