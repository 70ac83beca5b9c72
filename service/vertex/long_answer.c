#include "service/vertex/long_answer.h"

#include <stdlib.h>
#include <string.h>

typedef Vertexd__V1__GenerateRequest generate_request;
typedef Google__Protobuf__Struct json_struct;
typedef Google__Protobuf__Value json_value;

/* The member that has either name, the later one as in JSON; NULL if none. */
static const json_value *member(const json_struct *object, const char *name,
                                const char *other) {
  for (size_t i = object->n_fields; i > 0; i--) {
    const char *key = object->fields[i - 1]->key;

    if (strcmp(key, name) == 0 || strcmp(key, other) == 0)
      return object->fields[i - 1]->value;
  }
  return NULL;
}

/* A number, also one in a string, as protobuf's JSON allows. */
static bool read_number(const json_value *value, double *ret_number) {
  char *end;

  if (value->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE) {
    *ret_number = value->number_value;
    return true;
  }
  if (value->kind_case != GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE)
    return false;
  *ret_number = strtod(value->string_value, &end);
  return end != value->string_value && *end == '\0';
}

/* What extra_body asks for; false if it says nothing about it. */
static bool extra_tokens(const json_struct *extra, double *ret_tokens) {
  const json_value *config =
      extra ? member(extra, "generationConfig", "generation_config") : NULL;
  const json_value *tokens = NULL;

  if (config &&
      config->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE) {
    tokens =
        member(config->struct_value, "maxOutputTokens", "max_output_tokens");
  }
  return tokens && read_number(tokens, ret_tokens);
}

static bool own_tokens(const generate_request *request, double *ret_tokens) {
  const Vertexd__V1__GenerationConfig *config =
      request ? request->generation_config : NULL;

  if (!config || config->_max_output_tokens_case == 0) return false;
  *ret_tokens = config->max_output_tokens;
  return true;
}

static bool asks_for_much(const generate_request *request,
                          const generate_request *defaults) {
  const json_struct *extra = request ? request->extra_body : NULL;
  double tokens = 0;

  if (!extra && defaults) extra = defaults->extra_body;
  return (extra_tokens(extra, &tokens) || own_tokens(request, &tokens) ||
          own_tokens(defaults, &tokens)) &&
         tokens > VTX_UNARY_TOKENS;
}

bool vtx_wants_stream(const generate_request *request,
                      const generate_request *defaults) {
  if (request && request->_stream_upstream_case != 0)
    return request->stream_upstream != 0;
  if (defaults && defaults->_stream_upstream_case != 0)
    return defaults->stream_upstream != 0;
  return asks_for_much(request, defaults);
}

bool vtx_wants_continuation(const generate_request *request,
                            const generate_request *defaults) {
  if (request && request->_continue_answer_case != 0)
    return request->continue_answer != 0;
  return !defaults || defaults->_continue_answer_case == 0 ||
         defaults->continue_answer != 0;
}
