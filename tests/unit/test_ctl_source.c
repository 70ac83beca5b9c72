#include "client/vertexctl/source.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "google/protobuf/struct.crpc.h"
#include "tests/unit/cmocka_all.h"
#include "vertexd/v1/vertexd.crpc.h"

#define PATH_ROOM 40

/* A file with that content; its name is in path. */
static void write_file(char *path, const char *text) {
  int fd;

  snprintf(path, PATH_ROOM, "/tmp/ctl_source_XXXXXX");
  fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  close(fd);
}

/* What stands in an item: its prompt, or its value if it is a text. */
static void add_item(char *out, size_t room, const struct ctl_plan *plan,
                     const struct ctl_item *item) {
  size_t used = strlen(out);

  if (plan->as_values) {
    google_protobuf_Value *value =
        google__protobuf__value__unpack(NULL, item->size, item->packed);

    assert_non_null(value);
    snprintf(out + used, room - used, "%s=%s;", item->id,
             value->kind_case == google_protobuf_Value_KIND_STRING_VALUE
                 ? value->string_value
                 : "(other)");
    google__protobuf__value__free_unpacked(value, NULL);
  } else {
    vertexd_GenerateRequest *request =
        vertexd__v1__generate_request__unpack(NULL, item->size, item->packed);

    assert_non_null(request);
    assert_string_equal(request->id, "");
    snprintf(out + used, room - used, "%s=%s;", item->id, request->prompt);
    vertexd__v1__generate_request__free_unpacked(request, NULL);
  }
}

/* Reads all of a source as "id=text;", then END or what is wrong. */
static void read_all(const struct ctl_plan *plan, char *out, size_t room) {
  struct ctl_problem problem;
  struct ctl_source *source = ctl_source_open(plan, &problem);
  struct ctl_item *item;
  enum ctl_read read = CTL_READ_BAD;

  out[0] = '\0';
  while (source &&
         (read = ctl_source_next(source, &item, &problem)) == CTL_READ_ITEM) {
    add_item(out, room, plan, item);
    ctl_item_free(item);
  }
  snprintf(out + strlen(out), room - strlen(out), "%s",
           read == CTL_READ_END ? "END" : problem.text);
  ctl_source_close(source);
}

static void expect(struct ctl_plan plan, const char *text,
                   const char *expected) {
  char path[PATH_ROOM];
  char seen[2000];

  write_file(path, text);
  plan.path = path;
  read_all(&plan, seen, sizeof seen);
  unlink(path);
  assert_string_equal(seen, expected);
}

static const struct ctl_plan jsonl = {.format = CTL_FORMAT_JSONL};
static const struct ctl_plan csv = {.format = CTL_FORMAT_CSV};
static const struct ctl_plan text = {.format = CTL_FORMAT_TEXT};
static const struct ctl_plan jsonl_map = {.format = CTL_FORMAT_JSONL,
                                          .as_values = true};
static const struct ctl_plan csv_map = {.format = CTL_FORMAT_CSV,
                                        .as_values = true};
static const struct ctl_plan text_map = {.format = CTL_FORMAT_TEXT,
                                         .as_values = true};

static void next__text__a_prompt_a_line(void **state) {
  (void)state;
  expect(text, "a\n\nb c\r\nlast", "1=a;3=b c;4=last;END");
  expect(text_map, "a\nb\n", "1=a;2=b;END");
  expect(text, "", "END");
  expect(text, "ok\n\xFF\n", "1=ok;line 2: not UTF-8");
}

static void next__json_lines__prompt_and_id(void **state) {
  (void)state;
  expect(jsonl,
         "{\"prompt\":\"a\"}\n{\"prompt\":\"b\",\"id\":\"x\"}\n\n"
         "{\"id\":17,\"prompt\":\"c\",\"model\":\"m\"}\n",
         "1=a;x=b;17=c;END");
}

static void next__json_lines_of_a_map__any_value(void **state) {
  (void)state;
  expect(jsonl_map, "\"a\"\n5\nnull\n{\"id\":\"k\",\"b\":1}\n[1]\n",
         "1=a;2=(other);3=(other);k=(other);5=(other);END");
}

static void next__wrong_json_line__says_line_and_member(void **state) {
  (void)state;
  expect(jsonl, "{\"prompt\":\"a\"}\n{\"prompt\":\"b\",\"temperature\":1}\n",
         "1=a;line 2: temperature: there is no such field");
  expect(jsonl, "{\"id\":\"x\"}\n", "line 1: prompt or contents is missing");
  expect(jsonl, "{\"prompt\":\"x\",\"contents\":[]}\n",
         "line 1: prompt and contents exclude each other");
  expect(jsonl, "{\"prompt\":\"x\",\"id\":1.5}\n",
         "line 1: id must be a string or a whole number");
  expect(jsonl, "{\"prompt\":\"x\",\"id\":\"\"}\n", "line 1: id is empty");
  expect(jsonl, "\"x\"\n",
         "line 1: must be an object such as {\"prompt\": \"...\"}");
}

static void next__csv__columns_by_name(void **state) {
  (void)state;
  expect(csv, "prompt\na\n\"b\nc\"\nd\n", "2=a;3=b\nc;5=d;END");
  expect(csv, "id,prompt\nx,a\n7,b\n", "x=a;7=b;END");
  expect(csv_map, "id,n\nx,a\ny,b\n", "x=(other);y=(other);END");
  expect(csv_map, "n\na\n", "2=(other);END");
}

static void next__wrong_csv__says_the_line(void **state) {
  (void)state;
  expect(csv, "", "line 1: the header is missing");
  expect(csv, "id\nx\n", "line 1: there is no column prompt");
  expect(csv, "prompt,other\nx,y\n",
         "line 1: column other is neither prompt nor id");
  expect(csv, "prompt,prompt\nx,y\n", "line 1: two columns are named prompt");
  expect(csv_map, "a,\nx,y\n", "line 1: a column without a name");
  expect(csv, "id,prompt\nx\n", "line 2: 1 fields, but the header has 2");
  expect(csv, "id,prompt\n,a\n", "line 2: id is empty");
}

static void next__item_at_limit_and_past__refused(void **state) {
  struct ctl_plan small = {.format = CTL_FORMAT_TEXT, .max_item = 5};

  (void)state;
  expect(small, "12345\n123456\n", "1=12345;line 2: over 5 bytes");
  small.format = CTL_FORMAT_CSV;
  expect(small, "id,a\n", "line 1: column a is neither prompt nor id");
}

static void next__id_at_limit_and_past__refused(void **state) {
  char line[CTL_MAX_ID + 60];
  char expected[CTL_MAX_ID + 60];
  char id[CTL_MAX_ID + 2];

  (void)state;
  memset(id, 'i', sizeof id - 1);
  id[CTL_MAX_ID] = '\0';
  snprintf(line, sizeof line, "{\"prompt\":\"p\",\"id\":\"%s\"}", id);
  snprintf(expected, sizeof expected, "%s=p;END", id);
  expect(jsonl, line, expected);
  snprintf(line, sizeof line, "{\"prompt\":\"p\",\"id\":\"%si\"}", id);
  expect(jsonl, line, "line 1: id is over 512 bytes");
}

static void rewind__file__the_same_again(void **state) {
  struct ctl_problem problem;
  struct ctl_plan plan = csv;
  struct ctl_source *source;
  struct ctl_item *item;
  char path[PATH_ROOM];

  (void)state;
  write_file(path, "\xEF\xBB\xBFprompt\na\n");
  plan.path = path;
  source = ctl_source_open(&plan, &problem);
  assert_non_null(source);
  assert_true(ctl_source_is_file(source));
  for (int i = 0; i < 2; i++) {
    assert_int_equal(ctl_source_next(source, &item, &problem), CTL_READ_ITEM);
    assert_int_equal(item->line, 2);
    ctl_item_free(item);
    assert_int_equal(ctl_source_next(source, &item, &problem), CTL_READ_END);
    assert_true(ctl_source_rewind(source, &problem));
  }
  ctl_source_close(source);
  unlink(path);
}

static void guess__name__its_end_counts(void **state) {
  (void)state;
  assert_int_equal(ctl_format_guess("a.jsonl"), CTL_FORMAT_JSONL);
  assert_int_equal(ctl_format_guess("a.b.NDJSON"), CTL_FORMAT_JSONL);
  assert_int_equal(ctl_format_guess("/x/a.csv"), CTL_FORMAT_CSV);
  assert_int_equal(ctl_format_guess("a.txt"), CTL_FORMAT_TEXT);
  assert_int_equal(ctl_format_guess("a"), CTL_FORMAT_UNKNOWN);
  assert_int_equal(ctl_format_guess("a.csv/b"), CTL_FORMAT_UNKNOWN);
  assert_int_equal(ctl_format_guess("-"), CTL_FORMAT_UNKNOWN);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(next__text__a_prompt_a_line),
      cmocka_unit_test(next__json_lines__prompt_and_id),
      cmocka_unit_test(next__json_lines_of_a_map__any_value),
      cmocka_unit_test(next__wrong_json_line__says_line_and_member),
      cmocka_unit_test(next__csv__columns_by_name),
      cmocka_unit_test(next__wrong_csv__says_the_line),
      cmocka_unit_test(next__item_at_limit_and_past__refused),
      cmocka_unit_test(next__id_at_limit_and_past__refused),
      cmocka_unit_test(rewind__file__the_same_again),
      cmocka_unit_test(guess__name__its_end_counts),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
