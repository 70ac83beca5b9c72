#include "client/vertexctl/settings.h"

#include <stdio.h>
#include <stdlib.h>

/* What our client takes in one message (64 MiB), with room around it. */
#define MAX_RESULT (INT64_C(63) << 20)

/* protobuf-c's fields are not const, though nothing writes to them. */
static char *text_of(const char *text) { return (char *)(uintptr_t)text; }

static void set_system(struct ctl_settings *settings, const char *text) {
  settings->system = (vertexd_Content)vertexd_Content_INIT;
  settings->system_part = (vertexd_Part)vertexd_Part_INIT;
  settings->system_part.data_case = vertexd_Part_DATA_TEXT;
  settings->system_part.text = text_of(text);
  settings->system_parts[0] = &settings->system_part;
  settings->system.n_parts = 1;
  settings->system.parts = settings->system_parts;
  settings->request.system_instruction = &settings->system;
}

static void set_config(struct ctl_settings *settings,
                       const struct ctl_options *options) {
  vertexd_GenerationConfig *config = &settings->config;

  *config = (vertexd_GenerationConfig)vertexd_GenerationConfig_INIT;
  if (options->has_temperature) {
    config->_temperature_case = vertexd_GenerationConfig_HAS_TEMPERATURE;
    config->temperature = (float)options->temperature;
  }
  if (options->max_output_tokens > 0) {
    config->_max_output_tokens_case =
        vertexd_GenerationConfig_HAS_MAX_OUTPUT_TOKENS;
    config->max_output_tokens = options->max_output_tokens;
  }
  settings->request.generation_config = config;
}

static void set_json(struct ctl_settings *settings,
                     const struct ctl_options *options) {
  size_t size;

  if (options->return_json) {
    settings->request._return_json_case =
        vertexd_GenerateRequest_HAS_RETURN_JSON;
    settings->request.return_json = true;
  }
  if (!options->schema_path) return;
  settings->request.json_schema_text =
      ctl_read_file(options->schema_path, &size);
  if (settings->request.json_schema_text) return;
  fprintf(stderr, "vertexctl: cannot read %s\n", options->schema_path);
  exit(CTL_USAGE);
}

void ctl_settings_make(struct ctl_settings *settings,
                       const struct ctl_options *options) {
  settings->request = (vertexd_GenerateRequest)vertexd_GenerateRequest_INIT;
  if (options->model) settings->request.model = text_of(options->model);
  if (options->system) set_system(settings, options->system);
  settings->request.request_tier = (vertexd_RequestTier)options->tier;
  if (options->has_temperature || options->max_output_tokens > 0)
    set_config(settings, options);
  set_json(settings, options);
}

void ctl_settings_release(struct ctl_settings *settings,
                          const struct ctl_options *options) {
  if (options->schema_path) free(settings->request.json_schema_text);
}

vertexd_BatchOptions ctl_batch_options(const struct ctl_options *options) {
  vertexd_BatchOptions batch = vertexd_BatchOptions_INIT;

  batch._max_message_bytes_case = vertexd_BatchOptions_HAS_MAX_MESSAGE_BYTES;
  batch.max_message_bytes = MAX_RESULT;
  if (options->as_completed) batch.order = vertexd_RESULT_ORDER_AS_COMPLETED;
  if (options->stop_on_error) batch.on_error = vertexd_ERROR_POLICY_STOP;
  return batch;
}
