#include "service/batch/shutdown.h"

#include <string.h>

#include "service/batch/flow_internal.h"
#include "service/reasons.h"
#include "service/service_state.h"
#include "service/vertex/engine.h"
#include "service/vertex/model_call.h"

struct cb_status vtx_shutdown_refusal(void) {
  return vtx_refuse(VTX_SERVICE_SERVER_SHUTTING_DOWN,
                    "the server is shutting down and waits no longer");
}

bool vtx_is_shutdown(const struct cb_status *status) {
  return strcmp(status->reason, vtx_shutdown_refusal().reason) == 0;
}

/* Aborted flows stay in the table until the end of the turn. */
void vtx_shutdown_arrived(struct cb_mail *mail) {
  struct vtx_service *service =
      CB_CONTAINER(mail, struct vtx_service, shutdown);
  struct cb_status status = vtx_shutdown_refusal();
  struct vtx_flow *flow;
  uint32_t slot = 0;

  service->shutting_down = true;
  while ((flow = vtx_flow_table_next(&service->flows, &slot)) != NULL)
    vtx_flow_abort(flow, &status);
}

void vtx_service_shut_down(struct vtx_service *service) {
  if (service->shutdown_posted) return;
  service->shutdown_posted = true;
  service->shutdown.deliver = vtx_shutdown_arrived;
  vtx_engine_post(service->options.upstream->engine, &service->shutdown);
}
