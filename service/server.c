#include "service/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/clock.h"
#include "base/list.h"
#include "crpc/health.h"
#include "crpc/loop.h"
#include "crpc/reflection.h"
#include "crpc/server.h"
#include "service/config.h"
#include "service/config_endpoint.h"
#include "service/counters.h"
#include "service/descriptors.h"
#include "service/emulator/emulator.h"
#include "service/log.h"
#include "service/machine.h"
#include "service/monitor.h"
#include "service/open_credential.h"
#include "service/service.h"
#include "service/signals.h"
#include "service/vertex/credential.h"
#include "service/vertex/credentials/adc.h"
#include "service/vertex/engine.h"
#include "service/vertex/model_call.h"
#include "service/vertex/tier.h"

/* For writing what calls that are ended at the drain timeout still say; those
 * that have not said it by then are cut. */
#define LAST_WORDS CB_SECOND

/* After the last call has ended, its flow may still wait for the engine's
 * word. That takes a turn of each loop; the patience is for a bug. */
#define SETTLE_STEP (2 * CB_MILLISECOND)
#define SETTLE_PATIENCE (5 * CB_SECOND)

/* Connections that credentials may need besides those of requests. */
#define FOR_TOKENS 4

/* Connections of callers, where descriptors are plenty. */
#define MOST_CALLERS 10000

struct vtx_server {
  const struct vtx_config *config;
  uint64_t descriptor_limit;
  struct vtx_machine_shares shares;
  size_t max_in_flight;
  size_t max_upstream; /* connections; 0: no limit */
  struct vtx_log *log;
  struct cb_budget budget;
  struct vtx_emulator *emulator; /* NULL unless --emulate */
  struct vtx_opened opened;      /* the credential and what it says */
  struct vtx_upstream upstream;  /* holds credential and engine */
  struct crpc_loop *loop;
  struct vtx_service *service;
  struct crpc_server *server;
  struct crpc_health *health; /* the crpc server's */
  struct vtx_signals *signals;
  struct vtx_monitor *monitor; /* NULL unless --metrics-listen */
  bool draining;
  bool stopping;          /* parts are being taken down */
  struct cb_timer drain;  /* until calls are ended */
  struct cb_timer settle; /* runs from the last call's end */
  int64_t settle_until;
  char *addresses[VTX_LISTEN_MAX];
};

static bool fail(struct vtx_server *server, const char *what,
                 const struct cb_status *status) {
  const struct vtx_log_field fields[] = {
      vtx_text("what", what),
      vtx_text("code", cb_code_name(status->code)),
      vtx_text("reason", status->reason),
      vtx_text("message", status->message),
  };

  vtx_log_write(server->log, VTX_ERROR, "start_failed", fields, 4);
  return false;
}

static bool fail_memory(struct vtx_server *server, const char *what) {
  const struct cb_status status =
      cb_status_make(CB_RESOURCE_EXHAUSTED, "", "out of memory or threads");

  return fail(server, what, &status);
}

/* One line for each call that did not end well: who, what and why, but nothing
 * of what the caller wrote. */
static void on_call_ended(const struct crpc_call_report *report, void *self) {
  const struct vtx_server *server = self;
  const struct cb_status *status = &report->status;
  const struct vtx_log_field fields[] = {
      vtx_text("request_id", report->request_id),
      vtx_text("method", report->method),
      vtx_text("peer", report->peer),
      vtx_text("code", cb_code_name(status->code)),
      vtx_text("reason", status->reason),
      vtx_number("duration_ms", report->duration / CB_MILLISECOND),
      vtx_number("http_status", status->http_status),
  };

  if (status->code == CB_OK) return;
  vtx_log_write(server->log, vtx_log_severity(status->code), "call_failed",
                fields, status->http_status ? 7 : 6);
}

static void on_settle(struct cb_timer *timer) {
  struct vtx_server *server = CB_CONTAINER(timer, struct vtx_server, settle);
  struct vtx_service_counters counters;
  int64_t now = cb_now(NULL);

  vtx_service_counters(server->service, &counters);
  if (counters.flows == 0 || now >= server->settle_until ||
      !crpc_loop_set_timer(server->loop, timer, now + SETTLE_STEP))
    crpc_loop_stop(server->loop);
}

static void on_drained(void *ctx) {
  struct vtx_server *server = ctx;

  crpc_loop_cancel_timer(server->loop, &server->drain);
  server->settle.fire = on_settle;
  server->settle_until = cb_time_add(cb_now(NULL), SETTLE_PATIENCE);
  on_settle(&server->settle);
}

static void on_drain_timeout(struct cb_timer *timer) {
  vtx_service_shut_down(CB_CONTAINER(timer, struct vtx_server, drain)->service);
}

static void on_end(void *ctx, unsigned times) {
  struct vtx_server *server = ctx;
  int64_t timeout = times == 1 ? (int64_t)server->config->drain_timeout : 0;
  int64_t end = cb_time_add(cb_now(NULL), timeout);
  const struct vtx_log_field field =
      vtx_number("timeout_ms", timeout / CB_MILLISECOND);

  if (server->stopping) return;
  vtx_log_write(server->log, VTX_INFO, "draining", &field, 1);
  if (!server->draining) crpc_health_stop(server->health);
  server->draining = true;
  server->drain.fire = on_drain_timeout;
  if (!crpc_loop_set_timer(server->loop, &server->drain, end))
    on_drain_timeout(&server->drain); /* rather early than never */
  crpc_server_drain(server->server, cb_time_add(end, LAST_WORDS), on_drained,
                    server);
}

static void log_counters(struct vtx_server *server, const char *event) {
  const struct vtx_counters_of of = {server->server, server->service,
                                     server->upstream.engine, &server->budget};
  struct vtx_counters counters;

  vtx_counters_take(&of, &counters);
  vtx_counters_ask_system(&counters);
  vtx_counters_log(&counters, server->log, event);
}

static void on_report(void *ctx) {
  struct vtx_server *server = ctx;

  if (server->stopping) return;
  log_counters(server, "counters");
  vtx_service_log_targets(server->service);
}

static bool start_emulator(struct vtx_server *server) {
  const struct vtx_emulator_options options = {.listen = NULL};
  char *error = NULL;
  struct cb_status status;

  if (!server->config->emulate) return true;
  server->emulator = vtx_emulator_new(&options, &error);
  if (server->emulator) return true;
  status = cb_status_make(CB_UNAVAILABLE, "", error ? error : "out of memory");
  fail(server, "emulator", &status);
  free(error);
  return false;
}

/* On the engine's thread. */
static void on_refresh_failed(void *ctx, const struct cb_status *status) {
  const struct vtx_server *server = ctx;
  const struct vtx_log_field fields[] = {
      vtx_text("reason", status->reason),
      vtx_text("message", status->message),
  };

  vtx_log_write(server->log, VTX_WARNING, "token_refresh_failed", fields, 2);
}

static void on_file_ignored(void *ctx, const char *path, const char *why) {
  const struct vtx_server *server = ctx;
  const struct vtx_log_field fields[] = {
      vtx_text("file", path),
      vtx_text("message", why),
  };

  vtx_log_write(server->log, VTX_WARNING, "credential_file_ignored", fields, 2);
}

static bool start_engine(struct vtx_server *server) {
  const struct vtx_adc_events events = {on_refresh_failed, on_file_ignored,
                                        server};
  const struct vtx_config *config = server->config;
  const struct vtx_engine_options options = {
      .ca_file = config->ca_file,
      .client_certificate = config->client_certificate,
      .client_key = config->client_key,
      .max_in_flight = server->max_in_flight,
      .max_connections = server->max_upstream,
      .budget = &server->budget,
  };
  struct vtx_upstream *upstream = &server->upstream;
  struct cb_status status;

  upstream->engine = vtx_engine_new(&options, &status);
  if (!upstream->engine) return fail(server, "engine", &status);
  upstream->endpoint = vtx_config_endpoint(config, server->opened.project,
                                           server->opened.universe);
  if (server->emulator)
    upstream->endpoint.base_url = vtx_emulator_url(server->emulator);
  upstream->max_response_bytes = config->max_response_bytes;
  upstream->budget = &server->budget;
  vtx_adc_bind(upstream->credential, upstream->engine, &events);
  return true;
}

static bool start_service(struct vtx_server *server) {
  const struct vtx_config *config = server->config;
  struct vtx_service_options options = {
      .upstream = &server->upstream,
      .budget = &server->budget,
      .log = server->log,
      .default_model = config->default_model,
      .routes = config->routes,
      .labels = config->labels,
      .max_concurrency_cap = (int32_t)config->max_concurrency_cap,
      .max_in_flight = server->max_in_flight,
      .target_max_in_flight = config->target_max_in_flight,
      .gate = {.requests_per_minute = (double)config->requests_per_minute,
               .tokens_per_minute = (double)config->tokens_per_minute,
               .fixed = config->no_adaptive},
      .quotas = config->quotas,
      .max_waiting = config->max_waiting_calls,
      .max_waiting_bytes = (size_t)config->memory_budget / 2,
      .max_batch_items = config->max_batch_items,
      .max_response_bytes = config->max_response_bytes,
      .default_deadline = (int64_t)config->default_deadline,
      .request_timeout = (int64_t)config->request_timeout,
      .throttle_wait = (int64_t)config->throttle_wait,
      .interactive_retry = {(int32_t)config->interactive_attempts,
                            VTX_RETRY_BASE, VTX_RETRY_CAP_INTERACTIVE},
      .batch_retry = {(int32_t)config->batch_attempts, VTX_RETRY_BASE,
                      VTX_RETRY_CAP_BATCH},
  };

  vtx_tier_find(config->request_tier, &options.tier);
  server->loop = crpc_loop_new();
  if (!server->loop) return fail_memory(server, "loop");
  options.loop = server->loop;
  server->service = vtx_service_new(&options);
  if (!server->service) return fail_memory(server, "service");
  if (!vtx_engine_start(server->upstream.engine))
    return fail_memory(server, "engine");
  return true;
}

static bool start_server(struct vtx_server *server) {
  size_t callers = server->shares.callers;
  const struct crpc_server_options options = {
      .max_request_bytes = server->config->max_request_bytes,
      .max_connections = callers < MOST_CALLERS ? (int)callers : MOST_CALLERS,
      .request_timeout = (int64_t)server->config->request_timeout,
      .reader_timeout = (int64_t)server->config->reader_timeout,
      .budget = &server->budget,
      .domain = "vertexd",
      .call_ended = on_call_ended,
      .self = server,
  };
  struct cb_status status;
  size_t size;
  const uint8_t *descriptors = vtx_descriptors(&size);

  server->server = crpc_server_new(server->loop, &options, &status);
  if (!server->server) return fail(server, "server", &status);
  if (!vtx_service_register(server->service, server->server))
    return fail_memory(server, "service");
  server->health = crpc_health_add(server->server);
  if (!server->health) return fail_memory(server, "health");
  if (!crpc_reflection_add(server->server, descriptors, size))
    return fail_memory(server, "reflection");
  return true;
}

static bool listen_everywhere(struct vtx_server *server) {
  const struct vtx_config *config = server->config;
  struct cb_status status;

  for (size_t i = 0; i < config->listen_count; i++)
    if (!crpc_server_listen(server->server, config->listen[i],
                            &server->addresses[i], &status))
      return fail(server, config->listen[i], &status);
  if (!crpc_server_start(server->server))
    return fail_memory(server, "listener");
  return true;
}

/* Tells whoever started it where to connect. */
static void print_addresses(const struct vtx_server *server) {
  for (size_t i = 0; i < server->config->listen_count; i++)
    printf("listening on %s\n", server->addresses[i]);
  if (server->monitor)
    printf("metrics on %s\n", vtx_monitor_url(server->monitor));
  fflush(stdout);
}

/* What an operator will want to know that has not failed. */
static void log_start(struct vtx_server *server) {
  const struct vtx_config *config = server->config;
  const char *base_url = server->upstream.endpoint.base_url;
  const struct vtx_log_field fields[] = {
      vtx_text("version", VTX_VERSION),
      vtx_text("address", server->addresses[0]),
      vtx_text("metrics",
               server->monitor ? vtx_monitor_url(server->monitor) : ""),
      vtx_text("upstream", base_url ? base_url : "vertex-ai"),
      vtx_text("project", server->opened.project),
      vtx_text("location", config->locations),
      vtx_number("model_aliases", (int64_t)config->model_aliases.count),
      vtx_text("credential", server->opened.kind),
      vtx_number("emulated", server->emulator != NULL),
      vtx_number("memory_budget", (int64_t)config->memory_budget),
      vtx_number("descriptor_limit", (int64_t)server->descriptor_limit),
  };

  vtx_log_write(server->log, VTX_INFO, "start", fields,
                sizeof fields / sizeof *fields);
  if (vtx_credential_token_file_once(server->upstream.credential))
    vtx_log_write(server->log, VTX_WARNING, "token_is_read_once", NULL, 0);
  if (strcmp(server->opened.kind, "none") != 0 && base_url &&
      strncmp(base_url, "http://", 7) == 0 &&
      !vtx_config_upstream_is_local(config))
    vtx_log_write(server->log, VTX_WARNING, "credential_in_the_clear", NULL, 0);
}

static bool start_signals(struct vtx_server *server) {
  const struct vtx_signals_events events = {on_end, on_report};

  server->signals = vtx_signals_new(server->loop, &events, server);
  return server->signals ? true : fail_memory(server, "signals");
}

static bool start_monitor(struct vtx_server *server) {
  const struct vtx_monitor_options options = {
      .address = server->config->metrics_listen,
      .version = VTX_VERSION,
      .loop = server->loop,
      .server = server->server,
      .service = server->service,
      .engine = server->upstream.engine,
      .budget = &server->budget,
  };
  struct cb_status status;

  if (!options.address) return true;
  server->monitor = vtx_monitor_new(&options, &status);
  return server->monitor ? true : fail(server, options.address, &status);
}

/* Those that calls may have. */
static uint64_t descriptors_for_calls(const struct vtx_server *server) {
  uint64_t others =
      server->config->metrics_listen ? VTX_MONITOR_DESCRIPTORS : 0;

  return server->descriptor_limit > others ? server->descriptor_limit - others
                                           : server->descriptor_limit;
}

/* Over plain http each request upstream has a connection of its own. More of
 * them than there are descriptors for would fail, and keep callers out. */
static void settle_limits(struct vtx_server *server) {
  const struct vtx_config *config = server->config;
  const char *url = config->base_url;
  bool plain = config->emulate || (url && strncmp(url, "http://", 7) == 0);
  /* The embedded emulator has the other ends. */
  size_t each = config->emulate ? 2 : 1;
  struct vtx_log_field fields[3];

  server->descriptor_limit = vtx_machine_raise_descriptors();
  server->shares = vtx_machine_share(descriptors_for_calls(server),
                                     (size_t)config->max_in_flight, each);
  server->max_in_flight = config->max_in_flight;
  if (server->shares.upstream >= server->max_in_flight) return;
  server->max_upstream = server->shares.upstream + FOR_TOKENS;
  if (!plain) return;
  server->max_in_flight = server->shares.upstream;
  fields[0] = vtx_number("max_in_flight", (int64_t)server->max_in_flight);
  fields[1] = vtx_number("wanted", (int64_t)config->max_in_flight);
  fields[2] = vtx_number("descriptor_limit", (int64_t)server->descriptor_limit);
  vtx_log_write(server->log, VTX_WARNING, "descriptors_are_few", fields, 3);
}

static bool start(struct vtx_server *server) {
  return start_emulator(server) && start_engine(server) &&
         start_service(server) && start_server(server) &&
         start_signals(server) && start_monitor(server) &&
         listen_everywhere(server);
}

/* Takes down whatever there is; see server.h. Messages that are still under
 * way are delivered inside crpc_loop_free(), so what they go to is freed after
 * it. */
static void stop(struct vtx_server *server) {
  server->stopping = true;
  vtx_signals_stop(server->signals);
  vtx_monitor_stop(server->monitor);
  if (server->upstream.engine) vtx_engine_stop(server->upstream.engine);
  if (server->service && server->server) log_counters(server, "stop");
  if (server->server) crpc_server_free(server->server);
  if (server->loop) crpc_loop_free(server->loop);
  vtx_monitor_free(server->monitor);
  vtx_signals_free(server->signals);
  if (server->service) vtx_service_free(server->service);
  vtx_credential_free(server->upstream.credential); /* it has timers there */
  if (server->upstream.engine) vtx_engine_free(server->upstream.engine);
  vtx_emulator_free(server->emulator);
  for (size_t i = 0; i < VTX_LISTEN_MAX; i++)
    free(server->addresses[i]);
  vtx_log_free(server->log);
}

enum vtx_exit vtx_server_run(const struct vtx_config *config) {
  struct vtx_server server = {.config = config};
  bool started;

  if (!vtx_open_credential(config, &server.opened)) return VTX_EXIT_WRONG;
  server.upstream.credential = server.opened.credential;
  cb_budget_init(&server.budget, (size_t)config->memory_budget);
  server.log = vtx_log_new(STDERR_FILENO);
  settle_limits(&server);
  started = start(&server);
  if (started) {
    print_addresses(&server);
    log_start(&server);
    crpc_loop_run(server.loop);
  }
  stop(&server);
  return started ? VTX_EXIT_OK : VTX_EXIT_FAILED;
}
