/* body_format.h - generation_config.response_format: what it says about JSON.
 *
 * It is the newer way to ask for JSON, with or without a schema; it is sent as
 * it is. What it may not do is to contradict return_json and json_schema.
 *
 * Threads: safe from any; reads the messages only.
 */
#ifndef VTX_VERTEX_BODY_FORMAT_H
#define VTX_VERTEX_BODY_FORMAT_H

#include <stdbool.h>

#include "base/status.h"
#include "vertexd/v1/vertexd.pb-c.h"

struct cb_arena;

/* True if a response_format holds for the prompt: the request's or, where it
 * has none, that of the defaults. Either may be NULL. */
bool vtx_has_format(const Vertexd__V1__GenerateRequest *request,
                    const Vertexd__V1__GenerateRequest *defaults);

/* The schema in it; NULL if there is none. */
const Google__Protobuf__Value *vtx_format_schema(
    const Vertexd__V1__GenerateRequest *request,
    const Vertexd__V1__GenerateRequest *defaults);

/* For a prompt where JSON is asked for in vertexd's own way: a response_format
 * must then have text in JSON, and no schema beside json_schema or
 * json_schema_text (own_schema). INVALID_ARGUMENT naming the field, under
 * prefix or "defaults". */
struct cb_status vtx_format_check(const Vertexd__V1__GenerateRequest *request,
                                  const Vertexd__V1__GenerateRequest *defaults,
                                  bool own_schema, const char *prefix,
                                  struct cb_arena *arena);

#endif
