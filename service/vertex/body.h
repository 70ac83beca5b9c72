/* body.h - what one prompt asks, checked, and as the JSON body of a request.
 *
 * Threads: safe from any; reads the messages only.
 */
#ifndef VTX_VERTEX_BODY_H
#define VTX_VERTEX_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "vertexd/v1/vertexd.pb-c.h"

struct cb_arena;
struct cb_buf;
struct vtx_labels;
struct vtx_repair;

/* The largest extra_body, as JSON text. */
#define VTX_MAX_EXTRA_BYTES (16 * 1024 * 1024)

/* One prompt and the settings beneath it; everything is borrowed. The text
 * comes from exactly one of prompt, contents, request->prompt and
 * request->contents. */
struct vtx_prompt {
  const Vertexd__V1__GenerateRequest *request;  /* may be NULL */
  const Vertexd__V1__GenerateRequest *defaults; /* may be NULL */
  const char *prompt;                           /* NULL: see request */
  Vertexd__V1__Content *const *contents;        /* NULL: see request */
  size_t content_count;
  const char *default_model;       /* the server's; may be NULL */
  const struct vtx_labels *labels; /* the server's; may be NULL */
  Vertexd__V1__RequestTier tier;   /* the server's; 0: standard */
  /* Of the hop that goes on with an answer; it goes over everything else that
   * names one. NULL: see request. */
  const ProtobufCBinaryData *continuation;
  /* The full name of the cache that the call may use; it goes over request and
   * defaults. NULL: as they have it. */
  const char *cached_content;
  /* Of the call that asks for the JSON again (service/vertex/repair.h); NULL
   * for the first. */
  const struct vtx_repair *repair;
};

/* The settings that steer what is made of the answer, request over defaults. */
struct vtx_wants {
  const char *model; /* never NULL after a successful check */
  const char *id;    /* "" if none; defaults have no say */
  bool json;         /* return_json, or a schema was given */
  bool check_json;   /* against its schema; see body_schema.h */
  bool repair_json;  /* ask once more for what fails */
  bool repaired;     /* this is that call */
  bool count_tokens;
  bool include_raw;
  bool over_stream; /* the upstream's streaming call, also for one message */
  bool continues;   /* after CONTINUATION, by itself */
  Vertexd__V1__RequestTier tier;        /* never UNSPECIFIED after a check */
  const Vertexd__V1__TokenCount *spent; /* by the call before */
  const Vertexd__V1__GenerateRequest *request;  /* the prompt's; may be NULL */
  const Vertexd__V1__GenerateRequest *defaults; /* may be NULL */
};

/* Checks what can be told without encoding: a prompt there and only one, parts
 * in each of contents, a model there, id of at most 512 bytes, json_schema and
 * json_schema_text not both, not a schema in generation_config too,
 * json_schema_text an object of JSON, no return_json = false beside a schema,
 * no other mime type where JSON is asked for, labels as Google takes them
 * (service/vertex/labels.h), a request_tier that there is. Fields are named
 * under prefix
 * ("" or "requests[17]"); for prompt->prompt the prefix itself is the field
 * ("prompts[17]"). OK fills *ret_wants.
 *
 * The request's return_json, or else its schema, decides on JSON over the
 * defaults: false switches a schema of theirs off. A schema that only
 * generation_config has is Google's own way (response_schema,
 * response_json_schema, response_format): it is sent as it is and does not make
 * wants.json true, unless check_json is. *ret_wants borrows the messages. */
struct cb_status vtx_prompt_check(const struct vtx_prompt *prompt,
                                  const char *prefix, struct cb_arena *arena,
                                  struct vtx_wants *ret_wants);

/* Checks defaults alone: no prompt, contents, id in them, schema rules. Fields
 * are named under "defaults". NULL defaults are fine. */
struct cb_status vtx_defaults_check(
    const Vertexd__V1__GenerateRequest *defaults, struct cb_arena *arena);

/* Appends the body of generateContent to out (for the streaming verb it is the
 * same): merged fields, contents from the prompt, JSON mode and schema, and
 * extra_body merged in last (the request's replaces that of the defaults;
 * objects merge name by name, all else is replaced). Errors as the codec's, and
 * REQUEST_TOO_LARGE past out's maximum, INVALID_ARGUMENT for an extra_body past
 * VTX_MAX_EXTRA_BYTES, SERVER_MEMORY when its budget is used up; out then holds
 * what it held before. The server's labels are among those of the request,
 * which win. Expects a prompt that passed the check.
 *
 * A schema with upper-case types (OpenAPI form) goes to responseSchema, one
 * with lower-case types, or none at all, to responseJsonSchema; one with both
 * is INVALID_ARGUMENT. */
struct cb_status vtx_body_generate(const struct vtx_prompt *prompt,
                                   const char *prefix, struct cb_arena *arena,
                                   struct cb_buf *out);

/* The body of countTokens for the same prompt (contents, systemInstruction,
 * tools, generationConfig; extra_body is generateContent's alone). */
struct cb_status vtx_body_count(const struct vtx_prompt *prompt,
                                const char *prefix, struct cb_arena *arena,
                                struct cb_buf *out);

/* Checks a CountTokensRequest (prompt or contents, model or endpoint or the
 * server's default) and appends its body. *ret_model is borrowed. */
struct cb_status vtx_body_count_request(
    const Vertexd__V1__CountTokensRequest *request, const char *default_model,
    struct cb_arena *arena, struct cb_buf *out, const char **ret_model);

#endif
