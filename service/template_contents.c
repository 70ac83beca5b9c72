/* Templates in contents: the texts and file URIs are compiled; whatever else
 * is in the contents is shared by all that is rendered from them.
 */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "service/limits.h"
#include "service/template.h"
#include "service/vertex/reasons.h"

/* One part that holds a template. */
struct slot {
  size_t content;
  size_t part;
  const struct vtx_template *compiled;
};

struct vtx_contents_template {
  Vertexd__V1__Content *const *contents;
  size_t count;
  struct slot *slots;
  size_t slot_count;
  size_t segments; /* of all slots */
};

static struct cb_status no_room(struct cb_arena *arena) {
  return vtx_no_room(arena, cb_arena_past_cap(arena), VTX_REQUEST_TOO_LARGE,
                     "contents_template needs too much memory");
}

/* The text of part that is a template, and what it is called; NULL if none. */
static const char *template_text(const Vertexd__V1__Part *part,
                                 const char **ret_name) {
  if (part->data_case == VERTEXD__V1__PART__DATA_TEXT) {
    *ret_name = "text";
    return part->text;
  }
  if (part->data_case == VERTEXD__V1__PART__DATA_FILE_DATA) {
    *ret_name = "file_data.file_uri";
    return part->file_data->file_uri;
  }
  return NULL;
}

static size_t count_parts(Vertexd__V1__Content *const *contents, size_t count) {
  size_t parts = 0;

  for (size_t i = 0; i < count; i++)
    parts += contents[i]->n_parts;
  return parts;
}

static struct cb_status compile_part(struct vtx_contents_template *compiled,
                                     size_t content, size_t part,
                                     struct cb_arena *arena) {
  const char *name = NULL;
  const char *text =
      template_text(compiled->contents[content]->parts[part], &name);
  struct vtx_template *template;
  struct cb_status status;
  char field[96];

  if (!text) return cb_status_ok();
  snprintf(field, sizeof field, "contents_template[%zu].parts[%zu].%s", content,
           part, name);
  status = vtx_template_compile_part(text, field, arena, &compiled->segments,
                                     &template);
  if (status.code != CB_OK) return status;
  compiled->slots[compiled->slot_count++] =
      (struct slot){content, part, template};
  return status;
}

struct cb_status vtx_contents_compile(
    Vertexd__V1__Content *const *contents, size_t count, struct cb_arena *arena,
    struct vtx_contents_template **ret_template) {
  struct vtx_contents_template *compiled =
      cb_arena_zalloc(arena, 1, sizeof *compiled);
  struct cb_status status = cb_status_ok();

  if (!compiled) return no_room(arena);
  compiled->contents = contents;
  compiled->count = count;
  compiled->slots = cb_arena_zalloc(arena, count_parts(contents, count),
                                    sizeof *compiled->slots);
  if (!compiled->slots) return no_room(arena);
  for (size_t i = 0; i < count && status.code == CB_OK; i++) {
    for (size_t j = 0; j < contents[i]->n_parts; j++) {
      status = compile_part(compiled, i, j, arena);
      if (status.code != CB_OK) break;
    }
  }
  if (status.code == CB_OK) *ret_template = compiled;
  return status;
}

size_t vtx_contents_count(const struct vtx_contents_template *compiled) {
  return compiled->count;
}

/* A copy of one content whose parts may be replaced. */
static Vertexd__V1__Content *copy_content(const Vertexd__V1__Content *content,
                                          struct cb_arena *arena) {
  Vertexd__V1__Content *copy =
      (void *)cb_arena_memdup(arena, content, sizeof *content);

  if (!copy) return NULL;
  if (content->n_parts == 0) return copy;
  copy->parts = (void *)cb_arena_memdup(
      arena, content->parts, content->n_parts * sizeof *content->parts);
  return copy->parts ? copy : NULL;
}

static Vertexd__V1__Part *copy_part(const Vertexd__V1__Part *part, char *text,
                                    struct cb_arena *arena) {
  Vertexd__V1__Part *copy = (void *)cb_arena_memdup(arena, part, sizeof *part);

  if (!copy || !text) return NULL;
  if (part->data_case == VERTEXD__V1__PART__DATA_TEXT) {
    copy->text = text;
    return copy;
  }
  copy->file_data =
      (void *)cb_arena_memdup(arena, part->file_data, sizeof *part->file_data);
  if (!copy->file_data) return NULL;
  copy->file_data->file_uri = text;
  return copy;
}

/* Renders one slot into the copied contents; buf is scratch whose maximum is
 * what may still be rendered. */
static struct cb_status render_slot(const struct slot *slot,
                                    struct vtx_template_item *item,
                                    struct cb_arena *arena, struct cb_buf *buf,
                                    Vertexd__V1__Content **contents) {
  Vertexd__V1__Part **part = &contents[slot->content]->parts[slot->part];
  struct cb_status status;

  cb_buf_clear(buf);
  status = vtx_template_render(slot->compiled, item, arena, buf);
  if (status.code != CB_OK) return status;
  buf->max -= buf->len;
  *part = copy_part(
      *part, cb_arena_memdup(arena, buf->data ? buf->data : "", buf->len),
      arena);
  return *part ? status : no_room(arena);
}

struct cb_status vtx_contents_render(
    const struct vtx_contents_template *compiled,
    struct vtx_template_item *item, struct cb_arena *arena,
    Vertexd__V1__Content ***ret_contents) {
  Vertexd__V1__Content **contents =
      cb_arena_zalloc(arena, compiled->count, sizeof *contents);
  struct cb_status status = cb_status_ok();
  struct cb_buf buf;

  if (!contents) return no_room(arena);
  for (size_t i = 0; i < compiled->count; i++) {
    contents[i] = copy_content(compiled->contents[i], arena);
    if (!contents[i]) return no_room(arena);
  }
  cb_buf_init(&buf, VTX_RENDERED_MAX, NULL);
  for (size_t i = 0; i < compiled->slot_count; i++) {
    status = render_slot(&compiled->slots[i], item, arena, &buf, contents);
    if (status.code != CB_OK) break;
  }
  cb_buf_release(&buf);
  if (status.code == CB_OK) *ret_contents = contents;
  return status;
}
