/* The health call: grpc.health.v1, which every vertexd serves. */
#include "client/client_internal.h"
#include "grpc/health/v1/health.crpc.h"

struct health_call {
  struct vertexd_pending pending;
  vertexd_health_done *done;
  bool serving;
};

static void health_message(void *ctx,
                           const grpc_health_HealthCheckResponse *message) {
  struct health_call *call = ctx;

  call->serving = message->status == grpc_health_HealthCheckResponse_SERVING;
}

static void health_over(void *ctx, const struct crpc_outcome *outcome) {
  struct health_call *call = ctx;

  call->done(call->pending.ctx, outcome->status.code == CB_OK && call->serving,
             &outcome->status);
  vertexd_pending_free(&call->pending);
}

struct cb_id vertexd_health(struct vertexd_client *client, const char *service,
                            const struct vertexd_call_options *options,
                            vertexd_health_done *done, void *ctx) {
  static const struct grpc_health_Health_Check_events events = {
      .message = health_message, .done = health_over};
  struct crpc_rpc_options rpc = vertexd_rpc_options(options);
  grpc_health_HealthCheckRequest request = grpc_health_HealthCheckRequest_INIT;
  struct health_call *call = vertexd_pending_new(client, sizeof *call, ctx);

  if (!call) return (struct cb_id){0};
  call->done = done;
  request.service = (char *)(uintptr_t)service;
  return vertexd_pending_started(
      &call->pending, grpc_health_Health_Check_start(client->channel, &request,
                                                     &rpc, &events, call));
}
