#include "service/emulator/render.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json_writer.h"
#include "service/emulator/answer.h"
#include "service/emulator/prompt.h"
#include "service/emulator/reply.h"

enum { MAX_BODY = 256 << 20, USUAL_CHUNKS = 8, CHUNK_BYTES = 48 };

static const char *const modality_names[VTX_EMU_MODALITIES] = {
    "TEXT", "IMAGE", "VIDEO", "AUDIO", "DOCUMENT"};

/* One response of a stream, or the only one. */
struct chunk {
  const struct vtx_emu_render *render;
  const struct vtx_emu_prompt *prompt;
  const struct vtx_emu_answer *answer;
  size_t place;
  size_t count;
};

static bool is_last(const struct chunk *chunk) {
  return chunk->place + 1 == chunk->count;
}

static bool has_fault(const struct chunk *chunk, enum vtx_emu_fault fault) {
  return chunk->prompt->knobs.fault == fault;
}

/* Where the slice at place of count begins: behind a blank, so that words stay
 * whole. The slices of a text are the text. */
static size_t slice_start(const char *text, size_t place, size_t count) {
  size_t size = strlen(text);
  size_t at = size * place / count;

  if (place == 0) return 0;
  if (place >= count) return size;
  while (at > 0 && at < size && text[at - 1] != ' ') {
    at++;
  }
  return at;
}

/* Puts raw JSON text in front of the quote that ends what was just written. */
static void spoil_text(struct cb_json *json, const char *raw) {
  json->buf->len--;
  cb_buf_add_text(json->buf, raw);
  cb_buf_add_char(json->buf, '"');
}

static void write_text(const struct chunk *chunk, struct cb_json *json,
                       const char *text) {
  size_t from = slice_start(text, chunk->place, chunk->count);
  size_t to = slice_start(text, chunk->place + 1, chunk->count);

  cb_json_begin_object(json);
  cb_json_key(json, "text");
  cb_json_string_n(json, text + from, to - from);
  if (!json->buf->failed && chunk->place == 0) {
    if (has_fault(chunk, VTX_EMU_BAD_UTF8)) spoil_text(json, "\xff\xfe");
    if (has_fault(chunk, VTX_EMU_LONE_SURROGATE)) spoil_text(json, "\\ud800");
    if (has_fault(chunk, VTX_EMU_NUL)) spoil_text(json, "\\u0000 after NUL");
  }
  if (has_fault(chunk, VTX_EMU_UNKNOWN_FIELDS)) {
    cb_json_key(json, "futurePartField");
    cb_json_string(json, "unheard of");
  }
  cb_json_end_object(json);
}

static void write_call(struct cb_json *json, const char *name,
                       const char *args) {
  cb_json_begin_object(json);
  cb_json_key(json, "functionCall");
  cb_json_begin_object(json);
  cb_json_key(json, "name");
  cb_json_string(json, name);
  cb_json_key(json, "args");
  cb_json_raw(json, args, strlen(args));
  cb_json_end_object(json);
  cb_json_end_object(json);
}

static void write_thought(struct cb_json *json, const char *thought) {
  cb_json_begin_object(json);
  cb_json_key(json, "text");
  cb_json_string(json, thought);
  cb_json_key(json, "thought");
  cb_json_bool(json, true);
  cb_json_end_object(json);
}

/* {"a":{"a": ... {} ...}}, depth objects in all. */
static void write_deep(const struct chunk *chunk, struct cb_json *json) {
  int64_t depth = chunk->prompt->knobs.depth;

  if (depth <= 0) depth = 1000;
  cb_json_begin_object(json);
  cb_json_key(json, "functionCall");
  cb_json_begin_object(json);
  cb_json_key(json, "name");
  cb_json_string(json, "deep");
  cb_json_key(json, "args");
  for (int64_t i = 1; i < depth; i++) {
    cb_json_begin_object(json);
    cb_json_key(json, "a");
  }
  cb_json_begin_object(json);
  for (int64_t i = 0; i < depth; i++) {
    cb_json_end_object(json);
  }
  cb_json_end_object(json);
  cb_json_end_object(json);
}

static void write_content(const struct chunk *chunk, struct cb_json *json,
                          const struct vtx_emu_candidate *candidate) {
  cb_json_key(json, "content");
  cb_json_begin_object(json);
  cb_json_key(json, "role");
  cb_json_string(json, "model");
  cb_json_key(json, "parts");
  cb_json_begin_array(json);
  if (candidate->thought && chunk->place == 0) {
    write_thought(json, candidate->thought);
  }
  if (candidate->text) write_text(chunk, json, candidate->text);
  if (candidate->function && is_last(chunk)) {
    write_call(json, candidate->function, candidate->args);
  }
  if (has_fault(chunk, VTX_EMU_DEEP) && is_last(chunk)) {
    write_deep(chunk, json);
  }
  cb_json_end_array(json);
  cb_json_end_object(json);
}

static void write_rating(struct cb_json *json, const char *category,
                         const char *probability, bool blocked) {
  cb_json_begin_object(json);
  cb_json_key(json, "category");
  cb_json_string(json, category);
  cb_json_key(json, "probability");
  cb_json_string(json, probability);
  if (blocked) {
    cb_json_key(json, "blocked");
    cb_json_bool(json, true);
  }
  cb_json_end_object(json);
}

static void write_ratings(const struct chunk *chunk, struct cb_json *json,
                          const char *reason) {
  bool unsafe = reason && strcmp(reason, "SAFETY") == 0;

  if (!unsafe && !has_fault(chunk, VTX_EMU_UNKNOWN_ENUM)) return;
  cb_json_key(json, "safetyRatings");
  cb_json_begin_array(json);
  if (unsafe) {
    write_rating(json, "HARM_CATEGORY_DANGEROUS_CONTENT", "HIGH", true);
  }
  if (has_fault(chunk, VTX_EMU_UNKNOWN_ENUM)) {
    write_rating(json, "HARM_CATEGORY_FUTURE", "PROBABILITY_FUTURE", false);
  }
  cb_json_end_array(json);
}

static void write_finish(const struct chunk *chunk, struct cb_json *json,
                         const char *reason) {
  if (has_fault(chunk, VTX_EMU_NO_FINISH)) return;
  if (has_fault(chunk, VTX_EMU_UNKNOWN_ENUM)) reason = "FUTURE_REASON";
  cb_json_key(json, "finishReason");
  cb_json_string(json, reason);
  write_ratings(chunk, json, reason);
  if (has_fault(chunk, VTX_EMU_NUMBERS)) {
    cb_json_key(json, "avgLogprobs");
    cb_json_raw(json, "-1e999", 6);
  }
}

/* Where a candidate stands at the end of the chunk, if it is to be told. */
static void write_token(const struct chunk *chunk, struct cb_json *json,
                        const struct vtx_emu_candidate *candidate) {
  const char *text = candidate->text ? candidate->text : "";
  int64_t step = chunk->prompt->knobs.checkpoints;
  bool told = is_last(chunk)
                  ? chunk->answer->continues
                  : step > 0 && (int64_t)(chunk->place + 1) % step == 0;

  if (!told) return;
  cb_json_key(json, "continuationToken");
  vtx_emu_hop_write_token(&chunk->prompt->hop,
                          slice_start(text, chunk->place + 1, chunk->count),
                          json);
}

static void write_candidate(const struct chunk *chunk, struct cb_json *json,
                            size_t place) {
  const struct vtx_emu_candidate *candidate = &chunk->answer->candidates[place];

  cb_json_begin_object(json);
  if (place > 0) {
    cb_json_key(json, "index");
    cb_json_uint(json, place);
  }
  if (candidate->text || candidate->function || candidate->thought ||
      has_fault(chunk, VTX_EMU_DEEP)) {
    write_content(chunk, json, candidate);
  }
  if (is_last(chunk)) write_finish(chunk, json, candidate->finish_reason);
  if (place == 0) write_token(chunk, json, candidate);
  if (has_fault(chunk, VTX_EMU_UNKNOWN_FIELDS)) {
    cb_json_key(json, "futureCandidateField");
    cb_json_raw(json, "{\"deep\":[1,2.5,null]}", 21);
  }
  cb_json_end_object(json);
}

static void write_details(struct cb_json *json, const char *name,
                          const struct vtx_emu_prompt *prompt) {
  cb_json_key(json, name);
  cb_json_begin_array(json);
  for (size_t i = 0; i < VTX_EMU_MODALITIES; i++) {
    if (prompt->tokens[i] == 0) continue;
    cb_json_begin_object(json);
    cb_json_key(json, "modality");
    cb_json_string(json, modality_names[i]);
    cb_json_key(json, "tokenCount");
    cb_json_int(json, prompt->tokens[i]);
    cb_json_end_object(json);
  }
  cb_json_end_array(json);
}

static void write_count(struct cb_json *json, const char *name, int64_t count) {
  if (count == 0) return; /* protobuf leaves zeros out */
  cb_json_key(json, name);
  cb_json_int(json, count);
}

static void write_counters(const struct chunk *chunk, struct cb_json *json) {
  const struct vtx_emu_answer *answer = chunk->answer;
  int64_t prompt = vtx_emu_prompt_tokens(chunk->prompt);

  write_count(json, "promptTokenCount", prompt);
  write_count(json, "candidatesTokenCount", answer->candidates_tokens);
  write_count(json, "thoughtsTokenCount", answer->thoughts_tokens);
  write_count(json, "totalTokenCount",
              prompt + answer->candidates_tokens + answer->thoughts_tokens);
  write_details(json, "promptTokensDetails", chunk->prompt);
}

/* Before the last chunk only the kind of traffic is told. */
static void write_usage(const struct chunk *chunk, struct cb_json *json) {
  static const char odd[] =
      "\"promptTokenCount\":99999999999,\"candidatesTokenCount\":-5,"
      "\"totalTokenCount\":1.5";
  bool odd_enum = has_fault(chunk, VTX_EMU_UNKNOWN_ENUM);

  if (has_fault(chunk, VTX_EMU_NO_USAGE)) return;
  cb_json_key(json, "usageMetadata");
  cb_json_begin_object(json);
  if (is_last(chunk) && has_fault(chunk, VTX_EMU_NUMBERS)) {
    cb_json_raw(json, odd, sizeof odd - 1);
  } else if (is_last(chunk)) {
    write_counters(chunk, json);
  }
  cb_json_key(json, "trafficType");
  cb_json_string(json,
                 odd_enum ? "TRAFFIC_FUTURE" : chunk->render->traffic_type);
  cb_json_end_object(json);
}

static void write_identity(const struct chunk *chunk, struct cb_json *json) {
  time_t seconds = (time_t)(chunk->render->unix_time / CB_SECOND);
  int micros = (int)(chunk->render->unix_time % CB_SECOND / CB_MICROSECOND);
  struct tm day;
  char date[32];
  struct cb_buf text;

  gmtime_r(&seconds, &day);
  strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &day);
  cb_buf_init(&text, 64, NULL);
  cb_buf_printf(&text, "%s.%06dZ", date, micros);
  cb_json_key(json, "modelVersion");
  cb_json_string(json, chunk->prompt->model);
  cb_json_key(json, "createTime");
  cb_json_string(json, text.data ? text.data : date);
  cb_buf_clear(&text);
  cb_buf_printf(&text, "emulated-%llu",
                (unsigned long long)chunk->render->serial);
  cb_json_key(json, "responseId");
  cb_json_string(json, text.data ? text.data : "emulated");
  cb_buf_release(&text);
}

static void write_feedback(const struct chunk *chunk, struct cb_json *json) {
  cb_json_key(json, "promptFeedback");
  cb_json_begin_object(json);
  cb_json_key(json, "blockReason");
  cb_json_string(json, chunk->answer->block_reason);
  cb_json_key(json, "blockReasonMessage");
  cb_json_string(json, "The emulator was told to block this prompt.");
  write_ratings(chunk, json, chunk->answer->block_reason);
  cb_json_end_object(json);
}

static void write_response(const struct chunk *chunk, struct cb_buf *buf) {
  struct cb_json json;

  cb_json_init(&json, buf);
  cb_json_begin_object(&json);
  if (chunk->answer->block_reason) {
    write_feedback(chunk, &json);
  } else {
    cb_json_key(&json, "candidates");
    cb_json_begin_array(&json);
    for (size_t i = 0; i < chunk->answer->candidate_count; i++) {
      write_candidate(chunk, &json, i);
    }
    cb_json_end_array(&json);
  }
  write_usage(chunk, &json);
  write_identity(chunk, &json);
  if (has_fault(chunk, VTX_EMU_UNKNOWN_FIELDS)) {
    cb_json_key(&json, "futureField");
    cb_json_raw(&json, "{\"a\":[1,\"two\",{\"b\":true}]}", 26);
  }
  cb_json_end_object(&json);
}

static void write_framed(const struct chunk *chunk, struct cb_buf *buf) {
  switch (chunk->render->framing) {
    case VTX_EMU_UNARY:
      write_response(chunk, buf);
      break;
    case VTX_EMU_SSE:
      cb_buf_add_text(buf, "data: ");
      write_response(chunk, buf);
      cb_buf_add_text(buf, "\r\n\r\n");
      break;
    case VTX_EMU_ARRAY:
      cb_buf_add_text(buf, chunk->place == 0 ? "[" : ",\r\n");
      write_response(chunk, buf);
      if (is_last(chunk)) cb_buf_add_text(buf, "]");
      break;
  }
}

/* As many as asked for, else one for so many bytes of the longest text. */
static size_t count_chunks(const struct vtx_emu_render *render,
                           const struct vtx_emu_prompt *prompt,
                           const struct vtx_emu_answer *answer) {
  size_t longest = 0;

  if (render->framing == VTX_EMU_UNARY || answer->block_reason) return 1;
  if (prompt->knobs.chunks > 0) return (size_t)prompt->knobs.chunks;
  for (size_t i = 0; i < answer->candidate_count; i++) {
    const char *text = answer->candidates[i].text;

    if (text && strlen(text) > longest) longest = strlen(text);
  }
  longest = longest / CHUNK_BYTES + 2;
  return longest < USUAL_CHUNKS ? longest : USUAL_CHUNKS;
}

bool vtx_emu_reply_set(struct vtx_emu_reply *reply, struct cb_arena *arena,
                       const char *body, size_t size) {
  reply->pieces = cb_arena_zalloc(arena, 1, sizeof *reply->pieces);
  if (!reply->pieces) return false;
  reply->pieces[0] = (struct vtx_emu_piece){body, size, 1};
  reply->piece_count = 1;
  return true;
}

bool vtx_emu_render_answer(const struct vtx_emu_render *render,
                           struct cb_arena *arena,
                           const struct vtx_emu_prompt *prompt,
                           const struct vtx_emu_answer *answer,
                           struct vtx_emu_reply *reply) {
  size_t count = count_chunks(render, prompt, answer);
  struct cb_buf buf;
  bool good = false;

  assert(count > 0);
  reply->chunked = render->framing != VTX_EMU_UNARY;
  reply->content_type = render->framing == VTX_EMU_SSE
                            ? "text/event-stream"
                            : "application/json; charset=UTF-8";
  reply->pieces = cb_arena_zalloc(arena, count, sizeof *reply->pieces);
  if (!reply->pieces) return false;
  cb_buf_init(&buf, MAX_BODY, NULL);
  for (size_t i = 0; i < count; i++) {
    struct chunk chunk = {render, prompt, answer, i, count};
    struct vtx_emu_piece *piece = &reply->pieces[i];

    cb_buf_clear(&buf);
    write_framed(&chunk, &buf);
    if (buf.failed) goto out;
    piece->data = cb_arena_memdup(arena, buf.data, buf.len);
    if (!piece->data) goto out;
    piece->size = buf.len;
    piece->repeat = 1;
  }
  reply->piece_count = count;
  good = true;

out:
  cb_buf_release(&buf);
  return good;
}

bool vtx_emu_render_count(struct cb_arena *arena,
                          const struct vtx_emu_prompt *prompt,
                          struct vtx_emu_reply *reply) {
  struct cb_buf buf;
  struct cb_json json;
  const char *body = NULL;

  cb_buf_init(&buf, MAX_BODY, NULL);
  cb_json_init(&json, &buf);
  cb_json_begin_object(&json);
  cb_json_key(&json, "totalTokens");
  cb_json_int(&json, vtx_emu_prompt_tokens(prompt));
  write_count(&json, "totalBillableCharacters", prompt->billable_characters);
  write_details(&json, "promptTokensDetails", prompt);
  cb_json_end_object(&json);
  if (!buf.failed) body = cb_arena_memdup(arena, buf.data, buf.len);
  reply->content_type = "application/json; charset=UTF-8";
  body = body && vtx_emu_reply_set(reply, arena, body, buf.len) ? body : NULL;
  cb_buf_release(&buf);
  return body != NULL;
}
