/* flow.h - one call's prompts on the engine: a cursor, not a list of jobs.
 *
 * Life: a handler makes the flow in the request's arena and its sink posts it
 * to the engine. There the scheduler asks it for one prompt after the other;
 * each becomes a job and then a result, posted to the sink. When no job is left
 * and none will come, the flow goes back to the sink, once: with `next` saying
 * how far it came and `rest` why it went no further. The sink frees it.
 *
 * What ends it early, from mild to hard; each does what those above it do:
 *
 *   closed    an error that hits all, from the place where prompts go first;
 *             the one message of the call is full, or has no memory
 *             -> nothing is dispatched any more. Jobs that wait for another
 *                attempt, and inputs of a pipe, end at once with rest; so do,
 *                at the sink, the items from next on
 *   aborted   the time is over; an item failed and on_error is STOP; shutdown
 *             -> jobs under way end as well, and their requests are cut off
 *   dropped   the caller has left, or its call failed
 *             -> results go nowhere
 *
 * One that is refused never began: its call fails with rest. In all other cases
 * each item has one result.
 *
 * Prompts begin in their order, but for those of other targets that overtake
 * one whose target has no room (service/batch/ahead.h).
 *
 * The prompts of a pipe come while the flow runs (service/batch/input.h); a
 * flow that has none at the moment waits, and one that is closed gives those
 * that still come a result at once and says that it wants no more.
 *
 * Threads:   made on the crpc loop, the engine's from submit to its way back,
 *            then the crpc loop's again.
 * Ownership: moves with the message. The arena holds the flow itself.
 */
#ifndef VTX_FLOW_H
#define VTX_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/mailbox.h"
#include "base/slots.h"
#include "base/status.h"
#include "base/timers.h"
#include "service/batch/ahead.h"
#include "service/batch/head.h"
#include "service/batch/source.h"
#include "service/scheduler/scheduler.h"
#include "service/vertex/endpoint.h"

struct cb_arena;
struct vtx_input;
struct vtx_job;
struct vtx_result;
struct vtx_service;

struct vtx_flow {
  /* Filled in before submit. */
  struct vtx_service *service;
  struct cb_arena *arena; /* the request, and the flow in it */
  struct cb_id id;        /* the sink's */
  struct vtx_source source;
  enum vtx_verb verb;
  int64_t arrived;          /* cb_clock */
  int64_t end;              /* cb_clock: our own work is over by then */
  int64_t item_timeout;     /* nanoseconds, CB_NEVER: none */
  size_t max_message_bytes; /* a result may have, 0: no limit */
  bool grows;               /* the margin, with what is still to be written */
  size_t allowance;         /* unsent bytes over which nothing is dispatched */
  bool stop_on_error;
  void (*take_result)(struct cb_mail *mail); /* delivers it on the crpc loop */
  /* Of a pipe: delivers the word that an input was dispatched, and the word
   * that no more is wanted, on the crpc loop. */
  void (*input_taken)(struct cb_mail *mail);
  void (*input_unwanted)(struct cb_mail *mail);
  int32_t earlier_attempts;     /* the caller's own retries before this call */
  struct vtx_sched_entry entry; /* class, weight and limit filled in */

  /* The engine's. */
  struct cb_mail start; /* the way there */
  struct cb_mail mail;  /* the way back */
  struct cb_timer end_timer;
  struct cb_timer memory_timer;
  struct cb_timer patience; /* of a single call, with a throttled target */
  struct cb_link jobs;
  struct cb_link again;   /* those that came back, ready; oldest first */
  struct vtx_head head;   /* what is next, as the scheduler was told */
  struct vtx_ahead ahead; /* what was dispatched behind next */
  struct cb_timer look;   /* until it is chosen anew what is next */
  struct cb_link ending;
  size_t unsent;
  bool no_memory;
  bool paused;
  bool closed;
  bool dropped;             /* the caller has left: results go nowhere */
  struct cb_link inputs;    /* of a pipe: those that wait */
  struct cb_mail end_input; /* the way there of: no more will come */
  struct cb_mail unwanted;  /* the way back of: no more is wanted */
  bool input_over;          /* no more will come; true unless it is a pipe */
  bool refused;             /* it never began: the call fails with rest */
  double output;            /* tokens that its answers have, as far as known */
  bool own_models;          /* an input named a model of its own */

  uint32_t next; /* the first item that was not dispatched; see ahead.h */
  /* For the sink, when the flow comes back and none from next on was. */
  struct cb_status rest; /* why not; texts from arena */
};

/* Why a sink wants no more. */
enum vtx_stop {
  VTX_STOP_NONE,
  VTX_STOP_CALLER_LEFT, /* abort, and drop the results */
  VTX_STOP_FULL,        /* close: the one message is full */
  VTX_STOP_MEMORY,      /* close: there is no memory for more in it */
  VTX_STOP_ERROR,       /* abort: an item failed and on_error is STOP */
};

/* What a sink says to its flow; embedded in the sink, and out of its hands
 * until it comes home. */
struct vtx_control {
  struct cb_mail mail;
  struct vtx_service *service;
  struct cb_id id;
  size_t credit; /* bytes of results that were sent */
  enum vtx_stop stop;
  int32_t in_flight;                  /* the answer: jobs under way */
  void (*home)(struct cb_mail *mail); /* delivers it on the crpc loop */
};

/* Hands flow to the engine. came_back delivers it (flow->mail) on the crpc
 * loop at its end. From the crpc loop. */
void vtx_flow_submit(struct vtx_flow *flow,
                     void (*came_back)(struct cb_mail *mail));

/* Sends control to the engine, which does what it says, if the flow is still
 * there, and sends it home. From the crpc loop. */
void vtx_control_send(struct vtx_control *control);

/* The engine's side; called by jobs. */

/* A message of a stream, or a result: charges it and posts it. It is gone
 * afterwards. */
void vtx_flow_post(struct vtx_flow *flow, struct vtx_result *result);

/* job is over, whatever its state; its result is complete. The job is gone
 * afterwards. */
void vtx_flow_job_over(struct vtx_flow *flow, struct vtx_job *job);

/* Another call will be made for job, later: its slots are free, its
 * place in the call's max_concurrency is kept. */
void vtx_flow_set_aside(struct vtx_flow *flow, struct vtx_job *job);

/* The call of job is over and another follows. True: it may start now, in the
 * job's slots. False: the job has to be set aside. */
bool vtx_flow_go_on(struct vtx_flow *flow, struct vtx_job *job);

/* job, which was set aside, is ready: it goes before the flow's new prompts.
 * vtx_job_restart() will be called. */
void vtx_flow_again(struct vtx_flow *flow, struct vtx_job *job);

/* One more prompt of a pipe. */
void vtx_flow_take_input(struct vtx_flow *flow, struct vtx_input *input);

/* Ends, at the end of a turn, the flows that are over. */
void vtx_flow_end_all(struct vtx_service *service);

#endif
