/* raw_call.h - a call made with the core's own functions, for tests: any
 * path, any bytes, any order of things.
 *
 * It lives on the fixture's loop; functions that wait turn it.
 */
#ifndef TESTS_UNIT_SUPPORT_RAW_CALL_H
#define TESTS_UNIT_SUPPORT_RAW_CALL_H

#include <grpc/grpc.h>

#include "crpc/loop_internal.h"
#include "support/crpc_fixture.h"

struct raw_call {
  struct fixture *fixture;
  grpc_channel *channel;
  grpc_call *call;
  struct crpc_tag opened;
  struct crpc_tag sent;
  struct crpc_tag received;
  struct crpc_tag ended;
  grpc_metadata_array initial;
  grpc_metadata_array trailing;
  grpc_byte_buffer *message;
  grpc_status_code code;
  grpc_slice text;
  bool is_opened;
  bool is_sent;
  bool is_received;
  bool is_ended;
};

/* Opens a call to path with a deadline in so many ms (0: none). compression:
 * what the core does to messages that are not compressed yet. */
void raw_open(struct raw_call *raw, struct fixture *fixture, const char *path,
              int ms, grpc_compression_algorithm compression);

/* Sends one message of these bytes, which are compressed already if
 * compression says so. Waits until the core has taken it. */
void raw_send(struct raw_call *raw, const void *data, size_t size,
              grpc_compression_algorithm compression);

/* Says that no more messages will come. */
void raw_half_close(struct raw_call *raw);

/* Waits for the next message; false if there is none. Its bytes are in
 * raw->message until the next call. */
bool raw_read(struct raw_call *raw);

/* Waits for the status, and ends the call. code and text hold it. */
void raw_finish(struct raw_call *raw);

#endif
