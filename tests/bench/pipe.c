/* One PipeGenerate, written as fast as it takes prompts. */
#include "base/clock.h"
#include "crpc/client.h"
#include "crpc/loop.h"
#include "tests/bench/bench.h"
#include "vertexd/v1/vertexd.crpc.h"

struct pipe {
  struct bench *bench;
  struct crpc_loop *loop;
  struct crpc_channel *channel;
  struct cb_id id;
  size_t written;
  bool over;
};

static void write_items(struct pipe *pipe) {
  vertexd_PipeGenerateRequest message = vertexd_PipeGenerateRequest_INIT;
  vertexd_GenerateRequest item = vertexd_GenerateRequest_INIT;

  item.prompt = BENCH_PROMPT;
  message.message_case = vertexd_PipeGenerateRequest_MESSAGE_ITEM;
  message.item = &item;
  while (pipe->written < pipe->bench->count) {
    if (vertexd_GenerationService_PipeGenerate_write(pipe->channel, pipe->id,
                                                     &message) != CRPC_SENT)
      return;
    if (++pipe->written == pipe->bench->count)
      crpc_rpc_half_close(pipe->channel, pipe->id);
  }
}

static void on_writable(void *ctx) { write_items(ctx); }

static void on_message(void *ctx, const vertexd_PipeGenerateResponse *message) {
  struct bench *bench = ((struct pipe *)ctx)->bench;

  if (message->event_case != vertexd_PipeGenerateResponse_EVENT_RESULT) return;
  if (message->result->outcome_case == vertexd_ItemResult_OUTCOME_RESPONSE)
    bench->ok++;
  else
    bench->failed++;
}

static void on_done(void *ctx, const struct crpc_outcome *outcome) {
  struct pipe *pipe = ctx;

  if (outcome->status.code != CB_OK) pipe->bench->failed++;
  pipe->over = true;
}

static void write_start(struct pipe *pipe) {
  vertexd_PipeGenerateRequest message = vertexd_PipeGenerateRequest_INIT;
  vertexd_PipeStart start = vertexd_PipeStart_INIT;
  vertexd_GenerateRequest defaults = vertexd_GenerateRequest_INIT;

  defaults.model = "m";
  start.defaults = &defaults;
  start.max_concurrency = (int32_t)pipe->bench->concurrency;
  message.message_case = vertexd_PipeGenerateRequest_MESSAGE_START;
  message.start = &start;
  vertexd_GenerationService_PipeGenerate_write(pipe->channel, pipe->id,
                                               &message);
}

void bench_pipe(struct bench *bench) {
  static const struct vertexd_GenerationService_PipeGenerate_events events = {
      .message = on_message, .done = on_done, .writable = on_writable};
  const struct crpc_channel_options options = {.own_connection = true};
  const struct crpc_rpc_options call = {0};
  struct pipe pipe = {.bench = bench};

  pipe.loop = crpc_loop_new();
  pipe.channel = crpc_channel_new(pipe.loop, bench->target, &options);
  pipe.id = vertexd_GenerationService_PipeGenerate_start(pipe.channel, &call,
                                                         &events, &pipe);
  write_start(&pipe);
  write_items(&pipe);
  while (!pipe.over)
    crpc_loop_step(pipe.loop, CB_NEVER);
  crpc_channel_free(pipe.channel);
  crpc_loop_free(pipe.loop);
}
