/* validate.h - refuses what Vertex AI refuses, in its words.
 *
 * Threads: none inside. Ownership: texts of the error are from the arena.
 */
#ifndef VTX_EMULATOR_VALIDATE_H
#define VTX_EMULATOR_VALIDATE_H

#include <stdbool.h>
#include <stddef.h>

struct cb_arena;
struct json_object;
struct vtx_emu_error;
struct vtx_emu_schema;

/* Parses size bytes as strict JSON. The tree is freed with the arena. NULL if
 * it is none; *error is then filled in. */
struct json_object *vtx_emu_parse_body(struct cb_arena *arena, const char *text,
                                       size_t size,
                                       struct vtx_emu_error *error);

/* Checks body against the type of that name (GenerateContentRequest or
 * CountTokensRequest): fields, types, names of enums, base64. False if
 * something is wrong; *error then names it all. */
bool vtx_emu_check_shape(const struct vtx_emu_schema *schema,
                         const char *type_name, struct cb_arena *arena,
                         struct json_object *body, struct vtx_emu_error *error);

/* Checks what the shape does not say: contents, roles, schemas that fit the
 * MIME type, ranges. As above. */
bool vtx_emu_check_meaning(struct cb_arena *arena, struct json_object *body,
                           struct vtx_emu_error *error);

#endif
