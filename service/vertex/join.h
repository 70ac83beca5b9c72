/* join.h - one answer of many messages: the chunks of a stream, and the hops of
 * an answer that was continued.
 *
 * A hop is one request; the next one goes on where it ended. Messages are added
 * as they come, and nothing of them is kept but what the whole needs:
 *
 *   text that goes on is one part with the text before it (join_place.h); all
 *   other parts stay as they are, thought signatures with them
 *   candidates are told apart by their index
 *   usage is the latest of each counter in a hop, and the sum over hops
 *   finish reason and continuation token are the last hop's
 *   places in citations and grounding count over all hops
 *   lists are appended, single values the latest (merge.h)
 *   what the contract does not know is noted once for each path
 *
 * The time it takes is linear in what is added.
 *
 * Threads:   none inside.
 * Ownership: the join is its maker's, until vtx_join_finish() or
 *            vtx_join_free(). What is added is copied.
 */
#ifndef VTX_VERTEX_JOIN_H
#define VTX_VERTEX_JOIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "service/vertex/model_call.h"
#include "vertexd/v1/vertexd.pb-c.h"

struct cb_arena;
struct cb_budget;
struct vtx_join;

/* Candidates that one answer may have; models give 8 at most. */
#define VTX_JOIN_CANDIDATES 64

/* Different paths of unknown fields that are kept. */
#define VTX_JOIN_NOTES 256

/* A join that takes up to max_bytes of content; NULL when memory is used up. */
struct vtx_join *vtx_join_new(size_t max_bytes, struct cb_budget *budget);
void vtx_join_free(struct vtx_join *join); /* NULL is fine */

/* Adds a message of generateContent and its notes; its raw text too, if it has
 * one: those of all messages make a JSON array. Errors (texts from arena),
 * after which the join can only be freed: RESPONSE_TOO_LARGE past max_bytes, or
 * past the memory that so many may take; SERVER_MEMORY when the budget is used
 * up; UPSTREAM_MALFORMED for more candidates than VTX_JOIN_CANDIDATES. */
struct cb_status vtx_join_add(struct vtx_join *join,
                              const struct vtx_answer *answer,
                              struct cb_arena *arena);

/* The hop is over and another one follows: its finish reason and token are
 * forgotten, its usage is added to the sum. Errors as above. */
struct cb_status vtx_join_next_hop(struct vtx_join *join,
                                   struct cb_arena *arena);

/* True if the hop at hand has said how it ended: a finish reason of any
 * candidate, known to the contract or not, or a blocked prompt. */
bool vtx_join_ended(const struct vtx_join *join);

/* Messages added, in all hops. */
size_t vtx_join_messages(const struct vtx_join *join);

/* Tokens that came out so far, thoughts included, as far as usage tells. */
int64_t vtx_join_tokens(const struct vtx_join *join);

/* Makes the answer; the join is gone, whatever comes of it. *ret_answer's
 * arena is the caller's. Errors as above, their texts from arena. */
struct cb_status vtx_join_finish(struct vtx_join *join, struct cb_arena *arena,
                                 struct vtx_answer *ret_answer);

#endif
