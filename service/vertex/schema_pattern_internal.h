/* schema_pattern_internal.h - a compiled pattern: what schema_pattern.c makes
 * and schema_match.c runs.
 *
 * Threads: none inside.
 */
#ifndef VTX_VERTEX_SCHEMA_PATTERN_INTERNAL_H
#define VTX_VERTEX_SCHEMA_PATTERN_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/vertex/schema_pattern.h"

struct vtx_char_range {
  uint32_t from;
  uint32_t to;
};

struct vtx_char_class {
  const struct vtx_char_range *ranges;
  size_t count;
  bool negated;
};

enum vtx_pattern_op {
  VTX_OP_CLASS, /* one character of it */
  VTX_OP_SPLIT, /* go on at next and at other */
  VTX_OP_JUMP,  /* go on at next */
  VTX_OP_BEGIN,
  VTX_OP_END,
  VTX_OP_EDGE,     /* of a word */
  VTX_OP_NOT_EDGE, /* of a word */
  VTX_OP_MATCH,
};

struct vtx_instruction {
  enum vtx_pattern_op op;
  uint16_t next;
  uint16_t other;
  struct vtx_char_class class;
};

struct vtx_pattern {
  const struct vtx_instruction *code;
  size_t count;
};

bool vtx_is_word(uint32_t c);

#endif
