/* Elements of arrays and members of objects. */
#include <stdlib.h>
#include <string.h>

#include "service/vertex/schema_pattern.h"
#include "service/vertex/schema_walk.h"

static bool in_span(struct vtx_schema_walk *walk,
                    const struct vtx_schema_span *span, size_t count,
                    const struct vtx_schema_spot *spot, const char *things) {
  bool few = span->min >= 0 && (uint64_t)count < (uint64_t)span->min;
  bool many = span->max >= 0 && (uint64_t)count > (uint64_t)span->max;

  if (!few && !many) return true;
  if (walk->quiet) return vtx_schema_differs(walk, spot, "", "%s", things);
  return vtx_schema_differs(walk, spot, vtx_schema_number(walk, count),
                            "at %s %lld %s", few ? "least" : "most",
                            (long long)(few ? span->min : span->max), things);
}

/* --- arrays -------------------------------------------------------------- */

struct hashed {
  uint64_t hash;
  const char *at;
  size_t index;
};

static int by_hash(const void *one, const void *two) {
  const struct hashed *a = one;
  const struct hashed *b = two;

  if (a->hash != b->hash) return a->hash < b->hash ? -1 : 1;
  return (a->index > b->index) - (a->index < b->index);
}

/* Sorted by hash, elements that are the same stand together with those whose
 * hash happens to be the same. */
static bool all_differ(struct vtx_schema_walk *walk, struct hashed *list,
                       size_t count, const struct vtx_schema_spot *spot) {
  const char *end = spot->value.end;

  qsort(list, count, sizeof *list, by_hash);
  for (size_t i = 0; i < count; i++) {
    for (size_t j = i; j-- > 0 && list[j].hash == list[i].hash;) {
      if (!vtx_schema_same((struct cb_json_view){list[j].at, end},
                           (struct cb_json_view){list[i].at, end},
                           &walk->limits))
        continue;
      return vtx_schema_differs(walk, spot, "the same one twice",
                                "elements that all differ ([%zu] is like "
                                "[%zu])",
                                list[i].index, list[j].index);
    }
    if (!vtx_schema_spend(&walk->limits, 1)) return false;
  }
  return true;
}

static bool is_unique(struct vtx_schema_walk *walk, size_t count,
                      const struct vtx_schema_spot *spot) {
  struct cb_json_walk elements = cb_json_walk(spot->value);
  struct cb_json_view key;
  struct cb_json_view element;
  struct hashed *list;
  size_t i = 0;
  bool unique;

  if (count < 2) return true;
  if (!vtx_schema_spend(&walk->limits, count)) return false;
  list = calloc(count, sizeof *list);
  if (!list) walk->limits.spent = true;
  while (!walk->limits.spent && cb_json_walk_next(&elements, &key, &element)) {
    list[i] =
        (struct hashed){vtx_schema_hash(element, &walk->limits), element.at, i};
    i++;
    elements.at = vtx_schema_skip(walk, element);
  }
  unique = !walk->limits.spent && all_differ(walk, list, count, spot);
  free(list);
  return unique;
}

bool vtx_schema_fits_array(struct vtx_schema_walk *walk,
                           const struct vtx_schema_node *node,
                           const struct vtx_schema_spot *spot,
                           const char **ret_end) {
  struct cb_json_walk elements = cb_json_walk(spot->value);
  struct vtx_schema_place place = {.above = spot->place};
  struct vtx_schema_spot here = {.place = &place};
  bool fits = true;

  while (fits && cb_json_walk_next(&elements, &place.key, &here.value)) {
    const struct vtx_schema_node *element =
        place.index < node->prefix.count ? node->prefix.nodes[place.index]
                                         : node->items;

    fits = vtx_schema_apply(walk, element, &here, &elements.at);
    place.index++;
  }
  if (!fits) return false;
  *ret_end = elements.at;
  return in_span(walk, &node->items_count, place.index, spot, "elements") &&
         (!node->unique || is_unique(walk, place.index, spot));
}

/* --- objects ------------------------------------------------------------- */

/* Which of an object's required names were seen: bits by position. */
struct seen {
  uint64_t few[4];
  uint64_t *bits;
};

static bool begin_seen(struct vtx_schema_walk *walk,
                       const struct vtx_schema_node *node, struct seen *seen) {
  size_t words = node->names ? node->names->count / 64 + 1 : 0;

  memset(seen->few, 0, sizeof seen->few);
  seen->bits = seen->few;
  if (words <= sizeof seen->few / sizeof *seen->few) return true;
  if (!vtx_schema_spend(&walk->limits, words)) return false;
  seen->bits = calloc(words, sizeof *seen->bits);
  if (!seen->bits) walk->limits.spent = true;
  return seen->bits != NULL;
}

static void end_seen(struct seen *seen) {
  if (seen->bits != seen->few) free(seen->bits);
}

static bool all_seen(struct vtx_schema_walk *walk,
                     const struct vtx_schema_names *names,
                     const struct seen *seen,
                     const struct vtx_schema_spot *spot) {
  for (size_t i = 0; i < names->count; i++) {
    const struct vtx_schema_name *entry = &names->entries[i];

    if (!vtx_schema_spend(&walk->limits, 1)) return false;
    if (!entry->required || (seen->bits[i / 64] >> (i % 64) & 1) != 0) continue;
    if (walk->quiet) return vtx_schema_differs(walk, spot, "", "a member");
    return vtx_schema_differs(walk, spot, "none", "the member %s",
                              vtx_schema_shown(walk, entry->name));
  }
  return true;
}

/* True if the name fits the pattern, or might. */
static bool may_match(struct vtx_schema_walk *walk,
                      const struct vtx_pattern *pattern,
                      struct cb_json_view name) {
  enum vtx_pattern_result result;

  if (!pattern) return true;
  result = vtx_pattern_match(pattern, name, &walk->limits.steps);
  if (result == VTX_PATTERN_COSTLY) walk->limits.spent = true;
  return result == VTX_PATTERN_FITS;
}

/* The member at here, by the patterns of its name; *known becomes true if there
 * is one. */
static bool fits_patterns(struct vtx_schema_walk *walk,
                          const struct vtx_schema_node *node,
                          const struct vtx_schema_spot *here,
                          const char **ret_end, bool *known) {
  for (size_t i = 0; i < node->by_pattern_count; i++) {
    const struct vtx_schema_by_pattern *entry = &node->by_pattern[i];

    if (!may_match(walk, entry->pattern, here->place->key)) continue;
    *known = true;
    if (entry->pattern && !vtx_schema_apply(walk, entry->node, here, ret_end))
      return false;
  }
  return !walk->limits.spent;
}

static bool fits_member(struct vtx_schema_walk *walk,
                        const struct vtx_schema_node *node,
                        const struct vtx_schema_spot *here, struct seen *seen,
                        const char **ret_end) {
  const struct vtx_schema_name *name =
      node->names
          ? vtx_schema_lookup(node->names, here->place->key, &walk->limits)
          : NULL;
  bool known = name && name->property;

  *ret_end = NULL;
  if (name) {
    size_t bit = (size_t)(name - node->names->entries);

    seen->bits[bit / 64] |= UINT64_C(1) << (bit % 64);
    if (name->node && !vtx_schema_apply(walk, name->node, here, ret_end))
      return false;
  }
  if (!fits_patterns(walk, node, here, ret_end, &known)) return false;
  if (!known && node->additional) {
    if (node->additional->nothing)
      return vtx_schema_differs(walk, here, "one", "no member of this name");
    if (!vtx_schema_apply(walk, node->additional, here, ret_end)) return false;
  }
  if (!*ret_end) *ret_end = vtx_schema_skip(walk, here->value);
  return !walk->limits.spent;
}

bool vtx_schema_fits_object(struct vtx_schema_walk *walk,
                            const struct vtx_schema_node *node,
                            const struct vtx_schema_spot *spot,
                            const char **ret_end) {
  struct cb_json_walk members = cb_json_walk(spot->value);
  struct vtx_schema_place place = {.above = spot->place};
  struct vtx_schema_spot here = {.place = &place};
  struct seen seen;
  bool fits = begin_seen(walk, node, &seen);

  if (!fits) return false;
  while (fits && cb_json_walk_next(&members, &place.key, &here.value)) {
    place.index++;
    fits = vtx_schema_spend(&walk->limits, 1) &&
           fits_member(walk, node, &here, &seen, &members.at);
  }
  if (fits && node->names) fits = all_seen(walk, node->names, &seen, spot);
  end_seen(&seen);
  if (!fits) return false;
  *ret_end = members.at;
  return in_span(walk, &node->members, place.index, spot, "members");
}
