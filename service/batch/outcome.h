/* outcome.h - what the end of a call tells about its target.
 *
 * Threads: safe from any.
 */
#ifndef VTX_OUTCOME_H
#define VTX_OUTCOME_H

#include <stdint.h>

#include "base/status.h"
#include "service/quota/gate.h"
#include "vertexd/v1/vertexd.pb-c.h"

/* Of a call of the model that ended with status (CB_OK: it answered), and had
 * then waited so long for a byte of an answer (vtx_model_call_silence()). What
 * ends by our own deadline was given up. */
enum vtx_gate_outcome vtx_outcome_of(const struct cb_status *status,
                                     int64_t silence);

/* Of a call that we gave up, for whatever reason. It tells nothing, as callers
 * may be in a hurry, unless it had waited for VTX_BREAKER_SILENCE. */
enum vtx_gate_outcome vtx_outcome_given_up(int64_t silence);

/* The tokens that an answer took, as its usage tells; negative if it does
 * not. response may be NULL. */
double vtx_outcome_tokens(const Vertexd__V1__GenerateResponse *response);

#endif
