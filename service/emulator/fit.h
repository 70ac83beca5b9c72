/* fit.h - JSON that fits a schema.
 *
 * Knows the OpenAPI dialect of responseSchema (upper-case types) and JSON
 * Schema: type, enum, const, properties and propertyOrdering, required, items,
 * prefixItems, minItems, maxItems, minimum, maximum and their exclusive forms,
 * multipleOf, minLength, maxLength, format, anyOf, oneOf, allOf, nullable,
 * $ref and $defs. Not pattern. The same schema and prompt give the same value.
 *
 * Threads: safe from any. Ownership: borrows all.
 */
#ifndef VTX_EMULATOR_FIT_H
#define VTX_EMULATOR_FIT_H

struct cb_json;
struct json_object;

/* Writes a value that fits schema; its texts are made from prompt. A schema
 * that refers to itself without end is cut off with null. */
void vtx_emu_fit(struct json_object *schema, const char *prompt,
                 struct cb_json *json);

#endif
