#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/budget.h"
#include "base/clock.h"
#include "cmocka_all.h"
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
  int64_t deadline;
  bool keep_raw;
  struct cb_pair header;

  struct tally done;
  struct tally chunks;
  struct cb_arena *arena; /* of status */
  struct cb_status status;
  char target[128];
  int64_t upstream_time;
  char text[4096]; /* of all chunks, or of the answer */
  char raw[256];
  size_t unrecognized;
  int32_t tokens;
  void (*on_chunk)(struct probe *probe);
};

static void place_start(struct place *place, const struct http_reply *replies,
                        size_t count) {
  place->arenas = cb_arena_live();
  cb_budget_init(&place->budget, 64 << 20);
  place->script = http_script_start(replies, count);
  place->upstream = (struct vtx_upstream){
      .engine = engine_start(&place->budget),
      .endpoint = {.base_url = http_script_url(place->script),
                   .project = "p",
                   .location = "global"},
      .credential = vtx_credential_none(),
      .max_response_bytes = 1 << 20,
      .budget = &place->budget,
  };
}

static void place_end(struct place *place) {
  engine_end(place->upstream.engine);
  http_script_stop(place->script);
  vtx_credential_free(place->upstream.credential);
  assert_int_equal(cb_arena_live(), place->arenas);
  assert_int_equal(cb_budget_used(&place->budget), 0);
}

static void take_text(struct probe *probe, struct vtx_answer *answer) {
  const Vertexd__V1__GenerateResponse *response =
      (const Vertexd__V1__GenerateResponse *)(void *)answer->message;
  const Vertexd__V1__CountTokensResponse *count =
      (const Vertexd__V1__CountTokensResponse *)(void *)answer->message;

  if (probe->verb == VTX_COUNT_TOKENS) {
    probe->tokens = count->total_tokens;
  } else if (response->n_candidates > 0 && response->candidates[0]->content) {
    strcat(probe->text, response->candidates[0]->content->parts[0]->text);
  }
  if (answer->raw) snprintf(probe->raw, sizeof probe->raw, "%s", answer->raw);
  probe->unrecognized += answer->notes.count;
  cb_arena_free(answer->arena);
}

static void on_chunk(void *ctx, struct vtx_answer *answer) {
  struct probe *probe = ctx;

  take_text(probe, answer);
  if (probe->on_chunk) probe->on_chunk(probe);
  tally_add(&probe->chunks);
}

static void on_done(void *ctx, const struct vtx_model_call_result *result,
                    struct vtx_answer *answer) {
  struct probe *probe = ctx;

  probe->call = NULL;
  probe->status = cb_status_copy(&result->status, probe->arena);
  snprintf(probe->target, sizeof probe->target, "%s", result->target);
  probe->upstream_time = result->upstream_time;
  if (answer) take_text(probe, answer);
  tally_add(&probe->done);
}

static void start(void *arg) {
  struct probe *probe = arg;
  struct cb_buf body;
  const struct vtx_model_call_spec spec = {
      .verb = probe->verb,
      .model = probe->model,
      .body = &body,
      .deadline = probe->deadline ? probe->deadline : CB_NEVER,
      .keep_raw = probe->keep_raw,
      .headers = &probe->header,
      .header_count = probe->header.key ? 1 : 0,
  };
  const struct vtx_model_call_events events = {on_chunk, on_done};

  cb_buf_init(&body, 1000, probe->upstream->budget);
  assert_true(cb_buf_add_text(&body, "{\"contents\":[]}"));
  probe->call = vtx_model_call_start(probe->upstream, &spec, &events, probe,
                                     probe->arena, &probe->status);
  assert_int_equal(tally_count(&probe->done), 0);
  cb_buf_release(&body);
}

static void probe_start(struct probe *probe) {
  tally_init(&probe->done);
  tally_init(&probe->chunks);
  probe->arena = cb_arena_new(NULL, 100000, 0);
  engine_do(probe->upstream->engine, start, probe);
}

static void probe_run(struct probe *probe) {
  probe_start(probe);
  assert_true(tally_wait(&probe->done, 1));
}

static void probe_release(struct probe *probe) {
  tally_release(&probe->done);
  tally_release(&probe->chunks);
  cb_arena_free(probe->arena);
}

static struct probe probe_of(struct place *place, enum vtx_verb verb) {
  return (struct probe){
      .upstream = &place->upstream, .verb = verb, .model = "m"};
}

static void generate__answer__decoded(void **state) {
  static const struct http_reply replies[] = {
      {"/", 0, {SEND(JSON_HEAD "Connection: close\r\n\r\n" ANSWER), CLOSE}}};
  struct place place;
  struct probe probe;
  char *request;

  (void)state;
  place_start(&place, replies, 1);
  probe = probe_of(&place, VTX_GENERATE);
  probe.deadline = cb_time_add(cb_now(NULL), 2 * CB_SECOND);
  probe.keep_raw = true;
  probe.header = (struct cb_pair){"X-Emulator", "fast"};
  probe_run(&probe);
  assert_int_equal(probe.status.code, CB_OK);
  assert_string_equal(probe.text, "four");
  assert_string_equal(probe.raw, ANSWER);
  assert_int_equal(probe.unrecognized, 1);
  assert_non_null(strstr(probe.target, "127.0.0.1:"));
  assert_non_null(strstr(probe.target, "/global/m"));
  assert_true(probe.upstream_time > 0);
  request = http_script_last(place.script);
  assert_non_null(strstr(request, "/models/m:generateContent HTTP/1.1\r\n"));
  assert_non_null(strstr(request, "\r\nX-Server-Timeout: 2\r\n"));
  assert_non_null(strstr(request, "\r\nx-goog-api-client: gl-c/11 vertexd/"));
  assert_non_null(strstr(request, "\r\nX-Emulator: fast\r\n"));
  assert_non_null(strstr(request, "\r\n\r\n{\"contents\":[]}"));
  free(request);
  probe_release(&probe);
  place_end(&place);
}

static void generate__no_deadline__no_server_timeout(void **state) {
  static const struct http_reply replies[] = {
      {"/", 0, {SEND(JSON_HEAD "Content-Length: 2\r\n\r\n{}")}}};
  struct place place;
  struct probe probe;
  char *request;

  (void)state;
  place_start(&place, replies, 1);
  probe = probe_of(&place, VTX_GENERATE);
  probe_run(&probe);
  assert_int_equal(probe.status.code, CB_OK);
  request = http_script_last(place.script);
  assert_null(strcasestr(request, "x-server-timeout"));
  assert_null(strcasestr(request, "authorization"));
  free(request);
  probe_release(&probe);
  place_end(&place);
}

static void count_tokens__answer__decoded(void **state) {
  static const struct http_reply replies[] = {
      {":countTokens",
       0,
       {SEND(JSON_HEAD "Content-Length: 18\r\n\r\n{\"totalTokens\":31}")}}};
  struct place place;
  struct probe probe;

  (void)state;
  place_start(&place, replies, 1);
  probe = probe_of(&place, VTX_COUNT_TOKENS);
  probe_run(&probe);
  assert_int_equal(probe.status.code, CB_OK);
  assert_int_equal(probe.tokens, 31);
  probe_release(&probe);
  place_end(&place);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(generate__answer__decoded),
      cmocka_unit_test(generate__no_deadline__no_server_timeout),
      cmocka_unit_test(count_tokens__answer__decoded),
  };
  cmocka_set_test_filter(getenv("CASES"));
  return cmocka_run_group_tests(tests, NULL, NULL);
}
