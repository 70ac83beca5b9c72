#include "service/batch/replay.h"

#include <string.h>

typedef Vertexd__V1__GenerateResponse response_message;
typedef Vertexd__V1__Content content_message;
typedef Vertexd__V1__Part part_message;

void vtx_replay_init(struct vtx_replay *replay, size_t max,
                     struct cb_budget *budget) {
  *replay = (struct vtx_replay){.replayed = 0};
  cb_buf_init(&replay->behind, max, budget);
  cb_buf_init(&replay->expect, max, budget);
}

void vtx_replay_release(struct vtx_replay *replay) {
  cb_buf_release(&replay->behind);
  cb_buf_release(&replay->expect);
}

bool vtx_replay_pending(const struct vtx_replay *replay) {
  return replay->replayed < replay->expect.len;
}

bool vtx_replay_possible(const struct vtx_replay *replay) {
  return !replay->odd;
}

static bool is_spoken(const part_message *part) {
  return part->data_case == VERTEXD__V1__PART__DATA_TEXT && !part->thought &&
         part->thought_signature.len == 0;
}

static bool is_empty(const part_message *part) {
  return part->data_case == VERTEXD__V1__PART__DATA_TEXT &&
         *part->text == '\0' && part->thought_signature.len == 0;
}

/* Takes from part's text what is expected next; false if that is another. */
static bool skip_part(struct vtx_replay *replay, part_message *part) {
  size_t left = replay->expect.len - replay->replayed;
  size_t size;

  if (is_empty(part)) return true;
  if (!is_spoken(part)) return false;
  size = strlen(part->text);
  if (size > left) size = left;
  if (memcmp(part->text, replay->expect.data + replay->replayed, size) != 0)
    return false;
  part->text += size;
  replay->replayed += size;
  return true;
}

bool vtx_replay_skip(struct vtx_replay *replay, response_message *chunk) {
  for (size_t i = 0; i < chunk->n_candidates; i++) {
    const content_message *content = chunk->candidates[i]->content;

    for (size_t j = 0; content && j < content->n_parts; j++) {
      if (!vtx_replay_pending(replay)) return true;
      if (chunk->candidates[i]->index != 0 ||
          !skip_part(replay, content->parts[j])) {
        return false;
      }
    }
  }
  return true;
}

void vtx_replay_note(struct vtx_replay *replay, const response_message *chunk) {
  for (size_t i = 0; i < chunk->n_candidates; i++) {
    const content_message *content = chunk->candidates[i]->content;

    for (size_t j = 0; content && j < content->n_parts; j++) {
      const part_message *part = content->parts[j];

      if (is_empty(part)) continue;
      if (chunk->candidates[i]->index != 0 || !is_spoken(part) ||
          !cb_buf_add_text(&replay->behind, part->text)) {
        replay->odd = true;
      }
    }
  }
}

/* What is still to be replayed has been handed on long ago, and lies behind any
 * token of the stream at hand. */
void vtx_replay_token(struct vtx_replay *replay) {
  cb_buf_clear(&replay->behind);
  replay->odd = false;
  if (vtx_replay_pending(replay) &&
      !cb_buf_add(&replay->behind, replay->expect.data + replay->replayed,
                  replay->expect.len - replay->replayed)) {
    replay->odd = true;
  }
}

void vtx_replay_begin(struct vtx_replay *replay, bool resumed) {
  if (resumed) {
    cb_buf_release(&replay->expect);
    cb_buf_move(&replay->expect, &replay->behind);
  }
  cb_buf_clear(&replay->behind);
  replay->odd = false;
  replay->replayed = 0;
}
