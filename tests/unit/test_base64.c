#include "base/base64.h"

#include <string.h>

#include "tests/unit/cmocka_all.h"

static void encode__rfc_4648_vectors__match(void **state) {
  static const char *const encoded[] = {
      "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
  char out[16];

  (void)state;
  for (size_t i = 0; i < 7; i++) {
    assert_int_equal(cb_base64_encoded_size(i), strlen(encoded[i]));
    cb_base64_encode((const uint8_t *)"foobar", i, out);
    assert_memory_equal(out, encoded[i], strlen(encoded[i]));
  }
}

static void decode__all_bytes_both_alphabets__round_trip(void **state) {
  uint8_t data[256 + 2];
  uint8_t back[400];
  char text[400];
  size_t size;

  (void)state;
  for (size_t i = 0; i < sizeof data; i++)
    data[i] = (uint8_t)i;
  for (size_t n = sizeof data - 3; n <= sizeof data; n++) {
    size_t len = cb_base64_encoded_size(n);

    cb_base64_encode(data, n, text);
    assert_true(cb_base64_decode(text, len, back, &size));
    assert_int_equal(size, n);
    assert_true(size <= cb_base64_decoded_room(len));
    assert_memory_equal(back, data, n);
    for (size_t i = 0; i < len; i++) {
      if (text[i] == '+') text[i] = '-';
      if (text[i] == '/') text[i] = '_';
    }
    while (text[len - 1] == '=')
      len--;
    assert_true(cb_base64_decode(text, len, back, &size));
    assert_int_equal(size, n);
    assert_true(size <= cb_base64_decoded_room(len));
    assert_memory_equal(back, data, n);
  }
}

static void decode__not_base64__refused(void **state) {
  static const char *const wrong[] = {
      "A",     "A===", "AA=",  "AA===", "AAAA=", "====", "=",  "AA=A",
      "AAAAA", "AA A", "A\nA", "AA*A",  "+_AA",  "/-AA", "==", "AAA\xC3"};
  uint8_t out[16];
  size_t size = 77;

  (void)state;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    if (cb_base64_decode(wrong[i], strlen(wrong[i]), out, &size))
      fail_msg("took \"%s\"", wrong[i]);
    assert_int_equal(size, 77);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(encode__rfc_4648_vectors__match),
      cmocka_unit_test(decode__all_bytes_both_alphabets__round_trip),
      cmocka_unit_test(decode__not_base64__refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
