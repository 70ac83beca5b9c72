#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "cmocka_all.h"
#include "model_call_probe.h"

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

static void generate__location_and_tier__in_path_and_headers(void **state) {
  static const struct http_reply replies[] = {
      {"/", 0, {SEND(JSON_HEAD "Content-Length: 2\r\n\r\n{}")}}};
  struct place place;
  struct probe probe;
  char *request;

  (void)state;
  place_start(&place, replies, 1);
  probe = probe_of(&place, VTX_GENERATE);
  probe.location = "us-east1";
  probe.tier = VERTEXD__V1__REQUEST_TIER__REQUEST_TIER_SHARED_FLEX;
  probe.deadline = cb_time_add(cb_now(NULL), 24 * 3600 * CB_SECOND);
  probe_run(&probe);
  assert_int_equal(probe.status.code, CB_OK);
  request = http_script_last(place.script);
  assert_non_null(strstr(request, "/locations/us-east1/publishers/"));
  assert_non_null(
      strstr(request, "\r\nX-Vertex-AI-LLM-Request-Type: shared\r\n"));
  assert_non_null(
      strstr(request, "\r\nX-Vertex-AI-LLM-Shared-Request-Type: flex\r\n"));
  assert_non_null(strstr(request, "\r\nX-Server-Timeout: 1800\r\n"));
  free(request);
  probe_release(&probe);
  place_end(&place);
}

static void count_tokens__tier__no_header(void **state) {
  static const struct http_reply replies[] = {
      {"/", 0, {SEND(JSON_HEAD "Content-Length: 2\r\n\r\n{}")}}};
  struct place place;
  struct probe probe;
  char *request;

  (void)state;
  place_start(&place, replies, 1);
  probe = probe_of(&place, VTX_COUNT_TOKENS);
  probe.tier = VERTEXD__V1__REQUEST_TIER__REQUEST_TIER_DEDICATED;
  probe_run(&probe);
  assert_int_equal(probe.status.code, CB_OK);
  request = http_script_last(place.script);
  assert_null(strstr(request, "X-Vertex-AI-LLM"));
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
      {{"/",
        0,
        {SEND(SSE_HEAD), SEND(CHUNK("a") CHUNK("b") "data: {\"candi"), CLOSE}},
       CB_UNAVAILABLE,
       "UPSTREAM_TRUNCATED"},
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
    /* It tells of the failure alone: who has the chunks decides. */
    assert_int_equal(probe.status.retryable,
                     strcmp(cases[i].reason, "UPSTREAM_MALFORMED") != 0 &&
                         strcmp(cases[i].reason, "RESPONSE_TOO_LARGE") != 0);
    probe_release(&probe);
    place_end(&place);
  }
}

/* An event below its limit that the budget has no room for. */
static void stream__event_past_the_budget__server_memory(void **state) {
  static const struct http_reply replies[] = {
      {"/",
       0,
       {SEND(SSE_HEAD), SEND("data: "), SEND_TIMES("0123456789abcdef", 40000),
        CLOSE}}};
  struct place place;
  struct probe probe;

  (void)state;
  place_start(&place, replies, 1);
  place.budget.limit = 200000;
  probe = probe_of(&place, VTX_STREAM_GENERATE);
  probe_run(&probe);
  assert_string_equal(probe.status.reason, "SERVER_MEMORY");
  assert_true(probe.status.retryable);
  probe_release(&probe);
  place_end(&place);
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

struct silence {
  struct probe probe;
  int64_t now;
};

static void look_at_silence(void *arg) {
  struct silence *silence = arg;

  silence->now = vtx_model_call_silence(silence->probe.call);
}

static bool has_grown(void *arg) {
  struct silence *silence = arg;

  engine_do(silence->probe.upstream->engine, look_at_silence, silence);
  return silence->now >= 30 * CB_MILLISECOND;
}

/* Known while it lasts, for those who cancel the call. */
static void silence__nothing_comes__grows(void **state) {
  static const struct http_reply replies[] = {{"/", 0, {HANG}}};
  struct place place;

  (void)state;
  place_start(&place, replies, 1);
  for (int i = 0; i < 2; i++) {
    struct silence silence = {
        .probe = probe_of(&place, i ? VTX_GENERATE : VTX_STREAM_GENERATE)};

    probe_start(&silence.probe);
    assert_true(eventually(has_grown, &silence));
    engine_do(place.upstream.engine, cancel, &silence.probe);
    probe_release(&silence.probe);
  }
  place_end(&place);
}

static void silence__deadline__known_at_the_end(void **state) {
  static const struct http_reply replies[] = {{"/", 0, {HANG}}};
  struct place place;

  (void)state;
  place_start(&place, replies, 1);
  for (int i = 0; i < 2; i++) {
    struct probe probe =
        probe_of(&place, i ? VTX_GENERATE : VTX_STREAM_GENERATE);

    probe.deadline = cb_time_add(cb_now(NULL), 200 * CB_MILLISECOND);
    probe_run(&probe);
    assert_string_equal(probe.status.reason, "UPSTREAM_TIMEOUT");
    assert_true(probe.silence > 0);
    probe_release(&probe);
  }
  place_end(&place);
}

/* The head of an answer is enough. */
static void silence__a_byte_has_come__none(void **state) {
  static const struct http_reply replies[] = {
      {"/", 0, {SEND("HTTP/1.1 200 OK\r\n"), HANG}}};
  struct place place;

  (void)state;
  place_start(&place, replies, 1);
  for (int i = 0; i < 2; i++) {
    struct probe probe =
        probe_of(&place, i ? VTX_GENERATE : VTX_STREAM_GENERATE);

    probe.deadline = cb_time_add(cb_now(NULL), 200 * CB_MILLISECOND);
    probe_run(&probe);
    assert_string_equal(probe.status.reason, "UPSTREAM_TIMEOUT");
    assert_int_equal(probe.silence, 0);
    probe_release(&probe);
  }
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
      cmocka_unit_test(generate__location_and_tier__in_path_and_headers),
      cmocka_unit_test(count_tokens__tier__no_header),
      cmocka_unit_test(generate__no_deadline__no_server_timeout),
      cmocka_unit_test(count_tokens__answer__decoded),
      cmocka_unit_test(generate__bad_answers__typed_failure),
      cmocka_unit_test(start__bad_model__refused_at_once),
      cmocka_unit_test(generate__punctuation_bomb__charged_before_parsed),
      cmocka_unit_test(stream__events__each_handed_out),
      cmocka_unit_test(stream__fails_in_the_middle__chunks_then_error),
      cmocka_unit_test(stream__event_past_the_budget__server_memory),
      cmocka_unit_test(stream__refused__error_of_the_body),
      cmocka_unit_test(cancel__inside_chunk__silent_and_aborted),
      cmocka_unit_test(cancel__in_flight__silent_and_aborted),
      cmocka_unit_test(deadline__silent_upstream__timeout),
      cmocka_unit_test(silence__nothing_comes__grows),
      cmocka_unit_test(silence__deadline__known_at_the_end),
      cmocka_unit_test(silence__a_byte_has_come__none),
      cmocka_unit_test(pause__chunk_by_chunk__nothing_lost),
      cmocka_unit_test(stop__calls_in_flight__each_done_cancelled),
  };

  cmocka_set_test_filter(getenv("CASES"));
  return cmocka_run_group_tests(tests, NULL, NULL);
}
