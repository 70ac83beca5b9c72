#include "client/vertexctl/lines.h"

#include <errno.h>

void ctl_lines_init(struct ctl_lines *lines, FILE *file, size_t max) {
  *lines = (struct ctl_lines){.file = file};
  cb_buf_init(&lines->buf, max, NULL);
}

void ctl_lines_release(struct ctl_lines *lines) { cb_buf_release(&lines->buf); }

uint64_t ctl_skip_mark(FILE *file) {
  int first = getc_unlocked(file);

  if (first != 0xEF) {
    if (first != EOF) ungetc(first, file);
    return 0;
  }
  /* 0xEF alone cannot begin what we read: the lines after it are found to be
   * no UTF-8. */
  if (getc_unlocked(file) != 0xBB || getc_unlocked(file) != 0xBF) rewind(file);
  return 3;
}

/* One byte of the line; what is wrong is in the result. */
static enum ctl_line add(struct ctl_lines *lines, int c) {
  char byte = (char)c;

  if (cb_buf_add_char(&lines->buf, byte)) return CTL_LINE;
  if (lines->buf.len < lines->buf.max) {
    errno = ENOMEM;
    return CTL_LINE_FAILED;
  }
  return CTL_LINE_TOO_LONG;
}

static void drop_return(struct cb_buf *buf) {
  if (buf->len > 0 && buf->data[buf->len - 1] == '\r')
    buf->data[--buf->len] = '\0';
}

enum ctl_line ctl_lines_next(struct ctl_lines *lines) {
  int c;

  cb_buf_clear(&lines->buf);
  if (lines->end == 0) lines->end = ctl_skip_mark(lines->file);
  lines->number++;
  while ((c = getc_unlocked(lines->file)) != EOF) {
    enum ctl_line result;

    lines->end++;
    if (c == '\n') {
      drop_return(&lines->buf);
      return CTL_LINE;
    }
    result = add(lines, c);
    if (result != CTL_LINE) return result;
  }
  if (ferror(lines->file)) return CTL_LINE_FAILED;
  if (lines->buf.len == 0) return CTL_LINE_END;
  drop_return(&lines->buf);
  return CTL_LINE_TORN;
}

const char *ctl_lines_text(const struct ctl_lines *lines) {
  return lines->buf.len > 0 ? lines->buf.data : "";
}
