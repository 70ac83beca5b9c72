#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/status.h"
#include "service/config_endpoint.h"
#include "service/config_reader.h"
#include "service/config_value.h"
#include "service/quota/table.h"
#include "service/routes/routes.h"

static bool check_listen(struct vtx_reader *reader) {
  const struct vtx_config *config = reader->config;

  for (size_t i = 0; i < config->listen_count; i++)
    if (!config->allow_plaintext && !vtx_config_is_local(config->listen[i]))
      return vtx_reader_wrong(
          reader,
          "--listen: %s can be reached from other machines, and calls "
          "are not encrypted; --allow-plaintext permits it",
          config->listen[i]);
  return true;
}

static bool check_metrics(struct vtx_reader *reader) {
  const char *address = reader->config->metrics_listen;

  if (!address ||
      (strncmp(address, "unix:", 5) != 0 && vtx_value_is_address(address)))
    return true;
  return vtx_reader_wrong(
      reader, "--metrics-listen: \"%s\" is not HOST:PORT or [V6]:PORT",
      address);
}

bool vtx_config_upstream_is_local(const struct vtx_config *config) {
  const char *host;
  size_t size;

  if (!config->base_url || strncmp(config->base_url, "http://", 7) != 0)
    return false;
  host = vtx_value_host(config->base_url + 7, &size);
  return vtx_value_is_loopback(host, size);
}

/* Under --emulate: what the emulator is called with. */
static bool settle_emulate(struct vtx_reader *reader) {
  struct vtx_config *config = reader->config;

  if (!config->emulate) return true;
  if (vtx_reader_source(reader, "base-url") >= VTX_SOURCE_OUR_VARIABLE)
    return vtx_reader_wrong(reader,
                            "--emulate and --base-url exclude each other");
  config->base_url = NULL;
  if (!config->project) config->project = "emulated";
  if (!config->default_model) config->default_model = "gemini-emulated";
  return true;
}

static bool settle_quotas(struct vtx_reader *reader) {
  struct vtx_config *config = reader->config;
  const struct vtx_config_list *texts = &config->model_quotas;
  struct vtx_quota_table *quotas =
      cb_arena_zalloc(reader->arena, 1, sizeof *quotas);
  struct cb_status status;

  if (!quotas) return vtx_reader_wrong(reader, "out of memory");
  status = vtx_quota_build(quotas, texts->items, texts->count, reader->arena);
  if (status.code == CB_INVALID_ARGUMENT)
    return vtx_reader_wrong(reader, "--%s: %s", status.field, status.message);
  if (status.code != CB_OK)
    return vtx_reader_wrong(reader, "%s", status.message);
  config->quotas = quotas;
  return true;
}

static bool settle_routes(struct vtx_reader *reader) {
  struct vtx_config *config = reader->config;
  const struct vtx_config_list *aliases = &config->model_aliases;
  struct vtx_routes *routes = cb_arena_zalloc(reader->arena, 1, sizeof *routes);
  struct cb_status status;

  if (!routes) return vtx_reader_wrong(reader, "out of memory");
  status = vtx_routes_build(routes, config->locations, aliases->items,
                            aliases->count, reader->arena);
  if (status.code == CB_INVALID_ARGUMENT)
    return vtx_reader_wrong(reader, "--%s: %s", status.field, status.message);
  if (status.code != CB_OK)
    return vtx_reader_wrong(reader, "%s", status.message);
  config->routes = routes;
  config->location = routes->locations[0];
  return true;
}

static bool check_endpoint(struct vtx_reader *reader) {
  const struct vtx_config *config = reader->config;
  const struct vtx_endpoint endpoint =
      vtx_config_endpoint(config, config->project, config->universe_domain);
  struct cb_status status = vtx_endpoint_check(&endpoint, reader->arena);
  const char *flag = status.field;

  if (status.code == CB_OK) return true;
  if (strcmp(flag, "base_url") == 0) flag = "base-url";
  if (strcmp(flag, "projects") == 0) flag = "allow-project";
  return vtx_reader_wrong(reader, "--%s: %s", flag, status.message);
}

static bool check_files(struct vtx_reader *reader) {
  const char *ca_file = reader->config->ca_file;

  if (ca_file && access(ca_file, R_OK) != 0)
    return vtx_reader_wrong(reader, "--ca-file: cannot read %s", ca_file);
  return true;
}

static bool settle_memory(struct vtx_reader *reader) {
  struct vtx_config *config = reader->config;

  if (vtx_reader_source(reader, "memory-budget") == VTX_SOURCE_NOBODY)
    config->memory_budget = reader->input->machine_memory / 2;
  if (config->memory_budget < config->max_request_bytes)
    return vtx_reader_wrong(
        reader, "--memory-budget: must not be below --max-request-bytes");
  return true;
}

static void settle_targets(struct vtx_reader *reader) {
  struct vtx_config *config = reader->config;

  if (vtx_reader_source(reader, "target-max-in-flight") == VTX_SOURCE_NOBODY ||
      config->target_max_in_flight > config->max_in_flight)
    config->target_max_in_flight = config->max_in_flight;
}

bool vtx_config_check(struct vtx_reader *reader) {
  settle_targets(reader);
  return check_listen(reader) && check_metrics(reader) &&
         settle_emulate(reader) && settle_quotas(reader) &&
         settle_routes(reader) && vtx_config_choose_credential(reader) &&
         vtx_config_settle_requests(reader) && check_endpoint(reader) &&
         check_files(reader) && settle_memory(reader);
}
