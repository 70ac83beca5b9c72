#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json_writer.h"
#include "base/utf8.h"
#include "service/log.h"

static const char *severity_name(enum vtx_severity severity) {
  switch (severity) {
    case VTX_INFO:
      return "INFO";
    case VTX_WARNING:
      return "WARNING";
    case VTX_ERROR:
      break;
  }
  return "ERROR";
}

static void write_time(struct cb_json *json, int64_t time) {
  time_t seconds = (time_t)(time / CB_SECOND);
  struct tm tm;
  char date[64];
  char text[96];

  gmtime_r(&seconds, &tm);
  strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
  snprintf(text, sizeof text, "%s.%06" PRId64 "Z", date,
           time % CB_SECOND / CB_MICROSECOND);
  cb_json_string(json, text);
}

/* Texts come from peers too, so nothing is taken for granted. */
static void write_text(struct cb_json *json, const char *text) {
  char clean[3 * VTX_LOG_TEXT_MAX + 1];
  size_t size = cb_utf8_cut(text, strlen(text), VTX_LOG_TEXT_MAX);

  cb_json_string_n(json, clean, cb_utf8_clean(text, size, clean, NULL));
}

static void write_object(struct cb_json *json,
                         const struct vtx_log_line *line) {
  cb_json_begin_object(json);
  cb_json_key(json, "time");
  write_time(json, line->time);
  cb_json_key(json, "severity");
  cb_json_string(json, severity_name(line->severity));
  cb_json_key(json, "event");
  write_text(json, line->event);
  for (size_t i = 0; i < line->count; i++) {
    cb_json_key(json, line->fields[i].key);
    if (line->fields[i].text)
      write_text(json, line->fields[i].text);
    else
      cb_json_int(json, line->fields[i].number);
  }
  cb_json_end_object(json);
}

void vtx_log_format(struct cb_buf *out, const struct vtx_log_line *line) {
  size_t before = out->len;
  struct cb_json json;

  cb_json_init(&json, out);
  write_object(&json, line);
  cb_buf_add_char(out, '\n');
  if (!out->failed || !out->data) return;
  out->len = before; /* no half lines */
  out->data[before] = '\0';
}

enum vtx_severity vtx_log_severity(enum cb_code code) {
  switch (code) {
    case CB_OK:
    case CB_CANCELLED:
      return VTX_INFO;
    case CB_UNKNOWN:
    case CB_INTERNAL:
    case CB_DATA_LOSS:
      return VTX_ERROR;
    default:
      return VTX_WARNING;
  }
}
