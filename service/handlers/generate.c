/* Generate: one prompt, one answer. */
#include "crpc/call.h"
#include "service/batch/flow.h"
#include "service/handlers/handlers.h"
#include "service/handlers/unary.h"

void vtx_handle_generate(struct crpc_call *call,
                         const Vertexd__V1__GenerateRequest *request,
                         void *self) {
  struct vtx_flow *flow = vtx_prepare_one(self, call, request);

  if (!flow) return;
  flow->verb = VTX_GENERATE;
  flow->source.kind = VTX_SOURCE_ONE;
  flow->source.one = request;
  vtx_unary_submit(self, call, flow);
}
