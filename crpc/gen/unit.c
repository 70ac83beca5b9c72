#include "crpc/gen/unit.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "crpc/gen/names.h"

const char *gen_define(struct gen_unit *unit, const char *name) {
  if (unit->name_count == unit->name_room) {
    size_t room = unit->name_room > 0 ? 2 * unit->name_room : 256;
    const char **names = cb_arena_zalloc(unit->arena, room, sizeof *names);

    if (!names) abort();
    if (unit->name_count > 0)
      memcpy(names, unit->names, unit->name_count * sizeof *names);
    unit->names = names;
    unit->name_room = room;
  }
  unit->names[unit->name_count++] = name;
  return name;
}

static int compare_names(const void *a, const void *b) {
  const char *const *left = a;
  const char *const *right = b;

  return strcmp(*left, *right);
}

const char *gen_clash(struct gen_unit *unit) {
  if (unit->name_count == 0) return NULL;
  qsort(unit->names, unit->name_count, sizeof *unit->names, compare_names);
  for (size_t i = 1; i < unit->name_count; i++)
    if (strcmp(unit->names[i - 1], unit->names[i]) == 0) return unit->names[i];
  return NULL;
}

/* True if file defines a top-level message of the name at the start of path. */
static bool file_defines(const gen_File *file, const char *path) {
  size_t size = strcspn(path, ".");

  for (size_t i = 0; i < file->n_message_type; i++) {
    const char *name = file->message_type[i]->name;

    if (strlen(name) == size && strncmp(name, path, size) == 0) return true;
  }
  return false;
}

/* What follows the package in a full name; NULL if it is of another one. */
static const char *after_package(const char *package, const char *full_name) {
  size_t size = strlen(package);

  if (size == 0) return full_name;
  if (strncmp(package, full_name, size) != 0) return NULL;
  return full_name[size] == '.' ? full_name + size + 1 : NULL;
}

const char *gen_short_type(struct gen_unit *unit, const char *type_name) {
  const char *full_name = type_name[0] == '.' ? type_name + 1 : type_name;

  for (size_t i = 0; i < unit->request->n_proto_file; i++) {
    const gen_File *file = unit->request->proto_file[i];
    const char *package = file->package ? file->package : "";
    const char *path = after_package(package, full_name);
    char *name;

    if (!path || !file_defines(file, path)) continue;
    name = gen_text(unit->arena, "%s%s",
                    gen_short_prefix(unit->arena, package, unit->keep_version),
                    path);
    for (char *at = name; *at; at++)
      if (*at == '.') *at = '_';
    return name;
  }
  /* protoc resolves every type before it calls a plugin. */
  return gen_long_type(unit->arena, full_name);
}

static const char *find_comment(const gen_File *file, const int32_t *path,
                                size_t path_size) {
  const Google__Protobuf__SourceCodeInfo *info = file->source_code_info;

  for (size_t i = 0; info && i < info->n_location; i++) {
    const Google__Protobuf__SourceCodeInfo__Location *at = info->location[i];

    if (at->n_path == path_size && at->leading_comments &&
        memcmp(at->path, path, path_size * sizeof *path) == 0)
      return at->leading_comments;
  }
  return NULL;
}

/* One line of comment; what would open or end a C comment is pulled apart. */
static void comment_line(struct cb_buf *out, const char *indent,
                         const char *line, size_t size) {
  while (size > 0 && (line[size - 1] == ' ' || line[size - 1] == '\r'))
    size--;
  cb_buf_printf(out, "%s *", indent);
  if (size > 0 && line[0] != ' ') cb_buf_add_char(out, ' ');
  for (size_t i = 0; i < size; i++) {
    cb_buf_add_char(out, line[i]);
    if (i + 1 < size && ((line[i] == '*' && line[i + 1] == '/') ||
                         (line[i] == '/' && line[i + 1] == '*')))
      cb_buf_add_char(out, ' ');
  }
  cb_buf_add_char(out, '\n');
}

void gen_comment(const struct gen_unit *unit, struct cb_buf *out,
                 const char *indent, const int32_t *path, size_t path_size) {
  const char *text = find_comment(unit->file, path, path_size);

  if (!text) return;
  cb_buf_printf(out, "%s/*\n", indent);
  while (*text) {
    size_t size = strcspn(text, "\n");

    comment_line(out, indent, text, size);
    text += size;
    if (*text == '\n') text++;
  }
  cb_buf_printf(out, "%s */\n", indent);
}
