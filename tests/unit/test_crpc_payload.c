/* From byte buffers to messages: pieces, compression, limits. */
#include <grpc/byte_buffer.h>
#include <string.h>

#include "base/arena.h"
#include "base/budget.h"
#include "base/buf.h"
#include "cmocka_all.h"
#include "crpc/inflate.h"
#include "crpc/payload.h"
#include "echo.crpc.h"

static const uint8_t wire[] = "\x0a\x05hello\x18\x03"; /* text, count */
#define WIRE_SIZE (sizeof wire - 1)

static struct cb_status unpack(grpc_byte_buffer *bytes,
                               const struct crpc_payload_limits *limits,
                               struct cb_arena *arena, echo_Ask **ret_ask) {
  ProtobufCMessage *message = NULL;
  struct cb_status status =
      crpc_payload_unpack(bytes, &echo_Ask_descriptor, limits, arena, &message);

  *ret_ask = (echo_Ask *)(void *)message;
  grpc_byte_buffer_destroy(bytes);
  return status;
}

static void unpack__any_cut__same_message(void **state) {
  const struct crpc_payload_limits limits = {.max_bytes = WIRE_SIZE};

  (void)state;
  for (size_t cut = 0; cut <= WIRE_SIZE; cut++) {
    struct cb_arena *arena = cb_arena_new(NULL, 100000, 0);
    grpc_slice slices[2] = {
        grpc_slice_from_copied_buffer((const char *)wire, cut),
        grpc_slice_from_copied_buffer((const char *)wire + cut,
                                      WIRE_SIZE - cut)};
    echo_Ask *ask;

    assert_int_equal(
        unpack(grpc_raw_byte_buffer_create(slices, 2), &limits, arena, &ask)
            .code,
        CB_OK);
    assert_string_equal(ask->text, "hello");
    assert_int_equal(ask->count, 3);
    grpc_slice_unref(slices[0]);
    grpc_slice_unref(slices[1]);
    cb_arena_free(arena);
  }
}

static void unpack__no_bytes__empty_message(void **state) {
  const struct crpc_payload_limits limits = {.max_bytes = 10};
  struct cb_arena *arena = cb_arena_new(NULL, 100000, 0);
  echo_Ask *ask;

  (void)state;
  assert_int_equal(
      unpack(grpc_raw_byte_buffer_create(NULL, 0), &limits, arena, &ask).code,
      CB_OK);
  assert_string_equal(ask->text, "");
  cb_arena_free(arena);
}

static void unpack__gzip__at_limit_ok_one_past_refused(void **state) {
  uint8_t plain[500] = {0x0a, 0xf1, 0x03}; /* text, 497 bytes */
  struct cb_buf packed;

  (void)state;
  memset(plain + 3, 'a', sizeof plain - 3);
  cb_buf_init(&packed, 1000, NULL);
  assert_true(crpc_deflate(plain, sizeof plain, &packed));
  for (int past = 0; past < 2; past++) {
    const struct crpc_payload_limits limits = {.max_bytes =
                                                   sizeof plain - (size_t)past};
    struct cb_arena *arena = cb_arena_new(NULL, 100000, 0);
    grpc_slice slice = grpc_slice_from_copied_buffer(packed.data, packed.len);
    echo_Ask *ask;
    struct cb_status status = unpack(
        grpc_raw_compressed_byte_buffer_create(&slice, 1, GRPC_COMPRESS_GZIP),
        &limits, arena, &ask);

    assert_int_equal(status.code, past ? CB_RESOURCE_EXHAUSTED : CB_OK);
    if (past) assert_string_equal(status.reason, "REQUEST_TOO_LARGE");
    grpc_slice_unref(slice);
    cb_arena_free(arena);
  }
  cb_buf_release(&packed);
}

static void unpack__size_as_it_came__at_limit_ok_one_past_refused(
    void **state) {
  (void)state;
  for (int past = 0; past < 2; past++) {
    const struct crpc_payload_limits limits = {.max_bytes =
                                                   WIRE_SIZE - (size_t)past};
    struct cb_arena *arena = cb_arena_new(NULL, 100000, 0);
    grpc_slice slice =
        grpc_slice_from_copied_buffer((const char *)wire, WIRE_SIZE);
    echo_Ask *ask;
    struct cb_status status =
        unpack(grpc_raw_byte_buffer_create(&slice, 1), &limits, arena, &ask);

    assert_int_equal(status.code, past ? CB_RESOURCE_EXHAUSTED : CB_OK);
    if (past) {
      assert_string_equal(status.reason, "REQUEST_TOO_LARGE");
      assert_false(status.retryable);
    }
    grpc_slice_unref(slice);
    cb_arena_free(arena);
  }
}

static void unpack__unknown_compression__unimplemented(void **state) {
  const struct crpc_payload_limits limits = {.max_bytes = 100};
  struct cb_arena *arena = cb_arena_new(NULL, 100000, 0);
  grpc_slice slice =
      grpc_slice_from_copied_buffer((const char *)wire, WIRE_SIZE);
  grpc_byte_buffer *bytes = grpc_raw_byte_buffer_create(&slice, 1);
  echo_Ask *ask;

  (void)state;
  bytes->data.raw.compression = GRPC_COMPRESS_ALGORITHMS_COUNT;
  assert_int_equal(unpack(bytes, &limits, arena, &ask).code, CB_UNIMPLEMENTED);
  assert_null(ask);
  grpc_slice_unref(slice);
  cb_arena_free(arena);
}

static void unpack__budget_used_up__may_be_tried_again(void **state) {
  struct cb_budget budget;
  struct cb_arena *arena = cb_arena_new(NULL, 100000, 0);
  grpc_slice slices[2] = {grpc_slice_malloc(4000), grpc_slice_malloc(4000)};
  struct crpc_payload_limits limits = {.max_bytes = 10000, .budget = &budget};
  struct cb_status status;
  echo_Ask *ask;

  (void)state;
  cb_budget_init(&budget, 1000);
  status = unpack(grpc_raw_byte_buffer_create(slices, 2), &limits, arena, &ask);
  assert_int_equal(status.code, CB_RESOURCE_EXHAUSTED);
  assert_string_equal(status.reason, "SERVER_MEMORY");
  assert_true(status.retryable);
  assert_int_equal(cb_budget_used(&budget), 0);
  grpc_slice_unref(slices[0]);
  grpc_slice_unref(slices[1]);
  cb_arena_free(arena);
}

static void pack__small_and_large__unpacks_again(void **state) {
  static uint8_t payload[200000];
  const struct crpc_payload_limits limits = {.max_bytes = 300000};

  (void)state;
  for (size_t size = 0; size <= sizeof payload; size += sizeof payload / 4) {
    struct cb_arena *arena = cb_arena_new(NULL, 1000000, 0);
    echo_Ask ask = echo_Ask_INIT;
    echo_Ask *back;

    ask.payload.data = payload;
    ask.payload.len = size;
    assert_int_equal(
        unpack(crpc_payload_pack(&ask.base,
                                 protobuf_c_message_get_packed_size(&ask.base)),
               &limits, arena, &back)
            .code,
        CB_OK);
    assert_int_equal(back->payload.len, size);
    cb_arena_free(arena);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(unpack__any_cut__same_message),
      cmocka_unit_test(unpack__no_bytes__empty_message),
      cmocka_unit_test(unpack__gzip__at_limit_ok_one_past_refused),
      cmocka_unit_test(unpack__size_as_it_came__at_limit_ok_one_past_refused),
      cmocka_unit_test(unpack__unknown_compression__unimplemented),
      cmocka_unit_test(unpack__budget_used_up__may_be_tried_again),
      cmocka_unit_test(pack__small_and_large__unpacks_again),
  };
  int failed;

  grpc_init(); /* slices are its own */
  failed = cmocka_run_group_tests(tests, NULL, NULL);
  grpc_shutdown_blocking();
  return failed;
}
