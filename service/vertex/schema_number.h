/* schema_number.h - numbers of JSON as their text says, exactly: no double is
 * made of them. For text that is a number of JSON, and nothing else.
 *
 * Threads: safe from any; keeps nothing.
 */
#ifndef VTX_VERTEX_SCHEMA_NUMBER_H
#define VTX_VERTEX_SCHEMA_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The digits from the first to the last that is not 0, times ten to the
 * power of low, which is the last one's; no digits: zero. */
struct vtx_decimal {
  const char *digits; /* a point may be among them; it does not count */
  size_t count;
  int64_t low;
  bool negative;
};

/* text need not end behind the number, but end must be where reading ends. */
struct vtx_decimal vtx_decimal(const char *text, const char *end);

bool vtx_decimal_is_integer(const struct vtx_decimal *value);

/* Below 0, 0 or above 0 as one is less than, equal to or greater than two. */
int vtx_decimal_compare(const struct vtx_decimal *one,
                        const struct vtx_decimal *two);

/* True if value is a multiple of unit; also where that cannot be told, since
 * unit is zero or has more than 18 digits. */
bool vtx_decimal_is_multiple(const struct vtx_decimal *value,
                             const struct vtx_decimal *unit);

#endif
