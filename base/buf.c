#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"

#define SMALLEST_ROOM ((size_t)64)

void cb_buf_init(struct cb_buf *buf, size_t max, struct cb_budget *budget) {
  *buf = (struct cb_buf){.max = max, .budget = budget};
}

void cb_buf_release(struct cb_buf *buf) {
  free(buf->data);
  cb_budget_release(buf->budget, buf->room);
  cb_buf_init(buf, buf->max, buf->budget);
}

void cb_buf_clear(struct cb_buf *buf) {
  buf->len = 0;
  buf->failed = false;
  if (buf->data) buf->data[0] = '\0';
}

void cb_buf_move(struct cb_buf *to, struct cb_buf *from) {
  *to = *from;
  cb_buf_init(from, from->max, from->budget);
}

/* Changes the allocation to room bytes, if the budget and memory allow. */
static bool resize(struct cb_buf *buf, size_t room) {
  size_t more = room - buf->room;
  char *data;

  assert(room > buf->room);
  if (!cb_budget_charge(buf->budget, more)) return false;
  data = realloc(buf->data, room);
  if (!data) {
    cb_budget_release(buf->budget, more);
    return false;
  }
  buf->data = data;
  buf->room = room;
  return true;
}

/* Room for size more bytes, which fit under the maximum, and the NUL. Doubles,
 * but never past the maximum, and takes just what is needed when the budget has
 * no more. */
static bool make_room(struct cb_buf *buf, size_t size) {
  size_t most = buf->max < SIZE_MAX ? buf->max + 1 : SIZE_MAX;
  size_t need;
  size_t room;

  if (__builtin_add_overflow(buf->len + 1, size, &need)) return false;
  if (need <= buf->room) return true;
  room = buf->room < most / 2 ? buf->room * 2 : most;
  if (room < SMALLEST_ROOM) room = SMALLEST_ROOM;
  if (room < need) room = need;
  if (room > most) room = most;
  return resize(buf, room) || (need < room && resize(buf, need));
}

char *cb_buf_reserve(struct cb_buf *buf, size_t size) {
  if (buf->failed) return NULL;
  buf->past_max = size > buf->max - buf->len;
  if (buf->past_max || !make_room(buf, size)) {
    buf->failed = true;
    return NULL;
  }
  return buf->data + buf->len;
}

void cb_buf_grow(struct cb_buf *buf, size_t written) {
  assert(written < buf->room - buf->len);
  buf->len += written;
  buf->data[buf->len] = '\0';
}

bool cb_buf_add(struct cb_buf *buf, const void *data, size_t size) {
  char *place = cb_buf_reserve(buf, size);

  if (!place) return false;
  if (size > 0) memcpy(place, data, size);
  cb_buf_grow(buf, size);
  return true;
}

bool cb_buf_add_char(struct cb_buf *buf, char c) {
  return cb_buf_add(buf, &c, 1);
}

bool cb_buf_add_text(struct cb_buf *buf, const char *text) {
  return cb_buf_add(buf, text, strlen(text));
}

bool cb_buf_printf(struct cb_buf *buf, const char *format, ...) {
  va_list args;
  char *place = NULL;
  int len;

  va_start(args, format);
  len = vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (len >= 0) place = cb_buf_reserve(buf, (size_t)len);
  if (!place) {
    buf->failed = true;
    return false;
  }
  va_start(args, format);
  vsnprintf(place, (size_t)len + 1, format, args);
  va_end(args);
  cb_buf_grow(buf, (size_t)len);
  return true;
}

bool cb_buf_past_max(const struct cb_buf *buf) {
  return buf->failed && buf->past_max;
}

void cb_buf_consume(struct cb_buf *buf, size_t size) {
  assert(size <= buf->len);
  if (size == 0) return;
  buf->len -= size;
  memmove(buf->data, buf->data + size, buf->len + 1);
}
