/* Runs a compiled pattern: the set of instructions that might be next, taken
 * over the text one character at a time. */
#include "service/vertex/schema_pattern_internal.h"

/* Marks of a new run that are cleared at the price of one step. */
#define CLEARED_A_STEP 16

struct set {
  uint16_t members[VTX_PATTERN_MAX];
  size_t count;
};

struct run {
  const struct vtx_pattern *pattern;
  struct set sets[2];
  uint32_t seen[VTX_PATTERN_MAX]; /* in which round it was added last */
  uint32_t round;
  uint16_t stack[2 * VTX_PATTERN_MAX];
  size_t *steps;
  bool costly;
  bool matched;
  bool at_begin;
  bool at_end;
  bool at_edge;
};

bool vtx_is_word(uint32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '_';
}

/* Puts pc on the stack unless this round had it. */
static size_t push(struct run *run, size_t depth, uint16_t pc) {
  if (run->seen[pc] == run->round) return depth;
  run->seen[pc] = run->round;
  run->stack[depth] = pc;
  return depth + 1;
}

static bool holds(const struct run *run, enum vtx_pattern_op op) {
  switch (op) {
    case VTX_OP_BEGIN:
      return run->at_begin;
    case VTX_OP_END:
      return run->at_end;
    case VTX_OP_EDGE:
      return run->at_edge;
    case VTX_OP_NOT_EDGE:
      return !run->at_edge;
    default:
      return true;
  }
}

/* Adds pc and all that can be reached from it without a character. */
static void add(struct run *run, struct set *set, uint16_t start) {
  size_t depth = push(run, 0, start);

  while (depth > 0) {
    uint16_t pc = run->stack[--depth];
    const struct vtx_instruction *code = &run->pattern->code[pc];

    if (*run->steps == 0) {
      run->costly = true;
      return;
    }
    (*run->steps)--;
    if (code->op == VTX_OP_MATCH) {
      run->matched = true;
    } else if (code->op == VTX_OP_CLASS) {
      set->members[set->count++] = pc;
    } else if (holds(run, code->op)) {
      if (code->op == VTX_OP_SPLIT) depth = push(run, depth, code->other);
      depth = push(run, depth, code->next);
    }
  }
}

static bool in_class(const struct vtx_char_class *class, uint32_t c) {
  size_t low = 0;
  size_t high = class->count;

  while (low < high) {
    size_t middle = (low + high) / 2;

    if (c < class->ranges[middle].from)
      high = middle;
    else if (c > class->ranges[middle].to)
      low = middle + 1;
    else
      return !class->negated;
  }
  return class->negated;
}

/* Where the text stands between before and after (-1: none there). */
static void look_around(struct run *run, int64_t before, int64_t after) {
  bool word_before = before >= 0 && vtx_is_word((uint32_t)before);
  bool word_after = after >= 0 && vtx_is_word((uint32_t)after);

  run->at_begin = before < 0;
  run->at_end = after < 0;
  run->at_edge = word_before != word_after;
}

static int64_t next_char(const char **at) {
  uint32_t c;

  return cb_json_next_char(at, &c) ? (int64_t)c : -1;
}

/* Takes c, which after stands behind; from's members are those before c. */
static void take(struct run *run, const struct set *from, struct set *to,
                 int64_t c, int64_t after) {
  look_around(run, c, after);
  run->round++;
  to->count = 0;
  for (size_t i = 0; i < from->count && !run->costly; i++) {
    const struct vtx_instruction *code = &run->pattern->code[from->members[i]];

    if (in_class(&code->class, (uint32_t)c)) add(run, to, code->next);
  }
  if (!run->costly) add(run, to, 0);
}

enum vtx_pattern_result vtx_pattern_match(const struct vtx_pattern *pattern,
                                          struct cb_json_view string,
                                          size_t *steps) {
  struct run run;
  const char *at = string.at + 1;
  int64_t c = next_char(&at);

  if (*steps < pattern->count / CLEARED_A_STEP) return VTX_PATTERN_COSTLY;
  *steps -= pattern->count / CLEARED_A_STEP;
  run.pattern = pattern;
  run.steps = steps;
  run.costly = run.matched = false;
  run.round = 1;
  run.sets[0].count = 0;
  for (size_t i = 0; i < pattern->count; i++)
    run.seen[i] = 0;
  look_around(&run, -1, c);
  add(&run, &run.sets[0], 0);
  for (size_t i = 0; c >= 0 && !run.matched && !run.costly; i ^= 1) {
    int64_t after = next_char(&at);

    take(&run, &run.sets[i], &run.sets[i ^ 1], c, after);
    c = after;
  }
  if (run.matched) return VTX_PATTERN_FITS;
  return run.costly ? VTX_PATTERN_COSTLY : VTX_PATTERN_DIFFERS;
}
