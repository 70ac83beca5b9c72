/* Values of JSON: are two the same, whatever their text looks like? */
#include <string.h>

#include "base/arena.h"
#include "service/vertex/schema_node.h"
#include "service/vertex/schema_number.h"

#define BYTES_A_STEP 16

bool vtx_schema_spend(struct vtx_schema_limits *limits, size_t count) {
  if (limits->spent || count > limits->steps) {
    limits->spent = true;
    return false;
  }
  limits->steps -= count;
  return true;
}

void *vtx_schema_alloc(struct vtx_schema_limits *limits, size_t count,
                       size_t size) {
  void *memory = cb_arena_zalloc(limits->arena, count, size);

  if (!memory) limits->spent = true;
  return memory;
}

/* --- hashes -------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t more) {
  hash = (hash ^ more) * UINT64_C(0x9e3779b97f4a7c15);
  return hash ^ hash >> 29;
}

static uint64_t hash_string(struct cb_json_view value,
                            struct vtx_schema_limits *limits) {
  const char *at = value.at + 1;
  uint64_t hash = 1;
  uint32_t c;

  while (cb_json_next_char(&at, &c))
    hash = mix(hash, c);
  vtx_schema_spend(limits, (size_t)(at - value.at) / BYTES_A_STEP + 1);
  return hash;
}

static uint64_t hash_number(struct cb_json_view value) {
  struct vtx_decimal number = vtx_decimal(value.at, value.end);
  uint64_t hash = mix(2, (uint64_t)number.low);
  const char *at = number.digits;

  hash = mix(hash, number.negative);
  for (size_t i = 0; i < number.count; i++, at++) {
    if (*at == '.') at++;
    hash = mix(hash, (uint64_t)*at);
  }
  return hash;
}

static uint64_t hash_members(struct cb_json_view value,
                             struct vtx_schema_limits *limits,
                             const char **ret_end);

static uint64_t hash_value(struct cb_json_view value,
                           struct vtx_schema_limits *limits,
                           const char **ret_end) {
  enum cb_json_kind kind = cb_json_kind(value);
  const char *end;

  if (kind >= CB_JSON_ARRAY) return hash_members(value, limits, ret_end);
  end = cb_json_end(value);
  *ret_end = end;
  if (!vtx_schema_spend(limits, (size_t)(end - value.at) / BYTES_A_STEP + 1))
    return 0;
  if (kind == CB_JSON_STRING) return hash_string(value, limits);
  if (kind == CB_JSON_NUMBER) return hash_number(value);
  return mix(3, (uint64_t)*value.at);
}

static uint64_t hash_members(struct cb_json_view value,
                             struct vtx_schema_limits *limits,
                             const char **ret_end) {
  struct cb_json_walk walk = cb_json_walk(value);
  struct cb_json_view key;
  struct cb_json_view element;
  uint64_t hash = walk.object ? 5 : 4;

  while (!limits->spent && cb_json_walk_next(&walk, &key, &element)) {
    uint64_t more = hash_value(element, limits, &walk.at);

    hash = walk.object ? hash + mix(hash_string(key, limits), more)
                       : mix(hash, more);
  }
  *ret_end = walk.at;
  return hash;
}

uint64_t vtx_schema_hash(struct cb_json_view value,
                         struct vtx_schema_limits *limits) {
  const char *end;

  return hash_value(value, limits, &end);
}

/* --- equality ------------------------------------------------------------ */

static size_t count_members(struct cb_json_view value,
                            struct vtx_schema_limits *limits) {
  struct cb_json_walk walk = cb_json_walk(value);
  struct cb_json_view key;
  struct cb_json_view element;
  size_t count = 0;

  for (; cb_json_walk_next(&walk, &key, &element); count++)
    walk.at = cb_json_end(element);
  vtx_schema_spend(limits, (size_t)(walk.at - value.at) / BYTES_A_STEP);
  return count;
}

/* The member of that name; at is NULL if there is none. */
static struct cb_json_view member(struct cb_json_view object,
                                  struct cb_json_view name,
                                  struct vtx_schema_limits *limits) {
  struct cb_json_walk walk = cb_json_walk(object);
  struct cb_json_view key;
  struct cb_json_view element;

  while (cb_json_walk_next(&walk, &key, &element)) {
    if (cb_json_same_string(key, name)) return element;
    walk.at = cb_json_end(element);
    if (!vtx_schema_spend(limits,
                          (size_t)(walk.at - key.at) / BYTES_A_STEP + 1))
      break;
  }
  return (struct cb_json_view){NULL, NULL};
}

static bool same_objects(struct cb_json_view one, struct cb_json_view two,
                         struct vtx_schema_limits *limits) {
  struct cb_json_walk walk = cb_json_walk(one);
  struct cb_json_view key;
  struct cb_json_view element;

  if (count_members(one, limits) != count_members(two, limits)) return false;
  while (cb_json_walk_next(&walk, &key, &element)) {
    struct cb_json_view other = member(two, key, limits);

    if (!other.at || !vtx_schema_same(element, other, limits)) return false;
    walk.at = cb_json_end(element);
  }
  return true;
}

static bool same_arrays(struct cb_json_view one, struct cb_json_view two,
                        struct vtx_schema_limits *limits) {
  struct cb_json_walk walk = cb_json_walk(one);
  struct cb_json_walk other = cb_json_walk(two);
  struct cb_json_view key;
  struct cb_json_view a;
  struct cb_json_view b;

  for (;;) {
    bool more = cb_json_walk_next(&walk, &key, &a);

    if (cb_json_walk_next(&other, &key, &b) != more) return false;
    if (!more) return true;
    if (!vtx_schema_same(a, b, limits)) return false;
    walk.at = cb_json_end(a);
    other.at = cb_json_end(b);
    vtx_schema_spend(limits, (size_t)(other.at - b.at) / BYTES_A_STEP);
  }
}

static bool same_numbers(struct cb_json_view one, struct cb_json_view two) {
  struct vtx_decimal a = vtx_decimal(one.at, one.end);
  struct vtx_decimal b = vtx_decimal(two.at, two.end);

  return vtx_decimal_compare(&a, &b) == 0;
}

/* Bytes of one are those of two. What is no number ends where it closes, so
 * two need not be looked at any farther. */
static bool same_text(struct cb_json_view one, size_t size,
                      struct cb_json_view two) {
  return size <= (size_t)(two.end - two.at) &&
         memcmp(one.at, two.at, size) == 0;
}

bool vtx_schema_same(struct cb_json_view one, struct cb_json_view two,
                     struct vtx_schema_limits *limits) {
  enum cb_json_kind kind = cb_json_kind(one);
  size_t size;

  if (kind != cb_json_kind(two)) return false;
  size = (size_t)(cb_json_end(one) - one.at);
  if (kind == CB_JSON_NUMBER) size += (size_t)(cb_json_end(two) - two.at);
  if (!vtx_schema_spend(limits, size / BYTES_A_STEP + 1)) return false;
  switch (kind) {
    case CB_JSON_OBJECT:
      return same_text(one, size, two) || same_objects(one, two, limits);
    case CB_JSON_ARRAY:
      return same_text(one, size, two) || same_arrays(one, two, limits);
    case CB_JSON_STRING:
      return same_text(one, size, two) || cb_json_same_string(one, two);
    case CB_JSON_NUMBER:
      return same_numbers(one, two);
    default:
      return *one.at == *two.at;
  }
}
