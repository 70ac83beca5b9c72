/* cost.h - what a prompt will cost, in tokens, before it is sent: what the
 * scheduler shares out.
 *
 * A guess: a token for every four bytes of text, and an answer as long as those
 * before it in the same call.
 *
 * Threads: the engine's.
 */
#ifndef VTX_COST_H
#define VTX_COST_H

#include <stdint.h>

#include "service/batch/source.h"

struct vtx_result;

/* output: of vtx_cost_learn(), 0 if nothing is known. Above 0. */
double vtx_cost_estimate(const struct vtx_source *source, uint32_t index,
                         double output);

/* Takes what result cost into the moving average *output. */
void vtx_cost_learn(double *output, const struct vtx_result *result);

#endif
