#include "service/vertex/body.h"

#include <json-c/json.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json_writer.h"
#include "service/vertex/body_schema.h"
#include "service/vertex/codec.h"
#include "service/vertex/labels.h"
#include "service/vertex/long_answer.h"
#include "service/vertex/reasons.h"
#include "service/vertex/repair.h"
#include "service/vertex/tier.h"

#define MAX_ID 512

typedef Vertexd__V1__GenerateRequest generate_request;

/* --- checks -------------------------------------------------------------- */

static struct cb_status check_contents(Vertexd__V1__Content *const *contents,
                                       size_t count, const char *path,
                                       struct cb_arena *arena) {
  char *field;

  for (size_t i = 0; i < count; i++) {
    if (contents[i]->n_parts > 0) continue;
    field = cb_arena_printf(arena, "%s[%zu].parts", path, i);
    return cb_status_field(arena, field ? field : path, "%s[%zu] has no parts",
                           path, i);
  }
  return cb_status_ok();
}

static struct cb_status check_nothing(const char *prefix,
                                      struct cb_arena *arena) {
  const char *field = vtx_field_path(arena, prefix, "prompt");

  return cb_status_field(arena, field, "%s: neither prompt nor contents given",
                         field);
}

static struct cb_status check_empty(const char *field, struct cb_arena *arena) {
  return cb_status_field(arena, field, "%s is empty", field);
}

/* Exactly one text, and something in it. */
static struct cb_status check_text(const struct vtx_prompt *prompt,
                                   const char *prefix, struct cb_arena *arena) {
  const generate_request *request = prompt->request;
  bool in_prompt = request && *request->prompt;
  bool in_contents = request && request->n_contents > 0;
  const char *field;

  if ((prompt->prompt || prompt->contents) && (in_prompt || in_contents)) {
    field = vtx_field_path(arena, prefix, in_prompt ? "prompt" : "contents");
    return cb_status_field(arena, field, "%s: the prompt comes from elsewhere",
                           field);
  }
  if (in_prompt && in_contents) {
    field = vtx_field_path(arena, prefix, "prompt");
    return cb_status_field(arena, field, "%s and contents exclude each other",
                           field);
  }
  if (prompt->prompt)
    return *prompt->prompt ? cb_status_ok()
                           : check_empty(*prefix ? prefix : "prompt", arena);
  if (prompt->contents && prompt->content_count > 0)
    return check_contents(prompt->contents, prompt->content_count,
                          vtx_field_path(arena, prefix, "contents"), arena);
  if (in_contents)
    return check_contents(request->contents, request->n_contents,
                          vtx_field_path(arena, prefix, "contents"), arena);
  return in_prompt ? cb_status_ok() : check_nothing(prefix, arena);
}

static const char *first_of(const char *one, const char *two,
                            const char *three) {
  if (one && *one) return one;
  if (two && *two) return two;
  return three && *three ? three : NULL;
}

static struct cb_status check_model(const char *model, const char *prefix,
                                    struct cb_arena *arena) {
  const char *field;

  if (model) return cb_status_ok();
  field = vtx_field_path(arena, prefix, "model");
  return cb_status_field(
      arena, field, "%s: no model given, and the server has no default", field);
}

static struct cb_status check_id(const generate_request *request,
                                 const char *prefix, struct cb_arena *arena) {
  const char *field;

  if (!request || strlen(request->id) <= MAX_ID) return cb_status_ok();
  field = vtx_field_path(arena, prefix, "id");
  return cb_status_field(arena, field, "%s is longer than %d bytes", field,
                         MAX_ID);
}

static bool wants_tokens(const generate_request *request,
                         const generate_request *defaults) {
  if (request && request->_count_tokens_case != 0)
    return request->count_tokens != 0;
  return defaults && defaults->_count_tokens_case != 0 &&
         defaults->count_tokens != 0;
}

static void fill_wants(const struct vtx_prompt *prompt, const char *model,
                       struct vtx_wants *ret_wants) {
  const generate_request *request = prompt->request;
  const generate_request *defaults = prompt->defaults;
  bool checks = vtx_checks_json(request, defaults);

  *ret_wants = (struct vtx_wants){
      .model = model,
      .id = request ? request->id : "",
      .json = vtx_wants_json(request, defaults) || checks,
      .check_json = checks,
      .repair_json = vtx_repairs_json(request, defaults),
      .repaired = prompt->repair != NULL,
      .spent = prompt->repair ? &prompt->repair->spent : NULL,
      .request = request,
      .defaults = defaults,
      .count_tokens = wants_tokens(request, defaults),
      .include_raw = (request && request->include_raw) ||
                     (defaults && defaults->include_raw),
      .over_stream = vtx_wants_stream(request, defaults),
      .continues = vtx_wants_continuation(request, defaults),
      .tier = vtx_tier_of(request, defaults, prompt->tier),
  };
}

struct cb_status vtx_prompt_check(const struct vtx_prompt *prompt,
                                  const char *prefix, struct cb_arena *arena,
                                  struct vtx_wants *ret_wants) {
  const generate_request *request = prompt->request;
  const generate_request *defaults = prompt->defaults;
  const char *model =
      first_of(request ? request->model : NULL,
               defaults ? defaults->model : NULL, prompt->default_model);
  struct cb_status status = check_text(prompt, prefix, arena);

  if (status.code == CB_OK) status = check_model(model, prefix, arena);
  if (status.code == CB_OK) status = check_id(request, prefix, arena);
  if (status.code == CB_OK) status = vtx_labels_check(request, prefix, arena);
  if (status.code == CB_OK) status = vtx_tier_check(request, prefix, arena);
  if (status.code == CB_OK) status = vtx_schema_check(request, prefix, arena);
  if (status.code == CB_OK)
    status = vtx_schema_check_merged(request, defaults, prefix, arena);
  if (status.code == CB_OK) fill_wants(prompt, model, ret_wants);
  return status;
}

struct cb_status vtx_defaults_check(const generate_request *defaults,
                                    struct cb_arena *arena) {
  const char *field = NULL;
  struct cb_status status;

  if (!defaults) return cb_status_ok();
  if (*defaults->prompt)
    field = "defaults.prompt";
  else if (defaults->n_contents > 0)
    field = "defaults.contents";
  else if (*defaults->id)
    field = "defaults.id";
  else if (defaults->continuation_token.len > 0)
    field = "defaults.continuation_token";
  if (field)
    return cb_status_field(arena, field,
                           "%s: defaults hold settings, this belongs to each "
                           "request",
                           field);
  status = vtx_labels_check(defaults, "defaults", arena);
  if (status.code == CB_OK)
    status = vtx_tier_check(defaults, "defaults", arena);
  if (status.code == CB_OK)
    status = vtx_schema_check(defaults, "defaults", arena);
  if (status.code == CB_OK)
    status = vtx_schema_check_merged(NULL, defaults, "defaults", arena);
  return status;
}

/* --- writing ------------------------------------------------------------- */

static void write_turn(struct cb_json *json, const char *role,
                       const char *text) {
  cb_json_begin_object(json);
  cb_json_key(json, "role");
  cb_json_string(json, role);
  cb_json_key(json, "parts");
  cb_json_begin_array(json);
  cb_json_begin_object(json);
  cb_json_key(json, "text");
  cb_json_string(json, text);
  cb_json_end_object(json);
  cb_json_end_array(json);
  cb_json_end_object(json);
}

static void write_text(struct cb_json *json, const char *text) {
  cb_json_key(json, "contents");
  cb_json_begin_array(json);
  write_turn(json, "user", text);
  cb_json_end_array(json);
}

static struct cb_status write_contents(struct cb_json *json,
                                       Vertexd__V1__Content *const *contents,
                                       size_t count, const char *path,
                                       struct cb_arena *arena) {
  struct cb_status status = cb_status_ok();

  for (size_t i = 0; i < count && status.code == CB_OK; i++) {
    const char *here = cb_arena_printf(arena, "%s[%zu]", path, i);

    status = vtx_codec_encode(json, &contents[i]->base, NULL,
                              here ? here : path, arena);
  }
  return status;
}

/* The prompt, unless it is in request->contents, which are written with the
 * other fields; those too where turns follow. */
static struct cb_status write_prompt(struct cb_json *json,
                                     const struct vtx_prompt *prompt,
                                     const char *prefix, struct cb_arena *arena,
                                     bool *ret_written) {
  const char *path = vtx_field_path(arena, prefix, "contents");
  const generate_request *request = prompt->request;
  const char *text = prompt->prompt;
  struct cb_status status = cb_status_ok();

  if (!text && request && *request->prompt) text = request->prompt;
  *ret_written = text || prompt->contents || prompt->repair;
  if (!*ret_written) return status;
  cb_json_key(json, "contents");
  cb_json_begin_array(json);
  if (prompt->contents)
    status = write_contents(json, prompt->contents, prompt->content_count, path,
                            arena);
  else if (text)
    write_turn(json, "user", text);
  else if (request)
    status = write_contents(json, request->contents, request->n_contents, path,
                            arena);
  if (status.code != CB_OK) return status;
  if (prompt->repair) {
    write_turn(json, "model", prompt->repair->answer);
    write_turn(json, "user", prompt->repair->words);
  }
  cb_json_end_array(json);
  return status;
}

static const ProtobufCMessage *config_of(const generate_request *request) {
  return request && request->generation_config
             ? &request->generation_config->base
             : NULL;
}

static struct cb_status write_json_mode(struct cb_json *json,
                                        const struct vtx_prompt *prompt,
                                        const char *prefix,
                                        struct cb_arena *arena) {
  struct vtx_schema_text schema;
  struct cb_status status = vtx_schema_text(prompt->request, prompt->defaults,
                                            prefix, arena, &schema);

  if (status.code != CB_OK) return status;
  if (vtx_mime_type_is_ours(prompt->request, prompt->defaults)) {
    cb_json_key(json, "responseMimeType");
    cb_json_string(json, "application/json");
  }
  if (!schema.name) return status;
  cb_json_key(json, schema.name);
  cb_json_raw(json, schema.json, schema.size);
  return status;
}

static struct cb_status write_config(struct cb_json *json,
                                     const struct vtx_prompt *prompt,
                                     const char *prefix,
                                     struct cb_arena *arena) {
  static const char *const mime[] = {"response_mime_type"};
  struct vtx_codec_layers layers = {config_of(prompt->request),
                                    config_of(prompt->defaults)};
  bool json_mode = vtx_wants_json(prompt->request, prompt->defaults);
  bool ours = vtx_mime_type_is_ours(prompt->request, prompt->defaults);
  struct vtx_codec_skip skip = {mime, json_mode && ours ? 1 : 0};
  struct cb_status status;

  if (!layers.message && !layers.defaults && !json_mode) return cb_status_ok();
  cb_json_key(json, "generationConfig");
  cb_json_begin_object(json);
  status = vtx_codec_encode_fields(
      json, &layers, &skip, vtx_field_path(arena, prefix, "generation_config"),
      arena);
  if (status.code == CB_OK && json_mode)
    status = write_json_mode(json, prompt, prefix, arena);
  cb_json_end_object(json);
  return status;
}

/* Fields of GenerateRequest that are not always copied as they stand. */
enum special {
  MODEL,
  CONFIG,
  CONTENTS,
  LABELS,
  CACHE,
  TOOL_CONFIG,
  SAFETY,
  ARMOR,
  OUTPUT_CONFIG,
  CONTINUATION,
  SPECIALS,
};

static const char *const special_names[SPECIALS] = {
    [MODEL] = "model",
    [CONFIG] = "generation_config",
    [CONTENTS] = "contents",
    [LABELS] = "labels",
    [CACHE] = "cached_content",
    [TOOL_CONFIG] = "tool_config",
    [SAFETY] = "safety_settings",
    [ARMOR] = "model_armor_config",
    [OUTPUT_CONFIG] = "output_config",
    [CONTINUATION] = "continuation_token",
};

static const char continuation_key[] = "continuationToken";

enum purpose { TO_GENERATE, TO_COUNT };

static bool adds_labels(const struct vtx_prompt *prompt) {
  return prompt->labels && prompt->labels->count > 0;
}

static struct cb_status write_labels(struct cb_json *json,
                                     const struct vtx_prompt *prompt,
                                     const char *prefix,
                                     struct cb_arena *arena) {
  generate_request merged;
  struct vtx_codec_layers layers = {&merged.base, NULL};

  if (!vtx_labels_merge(prompt->request, prompt->defaults, prompt->labels,
                        arena, &merged))
    return vtx_no_room(arena, cb_arena_past_cap(arena), VTX_REQUEST_TOO_LARGE,
                       "the labels are too large to be written");
  return vtx_codec_encode_fields(json, &layers, NULL, prefix, arena);
}

/* What only a request to generate has and is not copied. */
static struct cb_status write_added(struct cb_json *json,
                                    const struct vtx_prompt *prompt,
                                    const char *prefix,
                                    struct cb_arena *arena) {
  struct cb_status status = cb_status_ok();

  if (prompt->continuation) {
    cb_json_key(json, continuation_key);
    cb_json_base64(json, prompt->continuation->data, prompt->continuation->len);
  }
  if (prompt->cached_content) {
    cb_json_key(json, "cachedContent");
    cb_json_string(json, prompt->cached_content);
  }
  if (adds_labels(prompt)) status = write_labels(json, prompt, prefix, arena);
  return status;
}

/* True if the field is written in another way (contents: were), or is none of
 * countTokens'. */
static bool is_skipped(enum special field, const struct vtx_prompt *prompt,
                       enum purpose purpose, bool contents_written) {
  switch (field) {
    case MODEL: /* is part of the URL */
    case CONFIG:
      return true;
    case CONTENTS:
      return contents_written;
    case LABELS:
      return purpose == TO_COUNT || adds_labels(prompt);
    case CACHE:
      return purpose == TO_COUNT || prompt->cached_content;
    case CONTINUATION:
      return purpose == TO_COUNT || prompt->continuation;
    default:
      return purpose == TO_COUNT;
  }
}

static struct cb_status write_fields(struct cb_json *json,
                                     const struct vtx_prompt *prompt,
                                     const char *prefix, struct cb_arena *arena,
                                     enum purpose purpose) {
  const generate_request *request = prompt->request;
  const generate_request *defaults = prompt->defaults;
  struct vtx_codec_layers layers = {request ? &request->base : NULL,
                                    defaults ? &defaults->base : NULL};
  const char *names[SPECIALS];
  struct vtx_codec_skip skip = {names, 0};
  struct cb_status status;
  bool written;

  status = write_prompt(json, prompt, prefix, arena, &written);
  if (status.code != CB_OK) return status;
  for (int i = 0; i < SPECIALS; i++) {
    if (is_skipped((enum special)i, prompt, purpose, written))
      names[skip.count++] = special_names[i];
  }
  status = vtx_codec_encode_fields(json, &layers, &skip, prefix, arena);
  if (status.code != CB_OK) return status;
  if (purpose == TO_GENERATE) status = write_added(json, prompt, prefix, arena);
  if (status.code != CB_OK) return status;
  return write_config(json, prompt, prefix, arena);
}

static struct cb_status no_room(const struct cb_buf *out,
                                struct cb_arena *arena) {
  return vtx_no_room(arena, cb_buf_past_max(out), VTX_REQUEST_TOO_LARGE,
                     "the request to the upstream would pass %zu bytes",
                     out->max);
}

/* After a failure out holds what it held before. */
static struct cb_status settle(struct cb_buf *out, size_t before,
                               struct cb_status status,
                               struct cb_arena *arena) {
  if (status.code == CB_OK && out->failed) status = no_room(out, arena);
  if (status.code == CB_OK) return status;
  out->len = before;
  if (out->data) out->data[before] = '\0';
  return status;
}

static struct cb_status write_body(const struct vtx_prompt *prompt,
                                   const char *prefix, struct cb_arena *arena,
                                   struct cb_buf *out, enum purpose purpose) {
  size_t before = out->len;
  struct cb_json json;
  struct cb_status status;

  cb_json_init(&json, out);
  cb_json_begin_object(&json);
  status = write_fields(&json, prompt, prefix, arena, purpose);
  cb_json_end_object(&json);
  return settle(out, before, status, arena);
}

/* --- extra_body ---------------------------------------------------------- */

/* Objects merge name by name; everything else is replaced. Depth is capped by
 * the codec that wrote from. */
static bool merge(struct json_object *into, struct json_object *from) {
  for (struct lh_entry *at = json_object_get_object(from)->head; at;
       at = at->next) {
    struct json_object *value = (struct json_object *)lh_entry_v(at);
    struct json_object *old =
        json_object_object_get(into, (const char *)lh_entry_k(at));

    if (json_object_is_type(old, json_type_object) &&
        json_object_is_type(value, json_type_object)) {
      if (!merge(old, value)) return false;
    } else if (json_object_object_add(into, lh_entry_k(at),
                                      json_object_get(value)) != 0) {
      json_object_put(value);
      return false;
    }
  }
  return true;
}

static struct cb_status merge_text(struct json_object *body,
                                   struct json_object *extra,
                                   struct cb_arena *arena, struct cb_buf *out) {
  const char *text = NULL;
  size_t size = 0;

  if (merge(body, extra))
    text = json_object_to_json_string_length(
        body, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size);
  return text && cb_buf_add(out, text, size) ? cb_status_ok()
                                             : no_room(out, arena);
}

/* The hop's own token stays. */
static void leave_token(struct json_object *extra) {
  json_object_object_del(extra, continuation_key);
  json_object_object_del(extra, "continuation_token");
}

static struct cb_status write_extra(const Google__Protobuf__Struct *extra,
                                    const char *field, struct cb_arena *arena,
                                    struct cb_buf *scratch) {
  struct cb_json json;
  struct cb_status status;

  cb_json_init(&json, scratch);
  status = vtx_codec_encode(&json, &extra->base, NULL, field, arena);
  if (status.code != CB_OK || !scratch->failed) return status;
  if (cb_buf_past_max(scratch) && scratch->max == VTX_MAX_EXTRA_BYTES)
    return cb_status_field(arena, field, "%s is longer than %d bytes as JSON",
                           field, VTX_MAX_EXTRA_BYTES);
  return no_room(scratch, arena);
}

static struct cb_status extra_tree(const Google__Protobuf__Struct *extra,
                                   const char *field, struct cb_arena *arena,
                                   const struct cb_buf *out,
                                   struct json_object **ret_tree) {
  size_t max = out->max < VTX_MAX_EXTRA_BYTES ? out->max : VTX_MAX_EXTRA_BYTES;
  struct cb_buf scratch;
  struct cb_status status;

  cb_buf_init(&scratch, max, out->budget);
  status = write_extra(extra, field, arena, &scratch);
  if (status.code == CB_OK)
    status = vtx_json_parse(scratch.data, scratch.len, arena, ret_tree);
  cb_buf_release(&scratch);
  return status;
}

static struct cb_status body_tree(const struct vtx_prompt *prompt,
                                  const char *prefix, struct cb_arena *arena,
                                  const struct cb_buf *out,
                                  struct json_object **ret_tree) {
  struct cb_buf scratch;
  struct cb_status status;

  cb_buf_init(&scratch, out->max, out->budget);
  status = write_body(prompt, prefix, arena, &scratch, TO_GENERATE);
  if (status.code == CB_OK)
    status = vtx_json_parse(scratch.data, scratch.len, arena, ret_tree);
  cb_buf_release(&scratch);
  return status;
}

/* Here alone a request takes the way through a tree. */
static struct cb_status body_with_extra(const struct vtx_prompt *prompt,
                                        const char *prefix,
                                        const Google__Protobuf__Struct *extra,
                                        struct cb_arena *arena,
                                        struct cb_buf *out) {
  bool own = prompt->request && extra == prompt->request->extra_body;
  const char *field =
      vtx_field_path(arena, own ? prefix : "defaults", "extra_body");
  struct json_object *body = NULL;
  struct json_object *tree = NULL;
  struct cb_status status = body_tree(prompt, prefix, arena, out, &body);

  if (status.code == CB_OK)
    status = extra_tree(extra, field, arena, out, &tree);
  if (status.code == CB_OK && prompt->continuation) leave_token(tree);
  if (status.code == CB_OK) status = merge_text(body, tree, arena, out);
  json_object_put(tree);
  json_object_put(body);
  return status;
}

struct cb_status vtx_body_generate(const struct vtx_prompt *prompt,
                                   const char *prefix, struct cb_arena *arena,
                                   struct cb_buf *out) {
  const Google__Protobuf__Struct *extra = NULL;

  if (prompt->request) extra = prompt->request->extra_body;
  if (!extra && prompt->defaults) extra = prompt->defaults->extra_body;
  if (extra) return body_with_extra(prompt, prefix, extra, arena, out);
  return write_body(prompt, prefix, arena, out, TO_GENERATE);
}

struct cb_status vtx_body_count(const struct vtx_prompt *prompt,
                                const char *prefix, struct cb_arena *arena,
                                struct cb_buf *out) {
  return write_body(prompt, prefix, arena, out, TO_COUNT);
}

/* --- CountTokens --------------------------------------------------------- */

static struct cb_status check_count(
    const Vertexd__V1__CountTokensRequest *request, struct cb_arena *arena) {
  if (*request->prompt && request->n_contents > 0)
    return cb_status_field(arena, "prompt",
                           "prompt and contents exclude each other");
  if (!*request->prompt && request->n_contents == 0 &&
      request->n_instances == 0)
    return check_nothing("", arena);
  return check_contents(request->contents, request->n_contents, "contents",
                        arena);
}

struct cb_status vtx_body_count_request(
    const Vertexd__V1__CountTokensRequest *request, const char *default_model,
    struct cb_arena *arena, struct cb_buf *out, const char **ret_model) {
  static const char *const names[] = {"model", "endpoint", "contents"};
  bool text = *request->prompt != '\0';
  struct vtx_codec_skip skip = {names, text ? 3 : 2};
  struct vtx_codec_layers layers = {&request->base, NULL};
  const char *model =
      first_of(request->model, request->endpoint, default_model);
  size_t before = out->len;
  struct cb_json json;
  struct cb_status status = check_count(request, arena);

  if (status.code == CB_OK) status = check_model(model, "", arena);
  if (status.code != CB_OK) return status;
  cb_json_init(&json, out);
  cb_json_begin_object(&json);
  if (text) write_text(&json, request->prompt);
  status = vtx_codec_encode_fields(&json, &layers, &skip, "", arena);
  cb_json_end_object(&json);
  status = settle(out, before, status, arena);
  if (status.code == CB_OK) *ret_model = model;
  return status;
}
