/* model_answer.h - from the JSON text of one answer to a decoded message.
 *
 * Threads: none inside.
 */
#ifndef VTX_VERTEX_MODEL_ANSWER_H
#define VTX_VERTEX_MODEL_ANSWER_H

#include "base/status.h"
#include "service/vertex/endpoint.h"
#include "service/vertex/model_call.h"

struct cb_arena;
struct cb_budget;

/* What an answer's arena may hold: so many times its JSON text, and so much
 * beneath. Messages of the contract take 5 to 15 times the text of small
 * objects; the rest is for what the receiver adds (text, json, raw). */
#define VTX_ANSWER_GROWTH ((size_t)32)
#define VTX_ANSWER_FLOOR ((size_t)64 * 1024)

struct vtx_answer_spec {
  enum vtx_verb verb;
  bool keep_raw;
  struct cb_budget *budget; /* of the answer's arena */
};

/* Parses and decodes the size bytes at text; *ret_answer is the caller's,
 * arena and all. Errors: what an error envelope in it says; UPSTREAM_MALFORMED
 * for what is no JSON or no answer; RESPONSE_TOO_LARGE when the message would
 * pass the limits above; SERVER_MEMORY when the budget is used up. Texts of
 * the status are in arena, whose budget the tree on the way is charged to. */
struct cb_status vtx_model_answer_make(const struct vtx_answer_spec *spec,
                                       const char *text, size_t size,
                                       struct cb_arena *arena,
                                       struct vtx_answer *ret_answer);

/* For text that can only be an error: the status it tells, UPSTREAM_MALFORMED
 * if it tells none, SERVER_MEMORY where arena's budget has no room to read it.
 */
struct cb_status vtx_model_answer_error(const char *text, size_t size,
                                        struct cb_arena *arena);

#endif
