/* What is said of a mismatch: path, expectation, finding. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/utf8.h"
#include "service/vertex/schema_number.h"
#include "service/vertex/schema_walk.h"

#define MAX_SHOWN 60
#define MAX_PATH 200
#define MAX_KEY 80 /* of one step of the path */

static const struct {
  unsigned bit;
  const char *name;
} type_names[] = {
    {VTX_TYPE_OBJECT, "object"},   {VTX_TYPE_ARRAY, "array"},
    {VTX_TYPE_STRING, "string"},   {VTX_TYPE_NUMBER, "number"},
    {VTX_TYPE_INTEGER, "integer"}, {VTX_TYPE_BOOLEAN, "boolean"},
    {VTX_TYPE_NULL, "null"},
};

unsigned vtx_schema_types(struct cb_json_view value) {
  struct vtx_decimal number;

  switch (cb_json_kind(value)) {
    case CB_JSON_NULL:
      return VTX_TYPE_NULL;
    case CB_JSON_BOOL:
      return VTX_TYPE_BOOLEAN;
    case CB_JSON_STRING:
      return VTX_TYPE_STRING;
    case CB_JSON_ARRAY:
      return VTX_TYPE_ARRAY;
    case CB_JSON_OBJECT:
      return VTX_TYPE_OBJECT;
    case CB_JSON_NUMBER:
      break;
  }
  number = vtx_decimal(value.at, value.end);
  return vtx_decimal_is_integer(&number) ? VTX_TYPE_NUMBER | VTX_TYPE_INTEGER
                                         : VTX_TYPE_NUMBER;
}

const char *vtx_schema_kind(struct cb_json_view value) {
  unsigned types = vtx_schema_types(value);
  size_t i = 0;

  if (types & VTX_TYPE_INTEGER) return "integer";
  while (type_names[i].bit != types)
    i++;
  return type_names[i].name;
}

const char *vtx_schema_type_names(struct vtx_schema_walk *walk,
                                  unsigned types) {
  char text[80] = "";
  size_t len = 0;

  for (size_t i = 0; i < sizeof type_names / sizeof *type_names; i++) {
    if (!(types & type_names[i].bit)) continue;
    len += (size_t)snprintf(text + len, sizeof text - len, "%s%s",
                            len > 0 ? " or " : "", type_names[i].name);
  }
  return cb_arena_printf(walk->texts, "%s", text);
}

const char *vtx_schema_shown(struct vtx_schema_walk *walk,
                             struct cb_json_view value) {
  size_t size = (size_t)(cb_json_end(value) - value.at);
  size_t shown = cb_utf8_cut(value.at, size, MAX_SHOWN);
  const char *text = cb_arena_printf(walk->texts, "%.*s%s", (int)shown,
                                     value.at, shown < size ? "..." : "");

  return text ? text : "";
}

const char *vtx_schema_number(struct vtx_schema_walk *walk, size_t number) {
  const char *text = cb_arena_printf(walk->texts, "%zu", number);

  return text ? text : "";
}

/* --- paths --------------------------------------------------------------- */

static bool is_plain(const char *name, size_t size) {
  for (size_t i = 0; i < size; i++) {
    char c = name[i];

    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
          (i > 0 && c >= '0' && c <= '9')))
      return false;
  }
  return size > 0;
}

/* .name, ["another name"] or [3]. */
static void add_step(struct cb_buf *path,
                     const struct vtx_schema_place *place) {
  struct cb_json_view key = place->key;
  size_t size;
  size_t shown;

  if (!key.at) {
    cb_buf_printf(path, "[%zu]", place->index);
    return;
  }
  size = (size_t)(cb_json_end(key) - key.at) - 2;
  shown = cb_utf8_cut(key.at + 1, size, MAX_KEY);
  if (is_plain(key.at + 1, shown) && shown == size)
    cb_buf_printf(path, ".%.*s", (int)size, key.at + 1);
  else
    cb_buf_printf(path, "[\"%.*s%s\"]", (int)shown, key.at + 1,
                  shown < size ? "..." : "");
}

/* Steps from the root to place, as far as they are among the first or the last
 * few; what is between is "...". */
static const char *path_of(const struct vtx_schema_place *place,
                           struct cb_arena *arena) {
  const struct vtx_schema_place *steps[VTX_SCHEMA_DEPTH + 1];
  size_t count = 0;
  struct cb_buf path;
  const char *text;

  for (; place && count < VTX_SCHEMA_DEPTH; place = place->above)
    steps[count++] = place;
  cb_buf_init(&path, 4 * MAX_PATH, NULL);
  cb_buf_add_char(&path, '$');
  while (count > 0 && path.len < MAX_PATH)
    add_step(&path, steps[--count]);
  if (count > 0) cb_buf_add_text(&path, "...");
  text = path.len > 0 ? cb_arena_strdup(arena, path.data) : NULL;
  cb_buf_release(&path);
  return text ? text : "$";
}

bool vtx_schema_differs(struct vtx_schema_walk *walk,
                        const struct vtx_schema_spot *spot, const char *found,
                        const char *expected, ...) {
  va_list args;
  const char *text;

  if (walk->limits.spent) return false;
  if (spot->value.at > walk->farthest) walk->farthest = spot->value.at;
  if (walk->quiet) return false;
  va_start(args, expected);
  text = cb_arena_vprintf(walk->texts, expected, args);
  va_end(args);
  *walk->mismatch = (struct vtx_schema_mismatch){
      path_of(spot->place, walk->texts), text ? text : "",
      found ? found : vtx_schema_shown(walk, spot->value)};
  return false;
}
