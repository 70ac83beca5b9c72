#include "service/emulator/rest_schema.h"

#include <assert.h>
#include <ctype.h>
#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

/* The table's text goes into the program as it is. */
__asm__(
    ".section .rodata\n"
    ".global vtx_emu_schema_text\n"
    "vtx_emu_schema_text:\n"
    ".incbin \"" VTX_EMU_SCHEMA_FILE
    "\"\n"
    ".byte 0\n"
    ".previous\n");
extern const char vtx_emu_schema_text[];

struct vtx_emu_schema {
  struct cb_arena *arena;
  struct vtx_emu_type *types;
  size_t type_count;
};

enum { MAX_TYPES = 256, MAX_FIELDS = 64, SCHEMA_BYTES = 1 << 20 };

static const struct {
  const char *word;
  enum vtx_emu_kind kind;
} kinds[] = {
    {"string", VTX_EMU_STRING},     {"bytes", VTX_EMU_BYTES},
    {"duration", VTX_EMU_DURATION}, {"bool", VTX_EMU_BOOL},
    {"int32", VTX_EMU_INT32},       {"int64", VTX_EMU_INT64},
    {"float", VTX_EMU_FLOAT},       {"double", VTX_EMU_DOUBLE},
    {"any", VTX_EMU_ANY},
};

static void parse_kind(struct vtx_emu_field *field, const char *word) {
  field->type_name = "";
  field->names = "";
  field->shape = VTX_EMU_ONE;
  if (*word == '[') field->shape = VTX_EMU_LIST;
  if (*word == '{') field->shape = VTX_EMU_MAP;
  if (field->shape != VTX_EMU_ONE) word++;
  if (*word == '(') {
    field->kind = VTX_EMU_ENUM;
    field->names = word + 1;
    return;
  }
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (strcmp(word, kinds[i].word) == 0) {
      field->kind = kinds[i].kind;
      return;
    }
  }
  field->kind = VTX_EMU_MESSAGE;
  field->type_name = word;
}

/* A line is empty, a comment, the name of a type or, indented, a field. */
static bool parse_line(struct vtx_emu_schema *schema, char *line) {
  struct vtx_emu_type *type;
  char *blank;

  if (*line == '\0' || *line == '#') return true;
  if (*line != ' ') {
    assert(schema->type_count < MAX_TYPES);
    type = &schema->types[schema->type_count++];
    type->name = line;
    type->fields =
        cb_arena_zalloc(schema->arena, MAX_FIELDS, sizeof *type->fields);
    return type->fields != NULL;
  }
  type = &schema->types[schema->type_count - 1];
  assert(type->field_count < MAX_FIELDS);
  line += strspn(line, " ");
  blank = strchr(line, ' ');
  assert(blank);
  *blank = '\0';
  type->fields[type->field_count].name = line;
  parse_kind(&type->fields[type->field_count++], blank + 1);
  return true;
}

static void link_types(struct vtx_emu_schema *schema) {
  for (size_t i = 0; i < schema->type_count; i++) {
    struct vtx_emu_type *type = &schema->types[i];

    for (size_t j = 0; j < type->field_count; j++) {
      struct vtx_emu_field *field = &type->fields[j];

      if (field->kind != VTX_EMU_MESSAGE) continue;
      field->type = vtx_emu_schema_type(schema, field->type_name);
      assert(field->type);
    }
  }
}

struct vtx_emu_schema *vtx_emu_schema_new(void) {
  struct cb_arena *arena = cb_arena_new(NULL, SCHEMA_BYTES, 0);
  struct vtx_emu_schema *schema;
  char *text;
  char *rest;

  if (!arena) return NULL;
  schema = cb_arena_zalloc(arena, 1, sizeof *schema);
  text = cb_arena_strdup(arena, vtx_emu_schema_text);
  if (!schema || !text) goto out;
  schema->arena = arena;
  schema->types = cb_arena_zalloc(arena, MAX_TYPES, sizeof *schema->types);
  if (!schema->types) goto out;
  while ((rest = strchr(text, '\n'))) {
    *rest = '\0';
    if (!parse_line(schema, text)) goto out;
    text = rest + 1;
  }
  link_types(schema);
  return schema;

out:
  cb_arena_free(arena);
  return NULL;
}

void vtx_emu_schema_free(struct vtx_emu_schema *schema) {
  if (schema) cb_arena_free(schema->arena);
}

const struct vtx_emu_type *vtx_emu_schema_type(
    const struct vtx_emu_schema *schema, const char *name) {
  for (size_t i = 0; i < schema->type_count; i++) {
    if (strcmp(schema->types[i].name, name) == 0) return &schema->types[i];
  }
  return NULL;
}

/* True if name is camel, or camel's snake_case form. */
static bool same_name(const char *camel, const char *name) {
  while (*camel && *name) {
    if (*name == '_' && isupper((unsigned char)*camel)) {
      name++;
      if (toupper((unsigned char)*name) != *camel) return false;
    } else if (*name != *camel) {
      return false;
    }
    name++;
    camel++;
  }
  return *camel == *name;
}

const struct vtx_emu_field *vtx_emu_type_field(const struct vtx_emu_type *type,
                                               const char *name) {
  for (size_t i = 0; i < type->field_count; i++) {
    if (same_name(type->fields[i].name, name)) return &type->fields[i];
  }
  return NULL;
}

bool vtx_emu_field_has_name(const struct vtx_emu_field *field,
                            const char *name) {
  size_t size = strlen(name);
  const char *at = field->names;

  while (*at) {
    size_t length = strcspn(at, "|");

    if (length == size && memcmp(at, name, size) == 0) return true;
    at += length;
    if (*at == '|') at++;
  }
  return false;
}

void vtx_emu_snake(const char *name, char *out, size_t room) {
  size_t len = 0;

  assert(room > 2);
  for (; *name && len + 2 < room; name++) {
    if (isupper((unsigned char)*name) && len > 0) out[len++] = '_';
    out[len++] = (char)tolower((unsigned char)*name);
  }
  out[len] = '\0';
}

struct json_object *vtx_emu_get(const struct json_object *object,
                                const char *name) {
  struct json_object *value = NULL;
  char snake[64];

  if (!json_object_is_type(object, json_type_object)) return NULL;
  if (json_object_object_get_ex(object, name, &value) && value) return value;
  vtx_emu_snake(name, snake, sizeof snake);
  json_object_object_get_ex(object, snake, &value);
  return value;
}

const char *vtx_emu_get_text(const struct json_object *object,
                             const char *name) {
  struct json_object *value = vtx_emu_get(object, name);

  if (!json_object_is_type(value, json_type_string)) return NULL;
  return json_object_get_string(value);
}

size_t vtx_emu_list_size(const struct json_object *list) {
  if (!list) return 0;
  if (!json_object_is_type(list, json_type_array)) return 1;
  return json_object_array_length(list);
}

struct json_object *vtx_emu_list_at(struct json_object *list, size_t place) {
  if (!json_object_is_type(list, json_type_array)) return list;
  return json_object_array_get_idx(list, place);
}
