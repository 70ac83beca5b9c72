/* CountTokens: tokens of a prompt, without generating. */
#include "crpc/call.h"
#include "service/batch/flow.h"
#include "service/handlers/handlers.h"
#include "service/handlers/unary.h"

void vtx_handle_count_tokens(struct crpc_call *call,
                             const Vertexd__V1__CountTokensRequest *request,
                             void *self) {
  struct vtx_flow *flow = vtx_prepare_one(self, call, NULL);

  if (!flow) return;
  flow->verb = VTX_COUNT_TOKENS;
  flow->source.kind = VTX_SOURCE_COUNT;
  flow->source.count_tokens = request;
  vtx_unary_submit(self, call, flow);
}
