/* source.h - where the prompts of a call come from, one at a time.
 *
 * Nothing is made in advance: a prompt is put together when its turn has come,
 * out of the request that the call came with. The prompts of a pipe come one by
 * one, each with a source of its own (service/batch/input.h); that of the flow
 * then only counts them.
 *
 * Threads:   read by the engine once the flow was handed over.
 * Ownership: everything is borrowed from the request's arena.
 */
#ifndef VTX_SOURCE_H
#define VTX_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "service/vertex/body.h"
#include "vertexd/v1/vertexd.pb-c.h"

struct cb_arena;
struct vtx_contents_template;
struct vtx_template;

enum vtx_source_kind {
  VTX_SOURCE_ONE,      /* one GenerateRequest */
  VTX_SOURCE_COUNT,    /* one CountTokensRequest */
  VTX_SOURCE_REQUESTS, /* BatchGenerateRequest.requests */
  VTX_SOURCE_PROMPTS,  /* BatchGenerateRequest.prompts */
  VTX_SOURCE_ITEMS,    /* MapGenerateRequest.items */
  VTX_SOURCE_VALUES,   /* MapGenerateRequest.values */
  VTX_SOURCE_PIPE,     /* PipeGenerateRequest.item; see input.h */
};

struct vtx_source {
  enum vtx_source_kind kind;
  uint32_t count; /* of a pipe: those known so far */
  const Vertexd__V1__GenerateRequest *defaults; /* may be NULL */
  union {
    const Vertexd__V1__GenerateRequest *one; /* also the item of a pipe */
    const Vertexd__V1__CountTokensRequest *count_tokens;
    Vertexd__V1__GenerateRequest **requests;
    char **prompts;
    char **items;
    Google__Protobuf__Value **values;
  };
  /* Of a map: exactly one of text and contents. */
  const struct vtx_template *text;
  const struct vtx_contents_template *contents;
  const struct vtx_template *item_template; /* may be NULL */
};

/* Room for the path of one item, such as requests[49999]. */
#define VTX_FIELD_ROOM 32

/* Writes the path of the item in the request; "" where the item is the
 * request. */
void vtx_source_field(const struct vtx_source *source, uint32_t index,
                      char out[VTX_FIELD_ROOM]);

/* GenerateRequest.id of the item, "" if it has none or one over VTX_ID_MAX,
 * which is not echoed. */
const char *vtx_source_id(const struct vtx_source *source, uint32_t index);

/* Puts the prompt together; what must be rendered comes from arena. Not for
 * VTX_SOURCE_COUNT. */
struct cb_status vtx_source_prompt(const struct vtx_source *source,
                                   uint32_t index, struct cb_arena *arena,
                                   struct vtx_prompt *ret_prompt);

/* True if the item at index names a model of its own. */
bool vtx_source_has_model(const struct vtx_source *source, uint32_t index);

/* The model that the item asks for, or else the defaults do; "" if neither. */
const char *vtx_source_model(const struct vtx_source *source, uint32_t index);

/* The same of the cache that holds the beginning of the prompt. */
const char *vtx_source_cache(const struct vtx_source *source, uint32_t index);

/* The tier that the item asks for, or else the defaults, or else the server. */
Vertexd__V1__RequestTier vtx_source_tier(const struct vtx_source *source,
                                         uint32_t index,
                                         Vertexd__V1__RequestTier server);

/* True if all prompts from index on name the same model, that of the defaults:
 * then what is wrong with it is wrong for all of them. */
bool vtx_source_one_model(const struct vtx_source *source, uint32_t index);

#endif
