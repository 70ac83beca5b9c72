#include "client/vertexctl/results.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/cmocka_all.h"

#define ANSWER_A "{\"id\":\"a\",\"text\":\"x\",\"attempts\":1}\n"
#define ANSWER_B "{\"id\":\"b\",\"text\":\"{\\\"error\\\":1}\"}\n"
#define ERROR_C "{\"id\":\"c\",\"error\":{\"code\":\"INTERNAL\"}}\n"
#define ANSWER_C "{\"id\":\"c\",\"text\":\"at last\"}\n"

struct file {
  char path[40];
  struct ctl_results results;
  struct ctl_ids ids;
  struct ctl_earlier earlier;
  struct ctl_problem problem;
};

/* A file with that content, opened for resuming. */
static void begin(struct file *file, const char *text) {
  int fd;

  *file = (struct file){.path = "/tmp/ctl_results_XXXXXX"};
  fd = mkstemp(file->path);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  close(fd);
  ctl_ids_init(&file->ids);
  assert_true(
      ctl_results_open(&file->results, file->path, true, &file->problem));
}

static bool read_again(struct file *file, bool forget_failed) {
  return ctl_results_read(&file->results, &file->ids, forget_failed,
                          &file->earlier, &file->problem);
}

static void end(struct file *file, const char *expected) {
  char content[1000] = "";
  FILE *stream = fopen(file->path, "r");

  assert_non_null(stream);
  content[fread(content, 1, sizeof content - 1, stream)] = '\0';
  fclose(stream);
  assert_string_equal(content, expected);
  ctl_results_close(&file->results);
  ctl_ids_release(&file->ids);
  unlink(file->path);
}

static void read__whole_lines__ids_are_marked(void **state) {
  struct file file;

  (void)state;
  begin(&file, ANSWER_A ANSWER_B ERROR_C);
  assert_true(read_again(&file, false));
  assert_int_equal(file.earlier.answered, 2);
  assert_int_equal(file.earlier.failed, 1);
  assert_int_equal(file.earlier.torn, 0);
  assert_int_equal(ctl_ids_state(&file.ids, "a"), CTL_ID_ANSWERED);
  assert_int_equal(ctl_ids_state(&file.ids, "b"), CTL_ID_ANSWERED);
  assert_int_equal(ctl_ids_state(&file.ids, "c"), CTL_ID_FAILED);
  end(&file, ANSWER_A ANSWER_B ERROR_C);
}

static void read__torn_last_line__cut_off(void **state) {
  const size_t size = strlen(ANSWER_B);

  (void)state;
  for (size_t torn = 1; torn < size; torn++) {
    struct file file;
    char text[200];

    snprintf(text, sizeof text, "%s%.*s", ANSWER_A, (int)torn, ANSWER_B);
    begin(&file, text);
    assert_true(read_again(&file, false));
    assert_int_equal(file.earlier.torn, torn);
    assert_int_equal(ctl_ids_state(&file.ids, "b"), CTL_ID_OPEN);
    assert_true(
        ctl_results_write(&file.results, ANSWER_B, size, &file.problem));
    end(&file, ANSWER_A ANSWER_B);
  }
}

static void read__answer_after_an_error__answered(void **state) {
  struct file file;

  (void)state;
  begin(&file, ERROR_C ANSWER_C);
  assert_true(read_again(&file, false));
  assert_int_equal(file.earlier.answered, 1);
  assert_int_equal(file.earlier.failed, 0);
  assert_int_equal(ctl_ids_state(&file.ids, "c"), CTL_ID_ANSWERED);
  end(&file, ERROR_C ANSWER_C);
}

static void read__forget_failed__errors_leave_the_file(void **state) {
  struct file file;

  (void)state;
  begin(&file, ERROR_C ANSWER_A "{\"id\":");
  assert_true(read_again(&file, true));
  assert_int_equal(file.earlier.failed, 0);
  assert_int_equal(file.earlier.answered, 1);
  assert_int_equal(ctl_ids_state(&file.ids, "c"), CTL_ID_OPEN);
  assert_int_equal(ctl_ids_state(&file.ids, "a"), CTL_ID_ANSWERED);
  assert_true(ctl_results_write(&file.results, ANSWER_C, strlen(ANSWER_C),
                                &file.problem));
  end(&file, ANSWER_A ANSWER_C);
}

static void read__foreign_line__refused_and_kept(void **state) {
  static const char *const lines[] = {"hello\n", "{\"id\":5}\n", "[]\n",
                                      "{\"text\":\"x\"}\n", "null\n"};

  (void)state;
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    struct file file;
    char text[200];

    snprintf(text, sizeof text, "%s%s%s", ANSWER_A, lines[i], "tail");
    begin(&file, text);
    assert_false(read_again(&file, false));
    assert_non_null(strstr(file.problem.text, "line 2: not a result"));
    end(&file, text);
  }
}

static void open__without_resume__content_is_refused(void **state) {
  struct ctl_results results;
  struct ctl_problem problem;
  struct file file;

  (void)state;
  begin(&file, ANSWER_A);
  ctl_results_close(&file.results);
  assert_false(ctl_results_open(&results, file.path, false, &problem));
  assert_non_null(strstr(problem.text, "--resume"));
  end(&file, ANSWER_A);

  begin(&file, "");
  ctl_results_close(&file.results);
  assert_true(ctl_results_open(&results, file.path, false, &problem));
  ctl_results_close(&results);
  end(&file, "");
}

static void open__in_use__refused(void **state) {
  struct ctl_results results;
  struct ctl_problem problem;
  struct file file;

  (void)state;
  begin(&file, "");
  assert_false(ctl_results_open(&results, file.path, true, &problem));
  assert_non_null(strstr(problem.text, "in use"));
  end(&file, "");
}

static void write__synced__line_is_there(void **state) {
  struct file file;

  (void)state;
  begin(&file, "");
  file.results.sync = true;
  assert_true(ctl_results_write(&file.results, ANSWER_A, strlen(ANSWER_A),
                                &file.problem));
  end(&file, ANSWER_A);
}

static void write__full_disk__said(void **state) {
  struct ctl_results results = {.path = "/dev/full"};
  struct ctl_problem problem;

  (void)state;
  results.fd = open("/dev/full", O_WRONLY);
  if (results.fd < 0) fail_msg("no /dev/full");
  assert_false(ctl_results_write(&results, "x\n", 2, &problem));
  assert_non_null(strstr(problem.text, "cannot be written"));
  ctl_results_close(&results);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(read__whole_lines__ids_are_marked),
      cmocka_unit_test(read__torn_last_line__cut_off),
      cmocka_unit_test(read__answer_after_an_error__answered),
      cmocka_unit_test(read__forget_failed__errors_leave_the_file),
      cmocka_unit_test(read__foreign_line__refused_and_kept),
      cmocka_unit_test(open__without_resume__content_is_refused),
      cmocka_unit_test(open__in_use__refused),
      cmocka_unit_test(write__synced__line_is_there),
      cmocka_unit_test(write__full_disk__said),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
