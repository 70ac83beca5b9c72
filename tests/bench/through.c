/* The same loads through vertexd, by crpc's own client. */
#include <stdlib.h>

#include "base/clock.h"
#include "crpc/client.h"
#include "crpc/loop.h"
#include "tests/bench/bench.h"
#include "vertexd/v1/vertexd.crpc.h"

struct through {
  struct bench *bench;
  void (*start)(struct through *through); /* a closed loop's next call */
  struct crpc_loop *loop;
  struct crpc_channel **channels;
  size_t started;
  bool over; /* of the batch */
};

struct one {
  struct through *through;
  int64_t started;
};

static void begin(struct through *through) {
  struct crpc_channel_options options = {.own_connection = true,
                                         .max_response_bytes = 64 << 20};
  size_t count = through->bench->channels;

  through->loop = crpc_loop_new();
  through->channels = calloc(count, sizeof *through->channels);
  for (size_t i = 0; i < count; i++)
    through->channels[i] =
        crpc_channel_new(through->loop, through->bench->target, &options);
}

static void end(struct through *through) {
  for (size_t i = 0; i < through->bench->channels; i++)
    crpc_channel_free(through->channels[i]);
  free(through->channels);
  crpc_loop_free(through->loop);
}

static void one_message(void *ctx, const vertexd_GenerateResponse *message) {
  (void)ctx;
  (void)message;
}

static void one_done(void *ctx, const struct crpc_outcome *outcome) {
  struct one *one = ctx;

  bench_time(one->through->bench, one->started, outcome->status.code == CB_OK);
  free(one);
}

/* A call that starts the next when it is done: a closed loop. */
static void chain_done(void *ctx, const struct crpc_outcome *outcome) {
  struct through *through = ((struct one *)ctx)->through;

  one_done(ctx, outcome);
  if (through->started < through->bench->count) through->start(through);
}

static vertexd_GenerateRequest one_request(void) {
  vertexd_GenerateRequest request = vertexd_GenerateRequest_INIT;

  request.model = "m";
  request.prompt = BENCH_PROMPT;
  return request;
}

static struct one *new_one(struct through *through) {
  struct one *one = calloc(1, sizeof *one);

  one->through = through;
  one->started = cb_now(NULL);
  return one;
}

static struct crpc_channel *next_channel(struct through *through) {
  return through->channels[through->started++ % through->bench->channels];
}

static void start_with(
    struct through *through,
    const struct vertexd_GenerationService_Generate_events *events) {
  vertexd_GenerateRequest request = one_request();
  struct crpc_rpc_options options = {0};

  vertexd_GenerationService_Generate_start(next_channel(through), &request,
                                           &options, events, new_one(through));
}

static void start_one(struct through *through) {
  static const struct vertexd_GenerationService_Generate_events events = {
      .message = one_message, .done = chain_done};

  start_with(through, &events);
}

static void stream_message(void *ctx, const vertexd_GenerateResponse *message) {
  (void)message;
  ((struct one *)ctx)->through->bench->messages++;
}

static void start_stream(struct through *through) {
  static const struct vertexd_GenerationService_StreamGenerate_events events = {
      .message = stream_message, .done = chain_done};
  vertexd_GenerateRequest request = one_request();
  struct crpc_rpc_options options = {0};

  vertexd_GenerationService_StreamGenerate_start(
      next_channel(through), &request, &options, &events, new_one(through));
}

static void run_closed(struct bench *bench,
                       void (*start)(struct through *through)) {
  struct through through = {.bench = bench, .start = start};

  begin(&through);
  for (size_t i = 0; i < bench->concurrency && i < bench->count; i++)
    start(&through);
  while (bench->timed < bench->count)
    crpc_loop_step(through.loop, CB_NEVER);
  end(&through);
}

void bench_unary(struct bench *bench) { run_closed(bench, start_one); }

void bench_stream(struct bench *bench) { run_closed(bench, start_stream); }

void bench_paced(struct bench *bench) {
  static const struct vertexd_GenerationService_Generate_events events = {
      .message = one_message, .done = one_done};
  struct through through = {.bench = bench};
  int64_t begun = cb_now(NULL);
  int64_t gap = CB_SECOND / (int64_t)bench->concurrency;

  begin(&through);
  while (bench->timed < bench->count) {
    int64_t next = through.started < bench->count
                       ? cb_time_add(begun, gap * (int64_t)through.started)
                       : CB_NEVER;

    if (cb_now(NULL) >= next)
      start_with(&through, &events);
    else
      crpc_loop_step(through.loop, next);
  }
  end(&through);
}

static void batch_message(void *ctx,
                          const vertexd_BatchGenerateResponse *message) {
  struct bench *bench = ((struct through *)ctx)->bench;

  if (message->event_case != vertexd_BatchGenerateResponse_EVENT_RESULT) return;
  if (message->result->outcome_case == vertexd_ItemResult_OUTCOME_RESPONSE)
    bench->ok++;
  else
    bench->failed++;
}

static void batch_done(void *ctx, const struct crpc_outcome *outcome) {
  struct through *through = ctx;

  if (outcome->status.code != CB_OK) through->bench->failed++;
  through->over = true;
}

void bench_batch(struct bench *bench) {
  static const struct vertexd_GenerationService_BatchGenerate_events events = {
      .message = batch_message, .done = batch_done};
  struct through through = {.bench = bench};
  struct crpc_rpc_options options = {0};
  vertexd_BatchGenerateRequest request = vertexd_BatchGenerateRequest_INIT;
  vertexd_GenerateRequest defaults = vertexd_GenerateRequest_INIT;

  begin(&through);
  defaults.model = "m";
  request.defaults = &defaults;
  request.max_concurrency = (int32_t)bench->concurrency;
  request.n_prompts = bench->count;
  request.prompts = calloc(bench->count, sizeof *request.prompts);
  for (size_t i = 0; i < bench->count; i++)
    request.prompts[i] = BENCH_PROMPT;
  vertexd_GenerationService_BatchGenerate_start(through.channels[0], &request,
                                                &options, &events, &through);
  while (!through.over)
    crpc_loop_step(through.loop, CB_NEVER);
  free(request.prompts);
  end(&through);
}
