/* From a schema's text to nodes. Keywords whose value makes no sense are left
 * out; references are looked up when all else is compiled, so that a schema
 * may refer to itself. */
#include <string.h>

#include "base/arena.h"
#include "service/vertex/schema_node.h"
#include "service/vertex/schema_number.h"
#include "service/vertex/schema_pattern.h"

#define KEYWORD_STEPS 4 /* what it takes to find out which one it is */
#define BYTES_A_STEP 32 /* passed over */

/* A schema that is referred to. */
struct target {
  struct target *next;
  const char *place;
  struct vtx_schema_node *node;
};

/* A reference that is not looked up yet. */
struct pending {
  struct pending *next;
  struct vtx_schema_node *node;
  struct cb_json_view pointer;
};

struct compiler {
  struct vtx_schema_limits *limits;
  struct cb_json_view root;
  struct target *targets;
  struct pending *pending;
  bool openapi;
};

/* Keywords that mean something only together with others. */
struct parts {
  struct cb_json_view properties;
  struct cb_json_view required;
  struct vtx_schema_node *rest; /* additionalItems */
  bool items_were_list;
};

static struct vtx_schema_node *compile(struct compiler *compiler,
                                       struct cb_json_view schema);

static bool is(struct cb_json_view value, enum cb_json_kind kind) {
  return cb_json_kind(value) == kind;
}

/* Behind the value. What lies deep in a schema is passed over once on each
 * level above it, so that costs. */
static const char *pass(struct compiler *compiler, struct cb_json_view value) {
  const char *end = cb_json_end(value);

  vtx_schema_spend(compiler->limits, (size_t)(end - value.at) / BYTES_A_STEP);
  return end;
}

/* --- values of keywords -------------------------------------------------- */

static size_t count_of(struct compiler *compiler, struct cb_json_view value) {
  struct cb_json_walk walk = cb_json_walk(value);
  struct cb_json_view key;
  struct cb_json_view element;
  size_t count = 0;

  while (cb_json_walk_next(&walk, &key, &element)) {
    walk.at = pass(compiler, element);
    count++;
  }
  vtx_schema_spend(compiler->limits, count);
  return count;
}

static void take_list(struct compiler *compiler, struct cb_json_view value,
                      struct vtx_schema_list *list) {
  struct vtx_schema_list made = {NULL, 0};
  struct cb_json_walk walk;
  struct cb_json_view key;
  struct cb_json_view element;
  size_t count;

  if (!is(value, CB_JSON_ARRAY)) return;
  count = count_of(compiler, value);
  if (count == 0) return;
  made.nodes = (struct vtx_schema_node **)vtx_schema_alloc(
      compiler->limits, count, sizeof *made.nodes);
  walk = cb_json_walk(value);
  while (!compiler->limits->spent && cb_json_walk_next(&walk, &key, &element)) {
    made.nodes[made.count++] = compile(compiler, element);
    walk.at = pass(compiler, element);
  }
  if (made.nodes) *list = made;
}

/* A count of items, characters ...: a whole number that is not negative; proto
 * JSON has it as a string. */
static void take_count(struct cb_json_view value, int64_t *count) {
  const char *at = value.at;
  struct vtx_decimal number;
  int64_t taken = 0;

  if (is(value, CB_JSON_STRING)) {
    if (*++at < '0' || *at > '9') return;
  } else if (!is(value, CB_JSON_NUMBER)) {
    return;
  }
  number = vtx_decimal(at, value.end);
  if (!vtx_decimal_is_integer(&number) || number.negative) return;
  if (number.low + (int64_t)number.count > 18) { /* nothing has so many */
    *count = INT64_MAX;
    return;
  }
  for (size_t i = 0; i < number.count; number.digits++) {
    if (*number.digits == '.') continue;
    taken = taken * 10 + (*number.digits - '0');
    i++;
  }
  for (; number.low > 0; number.low--)
    taken *= 10;
  *count = taken;
}

static void take_number(struct cb_json_view value,
                        struct cb_json_view *number) {
  if (is(value, CB_JSON_NUMBER)) *number = value;
}

/* One bit, or 0 for a word that is no type. Both forms' words are good: which
 * form it is the whole schema says. */
static unsigned type_bit(struct cb_json_view value) {
  static const struct {
    const char *lower;
    const char *upper;
    unsigned bits;
  } types[] = {
      {"string", "STRING", VTX_TYPE_STRING},
      {"number", "NUMBER", VTX_TYPE_NUMBER},
      {"integer", "INTEGER", VTX_TYPE_INTEGER},
      {"boolean", "BOOLEAN", VTX_TYPE_BOOLEAN},
      {"array", "ARRAY", VTX_TYPE_ARRAY},
      {"object", "OBJECT", VTX_TYPE_OBJECT},
      {"null", "NULL", VTX_TYPE_NULL},
  };

  if (!is(value, CB_JSON_STRING)) return 0;
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    if (cb_json_string_is(value, types[i].lower) ||
        cb_json_string_is(value, types[i].upper))
      return types[i].bits;
  }
  return 0;
}

static void take_type(struct compiler *compiler, struct cb_json_view value,
                      struct vtx_schema_node *node) {
  struct cb_json_walk walk;
  struct cb_json_view key;
  struct cb_json_view element;
  unsigned types = 0;

  if (!is(value, CB_JSON_ARRAY)) {
    node->types = type_bit(value);
    return;
  }
  walk = cb_json_walk(value);
  while (cb_json_walk_next(&walk, &key, &element)) {
    unsigned bit = type_bit(element);

    if (bit == 0 || !vtx_schema_spend(compiler->limits, 1)) return;
    types |= bit;
    walk.at = pass(compiler, element);
  }
  node->types = types;
}

static void take_patterns(struct compiler *compiler, struct cb_json_view value,
                          struct vtx_schema_node *node) {
  struct vtx_schema_limits *limits = compiler->limits;
  struct cb_json_walk walk;
  struct cb_json_view key;
  struct cb_json_view element;
  size_t count;

  if (!is(value, CB_JSON_OBJECT)) return;
  count = count_of(compiler, value);
  node->by_pattern_count = 0; /* a keyword may stand there twice */
  node->by_pattern = vtx_schema_alloc(limits, count, sizeof *node->by_pattern);
  walk = cb_json_walk(value);
  while (!limits->spent && cb_json_walk_next(&walk, &key, &element)) {
    struct vtx_schema_by_pattern *entry =
        &node->by_pattern[node->by_pattern_count++];

    entry->pattern = vtx_pattern_compile(key, limits->arena, &limits->steps);
    entry->node = compile(compiler, element);
    walk.at = pass(compiler, element);
  }
}

static void take_ref(struct compiler *compiler, struct cb_json_view value,
                     struct vtx_schema_node *node) {
  struct pending *pending;

  if (!is(value, CB_JSON_STRING)) return;
  pending = vtx_schema_alloc(compiler->limits, 1, sizeof *pending);
  if (!pending) return;
  *pending = (struct pending){compiler->pending, node, value};
  compiler->pending = pending;
}

static void take_items(struct compiler *compiler, struct cb_json_view value,
                       struct vtx_schema_node *node, struct parts *parts) {
  if (is(value, CB_JSON_ARRAY)) {
    parts->items_were_list = true;
    take_list(compiler, value, &node->prefix);
  } else {
    node->items = compile(compiler, value);
  }
}

static void take_pattern(struct compiler *compiler, struct cb_json_view value,
                         struct vtx_schema_node *node) {
  if (!is(value, CB_JSON_STRING)) return;
  node->pattern_text = value;
  node->pattern = vtx_pattern_compile(value, compiler->limits->arena,
                                      &compiler->limits->steps);
}

/* A number, or (as in older drafts and OpenAPI) a word on minimum. */
static void take_exclusive(struct cb_json_view value, bool *flag,
                           struct cb_json_view *number) {
  if (is(value, CB_JSON_BOOL))
    *flag = *value.at == 't';
  else
    take_number(value, number);
}

/* --- keywords ------------------------------------------------------------ */

enum keyword {
#define KEYWORDS(X)                        \
  X(TYPE, "type")                          \
  X(NULLABLE, "nullable")                  \
  X(ENUM, "enum")                          \
  X(CONST, "const")                        \
  X(PROPERTIES, "properties")              \
  X(REQUIRED, "required")                  \
  X(ADDITIONAL, "additionalProperties")    \
  X(BY_PATTERN, "patternProperties")       \
  X(MIN_PROPERTIES, "minProperties")       \
  X(MAX_PROPERTIES, "maxProperties")       \
  X(ITEMS, "items")                        \
  X(PREFIX_ITEMS, "prefixItems")           \
  X(ADDITIONAL_ITEMS, "additionalItems")   \
  X(MIN_ITEMS, "minItems")                 \
  X(MAX_ITEMS, "maxItems")                 \
  X(UNIQUE_ITEMS, "uniqueItems")           \
  X(MINIMUM, "minimum")                    \
  X(MAXIMUM, "maximum")                    \
  X(EXCLUSIVE_MINIMUM, "exclusiveMinimum") \
  X(EXCLUSIVE_MAXIMUM, "exclusiveMaximum") \
  X(MULTIPLE_OF, "multipleOf")             \
  X(MIN_LENGTH, "minLength")               \
  X(MAX_LENGTH, "maxLength")               \
  X(PATTERN, "pattern")                    \
  X(ANY_OF, "anyOf")                       \
  X(ONE_OF, "oneOf")                       \
  X(ALL_OF, "allOf")                       \
  X(NOT, "not")                            \
  X(DOLLAR_REF, "$ref")                    \
  X(REF, "ref")
#define KEYWORD_ENUM(name, text) KEYWORD_##name,
  KEYWORDS(KEYWORD_ENUM)
#undef KEYWORD_ENUM
      KEYWORD_COUNT
};

static enum keyword keyword_of(struct cb_json_view key) {
  static const char *const names[] = {
#define KEYWORD_TEXT(name, text) text,
      KEYWORDS(KEYWORD_TEXT)
#undef KEYWORD_TEXT
  };
  int found = 0;

  while (found < KEYWORD_COUNT && !cb_json_string_is(key, names[found]))
    found++;
  return (enum keyword)found;
}

/* What a number or a string must be like. */
static void take_scalar(struct compiler *compiler, enum keyword keyword,
                        struct cb_json_view value,
                        struct vtx_schema_node *node) {
  switch (keyword) {
    case KEYWORD_MINIMUM:
      take_number(value, &node->minimum);
      break;
    case KEYWORD_MAXIMUM:
      take_number(value, &node->maximum);
      break;
    case KEYWORD_EXCLUSIVE_MINIMUM:
      take_exclusive(value, &node->above, &node->more_than);
      break;
    case KEYWORD_EXCLUSIVE_MAXIMUM:
      take_exclusive(value, &node->below, &node->less_than);
      break;
    case KEYWORD_MULTIPLE_OF:
      take_number(value, &node->multiple_of);
      break;
    case KEYWORD_MIN_LENGTH:
      take_count(value, &node->length.min);
      break;
    case KEYWORD_MAX_LENGTH:
      take_count(value, &node->length.max);
      break;
    case KEYWORD_PATTERN:
      take_pattern(compiler, value, node);
      break;
    default:
      break;
  }
}

/* What an array or an object must be like. */
static void take_inner(struct compiler *compiler, enum keyword keyword,
                       struct cb_json_view value, struct vtx_schema_node *node,
                       struct parts *parts) {
  switch (keyword) {
    case KEYWORD_PROPERTIES:
      if (is(value, CB_JSON_OBJECT)) parts->properties = value;
      break;
    case KEYWORD_REQUIRED:
      if (is(value, CB_JSON_ARRAY)) parts->required = value;
      break;
    case KEYWORD_ADDITIONAL:
      node->additional = compile(compiler, value);
      break;
    case KEYWORD_BY_PATTERN:
      take_patterns(compiler, value, node);
      break;
    case KEYWORD_MIN_PROPERTIES:
      take_count(value, &node->members.min);
      break;
    case KEYWORD_MAX_PROPERTIES:
      take_count(value, &node->members.max);
      break;
    case KEYWORD_ITEMS:
      take_items(compiler, value, node, parts);
      break;
    case KEYWORD_PREFIX_ITEMS:
      take_list(compiler, value, &node->prefix);
      break;
    case KEYWORD_ADDITIONAL_ITEMS:
      parts->rest = compile(compiler, value);
      break;
    case KEYWORD_MIN_ITEMS:
      take_count(value, &node->items_count.min);
      break;
    case KEYWORD_MAX_ITEMS:
      take_count(value, &node->items_count.max);
      break;
    case KEYWORD_UNIQUE_ITEMS:
      node->unique = *value.at == 't';
      break;
    default:
      take_scalar(compiler, keyword, value, node);
  }
}

static void take_keyword(struct compiler *compiler, struct cb_json_view key,
                         struct cb_json_view value,
                         struct vtx_schema_node *node, struct parts *parts) {
  enum keyword keyword = keyword_of(key);

  switch (keyword) {
    case KEYWORD_TYPE:
      take_type(compiler, value, node);
      break;
    case KEYWORD_NULLABLE:
      node->nullable = *value.at == 't';
      break;
    case KEYWORD_ENUM:
      if (is(value, CB_JSON_ARRAY)) node->values = value;
      break;
    case KEYWORD_CONST:
      node->constant = value;
      break;
    case KEYWORD_ANY_OF:
      take_list(compiler, value, &node->any_of);
      break;
    case KEYWORD_ONE_OF:
      take_list(compiler, value, &node->one_of);
      break;
    case KEYWORD_ALL_OF:
      take_list(compiler, value, &node->all_of);
      break;
    case KEYWORD_NOT:
      node->excluded = compile(compiler, value);
      node->excludes_all = *value.at == 't';
      break;
    case KEYWORD_DOLLAR_REF:
      take_ref(compiler, value, node);
      break;
    case KEYWORD_REF:
      if (compiler->openapi) take_ref(compiler, value, node);
      break;
    default:
      take_inner(compiler, keyword, value, node, parts);
  }
}

/* --- schemas ------------------------------------------------------------- */

static void take_names(struct compiler *compiler, const struct parts *parts,
                       struct vtx_schema_node *node) {
  struct vtx_schema_limits *limits = compiler->limits;
  size_t count = 0;
  struct cb_json_walk walk;
  struct cb_json_view key;
  struct cb_json_view element;

  if (parts->properties.at) count += count_of(compiler, parts->properties);
  if (parts->required.at) count += count_of(compiler, parts->required);
  if (count == 0 || limits->spent) return;
  node->names = vtx_schema_names_new(limits, count);
  if (parts->properties.at) {
    walk = cb_json_walk(parts->properties);
    while (!limits->spent && cb_json_walk_next(&walk, &key, &element)) {
      struct vtx_schema_name *name = vtx_schema_enter(node->names, key, limits);

      name->property = true;
      name->node = compile(compiler, element);
      walk.at = pass(compiler, element);
    }
  }
  if (!parts->required.at || limits->spent) return;
  walk = cb_json_walk(parts->required);
  while (!limits->spent && cb_json_walk_next(&walk, &key, &element)) {
    if (is(element, CB_JSON_STRING))
      vtx_schema_enter(node->names, element, limits)->required = true;
    walk.at = pass(compiler, element);
  }
}

static struct vtx_schema_node *new_node(struct compiler *compiler) {
  struct vtx_schema_node *node =
      vtx_schema_alloc(compiler->limits, 1, sizeof *node);
  const struct vtx_schema_span open = {-1, -1};

  if (node) node->length = node->items_count = node->members = open;
  return node;
}

/* Fills node, which may be referred to before that. */
static void fill(struct compiler *compiler, struct cb_json_view schema,
                 struct vtx_schema_node *node) {
  struct parts parts = {.rest = NULL};
  struct cb_json_walk walk = cb_json_walk(schema);
  struct cb_json_view key;
  struct cb_json_view value;

  while (vtx_schema_spend(compiler->limits, KEYWORD_STEPS) &&
         cb_json_walk_next(&walk, &key, &value)) {
    take_keyword(compiler, key, value, node, &parts);
    walk.at = pass(compiler, value);
  }
  if (parts.items_were_list) node->items = parts.rest;
  take_names(compiler, &parts, node);
}

/* Depth is that of the text, which was scanned. */
static struct vtx_schema_node *compile(struct compiler *compiler,
                                       struct cb_json_view schema) {
  struct vtx_schema_node *node;

  if (*schema.at != 'f' && !is(schema, CB_JSON_OBJECT)) return NULL;
  node = new_node(compiler);
  if (!node) return NULL;
  if (*schema.at == 'f')
    node->nothing = true;
  else
    fill(compiler, schema, node);
  return node;
}

static struct vtx_schema_node *target_of(struct compiler *compiler,
                                         struct cb_json_view schema) {
  struct target *target = compiler->targets;

  while (target && target->place != schema.at) {
    if (!vtx_schema_spend(compiler->limits, 1)) return NULL;
    target = target->next;
  }
  if (target) return target->node;
  target = vtx_schema_alloc(compiler->limits, 1, sizeof *target);
  if (!target) return NULL;
  *target = (struct target){compiler->targets, schema.at, NULL};
  compiler->targets = target;
  target->node = compile(compiler, schema);
  return target->node;
}

struct vtx_schema_node *vtx_schema_compile(
    const struct vtx_schema_source *source, struct vtx_schema_limits *limits) {
  struct compiler compiler = {.limits = limits,
                              .root = cb_json_view(source->json, source->size),
                              .openapi = source->openapi};
  struct vtx_schema_node *root = target_of(&compiler, compiler.root);

  while (compiler.pending && !limits->spent) {
    struct pending *pending = compiler.pending;
    struct cb_json_view schema;

    compiler.pending = pending->next;
    schema = vtx_schema_pointer(compiler.root, pending->pointer, limits);
    if (schema.at) pending->node->ref = target_of(&compiler, schema);
  }
  return root;
}
