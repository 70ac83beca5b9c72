#include "service/batch/outcome.h"

#include <stddef.h>

#include "service/quota/breaker.h"
#include "service/vertex/reasons.h"

static const struct {
  enum vtx_reason reason;
  enum vtx_gate_outcome outcome;
} table[] = {
    {VTX_UPSTREAM_QUOTA_EXHAUSTED, VTX_OUTCOME_THROTTLED},
    {VTX_UPSTREAM_UNAVAILABLE, VTX_OUTCOME_OVERLOADED},
    {VTX_UPSTREAM_INTERNAL, VTX_OUTCOME_OVERLOADED},
    {VTX_UPSTREAM_UNKNOWN, VTX_OUTCOME_OVERLOADED},
    {VTX_UPSTREAM_REQUEST_TIMEOUT, VTX_OUTCOME_OVERLOADED},
    {VTX_UPSTREAM_UNREACHABLE, VTX_OUTCOME_UNREACHED},
    {VTX_UPSTREAM_BROKEN, VTX_OUTCOME_UNREACHED},
    {VTX_UPSTREAM_TRUNCATED, VTX_OUTCOME_UNREACHED},
    {VTX_UPSTREAM_CANCELLED, VTX_OUTCOME_NOTHING},
    {VTX_CREDENTIAL_UNAVAILABLE, VTX_OUTCOME_NOTHING},
    {VTX_CREDENTIAL_REFRESH_FAILED, VTX_OUTCOME_NOTHING},
};

enum vtx_gate_outcome vtx_outcome_given_up(int64_t silence) {
  return silence >= VTX_BREAKER_SILENCE ? VTX_OUTCOME_SILENT
                                        : VTX_OUTCOME_NOTHING;
}

enum vtx_gate_outcome vtx_outcome_of(const struct cb_status *status,
                                     int64_t silence) {
  if (status->code == CB_OK) return VTX_OUTCOME_SERVED;
  if (vtx_reason_is(status, VTX_UPSTREAM_TIMEOUT)) {
    return status->http_status != 0 ? VTX_OUTCOME_OVERLOADED
                                    : vtx_outcome_given_up(silence);
  }
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    if (vtx_reason_is(status, table[i].reason)) return table[i].outcome;
  }
  if (status->http_status != 0) return VTX_OUTCOME_SERVED;
  /* Too large, or not what the API promises: it was there. What else there is
   * happened here: no memory, say. */
  return vtx_reason_is(status, VTX_RESPONSE_TOO_LARGE) ||
                 vtx_reason_is(status, VTX_UPSTREAM_MALFORMED)
             ? VTX_OUTCOME_SERVED
             : VTX_OUTCOME_NOTHING;
}

double vtx_outcome_tokens(const Vertexd__V1__GenerateResponse *response) {
  if (!response || !response->usage_metadata) return -1;
  return (double)response->usage_metadata->total_token_count;
}
