/* limits.h - what a caller may ask for at most, and what is meant by nothing.
 *
 * Limits that operators set are flags (service/config.h); these are the ones
 * that follow from the contract or from what the code is built for.
 */
#ifndef VTX_LIMITS_H
#define VTX_LIMITS_H

#include "base/clock.h"

/* Prompts of one call with the upstream at a time when the caller says
 * nothing. */
#define VTX_CONCURRENCY_DEFAULT 5

/* BatchOptions.weight. */
#define VTX_WEIGHT_MAX 100

/* GenerateRequest.id, in bytes: it must fit into a minimal error too. */
#define VTX_ID_MAX 512

/* progress_interval below this is raised to it. */
#define VTX_PROGRESS_MIN (100 * CB_MILLISECOND)

/* The end of the server's own work lies the smaller of these before the
 * caller's deadline. */
#define VTX_MARGIN_MAX (500 * CB_MILLISECOND)
#define VTX_MARGIN_DIVISOR 20 /* 5 % */

/* What it takes to write one small result and one byte of a large one, and the
 * caller to read them, in nanoseconds. A client in Python is the measure: on
 * two busy processors grpcio read 4,700 to 6,200 results a second. */
#define VTX_WRITE_RESULT 250000
#define VTX_WRITE_BYTE 80

/* max_message_bytes: clients accept 4 MiB by default, the five bytes of gRPC's
 * framing left free; less than the minimum cannot hold a summary. */
#define VTX_MESSAGE_BYTES_DEFAULT (4u * 1024 * 1024 - 5)
#define VTX_MESSAGE_BYTES_MIN 1024

/* Kinds of failure that a summary lists. */
#define VTX_FAILURE_KINDS 10

/* Placeholders and texts between them in one template, and in all parts of
 * contents that are templates. */
#define VTX_TEMPLATE_SEGMENTS 10000

/* Steps after {item in one placeholder. */
#define VTX_TEMPLATE_STEPS 32

/* Fields that the placeholders for one item may look at, over all its
 * templates: each key is compared with every field of an object, on the thread
 * that serves everybody. Twenty of them take about a microsecond. A key counts
 * once more for each of that many bytes. */
#define VTX_TEMPLATE_LOOKS 10000000
#define VTX_TEMPLATE_LOOK_BYTES 64

/* One rendered prompt, in bytes, over all its parts. */
#define VTX_RENDERED_MAX (16u * 1024 * 1024)

/* One request body for the upstream, in bytes. */
#define VTX_BODY_MAX (256u * 1024 * 1024)

/* What the messages of one prompt may take beside its answer. */
#define VTX_JOB_ARENA_MAX (1u * 1024 * 1024)

/* Bytes of results that a call may have made and not yet sent: over it nothing
 * more is dispatched for it, or its stream from the upstream is paused. */
#define VTX_FLOW_ALLOWANCE (4u * 1024 * 1024)
#define VTX_STREAM_ALLOWANCE (256u * 1024)

/* Requests that one answer may take: with 65,536 tokens each they hold four
 * times what a model's context has, so more can only be an upstream that never
 * comes to an end. The answer is then handed out as it is, with CONTINUATION
 * and the token to go on with. */
#define VTX_HOPS_MAX 64

/* How often a hop is asked anew that was accepted and gave nothing. */
#define VTX_HOPS_STALLED_MAX 3

/* Items that a pipe may have read and not yet sent upstream. */
#define VTX_READ_AHEAD_MAX 1000
#define VTX_READ_AHEAD_BYTES (4u * 1024 * 1024)

/* A pipe reads no further while less of the memory budget is free than this and
 * room for one of its items. */
#define VTX_READ_MEMORY (1u * 1024 * 1024)

/* How long the scheduler may dispatch before the loop turns again. */
#define VTX_DISPATCH_SLICE (2 * CB_MILLISECOND)

/* What a caller that is refused because too much waits is told to wait. */
#define VTX_OVERLOAD_PAUSE (1 * CB_SECOND)

/* How often a single call whose patience with quota is over, and whose target
 * is just busy, looks whether it is throttled by now. */
#define VTX_PATIENCE_STEP (1 * CB_SECOND)

/* How long a flow waits when memory for its next prompt is not there. */
#define VTX_MEMORY_WAIT (20 * CB_MILLISECOND)

#endif
