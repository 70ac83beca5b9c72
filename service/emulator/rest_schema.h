/* rest_schema.h - what Vertex AI takes: the types of its REST interface.
 *
 * Read at start from schema_v1.txt, which is embedded in the program and says
 * in its head how it is written. The table is the emulator's own, so that it
 * judges what is sent to it by Google's description and not by the sender's.
 *
 * Threads:   safe from any once made; it does not change.
 * Ownership: types and texts live as long as the schema.
 */
#ifndef VTX_EMULATOR_REST_SCHEMA_H
#define VTX_EMULATOR_REST_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

struct json_object;
struct vtx_emu_schema;

enum vtx_emu_kind {
  VTX_EMU_STRING,
  VTX_EMU_BYTES,
  VTX_EMU_DURATION,
  VTX_EMU_BOOL,
  VTX_EMU_INT32,
  VTX_EMU_INT64,
  VTX_EMU_FLOAT,
  VTX_EMU_DOUBLE,
  VTX_EMU_ANY,
  VTX_EMU_ENUM,
  VTX_EMU_MESSAGE,
};

enum vtx_emu_shape { VTX_EMU_ONE, VTX_EMU_LIST, VTX_EMU_MAP };

struct vtx_emu_field {
  const char *name; /* lowerCamelCase */
  enum vtx_emu_shape shape;
  enum vtx_emu_kind kind;
  const char *type_name; /* of a message; "" otherwise */
  const struct vtx_emu_type *type;
  const char *names; /* of an enum, "A|B|C"; "" otherwise */
};

struct vtx_emu_type {
  const char *name;
  struct vtx_emu_field *fields;
  size_t field_count;
};

/* Reads the embedded table. NULL when memory is used up. */
struct vtx_emu_schema *vtx_emu_schema_new(void);
void vtx_emu_schema_free(struct vtx_emu_schema *schema);

/* The type of that name, NULL if there is none. */
const struct vtx_emu_type *vtx_emu_schema_type(
    const struct vtx_emu_schema *schema, const char *name);

/* The field that name means in lowerCamelCase or snake_case, NULL if none. */
const struct vtx_emu_field *vtx_emu_type_field(const struct vtx_emu_type *type,
                                               const char *name);

/* True if name is one of the field's enum names. */
bool vtx_emu_field_has_name(const struct vtx_emu_field *field,
                            const char *name);

/* Writes the snake_case form of a lowerCamelCase name, cut to room - 1. */
void vtx_emu_snake(const char *name, char *out, size_t room);

/* The member of object by its lowerCamelCase name, written either way; NULL
 * if it is missing or null, or if object is no object. */
struct json_object *vtx_emu_get(const struct json_object *object,
                                const char *name);

/* As vtx_emu_get(), for texts: NULL if it is no string. */
const char *vtx_emu_get_text(const struct json_object *object,
                             const char *name);

/* Lists may be written as their only element: how many there are, and the
 * one at place. */
size_t vtx_emu_list_size(const struct json_object *list);
struct json_object *vtx_emu_list_at(struct json_object *list, size_t place);

#endif
