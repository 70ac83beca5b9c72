#include "client/vertexctl/source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/utf8.h"
#include "client/vertexctl/lines.h"
#include "client/vertexctl/pipe_input.h"
#include "client/vertexctl/source_internal.h"

#define NO_COLUMN SIZE_MAX

struct ctl_source {
  struct ctl_plan plan;
  FILE *file;
  bool is_file;
  struct ctl_pipe_input pipe; /* where it is none */
  struct ctl_lines lines;     /* of jsonl and text */
  struct ctl_csv csv;
  char **columns; /* of csv */
  size_t column_count;
  size_t id_column; /* NO_COLUMN if there is none */
  size_t prompt_column;
};

enum ctl_format ctl_format_named(const char *name) {
  if (strcasecmp(name, "jsonl") == 0) return CTL_FORMAT_JSONL;
  if (strcasecmp(name, "csv") == 0) return CTL_FORMAT_CSV;
  if (strcasecmp(name, "text") == 0) return CTL_FORMAT_TEXT;
  return CTL_FORMAT_UNKNOWN;
}

enum ctl_format ctl_format_guess(const char *path) {
  const char *dot = strrchr(path, '.');

  if (!dot || strchr(dot, '/')) return CTL_FORMAT_UNKNOWN;
  if (strcasecmp(dot, ".ndjson") == 0) return CTL_FORMAT_JSONL;
  if (strcasecmp(dot, ".txt") == 0) return CTL_FORMAT_TEXT;
  return ctl_format_named(dot + 1);
}

static void free_columns(struct ctl_source *source) {
  for (size_t i = 0; i < source->column_count; i++)
    free(source->columns[i]);
  free(source->columns);
  source->columns = NULL;
  source->column_count = 0;
}

/* Adds a column of the header. */
static bool add_column(struct ctl_source *source, const char *name,
                       struct ctl_problem *problem) {
  if (!*name || !cb_utf8_valid(name, strlen(name))) {
    CTL_PROBLEM(problem, "line 1: a column without a name");
    return false;
  }
  for (size_t i = 0; i < source->column_count; i++) {
    if (strcmp(source->columns[i], name) != 0) continue;
    CTL_PROBLEM(problem, "line 1: two columns are named %s", name);
    return false;
  }
  if (strcmp(name, "id") == 0) {
    source->id_column = source->column_count;
  } else if (strcmp(name, "prompt") == 0) {
    source->prompt_column = source->column_count;
  } else if (!source->plan.as_values) {
    CTL_PROBLEM(problem, "line 1: column %s is neither prompt nor id", name);
    return false;
  }
  source->columns[source->column_count] = strdup(name);
  if (source->columns[source->column_count]) source->column_count++;
  return true;
}

static bool read_header(struct ctl_source *source,
                        struct ctl_problem *problem) {
  enum ctl_csv_read read = ctl_csv_next(&source->csv, problem);

  source->id_column = NO_COLUMN;
  source->prompt_column = NO_COLUMN;
  if (read == CTL_CSV_BAD) return false;
  if (read == CTL_CSV_END) {
    CTL_PROBLEM(problem, "line 1: the header is missing");
    return false;
  }
  source->columns = calloc(source->csv.count, sizeof *source->columns);
  for (size_t i = 0; source->columns && i < source->csv.count; i++)
    if (!add_column(source, ctl_csv_field(&source->csv, i), problem))
      return false;
  if (source->column_count < source->csv.count) {
    CTL_PROBLEM(problem, "out of memory");
    return false;
  }
  if (source->plan.as_values || source->prompt_column != NO_COLUMN) return true;
  CTL_PROBLEM(problem, "line 1: there is no column prompt");
  return false;
}

/* Readies the reader of the format at the start of the file. */
static bool begin(struct ctl_source *source, struct ctl_problem *problem) {
  size_t max = source->plan.max_item;

  if (source->plan.format != CTL_FORMAT_CSV) {
    ctl_lines_init(&source->lines, source->file, max);
    return true;
  }
  if (ctl_csv_init(&source->csv, source->file, max))
    return read_header(source, problem);
  CTL_PROBLEM(problem, "out of memory");
  return false;
}

static void end(struct ctl_source *source) {
  if (source->plan.format == CTL_FORMAT_CSV) {
    ctl_csv_release(&source->csv);
    free_columns(source);
  } else {
    ctl_lines_release(&source->lines);
  }
}

static bool is_regular(int fd) {
  struct stat found;

  return fstat(fd, &found) == 0 && S_ISREG(found.st_mode);
}

/* Opens the file as a stream, by way of our own buffer where it is a pipe. */
static bool open_file(struct ctl_source *source) {
  bool is_stdin = strcmp(source->plan.path, "-") == 0;
  int fd = is_stdin ? dup(STDIN_FILENO)
                    : open(source->plan.path, O_RDONLY | O_CLOEXEC);

  if (fd < 0) return false;
  source->pipe.fd = -1;
  source->is_file = is_regular(fd);
  source->file = source->is_file ? fdopen(fd, "r")
                                 : ctl_pipe_input_open(&source->pipe, fd);
  if (source->file) return true;
  close(fd);
  return false;
}

struct ctl_source *ctl_source_open(const struct ctl_plan *plan,
                                   struct ctl_problem *problem) {
  struct ctl_source *source = calloc(1, sizeof *source);

  if (!source) {
    CTL_PROBLEM(problem, "out of memory");
    return NULL;
  }
  source->plan = *plan;
  if (source->plan.max_item == 0) source->plan.max_item = CTL_MAX_ITEM;
  if (!open_file(source)) {
    CTL_PROBLEM(problem, "cannot be opened: %s", strerror(errno));
    free(source);
    return NULL;
  }
  if (begin(source, problem)) return source;
  ctl_source_close(source);
  return NULL;
}

void ctl_source_close(struct ctl_source *source) {
  if (!source) return;
  end(source);
  fclose(source->file);
  if (!source->is_file) close(source->pipe.fd);
  free(source);
}

bool ctl_source_is_file(const struct ctl_source *source) {
  return source->is_file;
}

bool ctl_source_is_ready(const struct ctl_source *source) {
  return source->is_file || ctl_pipe_input_ready(&source->pipe);
}

bool ctl_source_rewind(struct ctl_source *source, struct ctl_problem *problem) {
  end(source);
  rewind(source->file);
  return begin(source, problem);
}

/* Puts the line in front of what is wrong with it. */
static enum ctl_read bad_line(uint64_t line, struct ctl_problem *problem) {
  struct ctl_problem what = *problem;

  CTL_PROBLEM(problem, "line %" PRIu64 ": %.480s", line, what.text);
  return CTL_READ_BAD;
}

static enum ctl_read next_row(struct ctl_source *source,
                              struct ctl_item **ret_item,
                              struct ctl_problem *problem) {
  struct ctl_csv *csv = &source->csv;
  const char *id = NULL;

  switch (ctl_csv_next(csv, problem)) {
    case CTL_CSV_END:
      return CTL_READ_END;
    case CTL_CSV_BAD:
      return CTL_READ_BAD;
    case CTL_CSV_ROW:
      break;
  }
  if (csv->count != source->column_count) {
    CTL_PROBLEM(problem, "%zu fields, but the header has %zu", csv->count,
                source->column_count);
    return bad_line(csv->line, problem);
  }
  if (source->id_column != NO_COLUMN)
    id = ctl_csv_field(csv, source->id_column);
  *ret_item = source->plan.as_values
                  ? ctl_item_from_row(csv, source->columns, id, problem)
                  : ctl_item_from_text(
                        &source->plan, csv->line,
                        ctl_csv_field(csv, source->prompt_column), id, problem);
  return *ret_item ? CTL_READ_ITEM : bad_line(csv->line, problem);
}

/* Reads the next line that is not empty. */
static enum ctl_read read_line(struct ctl_lines *lines,
                               struct ctl_problem *problem) {
  for (;;) {
    switch (ctl_lines_next(lines)) {
      case CTL_LINE_END:
        return CTL_READ_END;
      case CTL_LINE_TOO_LONG:
        CTL_PROBLEM(problem, "over %zu bytes", lines->buf.max);
        return bad_line(lines->number, problem);
      case CTL_LINE_FAILED:
        CTL_PROBLEM(problem, "cannot be read: %s", strerror(errno));
        return bad_line(lines->number, problem);
      case CTL_LINE:
      case CTL_LINE_TORN: /* the last line may lack its newline */
        break;
    }
    if (lines->buf.len > 0) return CTL_READ_ITEM;
  }
}

static enum ctl_read next_line(struct ctl_source *source,
                               struct ctl_item **ret_item,
                               struct ctl_problem *problem) {
  struct ctl_lines *lines = &source->lines;
  enum ctl_read read = read_line(lines, problem);
  const char *text = ctl_lines_text(lines);

  if (read != CTL_READ_ITEM) return read;
  if (memchr(text, '\0', lines->buf.len)) {
    CTL_PROBLEM(problem, "a NUL byte");
    return bad_line(lines->number, problem);
  }
  *ret_item = source->plan.format == CTL_FORMAT_JSONL
                  ? ctl_item_from_json(&source->plan, lines->number, text,
                                       lines->buf.len, problem)
                  : ctl_item_from_text(&source->plan, lines->number, text, NULL,
                                       problem);
  return *ret_item ? CTL_READ_ITEM : bad_line(lines->number, problem);
}

enum ctl_read ctl_source_next(struct ctl_source *source,
                              struct ctl_item **ret_item,
                              struct ctl_problem *problem) {
  *ret_item = NULL;
  return source->plan.format == CTL_FORMAT_CSV
             ? next_row(source, ret_item, problem)
             : next_line(source, ret_item, problem);
}
