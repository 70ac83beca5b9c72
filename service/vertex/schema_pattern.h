/* schema_pattern.h - the regular expressions of JSON Schema's "pattern".
 *
 * The common part of ECMA-262's: characters, ., classes, \d \w \s \b and
 * their opposites, groups, alternatives, ?, *, +, {m,n} and their lazy forms,
 * ^ and $. Matching follows all possibilities at once, one character after
 * the other, so it takes at most (characters x instructions) steps, whatever
 * the pattern. What needs more than that (references back, looking around),
 * \p{...} and patterns past the limits do not compile: they stay unchecked.
 *
 * Threads: none inside; a compiled pattern is not written to by matching.
 */
#ifndef VTX_VERTEX_SCHEMA_PATTERN_H
#define VTX_VERTEX_SCHEMA_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json_view.h"

struct cb_arena;

/* Instructions of one pattern, after its repeats are written out. */
#define VTX_PATTERN_MAX 4000

struct vtx_pattern;

/* The pattern in a JSON string. From arena; NULL if it cannot be matched here,
 * or arena is full. Takes from *steps one for each instruction made. */
const struct vtx_pattern *vtx_pattern_compile(struct cb_json_view string,
                                              struct cb_arena *arena,
                                              size_t *steps);

enum vtx_pattern_result {
  VTX_PATTERN_FITS,
  VTX_PATTERN_DIFFERS,
  VTX_PATTERN_COSTLY, /* *steps were used up */
};

/* Looks for the pattern anywhere in the JSON string. Takes from *steps one for
 * each instruction that it looks at. */
enum vtx_pattern_result vtx_pattern_match(const struct vtx_pattern *pattern,
                                          struct cb_json_view string,
                                          size_t *steps);

#endif
