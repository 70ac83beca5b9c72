#include "service_world.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "crpc/loop.h"
#include "crpc/server.h"
#include "service/emulator/emulator.h"
#include "service/vertex/credential.h"
#include "service/vertex/engine.h"
#include "tests/unit/cmocka_all.h"

#define PATIENCE (60 * CB_SECOND)

static void start_upstream(struct world *world, size_t max_response_bytes) {
  const struct vtx_emulator_options emulator = {.listen = NULL};
  const struct vtx_engine_options engine = {.budget = &world->budget};
  struct cb_status status;
  char *error = NULL;

  world->emulator = vtx_emulator_new(&emulator, &error);
  if (!world->emulator) fail_msg("%s", error ? error : "no memory");
  world->upstream.engine = vtx_engine_new(&engine, &status);
  assert_non_null(world->upstream.engine);
  world->upstream.endpoint =
      (struct vtx_endpoint){.base_url = vtx_emulator_url(world->emulator),
                            .project = "project",
                            .location = "global"};
  world->upstream.credential = vtx_credential_none();
  world->upstream.max_response_bytes = max_response_bytes;
  world->upstream.budget = &world->budget;
}

static void start_server(struct world *world, size_t max_message_bytes) {
  const struct crpc_server_options options = {
      .budget = &world->budget,
      .max_request_bytes = 64 << 20,
      .max_response_bytes = max_message_bytes};
  const struct crpc_channel_options channel = {.max_response_bytes = 64 << 20,
                                               .own_connection = true};
  struct cb_status status;
  char *address = NULL;

  world->server = crpc_server_new(world->loop, &options, &status);
  assert_non_null(world->server);
  assert_true(vtx_service_register(world->service, world->server));
  assert_true(
      crpc_server_listen(world->server, "127.0.0.1:0", &address, &status));
  crpc_server_start(world->server);
  world->channel = crpc_channel_new(world->loop, address, &channel);
  assert_non_null(world->channel);
  free(address);
}

static struct vtx_retry_policy retries_of(const struct world_options *o) {
  return (struct vtx_retry_policy){
      .attempts = o->attempts ? o->attempts : 1,
      .base = o->retry_base ? o->retry_base : 10 * CB_MILLISECOND,
      .cap = o->retry_cap ? o->retry_cap : CB_SECOND,
  };
}

struct world *world_new(const struct world_options *options) {
  static const struct world_options none;
  const struct world_options *o = options ? options : &none;
  struct world *world = calloc(1, sizeof *world);
  struct vtx_service_options service = {
      .upstream = &world->upstream,
      .budget = &world->budget,
      .default_model = "emulated-model",
      .max_concurrency_cap =
          o->max_concurrency_cap ? o->max_concurrency_cap : 1000,
      .max_in_flight = o->max_in_flight ? o->max_in_flight : 10000,
      .max_batch_items = o->max_batch_items ? o->max_batch_items : 50000,
      .max_response_bytes =
          o->max_response_bytes ? o->max_response_bytes : 64 << 20,
      .request_timeout = 60 * CB_SECOND,
      .default_deadline =
          o->default_deadline ? o->default_deadline : 600 * CB_SECOND,
      .throttle_wait = o->throttle_wait,
      .interactive_retry = retries_of(o),
      .batch_retry = retries_of(o),
  };

  assert_non_null(world);
  cb_budget_init(&world->budget,
                 o->memory_budget ? o->memory_budget : SIZE_MAX);
  start_upstream(world, service.max_response_bytes);
  world->loop = crpc_loop_new();
  assert_non_null(world->loop);
  service.loop = world->loop;
  world->service = vtx_service_new(&service);
  assert_non_null(world->service);
  assert_true(vtx_engine_start(world->upstream.engine));
  start_server(world, o->max_message_bytes);
  return world;
}

bool world_until(struct world *world, bool (*done)(void *ctx), void *ctx) {
  int64_t until = cb_time_add(cb_now(NULL), PATIENCE);

  while (!done(ctx)) {
    if (cb_now(NULL) >= until) return false;
    crpc_loop_step(world->loop, cb_now(NULL) + 5 * CB_MILLISECOND);
  }
  return true;
}

static bool is_idle(void *ctx) {
  const struct world *world = ctx;
  struct vtx_service_counters counters;
  struct vtx_engine_counters engine;

  vtx_service_counters(world->service, &counters);
  vtx_engine_counters(world->upstream.engine, &engine);
  return counters.flows == 0 && counters.jobs == 0 && engine.transfers == 0;
}

void world_wait_idle(struct world *world) {
  assert_true(world_until(world, is_idle, world));
}

/* A message there and back. */
struct round {
  struct cb_mail mail;
  struct crpc_loop *loop;
  bool over;
};

static void came_back(struct cb_mail *mail) {
  CB_CONTAINER(mail, struct round, mail)->over = true;
}

static void turn_round(struct cb_mail *mail) {
  struct round *round = CB_CONTAINER(mail, struct round, mail);

  mail->deliver = came_back;
  crpc_loop_post(round->loop, mail);
}

static bool round_is_over(void *ctx) {
  const struct round *round = ctx;

  return round->over;
}

void world_round(struct world *world) {
  struct round round = {.mail.deliver = turn_round, .loop = world->loop};

  vtx_engine_post(world->upstream.engine, &round.mail);
  assert_true(world_until(world, round_is_over, &round));
}

struct jobs_wanted {
  struct world *world;
  uint64_t total;
  size_t left;
};

static bool jobs_are(void *ctx) {
  const struct jobs_wanted *wanted = ctx;
  struct vtx_service_counters counters;

  vtx_service_counters(wanted->world->service, &counters);
  return counters.jobs_total == wanted->total && counters.jobs == wanted->left;
}

void world_until_jobs(struct world *world, uint64_t total, size_t left) {
  struct jobs_wanted wanted = {world, total, left};

  assert_true(world_until(world, jobs_are, &wanted));
  world_round(world);
}

static void on_drained(void *ctx) {
  struct world *world = ctx;

  world->drained = true;
}

static bool is_drained(void *ctx) {
  const struct world *world = ctx;

  return world->drained;
}

void world_free(struct world *world) {
  crpc_channel_free(world->channel);
  crpc_server_drain(world->server, cb_now(NULL), on_drained, world);
  assert_true(world_until(world, is_drained, world));
  world_wait_idle(world);
  vtx_engine_stop(world->upstream.engine);
  crpc_server_free(world->server);
  crpc_loop_free(world->loop);
  vtx_service_free(world->service);
  vtx_engine_free(world->upstream.engine);
  vtx_credential_free(world->upstream.credential);
  vtx_emulator_free(world->emulator);
  assert_int_equal(cb_budget_used(&world->budget), 0);
  free(world);
}

void world_release(struct world *world, const char *key) {
  const char *port = strrchr(vtx_emulator_url(world->emulator), ':') + 1;
  struct sockaddr_in address = {
      .sin_family = AF_INET,
      .sin_port = htons((uint16_t)strtol(port, NULL, 10)),
      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  char text[256];
  int size = snprintf(text, sizeof text,
                      "POST /emulator/release?key=%s HTTP/1.1\r\nHost: x\r\n"
                      "Connection: close\r\nContent-Length: 0\r\n\r\n",
                      key);

  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(send(fd, text, (size_t)size, MSG_NOSIGNAL), size);
  assert_true(recv(fd, text, sizeof text, MSG_WAITALL) > 0);
  assert_memory_equal(text, "HTTP/1.1 200", 12);
  close(fd);
}

uint64_t world_transfers(const struct world *world) {
  struct vtx_engine_counters counters;

  vtx_engine_counters(world->upstream.engine, &counters);
  return counters.transfers_total;
}

/* The engine's thread may take and give meanwhile. */
size_t world_use_up(struct world *world, size_t left) {
  size_t most = world->budget.limit - cb_budget_used(&world->budget) - left;

  while (!cb_budget_charge(&world->budget, most))
    most--;
  return most;
}

/* What calls bring. */

struct seen *seen_new(struct world *world) {
  struct seen *seen = calloc(1, sizeof *seen);

  assert_non_null(seen);
  seen->world = world;
  return seen;
}

void seen_free(struct seen *seen) { free(seen); }

static void keep(char *out, size_t room, const char *text) {
  snprintf(out, room, "%s", text ? text : "");
}

static void on_item(struct seen *seen, const vertexd_ItemResult *item) {
  struct seen_item *kept = &seen->items[seen->item_count++];

  assert_true(seen->item_count <= SEEN_ITEMS);
  assert_int_equal(seen->summaries, 0);
  assert_int_equal(item->_index_case, VERTEXD__V1__ITEM_RESULT___INDEX_INDEX);
  kept->index = item->index;
  kept->attempts = item->attempts;
  keep(kept->id, sizeof kept->id, item->id);
  if (item->outcome_case == VERTEXD__V1__ITEM_RESULT__OUTCOME_RESPONSE) {
    kept->has_response = true;
    keep(kept->text, sizeof kept->text, item->response->text);
  } else {
    assert_int_equal(item->outcome_case,
                     VERTEXD__V1__ITEM_RESULT__OUTCOME_ERROR);
    kept->code = (enum cb_code)item->error->code;
    keep(kept->reason, sizeof kept->reason, item->error->reason);
    kept->retryable = item->error->retryable;
    keep(kept->field, sizeof kept->field, item->error->field);
    for (size_t i = 0; i < item->error->n_metadata; i++) {
      if (strcmp(item->error->metadata[i]->key, "waited_for") == 0)
        keep(kept->waited_for, sizeof kept->waited_for,
             item->error->metadata[i]->value);
    }
  }
}

static void on_progress(struct seen *seen,
                        const vertexd_BatchProgress *progress) {
  seen->progress_count++;
  assert_int_equal(seen->summaries, 0);
  if (progress->in_flight > seen->most_in_flight) {
    seen->most_in_flight = progress->in_flight;
  }
}

static void on_summary(struct seen *seen, const vertexd_BatchSummary *summary) {
  seen->summaries++;
  seen->total = summary->total;
  seen->succeeded = summary->succeeded;
  seen->failed = summary->failed;
  seen->max_concurrency = summary->max_concurrency;
  seen->total_tokens = summary->total_tokens;
  if (summary->n_failures > 0) {
    keep(seen->first_failure, sizeof seen->first_failure,
         summary->failures[0]->reason);
  }
}

static void on_answer(void *ctx, const vertexd_GenerateResponse *response) {
  struct seen *seen = ctx;
  size_t used = strlen(seen->text);

  seen->messages++;
  keep(seen->text + used, sizeof seen->text - used, response->text);
  seen->text_bytes += strlen(response->text);
  keep(seen->id, sizeof seen->id, response->id);
  keep(seen->json, sizeof seen->json, response->json);
  if (response->token_count) seen->tokens = response->token_count->total_tokens;
  if (response->serving) seen->attempts = response->serving->attempts;
  if (response->raw_json[0]) seen->has_raw = true;
}

static void on_batch(void *ctx, const vertexd_BatchGenerateResponse *message) {
  struct seen *seen = ctx;

  seen->messages++;
  switch (message->event_case) {
    case VERTEXD__V1__BATCH_GENERATE_RESPONSE__EVENT_PROGRESS:
      on_progress(seen, message->progress);
      break;
    case VERTEXD__V1__BATCH_GENERATE_RESPONSE__EVENT_RESULT:
      on_item(seen, message->result);
      break;
    default:
      assert_non_null(message->summary);
      on_summary(seen, message->summary);
  }
}

static void on_pipe(void *ctx, const vertexd_PipeGenerateResponse *message) {
  struct seen *seen = ctx;

  seen->messages++;
  switch (message->event_case) {
    case VERTEXD__V1__PIPE_GENERATE_RESPONSE__EVENT_PROGRESS:
      on_progress(seen, message->progress);
      break;
    case VERTEXD__V1__PIPE_GENERATE_RESPONSE__EVENT_RESULT:
      on_item(seen, message->result);
      break;
    default:
      assert_non_null(message->summary);
      on_summary(seen, message->summary);
  }
}

static void on_stream_map(void *ctx,
                          const vertexd_StreamMapGenerateResponse *message) {
  struct seen *seen = ctx;

  seen->messages++;
  switch (message->event_case) {
    case VERTEXD__V1__STREAM_MAP_GENERATE_RESPONSE__EVENT_PROGRESS:
      on_progress(seen, message->progress);
      break;
    case VERTEXD__V1__STREAM_MAP_GENERATE_RESPONSE__EVENT_RESULT:
      on_item(seen, message->result);
      break;
    default:
      assert_non_null(message->summary);
      on_summary(seen, message->summary);
  }
}

static void on_map(void *ctx, const vertexd_MapGenerateResponse *message) {
  struct seen *seen = ctx;

  seen->messages++;
  seen->text_bytes =
      vertexd__v1__map_generate_response__get_packed_size(message);
  for (size_t i = 0; i < message->n_results; i++) {
    on_item(seen, message->results[i]);
  }
  assert_non_null(message->summary);
  on_summary(seen, message->summary);
}

static void on_count(void *ctx, const vertexd_CountTokensResponse *response) {
  struct seen *seen = ctx;

  seen->messages++;
  seen->tokens = response->total_tokens;
}

static void on_done(void *ctx, const struct crpc_outcome *outcome) {
  struct seen *seen = ctx;

  assert_false(seen->over);
  seen->over = true;
  seen->code = outcome->status.code;
  keep(seen->reason, sizeof seen->reason, outcome->status.reason);
  keep(seen->field, sizeof seen->field, outcome->status.field);
  keep(seen->message, sizeof seen->message, outcome->status.message);
  for (size_t i = 0; i < outcome->status.metadata_count; i++) {
    const struct cb_pair *pair = &outcome->status.metadata[i];

    if (strcmp(pair->key, "waited_for") == 0)
      keep(seen->waited_for, sizeof seen->waited_for, pair->value);
  }
}

static struct crpc_rpc_options options_of(int64_t timeout) {
  return (struct crpc_rpc_options){
      .deadline = timeout > 0 ? cb_now(NULL) + timeout : 0};
}

/* A function that starts a call of a method. */
#define DEFINE_START(function, method, request_type, handler)                  \
  struct cb_id function(struct seen *seen, const request_type *request,        \
                        int64_t timeout) {                                     \
    static const struct vertexd_GenerationService_##method##_events events = { \
        handler, on_done};                                                     \
    struct crpc_rpc_options options = options_of(timeout);                     \
                                                                               \
    return vertexd_GenerationService_##method##_start(                         \
        seen->world->channel, request, &options, &events, seen);               \
  }

DEFINE_START(world_generate, Generate, vertexd_GenerateRequest, on_answer)
DEFINE_START(world_stream, StreamGenerate, vertexd_GenerateRequest, on_answer)
DEFINE_START(world_batch, BatchGenerate, vertexd_BatchGenerateRequest, on_batch)
DEFINE_START(world_map, MapGenerate, vertexd_MapGenerateRequest, on_map)
DEFINE_START(world_stream_map, StreamMapGenerate, vertexd_MapGenerateRequest,
             on_stream_map)

struct cb_id world_count(struct seen *seen,
                         const vertexd_CountTokensRequest *request) {
  static const struct vertexd_GenerationService_CountTokens_events events = {
      on_count, on_done};
  struct crpc_rpc_options options = options_of(0);

  return vertexd_GenerationService_CountTokens_start(
      seen->world->channel, request, &options, &events, seen);
}

static void on_writable(void *ctx) { (void)ctx; }

struct cb_id world_pipe(struct seen *seen, int64_t timeout) {
  static const struct vertexd_GenerationService_PipeGenerate_events events = {
      .message = on_pipe, .done = on_done, .writable = on_writable};
  struct crpc_rpc_options options = options_of(timeout);

  return vertexd_GenerationService_PipeGenerate_start(seen->world->channel,
                                                      &options, &events, seen);
}

void world_write(struct world *world, struct cb_id id,
                 const vertexd_PipeGenerateRequest *message) {
  enum crpc_send sent;

  while ((sent = vertexd_GenerationService_PipeGenerate_write(
              world->channel, id, message)) == CRPC_WAIT) {
    crpc_loop_step(world->loop, cb_now(NULL) + 5 * CB_MILLISECOND);
  }
  assert_int_equal(sent, CRPC_SENT);
}

static bool is_over(void *ctx) {
  const struct seen *seen = ctx;

  return seen->over;
}

void seen_wait(struct seen *seen) {
  assert_true(world_until(seen->world, is_over, seen));
}
