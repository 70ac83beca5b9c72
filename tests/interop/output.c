#include "output.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/list.h"
#include "crpc/loop.h"

#define MICROSECOND INT64_C(1000)

bool output_payload(int32_t size, struct cb_arena *arena,
                    grpc_testing_Payload *ret_payload,
                    struct cb_status *ret_status) {
  grpc_testing_Payload payload = grpc_testing_Payload_INIT;

  *ret_status = cb_status_make(CB_INVALID_ARGUMENT, "",
                               "no body can be of the size asked for");
  if (size < 0 || size > INTEROP_BODY_MAX) return false;
  *ret_status = cb_status_make(CB_RESOURCE_EXHAUSTED, "", "out of memory");
  payload.body.len = (size_t)size;
  payload.body.data = cb_arena_zalloc(arena, payload.body.len + 1, 1);
  *ret_payload = payload;
  return payload.body.data != NULL;
}

bool output_fails(struct crpc_call *call, const grpc_testing_EchoStatus *echo) {
  struct cb_status status;

  if (!echo || echo->code == CB_OK) return false;
  status = cb_status_make(CB_UNKNOWN, "", echo->message);
  if (echo->code > 0 && echo->code <= CB_UNAUTHENTICATED) {
    status.code = (enum cb_code)echo->code;
  }
  crpc_call_fail(call, &status);
  return true;
}

/* Sends the next answer. False if nothing more can be done for now. */
static bool send_next(struct output *output) {
  const grpc_testing_ResponseParameters *what =
      output->request->response_parameters[output->next];
  grpc_testing_StreamingOutputCallResponse response =
      grpc_testing_StreamingOutputCallResponse_INIT;
  grpc_testing_Payload payload;
  struct cb_status status;
  struct cb_arena *arena = cb_arena_new(NULL, 2 * INTEROP_BODY_MAX, 0);
  enum crpc_send sent = CRPC_NO_MEMORY;

  if (arena && output_payload(what->size, arena, &payload, &status)) {
    response.payload = &payload;
    sent =
        grpc_testing_TestService_FullDuplexCall_send(output->call, &response);
  } else {
    crpc_call_fail(output->call, &status);
  }
  cb_arena_free(arena);
  if (sent != CRPC_SENT) return false;
  output->next++;
  output->waited = false;
  return true;
}

/* True if there is nothing to wait for. */
static bool wait_for_next(struct output *output) {
  int32_t interval =
      output->request->response_parameters[output->next]->interval_us;

  if (interval <= 0 || output->waited) return true;
  return !crpc_loop_set_timer(
      crpc_call_loop(output->call), &output->timer,
      cb_time_add(cb_now(NULL), interval * MICROSECOND));
}

void output_go_on(struct output *output) {
  if (!output->request) return;
  while (output->next < output->request->n_response_parameters) {
    if (!wait_for_next(output) || !send_next(output)) return;
  }
  output_end(output);
  output->finished(output->call);
}

static void on_timer(struct cb_timer *timer) {
  struct output *output = CB_CONTAINER(timer, struct output, timer);

  output->waited = true;
  output_go_on(output);
}

void output_begin(struct output *output,
                  const grpc_testing_StreamingOutputCallRequest *request) {
  if (output_fails(output->call, request->response_status)) return;
  output->arena = crpc_call_take_arena(output->call);
  output->request = request;
  output->timer.fire = on_timer;
  output->next = 0;
  output->waited = false;
  output_go_on(output);
}

void output_end(struct output *output) {
  crpc_loop_cancel_timer(crpc_call_loop(output->call), &output->timer);
  cb_arena_free(output->arena);
  output->arena = NULL;
  output->request = NULL;
}
