#include "service/vertex/sse.h"

#include <string.h>

/* Bytes go to a line; a whole line goes to the event's data; a blank line, or
 * the end, hands the event over. Raw mode is decided at the first byte of a
 * line, so that the raw text keeps its bytes as they came. */

#define BOM "\xef\xbb\xbf"
#define BOM_SIZE 3
#define DATA "data"
#define DATA_SIZE 4
#define PREFIX_SIZE 6 /* "data: " */

void vtx_sse_init(struct vtx_sse *sse, size_t max_event,
                  struct cb_budget *budget, vtx_sse_handler *handler,
                  void *ctx) {
  *sse = (struct vtx_sse){.handler = handler, .ctx = ctx};
  cb_buf_init(&sse->line, max_event + PREFIX_SIZE, budget);
  cb_buf_init(&sse->data, max_event, budget);
}

void vtx_sse_release(struct vtx_sse *sse) {
  cb_buf_release(&sse->line);
  cb_buf_release(&sse->data);
}

static void add(struct vtx_sse *sse, struct cb_buf *buf, const char *data,
                size_t size) {
  if (size == 0 || cb_buf_add(buf, data, size)) return;
  sse->result = cb_buf_past_max(buf) ? VTX_SSE_TOO_LARGE : VTX_SSE_NO_MEMORY;
}

static void hand_over(struct vtx_sse *sse, enum vtx_sse_kind kind) {
  if (sse->data.len > 0 &&
      !sse->handler(sse->ctx, kind, sse->data.data, sse->data.len))
    sse->result = VTX_SSE_STOPPED;
  cb_buf_clear(&sse->data);
  sse->have_data = false;
}

/* A line of an event: "data: ...", "data:...", or "data" alone. */
static void take_field(struct vtx_sse *sse, const char *line, size_t size) {
  if (size < DATA_SIZE || memcmp(line, DATA, DATA_SIZE) != 0) return;
  if (size > DATA_SIZE && line[DATA_SIZE] != ':') return;
  line += DATA_SIZE;
  size -= DATA_SIZE;
  if (size > 0) { /* the colon */
    line++;
    size--;
  }
  if (size > 0 && *line == ' ') {
    line++;
    size--;
  }
  if (sse->have_data) add(sse, &sse->data, "\n", 1);
  if (sse->result == VTX_SSE_OK) add(sse, &sse->data, line, size);
  sse->have_data = true;
}

static void take_line(struct vtx_sse *sse, const char *line, size_t size) {
  if (!sse->later_line && size >= BOM_SIZE &&
      memcmp(line, BOM, BOM_SIZE) == 0) {
    line += BOM_SIZE;
    size -= BOM_SIZE;
  }
  sse->later_line = true;
  if (size > sse->line.max)
    sse->result = VTX_SSE_TOO_LARGE;
  else if (size > 0)
    take_field(sse, line, size);
  else if (sse->have_data)
    hand_over(sse, VTX_SSE_EVENT);
}

/* True if the byte that comes next is the first of its line. */
static bool at_line_start(const struct vtx_sse *sse) {
  if (sse->line.len == 0) return true;
  return !sse->later_line && sse->line.len == BOM_SIZE &&
         memcmp(sse->line.data, BOM, BOM_SIZE) == 0;
}

/* Bytes to the next LF or CR, size if there is none. It looks no further than
 * the line's end: with two searches lines that end in CR alone would each be
 * searched for an LF to the end of all data. */
static size_t line_size(const char *data, size_t size) {
  size_t length = 0;

  while (length < size && data[length] != '\n' && data[length] != '\r')
    length++;
  return length;
}

/* Takes what is left of the line at hand, and its end if that is there; a line
 * that comes whole is not copied. Returns how many bytes it took. */
static size_t feed_line(struct vtx_sse *sse, const char *data, size_t size) {
  size_t length = line_size(data, size);

  if (sse->line.len > 0 || length == size) {
    add(sse, &sse->line, data, length);
    if (sse->result != VTX_SSE_OK || length == size) return length;
    take_line(sse, sse->line.data ? sse->line.data : "", sse->line.len);
    cb_buf_clear(&sse->line);
  } else {
    take_line(sse, data, length);
  }
  sse->after_cr = data[length] == '\r';
  return length + 1;
}

/* A byte order mark may come in pieces, or in one with what follows. */
static size_t feed_mark(struct vtx_sse *sse, const char *data, size_t size) {
  if (sse->later_line || sse->line.len >= BOM_SIZE || size == 0) return 0;
  if (data[0] != BOM[sse->line.len]) return 0;
  if (sse->line.len > 0 && memcmp(sse->line.data, BOM, sse->line.len) != 0)
    return 0;
  add(sse, &sse->line, data, 1);
  return 1;
}

/* Takes at least one byte; size > 0. */
static size_t feed_some(struct vtx_sse *sse, const char *data, size_t size) {
  size_t taken = 0;

  if (sse->raw) {
    add(sse, &sse->data, data, size);
    return size;
  }
  if (sse->after_cr) {
    sse->after_cr = false;
    if (*data == '\n') return 1;
  }
  taken = feed_mark(sse, data, size);
  if (taken > 0) return taken;
  if (!sse->have_data && at_line_start(sse) && (*data == '{' || *data == '[')) {
    sse->raw = true;
    cb_buf_clear(&sse->line);
    return 0;
  }
  return feed_line(sse, data, size);
}

enum vtx_sse_result vtx_sse_feed(struct vtx_sse *sse, const char *data,
                                 size_t size) {
  while (size > 0 && sse->result == VTX_SSE_OK) {
    size_t taken = feed_some(sse, data, size);

    data += taken;
    size -= taken;
  }
  return sse->result;
}

enum vtx_sse_result vtx_sse_finish(struct vtx_sse *sse) {
  if (sse->result != VTX_SSE_OK) return sse->result;
  if (sse->raw) {
    hand_over(sse, VTX_SSE_RAW);
    return sse->result;
  }
  if (sse->line.len > 0) {
    take_line(sse, sse->line.data, sse->line.len);
    cb_buf_clear(&sse->line);
  }
  if (sse->result == VTX_SSE_OK && sse->have_data) hand_over(sse, VTX_SSE_LAST);
  return sse->result;
}
