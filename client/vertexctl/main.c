/* vertexctl - vertexd from the shell. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/vertexctl/options.h"
#include "client/vertexctl/output.h"
#include "client/vertexd_client.h"

/* One run of the program. */
struct run {
  struct ctl_options options;
  enum ctl_exit result;
  bool mid_line; /* a stream left the cursor behind text */
};

static void failed(struct run *run, const struct cb_status *status) {
  ctl_print_failure(status);
  run->result =
      status->code == CB_UNAVAILABLE ? CTL_UNREACHABLE : CTL_CALL_FAILED;
}

static void on_response(void *ctx, const vertexd_GenerateResponse *response,
                        const struct cb_status *status) {
  struct run *run = ctx;

  if (response)
    ctl_print_response(&run->options, response);
  else
    failed(run, status);
}

static void on_chunk(void *ctx, const vertexd_GenerateResponse *chunk) {
  struct run *run = ctx;

  ctl_print_chunk(&run->options, chunk);
  run->mid_line = !run->options.json_lines;
}

static void on_stream_done(void *ctx, const struct cb_status *status) {
  struct run *run = ctx;

  if (run->mid_line) putchar('\n');
  if (status->code != CB_OK) failed(run, status);
}

static void on_result(void *ctx, const vertexd_ItemResult *result) {
  struct run *run = ctx;
  bool known =
      result->index >= 0 && (size_t)result->index < run->options.text_count;

  ctl_print_result(&run->options, result,
                   known ? run->options.texts[result->index] : "");
  if (result->outcome_case != vertexd_ItemResult_OUTCOME_RESPONSE)
    run->result = CTL_ITEM_FAILED;
}

static void on_batch_done(void *ctx, const vertexd_BatchSummary *summary,
                          const struct cb_status *status) {
  struct run *run = ctx;

  if (summary)
    ctl_print_summary(&run->options, summary);
  else
    failed(run, status);
}

static void on_count(void *ctx, const vertexd_CountTokensResponse *response,
                     const struct cb_status *status) {
  struct run *run = ctx;

  if (response)
    ctl_print_count(&run->options, response);
  else
    failed(run, status);
}

static void on_health(void *ctx, bool serving, const struct cb_status *status) {
  struct run *run = ctx;

  if (status->code != CB_OK) {
    failed(run, status);
    return;
  }
  if (run->options.json_lines)
    printf("{\"serving\":%s}\n", serving ? "true" : "false");
  else
    puts(serving ? "serving" : "not serving");
  if (!serving) run->result = CTL_UNREACHABLE;
}

/* protobuf-c's fields are not const, though nothing writes to them. */
static char *text_of(const char *text) { return (char *)(uintptr_t)text; }

static const struct vertexd_batch_events batch_events = {.result = on_result,
                                                         .done = on_batch_done};

/* The settings that the options give, as the messages they live in. */
struct settings {
  vertexd_GenerateRequest request;
  vertexd_GenerationConfig config;
  vertexd_Content system;
  vertexd_Part system_part;
  vertexd_Part *system_parts[1];
};

static void set_system(struct settings *settings, const char *text) {
  settings->system = (vertexd_Content)vertexd_Content_INIT;
  settings->system_part = (vertexd_Part)vertexd_Part_INIT;
  settings->system_part.data_case = vertexd_Part_DATA_TEXT;
  settings->system_part.text = text_of(text);
  settings->system_parts[0] = &settings->system_part;
  settings->system.n_parts = 1;
  settings->system.parts = settings->system_parts;
  settings->request.system_instruction = &settings->system;
}

static void set_config(struct settings *settings,
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

static void set_json(struct settings *settings,
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

static void make_settings(struct settings *settings,
                          const struct ctl_options *options) {
  settings->request = (vertexd_GenerateRequest)vertexd_GenerateRequest_INIT;
  if (options->model) settings->request.model = text_of(options->model);
  if (options->system) set_system(settings, options->system);
  if (options->has_temperature || options->max_output_tokens > 0)
    set_config(settings, options);
  set_json(settings, options);
}

static vertexd_BatchOptions batch_options(const struct ctl_options *options) {
  vertexd_BatchOptions batch = vertexd_BatchOptions_INIT;

  if (options->as_completed) batch.order = vertexd_RESULT_ORDER_AS_COMPLETED;
  if (options->stop_on_error) batch.on_error = vertexd_ERROR_POLICY_STOP;
  return batch;
}

static struct cb_id start_batch(struct vertexd_client *client, struct run *run,
                                struct settings *settings,
                                const struct vertexd_call_options *call) {
  vertexd_BatchGenerateRequest request = vertexd_BatchGenerateRequest_INIT;
  vertexd_BatchOptions batch = batch_options(&run->options);

  request.prompts = run->options.texts;
  request.n_prompts = run->options.text_count;
  request.defaults = &settings->request;
  request.max_concurrency = run->options.max_concurrency;
  request.options = &batch;
  return vertexd_batch(client, &request, call, &batch_events, run);
}

static struct cb_id start_map(struct vertexd_client *client, struct run *run,
                              struct settings *settings,
                              const struct vertexd_call_options *call) {
  vertexd_MapGenerateRequest request = vertexd_MapGenerateRequest_INIT;
  vertexd_BatchOptions batch = batch_options(&run->options);

  request.template_ = text_of(run->options.template_text);
  if (run->options.item_template)
    request.item_template = text_of(run->options.item_template);
  request.items = run->options.texts;
  request.n_items = run->options.text_count;
  request.defaults = &settings->request;
  request.max_concurrency = run->options.max_concurrency;
  request.options = &batch;
  return vertexd_map(client, &request, call, &batch_events, run);
}

static struct cb_id start_count(struct vertexd_client *client, struct run *run,
                                const struct settings *settings,
                                const struct vertexd_call_options *call) {
  vertexd_CountTokensRequest request = vertexd_CountTokensRequest_INIT;

  request.model = settings->request.model;
  request.prompt = run->options.texts[0];
  request.system_instruction = settings->request.system_instruction;
  return vertexd_count_tokens(client, &request, call, on_count, run);
}

static struct cb_id start(struct vertexd_client *client, struct run *run,
                          struct settings *settings,
                          const struct vertexd_call_options *call) {
  static const struct vertexd_stream_events stream = {.chunk = on_chunk,
                                                      .done = on_stream_done};

  switch (run->options.command) {
    case CTL_STREAM:
      settings->request.prompt = run->options.texts[0];
      return vertexd_stream(client, &settings->request, call, &stream, run);
    case CTL_BATCH:
      return start_batch(client, run, settings, call);
    case CTL_MAP:
      return start_map(client, run, settings, call);
    case CTL_COUNT:
      return start_count(client, run, settings, call);
    case CTL_HEALTH:
      return vertexd_health(
          client, run->options.text_count ? run->options.texts[0] : "", call,
          on_health, run);
    case CTL_GENERATE:
    default:
      settings->request.prompt = run->options.texts[0];
      return vertexd_generate(client, &settings->request, call, on_response,
                              run);
  }
}

int main(int argc, char **argv) {
  struct run run = {.result = CTL_ALL_WELL};
  struct settings settings;
  struct vertexd_call_options call = {0};
  struct vertexd_client *client;

  ctl_options_read(&run.options, argc, argv);
  make_settings(&settings, &run.options);
  call.timeout = run.options.timeout;
  client = vertexd_client_new(run.options.target, NULL);
  if (!client || start(client, &run, &settings, &call).generation == 0) {
    fputs("vertexctl: out of memory\n", stderr);
    run.result = CTL_CALL_FAILED;
  } else {
    vertexd_client_run(client);
  }
  vertexd_client_free(client);
  if (run.options.schema_path) free(settings.request.json_schema_text);
  free(run.options.texts);
  return (int)run.result;
}
