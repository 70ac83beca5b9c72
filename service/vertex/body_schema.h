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

/* The longest schema, as JSON text, in whichever form it is given. */
#define VTX_MAX_SCHEMA_BYTES (16 * 1024 * 1024)

/* "name" under prefix, "name" alone where prefix is "". From arena. */
const char *vtx_field_path(struct cb_arena *arena, const char *prefix,
                           const char *name);

/* True if JSON is asked for: the request's return_json decides, else its
 * schema, else the same of the defaults. Either may be NULL. */
bool vtx_wants_json(const Vertexd__V1__GenerateRequest *request,
                    const Vertexd__V1__GenerateRequest *defaults);

/* True if response_mime_type is to be written where JSON is wanted: not beside
 * a response_format, which says it itself, unless there is a json_schema. */
bool vtx_mime_type_is_ours(const Vertexd__V1__GenerateRequest *request,
                           const Vertexd__V1__GenerateRequest *defaults);

/* True if the answer is to be checked against its schema: check_json decides;
 * where it is not set, whether json_schema or json_schema_text are in force. A
 * schema that only generation_config has is checked where check_json is true.
 * Always false without a schema. */
bool vtx_checks_json(const Vertexd__V1__GenerateRequest *request,
                     const Vertexd__V1__GenerateRequest *defaults);

/* True if repair_json is: the request's, else that of the defaults. */
bool vtx_repairs_json(const Vertexd__V1__GenerateRequest *request,
                      const Vertexd__V1__GenerateRequest *defaults);

/* The schema rules within one message: not both json_schema and
 * json_schema_text, the text an object of JSON of VTX_MAX_SCHEMA_BYTES at most,
 * no schema in generation_config beside them, return_json not false with
 * them. */
struct cb_status vtx_schema_check(const Vertexd__V1__GenerateRequest *message,
                                  const char *prefix, struct cb_arena *arena);

/* The rules between request and defaults, where JSON is wanted: a schema of
 * one kind only, no other mime type, a response_format that fits. */
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

/* The schema that the answer is to fit, wherever it was given (extra_body does
 * not count); json is NULL if there is none. Errors as above. */
struct cb_status vtx_schema_in_force(
    const Vertexd__V1__GenerateRequest *request,
    const Vertexd__V1__GenerateRequest *defaults, struct cb_arena *arena,
    struct vtx_schema_text *ret_text);

#endif
