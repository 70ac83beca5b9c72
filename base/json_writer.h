/* json_writer.h - writes JSON straight into a capped buffer.
 *
 * Five times cheaper than building a tree and printing it, and the tree's
 * memory is saved. The writer puts commas and asserts that what is ended
 * was begun; values are compact (no blanks).
 *
 * Threads:   none inside.
 * Ownership: the writer borrows its buffer.
 * Failure:   shows as buf->failed once at the end; every call is safe after.
 */
#ifndef CB_JSON_WRITER_H
#define CB_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cb_buf;

struct cb_json {
  struct cb_buf *buf;
  unsigned depth; /* objects and arrays open */
  bool comma;     /* a comma goes before the next key or value */
};

void cb_json_init(struct cb_json *json, struct cb_buf *buf);

void cb_json_begin_object(struct cb_json *json);
void cb_json_end_object(struct cb_json *json);
void cb_json_begin_array(struct cb_json *json);
void cb_json_end_array(struct cb_json *json);

/* "name": - name is escaped like any string. */
void cb_json_key(struct cb_json *json, const char *name);
void cb_json_key_n(struct cb_json *json, const char *name, size_t size);

/* Strings must be well-formed UTF-8; control characters, quote and backslash
 * are escaped, U+2028/9 and '/' are not. */
void cb_json_string(struct cb_json *json, const char *text);
void cb_json_string_n(struct cb_json *json, const char *text, size_t size);
void cb_json_base64(struct cb_json *json, const uint8_t *data, size_t size);
void cb_json_bool(struct cb_json *json, bool value);
void cb_json_null(struct cb_json *json);
void cb_json_int(struct cb_json *json, int64_t value);
void cb_json_uint(struct cb_json *json, uint64_t value);

/* Shortest text that reads back as the same double (or float); integers
 * without ".0"; NaN and infinities as the strings of proto JSON. */
void cb_json_double(struct cb_json *json, double value);
void cb_json_float(struct cb_json *json, float value);

/* A value that is JSON text already; not checked. */
void cb_json_raw(struct cb_json *json, const char *text, size_t size);

/* Shortest round-trip text of a double in out, without locale; returns its
 * length. NaN and infinities: "NaN", "Infinity", "-Infinity". */
#define CB_DOUBLE_ROOM 32
size_t cb_double_text(double value, char out[CB_DOUBLE_ROOM]);
size_t cb_float_text(float value, char out[CB_DOUBLE_ROOM]);

/* Makes the decimal point of a number that printf wrote, which is the locale's
 * and of any length, a '.', in place. Returns the text's new length. */
size_t cb_number_fix_point(char *text);

#endif
