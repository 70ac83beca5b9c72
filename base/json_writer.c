#include "base/json_writer.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/base64.h"
#include "base/buf.h"

void cb_json_init(struct cb_json *json, struct cb_buf *buf) {
  *json = (struct cb_json){.buf = buf};
}

/* What goes before a value, and the note for what comes after it. */
static void before_value(struct cb_json *json) {
  if (json->comma) cb_buf_add_char(json->buf, ',');
  json->comma = true;
}

static void begin(struct cb_json *json, char bracket) {
  before_value(json);
  cb_buf_add_char(json->buf, bracket);
  json->comma = false;
  json->depth++;
}

static void end(struct cb_json *json, char bracket) {
  assert(json->depth > 0);
  cb_buf_add_char(json->buf, bracket);
  json->comma = true;
  json->depth--;
}

void cb_json_begin_object(struct cb_json *json) { begin(json, '{'); }
void cb_json_end_object(struct cb_json *json) { end(json, '}'); }
void cb_json_begin_array(struct cb_json *json) { begin(json, '['); }
void cb_json_end_array(struct cb_json *json) { end(json, ']'); }

static void escape(struct cb_buf *buf, char c) {
  static const char plain[] = "\"\\\b\f\n\r\t";
  static const char letter[] = "\"\\bfnrt";
  const char *found = c ? strchr(plain, c) : NULL;

  if (found) {
    cb_buf_add_char(buf, '\\');
    cb_buf_add_char(buf, letter[found - plain]);
  } else {
    cb_buf_printf(buf, "\\u%04x", (unsigned)(unsigned char)c);
  }
}

static void quoted(struct cb_buf *buf, const char *text, size_t size) {
  size_t start = 0;

  cb_buf_add_char(buf, '"');
  for (size_t i = 0; i < size; i++) {
    unsigned char c = (unsigned char)text[i];

    if (c >= 0x20 && c != '"' && c != '\\') continue;
    cb_buf_add(buf, text + start, i - start);
    escape(buf, text[i]);
    start = i + 1;
  }
  cb_buf_add(buf, text + start, size - start);
  cb_buf_add_char(buf, '"');
}

void cb_json_key_n(struct cb_json *json, const char *name, size_t size) {
  before_value(json);
  quoted(json->buf, name, size);
  cb_buf_add_char(json->buf, ':');
  json->comma = false;
}

void cb_json_key(struct cb_json *json, const char *name) {
  cb_json_key_n(json, name, strlen(name));
}

void cb_json_string_n(struct cb_json *json, const char *text, size_t size) {
  before_value(json);
  quoted(json->buf, text, size);
}

void cb_json_string(struct cb_json *json, const char *text) {
  cb_json_string_n(json, text, strlen(text));
}

void cb_json_base64(struct cb_json *json, const uint8_t *data, size_t size) {
  size_t encoded = cb_base64_encoded_size(size);
  char *place;

  before_value(json);
  cb_buf_add_char(json->buf, '"');
  place = cb_buf_reserve(json->buf, encoded);
  if (place) {
    cb_base64_encode(data, size, place);
    cb_buf_grow(json->buf, encoded);
  }
  cb_buf_add_char(json->buf, '"');
}

void cb_json_raw(struct cb_json *json, const char *text, size_t size) {
  before_value(json);
  cb_buf_add(json->buf, text, size);
}

void cb_json_bool(struct cb_json *json, bool value) {
  before_value(json);
  cb_buf_add_text(json->buf, value ? "true" : "false");
}

void cb_json_null(struct cb_json *json) { cb_json_raw(json, "null", 4); }

void cb_json_int(struct cb_json *json, int64_t value) {
  before_value(json);
  cb_buf_printf(json->buf, "%" PRId64, value);
}

void cb_json_uint(struct cb_json *json, uint64_t value) {
  before_value(json);
  cb_buf_printf(json->buf, "%" PRIu64, value);
}

/* JSON has no word for NaN and the infinities; proto JSON writes strings. */
static void number(struct cb_json *json, const char *text, size_t size,
                   bool finite) {
  if (finite)
    cb_json_raw(json, text, size);
  else
    cb_json_string_n(json, text, size);
}

void cb_json_double(struct cb_json *json, double value) {
  char text[CB_DOUBLE_ROOM];

  number(json, text, cb_double_text(value, text), isfinite(value));
}

void cb_json_float(struct cb_json *json, float value) {
  char text[CB_DOUBLE_ROOM];

  number(json, text, cb_float_text(value, text), isfinite(value));
}
