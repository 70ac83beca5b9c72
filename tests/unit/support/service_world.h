/* service_world.h - the whole of vertexd in one process: emulator, engine,
 * service and server, and a client on the same loop.
 *
 * Threads: the functions are for the test's thread, which steps the loop.
 */
#ifndef TEST_SERVICE_WORLD_H
#define TEST_SERVICE_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/budget.h"
#include "base/status.h"
#include "crpc/client.h"
#include "service/service.h"
#include "service/vertex/model_call.h"
#include "vertexd/v1/vertexd.crpc.h"

struct world {
  struct cb_budget budget;
  struct vtx_emulator *emulator;
  struct vtx_upstream upstream;
  struct crpc_loop *loop;
  struct crpc_server *server;
  struct vtx_service *service;
  struct crpc_channel *channel;
  bool drained;
};

/* Limits of the service; all zero: those of vertexd, but for one attempt and no
 * wait for quota. */
struct world_options {
  int32_t max_concurrency_cap;
  size_t max_in_flight;
  size_t max_batch_items;
  size_t max_response_bytes;
  int64_t default_deadline;
  size_t max_message_bytes; /* that the server sends; 0: 2 GiB */
  size_t memory_budget;
  int32_t attempts;      /* of calls of all kinds */
  int64_t retry_base;    /* 0: 10 ms */
  int64_t retry_cap;     /* 0: 1 s */
  int64_t throttle_wait; /* nanoseconds */
};

/* Fails the test if it cannot be had. options may be NULL. */
struct world *world_new(const struct world_options *options);

/* Drains and frees it; fails the test unless all flows, jobs, transfers and
 * bytes are gone. */
void world_free(struct world *world);

/* Steps the loop until done(ctx), 60 s at most. */
bool world_until(struct world *world, bool (*done)(void *ctx), void *ctx);

/* Steps the loop until the engine and then the loop have taken what was posted
 * to them before. Twice: until what came of it has been taken, too. */
void world_round(struct world *world);

/* Waits until so many prompts have been dispatched and all but so many are
 * done, and their results are with their call. */
void world_until_jobs(struct world *world, uint64_t total, size_t left);

/* Lets what the emulator holds by key go: [[emulator hold=KEY]]. */
void world_release(struct world *world, const char *key);

/* Transfers that the engine has started until now. */
uint64_t world_transfers(const struct world *world);

/* Has all of the memory budget used up but for left bytes, as others would.
 * Returns what to give back. */
size_t world_use_up(struct world *world, size_t left);

/* One item as it came. */
struct seen_item {
  int32_t index;
  char id[32];
  enum cb_code code;
  char reason[48];
  bool retryable;
  char waited_for[16]; /* of the error's metadata */
  char field[64];
  char text[256];
  int32_t attempts;
  bool has_response;
};

#define SEEN_ITEMS 4096

/* What a call has brought. */
struct seen {
  struct world *world;
  bool over;
  enum cb_code code;
  char reason[48];
  char field[64];
  char message[512];
  char waited_for[16]; /* of the error's metadata */
  struct seen_item items[SEEN_ITEMS];
  size_t item_count;
  size_t messages;
  size_t progress_count;
  int32_t most_in_flight; /* that progress told */
  int summaries;          /* must be the last message */
  int32_t total;
  int32_t succeeded;
  int32_t failed;
  int32_t max_concurrency;
  int64_t total_tokens;
  char first_failure[48];
  char text[4096]; /* of Generate, or all chunks of a stream */
  size_t text_bytes;
  char id[32];
  char json[256];
  int32_t tokens;
  bool has_raw;
  int32_t attempts;
};

struct seen *seen_new(struct world *world);
void seen_free(struct seen *seen);

/* Each starts a call and returns its id; timeout 0: no deadline. */
struct cb_id world_generate(struct seen *seen,
                            const vertexd_GenerateRequest *request,
                            int64_t timeout);
struct cb_id world_stream(struct seen *seen,
                          const vertexd_GenerateRequest *request,
                          int64_t timeout);
struct cb_id world_batch(struct seen *seen,
                         const vertexd_BatchGenerateRequest *request,
                         int64_t timeout);
struct cb_id world_map(struct seen *seen,
                       const vertexd_MapGenerateRequest *request,
                       int64_t timeout);
struct cb_id world_stream_map(struct seen *seen,
                              const vertexd_MapGenerateRequest *request,
                              int64_t timeout);
/* The pipe's messages go by world_write(), which waits until one has gone. */
struct cb_id world_pipe(struct seen *seen, int64_t timeout);
void world_write(struct world *world, struct cb_id id,
                 const vertexd_PipeGenerateRequest *message);
struct cb_id world_count(struct seen *seen,
                         const vertexd_CountTokensRequest *request);

/* Waits for the end of the call. */
void seen_wait(struct seen *seen);

/* Waits until the service knows no flow and the engine no transfer. */
void world_wait_idle(struct world *world);

#endif
