#include "service/vertex/body_format.h"

#include "base/arena.h"
#include "service/vertex/body_schema.h"

#define JSON_TEXT VERTEXD__V1__TEXT_RESPONSE_FORMAT__MIME_TYPE__APPLICATION_JSON
#define UNSAID \
  VERTEXD__V1__TEXT_RESPONSE_FORMAT__MIME_TYPE__MIME_TYPE_UNSPECIFIED

static bool in_message(const Vertexd__V1__GenerateRequest *message) {
  return message && message->generation_config &&
         message->generation_config->n_response_format > 0;
}

/* The message whose list holds, NULL if none has one. */
static const Vertexd__V1__GenerateRequest *holder(
    const Vertexd__V1__GenerateRequest *request,
    const Vertexd__V1__GenerateRequest *defaults) {
  if (in_message(request)) return request;
  return in_message(defaults) ? defaults : NULL;
}

bool vtx_has_format(const Vertexd__V1__GenerateRequest *request,
                    const Vertexd__V1__GenerateRequest *defaults) {
  return holder(request, defaults) != NULL;
}

/* The first format of text, and its position. */
static const Vertexd__V1__TextResponseFormat *text_format(
    const Vertexd__V1__GenerateRequest *from, size_t *ret_index) {
  const Vertexd__V1__GenerationConfig *config = from->generation_config;

  for (size_t i = 0; i < config->n_response_format; i++) {
    if (config->response_format[i]->format_case !=
        VERTEXD__V1__RESPONSE_FORMAT__FORMAT_TEXT)
      continue;
    *ret_index = i;
    return config->response_format[i]->text;
  }
  return NULL;
}

const Google__Protobuf__Value *vtx_format_schema(
    const Vertexd__V1__GenerateRequest *request,
    const Vertexd__V1__GenerateRequest *defaults) {
  const Vertexd__V1__GenerateRequest *from = holder(request, defaults);
  const Vertexd__V1__TextResponseFormat *text;
  size_t index;

  if (!from) return NULL;
  text = text_format(from, &index);
  return text ? text->schema : NULL;
}

static struct cb_status refuse(const char *prefix, const char *path,
                               const char *why, struct cb_arena *arena) {
  const char *field = vtx_field_path(arena, prefix, path);

  return cb_status_field(arena, field, "%s %s", field, why);
}

struct cb_status vtx_format_check(const Vertexd__V1__GenerateRequest *request,
                                  const Vertexd__V1__GenerateRequest *defaults,
                                  bool own_schema, const char *prefix,
                                  struct cb_arena *arena) {
  const Vertexd__V1__GenerateRequest *from = holder(request, defaults);
  const Vertexd__V1__TextResponseFormat *text;
  const char *where = from == request ? prefix : "defaults";
  size_t index = 0;
  const char *path;

  if (!from) return cb_status_ok();
  text = text_format(from, &index);
  if (!text)
    return refuse(where, "generation_config.response_format",
                  "has no text, but JSON is asked for", arena);
  path = cb_arena_printf(arena, "generation_config.response_format[%zu].text",
                         index);
  if (!path) path = "generation_config.response_format";
  path = vtx_field_path(arena, where, path);
  if (own_schema && text->schema)
    return refuse(path, "schema", "excludes json_schema and json_schema_text",
                  arena);
  if (text->mime_type != JSON_TEXT &&
      !(text->mime_type == UNSAID && text->schema))
    return refuse(path, "mime_type",
                  "is not APPLICATION_JSON, but JSON is asked for", arena);
  return cb_status_ok();
}
