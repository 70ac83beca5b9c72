/* The pipe: a stream of prompts one way and of results the other. */
#include "client/client_internal.h"

struct pipe_call {
  struct vertexd_pending pending;
  struct vertexd_pipe_events events;
  struct vertexd_kept_summary summary;
};

static void pipe_message(void *ctx,
                         const vertexd_PipeGenerateResponse *message) {
  struct pipe_call *call = ctx;

  switch (message->event_case) {
    case vertexd_PipeGenerateResponse_EVENT_RESULT:
      call->events.result(call->pending.ctx, message->result);
      break;
    case vertexd_PipeGenerateResponse_EVENT_PROGRESS:
      if (call->events.progress)
        call->events.progress(call->pending.ctx, message->progress);
      break;
    case vertexd_PipeGenerateResponse_EVENT_SUMMARY:
      vertexd_summary_keep(&call->summary, message->summary);
      break;
    default: /* an event of a newer server */
      break;
  }
}

static void pipe_writable(void *ctx) {
  struct pipe_call *call = ctx;

  if (call->events.writable) call->events.writable(call->pending.ctx);
}

static void pipe_over(void *ctx, const struct crpc_outcome *outcome) {
  struct pipe_call *call = ctx;
  struct cb_status status = outcome->status;
  vertexd_BatchSummary *summary =
      vertexd_summary_unkeep(&call->summary, &status);

  call->events.done(call->pending.ctx, summary, &status);
  if (summary) vertexd__v1__batch_summary__free_unpacked(summary, NULL);
  vertexd_pending_free(&call->pending);
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
  call->events = *events;
  id = vertexd_pending_started(&call->pending,
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
