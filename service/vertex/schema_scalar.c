/* Strings and numbers. */
#include "service/vertex/schema_number.h"
#include "service/vertex/schema_pattern.h"
#include "service/vertex/schema_walk.h"

/* --- strings ------------------------------------------------------------- */

static size_t length_of(struct vtx_schema_walk *walk,
                        struct cb_json_view string) {
  const char *at = string.at + 1;
  size_t count = 0;
  uint32_t c;

  while (cb_json_next_char(&at, &c))
    count++;
  vtx_schema_spend(&walk->limits, count / 4);
  return count;
}

static bool fits_length(struct vtx_schema_walk *walk,
                        const struct vtx_schema_span *span,
                        const struct vtx_schema_spot *spot) {
  size_t length;

  if (span->min < 0 && span->max < 0) return true;
  length = length_of(walk, spot->value);
  if (span->min >= 0 && length < (uint64_t)span->min)
    return vtx_schema_differs(walk, spot, NULL,
                              "a string of at least %lld characters",
                              (long long)span->min);
  if (span->max >= 0 && length > (uint64_t)span->max)
    return vtx_schema_differs(walk, spot, NULL,
                              "a string of at most %lld characters",
                              (long long)span->max);
  return !walk->limits.spent;
}

bool vtx_schema_fits_string(struct vtx_schema_walk *walk,
                            const struct vtx_schema_node *node,
                            const struct vtx_schema_spot *spot) {
  enum vtx_pattern_result result;

  if (!fits_length(walk, &node->length, spot)) return false;
  if (!node->pattern) return true;
  result = vtx_pattern_match(node->pattern, spot->value, &walk->limits.steps);
  if (result == VTX_PATTERN_FITS) return true;
  if (result == VTX_PATTERN_COSTLY) walk->limits.spent = true;
  if (walk->quiet || walk->limits.spent)
    return vtx_schema_differs(walk, spot, "", "a pattern");
  return vtx_schema_differs(walk, spot, NULL, "a string that matches %s",
                            vtx_schema_shown(walk, node->pattern_text));
}

/* --- numbers ------------------------------------------------------------- */

struct bound {
  struct cb_json_view view; /* at is NULL: none */
  int side;                 /* -1: the value may not be less; 1: not more */
  bool open;                /* nor the same */
  const char *words;
};

static bool fits_bound(struct vtx_schema_walk *walk, const struct bound *bound,
                       const struct vtx_decimal *number,
                       const struct vtx_schema_spot *spot) {
  struct vtx_decimal limit;
  int order;

  if (!bound->view.at) return true;
  limit = vtx_decimal(bound->view.at, bound->view.end);
  order = vtx_decimal_compare(number, &limit) * bound->side;
  if (order < 0 || (order == 0 && !bound->open)) return true;
  if (walk->quiet) return vtx_schema_differs(walk, spot, "", "a number");
  return vtx_schema_differs(walk, spot, NULL, "%s %s", bound->words,
                            vtx_schema_shown(walk, bound->view));
}

/* Digits cost: a number may have millions. */
static bool pay(struct vtx_schema_walk *walk, const struct vtx_decimal *number,
                struct cb_json_view limit) {
  size_t count = number->count;

  if (limit.at) count += (size_t)(cb_json_end(limit) - limit.at);
  return vtx_schema_spend(&walk->limits, count / 16);
}

bool vtx_schema_fits_number(struct vtx_schema_walk *walk,
                            const struct vtx_schema_node *node,
                            const struct vtx_schema_spot *spot) {
  const struct bound bounds[] = {
      {node->minimum, -1, node->above, node->above ? "more than" : "at least"},
      {node->maximum, 1, node->below, node->below ? "less than" : "at most"},
      {node->more_than, -1, true, "more than"},
      {node->less_than, 1, true, "less than"},
  };
  struct vtx_decimal number = vtx_decimal(spot->value.at, spot->value.end);
  struct vtx_decimal unit;

  for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
    if (!pay(walk, &number, bounds[i].view)) return false;
    if (!fits_bound(walk, &bounds[i], &number, spot)) return false;
  }
  if (!node->multiple_of.at) return true;
  if (!vtx_schema_spend(&walk->limits, number.count)) return false;
  unit = vtx_decimal(node->multiple_of.at, node->multiple_of.end);
  if (vtx_decimal_is_multiple(&number, &unit)) return true;
  if (walk->quiet) return vtx_schema_differs(walk, spot, "", "a multiple");
  return vtx_schema_differs(walk, spot, NULL, "a multiple of %s",
                            vtx_schema_shown(walk, node->multiple_of));
}
