#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_writer.h"

#define EXACT_INTEGERS 9007199254740992.0 /* 2^53 */

size_t cb_number_fix_point(char *text) {
  size_t digits = strspn(text, "-0123456789");
  size_t point = strcspn(text + digits, "0123456789e");
  size_t rest = strlen(text + digits + point);

  if (point > 0) {
    text[digits] = '.';
    memmove(text + digits + 1, text + digits + point, rest + 1);
  }
  return digits + (point > 0) + rest;
}

static size_t print(char out[CB_DOUBLE_ROOM], const char *text) {
  size_t len = strlen(text);

  memcpy(out, text, len + 1);
  return len;
}

/* What needs no search; 0 for everything else. */
static size_t plain_text(double value, char out[CB_DOUBLE_ROOM]) {
  if (isnan(value)) return print(out, "NaN");
  if (isinf(value)) return print(out, value > 0 ? "Infinity" : "-Infinity");
  if (value == 0) return print(out, signbit(value) ? "-0" : "0");
  if (fabs(value) < EXACT_INTEGERS && value == trunc(value))
    return (size_t)snprintf(out, CB_DOUBLE_ROOM, "%lld", (long long)value);
  return 0;
}

size_t cb_double_text(double value, char out[CB_DOUBLE_ROOM]) {
  size_t len = plain_text(value, out);

  if (len > 0) return len;
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(out, CB_DOUBLE_ROOM, "%.*g", digits, value);
    if (strtod(out, NULL) == value) break;
  }
  return cb_number_fix_point(out);
}

size_t cb_float_text(float value, char out[CB_DOUBLE_ROOM]) {
  size_t len = plain_text((double)value, out);

  if (len > 0) return len;
  for (int digits = 6; digits <= 9; digits++) {
    snprintf(out, CB_DOUBLE_ROOM, "%.*g", digits, (double)value);
    if (strtof(out, NULL) == value) break;
  }
  return cb_number_fix_point(out);
}
