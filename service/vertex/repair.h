/* repair.h - one more try at a JSON answer: the model is shown what it said,
 * and told what is wrong with it.
 *
 * Threads: none inside.
 */
#ifndef VTX_VERTEX_REPAIR_H
#define VTX_VERTEX_REPAIR_H

#include <stdbool.h>

#include "base/status.h"
#include "vertexd/v1/vertexd.pb-c.h"

struct cb_arena;
struct vtx_wants;

/* What a second call adds to the first: two turns behind its contents. */
struct vtx_repair {
  const char *answer;            /* the model's turn */
  const char *words;             /* the user's: what is wrong with it */
  Vertexd__V1__TokenCount spent; /* by the first call; zeros if not known */
};

/* True if an answer that failed with status is worth asking for again: where
 * repair_json is wanted, for JSON_INVALID and JSON_SCHEMA_MISMATCH, but for an
 * answer that MAX_TOKENS has cut, and only once. */
bool vtx_repair_applies(const struct vtx_wants *wants,
                        const struct cb_status *status);

/* What to ask after response, which failed with status. Copies what it needs
 * into arena; NULL when that is full. */
struct vtx_repair *vtx_repair_make(
    const Vertexd__V1__GenerateResponse *response,
    const struct cb_status *status, struct cb_arena *arena);

/* Adds what the first call has spent; count may be NULL, and stays so. */
void vtx_repair_count(const struct vtx_wants *wants,
                      Vertexd__V1__TokenCount *count);

#endif
