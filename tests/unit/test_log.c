#include "service/log.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "tests/unit/cmocka_all.h"

static void format(struct cb_buf *out, enum vtx_severity severity,
                   const char *event, const struct vtx_log_field *fields,
                   size_t count) {
  /* 2023-11-14T22:13:20.123456789Z */
  const struct vtx_log_line line = {INT64_C(1700000000123456789), severity,
                                    event, fields, count};

  vtx_log_format(out, &line);
}

static void format__fields__one_object_a_line(void **state) {
  const struct vtx_log_field fields[] = {
      vtx_text("who", "me"), vtx_number("count", -7), vtx_text("none", NULL)};
  struct cb_buf out;

  (void)state;
  cb_buf_init(&out, 1000, NULL);
  format(&out, VTX_WARNING, "thing", fields, 3);
  assert_string_equal(
      out.data,
      "{\"time\":\"2023-11-14T22:13:20.123456Z\",\"severity\":\"WARNING\","
      "\"event\":\"thing\",\"who\":\"me\",\"count\":-7,\"none\":\"\"}\n");
  cb_buf_release(&out);
}

/* The text of a field after it has gone through the log and a JSON parser. */
static void through(const char *text, char *out, size_t room) {
  const struct vtx_log_field field = vtx_text("k", text);
  struct cb_buf line;
  json_object *object;

  cb_buf_init(&line, VTX_LOG_LINE_MAX, NULL);
  format(&line, VTX_INFO, "e", &field, 1);
  assert_ptr_equal(strchr(line.data, '\n'), line.data + line.len - 1);
  object = json_tokener_parse(line.data);
  assert_non_null(object);
  snprintf(out, room, "%s",
           json_object_get_string(json_object_object_get(object, "k")));
  json_object_put(object);
  cb_buf_release(&line);
}

static void format__hostile_texts__cannot_break_the_line(void **state) {
  char out[4096];
  char all[256];

  (void)state;
  through("\"},{\"x\":\"\\\n\r\t\x01\x1b[31m", out, sizeof out);
  assert_string_equal(out, "\"},{\"x\":\"\\\n\r\t\x01\x1b[31m");
  through("broken \xFF\xC3 utf-8", out, sizeof out);
  assert_string_equal(out, "broken \xEF\xBF\xBD\xEF\xBF\xBD utf-8");
  for (int i = 0; i < 255; i++)
    all[i] = (char)(i + 1);
  all[255] = '\0';
  through(all, out, sizeof out);
  assert_true(cb_utf8_valid(out, strlen(out)));
  assert_memory_equal(out, all, 127);
}

static void format__text_at_limit_and_past__cut(void **state) {
  char text[VTX_LOG_TEXT_MAX + 3];
  char out[4096];

  (void)state;
  memset(text, 'x', sizeof text);
  text[VTX_LOG_TEXT_MAX] = '\0';
  through(text, out, sizeof out);
  assert_int_equal(strlen(out), VTX_LOG_TEXT_MAX);
  text[VTX_LOG_TEXT_MAX] = 'x';
  text[VTX_LOG_TEXT_MAX + 1] = '\0';
  through(text, out, sizeof out);
  assert_int_equal(strlen(out), VTX_LOG_TEXT_MAX);
  memcpy(text + VTX_LOG_TEXT_MAX - 1, "é", 3); /* lies across the cut */
  through(text, out, sizeof out);
  assert_int_equal(strlen(out), VTX_LOG_TEXT_MAX - 1);
}

static void format__no_room__nothing_appended(void **state) {
  struct cb_buf out;

  (void)state;
  cb_buf_init(&out, 100, NULL);
  format(&out, VTX_INFO, "fits", NULL, 0);
  assert_false(out.failed);
  assert_int_equal(out.data[out.len - 1], '\n');
  format(&out, VTX_INFO, "does not", NULL, 0);
  assert_true(out.failed);
  assert_int_equal(out.data[out.len - 1], '\n');
  assert_null(strstr(out.data, "does not"));
  cb_buf_release(&out);
}

static void severity__codes__by_whose_fault(void **state) {
  (void)state;
  assert_int_equal(vtx_log_severity(CB_CANCELLED), VTX_INFO);
  assert_int_equal(vtx_log_severity(CB_INVALID_ARGUMENT), VTX_WARNING);
  assert_int_equal(vtx_log_severity(CB_UNAVAILABLE), VTX_WARNING);
  assert_int_equal(vtx_log_severity(CB_INTERNAL), VTX_ERROR);
}

static void write__then_free__all_lines_are_out(void **state) {
  int ends[2];
  char text[20000];
  ssize_t size;
  int lines = 0;
  struct vtx_log *log;

  (void)state;
  assert_int_equal(pipe(ends), 0);
  log = vtx_log_new(ends[1]);
  assert_non_null(log);
  for (int i = 0; i < 100; i++) {
    const struct vtx_log_field field = vtx_number("i", i);

    vtx_log_write(log, VTX_INFO, "line", &field, 1);
  }
  vtx_log_write(NULL, VTX_INFO, "nowhere", NULL, 0);
  vtx_log_free(log);
  close(ends[1]);
  size = read(ends[0], text, sizeof text - 1);
  assert_true(size > 0);
  text[size] = '\0';
  for (char *p = text; (p = strchr(p, '\n')); p++)
    lines++;
  assert_int_equal(lines, 100);
  assert_non_null(strstr(text, "\"i\":99}\n"));
  close(ends[0]);
}

/* Reads the pipe until word was seen; the rest of the test cannot go on
 * without it, so a time limit ends the wait. */
static void expect_in_pipe(int fd, const char *word) {
  struct pollfd pollfd = {.fd = fd, .events = POLLIN};
  static char text[4 * VTX_LOG_BACKLOG];
  size_t have = 0;

  while (have < sizeof text - 1 && poll(&pollfd, 1, 5000) == 1) {
    ssize_t size = read(fd, text + have, sizeof text - 1 - have);

    if (size <= 0) break;
    have += (size_t)size;
    text[have] = '\0';
    if (strstr(text, word)) return;
  }
  fail_msg("%s did not come", word);
}

static void write__reader_stuck__drops_and_says_so_later(void **state) {
  int ends[2];
  struct vtx_log *log;
  char long_text[VTX_LOG_TEXT_MAX + 1];
  struct vtx_log_field field;

  (void)state;
  memset(long_text, 'x', VTX_LOG_TEXT_MAX);
  long_text[VTX_LOG_TEXT_MAX] = '\0';
  field = vtx_text("k", long_text);
  assert_int_equal(pipe(ends), 0);
  log = vtx_log_new(ends[1]);
  for (int i = 0; i < 3 * VTX_LOG_BACKLOG / VTX_LOG_TEXT_MAX; i++)
    vtx_log_write(log, VTX_INFO, "line", &field, 1);
  expect_in_pipe(ends[0], "log_dropped");
  vtx_log_free(log);
  close(ends[0]);
  close(ends[1]);
}

static void free__reader_stuck__ends_all_the_same(void **state) {
  int ends[2];
  struct vtx_log *log;

  (void)state;
  assert_int_equal(pipe(ends), 0);
  fcntl(ends[1], F_SETPIPE_SZ, 4096);
  log = vtx_log_new(ends[1]);
  for (int i = 0; i < 1000; i++)
    vtx_log_write(log, VTX_INFO, "line", NULL, 0);
  vtx_log_free(log); /* the test's own timeout is the assertion */
  close(ends[0]);
  close(ends[1]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(format__fields__one_object_a_line),
      cmocka_unit_test(format__hostile_texts__cannot_break_the_line),
      cmocka_unit_test(format__text_at_limit_and_past__cut),
      cmocka_unit_test(format__no_room__nothing_appended),
      cmocka_unit_test(severity__codes__by_whose_fault),
      cmocka_unit_test(write__then_free__all_lines_are_out),
      cmocka_unit_test(write__reader_stuck__drops_and_says_so_later),
      cmocka_unit_test(free__reader_stuck__ends_all_the_same),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
