#include <sched.h>
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
    size_t used = strlen(probe->text);

    snprintf(probe->text + used, sizeof probe->text - used, "%s",
             response->candidates[0]->content->parts[0]->text);
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
      .upstream = probe->upstream,
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
  probe->call =
      vtx_model_call_start(&spec, &events, probe, probe->arena, &probe->status);
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

static void generate__bad_answers__typed_failure(void **state) {
  static const struct {
    struct http_reply reply;
    enum cb_code code;
    const char *reason;
    int http_status;
  } cases[] = {
      {{"/", 0, {SEND(JSON_HEAD "Connection: close\r\n\r\n<html>"), CLOSE}},
       CB_INTERNAL,
       "UPSTREAM_MALFORMED",
       200},
      {{"/", 0, {SEND(JSON_HEAD "Content-Length: 0\r\n\r\n")}},
       CB_INTERNAL,
       "UPSTREAM_MALFORMED",
       200},
      {{"/", 0, {SEND(JSON_HEAD "Content-Length: 2\r\n\r\n[]")}},
       CB_INTERNAL,
       "UPSTREAM_MALFORMED",
       200},
      {{"/",
        0,
        {SEND(JSON_HEAD "Content-Length: 16\r\n\r\n{\"candidates\":7}")}},
       CB_INTERNAL,
       "UPSTREAM_MALFORMED",
       200},
      {{"/",
        0,
        {SEND(JSON_HEAD "Connection: close\r\n\r\n"
                        "{\"error\":{\"code\":503,\"message\":\"busy\","
                        "\"status\":\"UNAVAILABLE\"}}"),
         CLOSE}},
       CB_UNAVAILABLE,
       "UPSTREAM_UNAVAILABLE",
       503},
      {{"/", 0, {SEND("HTTP/1.1 404 No\r\nContent-Length: 6\r\n\r\n<html>")}},
       CB_NOT_FOUND,
       "LOCATION_NOT_FOUND",
       404},
      {{"/",
        0,
        {SEND("HTTP/1.1 429 Slow\r\nRetry-After: 3\r\n"
              "Content-Length: 0\r\n\r\n")}},
       CB_RESOURCE_EXHAUSTED,
       "UPSTREAM_QUOTA_EXHAUSTED",
       429},
      {{"/", 0, {SEND(JSON_HEAD "Content-Length: 99\r\n\r\n{"), CLOSE}},
       CB_UNAVAILABLE,
       "UPSTREAM_BROKEN",
       0},
      {{"/",
        0,
        {SEND(JSON_HEAD "Content-Length: 1048577\r\n\r\n"),
         SEND_TIMES("x", 1048577)}},
       CB_RESOURCE_EXHAUSTED,
       "RESPONSE_TOO_LARGE",
       0},
  };
  struct place place;

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct probe probe;

    place_start(&place, &cases[i].reply, 1);
    probe = probe_of(&place, VTX_GENERATE);
    probe_run(&probe);
    assert_string_equal(probe.status.reason, cases[i].reason);
    assert_int_equal(probe.status.code, cases[i].code);
    assert_int_equal(probe.status.http_status, cases[i].http_status);
    if (cases[i].http_status == 429) {
      assert_true(probe.status.retry_after == 3 * CB_SECOND);
      assert_true(probe.status.retryable);
    }
    probe_release(&probe);
    place_end(&place);
  }
}

static void start__bad_model__refused_at_once(void **state) {
  static const struct http_reply replies[] = {{"/", 0, {HANG}}};
  struct place place;
  struct probe probe;

  (void)state;
  place_start(&place, replies, 1);
  probe = probe_of(&place, VTX_GENERATE);
  probe.model = "../evil?x";
  probe_start(&probe);
  assert_null(probe.call);
  assert_int_equal(probe.status.code, CB_INVALID_ARGUMENT);
  assert_string_equal(probe.status.field, "model");
  assert_int_equal(http_script_counts(place.script).accepted, 0);
  probe_release(&probe);
  place_end(&place);
}

static void generate__punctuation_bomb__charged_before_parsed(void **state) {
  char *body = malloc(1000001);
  char *answer;
  char *end;
  struct http_reply replies[1] = {{"/", 0, {SEND(NULL)}}};
  struct place place;
  struct probe probe;

  (void)state;
  end = stpcpy(body, "{\"candidates\":[{}");
  while (end < body + 999985)
    end = stpcpy(end, ",{}");
  stpcpy(end, "]}");
  answer = http_script_json(body);
  replies[0].steps[0].data = answer;
  place_start(&place, replies, 1);
  probe = probe_of(&place, VTX_GENERATE);
  probe_run(&probe);
  assert_int_equal(probe.status.code, CB_RESOURCE_EXHAUSTED);
  assert_string_equal(probe.status.reason, "SERVER_MEMORY");
  probe_release(&probe);
  place_end(&place);
  free(answer);
  free(body);
}

static void stream__events__each_handed_out(void **state) {
  static const struct http_reply replies[] = {
      {":streamGenerateContent?alt=sse",
       0,
       {SEND(SSE_HEAD), SEND(CHUNK("one ")), WAIT(20), DRIP(CHUNK("two ")),
        WAIT(20), SEND(CHUNK("three ") LAST("four")), CLOSE}}};
  struct place place;
  struct probe probe;

  (void)state;
  place_start(&place, replies, 1);
  probe = probe_of(&place, VTX_STREAM_GENERATE);
  probe.keep_raw = true;
  probe_run(&probe);
  assert_int_equal(probe.status.code, CB_OK);
  assert_string_equal(probe.text, "one two three four");
  assert_int_equal(tally_count(&probe.chunks), 4);
  assert_memory_equal(probe.raw, "{\"candidates\"", 13);
  probe_release(&probe);
  place_end(&place);
}

/* What follows two good chunks, and what must come of it. */
static void stream__fails_in_the_middle__chunks_then_error(void **state) {
  static const struct {
    struct http_reply reply;
    enum cb_code code;
    const char *reason;
  } cases[] = {
      {{"/",
        0,
        {SEND(SSE_HEAD), SEND(CHUNK("a") CHUNK("b")),
         SEND("data: {\"error\":{\"code\":503,\"message\":\"m\","
              "\"status\":\"UNAVAILABLE\"}}\r\n\r\n" CHUNK("never")),
         CLOSE}},
       CB_UNAVAILABLE,
       "UPSTREAM_UNAVAILABLE"},
      {{"/",
        0,
        {SEND(SSE_HEAD), SEND(CHUNK("a") CHUNK("b")),
         SEND("{\n  \"error\": {\n    \"code\": 499,\n    \"message\": \"m\",\n"
              "    \"status\": \"CANCELLED\"\n  }\n}\n"),
         CLOSE}},
       CB_CANCELLED,
       "UPSTREAM_CANCELLED"},
      {{"/",
        0,
        {SEND(SSE_HEAD), SEND(CHUNK("a") CHUNK("b")),
         SEND("[{\"error\":{\"code\":500,\"message\":\"m\","
              "\"status\":\"INTERNAL\"}}]"),
         CLOSE}},
       CB_INTERNAL,
       "UPSTREAM_INTERNAL"},
      {{"/",
        0,
        {SEND(SSE_HEAD), SEND(CHUNK("a") CHUNK("b") "data: {oops\r\n\r\n"),
         SEND(CHUNK("never")), CLOSE}},
       CB_INTERNAL,
       "UPSTREAM_MALFORMED"},
      {{"/", 0, {SEND(SSE_HEAD), SEND(CHUNK("a") CHUNK("b") "[1, 2"), CLOSE}},
       CB_INTERNAL,
       "UPSTREAM_MALFORMED"},
      {{"/", 0, {SEND(SSE_HEAD), SEND(CHUNK("a") CHUNK("b")), WAIT(50), RESET}},
       CB_UNAVAILABLE,
       "UPSTREAM_BROKEN"},
      {{"/",
        0,
        {SEND(SSE_HEAD), SEND(CHUNK("a") CHUNK("b") "data: "),
         SEND_TIMES("0123456789abcdef", 65536), CLOSE}},
       CB_RESOURCE_EXHAUSTED,
       "RESPONSE_TOO_LARGE"},
  };
  struct place place;

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct probe probe;

    place_start(&place, &cases[i].reply, 1);
    probe = probe_of(&place, VTX_STREAM_GENERATE);
    probe_run(&probe);
    assert_string_equal(probe.status.reason, cases[i].reason);
    assert_int_equal(probe.status.code, cases[i].code);
    assert_string_equal(probe.text, "ab");
    assert_false(probe.status.retryable); /* bytes have been handed out */
    probe_release(&probe);
    place_end(&place);
  }
}

static void stream__refused__error_of_the_body(void **state) {
  static const struct http_reply replies[] = {
      {"/",
       0,
       {SEND("HTTP/1.1 503 No\r\nContent-Type: application/json\r\n"
             "Connection: close\r\n\r\n"
             "[{\"error\":{\"code\":503,\"message\":\"full house\","
             "\"status\":\"UNAVAILABLE\"}}]"),
        CLOSE}}};
  struct place place;
  struct probe probe;

  (void)state;
  place_start(&place, replies, 1);
  probe = probe_of(&place, VTX_STREAM_GENERATE);
  probe_run(&probe);
  assert_string_equal(probe.status.reason, "UPSTREAM_UNAVAILABLE");
  assert_non_null(strstr(probe.status.message, "full house"));
  assert_true(probe.status.retryable);
  assert_int_equal(tally_count(&probe.chunks), 0);
  probe_release(&probe);
  place_end(&place);
}

static bool nothing_open(void *arg) {
  return http_script_counts(arg).open == 0;
}

static void cancel(void *arg) {
  struct probe *probe = arg;

  vtx_model_call_cancel(probe->call);
  probe->call = NULL;
}

static void cancel_self(struct probe *probe) { cancel(probe); }

static void cancel__inside_chunk__silent_and_aborted(void **state) {
  static const struct http_reply replies[] = {
      {"/open", 0, {SEND(SSE_HEAD), SEND(CHUNK("a") CHUNK("b")), HANG}},
      {"/end", 0, {SEND(SSE_HEAD), SEND("data: {}"), CLOSE}}};
  struct place place;

  (void)state;
  place_start(&place, replies, 2);
  for (int i = 0; i < 2; i++) {
    struct probe probe = probe_of(&place, VTX_STREAM_GENERATE);

    probe.model = i == 0 ? "open" : "end"; /* "end": the chunk of finish */
    probe.on_chunk = cancel_self;
    probe_start(&probe);
    assert_true(tally_wait(&probe.chunks, 1));
    assert_true(eventually(nothing_open, place.script));
    assert_int_equal(tally_count(&probe.chunks), 1);
    assert_int_equal(tally_count(&probe.done), 0);
    probe_release(&probe);
  }
  place_end(&place);
}

static void cancel__in_flight__silent_and_aborted(void **state) {
  static const struct http_reply replies[] = {{"/", 0, {HANG}}};
  struct place place;

  (void)state;
  place_start(&place, replies, 1);
  for (int i = 0; i < 4; i++) {
    struct probe probe =
        probe_of(&place, i % 2 ? VTX_GENERATE : VTX_STREAM_GENERATE);

    probe_start(&probe);
    while (i < 2 && http_script_counts(place.script).busy == 0)
      sched_yield();
    engine_do(place.upstream.engine, cancel, &probe);
    assert_true(eventually(nothing_open, place.script));
    assert_int_equal(tally_count(&probe.done), 0);
    probe_release(&probe);
  }
  place_end(&place);
}

static void deadline__silent_upstream__timeout(void **state) {
  static const struct http_reply replies[] = {
      {"/", 0, {SEND(SSE_HEAD CHUNK("a")), HANG}}};
  struct place place;
  struct probe probe;

  (void)state;
  place_start(&place, replies, 1);
  probe = probe_of(&place, VTX_STREAM_GENERATE);
  probe.deadline = cb_time_add(cb_now(NULL), 100 * CB_MILLISECOND);
  probe_run(&probe);
  assert_int_equal(probe.status.code, CB_DEADLINE_EXCEEDED);
  assert_string_equal(probe.status.reason, "UPSTREAM_TIMEOUT");
  assert_string_equal(probe.text, "a");
  assert_true(eventually(nothing_open, place.script));
  probe_release(&probe);
  place_end(&place);
}

static void pause_self(struct probe *probe) {
  vtx_model_call_pause(probe->call);
}

static void resume(void *arg) {
  vtx_model_call_resume(((struct probe *)arg)->call);
}

static void pause__chunk_by_chunk__nothing_lost(void **state) {
  static const struct http_reply replies[] = {
      {"/",
       0,
       {SEND(SSE_HEAD CHUNK("a")), WAIT(30), SEND(CHUNK("b")), WAIT(30),
        SEND(LAST("c")), CLOSE}}};
  const struct timespec nap = {.tv_nsec = 60 * CB_MILLISECOND};
  struct place place;
  struct probe probe;

  (void)state;
  place_start(&place, replies, 1);
  probe = probe_of(&place, VTX_STREAM_GENERATE);
  probe.on_chunk = pause_self;
  probe_start(&probe);
  assert_true(tally_wait(&probe.chunks, 1));
  nanosleep(&nap, NULL);
  assert_int_equal(tally_count(&probe.chunks), 1);
  while (tally_count(&probe.done) == 0) {
    engine_do(place.upstream.engine, resume, &probe);
    nanosleep(&nap, NULL);
    if (tally_count(&probe.chunks) == 3) break;
  }
  engine_do(place.upstream.engine, resume, &probe);
  assert_true(tally_wait(&probe.done, 1));
  assert_int_equal(probe.status.code, CB_OK);
  assert_string_equal(probe.text, "abc");
  probe_release(&probe);
  place_end(&place);
}

/* A credential that a test turns by hand. */
struct manual {
  struct vtx_credential credential;
  struct vtx_credential_wait *waiting;
  bool later; /* keep who asks */
  bool fail;
  int forgotten;
  int refusals;
  bool renews;
  const char *token;
};

static void give(struct manual *manual, struct vtx_credential_wait *wait) {
  const struct cb_status none = cb_status_make(
      CB_FAILED_PRECONDITION, "CREDENTIAL_UNAVAILABLE", "no token");
  const struct cb_status ok = cb_status_ok();
  const struct cb_pair header = {"Authorization", manual->token};

  manual->waiting = NULL;
  wait->ready(wait, manual->fail ? &none : &ok, &header, manual->fail ? 0 : 1);
}

static void manual_get(struct vtx_credential *credential,
                       struct vtx_credential_wait *wait) {
  struct manual *manual = (struct manual *)(void *)credential;

  if (manual->later) {
    manual->waiting = wait;
  } else {
    give(manual, wait);
  }
}

static void manual_forget(struct vtx_credential *credential,
                          struct vtx_credential_wait *wait) {
  struct manual *manual = (struct manual *)(void *)credential;

  assert_ptr_equal(manual->waiting, wait);
  manual->waiting = NULL;
  manual->forgotten++;
}

static void manual_refused(struct vtx_credential *credential) {
  struct manual *manual = (struct manual *)(void *)credential;

  manual->refusals++;
  if (manual->renews) manual->token = "Bearer new";
}

static void manual_free(struct vtx_credential *credential) { (void)credential; }

static const struct vtx_credential_type manual_type = {
    manual_get, manual_forget, manual_refused, manual_free};

static void place_start_with(struct place *place, struct manual *manual,
                             const struct http_reply *replies, size_t count) {
  place_start(place, replies, count);
  vtx_credential_free(place->upstream.credential);
  manual->credential.type = &manual_type;
  if (!manual->token) manual->token = "Bearer old";
  place->upstream.credential = &manual->credential;
}

#define DENIED                                                        \
  "HTTP/1.1 401 No\r\nContent-Length: 56\r\n\r\n{\"error\":{\"code\"" \
  ":401,\"status\":\"UNAUTHENTICATED\",\"a\":1}} "

static void denied__newer_credential__repeated_once(void **state) {
  static const struct http_reply replies[] = {
      {"/", 1, {SEND(DENIED)}},
      {":generateContent",
       0,
       {SEND(JSON_HEAD "Connection: close\r\n\r\n" ANSWER), CLOSE}},
      {":stream", 1, {SEND(SSE_HEAD LAST("four")), CLOSE}}};
  struct place place;

  (void)state;
  for (int i = 0; i < 2; i++) {
    struct manual manual = {.renews = true};
    struct probe probe;
    char *request;

    place_start_with(&place, &manual, replies, 3);
    probe = probe_of(&place, i ? VTX_STREAM_GENERATE : VTX_GENERATE);
    probe_run(&probe);
    assert_int_equal(probe.status.code, CB_OK);
    assert_string_equal(probe.text, "four");
    assert_int_equal(manual.refusals, 1);
    assert_int_equal(http_script_counts(place.script).requests, 2);
    request = http_script_last(place.script);
    assert_non_null(strstr(request, "\r\nAuthorization: Bearer new\r\n"));
    assert_non_null(strstr(request, "\r\n\r\n{\"contents\":[]}"));
    free(request);
    probe_release(&probe);
    place_end(&place);
  }
}

static void denied__nothing_newer_or_again__failed_precondition(void **state) {
  static const struct http_reply replies[] = {{"/", 0, {SEND(DENIED)}}};
  struct place place;

  (void)state;
  for (int i = 0; i < 2; i++) {
    struct manual manual = {.renews = i == 1};
    struct probe probe;

    place_start_with(&place, &manual, replies, 1);
    probe = probe_of(&place, VTX_GENERATE);
    probe_run(&probe);
    assert_int_equal(probe.status.code, CB_FAILED_PRECONDITION);
    assert_string_equal(probe.status.reason, "UPSTREAM_UNAUTHENTICATED");
    assert_int_equal(manual.refusals, 1);
    assert_int_equal(http_script_counts(place.script).requests, i + 1);
    probe_release(&probe);
    place_end(&place);
  }
}

static void credential__fails__call_fails_without_sending(void **state) {
  static const struct http_reply replies[] = {{"/", 0, {HANG}}};
  struct manual manual = {.fail = true};
  struct place place;
  struct probe probe;

  (void)state;
  place_start_with(&place, &manual, replies, 1);
  probe = probe_of(&place, VTX_GENERATE);
  probe_run(&probe);
  assert_string_equal(probe.status.reason, "CREDENTIAL_UNAVAILABLE");
  assert_int_equal(http_script_counts(place.script).accepted, 0);
  probe_release(&probe);
  place_end(&place);
}

static void credential__never_comes__deadline_or_cancel_forgets(void **state) {
  static const struct http_reply replies[] = {{"/", 0, {HANG}}};
  struct manual manual = {.later = true};
  struct place place;
  struct probe probe;

  (void)state;
  place_start_with(&place, &manual, replies, 1);
  probe = probe_of(&place, VTX_GENERATE);
  probe.deadline = cb_time_add(cb_now(NULL), 50 * CB_MILLISECOND);
  probe_run(&probe);
  assert_int_equal(probe.status.code, CB_DEADLINE_EXCEEDED);
  assert_int_equal(manual.forgotten, 1);
  probe_release(&probe);

  probe = probe_of(&place, VTX_GENERATE);
  probe_start(&probe);
  engine_do(place.upstream.engine, cancel, &probe);
  assert_int_equal(manual.forgotten, 2);
  assert_int_equal(tally_count(&probe.done), 0);
  probe_release(&probe);
  place_end(&place);
}

static void stop__calls_in_flight__each_done_cancelled(void **state) {
  static const struct http_reply replies[] = {
      {"/", 0, {SEND(SSE_HEAD CHUNK("a")), HANG}}};
  struct place place;
  struct probe probes[20];

  (void)state;
  place_start(&place, replies, 1);
  for (int i = 0; i < 20; i++) {
    probes[i] = probe_of(&place, i % 2 ? VTX_GENERATE : VTX_STREAM_GENERATE);
    probe_start(&probes[i]);
  }
  vtx_engine_stop(place.upstream.engine);
  for (int i = 0; i < 20; i++) {
    assert_int_equal(tally_count(&probes[i].done), 1);
    assert_int_equal(probes[i].status.code, CB_CANCELLED);
    probe_release(&probes[i]);
  }
  place_end(&place);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(generate__answer__decoded),
      cmocka_unit_test(generate__no_deadline__no_server_timeout),
      cmocka_unit_test(count_tokens__answer__decoded),
      cmocka_unit_test(generate__bad_answers__typed_failure),
      cmocka_unit_test(start__bad_model__refused_at_once),
      cmocka_unit_test(generate__punctuation_bomb__charged_before_parsed),
      cmocka_unit_test(stream__events__each_handed_out),
      cmocka_unit_test(stream__fails_in_the_middle__chunks_then_error),
      cmocka_unit_test(stream__refused__error_of_the_body),
      cmocka_unit_test(cancel__inside_chunk__silent_and_aborted),
      cmocka_unit_test(cancel__in_flight__silent_and_aborted),
      cmocka_unit_test(deadline__silent_upstream__timeout),
      cmocka_unit_test(pause__chunk_by_chunk__nothing_lost),
      cmocka_unit_test(denied__newer_credential__repeated_once),
      cmocka_unit_test(denied__nothing_newer_or_again__failed_precondition),
      cmocka_unit_test(credential__fails__call_fails_without_sending),
      cmocka_unit_test(credential__never_comes__deadline_or_cancel_forgets),
      cmocka_unit_test(stop__calls_in_flight__each_done_cancelled),
  };

  cmocka_set_test_filter(getenv("CASES"));
  return cmocka_run_group_tests(tests, NULL, NULL);
}
