/* input.h - one prompt of a pipe, on its way from the caller to its job.
 *
 * The prompts of a pipe are not known when its flow begins. Each one comes as
 * an input, in an arena of its own, and waits in the flow until it is
 * dispatched, or fails before; then a word of that goes back to the sink, which
 * may read the next. Its arena goes with the job's result, behind that word.
 *
 * A flow that takes inputs ends only after vtx_flow_end_input(): until then it
 * is there to be posted to, which is why an input may point at it.
 *
 * Threads:   made on the crpc loop, the engine's once posted, then the crpc
 *            loop's again.
 * Ownership: moves with the message.
 */
#ifndef VTX_INPUT_H
#define VTX_INPUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/mailbox.h"
#include "service/batch/result.h"
#include "service/batch/source.h"

struct cb_arena;
struct vtx_flow;

struct vtx_input {
  struct cb_mail mail; /* the way there, and the word back */
  struct vtx_flow *flow;
  uint32_t index;            /* of the prompt in its call; the engine's */
  int64_t arrived;           /* cb_clock */
  struct cb_arena *arena;    /* the request, and the input in it */
  size_t size;               /* of the arena */
  struct cb_link link;       /* in flow->inputs while it waits */
  struct vtx_source source;  /* this one prompt */
  struct vtx_result refused; /* where it is never dispatched */
};

/* Hands input, whose flow, arena and source are filled in, to its flow. It gets
 * exactly one result, whatever becomes of the flow. From the crpc loop, and not
 * after vtx_flow_end_input(). */
void vtx_flow_input(struct vtx_input *input);

/* No input will come any more: flow ends when it is done with those it has.
 * Once, from the crpc loop; flow may be gone afterwards. */
void vtx_flow_end_input(struct vtx_flow *flow);

/* The engine's side; called by the flow. */

/* The input that waits longest, which stays where it is; NULL if none waits. */
struct vtx_input *vtx_input_next(const struct vtx_flow *flow);

/* The one behind input, which waits; NULL if input is the last. */
struct vtx_input *vtx_input_after(const struct vtx_input *input);

/* input waits no longer: out of the queue, and word of it to the sink. */
void vtx_input_taken(struct vtx_input *input);

/* Ends input, which waits, with status (texts literals or from the flow's
 * arena, which outlives all results). Unless the flow is closed the sink has
 * word before, as of one that has become a job. For ahead.h, which keeps count.
 */
void vtx_input_refuse(struct vtx_input *input, const struct cb_status *status);

#endif
