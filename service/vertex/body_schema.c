#include "service/vertex/body_schema.h"

#include <json-c/json.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json_scan.h"
#include "base/json_writer.h"
#include "service/vertex/body_format.h"
#include "service/vertex/codec.h"
#include "service/vertex/reasons.h"

#define MAX_SCHEMA_DEPTH 200

const char *vtx_field_path(struct cb_arena *arena, const char *prefix,
                           const char *name) {
  char *path;

  if (!*prefix) return name;
  path = cb_arena_printf(arena, "%s.%s", prefix, name);
  return path ? path : name;
}

static bool has_own_schema(const Vertexd__V1__GenerateRequest *message) {
  return message && (message->json_schema || *message->json_schema_text);
}

/* The proto name of the schema in generation_config, NULL if none. */
static const char *config_schema(const Vertexd__V1__GenerateRequest *message) {
  const Vertexd__V1__GenerationConfig *config =
      message ? message->generation_config : NULL;

  if (config && config->response_schema)
    return "generation_config.response_schema";
  if (config && config->response_json_schema)
    return "generation_config.response_json_schema";
  return NULL;
}

/* 1, 0, or -1 if the message does not say. */
static int said_json(const Vertexd__V1__GenerateRequest *message) {
  if (!message) return -1;
  if (message->_return_json_case ==
      VERTEXD__V1__GENERATE_REQUEST___RETURN_JSON_RETURN_JSON)
    return message->return_json ? 1 : 0;
  return has_own_schema(message) ? 1 : -1;
}

bool vtx_wants_json(const Vertexd__V1__GenerateRequest *request,
                    const Vertexd__V1__GenerateRequest *defaults) {
  int said = said_json(request);

  if (said < 0) said = said_json(defaults);
  return said == 1;
}

bool vtx_mime_type_is_ours(const Vertexd__V1__GenerateRequest *request,
                           const Vertexd__V1__GenerateRequest *defaults) {
  return has_own_schema(request) || has_own_schema(defaults) ||
         !vtx_has_format(request, defaults);
}

/* --- checking the answer ------------------------------------------------- */

/* The flag as request or defaults say it: 1, 0, or -1 if neither does. */
static int said_check(const Vertexd__V1__GenerateRequest *message) {
  if (!message || message->_check_json_case !=
                      VERTEXD__V1__GENERATE_REQUEST___CHECK_JSON_CHECK_JSON)
    return -1;
  return message->check_json ? 1 : 0;
}

static int said_repair(const Vertexd__V1__GenerateRequest *message) {
  if (!message || message->_repair_json_case !=
                      VERTEXD__V1__GENERATE_REQUEST___REPAIR_JSON_REPAIR_JSON)
    return -1;
  return message->repair_json ? 1 : 0;
}

bool vtx_checks_json(const Vertexd__V1__GenerateRequest *request,
                     const Vertexd__V1__GenerateRequest *defaults) {
  int said = said_check(request);

  if (said < 0) said = said_check(defaults);
  if (said == 0) return false;
  if (has_own_schema(request) || has_own_schema(defaults))
    return vtx_wants_json(request, defaults);
  return said == 1 && (config_schema(request) || config_schema(defaults) ||
                       vtx_format_schema(request, defaults));
}

bool vtx_repairs_json(const Vertexd__V1__GenerateRequest *request,
                      const Vertexd__V1__GenerateRequest *defaults) {
  int said = said_repair(request);

  if (said < 0) said = said_repair(defaults);
  return said == 1;
}

/* --- rules --------------------------------------------------------------- */

static struct cb_status check_schema_text(
    const Vertexd__V1__GenerateRequest *message, const char *prefix,
    struct cb_arena *arena) {
  const char *text = message->json_schema_text;
  const char *field;
  struct cb_json_scan scan;
  size_t size = strlen(text);

  if (size == 0) return cb_status_ok();
  field = vtx_field_path(arena, prefix, "json_schema_text");
  if (size > VTX_MAX_SCHEMA_BYTES)
    return cb_status_field(arena, field, "%s is longer than %d bytes", field,
                           VTX_MAX_SCHEMA_BYTES);
  if (!cb_json_scan(text, size, MAX_SCHEMA_DEPTH, NULL, &scan))
    return cb_status_field(arena, field, "%s is not JSON: %s at byte %zu",
                           field, scan.error, scan.offset);
  if (scan.first != '{')
    return cb_status_field(arena, field, "%s must be a JSON object", field);
  return cb_status_ok();
}

struct cb_status vtx_schema_check(const Vertexd__V1__GenerateRequest *message,
                                  const char *prefix, struct cb_arena *arena) {
  const char *in_config = config_schema(message);
  const char *field;

  if (!has_own_schema(message)) return cb_status_ok();
  if (message->json_schema && *message->json_schema_text) {
    field = vtx_field_path(arena, prefix, "json_schema_text");
    return cb_status_field(arena, field,
                           "%s and json_schema exclude each other", field);
  }
  if (in_config) {
    field = vtx_field_path(arena, prefix, in_config);
    return cb_status_field(
        arena, field, "%s: a schema is given in %s already", field,
        message->json_schema ? "json_schema" : "json_schema_text");
  }
  if (said_json(message) == 0) {
    field = vtx_field_path(arena, prefix, "return_json");
    return cb_status_field(arena, field, "%s is false beside a schema", field);
  }
  return check_schema_text(message, prefix, arena);
}

static struct cb_status check_mime_type(
    const Vertexd__V1__GenerateRequest *message, const char *prefix,
    struct cb_arena *arena) {
  const char *mime = message && message->generation_config
                         ? message->generation_config->response_mime_type
                         : "";
  const char *field;

  if (!*mime || strcmp(mime, "application/json") == 0) return cb_status_ok();
  field = vtx_field_path(arena, prefix, "generation_config.response_mime_type");
  return cb_status_field(
      arena, field, "%s is not application/json, but JSON is asked for", field);
}

struct cb_status vtx_schema_check_merged(
    const Vertexd__V1__GenerateRequest *request,
    const Vertexd__V1__GenerateRequest *defaults, const char *prefix,
    struct cb_arena *arena) {
  bool own_above = has_own_schema(request);
  const char *field = NULL;
  struct cb_status status;

  if (!vtx_wants_json(request, defaults)) return cb_status_ok();
  status = vtx_format_check(
      request, defaults, own_above || has_own_schema(defaults), prefix, arena);
  if (status.code != CB_OK) return status;
  if (own_above && config_schema(defaults))
    field = vtx_field_path(
        arena, prefix,
        request->json_schema ? "json_schema" : "json_schema_text");
  else if (!own_above && has_own_schema(defaults) && config_schema(request))
    field = vtx_field_path(arena, prefix, config_schema(request));
  if (field)
    return cb_status_field(arena, field,
                           "%s: the defaults bring a schema of the other kind",
                           field);
  status = check_mime_type(request, prefix, arena);
  if (status.code != CB_OK) return status;
  if (request && request->generation_config &&
      *request->generation_config->response_mime_type)
    return status;
  return check_mime_type(defaults, "defaults", arena);
}

/* --- the form ------------------------------------------------------------ */

struct forms {
  bool upper;
  bool lower;
};

static bool is_any_of(const char *name, const char *const *names,
                      size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(names[i], name) == 0) return true;
  }
  return false;
}

static void note_type(struct json_object *type, struct forms *forms) {
  static const char *const upper[] = {"STRING",  "NUMBER",          "INTEGER",
                                      "BOOLEAN", "ARRAY",           "OBJECT",
                                      "NULL",    "TYPE_UNSPECIFIED"};

  if (!json_object_is_type(type, json_type_string)) return;
  if (is_any_of(json_object_get_string(type), upper,
                sizeof upper / sizeof *upper))
    forms->upper = true;
  else
    forms->lower = true;
}

static void look_at(struct json_object *schema, struct forms *forms);

static void look_at_elements(struct json_object *list, struct forms *forms) {
  for (size_t i = 0; i < json_object_array_length(list); i++)
    look_at(json_object_array_get_idx(list, i), forms);
}

/* Names here are the caller's: a property may well be called "type". */
static void look_at_named(struct json_object *named, struct forms *forms) {
  if (!json_object_is_type(named, json_type_object)) return;
  for (struct lh_entry *at = json_object_get_object(named)->head; at;
       at = at->next)
    look_at((struct json_object *)lh_entry_v(at), forms);
}

static void look_at_type(struct json_object *type, struct forms *forms) {
  note_type(type, forms);
  if (!json_object_is_type(type, json_type_array)) return;
  for (size_t i = 0; i < json_object_array_length(type); i++)
    note_type(json_object_array_get_idx(type, i), forms);
}

static void look_at_keyword(const char *keyword, struct json_object *value,
                            struct forms *forms) {
  static const char *const named[] = {"properties", "patternProperties",
                                      "$defs", "defs", "definitions"};
  static const char *const data[] = {"enum", "const", "default", "example",
                                     "examples"};

  if (strcmp(keyword, "type") == 0)
    look_at_type(value, forms);
  else if (is_any_of(keyword, named, sizeof named / sizeof *named))
    look_at_named(value, forms);
  else if (!is_any_of(keyword, data, sizeof data / sizeof *data))
    look_at(value, forms);
}

/* Depth is capped by the parser. */
static void look_at(struct json_object *schema, struct forms *forms) {
  if (json_object_is_type(schema, json_type_array)) {
    look_at_elements(schema, forms);
    return;
  }
  if (!json_object_is_type(schema, json_type_object)) return;
  for (struct lh_entry *at = json_object_get_object(schema)->head; at;
       at = at->next)
    look_at_keyword(lh_entry_k(at), (struct json_object *)lh_entry_v(at),
                    forms);
}

/* --- the text ------------------------------------------------------------ */

/* The text of a schema in a message, with defaults beneath it, from arena. */
static struct cb_status message_text(const struct vtx_codec_layers *schema,
                                     const char *field, struct cb_arena *arena,
                                     struct vtx_schema_text *text) {
  const ProtobufCMessage *message =
      schema->message ? schema->message : schema->defaults;
  struct cb_buf buf;
  struct cb_json json;
  struct cb_status status;

  cb_buf_init(&buf, VTX_MAX_SCHEMA_BYTES, cb_arena_budget(arena));
  cb_json_init(&json, &buf);
  status = vtx_codec_encode(
      &json, message, schema->message ? schema->defaults : NULL, field, arena);
  if (status.code == CB_OK) {
    text->size = buf.len;
    text->json = buf.failed ? NULL : cb_arena_memdup(arena, buf.data, buf.len);
    if (!text->json)
      status = vtx_no_room(
          arena, buf.failed ? cb_buf_past_max(&buf) : cb_arena_past_cap(arena),
          VTX_REQUEST_TOO_LARGE, "%s is too large to be written", field);
  }
  cb_buf_release(&buf);
  return status;
}

static struct cb_status struct_text(const Google__Protobuf__Struct *schema,
                                    const char *field, struct cb_arena *arena,
                                    struct vtx_schema_text *text) {
  const struct vtx_codec_layers only = {&schema->base, NULL};

  return message_text(&only, field, arena, text);
}

static struct cb_status name_form(const char *field, struct cb_arena *arena,
                                  struct vtx_schema_text *text) {
  struct forms forms = {false, false};
  struct json_object *tree = NULL;
  struct cb_status status =
      vtx_json_parse(text->json, text->size, arena, &tree);

  if (status.code != CB_OK) return status;
  look_at(tree, &forms);
  json_object_put(tree);
  if (forms.upper && forms.lower)
    return cb_status_field(
        arena, field,
        "%s mixes upper-case types (OpenAPI) with lower-case "
        "ones (JSON Schema)",
        field);
  text->name = forms.upper ? "responseSchema" : "responseJsonSchema";
  return status;
}

struct cb_status vtx_schema_text(const Vertexd__V1__GenerateRequest *request,
                                 const Vertexd__V1__GenerateRequest *defaults,
                                 const char *prefix, struct cb_arena *arena,
                                 struct vtx_schema_text *ret_text) {
  const Vertexd__V1__GenerateRequest *from =
      has_own_schema(request) ? request : defaults;
  struct cb_status status = cb_status_ok();
  const char *field;

  *ret_text = (struct vtx_schema_text){NULL, NULL, 0};
  if (!has_own_schema(from)) return status;
  field =
      vtx_field_path(arena, from == request ? prefix : "defaults",
                     from->json_schema ? "json_schema" : "json_schema_text");
  if (from->json_schema) {
    status = struct_text(from->json_schema, field, arena, ret_text);
  } else {
    ret_text->json = from->json_schema_text;
    ret_text->size = strlen(from->json_schema_text);
  }
  return status.code == CB_OK ? name_form(field, arena, ret_text) : status;
}

/* Google's own ways, the newest first. */
static struct cb_status config_text(
    const Vertexd__V1__GenerateRequest *request,
    const Vertexd__V1__GenerateRequest *defaults, struct cb_arena *arena,
    struct vtx_schema_text *text) {
  static const Vertexd__V1__GenerationConfig none =
      VERTEXD__V1__GENERATION_CONFIG__INIT;
  const Vertexd__V1__GenerationConfig *above =
      request && request->generation_config ? request->generation_config
                                            : &none;
  const Vertexd__V1__GenerationConfig *below =
      defaults && defaults->generation_config ? defaults->generation_config
                                              : &none;
  const Google__Protobuf__Value *value = vtx_format_schema(request, defaults);
  struct vtx_codec_layers layers = {NULL, NULL};

  if (!value) value = above->response_json_schema;
  if (!value) value = below->response_json_schema;
  text->name = "responseJsonSchema";
  if (value) {
    layers.message = &value->base;
    return message_text(&layers, "the schema", arena, text);
  }
  if (above->response_schema) layers.message = &above->response_schema->base;
  if (below->response_schema) layers.defaults = &below->response_schema->base;
  if (!layers.message && !layers.defaults) return cb_status_ok();
  text->name = "responseSchema";
  return message_text(&layers, "the schema", arena, text);
}

struct cb_status vtx_schema_in_force(
    const Vertexd__V1__GenerateRequest *request,
    const Vertexd__V1__GenerateRequest *defaults, struct cb_arena *arena,
    struct vtx_schema_text *ret_text) {
  struct vtx_schema_text text = {NULL, NULL, 0};
  struct cb_status status =
      vtx_wants_json(request, defaults)
          ? vtx_schema_text(request, defaults, "", arena, &text)
          : cb_status_ok();

  if (status.code == CB_OK && !text.json)
    status = config_text(request, defaults, arena, &text);
  if (status.code == CB_OK) *ret_text = text;
  return status;
}
