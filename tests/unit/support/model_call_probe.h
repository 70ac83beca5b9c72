/* model_call_probe.h - one call of a model against a scripted server.
 *
 * Ownership: what a probe holds is freed by probe_release(), a place's by
 *            place_end(), which also looks for what was left behind.
 */
#ifndef TESTS_UNIT_SUPPORT_MODEL_CALL_PROBE_H
#define TESTS_UNIT_SUPPORT_MODEL_CALL_PROBE_H

#include "base/budget.h"
#include "engine_help.h"
#include "http_script.h"
#include "service/vertex/credential.h"
#include "service/vertex/model_call.h"
#include "vertexd/v1/vertexd.pb-c.h"

#define JSON_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
#define SSE_HEAD                                           \
  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" \
  "Connection: close\r\n\r\n"
#define CHUNK(text)                                                   \
  "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"" text \
  "\"}]}}]}\r\n\r\n"
#define LAST(text)                                                    \
  "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"" text \
  "\"}]},\"finishReason\":\"STOP\"}]}\r\n\r\n"
#define ANSWER                                                       \
  "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"four\"}]}," \
  "\"finishReason\":\"STOP\"}],\"novel\":7}"

/* Engine, server and upstream of a test. */
struct place {
  struct cb_budget budget;
  struct http_script *script;
  struct vtx_upstream upstream;
  size_t arenas;
};

/* One call as a test sees it; the engine's until done is told. */
struct probe {
  struct vtx_upstream *upstream;
  struct vtx_model_call *call;
  enum vtx_verb verb;
  const char *model;
  const char *location;
  Vertexd__V1__RequestTier tier;
  int64_t deadline;
  bool keep_raw;
  struct cb_pair header;

  struct tally done;
  struct tally chunks;
  struct cb_arena *arena; /* of status */
  struct cb_status status;
  char target[128];
  int64_t upstream_time;
  int64_t silence;
  char text[4096]; /* of all chunks, or of the answer */
  char raw[256];
  size_t unrecognized;
  int32_t tokens;
  void (*on_chunk)(struct probe *probe);
};

/* Starts a server with these replies, an engine, and an upstream that is it. */
void place_start(struct place *place, const struct http_reply *replies,
                 size_t count);
void place_end(struct place *place);

/* A probe of that verb and the model "m"; more is set before its start. */
struct probe probe_of(struct place *place, enum vtx_verb verb);

/* Starts the call; run waits for its end, too. */
void probe_start(struct probe *probe);
void probe_run(struct probe *probe);
void probe_release(struct probe *probe);

#endif
