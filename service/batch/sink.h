/* sink.h - the caller's end of a flow: takes results, gives credit, leaves.
 *
 * There is one for each call that is being worked on, from submit until three
 * things have happened: the call is done, the flow has come back, and the
 * control message is home. What a kind of call does with results is its type.
 *
 * Threads:   the crpc loop's.
 * Ownership: frees itself. Embedded as the first member of its type's struct.
 */
#ifndef VTX_SINK_H
#define VTX_SINK_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slots.h"
#include "service/batch/flow.h"

struct cb_arena;
struct crpc_call;
struct vtx_result;
struct vtx_service;
struct vtx_sink;

struct vtx_sink_type {
  size_t size; /* of the struct that embeds the sink */
  /* A result; the receiver's to free. Not after the caller has left. */
  void (*result)(struct vtx_sink *sink, struct vtx_result *result);
  /* No result will come any more; sink->flow is there. Not after the caller
   * has left. */
  void (*ended)(struct vtx_sink *sink);
  /* The call can take more; may be NULL. */
  void (*writable)(struct vtx_sink *sink);
  /* The next message of the caller's, and the end of them; NULL unless the
   * method streams requests. Not after the caller has left. */
  void (*message)(struct vtx_sink *sink, const ProtobufCMessage *message);
  void (*half_closed)(struct vtx_sink *sink);
  /* Of a pipe: an input of so many bytes was dispatched; and no more input is
   * wanted. Not after the caller has left. */
  void (*input_taken)(struct vtx_sink *sink, size_t size);
  void (*input_unwanted)(struct vtx_sink *sink);
  /* The answer to vtx_sink_ask(); may be NULL. */
  void (*told)(struct vtx_sink *sink, int32_t in_flight);
  /* Frees what the type holds: the caller has left, or all is over. Once; may
   * be NULL. */
  void (*release)(struct vtx_sink *sink);
};

struct vtx_sink {
  const struct vtx_sink_type *type;
  struct vtx_service *service;
  struct cb_arena *arena; /* holds the sink */
  struct cb_id id;
  struct crpc_call *call; /* NULL once it is done */
  struct vtx_flow *flow;  /* NULL until it has come back */
  struct vtx_control control;
  bool control_out;
  size_t credit; /* not yet told */
  size_t credit_step;
  enum vtx_stop stop; /* wanted, not yet told */
  bool asked;
  bool flow_over; /* it has come back, or never left */
  bool left;      /* the caller has */
  bool released;
};

/* A sink of type for call, with the rest of its struct zeroed; takes the
 * call's events. When out of memory the call is failed, and NULL returned. */
struct vtx_sink *vtx_sink_new(struct vtx_service *service,
                              struct crpc_call *call,
                              const struct vtx_sink_type *type);

/* Hands flow, made in the call's arena, over to the engine; the arena goes with
 * it. Fills in what every flow has of its call. */
void vtx_sink_submit(struct vtx_sink *sink, struct vtx_flow *flow);

/* There is no flow, or none yet: nothing to be done upstream. */
void vtx_sink_without_flow(struct vtx_sink *sink);

/* bytes of results are off the flow's account. */
void vtx_sink_credit(struct vtx_sink *sink, size_t bytes);

/* Wants no more, see flow.h. */
void vtx_sink_stop(struct vtx_sink *sink, enum vtx_stop stop);

/* Fails the call, now: what is under way for it is aborted, results that it has
 * not got are freed, and no event of the type comes any more but release, which
 * comes from inside. Where the call has not ended already. */
void vtx_sink_fail(struct vtx_sink *sink, const struct cb_status *status);

/* There is no memory for what is to be done next: timer, one of the loop's, is
 * set to VTX_MEMORY_WAIT from now. Where it cannot be set the call is failed
 * with SERVER_MEMORY and that message, rather than stand still. */
void vtx_sink_await_memory(struct vtx_sink *sink, struct cb_timer *timer,
                           const char *message);

/* Asks how many jobs are under way; told() answers soon. */
void vtx_sink_ask(struct vtx_sink *sink);

#endif
