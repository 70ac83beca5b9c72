/* body_schema.h - the schema of a JSON answer: which, where from, what form.
 *
 * Threads: safe from any; reads the messages only.
 */
#ifndef VTX_VERTEX_BODY_SCHEMA_H
#define VTX_VERTEX_BODY_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "vertexd/v1/vertexd.pb-c.h"

struct cb_arena;

/* "name" under prefix, "name" alone where prefix is "". From arena. */
const char *vtx_field_path(struct cb_arena *arena, const char *prefix,
                           const char *name);

/* True if JSON is asked for: the request's return_json decides, else its
 * schema, else the same of the defaults. Either may be NULL. */
bool vtx_wants_json(const Vertexd__V1__GenerateRequest *request,
                    const Vertexd__V1__GenerateRequest *defaults);

/* The schema rules within one message: not both json_schema and
 * json_schema_text, the text an object of JSON, no schema in generation_config
 * beside them, return_json not false with them. */
struct cb_status vtx_schema_check(const Vertexd__V1__GenerateRequest *message,
                                  const char *prefix, struct cb_arena *arena);

/* The rules between request and defaults, where JSON is wanted: a schema of
 * one kind only, and no other mime type. */
struct cb_status vtx_schema_check_merged(
    const Vertexd__V1__GenerateRequest *request,
    const Vertexd__V1__GenerateRequest *defaults, const char *prefix,
    struct cb_arena *arena);

/* A schema ready to be written. */
struct vtx_schema_text {
  const char *name; /* responseSchema or responseJsonSchema; NULL: no schema */
  const char *json;
  size_t size;
};

/* The schema that holds, as JSON text (borrowed, or from arena). Upper-case
 * types (OpenAPI form) make it a responseSchema; lower-case ones, or none at
 * all, a responseJsonSchema, which knows more keywords; both in one schema are
 * INVALID_ARGUMENT, since neither form takes them. */
struct cb_status vtx_schema_text(const Vertexd__V1__GenerateRequest *request,
                                 const Vertexd__V1__GenerateRequest *defaults,
                                 const char *prefix, struct cb_arena *arena,
                                 struct vtx_schema_text *ret_text);

#endif
