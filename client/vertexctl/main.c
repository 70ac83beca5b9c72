/* vertexctl - vertexd from the shell. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/vertexctl/bulk.h"
#include "client/vertexctl/options.h"
#include "client/vertexctl/output.h"
#include "client/vertexctl/settings.h"
#include "client/vertexctl/targets.h"
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

static struct cb_id start_batch(struct vertexd_client *client, struct run *run,
                                struct ctl_settings *settings,
                                const struct vertexd_call_options *call) {
  vertexd_BatchGenerateRequest request = vertexd_BatchGenerateRequest_INIT;
  vertexd_BatchOptions batch = ctl_batch_options(&run->options);

  request.prompts = run->options.texts;
  request.n_prompts = run->options.text_count;
  request.defaults = &settings->request;
  request.max_concurrency = run->options.max_concurrency;
  request.options = &batch;
  return vertexd_batch(client, &request, call, &batch_events, run);
}

static struct cb_id start_map(struct vertexd_client *client, struct run *run,
                              struct ctl_settings *settings,
                              const struct vertexd_call_options *call) {
  vertexd_MapGenerateRequest request = vertexd_MapGenerateRequest_INIT;
  vertexd_BatchOptions batch = ctl_batch_options(&run->options);

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
                                const struct ctl_settings *settings,
                                const struct vertexd_call_options *call) {
  vertexd_CountTokensRequest request = vertexd_CountTokensRequest_INIT;

  request.model = settings->request.model;
  request.prompt = run->options.texts[0];
  request.system_instruction = settings->request.system_instruction;
  return vertexd_count_tokens(client, &request, call, on_count, run);
}

static struct cb_id start(struct vertexd_client *client, struct run *run,
                          struct ctl_settings *settings,
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

/* One call, and what it answers. */
static void run_call(struct run *run, struct ctl_settings *settings) {
  const struct vertexd_call_options call = {.timeout = run->options.timeout};
  const struct vertexd_client_options options = {
      .service_config = run->options.target_count > 1 ? CTL_ROUND_ROBIN : NULL,
      .keepalive = run->options.keepalive};
  struct vertexd_client *client =
      vertexd_client_new(run->options.target, &options);

  if (!client || start(client, run, settings, &call).generation == 0) {
    fputs("vertexctl: out of memory\n", stderr);
    run->result = CTL_CALL_FAILED;
  } else {
    vertexd_client_run(client);
  }
  vertexd_client_free(client);
}

int main(int argc, char **argv) {
  struct run run = {.result = CTL_ALL_WELL};
  struct ctl_settings settings;

  ctl_options_read(&run.options, argc, argv);
  ctl_settings_make(&settings, &run.options);
  if (run.options.files.input)
    run.result = ctl_bulk_run(&run.options, &settings.request);
  else
    run_call(&run, &settings);
  ctl_settings_release(&settings, &run.options);
  ctl_options_release(&run.options);
  return (int)run.result;
}
