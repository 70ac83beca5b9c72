#include "base/json_scan.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A pushdown automaton: the stack is one bit a level (object or array), the
 * state is what may come next. */

enum state {
  WANT_VALUE,
  WANT_VALUE_OR_END, /* right after [ */
  WANT_KEY,
  WANT_KEY_OR_END, /* right after { */
  WANT_COMMA_OR_END,
  WANT_NOTHING,
};

struct scanner {
  const char *text;
  size_t size;
  size_t at;
  int max_depth;
  int depth;
  int deepest;
  uint8_t objects[CB_JSON_SCAN_DEPTH / 8];
  enum state state;
  const struct cb_json_watch *watch;
  const char *error;
  bool cut; /* more text might have made it good */
};

static bool fail(struct scanner *scan, const char *error) {
  scan->error = error;
  if (scan->at >= scan->size) scan->cut = true;
  return false;
}

/* The text ends within what is at hand. */
static bool fail_cut(struct scanner *scan, const char *error) {
  scan->cut = true;
  return fail(scan, error);
}

/* The character at hand, NUL at the end; a real NUL fits no rule either. */
static char peek(const struct scanner *scan) {
  return scan->at < scan->size ? scan->text[scan->at] : '\0';
}

static void skip_blanks(struct scanner *scan) {
  char c = peek(scan);

  while (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
    scan->at++;
    c = peek(scan);
  }
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool in_object(const struct scanner *scan) {
  int level = scan->depth - 1;

  return (scan->objects[level / 8] >> (level % 8) & 1) != 0;
}

static bool push(struct scanner *scan, bool object) {
  int level = scan->depth;
  uint8_t bit = (uint8_t)(1u << (level % 8));

  if (level >= scan->max_depth) return fail(scan, "nested too deep");
  if (object)
    scan->objects[level / 8] |= bit;
  else
    scan->objects[level / 8] &= (uint8_t)~bit;
  scan->depth++;
  if (scan->depth > scan->deepest) scan->deepest = scan->depth;
  scan->state = object ? WANT_KEY_OR_END : WANT_VALUE_OR_END;
  scan->at++;
  return true;
}

static void after_value(struct scanner *scan) {
  scan->state = scan->depth > 0 ? WANT_COMMA_OR_END : WANT_NOTHING;
}

static bool pop(struct scanner *scan) {
  scan->depth--;
  scan->at++;
  after_value(scan);
  return true;
}

/* At the backslash. */
static bool scan_escape(struct scanner *scan, bool key) {
  const char *from = scan->text + scan->at;

  if (scan->size - scan->at < 2) return fail_cut(scan, "unfinished string");
  if (from[1] != 'u') {
    if (!memchr("\"\\/bfnrt", from[1], 8)) return fail(scan, "bad escape");
    scan->at += 2;
    return true;
  }
  if (scan->size - scan->at < 6) return fail_cut(scan, "unfinished string");
  for (int i = 2; i < 6; i++) {
    if (!is_hex(from[i])) return fail(scan, "bad escape");
  }
  if (key && scan->watch && memcmp(from + 2, "0000", 4) == 0)
    scan->watch->odd(scan->watch->ctx, CB_JSON_NUL_IN_KEY, scan->at, 6);
  scan->at += 6;
  return true;
}

/* At the opening quote. */
static bool scan_string(struct scanner *scan, bool key) {
  scan->at++;
  while (scan->at < scan->size) {
    unsigned char c = (unsigned char)scan->text[scan->at];

    if (c == '"') {
      scan->at++;
      return true;
    }
    if (c < 0x20) return fail(scan, "control character in a string");
    if (c != '\\')
      scan->at++;
    else if (!scan_escape(scan, key))
      return false;
  }
  return fail(scan, "unfinished string");
}

static size_t scan_digits(struct scanner *scan) {
  size_t from = scan->at;

  while (is_digit(peek(scan)))
    scan->at++;
  return scan->at - from;
}

/* True if the integer of size characters at text fits neither 64-bit type, or
 * is -0, whose sign only a double keeps. */
static bool is_lost(const char *text, size_t size) {
  char copy[24];

  if (size == 2 && memcmp(text, "-0", 2) == 0) return true;
  if (size < 19) return false;
  if (size > 20) return true; /* no leading zeros: the grammar forbids them */
  memcpy(copy, text, size);
  copy[size] = '\0';
  errno = 0;
  if (copy[0] == '-')
    (void)strtoll(copy, NULL, 10);
  else
    (void)strtoull(copy, NULL, 10);
  return errno == ERANGE;
}

static bool scan_number(struct scanner *scan) {
  size_t from = scan->at;
  bool integer = true;

  if (peek(scan) == '-') scan->at++;
  if (peek(scan) == '0')
    scan->at++;
  else if (scan_digits(scan) == 0)
    return fail(scan, "not a value");
  if (peek(scan) == '.') {
    integer = false;
    scan->at++;
    if (scan_digits(scan) == 0) return fail(scan, "bad number");
  }
  if (peek(scan) == 'e' || peek(scan) == 'E') {
    integer = false;
    scan->at++;
    if (peek(scan) == '+' || peek(scan) == '-') scan->at++;
    if (scan_digits(scan) == 0) return fail(scan, "bad number");
  }
  if (integer && scan->watch && is_lost(scan->text + from, scan->at - from))
    scan->watch->odd(scan->watch->ctx, CB_JSON_LOST_INTEGER, from,
                     scan->at - from);
  return true;
}

static bool scan_word(struct scanner *scan, const char *word) {
  size_t size = strlen(word);
  size_t left = scan->size - scan->at;

  if (memcmp(scan->text + scan->at, word, left < size ? left : size) != 0)
    return fail(scan, "not a value");
  if (left < size) return fail_cut(scan, "not a value");
  scan->at += size;
  return true;
}

static bool scan_value(struct scanner *scan) {
  bool good;

  switch (peek(scan)) {
    case '{':
      return push(scan, true);
    case '[':
      return push(scan, false);
    case '"':
      good = scan_string(scan, false);
      break;
    case 't':
      good = scan_word(scan, "true");
      break;
    case 'f':
      good = scan_word(scan, "false");
      break;
    case 'n':
      good = scan_word(scan, "null");
      break;
    default:
      good = scan_number(scan);
  }
  if (good) after_value(scan);
  return good;
}

static bool scan_key(struct scanner *scan) {
  if (peek(scan) != '"') return fail(scan, "expected a name in quotes");
  if (!scan_string(scan, true)) return false;
  skip_blanks(scan);
  if (peek(scan) != ':') return fail(scan, "expected ':'");
  scan->at++;
  scan->state = WANT_VALUE;
  return true;
}

static bool scan_separator(struct scanner *scan) {
  bool object = in_object(scan);
  char c = peek(scan);

  if (c == (object ? '}' : ']')) return pop(scan);
  if (c != ',') return fail(scan, "expected ',' or the end");
  scan->at++;
  scan->state = object ? WANT_KEY : WANT_VALUE;
  return true;
}

static bool step(struct scanner *scan) {
  char c = peek(scan);

  switch (scan->state) {
    case WANT_VALUE_OR_END:
      return c == ']' ? pop(scan) : scan_value(scan);
    case WANT_KEY_OR_END:
      return c == '}' ? pop(scan) : scan_key(scan);
    case WANT_KEY:
      return scan_key(scan);
    case WANT_COMMA_OR_END:
      return scan_separator(scan);
    case WANT_NOTHING:
      return fail(scan, "more text behind the value");
    case WANT_VALUE:
      break;
  }
  return scan_value(scan);
}

/* Goes through scan->text, up to the end of the first value if prefix. */
static bool run(struct scanner *scan, bool prefix,
                struct cb_json_scan *ret_scan) {
  bool good = true;

  assert(scan->max_depth >= 0 && scan->max_depth <= CB_JSON_SCAN_DEPTH);
  *ret_scan = (struct cb_json_scan){0};
  skip_blanks(scan);
  ret_scan->first = peek(scan);
  while (good && scan->at < scan->size &&
         !(prefix && scan->state == WANT_NOTHING)) {
    good = step(scan);
    if (!good || !prefix || scan->state != WANT_NOTHING) skip_blanks(scan);
  }
  if (good && scan->state != WANT_NOTHING)
    good = fail(scan, "the text ends too early");
  ret_scan->error = scan->error;
  ret_scan->offset = scan->at;
  ret_scan->depth = scan->deepest;
  ret_scan->cut = !good && scan->cut;
  return good;
}

bool cb_json_scan(const char *text, size_t size, int max_depth,
                  const struct cb_json_watch *watch,
                  struct cb_json_scan *ret_scan) {
  struct scanner scan = {.text = text,
                         .size = size,
                         .max_depth = max_depth,
                         .state = WANT_VALUE,
                         .watch = watch};

  return run(&scan, false, ret_scan);
}

bool cb_json_scan_prefix(const char *text, size_t size, int max_depth,
                         struct cb_json_scan *ret_scan) {
  struct scanner scan = {
      .text = text, .size = size, .max_depth = max_depth, .state = WANT_VALUE};

  return run(&scan, true, ret_scan);
}
