#include "service/service.h"

#include <stdlib.h>

#include "crpc/server.h"
#include "service/batch/flow.h"
#include "service/handlers/handlers.h"
#include "service/limits.h"
#include "service/service_state.h"
#include "service/vertex/engine.h"
#include "service/vertex/model_call.h"
#include "vertexd/v1/vertexd.crpc.h"

static void go_on(struct cb_mail *mail) {
  CB_CONTAINER(mail, struct vtx_service, again)->again_posted = false;
}

/* The end of each turn of the engine: dispatches what there is room for. Work
 * that is left over when the slice is used up makes another turn. */
static void pull(void *self) {
  struct vtx_service *service = self;
  bool more;

  more = vtx_scheduler_run(&service->scheduler, VTX_DISPATCH_SLICE);
  vtx_flow_end_all(service);
  if (!more || service->again_posted) return;
  service->again_posted = true;
  vtx_engine_post(service->options.upstream->engine, &service->again);
}

struct vtx_service *vtx_service_new(const struct vtx_service_options *options) {
  struct vtx_service *service = calloc(1, sizeof *service);
  const struct vtx_sched_options limits = {
      .max_in_flight = options->max_in_flight,
      .target_max_in_flight = options->target_max_in_flight,
      .max_waiting = options->max_waiting,
      .max_waiting_bytes = options->max_waiting_bytes,
      .gate = {.fixed = true},
  };

  if (!service) return NULL;
  if (!vtx_scheduler_init(&service->scheduler, &limits)) {
    free(service);
    return NULL;
  }
  service->options = *options;
  service->again.deliver = go_on;
  cb_list_init(&service->ending);
  cb_slots_init(&service->sinks);
  vtx_flow_table_init(&service->flows);
  vtx_engine_set_pull(options->upstream->engine, pull, service);
  return service;
}

static const struct vertexd_GenerationService_handlers handlers = {
    .Generate = vtx_handle_generate,
    .StreamGenerate = vtx_handle_stream_generate,
    .BatchGenerate = vtx_handle_batch_generate,
    .MapGenerate = vtx_handle_map_generate,
    .StreamMapGenerate = vtx_handle_stream_map_generate,
    .PipeGenerate = vtx_handle_pipe_generate,
    .CountTokens = vtx_handle_count_tokens,
};

bool vtx_service_register(struct vtx_service *service,
                          struct crpc_server *server) {
  return vertexd_GenerationService_add(server, &handlers, service);
}

void vtx_service_counters(const struct vtx_service *service,
                          struct vtx_service_counters *ret_counters) {
  ret_counters->flows =
      atomic_load_explicit(&service->flow_count, memory_order_relaxed);
  ret_counters->jobs =
      atomic_load_explicit(&service->job_count, memory_order_relaxed);
  ret_counters->jobs_total =
      atomic_load_explicit(&service->job_total, memory_order_relaxed);
}

void vtx_service_free(struct vtx_service *service) {
  if (!service) return;
  cb_slots_release(&service->sinks);
  vtx_flow_table_release(&service->flows);
  vtx_scheduler_release(&service->scheduler);
  free(service);
}
