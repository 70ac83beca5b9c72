/* Short names: a typedef for each message and enum, macros for the rest. */
#include <string.h>

#include "base/buf.h"
#include "crpc/gen/names.h"
#include "crpc/gen/unit.h"

/* A place that types are defined in: the file, or a message in it. */
struct scope {
  struct gen_unit *unit;
  struct cb_buf *out;
  const char *full_name; /* "vertexd.v1.Error"; the package at the top */
  const char *prefix;    /* "vertexd_Error_" */
};

static char *full_name_in(const struct scope *scope, const char *name) {
  if (!*scope->full_name) return gen_text(scope->unit->arena, "%s", name);
  return gen_text(scope->unit->arena, "%s.%s", scope->full_name, name);
}

static const char *define(const struct scope *scope, const char *name) {
  return gen_define(scope->unit,
                    gen_text(scope->unit->arena, "%s%s", scope->prefix, name));
}

static void write_macro(const struct scope *scope, const char *name,
                        const char *long_name) {
  cb_buf_printf(scope->out, "#define %s \\\n  %s\n", define(scope, name),
                long_name);
}

static void write_enum(const struct scope *scope, const gen_Enum *type) {
  struct cb_arena *arena = scope->unit->arena;
  const char *full_name = full_name_in(scope, type->name);
  const char *upper = gen_long_upper(arena, full_name);

  cb_buf_printf(scope->out, "\n/* enum %s */\ntypedef %s %s;\n", full_name,
                gen_long_type(arena, full_name), define(scope, type->name));
  write_macro(
      scope, gen_text(arena, "%s_descriptor", type->name),
      gen_text(arena, "%s__descriptor", gen_long_lower(arena, full_name)));
  for (size_t i = 0; i < type->n_value; i++)
    write_macro(scope, type->value[i]->name,
                gen_text(arena, "%s__%s", upper, type->value[i]->name));
}

/* "optional int32 x" is, to protobuf-c, a oneof _x with the one member x: what
 * its case is when x is there gets a name of its own. */
static bool is_optional(const gen_Message *type, size_t oneof) {
  for (size_t i = 0; i < type->n_field; i++)
    if (type->field[i]->has_oneof_index &&
        (size_t)type->field[i]->oneof_index == oneof)
      return type->field[i]->has_proto3_optional &&
             type->field[i]->proto3_optional;
  return false;
}

/* inner is the scope of the message itself. */
static void write_oneof(const struct scope *inner, const gen_Message *type,
                        size_t index) {
  struct cb_arena *arena = inner->unit->arena;
  const char *oneof = gen_upper(arena, type->oneof_decl[index]->name);
  const char *upper = gen_long_upper(arena, inner->full_name);
  bool optional = is_optional(type, index);

  if (!optional)
    write_macro(inner, gen_text(arena, "%s_NOT_SET", oneof),
                gen_text(arena, "%s__%s__NOT_SET", upper, oneof));
  for (size_t i = 0; i < type->n_field; i++) {
    const char *field = gen_upper(arena, type->field[i]->name);

    if (!type->field[i]->has_oneof_index ||
        (size_t)type->field[i]->oneof_index != index)
      continue;
    write_macro(inner,
                gen_text(arena, "%s_%s", optional ? "HAS" : oneof, field),
                gen_text(arena, "%s__%s_%s", upper, oneof, field));
  }
}

static void write_message(const struct scope *scope, const gen_Message *type) {
  struct cb_arena *arena = scope->unit->arena;
  const char *full_name = full_name_in(scope, type->name);
  struct scope inner = {scope->unit, scope->out, full_name,
                        gen_text(arena, "%s%s_", scope->prefix, type->name)};

  cb_buf_printf(scope->out, "\n/* message %s */\ntypedef %s %s;\n", full_name,
                gen_long_type(arena, full_name), define(scope, type->name));
  write_macro(&inner, "INIT",
              gen_text(arena, "%s__INIT", gen_long_upper(arena, full_name)));
  write_macro(
      &inner, "descriptor",
      gen_text(arena, "%s__descriptor", gen_long_lower(arena, full_name)));
  for (size_t i = 0; i < type->n_oneof_decl; i++)
    write_oneof(&inner, type, i);
  for (size_t i = 0; i < type->n_enum_type; i++)
    write_enum(&inner, type->enum_type[i]);
  for (size_t i = 0; i < type->n_nested_type; i++)
    write_message(&inner, type->nested_type[i]);
}

void gen_types(struct gen_unit *unit, struct cb_buf *header) {
  const gen_File *file = unit->file;
  struct scope top = {unit, header, file->package ? file->package : "",
                      unit->prefix};

  for (size_t i = 0; i < file->n_enum_type; i++)
    write_enum(&top, file->enum_type[i]);
  for (size_t i = 0; i < file->n_message_type; i++)
    write_message(&top, file->message_type[i]);
}
