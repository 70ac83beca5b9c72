/* What Vertex AI checks once the JSON has become messages. */
#include <json-c/json.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/json_scan.h"
#include "base/utf8.h"
#include "service/emulator/google_error.h"
#include "service/emulator/rest_schema.h"
#include "service/emulator/validate.h"

#define LEARN_MORE                                                 \
  " Learn more: https://cloud.google.com/vertex-ai/generative-ai/" \
  "docs/model-reference/gemini"

/* Deeper than any message may be, so that depth is the walk's to judge. */
enum { MAX_JSON_DEPTH = 512, MAX_STOPS = 16 };

static bool refuse(struct vtx_emu_error *error, const char *message) {
  *error = vtx_emu_error_make(
      400, message ? message : "Request contains an invalid argument.");
  return false;
}

static void put_tree(void *tree) { json_object_put(tree); }

struct json_object *vtx_emu_parse_body(struct cb_arena *arena, const char *text,
                                       size_t size,
                                       struct vtx_emu_error *error) {
  struct json_tokener *tokener = json_tokener_new_ex(MAX_JSON_DEPTH);
  struct json_object *tree = NULL;
  struct cb_json_scan scan;

  refuse(error,
         "Invalid JSON payload received. Unexpected token.\n"
         "The body must be one JSON object.");
  if (!tokener) return NULL;
  /* The scan is the strict one: json-c 0.18's own refuses all but ASCII. */
  if (size < INT_MAX && cb_utf8_valid(text, size) &&
      cb_json_scan(text, size, MAX_JSON_DEPTH, NULL, &scan)) {
    tree = json_tokener_parse_ex(tokener, text, (int)size);
  }
  json_tokener_free(tokener);
  if (!json_object_is_type(tree, json_type_object) ||
      !cb_arena_defer(arena, put_tree, tree)) {
    json_object_put(tree);
    return NULL;
  }
  return tree;
}

/* A part says what it is by exactly one of these. */
static bool check_part(struct cb_arena *arena, struct json_object *part,
                       struct vtx_emu_error *error) {
  static const char *const kinds[] = {"text",
                                      "inlineData",
                                      "fileData",
                                      "functionCall",
                                      "functionResponse",
                                      "executableCode",
                                      "codeExecutionResult"};
  const char *first = NULL;

  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (!vtx_emu_get(part, kinds[i])) continue;
    if (first) {
      return refuse(
          error, cb_arena_printf(arena,
                                 "Invalid value (oneof), oneof field 'data' is "
                                 "already set. Cannot set '%s'",
                                 kinds[i]));
    }
    first = kinds[i];
  }
  if (first || vtx_emu_get(part, "thoughtSignature") ||
      vtx_emu_get(part, "audioTranscription")) {
    return true;
  }
  return refuse(error,
                "Unable to submit request because it has a part without data: "
                "a part must have one initialized field." LEARN_MORE);
}

static bool check_content(struct cb_arena *arena, struct json_object *content,
                          struct vtx_emu_error *error) {
  struct json_object *parts = vtx_emu_get(content, "parts");
  const char *role = vtx_emu_get_text(content, "role");

  if (vtx_emu_list_size(parts) == 0) {
    return refuse(error,
                  "Unable to submit request because it must include at least "
                  "one parts field, which describes the prompt "
                  "input." LEARN_MORE);
  }
  if (role && *role && strcmp(role, "user") != 0 &&
      strcmp(role, "model") != 0 && strcmp(role, "function") != 0) {
    return refuse(error, "Please use a valid role: user, model.");
  }
  for (size_t i = 0; i < vtx_emu_list_size(parts); i++) {
    if (!check_part(arena, vtx_emu_list_at(parts, i), error)) return false;
  }
  return true;
}

static bool check_contents(struct cb_arena *arena, struct json_object *body,
                           struct vtx_emu_error *error) {
  struct json_object *contents = vtx_emu_get(body, "contents");

  if (vtx_emu_list_size(contents) == 0) {
    return refuse(error,
                  "Unable to submit request because at least one contents "
                  "field is required." LEARN_MORE);
  }
  for (size_t i = 0; i < vtx_emu_list_size(contents); i++) {
    if (!check_content(arena, vtx_emu_list_at(contents, i), error)) {
      return false;
    }
  }
  return true;
}

static bool check_schemas(struct json_object *config,
                          struct vtx_emu_error *error) {
  const char *mime_type = vtx_emu_get_text(config, "responseMimeType");
  bool schema = vtx_emu_get(config, "responseSchema") != NULL;
  bool json_schema = vtx_emu_get(config, "responseJsonSchema") != NULL;
  bool json = mime_type && strcmp(mime_type, "application/json") == 0;
  bool names = mime_type && strcmp(mime_type, "text/x.enum") == 0;

  if (schema && json_schema) {
    return refuse(error,
                  "Unable to submit request because only one of "
                  "response_schema and response_json_schema may be set.");
  }
  if ((schema || json_schema) && !json && !names) {
    return refuse(error,
                  "Unable to submit request because when response_schema is "
                  "set, response_mime_type must be application/json or "
                  "text/x.enum.");
  }
  if (mime_type && *mime_type && !json && !names &&
      strcmp(mime_type, "text/plain") != 0) {
    return refuse(error,
                  "Unable to submit request because response_mime_type must be "
                  "one of text/plain, application/json, text/x.enum.");
  }
  return true;
}

struct range {
  const char *name;
  const char *snake;
  double low;
  double high;
};

static bool check_range(struct cb_arena *arena, struct json_object *config,
                        const struct range *range,
                        struct vtx_emu_error *error) {
  struct json_object *value = vtx_emu_get(config, range->name);
  double number;

  if (!value) return true;
  number = json_object_get_double(value);
  if (number >= range->low && number <= range->high) return true;
  return refuse(error,
                cb_arena_printf(arena,
                                "Unable to submit request because it has a %s "
                                "value of %g but the supported range is from "
                                "%g (inclusive) to %g (inclusive)." LEARN_MORE,
                                range->snake, number, range->low, range->high));
}

static bool check_config(struct cb_arena *arena, struct json_object *config,
                         struct vtx_emu_error *error) {
  static const struct range ranges[] = {
      {"temperature", "temperature", 0, 2},
      {"topP", "topP", 0, 1},
      {"candidateCount", "candidateCount", 1, 8},
      {"maxOutputTokens", "maxOutputTokens", 1, 65536},
      {"presencePenalty", "presencePenalty", -2, 2},
      {"frequencyPenalty", "frequencyPenalty", -2, 2},
      {"logprobs", "logprobs", 0, 20},
  };

  if (!config) return true;
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
    if (!check_range(arena, config, &ranges[i], error)) return false;
  }
  if (vtx_emu_list_size(vtx_emu_get(config, "stopSequences")) > MAX_STOPS) {
    return refuse(error,
                  "Unable to submit request because the number of stop "
                  "sequences must be at most 16.");
  }
  return check_schemas(config, error);
}

/* What the cache holds must not be said again. */
static bool check_cache(struct json_object *body, struct vtx_emu_error *error) {
  if (!vtx_emu_get(body, "cachedContent")) return true;
  if (!vtx_emu_get(body, "systemInstruction") && !vtx_emu_get(body, "tools") &&
      !vtx_emu_get(body, "toolConfig")) {
    return true;
  }
  return refuse(error,
                "Tool config, tools and system instruction should not be set "
                "in the request when using cached content.");
}

bool vtx_emu_check_meaning(struct cb_arena *arena, struct json_object *body,
                           struct vtx_emu_error *error) {
  return check_contents(arena, body, error) && check_cache(body, error) &&
         check_config(arena, vtx_emu_get(body, "generationConfig"), error);
}
