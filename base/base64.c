#include "base/base64.h"

#include <string.h>

#define STANDARD_ONLY 0x40u /* + and / */
#define URL_ONLY 0x80u      /* - and _ */
#define INVALID (STANDARD_ONLY | URL_ONLY)

size_t cb_base64_encoded_size(size_t size) { return (size + 2) / 3 * 4; }

void cb_base64_encode(const uint8_t *data, size_t size, char *out) {
  static const char digits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t i = 0;

  for (; size - i >= 3; i += 3, out += 4) {
    uint32_t bits =
        (uint32_t)data[i] << 16 | (uint32_t)data[i + 1] << 8 | data[i + 2];

    out[0] = digits[bits >> 18];
    out[1] = digits[bits >> 12 & 63];
    out[2] = digits[bits >> 6 & 63];
    out[3] = digits[bits & 63];
  }
  if (i == size) return;
  out[0] = digits[data[i] >> 2];
  if (size - i == 1) {
    out[1] = digits[(data[i] & 3) << 4];
    out[2] = '=';
  } else {
    out[1] = digits[(data[i] & 3) << 4 | data[i + 1] >> 4];
    out[2] = digits[(data[i + 1] & 15) << 2];
  }
  out[3] = '=';
}

size_t cb_base64_decoded_room(size_t size) { return size / 4 * 3 + size % 4; }

/* The six bits of a character, marked with the alphabets that lack it. */
static uint32_t digit(char c) {
  if (c >= 'A' && c <= 'Z') return (uint32_t)(c - 'A');
  if (c >= 'a' && c <= 'z') return (uint32_t)(c - 'a' + 26);
  if (c >= '0' && c <= '9') return (uint32_t)(c - '0' + 52);
  if (c == '+') return 62 | STANDARD_ONLY;
  if (c == '/') return 63 | STANDARD_ONLY;
  if (c == '-') return 62 | URL_ONLY;
  if (c == '_') return 63 | URL_ONLY;
  return INVALID;
}

/* Takes right padding off size; false if it is wrong. */
static bool unpad(const char *text, size_t *size) {
  size_t digits = *size;

  while (digits > 0 && *size - digits < 2 && text[digits - 1] == '=')
    digits--;
  if (digits < *size && *size % 4 != 0) return false;
  *size = digits;
  return digits % 4 != 1;
}

bool cb_base64_decode(const char *text, size_t size, uint8_t *out,
                      size_t *ret_size) {
  uint32_t marks = 0; /* both marks: a bad character, or mixed alphabets */
  uint32_t bits = 0;
  unsigned have = 0;
  size_t len = 0;

  if (!unpad(text, &size)) return false;
  for (size_t i = 0; i < size; i++) {
    uint32_t value = digit(text[i]);

    marks |= value;
    bits = bits << 6 | (value & 63);
    have += 6;
    if (have >= 8) {
      have -= 8;
      out[len++] = (uint8_t)(bits >> have);
    }
  }
  if ((marks & INVALID) == INVALID) return false;
  *ret_size = len;
  return true;
}
