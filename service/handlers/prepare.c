#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "crpc/call.h"
#include "service/batch/flow.h"
#include "service/batch/margin.h"
#include "service/handlers/handlers.h"
#include "service/limits.h"
#include "service/reasons.h"
#include "service/service_state.h"
#include "service/template.h"
#include "service/vertex/tier.h"

#define PREVIOUS_ATTEMPTS "grpc-previous-rpc-attempts"
#define PREVIOUS_MAX 1000 /* more attempts than any policy has */

bool vtx_prepare_check(struct crpc_call *call, const struct cb_status *status) {
  if (status->code == CB_OK) return true;
  crpc_call_fail(call, status);
  return false;
}

/* True if there is time to do anything at all. */
static bool check_time(struct crpc_call *call, const struct vtx_flow *flow) {
  struct cb_status status;

  if (flow->end > cb_now(NULL)) return true;
  status = vtx_refuse(VTX_SERVICE_DEADLINE_UNREACHABLE,
                      "the time until the deadline is no longer than the "
                      "margin kept for delivery");
  crpc_call_fail(call, &status);
  return false;
}

static struct vtx_flow *new_flow(struct crpc_call *call, int64_t margin) {
  struct vtx_flow *flow =
      cb_arena_zalloc(crpc_call_arena(call), 1, sizeof *flow);
  struct cb_status status;

  if (!flow) {
    status = vtx_refuse(VTX_SERVICE_SERVER_MEMORY,
                        "the server has no memory for this call");
    crpc_call_fail(call, &status);
    return NULL;
  }
  flow->arrived = crpc_call_started(call);
  flow->end = vtx_margin_end(flow->arrived, crpc_call_deadline(call), margin);
  return check_time(call, flow) ? flow : NULL;
}

/* The time for a prompt that has none of its own. Flex is slow, and its users
 * know. */
static int64_t default_time(const struct vtx_service *service,
                            const Vertexd__V1__GenerateRequest *request) {
  int64_t time = service->options.default_deadline;
  bool flex =
      vtx_tier_is_flex(vtx_tier_of(request, NULL, service->options.tier));

  return flex && time < VTX_FLEX_TIMEOUT ? VTX_FLEX_TIMEOUT : time;
}

/* How often the caller's own library has sent this call before, as gRPC's
 * retries tell; 0 if they do not, or wrongly. */
static int32_t earlier_attempts(struct crpc_call *call) {
  const char *text = crpc_call_metadata(call, PREVIOUS_ATTEMPTS, NULL);
  size_t digits = text ? strspn(text, "0123456789") : 0;

  if (digits == 0 || text[digits]) return 0;
  return digits > 3 ? PREVIOUS_MAX : (int32_t)strtol(text, NULL, 10);
}

struct vtx_flow *vtx_prepare_one(struct vtx_service *service,
                                 struct crpc_call *call,
                                 const Vertexd__V1__GenerateRequest *request) {
  struct vtx_flow *flow = new_flow(call, -1);

  if (!flow) return NULL;
  if (flow->end == CB_NEVER) {
    flow->end = cb_time_add(flow->arrived, default_time(service, request));
  }
  flow->earlier_attempts = earlier_attempts(call);
  flow->item_timeout = CB_NEVER;
  flow->allowance = VTX_STREAM_ALLOWANCE;
  flow->entry.sched_class = VTX_INTERACTIVE;
  flow->entry.weight = 1;
  flow->entry.limit = 1;
  flow->source.count = 1;
  return flow;
}

struct vtx_flow *vtx_prepare_many(struct vtx_service *service,
                                  struct crpc_call *call,
                                  const struct vtx_run *run) {
  struct vtx_flow *flow = new_flow(call, run->margin);

  (void)service;
  if (!flow) return NULL;
  flow->item_timeout = run->item_timeout;
  flow->allowance = VTX_FLOW_ALLOWANCE;
  flow->stop_on_error = run->stop_on_error;
  flow->entry.sched_class = VTX_BATCH;
  flow->entry.weight = run->weight;
  flow->entry.limit = run->max_concurrency;
  flow->verb = VTX_GENERATE;
  return flow;
}

struct vtx_run_limits vtx_prepare_limits(
    const struct vtx_service *service,
    const Vertexd__V1__GenerateRequest *defaults) {
  return (struct vtx_run_limits){
      .max_concurrency_cap = service->options.max_concurrency_cap,
      .item_timeout = default_time(service, defaults),
      .max_message_bytes = service->options.max_response_bytes,
  };
}

bool vtx_prepare_run(struct crpc_call *call,
                     const struct vtx_run_limits *limits,
                     int32_t max_concurrency,
                     const Vertexd__V1__BatchOptions *options,
                     struct vtx_run *ret_run) {
  struct cb_status status = vtx_run_read(max_concurrency, options, limits,
                                         crpc_call_arena(call), ret_run);

  return vtx_prepare_check(call, &status);
}

bool vtx_prepare_count(struct vtx_service *service, struct crpc_call *call,
                       size_t count, const char *field) {
  size_t max = service->options.max_batch_items;
  struct cb_status status;

  if (count <= max) return true;
  status =
      cb_status_field(crpc_call_arena(call), field,
                      "%s has %zu items, more than the %zu that this server "
                      "takes in one call (--max-batch-items)",
                      field, count, max);
  status.reason = "TOO_MANY_ITEMS";
  crpc_call_fail(call, &status);
  return false;
}

static struct cb_status check_map(
    const Vertexd__V1__MapGenerateRequest *request, struct cb_arena *arena) {
  bool text = request->template_[0] != '\0';
  bool contents = request->n_contents_template > 0;

  if (request->n_items > 0 && request->n_values > 0) {
    return cb_status_field(arena, "values",
                           "values and items exclude each other");
  }
  if (text && contents) {
    return cb_status_field(arena, "contents_template",
                           "contents_template and template exclude each other");
  }
  if (!text && !contents) {
    return cb_status_field(arena, "template",
                           "template is empty, and so is contents_template");
  }
  return vtx_defaults_check(request->defaults, arena);
}

static struct cb_status compile(const Vertexd__V1__MapGenerateRequest *request,
                                struct cb_arena *arena,
                                struct vtx_source *source) {
  struct cb_status status = check_map(request, arena);
  struct vtx_contents_template *contents = NULL;
  struct vtx_template *text = NULL;
  struct vtx_template *item = NULL;

  if (status.code == CB_OK && request->template_[0]) {
    status = vtx_template_compile(request->template_, "template", arena, &text);
  }
  if (status.code == CB_OK && request->n_contents_template > 0) {
    status =
        vtx_contents_compile(request->contents_template,
                             request->n_contents_template, arena, &contents);
  }
  if (status.code == CB_OK && request->item_template[0]) {
    status = vtx_template_compile(request->item_template, "item_template",
                                  arena, &item);
  }
  source->text = text;
  source->contents = contents;
  source->item_template = item;
  return status;
}

/* Compiles templates and items of a map into flow->source. */
static bool set_map(struct crpc_call *call,
                    const Vertexd__V1__MapGenerateRequest *request,
                    struct vtx_flow *flow) {
  struct vtx_source *source = &flow->source;
  struct cb_status status = compile(request, crpc_call_arena(call), source);

  source->defaults = request->defaults;
  if (request->n_values > 0) {
    source->kind = VTX_SOURCE_VALUES;
    source->count = (uint32_t)request->n_values;
    source->values = request->values;
  } else {
    source->kind = VTX_SOURCE_ITEMS;
    source->count = (uint32_t)request->n_items;
    source->items = request->items;
  }
  return vtx_prepare_check(call, &status);
}

struct vtx_flow *vtx_prepare_map(struct vtx_service *service,
                                 struct crpc_call *call,
                                 const Vertexd__V1__MapGenerateRequest *request,
                                 struct vtx_run *ret_run) {
  const struct vtx_run_limits limits =
      vtx_prepare_limits(service, request->defaults);
  struct vtx_flow *flow;

  if (!vtx_prepare_count(service, call, request->n_items, "items") ||
      !vtx_prepare_count(service, call, request->n_values, "values") ||
      !vtx_prepare_run(call, &limits, request->max_concurrency,
                       request->options, ret_run)) {
    return NULL;
  }
  flow = vtx_prepare_many(service, call, ret_run);
  return flow && set_map(call, request, flow) ? flow : NULL;
}
