/* Walks the tree along the types and collects every violation, with the path
 * at which it was found, as Google's front end does; a body with more than a
 * few is not walked to its end.
 */
#include "service/emulator/validate.h"

#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/utf8.h"
#include "service/emulator/google_error.h"
#include "service/emulator/rest_schema.h"

enum { MAX_VIOLATIONS = 10, MAX_PATH = 1024, MAX_DEPTH = 100, QUOTED = 80 };

struct walk {
  struct cb_arena *arena;
  struct vtx_emu_violation *violations; /* MAX_VIOLATIONS of them */
  size_t count;
  char path[MAX_PATH];
  size_t path_size;
  int depth;
};

static void check_message(struct walk *walk, const struct vtx_emu_type *type,
                          struct json_object *value);

/* Lengthens the path by what printf would write; a path that is too long stays
 * as it is. Returns the old length, for leave(). */
static size_t enter_field(struct walk *walk, const char *name) {
  size_t before = walk->path_size;
  char snake[128];
  size_t size;

  vtx_emu_snake(name, snake, sizeof snake);
  size = strlen(snake);
  if (before + size + 2 > MAX_PATH) return before;
  if (before > 0) walk->path[walk->path_size++] = '.';
  memcpy(walk->path + walk->path_size, snake, size + 1);
  walk->path_size += size;
  return before;
}

static size_t enter_index(struct walk *walk, size_t index) {
  size_t before = walk->path_size;
  struct cb_buf buf;

  cb_buf_init(&buf, 32, NULL);
  cb_buf_printf(&buf, "[%zu]", index);
  if (!buf.failed && before + buf.len + 1 <= MAX_PATH) {
    memcpy(walk->path + before, buf.data, buf.len + 1);
    walk->path_size += buf.len;
  }
  cb_buf_release(&buf);
  return before;
}

static void leave(struct walk *walk, size_t before) {
  walk->path_size = before;
  walk->path[before] = '\0';
}

static void add_violation(struct walk *walk, const char *description) {
  const char *field =
      walk->path_size > 0 ? cb_arena_strdup(walk->arena, walk->path) : NULL;

  if (walk->count == MAX_VIOLATIONS) return;
  walk->violations[walk->count++] = (struct vtx_emu_violation){
      field, description ? description : "Invalid JSON payload received."};
}

static void add_unknown(struct walk *walk, const char *name,
                        const char *trouble) {
  static const char start[] = "Invalid JSON payload received. Unknown name";
  int cut = (int)cb_utf8_cut(name, strlen(name), QUOTED);
  const char *text;

  if (walk->path_size > 0) {
    text = cb_arena_printf(walk->arena, "%s \"%.*s\" at '%s': %s", start, cut,
                           name, walk->path, trouble);
  } else {
    text = cb_arena_printf(walk->arena, "%s \"%.*s\": %s", start, cut, name,
                           trouble);
  }
  add_violation(walk, text);
}

static const char *quote(struct walk *walk, struct json_object *value) {
  const char *text = json_object_to_json_string_ext(
      value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
  char *copy = cb_arena_memdup(walk->arena, text,
                               cb_utf8_cut(text, strlen(text), QUOTED));

  return copy ? copy : "";
}

static void add_invalid(struct walk *walk, const char *type,
                        struct json_object *value) {
  add_violation(walk,
                cb_arena_printf(walk->arena, "Invalid value at '%s' (%s), %s",
                                walk->path, type, quote(walk, value)));
}

/* Numbers may be written as strings, as in all of protobuf's JSON. */
static bool read_number(struct json_object *value, double *ret_number) {
  const char *text;
  char *end;

  if (json_object_is_type(value, json_type_int) ||
      json_object_is_type(value, json_type_double)) {
    *ret_number = json_object_get_double(value);
    return isfinite(*ret_number) != 0;
  }
  if (!json_object_is_type(value, json_type_string)) return false;
  text = json_object_get_string(value);
  if (strcmp(text, "NaN") == 0 || strcmp(text, "Infinity") == 0 ||
      strcmp(text, "-Infinity") == 0) {
    *ret_number = text[0] == '-' ? -HUGE_VAL : HUGE_VAL;
    return true;
  }
  if (*text != '-' && !isdigit((unsigned char)*text)) return false;
  *ret_number = strtod(text, &end);
  return *end == '\0';
}

static bool is_integer(struct json_object *value, double low, double high) {
  double number;

  return read_number(value, &number) && number == trunc(number) &&
         number >= low && number <= high;
}

static bool is_float(struct json_object *value, double most) {
  double number;

  return read_number(value, &number) &&
         (!isfinite(number) || fabs(number) <= most);
}

static bool is_bool(struct json_object *value) {
  const char *text;

  if (json_object_is_type(value, json_type_boolean)) return true;
  if (!json_object_is_type(value, json_type_string)) return false;
  text = json_object_get_string(value);
  return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
}

/* "3.5s": at most nine digits behind the point. */
static bool is_duration(struct json_object *value) {
  const char *text;
  size_t digits;

  if (!json_object_is_type(value, json_type_string)) return false;
  text = json_object_get_string(value);
  if (*text == '-') text++;
  digits = strspn(text, "0123456789");
  if (digits == 0 || digits > 12) return false;
  text += digits;
  if (*text == '.') {
    digits = strspn(text + 1, "0123456789");
    if (digits == 0 || digits > 9) return false;
    text += digits + 1;
  }
  return strcmp(text, "s") == 0;
}

static void check_bytes(struct walk *walk, struct json_object *value) {
  const char *text = json_object_get_string(value);
  size_t size = (size_t)json_object_get_string_len(value);
  struct cb_buf room;
  uint8_t *out;
  size_t out_size;

  if (!json_object_is_type(value, json_type_string)) {
    add_invalid(walk, "TYPE_BYTES", value);
    return;
  }
  cb_buf_init(&room, SIZE_MAX, NULL);
  out = (uint8_t *)cb_buf_reserve(&room, cb_base64_decoded_room(size) + 1);
  if (!out || !cb_base64_decode(text, size, out, &out_size)) {
    add_violation(walk,
                  cb_arena_printf(walk->arena,
                                  "Invalid value at '%s' (TYPE_BYTES), Base64 "
                                  "decoding failed for %s",
                                  walk->path, quote(walk, value)));
  }
  cb_buf_release(&room);
}

static void check_enum(struct walk *walk, const struct vtx_emu_field *field,
                       struct json_object *value) {
  if (json_object_is_type(value, json_type_string) &&
      vtx_emu_field_has_name(field, json_object_get_string(value))) {
    return;
  }
  if (json_object_is_type(value, json_type_int)) return; /* its number */
  add_violation(
      walk,
      cb_arena_printf(walk->arena,
                      "Invalid value at '%s' "
                      "(type.googleapis.com/google.cloud.aiplatform.v1.%c%s), "
                      "%s",
                      walk->path, toupper((unsigned char)field->name[0]),
                      field->name + 1, quote(walk, value)));
}

static void check_scalar(struct walk *walk, const struct vtx_emu_field *field,
                         struct json_object *value) {
  switch (field->kind) {
    case VTX_EMU_STRING:
      if (json_object_is_type(value, json_type_string)) return;
      add_invalid(walk, "TYPE_STRING", value);
      break;
    case VTX_EMU_BOOL:
      if (!is_bool(value)) add_invalid(walk, "TYPE_BOOL", value);
      break;
    case VTX_EMU_INT32:
      if (is_integer(value, INT32_MIN, INT32_MAX)) return;
      add_invalid(walk, "TYPE_INT32", value);
      break;
    case VTX_EMU_INT64:
      if (is_integer(value, -0x1p63, 0x1p63)) return;
      add_invalid(walk, "TYPE_INT64", value);
      break;
    case VTX_EMU_FLOAT:
      if (!is_float(value, 3.5e38)) add_invalid(walk, "TYPE_FLOAT", value);
      break;
    case VTX_EMU_DOUBLE:
      if (!is_float(value, HUGE_VAL)) add_invalid(walk, "TYPE_DOUBLE", value);
      break;
    case VTX_EMU_DURATION:
      if (is_duration(value)) return;
      add_invalid(walk, "type.googleapis.com/google.protobuf.Duration", value);
      break;
    case VTX_EMU_BYTES:
      check_bytes(walk, value);
      break;
    case VTX_EMU_ENUM:
      check_enum(walk, field, value);
      break;
    case VTX_EMU_MESSAGE:
      check_message(walk, field->type, value);
      break;
    case VTX_EMU_ANY:
      break;
  }
}

static void check_list(struct walk *walk, const struct vtx_emu_field *field,
                       struct json_object *list) {
  for (size_t i = 0; i < json_object_array_length(list); i++) {
    size_t before = enter_index(walk, i);

    if (walk->count == MAX_VIOLATIONS) return;
    check_scalar(walk, field, json_object_array_get_idx(list, i));
    leave(walk, before);
  }
}

static void check_map(struct walk *walk, const struct vtx_emu_field *field,
                      struct json_object *map) {
  if (!json_object_is_type(map, json_type_object)) {
    add_invalid(walk, "Map", map);
    return;
  }
  json_object_object_foreach(map, key, value) {
    size_t before = enter_field(walk, key);

    check_scalar(walk, field, value);
    leave(walk, before);
  }
}

static void check_field(struct walk *walk, const struct vtx_emu_field *field,
                        struct json_object *value) {
  bool list = json_object_is_type(value, json_type_array);

  if (field->shape == VTX_EMU_MAP) {
    check_map(walk, field, value);
  } else if (field->shape == VTX_EMU_LIST && list) {
    check_list(walk, field, value);
  } else {
    check_scalar(walk, field, value); /* a list of one may lack its brackets */
  }
}

static void check_member(struct walk *walk, const struct vtx_emu_type *type,
                         const char *name, struct json_object *value) {
  const struct vtx_emu_field *field = vtx_emu_type_field(type, name);
  bool list = json_object_is_type(value, json_type_array);
  size_t before;

  if (!field) {
    add_unknown(walk, name, "Cannot find field.");
  } else if (list && field->shape == VTX_EMU_ONE &&
             field->kind != VTX_EMU_ANY) {
    add_unknown(walk, name, "Proto field is not repeating, cannot start list.");
  } else if (value) { /* null is: not set */
    before = enter_field(walk, field->name);
    check_field(walk, field, value);
    leave(walk, before);
  }
}

static void check_message(struct walk *walk, const struct vtx_emu_type *type,
                          struct json_object *value) {
  if (!json_object_is_type(value, json_type_object)) {
    add_invalid(walk, type->name, value);
    return;
  }
  if (walk->depth >= MAX_DEPTH) {
    add_violation(walk, "Message too deep. Max recursion depth reached.");
    return;
  }
  walk->depth++;
  json_object_object_foreach(value, name, member) {
    if (walk->count == MAX_VIOLATIONS) break;
    check_member(walk, type, name, member);
  }
  walk->depth--;
}

/* The message of the whole is that of each violation, a line each. */
static const char *join(const struct walk *walk) {
  struct cb_buf buf;
  const char *text;

  cb_buf_init(&buf, 64 << 10, NULL);
  for (size_t i = 0; i < walk->count; i++) {
    if (i > 0) cb_buf_add_char(&buf, '\n');
    cb_buf_add_text(&buf, walk->violations[i].description);
  }
  text = cb_arena_memdup(walk->arena, buf.data ? buf.data : "", buf.len);
  cb_buf_release(&buf);
  return text ? text : "Invalid JSON payload received.";
}

bool vtx_emu_check_shape(const struct vtx_emu_schema *schema,
                         const char *type_name, struct cb_arena *arena,
                         struct json_object *body,
                         struct vtx_emu_error *error) {
  struct walk walk = {.arena = arena};

  walk.violations =
      cb_arena_zalloc(arena, MAX_VIOLATIONS, sizeof *walk.violations);
  if (!walk.violations) {
    *error = vtx_emu_error_make(500, "Emulator: out of memory.");
    return false;
  }
  check_message(&walk, vtx_emu_schema_type(schema, type_name), body);
  if (walk.count == 0) return true;
  *error = vtx_emu_error_make(400, join(&walk));
  error->violations = walk.violations;
  error->violation_count = walk.count;
  return false;
}
