#include "base/json_view.h"

#include <string.h>

static const char *skip_blanks(const char *at, const char *end) {
  while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
    at++;
  return at;
}

struct cb_json_view cb_json_view(const char *text, size_t size) {
  return (struct cb_json_view){skip_blanks(text, text + size), text + size};
}

enum cb_json_kind cb_json_kind(struct cb_json_view value) {
  switch (*value.at) {
    case '{':
      return CB_JSON_OBJECT;
    case '[':
      return CB_JSON_ARRAY;
    case '"':
      return CB_JSON_STRING;
    case 'n':
      return CB_JSON_NULL;
    case 't':
    case 'f':
      return CB_JSON_BOOL;
    default:
      return CB_JSON_NUMBER;
  }
}

/* at is the opening quote. */
static const char *string_end(const char *at) {
  for (at++; *at != '"'; at++) {
    if (*at == '\\') at++;
  }
  return at + 1;
}

static bool ends_scalar(char c) {
  return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n' ||
         c == '\r' || c == '\t';
}

const char *cb_json_end(struct cb_json_view value) {
  const char *at = value.at;
  size_t open = 0;

  if (*at == '"') return string_end(at);
  if (*at != '{' && *at != '[') {
    while (at < value.end && !ends_scalar(*at))
      at++;
    return at;
  }
  do {
    char c = *at;

    if (c == '"') {
      at = string_end(at);
      continue;
    }
    if (c == '{' || c == '[') open++;
    if (c == '}' || c == ']') open--;
    at++;
  } while (open > 0);
  return at;
}

/* --- arrays and objects -------------------------------------------------- */

struct cb_json_walk cb_json_walk(struct cb_json_view value) {
  return (struct cb_json_walk){value.at + 1, value.end, *value.at == '{'};
}

bool cb_json_walk_next(struct cb_json_walk *walk, struct cb_json_view *ret_key,
                       struct cb_json_view *ret_value) {
  const char *at = skip_blanks(walk->at, walk->end);

  if (*at == ',') at = skip_blanks(at + 1, walk->end);
  if (*at == '}' || *at == ']') {
    walk->at = at + 1;
    return false;
  }
  *ret_key = (struct cb_json_view){NULL, walk->end};
  if (walk->object) {
    ret_key->at = at;
    at = skip_blanks(string_end(at), walk->end);
    at = skip_blanks(at + 1, walk->end); /* the colon */
  }
  walk->at = at;
  *ret_value = (struct cb_json_view){at, walk->end};
  return true;
}

/* --- strings ------------------------------------------------------------- */

static uint32_t hex4(const char *at) {
  uint32_t value = 0;

  for (int i = 0; i < 4; i++) {
    char c = at[i];
    uint32_t digit =
        c <= '9' ? (uint32_t)(c - '0') : (uint32_t)((c | 32) - 'W');

    value = value << 4 | digit;
  }
  return value;
}

/* At the u. */
static uint32_t unicode(const char **at) {
  uint32_t high = hex4(*at + 1);
  uint32_t low;

  *at += 5;
  if (high < 0xd800 || high > 0xdbff || (*at)[0] != '\\' || (*at)[1] != 'u')
    return high;
  low = hex4(*at + 2);
  if (low < 0xdc00 || low > 0xdfff) return high;
  *at += 6;
  return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* Behind the backslash. */
static uint32_t escaped(const char **at) {
  static const char names[] = "bfnrt";
  static const char values[] = "\b\f\n\r\t";
  char c = **at;
  const char *name;

  if (c == 'u') return unicode(at);
  (*at)++;
  name = strchr(names, c);
  return (uint32_t)(unsigned char)(name ? values[name - names] : c);
}

bool cb_json_next_char(const char **at, uint32_t *ret_char) {
  unsigned char first = (unsigned char)**at;
  int more = first < 0xc0 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
  uint32_t value = first;

  if (first == '"') return false;
  (*at)++;
  if (first == '\\') {
    *ret_char = escaped(at);
    return true;
  }
  if (more > 0) value = first & (0x3fu >> more);
  for (; more > 0 && ((unsigned char)**at & 0xc0) == 0x80; more--, (*at)++)
    value = value << 6 | ((unsigned char)**at & 0x3f);
  *ret_char = value;
  return true;
}

bool cb_json_string_is(struct cb_json_view string, const char *name) {
  const char *at = string.at + 1;
  uint32_t c;

  while (cb_json_next_char(&at, &c)) {
    if (*name == '\0' || c != (unsigned char)*name) return false;
    name++;
  }
  return *name == '\0';
}

bool cb_json_same_string(struct cb_json_view one, struct cb_json_view two) {
  const char *at = one.at + 1;
  const char *other = two.at + 1;
  uint32_t c;
  uint32_t d;

  for (;;) {
    bool more = cb_json_next_char(&at, &c);

    if (cb_json_next_char(&other, &d) != more) return false;
    if (!more) return true;
    if (c != d) return false;
  }
}
