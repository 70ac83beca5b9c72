#include "service/vertex/labels.h"

#include <string.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "service/vertex/body_schema.h"

#define MAX_SHOWN 64

typedef Vertexd__V1__GenerateRequest generate_request;
typedef Vertexd__V1__GenerateRequest__LabelsEntry entry;

/* --- one label ----------------------------------------------------------- */

/* ASCII has no other lower-case letters, and no script's marks; what lies
 * above it is taken as a letter. */
static bool is_letter(unsigned char c) {
  return (c >= 'a' && c <= 'z') || c >= 0x80;
}

static bool is_inside(unsigned char c) {
  return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* Characters of text; more than there may be where one is wrong. */
static size_t length_of(const char *text) {
  size_t length = 0;

  for (; *text; text++) {
    if (!is_inside((unsigned char)*text)) return SIZE_MAX;
    if (((unsigned char)*text & 0xc0) != 0x80) length++;
  }
  return length;
}

const char *vtx_label_wrong(const char *key, const char *value) {
  size_t length = length_of(key);

  if (length == 0) return "its key is empty";
  if (!is_letter((unsigned char)*key))
    return "its key does not begin with a lower-case letter";
  if (length == SIZE_MAX)
    return "its key has others than lower-case letters, digits, _ and -";
  if (length > VTX_LABEL_CHARACTERS)
    return "its key is longer than 63 characters";
  length = length_of(value);
  if (length == SIZE_MAX)
    return "its value has others than lower-case letters, digits, _ and -";
  if (length > VTX_LABEL_CHARACTERS)
    return "its value is longer than 63 characters";
  return NULL;
}

/* --- those of a request -------------------------------------------------- */

static struct cb_status refuse(const entry *label, const char *why,
                               const char *prefix, struct cb_arena *arena) {
  size_t shown = cb_utf8_cut(label->key, strlen(label->key), MAX_SHOWN);
  const char *labels = vtx_field_path(arena, prefix, "labels");
  const char *field =
      cb_arena_printf(arena, "%s[\"%.*s\"]", labels, (int)shown, label->key);

  if (!field) field = labels;
  return cb_status_field(arena, field, "%s can be no label: %s", field, why);
}

struct cb_status vtx_labels_check(const generate_request *request,
                                  const char *prefix, struct cb_arena *arena) {
  for (size_t i = 0; request && i < request->n_labels; i++) {
    const entry *label = request->labels[i];
    const char *why = vtx_label_wrong(label->key, label->value);

    if (why) return refuse(label, why, prefix, arena);
  }
  return cb_status_ok();
}

static bool has(const generate_request *request, const char *key) {
  for (size_t i = 0; request && i < request->n_labels; i++) {
    if (strcmp(request->labels[i]->key, key) == 0) return true;
  }
  return false;
}

static entry *make_entry(const struct cb_pair *pair, struct cb_arena *arena) {
  entry *label = cb_arena_alloc(arena, sizeof *label);

  if (!label) return NULL;
  vertexd__v1__generate_request__labels_entry__init(label);
  label->key = cb_arena_strdup(arena, pair->key);
  label->value = cb_arena_strdup(arena, pair->value);
  return label->key && label->value ? label : NULL;
}

bool vtx_labels_merge(const generate_request *request,
                      const generate_request *defaults,
                      const struct vtx_labels *server, struct cb_arena *arena,
                      generate_request *ret_merged) {
  const generate_request *above =
      request && request->n_labels > 0 ? request : defaults;
  size_t most = server->count + (above ? above->n_labels : 0);
  entry **labels = cb_arena_zalloc(arena, most + 1, sizeof *labels);
  size_t count = 0;

  vertexd__v1__generate_request__init(ret_merged);
  if (!labels) return false;
  for (size_t i = 0; above && i < above->n_labels; i++)
    labels[count++] = above->labels[i];
  for (size_t i = 0; i < server->count; i++) {
    if (has(above, server->pairs[i].key)) continue;
    labels[count] = make_entry(&server->pairs[i], arena);
    if (!labels[count++]) return false;
  }
  ret_merged->labels = labels;
  ret_merged->n_labels = count;
  return true;
}
