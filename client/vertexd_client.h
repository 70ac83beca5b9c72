/* vertexd_client.h - calls to vertexd from C, asynchronous and typed.
 *
 * A client is one connection to one server (or to what a name resolves to) and
 * one loop. Calls are started, and their callbacks run, on the thread that is
 * inside vertexd_client_run(), _step() or _wait(); one thread can have
 * thousands of calls under way. Messages are the contract's own types, made by
 * protobuf-c; vertexd/v1/vertexd.crpc.h gives them short names.
 *
 *   static void answered(void *ctx, const vertexd_GenerateResponse *response,
 *                        const struct cb_status *status) {
 *     puts(response ? response->text : status->message);
 *   }
 *   ...
 *   vertexd_GenerateRequest request = vertexd_GenerateRequest_INIT;
 *   struct vertexd_client *client;
 *
 *   client = vertexd_client_new("127.0.0.1:50051", NULL);
 *   request.prompt = "What is quantum computing?";
 *   vertexd_generate(client, &request, NULL, answered, NULL);
 *   vertexd_client_run(client);
 *   vertexd_client_free(client);
 *
 * Threads:   a client belongs to one thread at a time.
 * Ownership: requests are packed before a start function returns; what
 *            callbacks receive is valid during the callback.
 * Errors:    status->code is CB_OK or the gRPC code, reason the word to switch
 *            on (docs/errors.md). done is called exactly once for each call
 *            that was started, also after a cancel. No call is made again by
 *            itself: one whose connection goes away is UNAVAILABLE, also if no
 *            server has seen it.
 */
#ifndef VERTEXD_CLIENT_H
#define VERTEXD_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slots.h"
#include "base/status.h"
#include "vertexd/v1/vertexd.crpc.h"

struct vertexd_client;

struct vertexd_client_options {
  size_t max_response_bytes;  /* of one message; 0: 64 MiB */
  bool own_connection;        /* not shared with other clients of the process */
  const char *service_config; /* gRPC's JSON, e.g. for round_robin; may be
                                 NULL. A retryPolicy has no effect. */
  /* Nanoseconds: a server that has calls and says nothing for so long must
   * answer a ping within 20 s, or its calls are UNAVAILABLE; for else a call
   * without timeout over a line that went dead would wait for ever. 0 or less:
   * a minute; INT64_MAX: no pings. vertexd takes one each 5 s. A proxy between
   * may take fewer, and then ends the connection with "too_many_pings": have
   * it take more, or ask for fewer here. */
  int64_t keepalive;
};

/* target: "host:port", "unix:/path" or "dns:///name:port"; options may be
 * NULL. Connects with the first call. NULL when out of memory. */
struct vertexd_client *vertexd_client_new(
    const char *target, const struct vertexd_client_options *options);

/* Cancels what is under way (each done is called) and frees the client. */
void vertexd_client_free(struct vertexd_client *client);

/* Handles events until no call is under way any more. */
void vertexd_client_run(struct vertexd_client *client);

/* Handles what is there, waiting at most timeout nanoseconds for the first
 * event. Returns the number of calls under way. */
size_t vertexd_client_step(struct vertexd_client *client, int64_t timeout);

/* Handles events until the call of that id is over: makes any call block. */
void vertexd_client_wait(struct vertexd_client *client, struct cb_id id);

/* Ends a call early; its done comes with CB_CANCELLED. vertexd then stops the
 * upstream work of it at once. A call that is over is fine. */
void vertexd_client_cancel(struct vertexd_client *client, struct cb_id id);

/* How to call; NULL means all defaults. */
struct vertexd_call_options {
  int64_t timeout; /* nanoseconds for the whole call; 0: none */
  const struct cb_pair *metadata;
  size_t metadata_count;
  bool wait_for_ready; /* wait for the server to come up */
};

/* One prompt. response is NULL unless status is CB_OK. All start functions
 * return the call's id, {0, 0} when out of memory: no callback comes then. */
typedef void vertexd_generate_done(void *ctx,
                                   const vertexd_GenerateResponse *response,
                                   const struct cb_status *status);
struct cb_id vertexd_generate(struct vertexd_client *client,
                              const vertexd_GenerateRequest *request,
                              const struct vertexd_call_options *options,
                              vertexd_generate_done *done, void *ctx);

/* One prompt, the answer in pieces: chunk->text is what is new. */
struct vertexd_stream_events {
  void (*chunk)(void *ctx, const vertexd_GenerateResponse *chunk);
  void (*done)(void *ctx, const struct cb_status *status);
};
struct cb_id vertexd_stream(struct vertexd_client *client,
                            const vertexd_GenerateRequest *request,
                            const struct vertexd_call_options *options,
                            const struct vertexd_stream_events *events,
                            void *ctx);

/* Many prompts. result comes once for each index, then done; summary is NULL
 * unless status is CB_OK. progress may be NULL. */
struct vertexd_batch_events {
  void (*result)(void *ctx, const vertexd_ItemResult *result);
  void (*progress)(void *ctx, const vertexd_BatchProgress *progress);
  void (*done)(void *ctx, const vertexd_BatchSummary *summary,
               const struct cb_status *status);
};
struct cb_id vertexd_batch(struct vertexd_client *client,
                           const vertexd_BatchGenerateRequest *request,
                           const struct vertexd_call_options *options,
                           const struct vertexd_batch_events *events,
                           void *ctx);

/* An endless batch: prompts go in one by one, results come back while they do,
 * in bounded memory on both sides.
 *
 *   id = vertexd_pipe(client, &start, NULL, &events, ctx);
 *   while (there is an item)
 *     vertexd_pipe_send() it; on VERTEXD_PIPE_WAIT keep it until writable
 *   vertexd_pipe_end(client, id);
 *
 * result comes once for each item that the server has read; its index counts
 * the items sent, from 0. Results come as they are done unless start asks for
 * input order. A server that ends its work early (deadline, on_error, an
 * upstream error that would hit all) gives a summary with CB_OK as well: items
 * past summary->total got no result and may be sent in another pipe. Where
 * status is not CB_OK the items without a result are open. */
struct vertexd_pipe_events {
  void (*result)(void *ctx, const vertexd_ItemResult *result);
  void (*progress)(void *ctx, const vertexd_BatchProgress *progress);
  void (*writable)(void *ctx); /* after a VERTEXD_PIPE_WAIT */
  void (*done)(void *ctx, const vertexd_BatchSummary *summary,
               const struct cb_status *status);
};

/* What became of an item that was to be sent. */
enum vertexd_pipe_sent {
  VERTEXD_PIPE_SENT,      /* packed and on its way */
  VERTEXD_PIPE_WAIT,      /* not sent: try again when writable was called */
  VERTEXD_PIPE_OVER,      /* not sent: the pipe was ended or takes no more */
  VERTEXD_PIPE_NO_MEMORY, /* not sent: no memory to pack it, or over 2 GiB */
};

/* Opens a pipe. progress and writable may be NULL; result and done may not. */
struct cb_id vertexd_pipe(struct vertexd_client *client,
                          const vertexd_PipeStart *start,
                          const struct vertexd_call_options *options,
                          const struct vertexd_pipe_events *events, void *ctx);

/* Sends one item; it is packed before the return. */
enum vertexd_pipe_sent vertexd_pipe_send(struct vertexd_client *client,
                                         struct cb_id id,
                                         const vertexd_GenerateRequest *item);

/* No more items will come; results still do, then done. A pipe that is over,
 * or was ended before, is fine. */
void vertexd_pipe_end(struct vertexd_client *client, struct cb_id id);

/* A template over items (or values), results as they come. */
struct cb_id vertexd_map(struct vertexd_client *client,
                         const vertexd_MapGenerateRequest *request,
                         const struct vertexd_call_options *options,
                         const struct vertexd_batch_events *events, void *ctx);

/* A map whose items go through a function of the program first. */
struct vertexd_mapping {
  const vertexd_MapGenerateRequest *request; /* with items; values empty */
  /* Makes the text that stands for request->items[index] in the template:
   * returns it malloc'd (freed for the caller), or NULL to give up the whole
   * call. */
  char *(*function)(void *function_ctx, const char *item, size_t index);
  void *function_ctx;
};

/* As vertexd_map(), with the function called on each item first. When it gives
 * up, or the request has values, {0, 0} is returned and nothing was sent. */
struct cb_id vertexd_map_with(struct vertexd_client *client,
                              const struct vertexd_mapping *mapping,
                              const struct vertexd_call_options *options,
                              const struct vertexd_batch_events *events,
                              void *ctx);

/* Tokens of a prompt. response is NULL unless status is CB_OK. */
typedef void vertexd_count_done(void *ctx,
                                const vertexd_CountTokensResponse *response,
                                const struct cb_status *status);
struct cb_id vertexd_count_tokens(struct vertexd_client *client,
                                  const vertexd_CountTokensRequest *request,
                                  const struct vertexd_call_options *options,
                                  vertexd_count_done *done, void *ctx);

/* Is the server, or one service of it ("" is the server as a whole), ready to
 * serve? NOT_FOUND for a service it does not have. */
typedef void vertexd_health_done(void *ctx, bool serving,
                                 const struct cb_status *status);
struct cb_id vertexd_health(struct vertexd_client *client, const char *service,
                            const struct vertexd_call_options *options,
                            vertexd_health_done *done, void *ctx);

/* Why a blocking call failed. */
struct vertexd_failure {
  enum cb_code code;
  char reason[64];
  char message[512]; /* cut on a UTF-8 boundary */
};

/* The whole answer to one prompt, blocking: the malloc'd text, or NULL and why
 * in *ret_failure (which may be NULL). model may be NULL: the server's default.
 * timeout in nanoseconds, 0: none. */
char *vertexd_generate_text(struct vertexd_client *client, const char *model,
                            const char *prompt, int64_t timeout,
                            struct vertexd_failure *ret_failure);

#endif
