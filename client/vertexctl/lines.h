/* lines.h - the lines of a file, one at a time, in bounded memory.
 *
 * A byte order mark at the start is skipped, and so is the CR of a CRLF.
 *
 * Threads:   none inside.
 * Ownership: the file is the caller's; a line is valid until the next read.
 */
#ifndef VERTEXCTL_LINES_H
#define VERTEXCTL_LINES_H

#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"

enum ctl_line {
  CTL_LINE,      /* one that a newline ended */
  CTL_LINE_TORN, /* the last one, without its newline */
  CTL_LINE_END,
  CTL_LINE_TOO_LONG,
  CTL_LINE_FAILED, /* the file cannot be read, or no memory; errno says */
};

struct ctl_lines {
  FILE *file;
  struct cb_buf buf; /* the line, without its end */
  uint64_t number;   /* of that line, from 1 */
  uint64_t end;      /* bytes read so far, the line's newline among them */
};

/* No line may be longer than max bytes. */
void ctl_lines_init(struct ctl_lines *lines, FILE *file, size_t max);
void ctl_lines_release(struct ctl_lines *lines);

enum ctl_line ctl_lines_next(struct ctl_lines *lines);

/* The line, NUL-ended. */
const char *ctl_lines_text(const struct ctl_lines *lines);

/* The size of the byte order mark that file began with (0 or 3), which is
 * then behind us. Only for a file of which nothing was read. */
uint64_t ctl_skip_mark(FILE *file);

#endif
