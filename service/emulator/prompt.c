#include "service/emulator/prompt.h"

#include <ctype.h>
#include <json-c/json.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/buf.h"
#include "service/emulator/rest_schema.h"

/* What Vertex AI counts for an image, whatever its size; taken for all other
 * media too. */
enum { MEDIA_TOKENS = 258, MAX_CANDIDATES = 8, MAX_TEXT = 64 << 20 };

int64_t vtx_emu_tokens(size_t bytes) { return (int64_t)((bytes + 3) / 4); }

static enum vtx_emu_modality modality_of(const char *mime_type) {
  if (strncmp(mime_type, "image/", 6) == 0) return VTX_EMU_MODALITY_IMAGE;
  if (strncmp(mime_type, "video/", 6) == 0) return VTX_EMU_MODALITY_VIDEO;
  if (strncmp(mime_type, "audio/", 6) == 0) return VTX_EMU_MODALITY_AUDIO;
  if (strcmp(mime_type, "application/pdf") == 0) {
    return VTX_EMU_MODALITY_DOCUMENT;
  }
  return VTX_EMU_MODALITY_TEXT;
}

/* Characters but blanks: what older models are billed by. */
static int64_t billable(const char *text) {
  int64_t count = 0;

  for (; *text; text++) {
    bool inner = ((unsigned char)*text & 0xc0) == 0x80;

    if (!inner && !isspace((unsigned char)*text)) count++;
  }
  return count;
}

static void count_text(struct vtx_emu_prompt *prompt, const char *text) {
  prompt->tokens[VTX_EMU_MODALITY_TEXT] += vtx_emu_tokens(strlen(text));
  prompt->billable_characters += billable(text);
}

/* Padding or none, the characters say how many bytes they stand for. */
static size_t decoded_size(const char *text) {
  size_t size = strcspn(text, "=");

  return size / 4 * 3 + (size % 4 * 3) / 4;
}

/* The part's file or inline data, if it has any. */
static bool read_media(struct json_object *part, struct vtx_emu_media *media) {
  struct json_object *data = vtx_emu_get(part, "inlineData");
  const char *text;

  *media = (struct vtx_emu_media){.mime_type = "application/octet-stream"};
  if (data) {
    text = vtx_emu_get_text(data, "data");
    media->bytes = text ? decoded_size(text) : 0;
  } else {
    data = vtx_emu_get(part, "fileData");
    if (!data) return false;
    text = vtx_emu_get_text(data, "fileUri");
    media->uri = text ? text : "";
  }
  text = vtx_emu_get_text(data, "mimeType");
  if (text) media->mime_type = text;
  return true;
}

/* The texts in a value, and one token for each that is none; names of fields
 * may be spelled in two ways and do not count. The depth is that of a request's
 * JSON, which has its limit. */
static void count_value(struct vtx_emu_prompt *prompt,
                        struct json_object *value) {
  if (json_object_is_type(value, json_type_object)) {
    json_object_object_foreach(value, key, inner) {
      (void)key;
      count_value(prompt, inner);
    }
  } else if (json_object_is_type(value, json_type_array)) {
    for (size_t i = 0; i < json_object_array_length(value); i++) {
      count_value(prompt, json_object_array_get_idx(value, i));
    }
  } else if (json_object_is_type(value, json_type_string)) {
    count_text(prompt, json_object_get_string(value));
  } else {
    prompt->tokens[VTX_EMU_MODALITY_TEXT]++;
  }
}

static void count_part(struct vtx_emu_prompt *prompt,
                       struct json_object *part) {
  const char *text = vtx_emu_get_text(part, "text");
  struct vtx_emu_media media;

  if (text) {
    count_text(prompt, text);
  } else if (read_media(part, &media)) {
    prompt->tokens[modality_of(media.mime_type)] += MEDIA_TOKENS;
  } else {
    count_value(prompt, part);
  }
}

static void count_content(struct vtx_emu_prompt *prompt,
                          struct json_object *content) {
  struct json_object *parts = vtx_emu_get(content, "parts");

  for (size_t i = 0; i < vtx_emu_list_size(parts); i++) {
    count_part(prompt, vtx_emu_list_at(parts, i));
  }
}

/* Joins the texts of a content; NULL when the arena is used up. */
static char *join_text(struct cb_arena *arena, struct json_object *content) {
  struct json_object *parts = vtx_emu_get(content, "parts");
  struct cb_buf buf;
  char *joined;

  cb_buf_init(&buf, MAX_TEXT, NULL);
  for (size_t i = 0; i < vtx_emu_list_size(parts); i++) {
    const char *text = vtx_emu_get_text(vtx_emu_list_at(parts, i), "text");

    if (!text) continue;
    if (buf.len > 0) cb_buf_add_char(&buf, '\n');
    cb_buf_add_text(&buf, text);
  }
  joined = cb_arena_memdup(arena, buf.data ? buf.data : "", buf.len);
  if (buf.failed) joined = NULL;
  cb_buf_release(&buf);
  return joined;
}

static void read_last_parts(struct vtx_emu_prompt *prompt,
                            struct json_object *content) {
  struct json_object *parts = vtx_emu_get(content, "parts");

  for (size_t i = 0; i < vtx_emu_list_size(parts); i++) {
    struct json_object *part = vtx_emu_list_at(parts, i);
    struct json_object *result = vtx_emu_get(part, "functionResponse");
    struct vtx_emu_media media;

    if (result && !prompt->function_result) {
      prompt->function_result = vtx_emu_get_text(result, "name");
    }
    if (prompt->media_count < VTX_EMU_MAX_MEDIA && read_media(part, &media)) {
      prompt->media[prompt->media_count++] = media;
    }
  }
}

/* The last turn that is not the model's. */
static struct json_object *last_user_turn(struct json_object *contents) {
  for (size_t i = vtx_emu_list_size(contents); i > 0; i--) {
    struct json_object *content = vtx_emu_list_at(contents, i - 1);
    const char *role = vtx_emu_get_text(content, "role");

    if (!role || strcmp(role, "model") != 0) return content;
  }
  return NULL;
}

static int64_t number_of(struct json_object *object, const char *name,
                         int64_t otherwise) {
  struct json_object *value = vtx_emu_get(object, name);

  return value ? json_object_get_int64(value) : otherwise;
}

static void read_thinking(struct vtx_emu_prompt *prompt,
                          struct json_object *config) {
  struct json_object *thinking = vtx_emu_get(config, "thinkingConfig");
  const char *level = vtx_emu_get_text(thinking, "thinkingLevel");

  prompt->thinking_budget = number_of(thinking, "thinkingBudget", 0);
  /* -1 leaves the amount to the model, a level does too. */
  if (prompt->thinking_budget < 0 || (level && *level)) {
    prompt->thinking_budget = INT32_MAX;
  }
  prompt->include_thoughts =
      json_object_get_boolean(vtx_emu_get(thinking, "includeThoughts"));
}

/* responseFormat is the newer way to say what the other three fields say. */
static void read_format(struct vtx_emu_prompt *prompt,
                        struct json_object *config) {
  const char *mime_type = vtx_emu_get_text(config, "responseMimeType");
  struct json_object *formats = vtx_emu_get(config, "responseFormat");

  prompt->schema = vtx_emu_get(config, "responseSchema");
  if (!prompt->schema) {
    prompt->schema = vtx_emu_get(config, "responseJsonSchema");
  }
  for (size_t i = 0; i < vtx_emu_list_size(formats); i++) {
    struct json_object *text = vtx_emu_get(vtx_emu_list_at(formats, i), "text");
    const char *type = vtx_emu_get_text(text, "mimeType");

    if (type && strcmp(type, "APPLICATION_JSON") == 0) {
      mime_type = "application/json";
    }
    if (vtx_emu_get(text, "schema")) {
      prompt->schema = vtx_emu_get(text, "schema");
      mime_type = "application/json";
    }
  }
  prompt->json = mime_type && strcasecmp(mime_type, "application/json") == 0;
  prompt->enum_text = mime_type && strcasecmp(mime_type, "text/x.enum") == 0;
}

static void read_config(struct vtx_emu_prompt *prompt,
                        struct json_object *config) {
  struct json_object *stops = vtx_emu_get(config, "stopSequences");

  prompt->candidate_count = number_of(config, "candidateCount", 1);
  if (prompt->candidate_count < 1) prompt->candidate_count = 1;
  if (prompt->candidate_count > MAX_CANDIDATES) {
    prompt->candidate_count = MAX_CANDIDATES;
  }
  prompt->max_output_tokens = number_of(config, "maxOutputTokens", 0);
  if (prompt->max_output_tokens <= 0) prompt->max_output_tokens = INT64_MAX;
  for (size_t i = 0; i < vtx_emu_list_size(stops); i++) {
    const char *stop = json_object_get_string(vtx_emu_list_at(stops, i));

    if (stop && *stop && prompt->stop_count < VTX_EMU_MAX_STOPS) {
      prompt->stops[prompt->stop_count++] = stop;
    }
  }
  read_thinking(prompt, config);
  read_format(prompt, config);
}

struct json_object *vtx_emu_find_function(struct json_object *body,
                                          const char *name,
                                          const char **ret_name) {
  struct json_object *tools = vtx_emu_get(body, "tools");

  *ret_name = NULL;
  for (size_t i = 0; i < vtx_emu_list_size(tools); i++) {
    struct json_object *list =
        vtx_emu_get(vtx_emu_list_at(tools, i), "functionDeclarations");

    for (size_t j = 0; j < vtx_emu_list_size(list); j++) {
      struct json_object *function = vtx_emu_list_at(list, j);
      const char *own = vtx_emu_get_text(function, "name");
      struct json_object *schema = vtx_emu_get(function, "parameters");

      if (!own || (*name && strcmp(own, name) != 0)) continue;
      *ret_name = own;
      if (schema) return schema;
      return vtx_emu_get(function, "parametersJsonSchema");
    }
  }
  return NULL;
}

/* The call that the request forces (mode ANY), or that a knob asks for. */
static void read_function(struct vtx_emu_prompt *prompt,
                          struct json_object *body) {
  struct json_object *config =
      vtx_emu_get(vtx_emu_get(body, "toolConfig"), "functionCallingConfig");
  const char *mode = vtx_emu_get_text(config, "mode");
  struct json_object *allowed = vtx_emu_get(config, "allowedFunctionNames");
  const char *name = "";

  if (prompt->knobs.function_call) {
    prompt->function_schema = vtx_emu_find_function(
        body, prompt->knobs.function_call, &prompt->function);
    prompt->function = prompt->knobs.function_call;
    return;
  }
  if (!mode || strcmp(mode, "ANY") != 0) return;
  if (vtx_emu_list_size(allowed) > 0) {
    name = json_object_get_string(vtx_emu_list_at(allowed, 0));
  }
  prompt->function_schema =
      vtx_emu_find_function(body, name ? name : "", &prompt->function);
}

bool vtx_emu_prompt_read(struct vtx_emu_prompt *prompt, struct cb_arena *arena,
                         struct json_object *body,
                         const struct vtx_emu_knobs *knobs,
                         const char **ret_error) {
  struct json_object *contents = vtx_emu_get(body, "contents");
  struct json_object *system = vtx_emu_get(body, "systemInstruction");
  struct json_object *last = last_user_turn(contents);
  char *text = join_text(arena, last);
  int64_t directive_tokens = text ? vtx_emu_tokens(strlen(text)) : 0;
  int64_t directive_characters = text ? billable(text) : 0;

  *prompt = (struct vtx_emu_prompt){.model = "", .knobs = *knobs};
  *ret_error = "Emulator: out of memory.";
  if (!text) return false;
  if (!vtx_emu_knobs_take(&prompt->knobs, arena, text, ret_error)) {
    return false;
  }
  prompt->text = text;
  directive_tokens -= vtx_emu_tokens(strlen(text));
  directive_characters -= billable(text);
  if (system) {
    prompt->system = join_text(arena, system);
    if (!prompt->system) return false;
    count_content(prompt, system);
  }
  prompt->turns = vtx_emu_list_size(contents);
  for (size_t i = 0; i < prompt->turns; i++) {
    count_content(prompt, vtx_emu_list_at(contents, i));
  }
  prompt->tokens[VTX_EMU_MODALITY_TEXT] -= directive_tokens;
  prompt->billable_characters -= directive_characters;
  if (last) read_last_parts(prompt, last);
  read_config(prompt, vtx_emu_get(body, "generationConfig"));
  read_function(prompt, body);
  return true;
}

int64_t vtx_emu_prompt_tokens(const struct vtx_emu_prompt *prompt) {
  int64_t sum = 0;

  for (size_t i = 0; i < VTX_EMU_MODALITIES; i++) {
    sum += prompt->tokens[i];
  }
  return sum;
}
