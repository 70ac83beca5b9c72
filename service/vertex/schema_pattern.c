/* From a pattern to a tree, and from the tree to instructions; a repeat's body
 * is written out as often as its counts say. */
#include "service/vertex/schema_pattern.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "service/vertex/schema_pattern_internal.h"

#define MAX_CHARS 4096 /* of one pattern */
#define MAX_GROUPS 100 /* nested */
#define MAX_RANGES 256 /* of one class */
#define NO_MAX (-1)
#define LAST_CHAR 0x10ffff

enum kind { EMPTY, CLASS, ASSERTION, SEQUENCE, CHOICE, REPEAT };

struct node {
  enum kind kind;
  struct node *next;  /* among the children of one node */
  struct node *child; /* first one */
  enum vtx_pattern_op op;
  struct vtx_char_class class;
  int min;
  int max;
};

struct parser {
  const uint32_t *at;
  const uint32_t *end;
  struct cb_arena *arena;
  int groups;
  bool failed;
};

static struct node *new_node(struct parser *parser, enum kind kind) {
  struct node *node = cb_arena_zalloc(parser->arena, 1, sizeof *node);

  if (!node) {
    parser->failed = true;
    return NULL;
  }
  node->kind = kind;
  return node;
}

static struct node *give_up(struct parser *parser) {
  parser->failed = true;
  return NULL;
}

/* The character at hand, 0 at the end. */
static uint32_t peek(const struct parser *parser) {
  return parser->at < parser->end ? *parser->at : 0;
}

static bool accept(struct parser *parser, uint32_t c) {
  if (parser->at == parser->end || *parser->at != c) return false;
  parser->at++;
  return true;
}

/* --- classes ------------------------------------------------------------- */

struct ranges {
  struct vtx_char_range list[MAX_RANGES];
  size_t count;
  bool full;
};

static void add_range(struct ranges *ranges, uint32_t from, uint32_t to) {
  if (ranges->count == MAX_RANGES) {
    ranges->full = true;
    return;
  }
  ranges->list[ranges->count++] = (struct vtx_char_range){from, to};
}

static const struct vtx_char_range digits[] = {{'0', '9'}};
static const struct vtx_char_range words[] = {
    {'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
static const struct vtx_char_range blanks[] = {
    {'\t', '\r'},     {' ', ' '},       {0xa0, 0xa0},     {0x1680, 0x1680},
    {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f},
    {0x3000, 0x3000}, {0xfeff, 0xfeff}};
static const struct vtx_char_range line_ends[] = {
    {'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* \d \w \s and, in upper case, all but those. False for another letter. */
static bool named_class(uint32_t letter, struct vtx_char_class *class) {
  switch (letter | 32) {
    case 'd':
      *class = (struct vtx_char_class){digits, COUNT(digits), false};
      break;
    case 'w':
      *class = (struct vtx_char_class){words, COUNT(words), false};
      break;
    case 's':
      *class = (struct vtx_char_class){blanks, COUNT(blanks), false};
      break;
    default:
      return false;
  }
  class->negated = letter < 'a';
  return true;
}

static void add_class(struct ranges *ranges,
                      const struct vtx_char_class *class) {
  uint32_t from = 0;

  for (size_t i = 0; i < class->count; i++) {
    const struct vtx_char_range *range = &class->ranges[i];

    if (!class->negated)
      add_range(ranges, range->from, range->to);
    else if (range->from > from)
      add_range(ranges, from, range->from - 1);
    from = range->to + 1;
  }
  if (class->negated) add_range(ranges, from, LAST_CHAR);
}

static int by_start(const void *one, const void *two) {
  uint32_t a = ((const struct vtx_char_range *)one)->from;
  uint32_t b = ((const struct vtx_char_range *)two)->from;

  return (a > b) - (a < b);
}

/* Sorts and joins: matching searches by halves. */
static struct node *class_node(struct parser *parser, struct ranges *ranges,
                               bool negated) {
  struct node *node = new_node(parser, CLASS);
  struct vtx_char_range *list;
  size_t count = 0;

  if (!node || ranges->full) return give_up(parser);
  qsort(ranges->list, ranges->count, sizeof *ranges->list, by_start);
  list = cb_arena_zalloc(parser->arena, ranges->count + 1, sizeof *list);
  if (!list) return give_up(parser);
  for (size_t i = 0; i < ranges->count; i++) {
    struct vtx_char_range range = ranges->list[i];

    if (count > 0 && range.from <= list[count - 1].to) {
      if (range.to > list[count - 1].to) list[count - 1].to = range.to;
    } else {
      list[count++] = range;
    }
  }
  node->class = (struct vtx_char_class){list, count, negated};
  return node;
}

static struct node *single(struct parser *parser, uint32_t c) {
  struct ranges ranges = {.count = 0};

  add_range(&ranges, c, c);
  return class_node(parser, &ranges, false);
}

static bool hex(struct parser *parser, int count, uint32_t *ret_value) {
  uint32_t value = 0;

  for (int i = 0; i < count; i++) {
    uint32_t c = peek(parser);
    uint32_t lower = c | 32;

    if (c >= '0' && c <= '9')
      value = value << 4 | (c - '0');
    else if (lower >= 'a' && lower <= 'f')
      value = value << 4 | (lower - 'a' + 10);
    else
      return false;
    parser->at++;
  }
  *ret_value = value;
  return value < 0xd800 || value > 0xdfff; /* halves of pairs: not here */
}

/* What an escape of one character means; at is behind the backslash. False for
 * letters and digits that mean something else, or nothing. */
static bool escaped_char(struct parser *parser, uint32_t *ret_char) {
  static const char names[] = "tnvfr0";
  static const char values[] = "\t\n\v\f\r";
  uint32_t c = peek(parser);
  const char *name;

  if (parser->at == parser->end) return false;
  parser->at++;
  if (c == 'x') return hex(parser, 2, ret_char);
  if (c == 'u') return hex(parser, 4, ret_char);
  name = c < 128 && c > 0 ? strchr(names, (int)c) : NULL;
  *ret_char = name ? (uint32_t)values[name - names] : c;
  return name || !vtx_is_word(c);
}

/* One member of [...]: a character, or a named class, which is added. */
static bool class_member(struct parser *parser, struct ranges *ranges,
                         uint32_t *ret_char, bool *ret_named) {
  struct vtx_char_class class;

  *ret_named = false;
  if (parser->at == parser->end) return false;
  if (!accept(parser, '\\')) {
    *ret_char = *parser->at++;
    return true;
  }
  if (named_class(peek(parser), &class)) {
    parser->at++;
    add_class(ranges, &class);
    *ret_named = true;
    return true;
  }
  if (accept(parser, 'b')) {
    *ret_char = '\b';
    return true;
  }
  return escaped_char(parser, ret_char);
}

/* Behind the [. */
static struct node *parse_class(struct parser *parser) {
  struct ranges ranges = {.count = 0};
  bool negated = accept(parser, '^');

  while (!accept(parser, ']')) {
    uint32_t from;
    uint32_t to;
    bool named;

    if (!class_member(parser, &ranges, &from, &named)) return give_up(parser);
    if (named) continue;
    to = from;
    if (peek(parser) == '-' && parser->at + 1 < parser->end &&
        parser->at[1] != ']') {
      parser->at++;
      if (!class_member(parser, &ranges, &to, &named) || named || to < from)
        return give_up(parser);
    }
    add_range(&ranges, from, to);
  }
  return class_node(parser, &ranges, negated);
}

/* --- the tree ------------------------------------------------------------ */

static struct node *parse_choice(struct parser *parser);

static struct node *assertion(struct parser *parser, enum vtx_pattern_op op) {
  struct node *node = new_node(parser, ASSERTION);

  if (node) node->op = op;
  return node;
}

/* Behind the (. */
static struct node *parse_group(struct parser *parser) {
  struct node *node;

  if (++parser->groups > MAX_GROUPS) return give_up(parser);
  if (accept(parser, '?') && !accept(parser, ':')) {
    if (!accept(parser, '<') || peek(parser) == '=' || peek(parser) == '!')
      return give_up(parser);
    while (vtx_is_word(peek(parser)))
      parser->at++;
    if (!accept(parser, '>')) return give_up(parser);
  }
  node = parse_choice(parser);
  if (!accept(parser, ')')) return give_up(parser);
  parser->groups--;
  return node;
}

/* Behind the backslash. */
static struct node *parse_escape(struct parser *parser) {
  struct node *node;
  struct vtx_char_class class;
  uint32_t c;

  if (accept(parser, 'b')) return assertion(parser, VTX_OP_EDGE);
  if (accept(parser, 'B')) return assertion(parser, VTX_OP_NOT_EDGE);
  if (named_class(peek(parser), &class)) {
    parser->at++;
    node = new_node(parser, CLASS);
    if (node) node->class = class;
    return node;
  }
  if (!escaped_char(parser, &c)) return give_up(parser);
  return single(parser, c);
}

static struct node *parse_atom(struct parser *parser) {
  uint32_t c = *parser->at++;
  struct node *node;

  switch (c) {
    case '(':
      return parse_group(parser);
    case '[':
      return parse_class(parser);
    case '\\':
      return parse_escape(parser);
    case '^':
      return assertion(parser, VTX_OP_BEGIN);
    case '$':
      return assertion(parser, VTX_OP_END);
    case '.':
      node = new_node(parser, CLASS);
      if (node)
        node->class =
            (struct vtx_char_class){line_ends, COUNT(line_ends), true};
      return node;
    case '*':
    case '+':
    case '?':
      return give_up(parser);
    default:
      return single(parser, c);
  }
}

static bool number(struct parser *parser, int *ret_number) {
  const uint32_t *from = parser->at;
  int value = 0;

  while (peek(parser) >= '0' && peek(parser) <= '9') {
    if (value <= VTX_PATTERN_MAX)
      value = value * 10 + (int)(peek(parser) - '0');
    parser->at++;
  }
  *ret_number = value;
  return parser->at > from;
}

/* {m}, {m,} or {m,n}; anything else leaves at where it was. */
static bool parse_counts(struct parser *parser, int *ret_min, int *ret_max) {
  const uint32_t *from = parser->at;
  int min;
  int max;

  if (accept(parser, '{') && number(parser, &min)) {
    max = min;
    if (accept(parser, ',') && !number(parser, &max)) max = NO_MAX;
    if (accept(parser, '}')) {
      *ret_min = min;
      *ret_max = max;
      return true;
    }
  }
  parser->at = from;
  return false;
}

static bool parse_quantifier(struct parser *parser, int *ret_min,
                             int *ret_max) {
  bool found = true;

  *ret_min = 0;
  *ret_max = NO_MAX;
  if (accept(parser, '+'))
    *ret_min = 1;
  else if (accept(parser, '?'))
    *ret_max = 1;
  else if (!accept(parser, '*'))
    found = parse_counts(parser, ret_min, ret_max);
  if (found) accept(parser, '?'); /* lazy: the same texts match */
  return found;
}

static struct node *parse_piece(struct parser *parser) {
  struct node *atom = parse_atom(parser);
  struct node *repeat;
  int min;
  int max;

  if (parser->failed || !parse_quantifier(parser, &min, &max)) return atom;
  repeat = new_node(parser, REPEAT);
  if (!repeat || atom->kind == ASSERTION || (max != NO_MAX && max < min))
    return give_up(parser);
  repeat->child = atom;
  repeat->min = min;
  repeat->max = max;
  return repeat;
}

static struct node *parse_sequence(struct parser *parser) {
  struct node *sequence = new_node(parser, SEQUENCE);
  struct node **last = sequence ? &sequence->child : NULL;

  while (!parser->failed && parser->at < parser->end && peek(parser) != '|' &&
         peek(parser) != ')') {
    *last = parse_piece(parser);
    if (*last) last = &(*last)->next;
  }
  if (sequence && !sequence->child) sequence->kind = EMPTY;
  return sequence;
}

static struct node *parse_choice(struct parser *parser) {
  struct node *choice = new_node(parser, CHOICE);
  struct node **last = choice ? &choice->child : NULL;

  do {
    struct node *sequence = parse_sequence(parser);

    if (parser->failed) return NULL;
    *last = sequence;
    last = &sequence->next;
  } while (accept(parser, '|'));
  return choice;
}

/* --- the instructions ---------------------------------------------------- */

struct output {
  struct vtx_instruction *code;
  size_t count;
};

static bool emit(struct output *out, const struct node *node);

static struct vtx_instruction *put(struct output *out, enum vtx_pattern_op op) {
  struct vtx_instruction *code;

  if (out->count == VTX_PATTERN_MAX - 1) return NULL; /* one is for the end */
  code = &out->code[out->count++];
  *code = (struct vtx_instruction){.op = op, .next = (uint16_t)out->count};
  return code;
}

/* Instructions that wait to learn where out goes on are linked through other,
 * as position + 1; 0 ends the list. */
static uint16_t link_to(const struct output *out,
                        const struct vtx_instruction *code) {
  return code ? (uint16_t)(code - out->code + 1) : 0;
}

static struct vtx_instruction *linked(const struct output *out, uint16_t link) {
  return link > 0 ? &out->code[link - 1] : NULL;
}

static bool emit_choice(struct output *out, const struct node *first) {
  struct vtx_instruction *jumps = NULL;

  for (; first->next; first = first->next) {
    struct vtx_instruction *split = put(out, VTX_OP_SPLIT);
    struct vtx_instruction *jump;

    if (!split || !emit(out, first)) return false;
    jump = put(out, VTX_OP_JUMP);
    if (!jump) return false;
    jump->other = link_to(out, jumps);
    jumps = jump;
    split->other = (uint16_t)out->count;
  }
  if (!emit(out, first)) return false;
  for (; jumps; jumps = linked(out, jumps->other))
    jumps->next = (uint16_t)out->count;
  return true;
}

static bool emit_endless(struct output *out, const struct node *body) {
  uint16_t start = (uint16_t)out->count;
  struct vtx_instruction *split = put(out, VTX_OP_SPLIT);
  struct vtx_instruction *jump;

  if (!split || !emit(out, body)) return false;
  jump = put(out, VTX_OP_JUMP);
  if (!jump) return false;
  jump->next = start;
  split->other = (uint16_t)out->count;
  return true;
}

/* Whatever is repeated becomes an instruction at least, so that the limit on
 * these bounds the work: repeats of nothing within each other multiply. */
static bool emit_repeat(struct output *out, const struct node *node) {
  struct vtx_instruction *splits = NULL;

  if (node->max == 0) return put(out, VTX_OP_JUMP) != NULL;
  for (int i = 0; i < node->min; i++) {
    if (!emit(out, node->child)) return false;
  }
  if (node->max == NO_MAX) return emit_endless(out, node->child);
  for (int i = node->min; i < node->max; i++) {
    struct vtx_instruction *split = put(out, VTX_OP_SPLIT);

    if (!split) return false;
    split->other = link_to(out, splits);
    splits = split;
    if (!emit(out, node->child)) return false;
  }
  while (splits) {
    struct vtx_instruction *before = linked(out, splits->other);

    splits->other = (uint16_t)out->count;
    splits = before;
  }
  return true;
}

static bool emit(struct output *out, const struct node *node) {
  struct vtx_instruction *code;

  switch (node->kind) {
    case EMPTY: /* as in emit_repeat() */
      return put(out, VTX_OP_JUMP) != NULL;
    case CLASS:
      code = put(out, VTX_OP_CLASS);
      if (code) code->class = node->class;
      return code != NULL;
    case ASSERTION:
      return put(out, node->op) != NULL;
    case CHOICE:
      return emit_choice(out, node->child);
    case REPEAT:
      return emit_repeat(out, node);
    case SEQUENCE:
      break;
  }
  for (const struct node *at = node->child; at; at = at->next) {
    if (!emit(out, at)) return false;
  }
  return true;
}

static const struct vtx_pattern *generate(const struct node *tree,
                                          struct cb_arena *arena,
                                          size_t *steps) {
  struct vtx_pattern *pattern = cb_arena_alloc(arena, sizeof *pattern);
  struct output out = {calloc(VTX_PATTERN_MAX, sizeof *out.code), 0};
  bool good = pattern && out.code && emit(&out, tree);
  void *copy;

  *steps -= *steps < out.count ? *steps : out.count;
  if (good) {
    out.code[out.count++] = (struct vtx_instruction){.op = VTX_OP_MATCH};
    pattern->count = out.count;
    copy = cb_arena_memdup(arena, out.code, out.count * sizeof *out.code);
    pattern->code = copy;
    good = pattern->code != NULL;
  }
  free(out.code);
  return good ? pattern : NULL;
}

const struct vtx_pattern *vtx_pattern_compile(struct cb_json_view string,
                                              struct cb_arena *arena,
                                              size_t *steps) {
  uint32_t chars[MAX_CHARS];
  struct parser parser = {.at = chars, .arena = arena};
  const char *at = string.at + 1;
  size_t count = 0;
  struct node *tree;
  uint32_t c;

  while (cb_json_next_char(&at, &c)) {
    if (count == MAX_CHARS) return NULL;
    chars[count++] = c;
  }
  parser.end = chars + count;
  tree = parse_choice(&parser);
  if (parser.failed || parser.at < parser.end) return NULL;
  return generate(tree, arena, steps);
}
