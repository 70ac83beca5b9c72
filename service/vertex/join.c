#include "service/vertex/join.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "service/vertex/join_place.h"
#include "service/vertex/merge.h"
#include "service/vertex/model_answer.h"
#include "service/vertex/reasons.h"

typedef Vertexd__V1__Candidate candidate_message;
typedef Vertexd__V1__Content content_message;
typedef Vertexd__V1__GenerateResponse response_message;

struct vtx_join_candidate {
  candidate_message *message;
  struct vtx_join_place place;
  struct cb_buf text;     /* of the last part, while it is open */
  const char *odd_finish; /* JSON of a finish reason that has no number; NULL */
};

struct vtx_join {
  struct cb_arena *arena; /* holds this struct, too */
  struct cb_budget *budget;
  size_t max_bytes;
  size_t bytes; /* content that was taken */
  size_t messages;
  bool ended;   /* the hop at hand has said how */
  bool crowded; /* a candidate came for which there is no place */
  bool usage_seen;
  response_message *response;
  struct vtx_join_candidate *candidates[VTX_JOIN_CANDIDATES];
  size_t candidate_count;
  vtx_usage_message hop_usage;
  vtx_usage_message all_usage;
  struct vtx_codec_notes notes;
  struct cb_buf raw;
};

struct vtx_join *vtx_join_new(size_t max_bytes, struct cb_budget *budget) {
  size_t cap = VTX_ANSWER_FLOOR;
  size_t more;
  struct cb_arena *arena;
  struct vtx_join *join;

  if (__builtin_mul_overflow(max_bytes, VTX_ANSWER_GROWTH, &more) ||
      __builtin_add_overflow(cap, more, &cap)) {
    cap = SIZE_MAX / 2;
  }
  arena = cb_arena_new(budget, cap, 0);
  join = arena ? cb_arena_zalloc(arena, 1, sizeof *join) : NULL;
  if (join) join->response = cb_arena_alloc(arena, sizeof *join->response);
  if (!join || !join->response) {
    cb_arena_free(arena);
    return NULL;
  }
  join->arena = arena;
  join->budget = budget;
  join->max_bytes = max_bytes;
  vertexd__v1__generate_response__init(join->response);
  vertexd__v1__generate_response__usage_metadata__init(&join->hop_usage);
  vertexd__v1__generate_response__usage_metadata__init(&join->all_usage);
  cb_buf_init(&join->raw, max_bytes, budget);
  return join;
}

/* Frees what is not in the arena. */
static void release(struct vtx_join *join) {
  for (size_t i = 0; i < join->candidate_count; i++)
    cb_buf_release(&join->candidates[i]->text);
  cb_buf_release(&join->raw);
}

void vtx_join_free(struct vtx_join *join) {
  if (!join) return;
  release(join);
  cb_arena_free(join->arena);
}

/* --- failures ------------------------------------------------------------ */

static struct cb_status too_large(const struct vtx_join *join,
                                  struct cb_arena *arena) {
  return vtx_fail(arena, VTX_RESPONSE_TOO_LARGE,
                  "all parts of the answer together are larger than %zu bytes",
                  join->max_bytes);
}

/* Why something was not added. The buffers never hold more than bytes says, so
 * it was not their maximum. */
static struct cb_status refusal(const struct vtx_join *join,
                                struct cb_arena *arena) {
  if (join->crowded)
    return vtx_fail(arena, VTX_UPSTREAM_MALFORMED,
                    "the upstream's answer has more than %d candidates",
                    VTX_JOIN_CANDIDATES);
  return vtx_no_room(arena, cb_arena_past_cap(join->arena),
                     VTX_RESPONSE_TOO_LARGE,
                     "all parts of the answer together need more memory than "
                     "one answer may have");
}

/* --- parts --------------------------------------------------------------- */

/* The text of the last part is whole. */
static bool close_text(struct vtx_join *join,
                       struct vtx_join_candidate *candidate) {
  content_message *content = candidate->message->content;
  char *text;

  if (candidate->text.len == 0) return true;
  text =
      cb_arena_memdup(join->arena, candidate->text.data, candidate->text.len);
  if (!text) return false;
  content->parts[content->n_parts - 1]->text = text;
  cb_buf_clear(&candidate->text);
  return true;
}

static bool begin_part(struct vtx_join *join,
                       struct vtx_join_candidate *candidate,
                       const Vertexd__V1__Part *part) {
  static const char *const text[] = {"text"};
  const struct vtx_codec_skip skip = {text, candidate->place.open ? 1 : 0};
  content_message *content = candidate->message->content;
  ProtobufCMessage *copy = vtx_merge_new(part->base.descriptor, join->arena);

  if (!copy || !close_text(join, candidate) ||
      !vtx_merge(copy, &part->base, &skip, join->arena) ||
      !vtx_merge_append(&content->parts, &content->n_parts, copy,
                        join->arena)) {
    return false;
  }
  if (skip.count == 0) return true;
  ((Vertexd__V1__Part *)copy)->data_case = VERTEXD__V1__PART__DATA_TEXT;
  ((Vertexd__V1__Part *)copy)->text =
      (char *)(uintptr_t)protobuf_c_empty_string;
  return cb_buf_add_text(&candidate->text, part->text);
}

static bool add_parts(struct vtx_join *join,
                      struct vtx_join_candidate *candidate,
                      const content_message *content) {
  bool good = true;

  for (size_t i = 0; i < content->n_parts && good; i++) {
    const Vertexd__V1__Part *part = content->parts[i];

    switch (vtx_join_place_part(&candidate->place, part, i == 0)) {
      case VTX_JOIN_PART:
        good = begin_part(join, candidate, part);
        break;
      case VTX_JOIN_MORE:
        good = cb_buf_add_text(&candidate->text, part->text);
        break;
      case VTX_JOIN_NOTHING:
        break;
    }
  }
  return good;
}

static bool add_content(struct vtx_join *join,
                        struct vtx_join_candidate *candidate,
                        const content_message *content) {
  static const char *const parts[] = {"parts"};
  static const struct vtx_codec_skip skip = {parts, 1};
  content_message **slot = &candidate->message->content;

  if (!content) return true;
  if (!*slot) {
    *slot =
        (content_message *)vtx_merge_new(content->base.descriptor, join->arena);
  }
  return *slot &&
         vtx_merge(&(*slot)->base, &content->base, &skip, join->arena) &&
         add_parts(join, candidate, content);
}

/* --- candidates ---------------------------------------------------------- */

/* Puts the new one, which is the last of the response's, where its index wants
 * it. */
static void sort_in(struct vtx_join *join, struct vtx_join_candidate *added) {
  size_t at = join->candidate_count++;

  for (; at > 0; at--) {
    struct vtx_join_candidate *before = join->candidates[at - 1];

    if (before->message->index < added->message->index) break;
    join->candidates[at] = before;
    join->response->candidates[at] = before->message;
  }
  join->candidates[at] = added;
  join->response->candidates[at] = added->message;
}

/* The candidate of that index, a new one if need be; NULL when there are too
 * many or memory is used up. */
static struct vtx_join_candidate *find(struct vtx_join *join, int32_t index) {
  struct vtx_join_candidate *found;
  response_message *response = join->response;

  for (size_t i = 0; i < join->candidate_count; i++) {
    if (join->candidates[i]->message->index == index)
      return join->candidates[i];
  }
  join->crowded = join->candidate_count == VTX_JOIN_CANDIDATES;
  if (join->crowded) return NULL;
  found = cb_arena_zalloc(join->arena, 1, sizeof *found);
  if (found)
    found->message = cb_arena_alloc(join->arena, sizeof(*found->message));
  if (!found || !found->message ||
      !vtx_merge_append(&response->candidates, &response->n_candidates,
                        found->message, join->arena)) {
    return NULL;
  }
  vertexd__v1__candidate__init(found->message);
  found->message->index = index;
  cb_buf_init(&found->text, join->max_bytes, join->budget);
  sort_in(join, found);
  return found;
}

/* How many of the lists that name places are there. */
struct places {
  size_t supports;
  size_t citations;
};

static struct places count_places(const candidate_message *message) {
  return (struct places){
      message->grounding_metadata
          ? message->grounding_metadata->n_grounding_supports
          : 0,
      message->citation_metadata ? message->citation_metadata->n_citations : 0,
  };
}

/* Moves what came after before, and counts the chunks it brought. */
static void move_places(struct vtx_join_candidate *candidate,
                        const struct places *before) {
  const candidate_message *message = candidate->message;
  struct places now = count_places(message);

  if (now.supports > before->supports) {
    vtx_join_place_supports(
        &candidate->place,
        message->grounding_metadata->grounding_supports + before->supports,
        now.supports - before->supports);
  }
  if (now.citations > before->citations) {
    vtx_join_place_citations(
        &candidate->place,
        message->citation_metadata->citations + before->citations,
        now.citations - before->citations);
  }
  if (message->grounding_metadata)
    candidate->place.chunks = message->grounding_metadata->n_grounding_chunks;
}

static bool add_candidate(struct vtx_join *join,
                          const candidate_message *from) {
  static const char *const content[] = {"content"};
  static const struct vtx_codec_skip skip = {content, 1};
  struct vtx_join_candidate *candidate = find(join, from->index);
  struct places before;

  if (!candidate) return false;
  if (from->finish_reason != 0) join->ended = true;
  before = count_places(candidate->message);
  if (!vtx_merge(&candidate->message->base, &from->base, &skip, join->arena) ||
      !add_content(join, candidate, from->content)) {
    return false;
  }
  move_places(candidate, &before);
  return true;
}

/* --- notes --------------------------------------------------------------- */

static struct vtx_unrecognized *find_note(const struct vtx_codec_notes *notes,
                                          const char *path) {
  for (struct vtx_unrecognized *at = notes->first; at; at = at->next) {
    if (strcmp(at->path, path) == 0) return at;
  }
  return NULL;
}

static bool add_note(struct vtx_join *join, const char *path,
                     const char *json) {
  struct vtx_codec_notes *notes = &join->notes;
  struct vtx_unrecognized *note = find_note(notes, path);

  if (note || notes->count == VTX_JOIN_NOTES) return true;
  note = cb_arena_zalloc(join->arena, 1, sizeof *note);
  if (!note) return false;
  note->path = cb_arena_strdup(join->arena, path);
  note->json = cb_arena_strdup(join->arena, json);
  if (!note->path || !note->json) return false;
  if (!notes->last) notes->last = &notes->first;
  *notes->last = note;
  notes->last = &note->next;
  notes->count++;
  notes->bytes += strlen(path) + strlen(json);
  return true;
}

/* The place in "candidates[N].finishReason"; SIZE_MAX if path is another. */
static size_t finish_place(const char *path) {
  static const char head[] = "candidates[";
  char *end;
  unsigned long place;

  if (strncmp(path, head, sizeof head - 1) != 0) return SIZE_MAX;
  place = strtoul(path + sizeof head - 1, &end, 10);
  return strcmp(end, "].finishReason") == 0 ? (size_t)place : SIZE_MAX;
}

/* A finish reason without a number: the latest counts. The candidate's place
 * in the answer is not known yet. */
static bool add_finish(struct vtx_join *join, const candidate_message *from,
                       const char *json) {
  struct vtx_join_candidate *candidate = find(join, from->index);

  if (!candidate) return false;
  join->ended = true;
  candidate->message->finish_reason = 0;
  if (candidate->odd_finish && strcmp(candidate->odd_finish, json) == 0)
    return true;
  candidate->odd_finish = cb_arena_strdup(join->arena, json);
  return candidate->odd_finish != NULL;
}

static bool note_finishes(struct vtx_join *join) {
  for (size_t i = 0; i < join->candidate_count; i++) {
    const char *json = join->candidates[i]->odd_finish;
    char path[48];

    if (!json || join->candidates[i]->message->finish_reason != 0) continue;
    snprintf(path, sizeof path, "candidates[%zu].finishReason", i);
    if (!add_note(join, path, json)) return false;
  }
  return true;
}

/* What the contract does not know comes again with each message: the first of
 * each path is kept. */
static bool add_notes(struct vtx_join *join, const struct vtx_answer *answer) {
  const response_message *from = (const response_message *)answer->message;
  bool good = true;

  join->notes.nul_replaced += answer->notes.nul_replaced;
  for (const struct vtx_unrecognized *at = answer->notes.first; at && good;
       at = at->next) {
    size_t place = finish_place(at->path);

    if (strcmp(at->path, "promptFeedback.blockReason") == 0) join->ended = true;
    good = place < from->n_candidates
               ? add_finish(join, from->candidates[place], at->json)
               : add_note(join, at->path, at->json);
  }
  return good;
}

/* --- messages ------------------------------------------------------------ */

static bool add_response(struct vtx_join *join, const response_message *from) {
  static const char *const own[] = {"candidates", "usage_metadata"};
  static const struct vtx_codec_skip skip = {own, 2};

  if (!vtx_merge(&join->response->base, &from->base, &skip, join->arena))
    return false;
  for (size_t i = 0; i < from->n_candidates; i++) {
    if (!add_candidate(join, from->candidates[i])) return false;
  }
  if (from->prompt_feedback && from->prompt_feedback->block_reason != 0)
    join->ended = true;
  if (!from->usage_metadata) return true;
  join->usage_seen = true;
  return vtx_usage_latest(&join->hop_usage, from->usage_metadata, join->arena);
}

/* One JSON array, which lacks its end until the join's. */
static bool add_raw(struct vtx_join *join, const char *raw) {
  return cb_buf_add_text(&join->raw, join->raw.len == 0 ? "[" : ",\n") &&
         cb_buf_add_text(&join->raw, raw);
}

struct cb_status vtx_join_add(struct vtx_join *join,
                              const struct vtx_answer *answer,
                              struct cb_arena *arena) {
  const response_message *from = (const response_message *)answer->message;

  assert(answer->message->descriptor ==
         &vertexd__v1__generate_response__descriptor);
  join->bytes += protobuf_c_message_get_packed_size(answer->message);
  if (answer->raw) join->bytes += strlen(answer->raw) + 2;
  if (join->bytes > join->max_bytes) return too_large(join, arena);
  join->messages++;
  if (!add_response(join, from) || !add_notes(join, answer) ||
      (answer->raw && !add_raw(join, answer->raw))) {
    return refusal(join, arena);
  }
  return cb_status_ok();
}

/* --- hops ---------------------------------------------------------------- */

static bool sum_usage(struct vtx_join *join) {
  bool good = vtx_usage_add(&join->all_usage, &join->hop_usage, join->arena);

  vertexd__v1__generate_response__usage_metadata__init(&join->hop_usage);
  return good;
}

struct cb_status vtx_join_next_hop(struct vtx_join *join,
                                   struct cb_arena *arena) {
  for (size_t i = 0; i < join->candidate_count; i++) {
    candidate_message *message = join->candidates[i]->message;

    message->finish_reason = 0;
    message->_finish_message_case = 0;
    message->continuation_token = (ProtobufCBinaryData){0, NULL};
    vtx_join_place_hop(&join->candidates[i]->place);
  }
  join->ended = false;
  return sum_usage(join) ? cb_status_ok() : refusal(join, arena);
}

bool vtx_join_ended(const struct vtx_join *join) { return join->ended; }

int64_t vtx_join_tokens(const struct vtx_join *join) {
  return (int64_t)join->all_usage.candidates_token_count +
         join->all_usage.thoughts_token_count +
         join->hop_usage.candidates_token_count +
         join->hop_usage.thoughts_token_count;
}

size_t vtx_join_messages(const struct vtx_join *join) { return join->messages; }

static bool complete(struct vtx_join *join, struct vtx_answer *answer) {
  for (size_t i = 0; i < join->candidate_count; i++) {
    if (!close_text(join, join->candidates[i])) return false;
  }
  if (!sum_usage(join) || !note_finishes(join)) return false;
  if (join->usage_seen) join->response->usage_metadata = &join->all_usage;
  *answer = (struct vtx_answer){.arena = join->arena,
                                .message = &join->response->base,
                                .notes = join->notes};
  if (join->raw.len == 0) return true;
  if (!cb_buf_add_char(&join->raw, ']')) return false;
  answer->raw = cb_arena_memdup(join->arena, join->raw.data, join->raw.len);
  return answer->raw != NULL;
}

struct cb_status vtx_join_finish(struct vtx_join *join, struct cb_arena *arena,
                                 struct vtx_answer *ret_answer) {
  struct vtx_answer answer;
  struct cb_status status;

  if (!complete(join, &answer)) {
    status = refusal(join, arena);
    vtx_join_free(join);
    return status;
  }
  release(join);
  if (!answer.notes.first) answer.notes.last = NULL;
  *ret_answer = answer;
  return cb_status_ok();
}
