/* The pipe: a stream of prompts one way and of results the other. */
#include "client/results.h"

struct pipe_call {
  struct vertexd_results results;
  void (*writable)(void *ctx); /* may be NULL */
};

static void pipe_message(void *ctx,
                         const vertexd_PipeGenerateResponse *message) {
  struct pipe_call *call = ctx;

  vertexd_results_take(
      &call->results,
      VERTEXD_RESULTS_EVENT(vertexd_PipeGenerateResponse, message));
}

static void pipe_writable(void *ctx) {
  struct pipe_call *call = ctx;

  if (call->writable) call->writable(call->results.pending.ctx);
}

static void pipe_over(void *ctx, const struct crpc_outcome *outcome) {
  struct pipe_call *call = ctx;

  vertexd_results_over(&call->results, outcome);
}

struct cb_id vertexd_pipe(struct vertexd_client *client,
                          const vertexd_PipeStart *start,
                          const struct vertexd_call_options *options,
                          const struct vertexd_pipe_events *events, void *ctx) {
  static const struct vertexd_GenerationService_PipeGenerate_events mine = {
      .message = pipe_message, .done = pipe_over, .writable = pipe_writable};
  vertexd_PipeGenerateRequest first = vertexd_PipeGenerateRequest_INIT;
  struct crpc_rpc_options rpc = vertexd_rpc_options(options);
  struct pipe_call *call = vertexd_pending_new(client, sizeof *call, ctx);
  struct cb_id id;

  if (!call) return (struct cb_id){0};
  call->writable = events->writable;
  call->results.events = (struct vertexd_batch_events){
      .result = events->result,
      .progress = events->progress,
      .done = events->done,
  };
  id = vertexd_pending_started(&call->results.pending,
                               vertexd_GenerationService_PipeGenerate_start(
                                   client->channel, &rpc, &mine, call));
  if (id.generation == 0) return id;
  first.message_case = vertexd_PipeGenerateRequest_MESSAGE_START;
  first.start = (vertexd_PipeStart *)(uintptr_t)start;
  /* Nothing was written yet, so this one is taken; where it is not there was
   * no memory for it, and the call must not go on without its start. */
  if (vertexd_GenerationService_PipeGenerate_write(client->channel, id,
                                                   &first) != CRPC_SENT)
    crpc_rpc_cancel(client->channel, id);
  return id;
}

enum vertexd_pipe_sent vertexd_pipe_send(struct vertexd_client *client,
                                         struct cb_id id,
                                         const vertexd_GenerateRequest *item) {
  vertexd_PipeGenerateRequest message = vertexd_PipeGenerateRequest_INIT;

  message.message_case = vertexd_PipeGenerateRequest_MESSAGE_ITEM;
  message.item = (vertexd_GenerateRequest *)(uintptr_t)item;
  switch (vertexd_GenerationService_PipeGenerate_write(client->channel, id,
                                                       &message)) {
    case CRPC_SENT:
      return VERTEXD_PIPE_SENT;
    case CRPC_WAIT:
      return VERTEXD_PIPE_WAIT;
    case CRPC_NO_MEMORY:
      return VERTEXD_PIPE_NO_MEMORY;
    case CRPC_CLOSED:
    default:
      return VERTEXD_PIPE_OVER;
  }
}

void vertexd_pipe_end(struct vertexd_client *client, struct cb_id id) {
  crpc_rpc_half_close(client->channel, id);
}
