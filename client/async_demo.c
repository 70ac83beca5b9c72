/* async_demo.c - several operations at once on one thread: a prompt, a map and
 * another prompt are started together and answered as they finish.
 *
 *   vertexd --emulate &
 *   async_demo [ADDRESS]        default: $VERTEXD_ADDRESS or 127.0.0.1:50051
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/vertexd_client.h"

#define SECOND INT64_C(1000000000)

/* What one operation's callbacks know. */
struct operation {
  const char *title;
  char **items; /* of the map */
  int failures;
};

static void answered(void *ctx, const vertexd_GenerateResponse *response,
                     const struct cb_status *status) {
  struct operation *operation = ctx;

  if (response) {
    printf("[%s] %s\n", operation->title, response->text);
  } else {
    printf("[%s] failed: %s: %s\n", operation->title,
           cb_code_name(status->code), status->message);
    operation->failures++;
  }
}

static void item_answered(void *ctx, const vertexd_ItemResult *result) {
  struct operation *operation = ctx;
  const char *item = operation->items[result->index];

  if (result->outcome_case == vertexd_ItemResult_OUTCOME_RESPONSE)
    printf("[%s: %s] %s\n", operation->title, item, result->response->text);
  else
    printf("[%s: %s] failed: %s\n", operation->title, item,
           result->error->message);
}

static void map_done(void *ctx, const vertexd_BatchSummary *summary,
                     const struct cb_status *status) {
  struct operation *operation = ctx;

  if (summary)
    printf("[%s] %d of %d answered\n", operation->title, summary->succeeded,
           summary->total);
  else
    printf("[%s] failed: %s\n", operation->title, status->message);
  if (!summary || summary->failed > 0) operation->failures++;
}

/* The map function: what stands for an item in the template. */
static char *phrase(void *ctx, const char *item, size_t index) {
  char *text = malloc(strlen(item) + sizeof "the  programming language");

  (void)ctx;
  (void)index;
  if (text) sprintf(text, "the %s programming language", item);
  return text;
}

static void start_map(struct vertexd_client *client,
                      struct operation *operation, size_t count) {
  static const struct vertexd_batch_events events = {.result = item_answered,
                                                     .done = map_done};
  const struct vertexd_call_options options = {.timeout = 60 * SECOND};
  vertexd_MapGenerateRequest request = vertexd_MapGenerateRequest_INIT;
  struct vertexd_mapping mapping = {.request = &request, .function = phrase};

  request.template_ = "Explain the main features of {item}.";
  request.items = operation->items;
  request.n_items = count;
  request.max_concurrency = 3;
  vertexd_map_with(client, &mapping, &options, &events, operation);
}

static void start_prompt(struct vertexd_client *client, char *prompt,
                         struct operation *operation) {
  const struct vertexd_call_options options = {.timeout = 60 * SECOND};
  vertexd_GenerateRequest request = vertexd_GenerateRequest_INIT;

  request.prompt = prompt;
  vertexd_generate(client, &request, &options, answered, operation);
}

int main(int argc, char **argv) {
  char *languages[] = {"Python", "JavaScript", "Rust"};
  struct operation first = {.title = "first"};
  struct operation map = {.title = "map", .items = languages};
  struct operation second = {.title = "second"};
  const char *address = argc > 1 ? argv[1] : getenv("VERTEXD_ADDRESS");
  struct vertexd_client *client =
      vertexd_client_new(address ? address : "127.0.0.1:50051", NULL);

  if (!client) return 1;
  start_prompt(client, "What is artificial intelligence?", &first);
  start_map(client, &map, sizeof languages / sizeof *languages);
  start_prompt(client, "What is the future of AI?", &second);
  vertexd_client_run(client); /* until all three are done */
  vertexd_client_free(client);
  return first.failures + map.failures + second.failures > 0;
}
