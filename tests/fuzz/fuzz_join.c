/* Messages of an answer, one a line, an empty line between two hops: joined,
 * nothing of their text and of their signed parts may be lost or doubled, and
 * what comes out must be a message that can be packed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "service/vertex/join.h"
#include "service/vertex/model_answer.h"
#include "vertexd/v1/vertexd.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_BYTES ((size_t)1 << 20)

struct sums {
  size_t text;
  size_t thoughts;
  size_t signed_parts;
  size_t signature_bytes;
  size_t other_parts;
};

static void add_part(struct sums *sums, const Vertexd__V1__Part *part) {
  bool text = part->data_case == VERTEXD__V1__PART__DATA_TEXT;

  if (part->thought_signature.len > 0) {
    sums->signed_parts++;
    sums->signature_bytes += part->thought_signature.len;
  }
  if (!text) {
    sums->other_parts++;
  } else if (part->thought) {
    sums->thoughts += strlen(part->text);
  } else {
    sums->text += strlen(part->text);
  }
}

static void add_message(struct sums *sums,
                        const Vertexd__V1__GenerateResponse *response) {
  for (size_t i = 0; i < response->n_candidates; i++) {
    const Vertexd__V1__Content *content = response->candidates[i]->content;

    for (size_t j = 0; content && j < content->n_parts; j++)
      add_part(sums, content->parts[j]);
  }
}

static void pack(const ProtobufCMessage *message) {
  size_t size = protobuf_c_message_get_packed_size(message);
  uint8_t *bytes = malloc(size + 1);

  if (!bytes || protobuf_c_message_pack(message, bytes) != size) abort();
  free(bytes);
}

/* False once the join takes nothing more. */
static bool add_line(struct vtx_join *join, const char *line, size_t size,
                     struct cb_arena *arena, struct sums *sums) {
  const struct vtx_answer_spec spec = {VTX_STREAM_GENERATE, true, NULL};
  struct vtx_answer answer;
  struct cb_status status;

  if (size == 0) return vtx_join_next_hop(join, arena).code == CB_OK;
  status = vtx_model_answer_make(&spec, line, size, arena, &answer);
  if (status.code != CB_OK) return true;
  status = vtx_join_add(join, &answer, arena);
  add_message(sums, (const Vertexd__V1__GenerateResponse *)answer.message);
  cb_arena_free(answer.arena);
  return status.code == CB_OK;
}

static void finish(struct vtx_join *join, struct cb_arena *arena,
                   const struct sums *before) {
  struct vtx_answer answer;
  struct sums after = {0};

  if (vtx_join_finish(join, arena, &answer).code != CB_OK) abort();
  add_message(&after, (const Vertexd__V1__GenerateResponse *)answer.message);
  if (memcmp(before, &after, sizeof after) != 0) abort();
  pack(answer.message);
  cb_arena_free(answer.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct cb_arena *arena = cb_arena_new(NULL, 64 << 20, 0);
  struct vtx_join *join = vtx_join_new(MAX_BYTES, NULL);
  const char *line = (const char *)data;
  const char *end = line + size;
  struct sums sums = {0};
  bool good = true;

  while (line < end && good) {
    const char *stop = memchr(line, '\n', (size_t)(end - line));

    if (!stop) stop = end;
    good = add_line(join, line, (size_t)(stop - line), arena, &sums);
    line = stop + 1;
  }
  if (good) {
    finish(join, arena, &sums);
  } else {
    vtx_join_free(join);
  }
  cb_arena_free(arena);
  return 0;
}
