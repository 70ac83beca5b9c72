#include "probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "crpc/loop.h"

#define INITIAL "x-grpc-test-echo-initial"
#define TRAILING "x-grpc-test-echo-trailing-bin"
#define INITIAL_VALUE "test_initial_metadata_value"
#define TRAILING_VALUE "q6ur" /* ab ab ab */

struct probe probe_make(struct suite *suite) {
  return (struct probe){.suite = suite};
}

static void on_empty(void *ctx, const grpc_testing_Empty *message) {
  struct probe *probe = ctx;

  (void)message;
  probe->messages++;
}

static void note_body(struct probe *probe,
                      const grpc_testing_Payload *payload) {
  probe->messages++;
  probe->size = payload ? payload->body.len : 0;
}

static void on_simple(void *ctx, const grpc_testing_SimpleResponse *message) {
  note_body(ctx, message->payload);
}

static void on_output(void *ctx,
                      const grpc_testing_StreamingOutputCallResponse *message) {
  note_body(ctx, message->payload);
}

static void on_sum(void *ctx,
                   const grpc_testing_StreamingInputCallResponse *message) {
  struct probe *probe = ctx;

  probe->messages++;
  probe->sum = message->aggregated_payload_size;
}

static void on_writable(void *ctx) { ((struct probe *)ctx)->writables++; }

static void find(const struct cb_pair *pairs, size_t count, const char *key,
                 char *out) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(pairs[i].key, key) == 0) snprintf(out, 64, "%s", pairs[i].value);
  }
}

static void on_done(void *ctx, const struct crpc_outcome *outcome) {
  struct probe *probe = ctx;

  probe->is_done = true;
  probe->code = outcome->status.code;
  snprintf(probe->text, sizeof probe->text, "%s", outcome->status.message);
  find(outcome->initial_metadata, outcome->initial_count, INITIAL,
       probe->initial);
  find(outcome->trailing_metadata, outcome->trailing_count, TRAILING,
       probe->trailing);
}

const struct grpc_testing_TestService_EmptyCall_events probe_empty = {on_empty,
                                                                      on_done};
const struct grpc_testing_TestService_UnaryCall_events probe_unary = {on_simple,
                                                                      on_done};
const struct grpc_testing_TestService_StreamingOutputCall_events probe_output =
    {on_output, on_done};
const struct grpc_testing_TestService_StreamingInputCall_events probe_input = {
    on_sum, on_done, on_writable};
const struct grpc_testing_TestService_FullDuplexCall_events probe_duplex = {
    on_output, on_done, on_writable};

struct crpc_rpc_options probe_options(int seconds) {
  return (struct crpc_rpc_options){
      .deadline = cb_time_add(cb_now(NULL), seconds * CB_SECOND)};
}

struct crpc_rpc_options probe_options_with_metadata(int seconds) {
  static const struct cb_pair pairs[] = {{INITIAL, INITIAL_VALUE},
                                         {TRAILING, TRAILING_VALUE}};
  struct crpc_rpc_options options = probe_options(seconds);

  options.metadata = pairs;
  options.metadata_count = sizeof pairs / sizeof *pairs;
  return options;
}

void probe_until_done(struct probe *probe) {
  while (!probe->is_done)
    crpc_loop_step(probe->suite->loop, CB_NEVER);
}

void probe_until_messages(struct probe *probe, int count) {
  while (!probe->is_done && probe->messages < count)
    crpc_loop_step(probe->suite->loop, CB_NEVER);
}

void probe_until_writable(struct probe *probe, int before) {
  while (!probe->is_done && probe->writables == before)
    crpc_loop_step(probe->suite->loop, CB_NEVER);
}

void probe_expect(struct probe *probe, bool ok, const char *what) {
  if (ok) return;
  probe->suite->failed = true;
  fprintf(stderr, "interop-client: %s (code %s, \"%s\", %d messages)\n", what,
          cb_code_name(probe->code), probe->text, probe->messages);
}

void probe_expect_code(struct probe *probe, enum cb_code code) {
  probe_expect(probe, probe->is_done && probe->code == code,
               "the call ended otherwise");
}

void probe_expect_metadata(struct probe *probe) {
  probe_expect(probe, strcmp(probe->initial, INITIAL_VALUE) == 0,
               "the initial metadata did not come back");
  probe_expect(probe, strcmp(probe->trailing, TRAILING_VALUE) == 0,
               "the trailing metadata did not come back");
}
