#include "crpc/inflate.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/budget.h"
#include "base/buf.h"
#include "tests/unit/cmocka_all.h"

static struct cb_buf pack(const void *data, size_t size) {
  struct cb_buf packed;

  cb_buf_init(&packed, (size_t)1 << 24, NULL);
  assert_true(crpc_deflate(data, size, &packed));
  return packed;
}

static struct cb_status unpack(const struct cb_buf *packed,
                               struct cb_buf *out) {
  return crpc_inflate((const uint8_t *)packed->data, packed->len, out);
}

static void inflate__what_deflate_made__is_as_before(void **state) {
  enum { SIZE = 100000 };
  uint8_t *data = malloc(SIZE);
  struct cb_buf packed;
  struct cb_buf out;

  (void)state;
  for (size_t i = 0; i < SIZE; i++)
    data[i] = (uint8_t)(i * i >> 3);
  packed = pack(data, SIZE);
  cb_buf_init(&out, SIZE, NULL); /* exactly as much as it needs */
  assert_int_equal(unpack(&packed, &out).code, CB_OK);
  assert_int_equal(out.len, SIZE);
  assert_memory_equal(out.data, data, SIZE);
  cb_buf_release(&out);
  cb_buf_release(&packed);
  free(data);
}

static void inflate__empty_message__ok(void **state) {
  struct cb_buf packed = pack("", 0);
  struct cb_buf out;

  (void)state;
  cb_buf_init(&out, 10, NULL);
  assert_int_equal(unpack(&packed, &out).code, CB_OK);
  assert_int_equal(out.len, 0);
  cb_buf_release(&out);
  cb_buf_release(&packed);
}

static void inflate__one_byte_past_maximum__too_large(void **state) {
  struct cb_buf packed = pack("0123456789", 10);
  struct cb_buf out;
  struct cb_status status;

  (void)state;
  cb_buf_init(&out, 9, NULL);
  status = unpack(&packed, &out);
  assert_int_equal(status.code, CB_RESOURCE_EXHAUSTED);
  assert_string_equal(status.reason, "REQUEST_TOO_LARGE");
  cb_buf_release(&out);
  cb_buf_release(&packed);
}

static void inflate__bomb__takes_no_more_than_the_maximum(void **state) {
  enum { SIZE = 1 << 24, MAX = 1 << 16 };
  uint8_t *zeros = calloc(1, SIZE);
  struct cb_buf packed = pack(zeros, SIZE);
  struct cb_buf out;
  struct cb_budget budget;

  (void)state;
  cb_budget_init(&budget, 4 * MAX);
  cb_buf_init(&out, MAX, &budget);
  assert_int_equal(unpack(&packed, &out).code, CB_RESOURCE_EXHAUSTED);
  assert_int_equal(out.len, MAX);
  assert_false(out.failed); /* the maximum was kept, not run into */
  cb_buf_release(&out);
  cb_buf_release(&packed);
  free(zeros);
}

static void inflate__budget_used_up__too_large(void **state) {
  enum { SIZE = 1 << 20 };
  uint8_t *zeros = calloc(1, SIZE);
  struct cb_buf packed = pack(zeros, SIZE);
  struct cb_buf out;
  struct cb_budget budget;

  (void)state;
  cb_budget_init(&budget, SIZE / 2);
  cb_buf_init(&out, 2 * SIZE, &budget);
  assert_int_equal(unpack(&packed, &out).code, CB_RESOURCE_EXHAUSTED);
  cb_buf_release(&out);
  cb_buf_release(&packed);
  free(zeros);
}

static void expect_malformed(const void *data, size_t size) {
  struct cb_status status;
  struct cb_buf out;

  cb_buf_init(&out, 1000, NULL);
  status = crpc_inflate(data, size, &out);
  assert_int_equal(status.code, CB_INVALID_ARGUMENT);
  assert_string_equal(status.reason, "MALFORMED_REQUEST");
  cb_buf_release(&out);
}

static void inflate__cut_off_at_any_byte__malformed(void **state) {
  struct cb_buf packed = pack("what comes here is cut", 22);

  (void)state;
  for (size_t i = 0; i < packed.len; i++)
    expect_malformed(packed.data, i);
  cb_buf_release(&packed);
}

static void inflate__garbage_or_more_behind__malformed(void **state) {
  struct cb_buf packed = pack("text", 4);

  (void)state;
  expect_malformed("garbage", 7);
  expect_malformed(NULL, 0);
  cb_buf_add_char(&packed, 'x');
  expect_malformed(packed.data, packed.len);
  packed.data[packed.len - 4] ^= 1; /* in the checksum or length */
  expect_malformed(packed.data, packed.len - 1);
  cb_buf_release(&packed);
}

static void inflate__zlib_format__ok(void **state) {
  uint8_t packed[100];
  uLongf size = sizeof packed;
  struct cb_buf out;

  (void)state;
  assert_int_equal(compress(packed, &size, (const Bytef *)"hello", 5), Z_OK);
  cb_buf_init(&out, 5, NULL);
  assert_int_equal(crpc_inflate(packed, size, &out).code, CB_OK);
  assert_string_equal(out.data, "hello");
  cb_buf_release(&out);
}

static void deflate__no_room__false(void **state) {
  struct cb_buf out;

  (void)state;
  cb_buf_init(&out, 10, NULL);
  assert_false(crpc_deflate((const uint8_t *)"0123456789", 10, &out));
  cb_buf_release(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(inflate__what_deflate_made__is_as_before),
      cmocka_unit_test(inflate__empty_message__ok),
      cmocka_unit_test(inflate__one_byte_past_maximum__too_large),
      cmocka_unit_test(inflate__bomb__takes_no_more_than_the_maximum),
      cmocka_unit_test(inflate__budget_used_up__too_large),
      cmocka_unit_test(inflate__cut_off_at_any_byte__malformed),
      cmocka_unit_test(inflate__garbage_or_more_behind__malformed),
      cmocka_unit_test(inflate__zlib_format__ok),
      cmocka_unit_test(deflate__no_room__false),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
