/* schema_check.h - does a JSON value fit a schema?
 *
 * Schemas in both forms that Vertex AI takes. JSON Schema: type (one or a
 * list), enum, const, properties, required, additionalProperties,
 * patternProperties, minProperties, maxProperties, items, prefixItems (also as
 * a list in items, with additionalItems), minItems, maxItems, uniqueItems,
 * minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, minLength,
 * maxLength, pattern (see schema_pattern.h), anyOf, oneOf, allOf, not, and $ref
 * within the schema (#, #/$defs/NAME, #/definitions/NAME and other pointers).
 * OpenAPI form: the same with upper-case types, nullable, and ref to #/defs;
 * an enum's strings may there also stand for a number.
 *
 * All other keywords, format among them, are not looked at; nor is a keyword
 * whose value is none that it can have ("type": "strng"): a wrong schema is
 * for the upstream to refuse.
 *
 * Numbers are compared as their text says: 1.0 is an integer and equals 1,
 * 64-bit integers are exact. Lengths count characters. Of a name that stands
 * twice in an object each value is checked.
 *
 * Schema and value both come from peers: compiling and checking take at most
 * VTX_SCHEMA_STEPS steps in all, VTX_SCHEMA_MEMORY bytes (charged to nobody:
 * they are freed before the function returns) and VTX_SCHEMA_DEPTH schemas
 * within each other. A step is a small bounded piece of work: one schema at one
 * value, a member, 16 bytes passed over.
 *
 * Threads: none inside.
 */
#ifndef VTX_VERTEX_SCHEMA_CHECK_H
#define VTX_VERTEX_SCHEMA_CHECK_H

#include <stdbool.h>
#include <stddef.h>

struct cb_arena;

#define VTX_SCHEMA_STEPS ((size_t)2000000)
#define VTX_SCHEMA_MEMORY ((size_t)16 * 1024 * 1024)
#define VTX_SCHEMA_DEPTH 1000

enum vtx_schema_result {
  VTX_SCHEMA_FITS,
  VTX_SCHEMA_DIFFERS,
  VTX_SCHEMA_COSTLY, /* a limit above was hit: nothing is said */
};

struct vtx_schema_source {
  const char *json; /* strict JSON, as cb_json_scan() has it */
  size_t size;
  bool openapi; /* the form */
  size_t steps; /* to be taken at most; 0: VTX_SCHEMA_STEPS */
};

/* The first place where the value differs. */
struct vtx_schema_mismatch {
  const char *path;     /* $.items[3].name; cut at about 200 bytes */
  const char *expected; /* integer */
  const char *found;    /* string */
};

/* Checks the size bytes of strict JSON at value. At VTX_SCHEMA_DIFFERS
 * *ret_mismatch is filled in, with texts from arena. */
enum vtx_schema_result vtx_schema_check_value(
    const struct vtx_schema_source *source, const char *value, size_t size,
    struct cb_arena *arena, struct vtx_schema_mismatch *ret_mismatch);

#endif
