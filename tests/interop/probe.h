/* probe.h - one call of an interop client, and what came of it.
 *
 * A case starts a call with the stubs and the events of its kind, turns the
 * loop until something was to happen, and says what it expects.
 *
 * Threads: none besides the loop's, which the functions here turn.
 */
#ifndef TESTS_INTEROP_PROBE_H
#define TESTS_INTEROP_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#include "crpc/client.h"
#include "grpc/testing/test.crpc.h"

/* What all cases of a run share. */
struct suite {
  struct crpc_loop *loop;
  struct crpc_channel *channel;
  bool failed; /* an expectation was not met; said on stderr */
};

struct probe {
  struct suite *suite;
  struct cb_id id;
  bool is_done;
  int messages;
  size_t size; /* of the last message's body */
  int sum;     /* of a client stream's answer */
  int writables;
  enum cb_code code;
  char text[256];
  char initial[64];  /* x-grpc-test-echo-initial */
  char trailing[64]; /* x-grpc-test-echo-trailing-bin, in base64 */
};

struct probe probe_make(struct suite *suite);

/* The events of each method: their ctx is a struct probe. */
extern const struct grpc_testing_TestService_EmptyCall_events probe_empty;
extern const struct grpc_testing_TestService_UnaryCall_events probe_unary;
extern const struct grpc_testing_TestService_StreamingOutputCall_events
    probe_output;
extern const struct grpc_testing_TestService_StreamingInputCall_events
    probe_input;
extern const struct grpc_testing_TestService_FullDuplexCall_events probe_duplex;

/* Options with a deadline in so many seconds, for cases that should not need
 * it. */
struct crpc_rpc_options probe_options(int seconds);

/* The same with the metadata that a server sends back. */
struct crpc_rpc_options probe_options_with_metadata(int seconds);

/* Turns the loop until the call is done, has had so many messages, or is
 * writable once more than before. */
void probe_until_done(struct probe *probe);
void probe_until_messages(struct probe *probe, int count);
void probe_until_writable(struct probe *probe, int before);

/* Says what on stderr, and fails the run, unless ok. */
void probe_expect(struct probe *probe, bool ok, const char *what);

/* That the call has ended with code. */
void probe_expect_code(struct probe *probe, enum cb_code code);

/* That both pieces of metadata have come back. */
void probe_expect_metadata(struct probe *probe);

#endif
