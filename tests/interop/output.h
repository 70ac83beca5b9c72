/* output.h - the answers that an interop request asks for, one by one.
 *
 * Threads: the loop's.
 */
#ifndef TESTS_INTEROP_OUTPUT_H
#define TESTS_INTEROP_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/timers.h"
#include "crpc/call.h"
#include "grpc/testing/test.crpc.h"

/* Most bytes in one answer's body. */
#define INTEROP_BODY_MAX (4 * 1024 * 1024)

struct output {
  struct crpc_call *call;
  struct cb_timer timer;
  struct cb_arena *arena; /* holds request */
  const grpc_testing_StreamingOutputCallRequest *request;
  size_t next;
  bool waited; /* the interval before next is over */
  /* All answers were taken: read on, or finish. */
  void (*finished)(struct crpc_call *call);
};

/* A body of so many zeroes in arena; false, with *ret_status, if the size is
 * none that we send. */
bool output_payload(int32_t size, struct cb_arena *arena,
                    grpc_testing_Payload *ret_payload,
                    struct cb_status *ret_status);

/* Fails call if echo (may be NULL) says so: true. */
bool output_fails(struct crpc_call *call, const grpc_testing_EchoStatus *echo);

/* Begins the answers to request, which is in the call's arena: that is taken.
 * May end the call. */
void output_begin(struct output *output,
                  const grpc_testing_StreamingOutputCallRequest *request);

/* Sends what can be sent now; also the call's writable. */
void output_go_on(struct output *output);

/* Lets go of request and timer. */
void output_end(struct output *output);

#endif
