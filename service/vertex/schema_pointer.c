/* References within a schema: #, and # with a JSON pointer behind it. */
#include "service/vertex/schema_node.h"

/* One character of a pointer's token: %41 and ~1 undone. */
static bool token_char(const char **at, uint32_t *ret_char) {
  uint32_t c;
  uint32_t digits[2];
  const char *back;

  if (!cb_json_next_char(at, &c)) return false;
  *ret_char = c;
  back = *at;
  if (c == '~' && cb_json_next_char(at, &c) && (c == '0' || c == '1')) {
    *ret_char = c == '0' ? '~' : '/';
    return true;
  }
  if (*ret_char == '%' && cb_json_next_char(at, &digits[0]) &&
      cb_json_next_char(at, &digits[1])) {
    uint32_t value = 0;

    for (int i = 0; i < 2; i++) {
      uint32_t lower = digits[i] | 32;

      if (digits[i] >= '0' && digits[i] <= '9')
        value = value << 4 | (digits[i] - '0');
      else if (lower >= 'a' && lower <= 'f')
        value = value << 4 | (lower - 'a' + 10);
      else
        value = 0x100;
    }
    if (value < 0x80) {
      *ret_char = value;
      return true;
    }
  }
  *at = back;
  return true;
}

/* True if the token at at, which ends with / or the pointer, is name; *ret_next
 * is then the character that ended it. */
static bool token_is(const char *at, struct cb_json_view name,
                     const char **ret_next) {
  const char *in_name = name.at + 1;
  uint32_t want;

  while (cb_json_next_char(&in_name, &want)) {
    uint32_t got;

    if (*at == '/' || !token_char(&at, &got) || got != want) return false;
  }
  *ret_next = at;
  return *at == '/' || *at == '"';
}

/* The token as an index; false if it is none. */
static bool token_index(const char *at, size_t *ret_index,
                        const char **ret_next) {
  size_t index = 0;
  const char *from = at;

  for (; *at >= '0' && *at <= '9' && at - from < 9; at++)
    index = index * 10 + (size_t)(*at - '0');
  *ret_index = index;
  *ret_next = at;
  return at > from && (*at == '/' || *at == '"');
}

/* *at is behind a slash, and is moved to the end of the token. */
static struct cb_json_view step(struct cb_json_view from, const char **at,
                                struct vtx_schema_limits *limits) {
  static const struct cb_json_view none = {NULL, NULL};
  struct cb_json_walk walk;
  struct cb_json_view key;
  struct cb_json_view value;
  const char *next = *at;
  size_t index = 0;

  if (cb_json_kind(from) < CB_JSON_ARRAY) return none;
  walk = cb_json_walk(from);
  if (!walk.object && !token_index(*at, &index, &next)) return none;
  while (cb_json_walk_next(&walk, &key, &value)) {
    const char *from_here = key.at ? key.at : value.at;

    if (walk.object ? token_is(*at, key, &next) : index-- == 0) {
      *at = next;
      return value;
    }
    walk.at = cb_json_end(value);
    if (!vtx_schema_spend(limits, (size_t)(walk.at - from_here) / 16 + 1))
      return none;
  }
  return none;
}

struct cb_json_view vtx_schema_pointer(struct cb_json_view root,
                                       struct cb_json_view pointer,
                                       struct vtx_schema_limits *limits) {
  const char *at = pointer.at + 1;
  struct cb_json_view found = root;

  if (*at++ != '#') return (struct cb_json_view){NULL, NULL};
  while (found.at && *at == '/') {
    at++;
    found = step(found, &at, limits);
  }
  if (*at != '"') found.at = NULL;
  return found;
}
