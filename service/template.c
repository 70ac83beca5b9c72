/* A template is a row of segments: literal text, {index}, {item}, or {item}
 * with steps into it. Literal text is not copied; a doubled brace ends one
 * literal after its first brace and the next one begins behind the second.
 */
#include "service/template.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/json_writer.h"
#include "service/limits.h"
#include "service/vertex/reasons.h"

enum segment_kind { SEGMENT_LITERAL, SEGMENT_INDEX, SEGMENT_ITEM };

/* One step into a value: by key, or, where key is NULL, by place. */
struct step {
  const char *key;
  size_t key_size;
  size_t place;
};

struct segment {
  enum segment_kind kind;
  const char *text; /* the literal, or the placeholder with its braces */
  size_t size;
  const struct step *steps;
  size_t step_count;
};

struct vtx_template {
  struct segment *segments;
  size_t count;
};

struct compiler {
  const char *text;
  size_t size;
  size_t at;
  const char *field;
  struct cb_arena *arena;
  struct segment *segments; /* NULL while they are only counted */
  size_t count;
  size_t before; /* segments of the templates before this one */
  struct cb_status status;
};

/* How much of a wrong placeholder an error quotes. */
#define QUOTE_MAX 60

static bool fail(struct compiler *compiler, size_t at, const char *what) {
  const char *from = compiler->text + at;
  const char *close = memchr(from, '}', compiler->size - at);
  size_t size = close ? (size_t)(close - from) + 1 : compiler->size - at;

  while (size > QUOTE_MAX)
    size = QUOTE_MAX;
  while (size > 1 && ((unsigned char)from[size] & 0xC0) == 0x80)
    size--;
  compiler->status = cb_status_field(
      compiler->arena, compiler->field, "%s: %s: \"%.*s\" at byte %zu",
      compiler->field, what, (int)size, from, at);
  compiler->status.reason = "TEMPLATE_INVALID";
  return false;
}

static bool no_room(struct compiler *compiler) {
  compiler->status = vtx_no_room(
      compiler->arena, cb_arena_past_cap(compiler->arena),
      VTX_REQUEST_TOO_LARGE, "%s needs too much memory", compiler->field);
  return false;
}

static bool add(struct compiler *compiler, struct segment segment) {
  if (segment.kind == SEGMENT_LITERAL && segment.size == 0) return true;
  if (compiler->before + compiler->count == VTX_TEMPLATE_SEGMENTS) {
    compiler->status = cb_status_field(
        compiler->arena, compiler->field,
        "%s has more than %d placeholders and texts between them%s",
        compiler->field, VTX_TEMPLATE_SEGMENTS,
        compiler->before > 0 ? ", with the parts before it" : "");
    compiler->status.reason = "TEMPLATE_INVALID";
    return false;
  }
  if (compiler->segments) compiler->segments[compiler->count] = segment;
  compiler->count++;
  return true;
}

/* Reads ".key" at *at, up to end. */
static bool read_key(const char *text, size_t end, size_t *at,
                     struct step *ret_step) {
  size_t from = *at + 1;
  size_t to = from;

  while (to < end && text[to] != '.' && text[to] != '[' && text[to] != ']') {
    to++;
  }
  if (to == from) return false;
  *ret_step = (struct step){.key = text + from, .key_size = to - from};
  *at = to;
  return true;
}

/* Reads "[123]" at *at, up to end. Nine digits are more than any list has. */
static bool read_place(const char *text, size_t end, size_t *at,
                       struct step *ret_step) {
  size_t to = *at + 1;
  size_t place = 0;

  while (to < end && text[to] >= '0' && text[to] <= '9' && to - *at <= 9) {
    place = place * 10 + (size_t)(text[to++] - '0');
  }
  if (to == *at + 1 || to >= end || text[to] != ']') return false;
  *ret_step = (struct step){.place = place};
  *at = to + 1;
  return true;
}

/* Reads the steps between at and end. False with status if they are none. */
static bool read_steps(struct compiler *compiler, size_t open, size_t at,
                       size_t end, struct segment *segment) {
  struct step steps[VTX_TEMPLATE_STEPS];
  size_t count = 0;
  const char *text = compiler->text;

  while (at < end) {
    bool read = false;

    if (count == VTX_TEMPLATE_STEPS) {
      return fail(compiler, open, "placeholder with too many steps");
    }
    if (text[at] == '.') read = read_key(text, end, &at, &steps[count]);
    if (!read && text[at] == '[') {
      read = read_place(text, end, &at, &steps[count]);
    }
    if (!read) return fail(compiler, open, "placeholder with a bad step");
    count++;
  }
  segment->step_count = count;
  if (!compiler->segments || count == 0) return true;
  segment->steps = (struct step *)(void *)cb_arena_memdup(
      compiler->arena, steps, count * sizeof *steps);
  return segment->steps ? true : no_room(compiler);
}

/* Reads the placeholder whose { stands at compiler->at. */
static bool read_placeholder(struct compiler *compiler) {
  static const char item[] = "item";
  static const char index[] = "index";
  size_t open = compiler->at;
  const char *from = compiler->text + open + 1;
  size_t left = compiler->size - open - 1;
  const char *close = memchr(from, '}', left);
  const char *nested = memchr(from, '{', close ? (size_t)(close - from) : left);
  size_t size;
  struct segment segment = {.kind = SEGMENT_ITEM, .text = from - 1};

  if (!close || nested) return fail(compiler, open, "brace is not closed");
  size = (size_t)(close - from);
  segment.size = size + 2;
  compiler->at = open + segment.size;
  if (size == sizeof index - 1 && memcmp(from, index, size) == 0) {
    segment.kind = SEGMENT_INDEX;
  } else if (size >= sizeof item - 1 &&
             memcmp(from, item, sizeof item - 1) == 0) {
    if (!read_steps(compiler, open, open + sizeof item, open + 1 + size,
                    &segment)) {
      return false;
    }
  } else {
    return fail(compiler, open, "unknown placeholder");
  }
  return add(compiler, segment);
}

/* Reads up to the next thing that is not literal, and that thing. */
static bool read_piece(struct compiler *compiler) {
  const char *text = compiler->text;
  size_t from = compiler->at;
  size_t to = from + strcspn(text + from, "{}");
  struct segment literal = {SEGMENT_LITERAL, text + from, to - from, NULL, 0};
  bool doubled = to < compiler->size && text[to + 1] == text[to];

  compiler->at = to;
  if (doubled) {
    literal.size++;
    compiler->at = to + 2;
  }
  if (!add(compiler, literal)) return false;
  if (doubled || to == compiler->size) return true;
  if (text[to] == '}') return fail(compiler, to, "brace was not opened");
  return read_placeholder(compiler);
}

static bool read_all(struct compiler *compiler) {
  compiler->at = 0;
  compiler->count = 0;
  while (compiler->at < compiler->size) {
    if (!read_piece(compiler)) return false;
  }
  return true;
}

struct cb_status vtx_template_compile(const char *text, const char *field,
                                      struct cb_arena *arena,
                                      struct vtx_template **ret_template) {
  size_t segments = 0;

  return vtx_template_compile_part(text, field, arena, &segments, ret_template);
}

struct cb_status vtx_template_compile_part(const char *text, const char *field,
                                           struct cb_arena *arena,
                                           size_t *segments,
                                           struct vtx_template **ret_template) {
  struct compiler compiler = {.text = text,
                              .size = strlen(text),
                              .field = field,
                              .arena = arena,
                              .before = *segments,
                              .status = cb_status_ok()};
  struct vtx_template *compiled = cb_arena_zalloc(arena, 1, sizeof *compiled);

  if (!compiled) no_room(&compiler);
  if (!compiled || !read_all(&compiler)) return compiler.status;
  compiler.segments =
      cb_arena_zalloc(arena, compiler.count, sizeof *compiler.segments);
  if (!compiler.segments) no_room(&compiler);
  if (!compiler.segments || !read_all(&compiler)) return compiler.status;
  compiled->segments = compiler.segments;
  compiled->count = compiler.count;
  *segments += compiler.count;
  *ret_template = compiled;
  return compiler.status;
}

/* Rendering. */

static void add_value_json(struct cb_json *json,
                           const Google__Protobuf__Value *value);

static void add_struct_json(struct cb_json *json,
                            const Google__Protobuf__Struct *object) {
  cb_json_begin_object(json);
  for (size_t i = 0; object && i < object->n_fields; i++) {
    cb_json_key(json, object->fields[i]->key);
    add_value_json(json, object->fields[i]->value);
  }
  cb_json_end_object(json);
}

static void add_list_json(struct cb_json *json,
                          const Google__Protobuf__ListValue *list) {
  cb_json_begin_array(json);
  for (size_t i = 0; list && i < list->n_values; i++) {
    add_value_json(json, list->values[i]);
  }
  cb_json_end_array(json);
}

/* Recursion is safe: the message was scanned for its depth when it came. */
static void add_value_json(struct cb_json *json,
                           const Google__Protobuf__Value *value) {
  switch (value ? value->kind_case : GOOGLE__PROTOBUF__VALUE__KIND__NOT_SET) {
    case GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE:
      cb_json_double(json, value->number_value);
      break;
    case GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE:
      cb_json_string(json, value->string_value);
      break;
    case GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE:
      cb_json_bool(json, value->bool_value);
      break;
    case GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE:
      add_struct_json(json, value->struct_value);
      break;
    case GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE:
      add_list_json(json, value->list_value);
      break;
    default:
      cb_json_null(json);
  }
}

static void add_value(struct cb_buf *out,
                      const Google__Protobuf__Value *value) {
  struct cb_json json;
  char number[CB_DOUBLE_ROOM];

  if (value->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE) {
    cb_buf_add_text(out, value->string_value);
  } else if (value->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE) {
    cb_buf_add(out, number, cb_double_text(value->number_value, number));
  } else {
    cb_json_init(&json, out);
    add_value_json(&json, value);
  }
}

/* All fields count, not those up to the one that is found: in a map they have
 * no order, and whether an item is refused must not depend on it. */
static void count_looks(const Google__Protobuf__Struct *object,
                        const struct step *step,
                        struct vtx_template_item *item) {
  uint64_t looks = 1 + step->key_size / VTX_TEMPLATE_LOOK_BYTES;

  item->looks += object->n_fields * looks;
}

/* The value of the step's key, NULL if there is none. Of a key that is there
 * twice the last counts, as in a map. */
static const Google__Protobuf__Value *find_key(
    const Google__Protobuf__Struct *object, const struct step *step) {
  for (size_t i = object->n_fields; i > 0; i--) {
    const Google__Protobuf__Struct__FieldsEntry *entry = object->fields[i - 1];

    if (strncmp(entry->key, step->key, step->key_size) == 0 &&
        entry->key[step->key_size] == '\0') {
      return entry->value;
    }
  }
  return NULL;
}

/* The value that one step leads to, NULL if there is none or if the item's
 * looks are used up. */
static const Google__Protobuf__Value *follow(
    const Google__Protobuf__Value *value, const struct step *step,
    struct vtx_template_item *item) {
  const Google__Protobuf__Struct *object = NULL;
  const Google__Protobuf__ListValue *list = NULL;

  if (value->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE) {
    object = value->struct_value;
  } else if (value->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE) {
    list = value->list_value;
  }
  if (!step->key) {
    return list && step->place < list->n_values ? list->values[step->place]
                                                : NULL;
  }
  if (!object) return NULL;
  count_looks(object, step, item);
  return item->looks <= VTX_TEMPLATE_LOOKS ? find_key(object, step) : NULL;
}

static struct cb_status too_costly(const struct vtx_template_item *item,
                                   struct cb_arena *arena) {
  struct cb_status status = cb_status_field(
      arena, item->field, "the placeholders for %s look at more than %d fields",
      item->field, VTX_TEMPLATE_LOOKS);

  status.reason = "TEMPLATE_TOO_COSTLY";
  return status;
}

static struct cb_status missing(const struct segment *segment,
                                const struct vtx_template_item *item,
                                struct cb_arena *arena) {
  int size = (int)(segment->size < QUOTE_MAX ? segment->size : QUOTE_MAX);
  struct cb_status status =
      cb_status_field(arena, item->field, "%s has nothing at %.*s", item->field,
                      size, segment->text);

  status.reason = "TEMPLATE_KEY_MISSING";
  return status;
}

static struct cb_status add_item(const struct segment *segment,
                                 struct vtx_template_item *item,
                                 struct cb_arena *arena, struct cb_buf *out) {
  const Google__Protobuf__Value *value = item->value;

  if (segment->step_count == 0) {
    if (item->shown) {
      cb_buf_add_text(out, item->shown);
    } else if (value) {
      add_value(out, value);
    } else {
      cb_buf_add_text(out, item->text);
    }
    return cb_status_ok();
  }
  for (size_t i = 0; value && i < segment->step_count; i++) {
    value = follow(value, &segment->steps[i], item);
  }
  if (item->looks > VTX_TEMPLATE_LOOKS) return too_costly(item, arena);
  if (!value) return missing(segment, item, arena);
  add_value(out, value);
  return cb_status_ok();
}

struct cb_status vtx_template_render(const struct vtx_template *compiled,
                                     struct vtx_template_item *item,
                                     struct cb_arena *arena,
                                     struct cb_buf *out) {
  struct cb_status status = cb_status_ok();
  const char *field;

  for (size_t i = 0; i < compiled->count && !out->failed; i++) {
    const struct segment *segment = &compiled->segments[i];

    if (segment->kind == SEGMENT_LITERAL) {
      cb_buf_add(out, segment->text, segment->size);
    } else if (segment->kind == SEGMENT_INDEX) {
      cb_buf_printf(out, "%" PRIu32, item->index);
    } else {
      status = add_item(segment, item, arena, out);
    }
    if (status.code != CB_OK) return status;
  }
  if (!out->failed) return status;
  if (!cb_buf_past_max(out))
    return vtx_no_memory("no memory for the rendered prompt");
  status = cb_status_format(arena, CB_RESOURCE_EXHAUSTED, "PROMPT_TOO_LARGE",
                            "the prompt of %s is larger than %zu bytes",
                            item->field, out->max);
  field = cb_arena_strdup(arena, item->field);
  status.field = field ? field : "";
  return status;
}
