#include "client/vertexctl/csv.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/vertexctl/lines.h"

/* What ended a field. */
enum field_end { FIELD_COMMA, FIELD_LINE, FIELD_FILE, FIELD_BAD };

bool ctl_csv_init(struct ctl_csv *csv, FILE *file, size_t max_field) {
  *csv = (struct ctl_csv){.file = file, .max_field = max_field, .next_line = 1};
  cb_buf_init(&csv->text, 4 * max_field, NULL);
  csv->starts = calloc(CTL_CSV_MAX_FIELDS, sizeof *csv->starts);
  return csv->starts != NULL;
}

void ctl_csv_release(struct ctl_csv *csv) {
  cb_buf_release(&csv->text);
  free(csv->starts);
  csv->starts = NULL;
}

static enum field_end bad(const struct ctl_csv *csv,
                          struct ctl_problem *problem, const char *what) {
  CTL_PROBLEM(problem, "line %" PRIu64 ": %s", csv->next_line, what);
  return FIELD_BAD;
}

/* The next byte, a CRLF as one newline; counts lines. */
static int next(struct ctl_csv *csv) {
  int c = getc_unlocked(csv->file);

  if (c == '\r') {
    int after = getc_unlocked(csv->file);

    if (after == '\n')
      c = '\n';
    else if (after != EOF)
      ungetc(after, csv->file);
  }
  return c;
}

static bool add(struct ctl_csv *csv, int c, struct ctl_problem *problem) {
  char byte = (char)c;

  if (c == '\0') {
    bad(csv, problem, "a NUL byte");
  } else if (csv->text.len - csv->starts[csv->count] >= csv->max_field) {
    bad(csv, problem, "a field is too long");
  } else if (cb_buf_add_char(&csv->text, byte)) {
    return true;
  } else {
    bad(csv, problem, "the row is too long");
  }
  return false;
}

static enum field_end end_of(int c) {
  if (c == ',') return FIELD_COMMA;
  return c == '\n' ? FIELD_LINE : FIELD_FILE;
}

/* The rest of a field behind its opening quote. */
static enum field_end quoted(struct ctl_csv *csv, struct ctl_problem *problem) {
  uint64_t opened = csv->next_line;

  for (;;) {
    int c = next(csv);

    if (c == EOF) {
      CTL_PROBLEM(problem, "line %" PRIu64 ": a quote is never closed", opened);
      return FIELD_BAD;
    }
    if (c == '"') {
      c = next(csv);
      if (c == ',' || c == '\n' || c == EOF) return end_of(c);
      if (c != '"') return bad(csv, problem, "text behind a closing quote");
    }
    if (c == '\n') csv->next_line++;
    if (!add(csv, c, problem)) return FIELD_BAD;
  }
}

static enum field_end bare(struct ctl_csv *csv, int c,
                           struct ctl_problem *problem) {
  for (; c != ',' && c != '\n' && c != EOF; c = next(csv)) {
    if (c == '"') return bad(csv, problem, "a quote inside a bare field");
    if (!add(csv, c, problem)) return FIELD_BAD;
  }
  return end_of(c);
}

static enum field_end field(struct ctl_csv *csv, int c,
                            struct ctl_problem *problem) {
  enum field_end end;

  if (csv->count == CTL_CSV_MAX_FIELDS)
    return bad(csv, problem, "more than 1,000 fields");
  csv->starts[csv->count] = csv->text.len;
  end = c == '"' ? quoted(csv, problem) : bare(csv, c, problem);
  if (end == FIELD_BAD) return end;
  csv->count++;
  if (!cb_buf_add(&csv->text, "", 1))
    return bad(csv, problem, "the row is too long");
  return end;
}

/* The first byte of the next line that has one; EOF when there is none. */
static int first_of_row(struct ctl_csv *csv) {
  int c;

  if (csv->line == 0) ctl_skip_mark(csv->file);
  while ((c = next(csv)) == '\n')
    csv->next_line++;
  return c;
}

enum ctl_csv_read ctl_csv_next(struct ctl_csv *csv,
                               struct ctl_problem *problem) {
  int c = first_of_row(csv);
  enum field_end end = FIELD_COMMA;

  cb_buf_clear(&csv->text);
  csv->count = 0;
  csv->line = csv->next_line;
  if (c == EOF && !ferror(csv->file)) return CTL_CSV_END;
  while (end == FIELD_COMMA) {
    end = field(csv, c, problem);
    if (end == FIELD_COMMA) c = next(csv);
  }
  if (ferror(csv->file)) {
    CTL_PROBLEM(problem, "cannot be read: %s", strerror(errno));
    return CTL_CSV_BAD;
  }
  if (end == FIELD_BAD) return CTL_CSV_BAD;
  if (end == FIELD_LINE) csv->next_line++;
  return CTL_CSV_ROW;
}

const char *ctl_csv_field(const struct ctl_csv *csv, size_t i) {
  assert(i < csv->count);
  return csv->text.data + csv->starts[i];
}
