/* model_call.h - one call of a model: credential, transfer, decoding.
 *
 * Puts together endpoint, credential, transfer, SSE, codec and errors, so that
 * its user sees messages and a status. One attempt; who wants more asks
 * service/vertex/retry.h and calls again. An answer of
 * 401 alone is tried once more from here, if the credential then gives
 * something else than what was refused.
 *
 * Threads:   the engine's.
 * Ownership: the call frees itself after done or cancel. Answers handed out
 *            belong to the receiver, arena and all.
 */
#ifndef VTX_VERTEX_MODEL_CALL_H
#define VTX_VERTEX_MODEL_CALL_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "service/vertex/codec.h"
#include "service/vertex/endpoint.h"
#include "vertexd/v1/vertexd.pb-c.h"

struct cb_arena;
struct cb_budget;
struct vtx_credential;
struct vtx_engine;
struct vtx_model_call;

/* The upstream that calls go to; borrowed by each call while it lives. */
struct vtx_upstream {
  struct vtx_engine *engine;
  struct vtx_endpoint endpoint;
  struct vtx_credential *credential;
  size_t max_response_bytes; /* of one call, decompressed */
  struct cb_budget *budget;
};

struct vtx_model_call_spec {
  struct vtx_upstream *upstream;
  enum vtx_verb verb;
  const char *model;             /* in any of the forms of endpoint.h; copied */
  const char *location;          /* a checked one; NULL or "": the endpoint's */
  struct cb_buf *body;           /* moved out of */
  int64_t deadline;              /* cb_clock; also sent as X-Server-Timeout */
  bool keep_raw;                 /* fill raw of the answers */
  Vertexd__V1__RequestTier tier; /* as headers; none with VTX_COUNT_TOKENS */
  const struct cb_pair *headers; /* additional ones; for the emulator's knobs */
  size_t header_count;
};

/* One decoded message. */
struct vtx_answer {
  struct cb_arena *arena;    /* holds the message, notes and raw */
  ProtobufCMessage *message; /* GenerateResponse, or CountTokensResponse */
  struct vtx_codec_notes notes;
  const char *raw; /* the JSON text, NULL unless keep_raw */
};

struct vtx_model_call_result {
  struct cb_status status; /* texts valid during done; retryable tells of the
                              failure, also where chunks were handed out */
  const char *target;    /* host, location and model that served; during done */
  int64_t upstream_time; /* nanoseconds on the wire */
};

struct vtx_model_call_events {
  /* Streaming verb: the next message. None follows an error. The receiver owns
   * *answer's arena. */
  void (*chunk)(void *ctx, struct vtx_answer *answer);
  /* The end, once. answer (its arena is the receiver's) is NULL unless the
   * status is OK and the verb is not streaming. */
  void (*done)(void *ctx, const struct vtx_model_call_result *result,
               struct vtx_answer *answer);
};

/* Starts a call. NULL if it cannot even be begun: *ret_status says why (bad
 * model, out of memory); texts from arena. No event is called from inside. */
struct vtx_model_call *vtx_model_call_start(
    const struct vtx_model_call_spec *spec,
    const struct vtx_model_call_events *events, void *ctx,
    struct cb_arena *arena, struct cb_status *ret_status);

/* Aborts; no event comes any more. From anywhere on the engine's thread but
 * the call's own done; also from inside its chunk. */
void vtx_model_call_cancel(struct vtx_model_call *call);

/* How long, in nanoseconds, the upstream has now had the request without a byte
 * of an answer, be it of its head; 0 once there was one (also a 401 that the
 * call was repeated for), and before it had the request. Until done returns. */
int64_t vtx_model_call_silence(const struct vtx_model_call *call);

/* Streaming: stops and goes on with reading from the upstream. Chunks of what
 * was being handed out (up to 16 KiB of the stream) may still come, and so does
 * the done of a failure. */
void vtx_model_call_pause(struct vtx_model_call *call);
void vtx_model_call_resume(struct vtx_model_call *call);

#endif
