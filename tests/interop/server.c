/* interop-server - the server of gRPC's interop test cases, on crpc.
 *
 *   interop-server HOST:PORT
 *
 * Prints the address it listens on, and serves until SIGTERM.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/mailbox.h"
#include "crpc/loop.h"
#include "grpc/testing/test.crpc.h"
#include "output.h"

#define GRACE (5 * CB_SECOND)

/* Both pieces of metadata that a caller may want to have back. */
static void echo_metadata(struct crpc_call *call) {
  const char *initial =
      crpc_call_metadata(call, "x-grpc-test-echo-initial", NULL);
  size_t size;
  const char *trailing =
      crpc_call_metadata(call, "x-grpc-test-echo-trailing-bin", &size);

  if (initial) crpc_call_add_initial(call, "x-grpc-test-echo-initial", initial);
  if (trailing) {
    crpc_call_add_trailing_bytes(call, "x-grpc-test-echo-trailing-bin",
                                 trailing, size);
  }
}

static void empty_call(struct crpc_call *call,
                       const grpc_testing_Empty *request, void *self) {
  const grpc_testing_Empty response = grpc_testing_Empty_INIT;

  (void)request;
  (void)self;
  echo_metadata(call);
  grpc_testing_TestService_EmptyCall_reply(call, &response);
}

static void unary_call(struct crpc_call *call,
                       const grpc_testing_SimpleRequest *request, void *self) {
  grpc_testing_SimpleResponse response = grpc_testing_SimpleResponse_INIT;
  grpc_testing_Payload payload;
  struct cb_status status;

  (void)self;
  echo_metadata(call);
  if (output_fails(call, request->response_status)) return;
  if (!output_payload(request->response_size, crpc_call_arena(call), &payload,
                      &status)) {
    crpc_call_fail(call, &status);
  } else {
    response.payload = &payload;
    grpc_testing_TestService_UnaryCall_reply(call, &response);
  }
}

/* What a streaming call knows. */
struct stream {
  struct output output;
  int32_t received; /* bytes */
};

static void on_writable(struct crpc_call *call, void *ctx) {
  struct stream *stream = ctx;

  (void)call;
  output_go_on(&stream->output);
}

static void on_cancelled(struct crpc_call *call, void *ctx) {
  struct stream *stream = ctx;

  (void)call;
  output_end(&stream->output);
}

static void on_done(struct crpc_call *call, void *ctx) {
  struct stream *stream = ctx;

  (void)call;
  output_end(&stream->output);
  free(stream);
}

/* NULL, with the call ended, when out of memory. */
static struct stream *open_stream(struct crpc_call *call,
                                  const struct crpc_call_events *events) {
  const struct cb_status no_memory =
      cb_status_make(CB_RESOURCE_EXHAUSTED, "", "out of memory");
  struct stream *stream = calloc(1, sizeof *stream);

  echo_metadata(call);
  if (!stream) {
    crpc_call_fail(call, &no_memory);
    return NULL;
  }
  stream->output.call = call;
  crpc_call_set_events(call, events, stream);
  return stream;
}

static void streaming_output_call(
    struct crpc_call *call,
    const grpc_testing_StreamingOutputCallRequest *request, void *self) {
  static const struct crpc_call_events events = {
      .writable = on_writable, .cancelled = on_cancelled, .done = on_done};
  struct stream *stream = open_stream(call, &events);

  (void)self;
  if (!stream) return;
  stream->output.finished = crpc_call_finish;
  output_begin(&stream->output, request);
}

static void add_input(struct crpc_call *call, const ProtobufCMessage *message,
                      void *ctx) {
  const grpc_testing_StreamingInputCallRequest *request =
      grpc_testing_TestService_StreamingInputCall_message(message);
  struct stream *stream = ctx;

  if (request->payload) stream->received += (int32_t)request->payload->body.len;
  crpc_call_read(call);
}

static void tell_sum(struct crpc_call *call, void *ctx) {
  struct stream *stream = ctx;
  grpc_testing_StreamingInputCallResponse response =
      grpc_testing_StreamingInputCallResponse_INIT;

  response.aggregated_payload_size = stream->received;
  grpc_testing_TestService_StreamingInputCall_reply(call, &response);
}

static void streaming_input_call(struct crpc_call *call, void *self) {
  static const struct crpc_call_events events = {.message = add_input,
                                                 .half_closed = tell_sum,
                                                 .cancelled = on_cancelled,
                                                 .done = on_done};

  (void)self;
  if (open_stream(call, &events)) crpc_call_read(call);
}

static void answer_duplex(struct crpc_call *call,
                          const ProtobufCMessage *message, void *ctx) {
  struct stream *stream = ctx;

  (void)call;
  output_begin(&stream->output,
               grpc_testing_TestService_FullDuplexCall_message(message));
}

static void finish_duplex(struct crpc_call *call, void *ctx) {
  (void)ctx;
  crpc_call_finish(call);
}

static void full_duplex_call(struct crpc_call *call, void *self) {
  static const struct crpc_call_events events = {.writable = on_writable,
                                                 .message = answer_duplex,
                                                 .half_closed = finish_duplex,
                                                 .cancelled = on_cancelled,
                                                 .done = on_done};
  struct stream *stream = open_stream(call, &events);

  (void)self;
  if (!stream) return;
  stream->output.finished = crpc_call_read;
  crpc_call_read(call);
}

struct service {
  struct crpc_loop *loop;
  struct crpc_server *server;
  struct cb_mail leave; /* from the signals' thread */
};

static void on_drained(void *ctx) {
  struct service *service = ctx;

  crpc_loop_stop(service->loop);
}

static void on_leave(struct cb_mail *mail) {
  struct service *service = CB_CONTAINER(mail, struct service, leave);

  crpc_server_drain(service->server, cb_time_add(cb_now(NULL), GRACE),
                    on_drained, service);
}

static void block_signals(sigset_t *ret_signals) {
  sigemptyset(ret_signals);
  sigaddset(ret_signals, SIGTERM);
  sigaddset(ret_signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, ret_signals, NULL);
}

static void *await_signal(void *ctx) {
  struct service *service = ctx;
  sigset_t signals;
  int number;

  block_signals(&signals);
  sigwait(&signals, &number);
  crpc_loop_post(service->loop, &service->leave);
  return NULL;
}

static bool listen_on(struct service *service, const char *wanted,
                      struct cb_status *ret_status) {
  static const struct grpc_testing_TestService_handlers handlers = {
      .EmptyCall = empty_call,
      .UnaryCall = unary_call,
      .StreamingOutputCall = streaming_output_call,
      .StreamingInputCall = streaming_input_call,
      .FullDuplexCall = full_duplex_call};
  char *address = NULL;

  service->server = crpc_server_new(
      service->loop, &(struct crpc_server_options){0}, ret_status);
  if (!service->server ||
      !grpc_testing_TestService_add(service->server, &handlers, NULL) ||
      !crpc_server_listen(service->server, wanted, &address, ret_status)) {
    return false;
  }
  printf("%s\n", address);
  fflush(stdout);
  free(address);
  return crpc_server_start(service->server);
}

static int die(const char *what) {
  fprintf(stderr, "interop-server: %s\n", what);
  return 1;
}

int main(int argc, char **argv) {
  struct service service = {.leave.deliver = on_leave};
  struct cb_status status = cb_status_make(CB_INTERNAL, "", "cannot start");
  sigset_t signals;
  pthread_t thread;

  if (argc != 2) return die("usage: interop-server HOST:PORT");
  block_signals(&signals); /* in all threads to come */
  service.loop = crpc_loop_new();
  if (!service.loop) return die("out of memory");
  if (!listen_on(&service, argv[1], &status)) return die(status.message);
  if (pthread_create(&thread, NULL, await_signal, &service) != 0) {
    return die("cannot start a thread");
  }
  crpc_loop_run(service.loop);
  pthread_join(thread, NULL);
  crpc_server_free(service.server);
  crpc_loop_free(service.loop);
  return 0;
}
