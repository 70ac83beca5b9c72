#include "support/crpc_fixture.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "cmocka_all.h"
#include "crpc/call.h"
#include "support/crpc_streams.h"

#define PATIENCE (60 * CB_SECOND)

/* The handlers. */

void fixture_note_call(struct fixture *fixture, struct crpc_call *call) {
  const char *value = crpc_call_metadata(call, "x-test", NULL);

  fixture->handled++;
  snprintf(fixture->request_id, sizeof fixture->request_id, "%s",
           crpc_call_request_id(call));
  snprintf(fixture->peer, sizeof fixture->peer, "%s", crpc_call_peer(call));
  snprintf(fixture->metadata, sizeof fixture->metadata, "%s",
           value ? value : "");
}

static void held_cancelled(struct crpc_call *call, void *ctx) {
  struct fixture *fixture = ctx;
  echo_Answer answer = echo_Answer_INIT;

  fixture->cancelled++;
  fixture->send_at_close = crpc_call_send(call, &answer.base);
}

static void held_done(struct crpc_call *call, void *ctx) {
  struct fixture *fixture = ctx;

  if (fixture->held == call) fixture->held = NULL;
  fixture->done++;
}

static const struct crpc_call_events held_events = {.cancelled = held_cancelled,
                                                    .done = held_done};

void fixture_fail(struct crpc_call *call) {
  static const struct cb_pair pairs[] = {{"limit", "10"}, {"seen", "11"}};
  static const struct cb_quota_violation quota[] = {{"caller", "too many"}};
  struct cb_status status =
      cb_status_make(CB_RESOURCE_EXHAUSTED, "TOO_MANY", "zu viele Wünsche");

  status.field = "asks[3].text";
  status.retry_after = 1500 * CB_MILLISECOND;
  status.metadata = pairs;
  status.metadata_count = 2;
  status.quota = quota;
  status.quota_count = 1;
  crpc_call_fail(call, &status);
}

static void answer_say(struct crpc_call *call, const echo_Ask *ask) {
  echo_Answer answer = echo_Answer_INIT;
  enum crpc_send sent;

  answer.text = ask->text;
  answer.index = ask->count;
  if (ask->size > 0) {
    answer.payload.len = (size_t)ask->size;
    answer.payload.data = calloc(1, answer.payload.len);
    assert_non_null(answer.payload.data);
  } else {
    answer.payload = ask->payload;
  }
  sent = echo_Echo_Say_reply(call, &answer);
  assert_true(sent == CRPC_SENT || sent == CRPC_NO_MEMORY);
  if (ask->size > 0) free(answer.payload.data);
}

/* Sends "x-echo-bin" back both ways. */
static void echo_metadata(struct crpc_call *call) {
  size_t size;
  const char *bytes = crpc_call_metadata(call, "x-echo-bin", &size);

  if (!bytes) return;
  crpc_call_add_initial_bytes(call, "x-first-bin", bytes, size);
  crpc_call_add_trailing_bytes(call, "x-last-bin", bytes, size);
}

static void say(struct crpc_call *call, const echo_Ask *ask, void *self) {
  struct fixture *fixture = self;

  fixture_note_call(fixture, call);
  if (strcmp(ask->how, "hold") == 0) {
    fixture->held = call;
    crpc_call_set_events(call, &held_events, fixture);
  } else if (strcmp(ask->how, "fail") == 0) {
    fixture_fail(call);
  } else {
    echo_metadata(call);
    crpc_call_add_initial(call, "x-first", "1");
    crpc_call_add_initial(call, "Bad Key", "dropped");
    crpc_call_add_trailing(call, "x-last", "2");
    crpc_call_add_trailing(call, "x-bad", "line\nbreak");
    crpc_call_add_trailing(call, "grpc-status", "7");
    answer_say(call, ask);
  }
}

struct repeat {
  struct fixture *fixture;
  int next;
  int count;
  int size;
  char how[16];
  uint8_t *payload;
};

static void repeat_more(struct crpc_call *call, void *ctx) {
  struct repeat *repeat = ctx;
  struct fixture *fixture = repeat->fixture;

  while (repeat->next < repeat->count) {
    echo_Answer answer = echo_Answer_INIT;
    enum crpc_send sent;

    answer.index = repeat->next;
    answer.payload.data = repeat->payload;
    answer.payload.len = (size_t)repeat->size;
    sent = echo_Echo_Repeat_send(call, &answer);
    if (crpc_call_queued_bytes(call) > fixture->most_queued) {
      fixture->most_queued = crpc_call_queued_bytes(call);
    }
    if (sent == CRPC_WAIT) fixture->waits++;
    if (sent != CRPC_SENT) return;
    repeat->next++;
  }
  if (strcmp(repeat->how, "fail") == 0) {
    fixture_fail(call);
  } else if (strcmp(repeat->how, "hold") != 0) {
    crpc_call_finish(call);
  }
}

static void repeat_cancelled(struct crpc_call *call, void *ctx) {
  struct repeat *repeat = ctx;

  (void)call;
  repeat->fixture->cancelled++;
}

static void repeat_done(struct crpc_call *call, void *ctx) {
  struct repeat *repeat = ctx;

  (void)call;
  repeat->fixture->done++;
  free(repeat->payload);
  free(repeat);
}

static const struct crpc_call_events repeat_events = {
    .writable = repeat_more,
    .cancelled = repeat_cancelled,
    .done = repeat_done};

static void repeat(struct crpc_call *call, const echo_Ask *ask, void *self) {
  struct repeat *ctx = calloc(1, sizeof *ctx);

  assert_non_null(ctx);
  fixture_note_call(self, call);
  ctx->fixture = self;
  ctx->count = ask->count;
  ctx->size = ask->size;
  snprintf(ctx->how, sizeof ctx->how, "%s", ask->how);
  ctx->payload = calloc(1, (size_t)ask->size + 1);
  assert_non_null(ctx->payload);
  crpc_call_set_events(call, &repeat_events, ctx);
  repeat_more(call, ctx);
}

static const struct echo_Echo_handlers handlers = {.Say = say,
                                                   .Repeat = repeat,
                                                   .Gather = fixture_gather,
                                                   .Chat = fixture_chat};

static void call_ended(const struct crpc_call_report *report, void *self) {
  struct fixture *fixture = self;

  fixture->ended++;
  fixture->ended_code = report->status.code;
  snprintf(fixture->ended_reason, sizeof fixture->ended_reason, "%s",
           report->status.reason);
  snprintf(fixture->ended_method, sizeof fixture->ended_method, "%s",
           report->method);
  assert_true(report->duration >= 0);
}

/* The fixture. */

struct fixture *fixture_new(const struct crpc_server_options *options,
                            const struct crpc_channel_options *channel,
                            const char *address) {
  struct fixture *fixture = calloc(1, sizeof *fixture);
  struct crpc_server_options server = {0};
  struct crpc_channel_options client = {0};
  struct cb_status status;

  assert_non_null(fixture);
  assert_int_equal(cb_arena_live(), 0);
  cb_budget_init(&fixture->budget, (size_t)512 * 1024 * 1024);
  if (options) server = *options;
  if (channel) client = *channel;
  if (!server.budget) server.budget = &fixture->budget;
  if (!client.budget) client.budget = &fixture->budget;
  client.own_connection = true;
  server.call_ended = call_ended;
  server.self = fixture;
  server.domain = "echo";
  fixture->loop = crpc_loop_new();
  assert_non_null(fixture->loop);
  fixture->server = crpc_server_new(fixture->loop, &server, &status);
  assert_non_null(fixture->server);
  assert_true(echo_Echo_add(fixture->server, &handlers, fixture));
  assert_true(crpc_server_add_alias(fixture->server, "/other.Path/Speak",
                                    "/echo.v1.Echo/Say"));
  assert_true(crpc_server_listen(fixture->server,
                                 address ? address : "127.0.0.1:0",
                                 &fixture->address, &status));
  assert_true(crpc_server_start(fixture->server));
  fixture->channel = crpc_channel_new(fixture->loop, fixture->address, &client);
  assert_non_null(fixture->channel);
  return fixture;
}

static void on_drained(void *ctx) {
  struct fixture *fixture = ctx;

  assert_false(fixture->drained);
  fixture->drained = true;
}

void fixture_drain(struct fixture *fixture, int ms) {
  crpc_server_drain(fixture->server, cb_now(NULL) + ms * CB_MILLISECOND,
                    on_drained, fixture);
}

void fixture_free(struct fixture *fixture) {
  struct crpc_server_counters counters;

  crpc_channel_free(fixture->channel);
  if (!fixture->drained) fixture_drain(fixture, 5000);
  fixture_until(fixture, &fixture->drained);
  crpc_server_counters(fixture->server, &counters);
  assert_int_equal(counters.calls_live, 0);
  assert_int_equal(counters.calls_total, fixture->ended);
  crpc_server_free(fixture->server);
  crpc_loop_free(fixture->loop);
  assert_int_equal(cb_budget_used(&fixture->budget), 0);
  assert_int_equal(cb_arena_live(), 0);
  free(fixture->address);
  free(fixture);
}

void fixture_until(struct fixture *fixture, const bool *flag) {
  int64_t limit = cb_now(NULL) + PATIENCE;

  while (!*flag) {
    assert_true(cb_now(NULL) < limit);
    crpc_loop_step(fixture->loop, limit);
  }
}

void fixture_until_count(struct fixture *fixture, const int *count, int least) {
  int64_t limit = cb_now(NULL) + PATIENCE;

  while (*count < least) {
    assert_true(cb_now(NULL) < limit);
    crpc_loop_step(fixture->loop, limit);
  }
}

void fixture_turn(struct fixture *fixture, int ms) {
  int64_t limit = cb_now(NULL) + ms * CB_MILLISECOND;

  while (cb_now(NULL) < limit)
    crpc_loop_step(fixture->loop, limit);
}

/* The client's side. */

struct talk talk_make(struct fixture *fixture) {
  return (struct talk){.fixture = fixture, .in_order = true, .last_index = -1};
}

static void on_message(void *ctx, const echo_Answer *answer) {
  struct talk *talk = ctx;

  assert_false(talk->is_done);
  if (answer->index != talk->messages) talk->in_order = false;
  talk->last_index = answer->index;
  talk->messages++;
  talk->bytes += answer->payload.len;
  snprintf(talk->text, sizeof talk->text, "%s", answer->text);
  if (talk->pause_at == talk->messages) {
    crpc_rpc_pause(talk->fixture->channel, talk->id);
  }
  if (talk->message_came) talk->message_came(talk);
}

static const char *find(const struct cb_pair *pairs, size_t count,
                        const char *key) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(pairs[i].key, key) == 0) return pairs[i].value;
  }
  return NULL;
}

static void copy(char *to, size_t room, const char *text) {
  snprintf(to, room, "%s", text ? text : "");
}

static void on_done(void *ctx, const struct crpc_outcome *outcome) {
  struct talk *talk = ctx;
  const struct cb_status *status = &outcome->status;
  const char *id =
      find(outcome->initial_metadata, outcome->initial_count, "x-request-id");

  if (!id) {
    id = find(outcome->trailing_metadata, outcome->trailing_count,
              "x-request-id");
    talk->id_in_trailers = id != NULL;
  }
  copy(talk->request_id, sizeof talk->request_id, id);
  copy(talk->pushback, sizeof talk->pushback,
       find(outcome->trailing_metadata, outcome->trailing_count,
            "grpc-retry-pushback-ms"));
  copy(talk->reason, sizeof talk->reason, status->reason);
  copy(talk->message, sizeof talk->message, status->message);
  copy(talk->field, sizeof talk->field, status->field);
  copy(talk->first, sizeof talk->first,
       find(outcome->initial_metadata, outcome->initial_count, "x-first"));
  copy(talk->last, sizeof talk->last,
       find(outcome->trailing_metadata, outcome->trailing_count, "x-last"));
  copy(talk->first_bin, sizeof talk->first_bin,
       find(outcome->initial_metadata, outcome->initial_count, "x-first-bin"));
  copy(talk->last_bin, sizeof talk->last_bin,
       find(outcome->trailing_metadata, outcome->trailing_count, "x-last-bin"));
  talk->bad =
      find(outcome->initial_metadata, outcome->initial_count, "bad key") ||
      find(outcome->trailing_metadata, outcome->trailing_count, "x-bad");
  if (status->quota_count > 0) {
    copy(talk->quota, sizeof talk->quota, status->quota[0].subject);
  }
  talk->retry_after = status->retry_after;
  talk->code = status->code;
  talk->done++;
  talk->is_done = true;
}

static void on_writable(void *ctx) {
  struct talk *talk = ctx;

  assert_false(talk->is_done);
  talk->writables++;
  if (talk->writable) talk->writable(talk);
}

static const struct echo_Echo_Say_events say_events = {on_message, on_done};
static const struct echo_Echo_Repeat_events repeat_talk = {on_message, on_done};
static const struct echo_Echo_Gather_events gather_events = {
    on_message, on_done, on_writable};
static const struct echo_Echo_Chat_events chat_events = {on_message, on_done,
                                                         on_writable};

void talk_say(struct talk *talk, const echo_Ask *ask,
              const struct crpc_rpc_options *options) {
  talk->id = echo_Echo_Say_start(talk->fixture->channel, ask, options,
                                 &say_events, talk);
  assert_true(talk->id.generation != 0);
}

void talk_repeat(struct talk *talk, const echo_Ask *ask,
                 const struct crpc_rpc_options *options) {
  talk->id = echo_Echo_Repeat_start(talk->fixture->channel, ask, options,
                                    &repeat_talk, talk);
  assert_true(talk->id.generation != 0);
}

void talk_gather(struct talk *talk, const struct crpc_rpc_options *options) {
  talk->id = echo_Echo_Gather_start(talk->fixture->channel, options,
                                    &gather_events, talk);
  assert_true(talk->id.generation != 0);
}

void talk_chat(struct talk *talk, const struct crpc_rpc_options *options) {
  talk->id =
      echo_Echo_Chat_start(talk->fixture->channel, options, &chat_events, talk);
  assert_true(talk->id.generation != 0);
}

void talk_as(struct talk *talk, const struct crpc_method *method) {
  const struct crpc_rpc_sink sink = {.events = &chat_events,
                                     .done = on_done,
                                     .writable = on_writable,
                                     .ctx = talk};

  talk->id = crpc_rpc_start(talk->fixture->channel, method, NULL, NULL, &sink);
  assert_true(talk->id.generation != 0);
}

enum crpc_send talk_write(struct talk *talk, const echo_Ask *ask) {
  enum crpc_send sent =
      echo_Echo_Chat_write(talk->fixture->channel, talk->id, ask);

  if (sent == CRPC_SENT) talk->written++;
  if (sent == CRPC_WAIT) talk->waits++;
  return sent;
}

void talk_half_close(struct talk *talk) {
  crpc_rpc_half_close(talk->fixture->channel, talk->id);
}

void talk_wait(struct talk *talk) {
  fixture_until(talk->fixture, &talk->is_done);
  assert_int_equal(talk->done, 1);
}
