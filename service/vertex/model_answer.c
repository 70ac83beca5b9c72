#include "service/vertex/model_answer.h"

#include <json-c/json.h>
#include <string.h>

#include "base/arena.h"
#include "service/vertex/codec.h"
#include "service/vertex/reasons.h"
#include "service/vertex/upstream_error.h"
#include "vertexd/v1/vertexd.pb-c.h"

/* Levels that an answer gets above it on its way to a caller: the event and
 * its result. Counted always, so that a batch takes what Generate takes. */
#define LEVELS_ABOVE 2

/* The messages of an answer with one candidate, beside its texts, which are in
 * it twice: an ordinary answer is to fit into the arena's first block. */
#define ANSWER_FIXED ((size_t)768)

static const ProtobufCMessageDescriptor *descriptor_of(enum vtx_verb verb) {
  return verb == VTX_COUNT_TOKENS
             ? &vertexd__v1__count_tokens_response__descriptor
             : &vertexd__v1__generate_response__descriptor;
}

static struct cb_arena *make_arena(const struct vtx_answer_spec *spec,
                                   size_t size) {
  size_t cap = VTX_ANSWER_FLOOR;
  size_t more;

  if (__builtin_mul_overflow(size, VTX_ANSWER_GROWTH, &more) ||
      __builtin_add_overflow(cap, more, &cap)) {
    cap = SIZE_MAX / 2;
  }
  return cb_arena_new(spec->budget, cap,
                      size < 8192 ? 2 * size + ANSWER_FIXED : 0);
}

static struct cb_status no_memory(void) {
  return vtx_no_memory("no memory for the upstream's answer");
}

static struct cb_status decode(const struct vtx_answer_spec *spec,
                               struct json_object *object,
                               struct cb_arena *arena,
                               struct vtx_answer *answer) {
  const struct vtx_codec_source source = {descriptor_of(spec->verb), object,
                                          LEVELS_ABOVE};
  struct cb_status status;

  if (!json_object_is_type(object, json_type_object)) {
    return vtx_fail(arena, VTX_UPSTREAM_MALFORMED,
                    "the upstream's answer is JSON, but no object");
  }
  if (vtx_upstream_error_in(object, arena, &status)) return status;
  status = vtx_codec_decode(&source, answer->arena, &answer->notes,
                            &answer->message);
  return status.code == CB_OK ? status : vtx_status_copy(&status, arena);
}

static struct cb_status fill(const struct vtx_answer_spec *spec,
                             const char *text, size_t size,
                             struct cb_arena *arena,
                             struct vtx_answer *answer) {
  struct json_object *object = NULL;
  struct cb_status status = vtx_json_parse(text, size, arena, &object);

  if (status.code == CB_OK) status = decode(spec, object, arena, answer);
  json_object_put(object);
  if (status.code == CB_OK && spec->keep_raw) {
    answer->raw = cb_arena_memdup(answer->arena, text, size);
    if (!answer->raw) status = vtx_answer_full(answer->arena, arena);
  }
  return status;
}

struct cb_status vtx_model_answer_make(const struct vtx_answer_spec *spec,
                                       const char *text, size_t size,
                                       struct cb_arena *arena,
                                       struct vtx_answer *ret_answer) {
  struct vtx_answer answer = {.arena = NULL};
  struct cb_status status;

  answer.arena = make_arena(spec, size);
  status = answer.arena ? fill(spec, text, size, arena, &answer) : no_memory();
  if (status.code == CB_OK) {
    *ret_answer = answer;
    return status;
  }
  cb_arena_free(answer.arena);
  return status;
}

struct cb_status vtx_model_answer_error(const char *text, size_t size,
                                        struct cb_arena *arena) {
  struct json_object *object = NULL;
  struct cb_status status = vtx_json_parse(text, size, arena, &object);

  if (status.code == CB_OK && !vtx_upstream_error_in(object, arena, &status)) {
    status = vtx_fail(arena, VTX_UPSTREAM_MALFORMED,
                      "the upstream's stream ended in text that is no event "
                      "and no error");
  }
  json_object_put(object);
  return status;
}
