#include "service/emulator/hop.h"

#include <ctype.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/json_writer.h"
#include "base/utf8.h"
#include "service/emulator/answer.h"
#include "service/emulator/knobs.h"
#include "service/emulator/prompt.h"

enum { TOKEN_ROOM = 64, ENCODED_ROOM = 128 };

static const char *const token_keys[] = {"continuationToken",
                                         "continuation_token"};

/* FNV-1a of the body's text, but for the token. */
static uint64_t hash_request(struct json_object *body) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);

  json_object_object_foreach(body, key, value) {
    const char *text = json_object_to_json_string(value);

    if (strcmp(key, token_keys[0]) == 0 || strcmp(key, token_keys[1]) == 0) {
      continue;
    }
    for (; *key; key++)
      hash = (hash ^ (unsigned char)*key) * UINT64_C(0x100000001b3);
    for (; *text; text++)
      hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
  }
  return hash;
}

static const char *token_of(struct json_object *body) {
  for (size_t i = 0; i < 2; i++) {
    struct json_object *token = json_object_object_get(body, token_keys[i]);

    if (token) return json_object_get_string(token);
  }
  return NULL;
}

/* "hop HASH PLACE", as it is written below. */
static bool read_token(const char *text, struct vtx_emu_hop *hop) {
  static const char head[] = "hop ";
  char *end;

  if (strncmp(text, head, sizeof head - 1) != 0) return false;
  hop->request = strtoull(text + sizeof head - 1, &end, 16);
  if (*end != ' ' || !isdigit((unsigned char)end[1])) return false;
  hop->from = (size_t)strtoull(end + 1, &end, 10);
  return *end == '\0';
}

bool vtx_emu_hop_read(struct json_object *body, struct vtx_emu_hop *ret_hop) {
  const char *encoded = token_of(body);
  uint8_t token[ENCODED_ROOM];
  char text[TOKEN_ROOM];
  size_t size;

  *ret_hop = (struct vtx_emu_hop){.request = hash_request(body)};
  if (!encoded || !*encoded) return true;
  if (strlen(encoded) >= ENCODED_ROOM ||
      !cb_base64_decode(encoded, strlen(encoded), token, &size) ||
      size >= sizeof text) {
    return false;
  }
  memcpy(text, token, size);
  text[size] = '\0';
  ret_hop->later = true;
  return read_token(text, ret_hop) && ret_hop->request == hash_request(body);
}

void vtx_emu_hop_write_token(const struct vtx_emu_hop *hop, size_t bytes,
                             struct cb_json *json) {
  char text[TOKEN_ROOM];
  int size = snprintf(text, sizeof text, "hop %016" PRIx64 " %zu", hop->request,
                      hop->from + bytes);

  cb_json_base64(json, (const uint8_t *)text, (size_t)size);
}

static size_t longest_text(const struct vtx_emu_answer *answer) {
  size_t longest = 0;

  for (size_t i = 0; i < answer->candidate_count; i++) {
    const char *text = answer->candidates[i].text;
    size_t size = text ? strlen(text) : 0;

    if (size > longest) longest = size;
  }
  return longest;
}

/* Bytes of one piece, so many that any character fits. */
static size_t piece_size(const struct vtx_emu_knobs *knobs, size_t total) {
  size_t hops = (size_t)knobs->hops;
  size_t size = total;

  if (hops > 0) size = (total + hops - 1) / hops;
  if (knobs->hop_tokens > 0) size = (size_t)knobs->hop_tokens * 4;
  return size < 4 ? 4 : size;
}

/* Leaves of text what lies between the places, whole characters. */
static bool cut_text(struct cb_arena *arena, size_t from, size_t to,
                     const char **text) {
  size_t size = *text ? strlen(*text) : 0;
  size_t begin = from < size ? cb_utf8_cut(*text, size, from) : size;
  size_t end = to < size ? cb_utf8_cut(*text, size, to) : size;

  if (!*text) return true;
  *text = cb_arena_memdup(arena, *text + begin, end - begin);
  return *text != NULL;
}

static bool cut_candidate(struct cb_arena *arena, size_t from, size_t to,
                          bool last, struct vtx_emu_candidate *candidate) {
  if (!cut_text(arena, from, to, &candidate->text)) return false;
  if (candidate->text || !last) {
    candidate->tokens =
        candidate->text ? vtx_emu_tokens(strlen(candidate->text)) : 0;
  }
  if (last) return true;
  candidate->finish_reason = "CONTINUATION";
  candidate->function = NULL;
  return true;
}

bool vtx_emu_hop_cut(const struct vtx_emu_hop *hop,
                     const struct vtx_emu_knobs *knobs, struct cb_arena *arena,
                     struct vtx_emu_answer *answer) {
  size_t total = longest_text(answer);
  bool thinks = knobs->thought_hop && !hop->later;
  size_t to = thinks ? 0 : hop->from + piece_size(knobs, total);

  if (answer->candidate_count == 0) return true;
  if (answer->candidates[0].text && to < total)
    to = cb_utf8_cut(answer->candidates[0].text, total, to);
  answer->continues = thinks || to < total;
  answer->candidates_tokens = 0;
  if (hop->later) answer->thoughts_tokens = 0;
  for (size_t i = 0; i < answer->candidate_count; i++) {
    struct vtx_emu_candidate *candidate = &answer->candidates[i];

    if (hop->later) candidate->thought = NULL;
    if (!cut_candidate(arena, hop->from, to, !answer->continues, candidate))
      return false;
    answer->candidates_tokens += candidate->tokens;
  }
  return true;
}
