#include "service/vertex/schema_number.h"

#define MAX_EXPONENT 1000000000000 /* more than any text could have digits */
#define MAX_UNIT_DIGITS 18

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* At what follows the mantissa. */
static int64_t exponent(const char *at, const char *end) {
  bool negative;
  int64_t value = 0;

  if (at == end || (*at != 'e' && *at != 'E')) return 0;
  at++;
  negative = *at == '-';
  if (*at == '-' || *at == '+') at++;
  for (; at < end && is_digit(*at); at++) {
    if (value < MAX_EXPONENT) value = value * 10 + (*at - '0');
  }
  return negative ? -value : value;
}

struct vtx_decimal vtx_decimal(const char *text, const char *end) {
  struct vtx_decimal value = {.negative = *text == '-'};
  const char *at = value.negative ? text + 1 : text;
  size_t zeros = 0; /* since the last digit that is not 0 */
  int64_t fraction = 0;
  bool point = false;

  for (; at < end && (is_digit(*at) || *at == '.'); at++) {
    if (*at == '.') {
      point = true;
      continue;
    }
    fraction += point;
    if (*at == '0') {
      zeros++;
      continue;
    }
    if (!value.digits) {
      value.digits = at;
      zeros = 0;
    }
    value.count += zeros + 1;
    zeros = 0;
  }
  value.low = exponent(at, end) - fraction + (int64_t)zeros;
  if (value.count == 0) value = (struct vtx_decimal){.digits = text};
  return value;
}

bool vtx_decimal_is_integer(const struct vtx_decimal *value) {
  return value->count == 0 || value->low >= 0;
}

static int sign(const struct vtx_decimal *value) {
  if (value->count == 0) return 0;
  return value->negative ? -1 : 1;
}

static int64_t high(const struct vtx_decimal *value) {
  return value->low + (int64_t)value->count;
}

static int next_digit(const char **at) {
  if (**at == '.') (*at)++;
  return *(*at)++ - '0';
}

/* Both without their signs. */
static int compare_sizes(const struct vtx_decimal *one,
                         const struct vtx_decimal *two) {
  const char *a = one->digits;
  const char *b = two->digits;
  size_t count = one->count < two->count ? one->count : two->count;

  if (high(one) != high(two)) return high(one) < high(two) ? -1 : 1;
  for (size_t i = 0; i < count; i++) {
    int difference = next_digit(&a) - next_digit(&b);

    if (difference != 0) return difference;
  }
  return (one->count > two->count) - (one->count < two->count);
}

int vtx_decimal_compare(const struct vtx_decimal *one,
                        const struct vtx_decimal *two) {
  if (sign(one) != sign(two)) return sign(one) - sign(two);
  return sign(one) * compare_sizes(one, two);
}

static uint64_t times(uint64_t one, uint64_t two, uint64_t modulus) {
  return (uint64_t)((unsigned __int128)one * two % modulus);
}

/* Ten to the power of exponent. */
static uint64_t power_of_ten(int64_t exponent, uint64_t modulus) {
  uint64_t result = 1 % modulus;
  uint64_t base = 10 % modulus;

  for (; exponent > 0; exponent /= 2) {
    if (exponent % 2 != 0) result = times(result, base, modulus);
    base = times(base, base, modulus);
  }
  return result;
}

/* The digits of value end in none that is 0, so one that reaches further down
 * than unit's is no multiple. */
bool vtx_decimal_is_multiple(const struct vtx_decimal *value,
                             const struct vtx_decimal *unit) {
  const char *at = unit->digits;
  uint64_t modulus = 0;
  uint64_t rest = 0;

  if (unit->count == 0 || unit->count > MAX_UNIT_DIGITS || value->count == 0)
    return true;
  if (value->low < unit->low) return false;
  for (size_t i = 0; i < unit->count; i++)
    modulus = modulus * 10 + (uint64_t)next_digit(&at);
  at = value->digits;
  for (size_t i = 0; i < value->count; i++)
    rest = (times(rest, 10, modulus) + (uint64_t)next_digit(&at)) % modulus;
  return times(rest, power_of_ten(value->low - unit->low, modulus), modulus) ==
         0;
}
