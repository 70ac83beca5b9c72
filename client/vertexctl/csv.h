/* csv.h - comma separated values as RFC 4180 has them, a row at a time.
 *
 * Fields may be quoted, and then hold commas, quotes (doubled) and line ends.
 * A quote in the middle of a bare field, and text behind a closing quote, are
 * errors. A line end is LF or CRLF. Empty lines are skipped.
 *
 * Threads:   none inside.
 * Ownership: the file is the caller's; a row is valid until the next read.
 */
#ifndef VERTEXCTL_CSV_H
#define VERTEXCTL_CSV_H

#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "client/vertexctl/problem.h"

#define CTL_CSV_MAX_FIELDS 1000

enum ctl_csv_read { CTL_CSV_ROW, CTL_CSV_END, CTL_CSV_BAD };

struct ctl_csv {
  FILE *file;
  struct cb_buf text; /* the fields of the row, each NUL-ended */
  size_t *starts;     /* where each begins in text */
  size_t count;
  size_t max_field;
  uint64_t line;      /* in which the row begins, from 1 */
  uint64_t next_line; /* in which the reader stands */
};

/* A field may have max_field bytes, a row four times as many. False when out
 * of memory. */
bool ctl_csv_init(struct ctl_csv *csv, FILE *file, size_t max_field);
void ctl_csv_release(struct ctl_csv *csv);

/* The next row; problem, which names the line, is set where it is bad. */
enum ctl_csv_read ctl_csv_next(struct ctl_csv *csv,
                               struct ctl_problem *problem);

/* Field number i (< count) of the row. */
const char *ctl_csv_field(const struct ctl_csv *csv, size_t i);

#endif
