#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* Second bytes that may follow a lead byte; the ones after are 80..BF. */
struct lead {
  uint8_t size; /* 0: no character begins so */
  uint8_t low;
  uint8_t high;
};

static struct lead lead_of(uint8_t byte) {
  if (byte < 0x80) return (struct lead){1, 0, 0};
  if (byte < 0xC2) return (struct lead){0, 0, 0}; /* continuation, overlong */
  if (byte < 0xE0) return (struct lead){2, 0x80, 0xBF};
  if (byte == 0xE0) return (struct lead){3, 0xA0, 0xBF}; /* no overlong */
  if (byte == 0xED) return (struct lead){3, 0x80, 0x9F}; /* no surrogate */
  if (byte < 0xF0) return (struct lead){3, 0x80, 0xBF};
  if (byte == 0xF0) return (struct lead){4, 0x90, 0xBF}; /* no overlong */
  if (byte < 0xF4) return (struct lead){4, 0x80, 0xBF};
  if (byte == 0xF4) return (struct lead){4, 0x80, 0x8F}; /* U+10FFFF */
  return (struct lead){0, 0, 0};
}

/* Looks at the size > 0 bytes at p. Returns how many belong together: one
 * whole character (*ret_valid true), or the longest start of one, at least a
 * byte, that something broke off (false). */
static size_t sequence(const uint8_t *p, size_t size, bool *ret_valid) {
  struct lead lead = lead_of(p[0]);
  size_t have = 1;

  *ret_valid = false;
  if (lead.size == 0) return 1;
  if (lead.size > 1) {
    if (size < 2 || p[1] < lead.low || p[1] > lead.high) return 1;
    have = 2;
  }
  while (have < lead.size) {
    if (have == size || (p[have] & 0xC0) != 0x80) return have;
    have++;
  }
  *ret_valid = true;
  return have;
}

/* How many of the size bytes at p are ASCII, counted in steps of eight. */
static size_t ascii_run(const uint8_t *p, size_t size) {
  size_t done = 0;
  uint64_t word;

  while (size - done >= sizeof word) {
    memcpy(&word, p + done, sizeof word);
    if (word & UINT64_C(0x8080808080808080)) break;
    done += sizeof word;
  }
  return done;
}

bool cb_utf8_valid(const char *data, size_t size) {
  const uint8_t *p = (const uint8_t *)data;
  size_t done = 0;
  bool valid = true;

  while (valid && done < size) {
    size_t ascii = ascii_run(p + done, size - done);

    done += ascii;
    /* Text of another script would pay for the look-ahead at every letter. */
    for (int i = 0; i < 8 && valid && done < size; i++)
      done += sequence(p + done, size - done, &valid);
  }
  return valid;
}

size_t cb_utf8_cut(const char *data, size_t size, size_t max) {
  size_t end = max;

  if (size <= max) return size;
  while (end > 0 && max - end < 4 && ((uint8_t)data[end] & 0xC0) == 0x80)
    end--;
  return max - end < 4 ? end : max; /* no character is that long: malformed */
}

size_t cb_utf8_clean(const char *data, size_t size, char *out,
                     size_t *nul_count) {
  const uint8_t *p = (const uint8_t *)data;
  size_t in = 0;
  size_t len = 0;

  while (in < size) {
    bool valid;
    size_t step = sequence(p + in, size - in, &valid);

    if (p[in] == 0 && nul_count) (*nul_count)++;
    if (valid && p[in] != 0) {
      memcpy(out + len, p + in, step);
      len += step;
    } else {
      memcpy(out + len, REPLACEMENT, 3);
      len += 3;
    }
    in += step;
  }
  out[len] = '\0';
  return len;
}
