/* The frame of FILE.crpc.h and FILE.crpc.c. */
#include "base/buf.h"
#include "crpc/gen/names.h"
#include "crpc/gen/unit.h"

/* The extension number of protobuf-c's own file option; with it come other C
 * names (c_package) than those that are written here. */
#define PB_C_FILE_OPTION 1019

static bool has_pb_c_option(const gen_File *file) {
  if (!file->options) return false;
  for (unsigned i = 0; i < file->options->base.n_unknown_fields; i++)
    if (file->options->base.unknown_fields[i].tag == PB_C_FILE_OPTION)
      return true;
  return false;
}

static void write_includes(struct gen_unit *unit, struct cb_buf *header) {
  const gen_File *file = unit->file;

  if (file->n_service > 0)
    cb_buf_add_text(header,
                    "#include <assert.h>\n#include <stdbool.h>\n\n"
                    "#include \"crpc/call.h\"\n#include \"crpc/client.h\"\n"
                    "#include \"crpc/method.h\"\n#include \"crpc/server.h\"\n");
  cb_buf_printf(header, "#include \"%s.pb-c.h\"\n",
                gen_stem(unit->arena, file->name));
  for (size_t i = 0; i < file->n_dependency; i++)
    cb_buf_printf(header, "#include \"%s.crpc.h\"\n",
                  gen_stem(unit->arena, file->dependency[i]));
}

static void write_header(struct gen_unit *unit, struct cb_buf *header) {
  const gen_File *file = unit->file;
  const char *guard = gen_guard(unit->arena, file->name);

  cb_buf_printf(header,
                "/* Made by protoc-gen-crpc from %s; do not edit. */\n"
                "#ifndef CRPC_%s\n#define CRPC_%s\n\n",
                file->name, guard, guard);
  write_includes(unit, header);
  cb_buf_add_text(header, "\nPROTOBUF_C__BEGIN_DECLS\n");
  gen_types(unit, header);
  for (size_t i = 0; i < file->n_service; i++)
    gen_service_header(unit, i, header);
  cb_buf_add_text(header, "\nPROTOBUF_C__END_DECLS\n\n#endif\n");
}

const char *gen_file(struct gen_unit *unit, struct cb_buf *header,
                     struct cb_buf *source) {
  const gen_File *file = unit->file;
  const char *clash;

  if (has_pb_c_option(file))
    return gen_text(unit->arena,
                    "%s: the option (pb_c_file) changes protobuf-c's names; "
                    "protoc-gen-crpc does not follow it",
                    file->name);
  unit->prefix = gen_short_prefix(
      unit->arena, file->package ? file->package : "", unit->keep_version);
  write_header(unit, header);
  cb_buf_printf(source,
                "/* Made by protoc-gen-crpc from %s; do not edit. */\n"
                "#include \"%s.crpc.h\"\n",
                file->name, gen_stem(unit->arena, file->name));
  for (size_t i = 0; i < file->n_service; i++)
    gen_service_source(unit, i, source);
  clash = gen_clash(unit);
  if (clash)
    return gen_text(unit->arena, "%s: two things get the C name %s; rename one",
                    file->name, clash);
  return NULL;
}
