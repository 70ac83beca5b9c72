#include "support/raw_call.h"

#include <grpc/byte_buffer.h>
#include <grpc/grpc_security.h>
#include <string.h>

#include "base/clock.h"
#include "cmocka_all.h"

static void on_opened(struct crpc_tag *tag, bool ok) {
  (void)ok;
  CB_CONTAINER(tag, struct raw_call, opened)->is_opened = true;
}

static void on_sent(struct crpc_tag *tag, bool ok) {
  (void)ok;
  CB_CONTAINER(tag, struct raw_call, sent)->is_sent = true;
}

static void on_received(struct crpc_tag *tag, bool ok) {
  (void)ok;
  CB_CONTAINER(tag, struct raw_call, received)->is_received = true;
}

static void on_ended(struct crpc_tag *tag, bool ok) {
  (void)ok;
  CB_CONTAINER(tag, struct raw_call, ended)->is_ended = true;
}

static void start(struct raw_call *raw, const grpc_op *ops, size_t count,
                  struct crpc_tag *tag) {
  assert_true(
      crpc_loop_start_batch(raw->fixture->loop, raw->call, ops, count, tag));
}

static grpc_channel *connect_to(const char *address,
                                grpc_compression_algorithm compression) {
  grpc_channel_credentials *plain = grpc_insecure_credentials_create();
  grpc_arg args[] = {
      {GRPC_ARG_INTEGER,
       (char *)(uintptr_t)GRPC_COMPRESSION_CHANNEL_DEFAULT_ALGORITHM,
       {.integer = (int)compression}},
      {GRPC_ARG_INTEGER,
       (char *)(uintptr_t)GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL,
       {.integer = 1}},
  };
  const grpc_channel_args all = {2, args};
  grpc_channel *channel = grpc_channel_create(address, plain, &all);

  grpc_channel_credentials_release(plain);
  return channel;
}

void raw_open(struct raw_call *raw, struct fixture *fixture, const char *path,
              int ms, grpc_compression_algorithm compression) {
  int64_t deadline = ms > 0 ? cb_now(NULL) + ms * CB_MILLISECOND : CB_NEVER;
  grpc_op ops[2] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},
                    {.op = GRPC_OP_RECV_INITIAL_METADATA}};
  grpc_op status = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT};
  grpc_slice method = grpc_slice_from_copied_string(path);

  *raw = (struct raw_call){.fixture = fixture};
  raw->opened.run = on_opened;
  raw->sent.run = on_sent;
  raw->received.run = on_received;
  raw->ended.run = on_ended;
  grpc_metadata_array_init(&raw->initial);
  grpc_metadata_array_init(&raw->trailing);
  raw->text = grpc_empty_slice();
  raw->channel = connect_to(fixture->address, compression);
  raw->call =
      grpc_channel_create_call(raw->channel, NULL, 0, fixture->loop->queue,
                               method, NULL, crpc_time_to_core(deadline), NULL);
  assert_non_null(raw->call);
  grpc_slice_unref(method); /* the call has its own */
  ops[1].data.recv_initial_metadata.recv_initial_metadata = &raw->initial;
  start(raw, ops, 2, &raw->opened);
  status.data.recv_status_on_client.trailing_metadata = &raw->trailing;
  status.data.recv_status_on_client.status = &raw->code;
  status.data.recv_status_on_client.status_details = &raw->text;
  start(raw, &status, 1, &raw->ended);
}

void raw_send(struct raw_call *raw, const void *data, size_t size,
              grpc_compression_algorithm compression) {
  grpc_slice slice = grpc_slice_from_copied_buffer(data, size);
  grpc_byte_buffer *bytes =
      compression == GRPC_COMPRESS_NONE
          ? grpc_raw_byte_buffer_create(&slice, 1)
          : grpc_raw_compressed_byte_buffer_create(&slice, 1, compression);
  grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};

  op.data.send_message.send_message = bytes;
  raw->is_sent = false;
  start(raw, &op, 1, &raw->sent);
  fixture_until(raw->fixture, &raw->is_sent);
  grpc_byte_buffer_destroy(bytes);
  grpc_slice_unref(slice);
}

void raw_half_close(struct raw_call *raw) {
  grpc_op op = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};

  raw->is_sent = false;
  start(raw, &op, 1, &raw->sent);
  fixture_until(raw->fixture, &raw->is_sent);
}

bool raw_read(struct raw_call *raw) {
  grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};

  if (raw->message) grpc_byte_buffer_destroy(raw->message);
  raw->message = NULL;
  raw->is_received = false;
  op.data.recv_message.recv_message = &raw->message;
  start(raw, &op, 1, &raw->received);
  fixture_until(raw->fixture, &raw->is_received);
  return raw->message != NULL;
}

void raw_finish(struct raw_call *raw) {
  fixture_until(raw->fixture, &raw->is_ended);
  fixture_until(raw->fixture, &raw->is_opened);
  if (raw->message) grpc_byte_buffer_destroy(raw->message);
  grpc_metadata_array_destroy(&raw->initial);
  grpc_metadata_array_destroy(&raw->trailing);
  grpc_slice_unref(raw->text);
  raw->text = grpc_empty_slice();
  grpc_call_unref(raw->call);
  grpc_channel_destroy(raw->channel);
}
