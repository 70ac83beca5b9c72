#include <stdlib.h>
#include <string.h>

#include "cases.h"

#define PATIENCE 20 /* seconds */

void case_empty_unary(struct suite *suite) {
  const struct crpc_rpc_options options = probe_options(PATIENCE);
  const grpc_testing_Empty request = grpc_testing_Empty_INIT;
  struct probe probe = probe_make(suite);

  grpc_testing_TestService_EmptyCall_start(suite->channel, &request, &options,
                                           &probe_empty, &probe);
  probe_until_done(&probe);
  probe_expect_code(&probe, CB_OK);
  probe_expect(&probe, probe.messages == 1, "there was no answer");
}

/* One UnaryCall with bodies of these sizes. */
static struct probe call_unary(struct suite *suite, size_t size, int32_t wanted,
                               const struct crpc_rpc_options *options) {
  grpc_testing_SimpleRequest request = grpc_testing_SimpleRequest_INIT;
  grpc_testing_Payload payload = grpc_testing_Payload_INIT;
  struct probe probe = probe_make(suite);

  payload.body.data = calloc(1, size + 1);
  payload.body.len = payload.body.data ? size : 0;
  request.payload = &payload;
  request.response_size = wanted;
  grpc_testing_TestService_UnaryCall_start(suite->channel, &request, options,
                                           &probe_unary, &probe);
  free(payload.body.data);
  probe_until_done(&probe);
  probe_expect_code(&probe, CB_OK);
  probe_expect(&probe, probe.messages == 1 && probe.size == (size_t)wanted,
               "the answer is of another size");
  return probe;
}

void case_large_unary(struct suite *suite) {
  const struct crpc_rpc_options options = probe_options(PATIENCE);

  call_unary(suite, 271828, 314159, &options);
}

static void duplex_custom_metadata(struct suite *suite,
                                   const struct crpc_rpc_options *options) {
  grpc_testing_StreamingOutputCallRequest request =
      grpc_testing_StreamingOutputCallRequest_INIT;
  grpc_testing_ResponseParameters wanted = grpc_testing_ResponseParameters_INIT;
  grpc_testing_ResponseParameters *all[] = {&wanted};
  struct probe probe = probe_make(suite);

  wanted.size = 1;
  request.response_parameters = all;
  request.n_response_parameters = 1;
  probe.id = grpc_testing_TestService_FullDuplexCall_start(
      suite->channel, options, &probe_duplex, &probe);
  duplex_write(&probe, &request);
  probe_until_messages(&probe, 1);
  crpc_rpc_half_close(suite->channel, probe.id);
  probe_until_done(&probe);
  probe_expect_code(&probe, CB_OK);
  probe_expect(&probe, probe.messages == 1 && probe.size == 1,
               "there was no answer, or several");
  probe_expect_metadata(&probe);
}

void case_custom_metadata(struct suite *suite) {
  const struct crpc_rpc_options options = probe_options_with_metadata(PATIENCE);
  struct probe probe = call_unary(suite, 1, 1, &options);

  probe_expect_metadata(&probe);
  duplex_custom_metadata(suite, &options);
}

/* A UnaryCall that is to end with this status. */
static void unary_status(struct suite *suite, grpc_testing_EchoStatus *echo) {
  const struct crpc_rpc_options options = probe_options(PATIENCE);
  grpc_testing_SimpleRequest request = grpc_testing_SimpleRequest_INIT;
  struct probe probe = probe_make(suite);

  request.response_status = echo;
  grpc_testing_TestService_UnaryCall_start(suite->channel, &request, &options,
                                           &probe_unary, &probe);
  probe_until_done(&probe);
  probe_expect_code(&probe, (enum cb_code)echo->code);
  probe_expect(&probe, strcmp(probe.text, echo->message) == 0,
               "the message is another one");
}

static void duplex_status(struct suite *suite, grpc_testing_EchoStatus *echo) {
  const struct crpc_rpc_options options = probe_options(PATIENCE);
  grpc_testing_StreamingOutputCallRequest request =
      grpc_testing_StreamingOutputCallRequest_INIT;
  struct probe probe = probe_make(suite);

  request.response_status = echo;
  probe.id = grpc_testing_TestService_FullDuplexCall_start(
      suite->channel, &options, &probe_duplex, &probe);
  duplex_write(&probe, &request);
  crpc_rpc_half_close(suite->channel, probe.id);
  probe_until_done(&probe);
  probe_expect_code(&probe, (enum cb_code)echo->code);
  probe_expect(&probe, strcmp(probe.text, echo->message) == 0,
               "the message is another one");
}

void case_status_code_and_message(struct suite *suite) {
  grpc_testing_EchoStatus echo = grpc_testing_EchoStatus_INIT;
  char text[] = "test status message";

  echo.code = CB_UNKNOWN;
  echo.message = text;
  unary_status(suite, &echo);
  duplex_status(suite, &echo);
}

void case_special_status_message(struct suite *suite) {
  grpc_testing_EchoStatus echo = grpc_testing_EchoStatus_INIT;
  char text[] =
      "\t\ntest with whitespace\r\nand Unicode BMP \u263A and non-BMP "
      "\U0001F608\t\n";

  echo.code = CB_UNKNOWN;
  echo.message = text;
  unary_status(suite, &echo);
}

void case_unimplemented_method(struct suite *suite) {
  const struct grpc_testing_TestService_UnimplementedCall_events events = {
      probe_empty.message, probe_empty.done};
  const struct crpc_rpc_options options = probe_options(PATIENCE);
  const grpc_testing_Empty request = grpc_testing_Empty_INIT;
  struct probe probe = probe_make(suite);

  grpc_testing_TestService_UnimplementedCall_start(suite->channel, &request,
                                                   &options, &events, &probe);
  probe_until_done(&probe);
  probe_expect_code(&probe, CB_UNIMPLEMENTED);
}

void case_unimplemented_service(struct suite *suite) {
  const struct grpc_testing_UnimplementedService_UnimplementedCall_events
      events = {probe_empty.message, probe_empty.done};
  const struct crpc_rpc_options options = probe_options(PATIENCE);
  const grpc_testing_Empty request = grpc_testing_Empty_INIT;
  struct probe probe = probe_make(suite);

  grpc_testing_UnimplementedService_UnimplementedCall_start(
      suite->channel, &request, &options, &events, &probe);
  probe_until_done(&probe);
  probe_expect_code(&probe, CB_UNIMPLEMENTED);
}
