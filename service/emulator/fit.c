#include "service/emulator/fit.h"

#include <json-c/json.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/json_writer.h"
#include "base/utf8.h"
#include "service/emulator/rest_schema.h"

/* Optional properties end at SHY levels, everything at DEEP ones; lists and
 * texts a schema asks for have a most, and so has the value as a whole. */
enum { SHY = 8, DEEP = 64, MOST_ITEMS = 1000, MOST_TEXT = 65536 };
enum { MOST_VALUES = 20000 };

struct fit {
  struct json_object *root;
  const char *prompt;
  struct cb_json *json;
  const char *name; /* of the property that is being written */
  int64_t serial;   /* of the item that is being written */
  int depth;
  int values;
};

static void fit_value(struct fit *fit, struct json_object *schema);

static double number_or(struct json_object *schema, const char *name,
                        double otherwise) {
  struct json_object *value = vtx_emu_get(schema, name);

  if (!value || json_object_is_type(value, json_type_boolean)) {
    return otherwise;
  }
  return json_object_get_double(value);
}

static int64_t count_or(struct json_object *schema, const char *name,
                        int64_t otherwise, int64_t most) {
  struct json_object *value = vtx_emu_get(schema, name);
  int64_t count = value ? json_object_get_int64(value) : otherwise;

  if (count < 0) count = 0;
  return count < most ? count : most;
}

/* The names of the listed definitions are the last part of a reference. */
static struct json_object *follow(struct fit *fit, const char *ref) {
  static const char *const homes[] = {"$defs", "defs", "definitions"};
  const char *name = strrchr(ref, '/');

  if (strcmp(ref, "#") == 0) return fit->root;
  name = name ? name + 1 : ref;
  for (size_t i = 0; i < sizeof homes / sizeof *homes; i++) {
    struct json_object *home = NULL;
    struct json_object *found = NULL;

    json_object_object_get_ex(fit->root, homes[i], &home);
    if (home && json_object_object_get_ex(home, name, &found)) return found;
  }
  return NULL;
}

/* A choice takes the first that is not null. */
static struct json_object *first_choice(struct json_object *choices) {
  for (size_t i = 0; i < vtx_emu_list_size(choices); i++) {
    struct json_object *choice = vtx_emu_list_at(choices, i);
    const char *type = vtx_emu_get_text(choice, "type");

    if (!type || strcasecmp(type, "null") != 0) return choice;
  }
  return vtx_emu_list_at(choices, 0);
}

/* "" if the schema does not say and nothing in it tells. */
static const char *type_of(struct json_object *schema) {
  struct json_object *type = vtx_emu_get(schema, "type");

  for (size_t i = 0; i < vtx_emu_list_size(type); i++) {
    const char *name = json_object_get_string(vtx_emu_list_at(type, i));

    if (name &&
        (strcasecmp(name, "null") != 0 || vtx_emu_list_size(type) == 1)) {
      return name;
    }
  }
  if (vtx_emu_get(schema, "properties")) return "object";
  if (vtx_emu_get(schema, "items") || vtx_emu_get(schema, "prefixItems")) {
    return "array";
  }
  if (vtx_emu_get(schema, "minimum") || vtx_emu_get(schema, "maximum")) {
    return "number";
  }
  return "";
}

/* 42 if the bounds allow it, else what is next to it. */
static double pick_number(struct fit *fit, struct json_object *schema,
                          double step) {
  double low = number_or(schema, "minimum", -HUGE_VAL);
  double high = number_or(schema, "maximum", HUGE_VAL);
  double above = number_or(schema, "exclusiveMinimum", -HUGE_VAL);
  double below = number_or(schema, "exclusiveMaximum", HUGE_VAL);
  double value = 42 + (double)fit->serial;

  if (above >= low) low = above + step;
  if (below <= high) high = below - step;
  if (value < low) value = low;
  if (value > high) value = high;
  return value;
}

static void fit_integer(struct fit *fit, struct json_object *schema) {
  double multiple = number_or(schema, "multipleOf", 1);
  double value = pick_number(fit, schema, 1);

  if (!(multiple >= 1)) multiple = 1;
  value = ceil(value / multiple) * multiple;
  if (value > number_or(schema, "maximum", HUGE_VAL)) value -= multiple;
  if (!(fabs(value) < 9e15)) value = 0;
  cb_json_int(fit->json, (int64_t)value);
}

static void fit_number(struct fit *fit, struct json_object *schema) {
  double low = number_or(schema, "exclusiveMinimum", -HUGE_VAL);
  double high = number_or(schema, "exclusiveMaximum", HUGE_VAL);
  double multiple = number_or(schema, "multipleOf", 0);
  double value;

  if (low > -HUGE_VAL && high < HUGE_VAL) {
    value = (low + high) / 2;
  } else {
    value = pick_number(fit, schema, 1);
  }
  if (multiple > 0) value = ceil(value / multiple) * multiple;
  cb_json_double(fit->json, value);
}

/* Formats that JSON Schema and Vertex AI know; NULL: none of them. */
static const char *text_of_format(const char *format) {
  static const char *const table[][2] = {
      {"date-time", "2026-01-02T03:04:05Z"},
      {"date", "2026-01-02"},
      {"time", "03:04:05Z"},
      {"duration", "PT42S"},
      {"uuid", "00000000-0000-4000-8000-000000000042"},
      {"email", "emulator@example.com"},
      {"uri", "https://example.com/emulated"},
      {"url", "https://example.com/emulated"},
      {"hostname", "example.com"},
      {"ipv4", "192.0.2.42"},
      {"ipv6", "2001:db8::42"},
  };

  for (size_t i = 0; format && i < sizeof table / sizeof *table; i++) {
    if (strcmp(format, table[i][0]) == 0) return table[i][1];
  }
  return NULL;
}

/* Characters of text, and where the one at place begins. */
static size_t characters_of(const char *text) {
  size_t count = 0;

  for (; *text; text++) {
    if (((unsigned char)*text & 0xc0) != 0x80) count++;
  }
  return count;
}

static size_t offset_of(const char *text, size_t place) {
  const char *at = text;

  for (; *at; at++) {
    if (((unsigned char)*at & 0xc0) != 0x80 && place-- == 0) break;
  }
  return (size_t)(at - text);
}

/* "name for PROMPT", cut or filled up to the lengths asked for. */
static void fit_text(struct fit *fit, struct json_object *schema) {
  const char *fixed = text_of_format(vtx_emu_get_text(schema, "format"));
  size_t low = (size_t)count_or(schema, "minLength", 0, MOST_TEXT);
  size_t high = (size_t)count_or(schema, "maxLength", MOST_TEXT, MOST_TEXT);
  struct cb_buf buf;
  size_t count;

  if (fixed) {
    cb_json_string(fit->json, fixed);
    return;
  }
  cb_buf_init(&buf, 8 * MOST_TEXT, NULL);
  cb_buf_printf(&buf, "%s for ", fit->name);
  cb_buf_add(&buf, fit->prompt,
             cb_utf8_cut(fit->prompt, strlen(fit->prompt), 80));
  if (fit->serial > 0) {
    cb_buf_printf(&buf, " (%lld)", (long long)fit->serial + 1);
  }
  count = characters_of(buf.data ? buf.data : "");
  while (count++ < low)
    cb_buf_add_char(&buf, '.');
  cb_json_string_n(fit->json, buf.data ? buf.data : "",
                   buf.data ? offset_of(buf.data, high) : 0);
  cb_buf_release(&buf);
}

static void fit_list(struct fit *fit, struct json_object *schema) {
  struct json_object *items = vtx_emu_get(schema, "items");
  struct json_object *firsts = vtx_emu_get(schema, "prefixItems");
  int64_t prefix = (int64_t)vtx_emu_list_size(firsts);
  int64_t high = count_or(schema, "maxItems", MOST_ITEMS, MOST_ITEMS);
  int64_t wish = prefix > 0 ? prefix : 2;
  int64_t low =
      count_or(schema, "minItems", wish < high ? wish : high, MOST_ITEMS);
  int64_t outer = fit->serial;

  if (low == 0 && high > 0 && fit->depth < SHY) low = 1;
  cb_json_begin_array(fit->json);
  for (int64_t i = 0; i < low; i++) {
    fit->serial = i;
    if (i < prefix) {
      fit_value(fit, vtx_emu_list_at(firsts, (size_t)i));
    } else {
      fit_value(fit, items);
    }
  }
  fit->serial = outer;
  cb_json_end_array(fit->json);
}

static bool holds_text(struct json_object *list, const char *text) {
  for (size_t i = 0; i < vtx_emu_list_size(list); i++) {
    const char *own = json_object_get_string(vtx_emu_list_at(list, i));

    if (own && strcmp(own, text) == 0) return true;
  }
  return false;
}

static void fit_property(struct fit *fit, struct json_object *schema,
                         const char *name, struct json_object *property) {
  const char *outer = fit->name;

  if (fit->depth >= SHY && !holds_text(vtx_emu_get(schema, "required"), name)) {
    return;
  }
  fit->name = name;
  cb_json_key(fit->json, name);
  fit_value(fit, property);
  fit->name = outer;
}

static void fit_properties(struct fit *fit, struct json_object *schema) {
  struct json_object *properties = vtx_emu_get(schema, "properties");
  struct json_object *order = vtx_emu_get(schema, "propertyOrdering");

  if (!json_object_is_type(properties, json_type_object)) return;
  for (size_t i = 0; i < vtx_emu_list_size(order); i++) {
    const char *name = json_object_get_string(vtx_emu_list_at(order, i));
    struct json_object *property = NULL;

    if (name && json_object_object_get_ex(properties, name, &property)) {
      fit_property(fit, schema, name, property);
    }
  }
  json_object_object_foreach(properties, key, value) {
    if (!holds_text(order, key)) fit_property(fit, schema, key, value);
  }
}

static void fit_object(struct fit *fit, struct json_object *schema) {
  struct json_object *all = vtx_emu_get(schema, "allOf");
  struct json_object *more = vtx_emu_get(schema, "additionalProperties");

  cb_json_begin_object(fit->json);
  for (size_t i = 0; i < vtx_emu_list_size(all); i++) {
    struct json_object *part = vtx_emu_list_at(all, i);
    const char *ref = vtx_emu_get_text(part, "$ref");

    if (ref) part = follow(fit, ref);
    if (part) fit_properties(fit, part);
  }
  fit_properties(fit, schema);
  if (!all && !vtx_emu_get(schema, "properties") &&
      json_object_is_type(more, json_type_object)) {
    fit_property(fit, schema, "key", more);
  }
  cb_json_end_object(fit->json);
}

/* A value that the schema spells out: true if it does. */
static bool fit_fixed(struct fit *fit, struct json_object *schema) {
  struct json_object *value = NULL;
  struct json_object *names = vtx_emu_get(schema, "enum");
  const char *text;
  size_t size;

  if (vtx_emu_list_size(names) > 0) {
    value = vtx_emu_list_at(names, 0);
  } else if (!json_object_object_get_ex(schema, "const", &value)) {
    return false;
  }
  text = json_object_to_json_string_length(
      value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size);
  cb_json_raw(fit->json, text, size);
  return true;
}

static void fit_typed(struct fit *fit, struct json_object *schema) {
  const char *type = type_of(schema);

  if (strcasecmp(type, "object") == 0 || vtx_emu_get(schema, "allOf")) {
    fit_object(fit, schema);
  } else if (strcasecmp(type, "array") == 0) {
    fit_list(fit, schema);
  } else if (strcasecmp(type, "integer") == 0) {
    fit_integer(fit, schema);
  } else if (strcasecmp(type, "number") == 0) {
    fit_number(fit, schema);
  } else if (strcasecmp(type, "boolean") == 0) {
    cb_json_bool(fit->json, true);
  } else if (strcasecmp(type, "null") == 0) {
    cb_json_null(fit->json);
  } else {
    fit_text(fit, schema);
  }
}

static void fit_value(struct fit *fit, struct json_object *schema) {
  const char *ref = vtx_emu_get_text(schema, "$ref");
  struct json_object *choices = vtx_emu_get(schema, "anyOf");

  if (!ref) ref = vtx_emu_get_text(schema, "ref");
  if (!choices) choices = vtx_emu_get(schema, "oneOf");
  if (fit->depth >= DEEP || fit->values++ >= MOST_VALUES) {
    cb_json_null(fit->json);
    return;
  }
  fit->depth++;
  if (ref) {
    fit_value(fit, follow(fit, ref));
  } else if (choices) {
    fit_value(fit, first_choice(choices));
  } else if (!fit_fixed(fit, schema)) {
    fit_typed(fit, schema);
  }
  fit->depth--;
}

void vtx_emu_fit(struct json_object *schema, const char *prompt,
                 struct cb_json *json) {
  struct fit fit = {
      .root = schema, .prompt = prompt, .json = json, .name = "value"};

  fit_value(&fit, schema);
}
