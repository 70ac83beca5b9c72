#include "service/config_value.h"

#include <string.h>

#include "tests/unit/cmocka_all.h"

static void count__digits_only__read(void **state) {
  uint64_t value = 7;

  (void)state;
  assert_true(vtx_value_count("0", &value));
  assert_int_equal(value, 0);
  assert_true(vtx_value_count("9223372036854775807", &value));
  assert_true(value == INT64_MAX);
  assert_false(vtx_value_count("9223372036854775808", &value));
  assert_false(vtx_value_count("18446744073709551616", &value));
  assert_false(vtx_value_count("184467440737095516160", &value));
  assert_false(vtx_value_count("", &value));
  assert_false(vtx_value_count("-1", &value));
  assert_false(vtx_value_count("+1", &value));
  assert_false(vtx_value_count(" 1", &value));
  assert_false(vtx_value_count("1 ", &value));
  assert_false(vtx_value_count("0x1", &value));
  assert_true(value == INT64_MAX);
}

static void bytes__each_unit__read(void **state) {
  uint64_t value;

  (void)state;
  assert_true(vtx_value_bytes("4096", &value));
  assert_int_equal(value, 4096);
  assert_true(vtx_value_bytes("3KiB", &value));
  assert_int_equal(value, 3072);
  assert_true(vtx_value_bytes("2MiB", &value));
  assert_int_equal(value, 2 << 20);
  assert_true(vtx_value_bytes("5GiB", &value));
  assert_true(value == UINT64_C(5) << 30);
  assert_true(vtx_value_bytes("8589934591GiB", &value));
  assert_false(vtx_value_bytes("8589934592GiB", &value)); /* 2^63 */
  assert_false(vtx_value_bytes("64MB", &value));
  assert_false(vtx_value_bytes("64mib", &value));
  assert_false(vtx_value_bytes("64 MiB", &value));
  assert_false(vtx_value_bytes("MiB", &value));
  assert_false(vtx_value_bytes("1.5MiB", &value));
}

static void duration__each_unit__nanoseconds(void **state) {
  uint64_t value;

  (void)state;
  assert_true(vtx_value_duration("500ms", &value));
  assert_true(value == UINT64_C(500000000));
  assert_true(vtx_value_duration("30s", &value));
  assert_true(value == UINT64_C(30000000000));
  assert_true(vtx_value_duration("10m", &value));
  assert_true(value == UINT64_C(600000000000));
  assert_true(vtx_value_duration("1h", &value));
  assert_true(value == UINT64_C(3600000000000));
  assert_true(vtx_value_duration("0s", &value));
  assert_true(vtx_value_duration("9223372036s", &value));
  assert_false(vtx_value_duration("9223372037s", &value)); /* past 2^63 */
  assert_false(vtx_value_duration("30", &value));
  assert_false(vtx_value_duration("s", &value));
  assert_false(vtx_value_duration("1d", &value));
  assert_false(vtx_value_duration("-1s", &value));
}

static void switch__words__read(void **state) {
  static const char *const yes[] = {"true", "1", "yes", "on", "TRUE"};
  static const char *const no[] = {"false", "0", "no", "off", "No"};
  bool value;

  (void)state;
  for (size_t i = 0; i < 5; i++) {
    value = false;
    assert_true(vtx_value_switch(yes[i], &value));
    assert_true(value);
    assert_true(vtx_value_switch(no[i], &value));
    assert_false(value);
  }
  assert_false(vtx_value_switch("", &value));
  assert_false(vtx_value_switch("2", &value));
}

static void is_address__forms__told_apart(void **state) {
  static const char *const good[] = {"127.0.0.1:50051", "localhost:0",
                                     "[::1]:65535",     "0.0.0.0:1",
                                     "unix:/tmp/x",     "unix:x"};
  static const char *const bad[] = {
      "",        "50051",    ":50051",     "host:", "host:65536",   "host:-1",
      "host:1x", "::1:80",   "[::1]80",    "[::1",  "[]:80",        "unix:",
      "a]b:80x", "[::1]x:1", "http://h:1", "h:1/",  "localhost:+1",
  };

  (void)state;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    if (!vtx_value_is_address(good[i])) fail_msg("refused %s", good[i]);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (vtx_value_is_address(bad[i])) fail_msg("took %s", bad[i]);
}

static void is_address__unix_path_at_limit_and_past__told_apart(void **state) {
  char text[5 + 108 + 1] = "unix:";

  (void)state;
  memset(text + 5, 'p', 107); /* sun_path has 108 with its NUL */
  assert_true(vtx_value_is_address(text));
  text[5 + 107] = 'p';
  assert_false(vtx_value_is_address(text));
}

static bool loopback(const char *host) {
  return vtx_value_is_loopback(host, strlen(host));
}

static void is_loopback__hosts__told_apart(void **state) {
  (void)state;
  assert_true(loopback("localhost"));
  assert_true(loopback("LocalHost"));
  assert_true(loopback("127.0.0.1"));
  assert_true(loopback("127.255.255.254"));
  assert_true(loopback("::1"));
  assert_false(loopback("128.0.0.1"));
  assert_false(loopback("127.0.0.1.example.com"));
  assert_false(loopback("127"));
  assert_false(loopback("localhost.example.com"));
  assert_false(loopback("::2"));
  assert_false(loopback("::"));
  assert_false(loopback(""));
}

static void host__forms__cut_out(void **state) {
  size_t size;

  (void)state;
  assert_memory_equal(vtx_value_host("host:1/p", &size), "host", 4);
  assert_int_equal(size, 4);
  assert_memory_equal(vtx_value_host("[::1]:1", &size), "::1", 3);
  assert_int_equal(size, 3);
  vtx_value_host("host/p", &size);
  assert_int_equal(size, 4);
  vtx_value_host("[::1", &size);
  assert_int_equal(size, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(count__digits_only__read),
      cmocka_unit_test(bytes__each_unit__read),
      cmocka_unit_test(duration__each_unit__nanoseconds),
      cmocka_unit_test(switch__words__read),
      cmocka_unit_test(is_address__forms__told_apart),
      cmocka_unit_test(is_address__unix_path_at_limit_and_past__told_apart),
      cmocka_unit_test(is_loopback__hosts__told_apart),
      cmocka_unit_test(host__forms__cut_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
