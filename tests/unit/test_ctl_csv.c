#include "client/vertexctl/csv.h"

#include <string.h>

#include "tests/unit/cmocka_all.h"

#define MAX_FIELD 8

struct reader {
  FILE *file;
  struct ctl_csv csv;
  struct ctl_problem problem;
};

static void open_text(struct reader *reader, const char *text, size_t size) {
  *reader = (struct reader){.file = tmpfile()};
  assert_non_null(reader->file);
  assert_int_equal(fwrite(text, 1, size, reader->file), size);
  rewind(reader->file);
  assert_true(ctl_csv_init(&reader->csv, reader->file, MAX_FIELD));
}

static void close_text(struct reader *reader) {
  ctl_csv_release(&reader->csv);
  fclose(reader->file);
}

/* The rows of text as "line:field|field;", then END or what is wrong. */
static void expect(const char *text, const char *expected) {
  struct reader reader;
  char seen[400] = "";
  size_t size = 0;
  enum ctl_csv_read read;

  open_text(&reader, text, strlen(text));
  while ((read = ctl_csv_next(&reader.csv, &reader.problem)) == CTL_CSV_ROW) {
    size += (size_t)snprintf(seen + size, sizeof seen - size,
                             "%d:", (int)reader.csv.line);
    for (size_t i = 0; i < reader.csv.count; i++)
      size += (size_t)snprintf(seen + size, sizeof seen - size, "%s%s",
                               i ? "|" : "", ctl_csv_field(&reader.csv, i));
    size += (size_t)snprintf(seen + size, sizeof seen - size, ";");
  }
  snprintf(seen + size, sizeof seen - size, "%s",
           read == CTL_CSV_END ? "END" : reader.problem.text);
  assert_string_equal(seen, expected);
  close_text(&reader);
}

static void next__plain_rows__fields(void **state) {
  (void)state;
  expect("a,b\nc,d\n", "1:a|b;2:c|d;END");
  expect("a,b\r\nc,d", "1:a|b;2:c|d;END");
  expect("a,,\n,", "1:a||;2:|;END");
  expect("", "END");
  expect("\n\r\n\nx\n\n", "4:x;END");
  expect("\xEF\xBB\xBFx\n", "1:x;END");
}

static void next__quoted_fields__unquoted(void **state) {
  (void)state;
  expect("\"a,b\",\"c\"\"d\"\n", "1:a,b|c\"d;END");
  expect("\"a\nb\"\nc\n", "1:a\nb;3:c;END");
  expect("\"\",x\n", "1:|x;END");
  expect("\"\"\n", "1:;END");
  expect("\"x\"", "1:x;END");
}

static void next__malformed__names_the_line(void **state) {
  (void)state;
  expect("a\nb\"c\n", "1:a;line 2: a quote inside a bare field");
  expect("\"a\"b\n", "line 1: text behind a closing quote");
  expect("x\n\"a\nb\n", "1:x;line 2: a quote is never closed");
  expect("\"", "line 1: a quote is never closed");
}

static void next__field_at_limit_and_past__refused(void **state) {
  (void)state;
  expect("12345678,\"12345678\"\n", "1:12345678|12345678;END");
  expect("123456789\n", "line 1: a field is too long");
  expect("a\n\"123456789\"\n", "1:a;line 2: a field is too long");
}

static void next__row_past_four_fields_worth__refused(void **state) {
  (void)state;
  expect("1234567,1234567,1234567,1234567\n",
         "1:1234567|1234567|1234567|1234567;END");
  expect("1234567,1234567,1234567,12345678\n", "line 1: the row is too long");
}

static void next__fields_at_limit_and_past__refused(void **state) {
  struct reader reader;
  char text[CTL_CSV_MAX_FIELDS + 1];

  (void)state;
  memset(text, ',', sizeof text);
  open_text(&reader, text, CTL_CSV_MAX_FIELDS - 1);
  reader.csv.text.max = 2 * CTL_CSV_MAX_FIELDS;
  assert_int_equal(ctl_csv_next(&reader.csv, &reader.problem), CTL_CSV_ROW);
  assert_int_equal(reader.csv.count, CTL_CSV_MAX_FIELDS);
  close_text(&reader);

  open_text(&reader, text, CTL_CSV_MAX_FIELDS);
  reader.csv.text.max = 2 * CTL_CSV_MAX_FIELDS;
  assert_int_equal(ctl_csv_next(&reader.csv, &reader.problem), CTL_CSV_BAD);
  assert_string_equal(reader.problem.text, "line 1: more than 1,000 fields");
  close_text(&reader);
}

static void next__nul_byte__refused(void **state) {
  struct reader reader;

  (void)state;
  open_text(&reader, "a\0b", 3);
  assert_int_equal(ctl_csv_next(&reader.csv, &reader.problem), CTL_CSV_BAD);
  assert_string_equal(reader.problem.text, "line 1: a NUL byte");
  close_text(&reader);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(next__plain_rows__fields),
      cmocka_unit_test(next__quoted_fields__unquoted),
      cmocka_unit_test(next__malformed__names_the_line),
      cmocka_unit_test(next__field_at_limit_and_past__refused),
      cmocka_unit_test(next__row_past_four_fields_worth__refused),
      cmocka_unit_test(next__fields_at_limit_and_past__refused),
      cmocka_unit_test(next__nul_byte__refused),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
