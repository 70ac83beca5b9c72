#include <string.h>
#include <unistd.h>

#include "base/status.h"
#include "service/config_reader.h"
#include "service/config_value.h"
#include "service/vertex/endpoint.h"

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

static bool check_endpoint(struct vtx_reader *reader) {
  const struct vtx_config *config = reader->config;
  const struct vtx_endpoint endpoint = {.base_url = config->base_url,
                                        .project = config->project,
                                        .location = config->location,
                                        .universe = config->universe_domain};
  struct cb_status status = vtx_endpoint_check(&endpoint, reader->arena);
  const char *flag = status.field;

  if (status.code == CB_OK) return true;
  if (strcmp(flag, "base_url") == 0) flag = "base-url";
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
  return check_listen(reader) && settle_emulate(reader) &&
         vtx_config_choose_credential(reader) && check_endpoint(reader) &&
         check_files(reader) && settle_memory(reader);
}
