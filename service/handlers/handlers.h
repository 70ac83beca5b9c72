/* handlers.h - the methods of GenerationService, one file each. Internal.
 *
 * Each checks the envelope of its request, makes a flow and a sink of it, and
 * submits. self is the struct vtx_service.
 *
 * Threads: the crpc loop's.
 */
#ifndef VTX_HANDLERS_H
#define VTX_HANDLERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "service/batch/options.h"
#include "vertexd/v1/vertexd.pb-c.h"

struct crpc_call;
struct vtx_flow;
struct vtx_service;

void vtx_handle_generate(struct crpc_call *call,
                         const Vertexd__V1__GenerateRequest *request,
                         void *self);
void vtx_handle_stream_generate(struct crpc_call *call,
                                const Vertexd__V1__GenerateRequest *request,
                                void *self);
void vtx_handle_batch_generate(struct crpc_call *call,
                               const Vertexd__V1__BatchGenerateRequest *request,
                               void *self);
void vtx_handle_map_generate(struct crpc_call *call,
                             const Vertexd__V1__MapGenerateRequest *request,
                             void *self);
void vtx_handle_stream_map_generate(
    struct crpc_call *call, const Vertexd__V1__MapGenerateRequest *request,
    void *self);
void vtx_handle_pipe_generate(struct crpc_call *call, void *self);
void vtx_handle_count_tokens(struct crpc_call *call,
                             const Vertexd__V1__CountTokensRequest *request,
                             void *self);

/* What the handlers share (prepare.c). Where these return NULL or false they
 * have failed the call. */

/* A flow for one prompt of an interactive call. request is NULL where that has
 * no tier. */
struct vtx_flow *vtx_prepare_one(struct vtx_service *service,
                                 struct crpc_call *call,
                                 const Vertexd__V1__GenerateRequest *request);

/* A flow for many prompts, as run says. */
struct vtx_flow *vtx_prepare_many(struct vtx_service *service,
                                  struct crpc_call *call,
                                  const struct vtx_run *run);

/* What the server allows a call with these defaults (may be NULL) to ask for.
 */
struct vtx_run_limits vtx_prepare_limits(
    const struct vtx_service *service,
    const Vertexd__V1__GenerateRequest *defaults);

/* Reads the knobs of a call. */
bool vtx_prepare_run(struct crpc_call *call,
                     const struct vtx_run_limits *limits,
                     int32_t max_concurrency,
                     const Vertexd__V1__BatchOptions *options,
                     struct vtx_run *ret_run);

/* Fails the call unless status is CB_OK; true if it is. */
bool vtx_prepare_check(struct crpc_call *call, const struct cb_status *status);

/* Checks the count of items against the server's limit; field names them. */
bool vtx_prepare_count(struct vtx_service *service, struct crpc_call *call,
                       size_t count, const char *field);

/* The flow of a map, with its templates compiled, its items and *ret_run: all
 * that MapGenerate and StreamMapGenerate check alike. NULL: the call has been
 * failed. */
struct vtx_flow *vtx_prepare_map(struct vtx_service *service,
                                 struct crpc_call *call,
                                 const Vertexd__V1__MapGenerateRequest *request,
                                 struct vtx_run *ret_run);

#endif
