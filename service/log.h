/* log.h - JSON lines for operators, on a descriptor that may be slow.
 *
 * One object a line: "time" (RFC 3339, UTC, microseconds), "severity", "event"
 * and the event's own fields. Texts are made well-formed UTF-8, escaped, and
 * cut at VTX_LOG_TEXT_MAX bytes. What is logged is chosen by the callers: names
 * and figures, never a prompt, an answer or a secret.
 *
 * Writers never wait: lines go to a buffer of VTX_LOG_BACKLOG bytes that a
 * thread of the log's own writes out. Lines that find it full are dropped and
 * counted; the count is logged ("log_dropped") once there is room again.
 *
 * Threads:   vtx_log_write() from any; the others where the log was made.
 * Ownership: vtx_log_new() gives it, vtx_log_free() takes it back.
 */
#ifndef VTX_LOG_H
#define VTX_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct cb_buf;
struct vtx_log;

#define VTX_LOG_TEXT_MAX 512
#define VTX_LOG_LINE_MAX 16384
#define VTX_LOG_BACKLOG (1024 * 1024)

enum vtx_severity { VTX_INFO, VTX_WARNING, VTX_ERROR };

struct vtx_log_field {
  const char *key;
  const char *text; /* NULL: the number */
  int64_t number;
};

/* A text, and a number, as a field. */
static inline struct vtx_log_field vtx_text(const char *key, const char *text) {
  return (struct vtx_log_field){key, text ? text : "", 0};
}

static inline struct vtx_log_field vtx_number(const char *key, int64_t number) {
  return (struct vtx_log_field){key, NULL, number};
}

/* A log that writes to descriptor fd (borrowed). NULL when out of memory or
 * threads. All signals are blocked in its thread. */
struct vtx_log *vtx_log_new(int fd);

/* Writes out what is left, waiting at most a second for a reader that does not
 * read, and frees the log. NULL is fine. */
void vtx_log_free(struct vtx_log *log);

/* Logs one line. A NULL log drops it. */
void vtx_log_write(struct vtx_log *log, enum vtx_severity severity,
                   const char *event, const struct vtx_log_field *fields,
                   size_t count);

/* One line, before it is text. */
struct vtx_log_line {
  int64_t time; /* nanoseconds since 1970 */
  enum vtx_severity severity;
  const char *event;
  const struct vtx_log_field *fields;
  size_t count;
};

/* Appends the line as text, newline included, to out. A line that does not fit
 * is not appended; out is then failed. */
void vtx_log_format(struct cb_buf *out, const struct vtx_log_line *line);

/* How grave it is that a call ended so: the server's own faults are errors,
 * the caller's leaving is none. */
enum vtx_severity vtx_log_severity(enum cb_code code);

#endif
