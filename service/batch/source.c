#include "service/batch/source.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "service/limits.h"
#include "service/reasons.h"
#include "service/template.h"
#include "service/vertex/tier.h"

void vtx_source_field(const struct vtx_source *source, uint32_t index,
                      char out[VTX_FIELD_ROOM]) {
  static const char *const names[] = {
      [VTX_SOURCE_REQUESTS] = "requests",
      [VTX_SOURCE_PROMPTS] = "prompts",
      [VTX_SOURCE_ITEMS] = "items",
      [VTX_SOURCE_VALUES] = "values",
  };

  out[0] = '\0';
  if (source->kind == VTX_SOURCE_ONE || source->kind == VTX_SOURCE_COUNT) {
    return;
  }
  if (source->kind == VTX_SOURCE_PIPE) {
    snprintf(out, VTX_FIELD_ROOM, "item");
    return;
  }
  snprintf(out, VTX_FIELD_ROOM, "%s[%" PRIu32 "]", names[source->kind], index);
}

static const char *raw_id(const struct vtx_source *source, uint32_t index) {
  if (source->kind == VTX_SOURCE_ONE || source->kind == VTX_SOURCE_PIPE) {
    return source->one->id;
  }
  if (source->kind == VTX_SOURCE_REQUESTS) return source->requests[index]->id;
  return "";
}

const char *vtx_source_id(const struct vtx_source *source, uint32_t index) {
  const char *id = raw_id(source, index);

  return strlen(id) <= VTX_ID_MAX ? id : "";
}

static struct cb_status check_id(const struct vtx_source *source,
                                 uint32_t index, const char *field,
                                 struct cb_arena *arena) {
  const char *id = raw_id(source, index);
  size_t size = strlen(id);
  char path[VTX_FIELD_ROOM + 4];

  if (size <= VTX_ID_MAX) return cb_status_ok();
  snprintf(path, sizeof path, "%s%sid", field, field[0] ? "." : "");
  return cb_status_field(arena, path, "%s has %zu bytes, more than %d", path,
                         size, VTX_ID_MAX);
}

/* Renders a template of text into arena. */
static struct cb_status render(const struct vtx_template *template,
                               struct vtx_template_item *item,
                               struct cb_arena *arena, const char **ret_text) {
  struct cb_status status;
  struct cb_buf buf;

  cb_buf_init(&buf, VTX_RENDERED_MAX, NULL);
  status = vtx_template_render(template, item, arena, &buf);
  if (status.code == CB_OK) {
    *ret_text = cb_arena_memdup(arena, buf.data ? buf.data : "", buf.len);
    if (!*ret_text) {
      status = vtx_refuse(VTX_SERVICE_SERVER_MEMORY,
                          "no memory for the rendered prompt");
    }
  }
  cb_buf_release(&buf);
  return status;
}

static struct cb_status render_prompt(const struct vtx_source *source,
                                      struct vtx_template_item *item,
                                      struct cb_arena *arena,
                                      struct vtx_prompt *prompt) {
  struct cb_status status = cb_status_ok();
  Vertexd__V1__Content **contents = NULL;

  if (source->item_template) {
    const char *shown = NULL;

    status = render(source->item_template, item, arena, &shown);
    if (status.code != CB_OK) return status;
    item->shown = shown;
  }
  if (source->text) {
    return render(source->text, item, arena, &prompt->prompt);
  }
  status = vtx_contents_render(source->contents, item, arena, &contents);
  prompt->contents = contents;
  prompt->content_count = vtx_contents_count(source->contents);
  return status;
}

struct cb_status vtx_source_prompt(const struct vtx_source *source,
                                   uint32_t index, struct cb_arena *arena,
                                   struct vtx_prompt *ret_prompt) {
  struct vtx_template_item item = {.index = index};
  char field[VTX_FIELD_ROOM];

  assert(index < source->count || source->kind == VTX_SOURCE_PIPE);
  vtx_source_field(source, index, field);
  ret_prompt->defaults = source->defaults;
  switch (source->kind) {
    case VTX_SOURCE_ONE:
    case VTX_SOURCE_PIPE:
      ret_prompt->request = source->one;
      return check_id(source, index, field, arena);
    case VTX_SOURCE_REQUESTS:
      ret_prompt->request = source->requests[index];
      return check_id(source, index, field, arena);
    case VTX_SOURCE_PROMPTS:
      ret_prompt->prompt = source->prompts[index];
      return cb_status_ok();
    case VTX_SOURCE_ITEMS:
      item.text = source->items[index];
      break;
    case VTX_SOURCE_VALUES:
      item.value = source->values[index];
      break;
    case VTX_SOURCE_COUNT:
      assert(false);
  }
  item.field = field;
  return render_prompt(source, &item, arena, ret_prompt);
}

bool vtx_source_has_model(const struct vtx_source *source, uint32_t index) {
  if (source->kind == VTX_SOURCE_PIPE) return source->one->model[0] != '\0';
  return source->kind == VTX_SOURCE_REQUESTS &&
         source->requests[index]->model[0] != '\0';
}

/* The item's own request, NULL if it has none. */
static const Vertexd__V1__GenerateRequest *own_request(
    const struct vtx_source *source, uint32_t index) {
  if (source->kind == VTX_SOURCE_ONE || source->kind == VTX_SOURCE_PIPE)
    return source->one;
  return source->kind == VTX_SOURCE_REQUESTS ? source->requests[index] : NULL;
}

const char *vtx_source_model(const struct vtx_source *source, uint32_t index) {
  const Vertexd__V1__GenerateRequest *own = own_request(source, index);

  if (source->kind == VTX_SOURCE_COUNT) {
    return source->count_tokens->model[0] ? source->count_tokens->model
                                          : source->count_tokens->endpoint;
  }
  if (own && own->model[0]) return own->model;
  return source->defaults ? source->defaults->model : "";
}

const char *vtx_source_cache(const struct vtx_source *source, uint32_t index) {
  const Vertexd__V1__GenerateRequest *own = own_request(source, index);

  if (source->kind == VTX_SOURCE_COUNT) return "";
  if (own && own->cached_content[0]) return own->cached_content;
  return source->defaults ? source->defaults->cached_content : "";
}

Vertexd__V1__RequestTier vtx_source_tier(const struct vtx_source *source,
                                         uint32_t index,
                                         Vertexd__V1__RequestTier server) {
  if (source->kind == VTX_SOURCE_COUNT)
    return VERTEXD__V1__REQUEST_TIER__REQUEST_TIER_STANDARD;
  return vtx_tier_of(own_request(source, index), source->defaults, server);
}

bool vtx_source_one_model(const struct vtx_source *source, uint32_t index) {
  if (source->kind != VTX_SOURCE_REQUESTS) return true;
  for (uint32_t i = index; i < source->count; i++) {
    if (source->requests[i]->model[0]) return false;
  }
  return true;
}
