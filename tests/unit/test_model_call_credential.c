/* Model calls and the credential that they wait for, send, and have refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "cmocka_all.h"
#include "model_call_probe.h"

static void cancel(void *arg) {
  struct probe *probe = arg;

  vtx_model_call_cancel(probe->call);
  probe->call = NULL;
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

/* It has spoken: it refused what came first. */
static void denied__hangs_when_repeated__no_silence(void **state) {
  static const struct http_reply replies[] = {{"/", 1, {SEND(DENIED)}},
                                              {"/", 0, {HANG}}};
  struct manual manual = {.renews = true};
  struct place place;
  struct probe probe;

  (void)state;
  place_start_with(&place, &manual, replies, 2);
  probe = probe_of(&place, VTX_GENERATE);
  probe.deadline = cb_time_add(cb_now(NULL), CB_SECOND); /* for both */
  probe_run(&probe);
  assert_string_equal(probe.status.reason, "UPSTREAM_TIMEOUT");
  assert_int_equal(http_script_counts(place.script).requests, 2);
  assert_int_equal(probe.silence, 0);
  probe_release(&probe);
  place_end(&place);
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

/* One for whose many headers the others have left no memory. */
struct greedy {
  struct vtx_credential credential;
  struct cb_budget *budget;
};

static void greedy_get(struct vtx_credential *credential,
                       struct vtx_credential_wait *wait) {
  const struct greedy *greedy = (const struct greedy *)(void *)credential;
  const struct cb_status ok = cb_status_ok();
  struct cb_pair headers[200];

  for (size_t i = 0; i < 200; i++)
    headers[i] = (struct cb_pair){"x", "y"};
  greedy->budget->limit = cb_budget_used(greedy->budget);
  wait->ready(wait, &ok, headers, 200);
}

static void credential__no_memory_for_its_headers__server_memory(void **state) {
  static const struct vtx_credential_type type = {greedy_get, manual_forget,
                                                  manual_refused, manual_free};
  static const struct http_reply replies[] = {{"/", 0, {HANG}}};
  struct greedy greedy = {.credential.type = &type};
  struct place place;
  struct probe probe;

  (void)state;
  place_start(&place, replies, 1);
  greedy.budget = &place.budget;
  vtx_credential_free(place.upstream.credential);
  place.upstream.credential = &greedy.credential;
  probe = probe_of(&place, VTX_GENERATE);
  probe_run(&probe);
  assert_int_equal(probe.status.code, CB_RESOURCE_EXHAUSTED);
  assert_string_equal(probe.status.reason, "SERVER_MEMORY");
  assert_true(probe.status.retryable);
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
  assert_int_equal(probe.silence, 0); /* the upstream has no part in it */
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(denied__newer_credential__repeated_once),
      cmocka_unit_test(denied__nothing_newer_or_again__failed_precondition),
      cmocka_unit_test(denied__hangs_when_repeated__no_silence),
      cmocka_unit_test(credential__fails__call_fails_without_sending),
      cmocka_unit_test(credential__no_memory_for_its_headers__server_memory),
      cmocka_unit_test(credential__never_comes__deadline_or_cancel_forgets),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
