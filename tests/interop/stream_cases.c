#include <stdlib.h>

#include "base/clock.h"
#include "cases.h"

#define PATIENCE 20 /* seconds */
#define COUNT 4

static const size_t request_sizes[COUNT] = {27182, 8, 1828, 45904};
static const int32_t response_sizes[COUNT] = {31415, 9, 2653, 58979};

/* A body of size zeroes; empty when out of memory, which the case notices. */
static grpc_testing_Payload make_payload(size_t size) {
  grpc_testing_Payload payload = grpc_testing_Payload_INIT;

  payload.body.data = calloc(1, size + 1);
  payload.body.len = payload.body.data ? size : 0;
  return payload;
}

static void input_write(struct probe *probe, size_t size) {
  grpc_testing_StreamingInputCallRequest request =
      grpc_testing_StreamingInputCallRequest_INIT;
  grpc_testing_Payload payload = make_payload(size);

  request.payload = &payload;
  for (;;) {
    int before = probe->writables;
    enum crpc_send sent = grpc_testing_TestService_StreamingInputCall_write(
        probe->suite->channel, probe->id, &request);

    if (sent != CRPC_WAIT) {
      probe_expect(probe, sent == CRPC_SENT, "a message was not taken");
      break;
    }
    probe_until_writable(probe, before);
  }
  free(payload.body.data);
}

void duplex_write(struct probe *probe,
                  const grpc_testing_StreamingOutputCallRequest *request) {
  for (;;) {
    int before = probe->writables;
    enum crpc_send sent = grpc_testing_TestService_FullDuplexCall_write(
        probe->suite->channel, probe->id, request);

    if (sent != CRPC_WAIT) {
      probe_expect(probe, sent == CRPC_SENT, "a message was not taken");
      return;
    }
    probe_until_writable(probe, before);
  }
}

static void duplex_start(struct probe *probe,
                         const struct crpc_rpc_options *options) {
  probe->id = grpc_testing_TestService_FullDuplexCall_start(
      probe->suite->channel, options, &probe_duplex, probe);
}

/* Writes one request of size, for one answer of wanted bytes; none if
 * negative. */
static void duplex_ask(struct probe *probe, size_t size, int32_t wanted) {
  grpc_testing_StreamingOutputCallRequest request =
      grpc_testing_StreamingOutputCallRequest_INIT;
  grpc_testing_ResponseParameters response =
      grpc_testing_ResponseParameters_INIT;
  grpc_testing_ResponseParameters *all[] = {&response};
  grpc_testing_Payload payload = make_payload(size);

  response.size = wanted;
  request.payload = &payload;
  request.response_parameters = all;
  request.n_response_parameters = wanted >= 0 ? 1 : 0;
  duplex_write(probe, &request);
  free(payload.body.data);
}

void case_client_streaming(struct suite *suite) {
  const struct crpc_rpc_options options = probe_options(PATIENCE);
  struct probe probe = probe_make(suite);

  probe.id = grpc_testing_TestService_StreamingInputCall_start(
      suite->channel, &options, &probe_input, &probe);
  for (int i = 0; i < COUNT; i++)
    input_write(&probe, request_sizes[i]);
  crpc_rpc_half_close(suite->channel, probe.id);
  probe_until_done(&probe);
  probe_expect_code(&probe, CB_OK);
  probe_expect(&probe, probe.messages == 1 && probe.sum == 74922,
               "the sum is wrong");
}

/* The four answers' sizes are seen in their sum and their number; and in their
 * order where each is asked for (ping_pong). */
void case_server_streaming(struct suite *suite) {
  const struct crpc_rpc_options options = probe_options(PATIENCE);
  grpc_testing_StreamingOutputCallRequest request =
      grpc_testing_StreamingOutputCallRequest_INIT;
  grpc_testing_ResponseParameters responses[COUNT];
  grpc_testing_ResponseParameters *all[COUNT];
  struct probe probe = probe_make(suite);

  for (int i = 0; i < COUNT; i++) {
    responses[i] =
        (grpc_testing_ResponseParameters)grpc_testing_ResponseParameters_INIT;
    responses[i].size = response_sizes[i];
    all[i] = &responses[i];
  }
  request.response_parameters = all;
  request.n_response_parameters = COUNT;
  grpc_testing_TestService_StreamingOutputCall_start(
      suite->channel, &request, &options, &probe_output, &probe);
  for (int i = 0; i < COUNT; i++) {
    probe_until_messages(&probe, i + 1);
    probe_expect(&probe, probe.size == (size_t)response_sizes[i],
                 "an answer is of another size");
  }
  probe_until_done(&probe);
  probe_expect_code(&probe, CB_OK);
  probe_expect(&probe, probe.messages == COUNT, "there were not four answers");
}

void case_ping_pong(struct suite *suite) {
  const struct crpc_rpc_options options = probe_options(PATIENCE);
  struct probe probe = probe_make(suite);

  duplex_start(&probe, &options);
  for (int i = 0; i < COUNT; i++) {
    duplex_ask(&probe, request_sizes[i], response_sizes[i]);
    probe_until_messages(&probe, i + 1);
    probe_expect(
        &probe,
        probe.messages == i + 1 && probe.size == (size_t)response_sizes[i],
        "an answer is missing or of another size");
  }
  crpc_rpc_half_close(suite->channel, probe.id);
  probe_until_done(&probe);
  probe_expect_code(&probe, CB_OK);
  probe_expect(&probe, probe.messages == COUNT, "there were not four answers");
}

void case_empty_stream(struct suite *suite) {
  const struct crpc_rpc_options options = probe_options(PATIENCE);
  struct probe probe = probe_make(suite);

  duplex_start(&probe, &options);
  crpc_rpc_half_close(suite->channel, probe.id);
  probe_until_done(&probe);
  probe_expect_code(&probe, CB_OK);
  probe_expect(&probe, probe.messages == 0, "there was an answer");
}

void case_cancel_after_begin(struct suite *suite) {
  const struct crpc_rpc_options options = probe_options(PATIENCE);
  struct probe probe = probe_make(suite);

  probe.id = grpc_testing_TestService_StreamingInputCall_start(
      suite->channel, &options, &probe_input, &probe);
  crpc_rpc_cancel(suite->channel, probe.id);
  probe_until_done(&probe);
  probe_expect_code(&probe, CB_CANCELLED);
}

void case_cancel_after_first_response(struct suite *suite) {
  const struct crpc_rpc_options options = probe_options(PATIENCE);
  struct probe probe = probe_make(suite);

  duplex_start(&probe, &options);
  duplex_ask(&probe, request_sizes[0], response_sizes[0]);
  probe_until_messages(&probe, 1);
  probe_expect(&probe, !probe.is_done, "there was no answer");
  crpc_rpc_cancel(suite->channel, probe.id);
  probe_until_done(&probe);
  probe_expect_code(&probe, CB_CANCELLED);
}

void case_timeout_on_sleeping_server(struct suite *suite) {
  struct crpc_rpc_options options = probe_options(0);
  struct probe probe = probe_make(suite);

  options.deadline = cb_time_add(cb_now(NULL), 1 * CB_MILLISECOND);
  duplex_start(&probe, &options);
  duplex_ask(&probe, request_sizes[0], -1);
  probe_until_done(&probe);
  probe_expect_code(&probe, CB_DEADLINE_EXCEEDED);
}
