/* Walks a value along its compiled schema. Where several schemas are tried in
 * turn (anyOf and the like) the walk is quiet; if none fits, the one that got
 * farthest into the value is walked once more, to say what is wrong there. */
#include "service/vertex/schema_check.h"

#include <stdint.h>

#include "base/arena.h"
#include "service/vertex/schema_number.h"
#include "service/vertex/schema_walk.h"

#define BYTES_A_STEP 16

const char *vtx_schema_skip(struct vtx_schema_walk *walk,
                            struct cb_json_view value) {
  const char *end = cb_json_end(value);

  vtx_schema_spend(&walk->limits, (size_t)(end - value.at) / BYTES_A_STEP + 1);
  return end;
}

/* --- enum and const ------------------------------------------------------ */

/* In OpenAPI form "3" in enum stands for the number 3 as well. */
static bool names_number(struct vtx_schema_walk *walk, struct cb_json_view name,
                         struct cb_json_view number) {
  const char *text = name.at + 1;
  const char *end = cb_json_end(name) - 1;
  const char *at = text + (*text == '-');
  struct vtx_decimal one;
  struct vtx_decimal two;

  if (at == end) return false;
  for (; at < end; at++) {
    if (*at < '0' || *at > '9') return false;
  }
  vtx_schema_skip(walk, number);
  one = vtx_decimal(text, end);
  two = vtx_decimal(number.at, number.end);
  return vtx_decimal_compare(&one, &two) == 0;
}

static bool is_value(struct vtx_schema_walk *walk, struct cb_json_view allowed,
                     struct cb_json_view value) {
  if (walk->openapi && cb_json_kind(allowed) == CB_JSON_STRING &&
      cb_json_kind(value) == CB_JSON_NUMBER)
    return names_number(walk, allowed, value);
  return vtx_schema_same(allowed, value, &walk->limits);
}

static bool fits_values(struct vtx_schema_walk *walk,
                        const struct vtx_schema_node *node,
                        const struct vtx_schema_spot *spot) {
  struct cb_json_walk values;
  struct cb_json_view key;
  struct cb_json_view allowed;

  if (node->constant.at && !is_value(walk, node->constant, spot->value)) {
    if (walk->quiet) return vtx_schema_differs(walk, spot, "", "const");
    return vtx_schema_differs(walk, spot, NULL, "%s",
                              vtx_schema_shown(walk, node->constant));
  }
  if (!node->values.at) return true;
  values = cb_json_walk(node->values);
  while (vtx_schema_spend(&walk->limits, 1) &&
         cb_json_walk_next(&values, &key, &allowed)) {
    if (is_value(walk, allowed, spot->value)) return true;
    values.at = vtx_schema_skip(walk, allowed);
  }
  if (walk->quiet || walk->limits.spent)
    return vtx_schema_differs(walk, spot, "", "enum");
  return vtx_schema_differs(walk, spot, NULL, "one of %s",
                            vtx_schema_shown(walk, node->values));
}

/* --- several schemas ----------------------------------------------------- */

/* As apply, but only whether it fits; *ret_far is how far it came. */
static bool fits_quietly(struct vtx_schema_walk *walk,
                         const struct vtx_schema_node *node,
                         const struct vtx_schema_spot *spot,
                         const char **ret_far) {
  bool quiet = walk->quiet;
  const char *farthest = walk->farthest;
  bool fits;

  walk->quiet = true;
  walk->farthest = spot->value.at;
  fits = vtx_schema_apply(walk, node, spot, NULL);
  *ret_far = walk->farthest;
  walk->quiet = quiet;
  walk->farthest = farthest;
  return fits;
}

/* None of list fits: says what the nearest one has against the value. */
static bool none_fits(struct vtx_schema_walk *walk,
                      const struct vtx_schema_list *list, size_t nearest,
                      const char *far, const struct vtx_schema_spot *spot) {
  unsigned types = 0;
  bool typed = true;

  if (walk->limits.spent) return false;
  if (far > walk->farthest) walk->farthest = far;
  if (walk->quiet) return false;
  if (far > spot->value.at || list->count == 1)
    return vtx_schema_apply(walk, list->nodes[nearest], spot, NULL);
  for (size_t i = 0; i < list->count; i++) {
    types |= list->nodes[i]->types;
    if (list->nodes[i]->types == 0) typed = false;
  }
  if (typed && !(types & vtx_schema_types(spot->value)))
    return vtx_schema_differs(walk, spot, vtx_schema_kind(spot->value), "%s",
                              vtx_schema_type_names(walk, types));
  return vtx_schema_differs(
      walk, spot, NULL, "a value that fits one of %zu schemas", list->count);
}

/* At least one of list, and not more than most of them. */
static bool fits_some(struct vtx_schema_walk *walk,
                      const struct vtx_schema_list *list, size_t most,
                      const struct vtx_schema_spot *spot) {
  const char *far = NULL;
  size_t nearest = 0;
  size_t fitting = 0;

  for (size_t i = 0; i < list->count && !walk->limits.spent; i++) {
    const char *here;

    if (fits_quietly(walk, list->nodes[i], spot, &here)) {
      if (++fitting > most)
        return vtx_schema_differs(
            walk, spot, NULL, "a value that fits one schema of oneOf, not two");
      if (most == SIZE_MAX) return true;
    } else if (here > far) {
      far = here;
      nearest = i;
    }
  }
  if (fitting > 0) return !walk->limits.spent;
  return none_fits(walk, list, nearest, far, spot);
}

static bool fits_others(struct vtx_schema_walk *walk,
                        const struct vtx_schema_node *node,
                        const struct vtx_schema_spot *spot) {
  const char *far;

  if (node->ref && !vtx_schema_apply(walk, node->ref, spot, NULL)) return false;
  for (size_t i = 0; i < node->all_of.count; i++) {
    if (!vtx_schema_apply(walk, node->all_of.nodes[i], spot, NULL))
      return false;
  }
  if (node->any_of.count > 0 && !fits_some(walk, &node->any_of, SIZE_MAX, spot))
    return false;
  if (node->one_of.count > 0 && !fits_some(walk, &node->one_of, 1, spot))
    return false;
  if (node->excludes_all ||
      (node->excluded && fits_quietly(walk, node->excluded, spot, &far)))
    return vtx_schema_differs(walk, spot, NULL,
                              "a value that does not fit the schema of not");
  return !walk->limits.spent;
}

/* --- one schema ---------------------------------------------------------- */

static bool fits_type(struct vtx_schema_walk *walk,
                      const struct vtx_schema_node *node,
                      const struct vtx_schema_spot *spot) {
  if (node->nothing)
    return vtx_schema_differs(walk, spot, NULL, "nothing at all");
  if (node->types == 0) return true;
  if (cb_json_kind(spot->value) == CB_JSON_NUMBER)
    vtx_schema_skip(walk, spot->value); /* all its digits are looked at */
  if ((node->types & vtx_schema_types(spot->value)) != 0) return true;
  if (walk->quiet) return vtx_schema_differs(walk, spot, "", "type");
  return vtx_schema_differs(walk, spot, vtx_schema_kind(spot->value), "%s",
                            vtx_schema_type_names(walk, node->types));
}

static bool looks_inside_array(const struct vtx_schema_node *node) {
  return node->items || node->prefix.count > 0 || node->unique ||
         node->items_count.min >= 0 || node->items_count.max >= 0;
}

static bool looks_inside_object(const struct vtx_schema_node *node) {
  return node->names || node->additional || node->by_pattern_count > 0 ||
         node->members.min >= 0 || node->members.max >= 0;
}

static bool fits_kind(struct vtx_schema_walk *walk,
                      const struct vtx_schema_node *node,
                      const struct vtx_schema_spot *spot,
                      const char **ret_end) {
  switch (cb_json_kind(spot->value)) {
    case CB_JSON_OBJECT:
      return !looks_inside_object(node) ||
             vtx_schema_fits_object(walk, node, spot, ret_end);
    case CB_JSON_ARRAY:
      return !looks_inside_array(node) ||
             vtx_schema_fits_array(walk, node, spot, ret_end);
    case CB_JSON_STRING:
      return vtx_schema_fits_string(walk, node, spot);
    case CB_JSON_NUMBER:
      return vtx_schema_fits_number(walk, node, spot);
    default:
      return true;
  }
}

static bool fits(struct vtx_schema_walk *walk,
                 const struct vtx_schema_node *node,
                 const struct vtx_schema_spot *spot, const char **ret_end) {
  if (!node) return true;
  if (node->nullable && *spot->value.at == 'n') return true;
  return fits_type(walk, node, spot) && fits_values(walk, node, spot) &&
         fits_kind(walk, node, spot, ret_end) && fits_others(walk, node, spot);
}

bool vtx_schema_apply(struct vtx_schema_walk *walk,
                      const struct vtx_schema_node *node,
                      const struct vtx_schema_spot *spot,
                      const char **ret_end) {
  const char *end = NULL;
  bool good;

  if (!vtx_schema_spend(&walk->limits, 1)) return false;
  if (walk->depth == VTX_SCHEMA_DEPTH) {
    walk->limits.spent = true;
    return false;
  }
  walk->depth++;
  good = fits(walk, node, spot, &end);
  walk->depth--;
  if (!good || !ret_end) return good;
  *ret_end = end ? end : vtx_schema_skip(walk, spot->value);
  return !walk->limits.spent;
}

enum vtx_schema_result vtx_schema_check_value(
    const struct vtx_schema_source *source, const char *value, size_t size,
    struct cb_arena *arena, struct vtx_schema_mismatch *ret_mismatch) {
  struct vtx_schema_spot spot = {cb_json_view(value, size), NULL};
  struct vtx_schema_mismatch mismatch = {"$", "", ""};
  struct vtx_schema_walk walk = {
      .limits = {.arena = cb_arena_new(NULL, VTX_SCHEMA_MEMORY, 0),
                 .steps = source->steps > 0 ? source->steps : VTX_SCHEMA_STEPS},
      .texts = arena,
      .mismatch = &mismatch,
      .openapi = source->openapi,
  };
  const struct vtx_schema_node *root = NULL;
  bool good = false;

  if (walk.limits.arena)
    root = vtx_schema_compile(source, &walk.limits);
  else
    walk.limits.spent = true;
  if (!walk.limits.spent) good = vtx_schema_apply(&walk, root, &spot, NULL);
  cb_arena_free(walk.limits.arena);
  if (walk.limits.spent) return VTX_SCHEMA_COSTLY;
  if (good) return VTX_SCHEMA_FITS;
  *ret_mismatch = mismatch;
  return VTX_SCHEMA_DIFFERS;
}
