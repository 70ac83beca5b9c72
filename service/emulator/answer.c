#include "service/emulator/answer.h"

#include <ctype.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json_writer.h"
#include "base/utf8.h"
#include "service/emulator/fit.h"
#include "service/emulator/prompt.h"

enum {
  MAX_ANSWER = 64 << 20,
  QUOTED = 200,  /* bytes of the prompt that an answer quotes */
  THINKING = 24, /* tokens of thought, if the budget allows */
};

/* Hands the buffer's bytes to the arena; NULL if either is used up. */
static const char *keep(struct cb_arena *arena, struct cb_buf *buf) {
  char *text = buf->failed ? NULL
                           : cb_arena_memdup(arena, buf->data ? buf->data : "",
                                             buf->len);

  cb_buf_release(buf);
  return text;
}

static size_t word_size(const char *at) {
  size_t size = 0;

  while (isalnum((unsigned char)at[size]) || (unsigned char)at[size] >= 0x80) {
    size++;
  }
  return size;
}

/* The size of the next word, to which *at moves; 0 at the end. */
static size_t next_word(const char **at) {
  while (**at) {
    size_t size = word_size(*at);

    if (size > 0) return size;
    (*at)++;
  }
  return 0;
}

static void add_quoted(struct cb_buf *buf, const char *text) {
  size_t size = strlen(text);
  size_t cut = cb_utf8_cut(text, size, QUOTED);

  cb_buf_add_char(buf, '"');
  cb_buf_add(buf, text, cut);
  if (cut < size) cb_buf_add_text(buf, " ...");
  cb_buf_add_char(buf, '"');
}

static void add_media(struct cb_buf *buf, const struct vtx_emu_prompt *prompt) {
  for (size_t i = 0; i < prompt->media_count; i++) {
    const struct vtx_emu_media *media = &prompt->media[i];

    if (media->uri) {
      cb_buf_printf(buf, " I was shown %s (%s).", media->uri, media->mime_type);
    } else {
      cb_buf_printf(buf, " I was shown %s of %zu bytes.", media->mime_type,
                    media->bytes);
    }
  }
}

/* Goes round the words of the prompt until the answer has words words. */
static void add_words(struct cb_buf *buf, const char *prompt, int64_t words) {
  const char *at = prompt;
  int64_t have = 0;

  for (size_t i = 0; i < buf->len; i++) {
    if (buf->data[i] == ' ') have++;
  }
  for (have++; have < words && !buf->failed; have++) {
    size_t size = next_word(&at);

    cb_buf_add_char(buf, ' ');
    if (size == 0) {
      at = prompt;
      cb_buf_add_text(buf, "and");
    } else {
      cb_buf_add(buf, at, size);
      at += size;
    }
  }
}

static const char *make_prose(struct cb_arena *arena,
                              const struct vtx_emu_prompt *prompt,
                              size_t candidate) {
  struct cb_buf buf;

  cb_buf_init(&buf, MAX_ANSWER, NULL);
  cb_buf_add_text(&buf, "You asked: ");
  add_quoted(&buf, prompt->text);
  if (candidate > 0) cb_buf_printf(&buf, " (candidate %zu)", candidate + 1);
  cb_buf_printf(&buf, " The emulator answers in place of %s.", prompt->model);
  if (prompt->system) {
    cb_buf_add_text(&buf, " I keep to the instruction ");
    add_quoted(&buf, prompt->system);
    cb_buf_add_char(&buf, '.');
  }
  if (prompt->turns > 1) {
    cb_buf_printf(&buf, " This is turn %zu of our talk.", prompt->turns);
  }
  if (prompt->function_result) {
    cb_buf_printf(&buf, " I used the result of %s.", prompt->function_result);
  }
  add_media(&buf, prompt);
  if (prompt->knobs.words > 0) {
    add_words(&buf, prompt->text, prompt->knobs.words);
  }
  return keep(arena, &buf);
}

static void write_plain_json(struct cb_json *json,
                             const struct vtx_emu_prompt *prompt,
                             const char *prose) {
  cb_json_begin_object(json);
  cb_json_key(json, "prompt");
  cb_json_string(json, prompt->text);
  cb_json_key(json, "answer");
  cb_json_string(json, prose);
  cb_json_key(json, "model");
  cb_json_string(json, prompt->model);
  cb_json_end_object(json);
}

/* The knobs that spoil JSON act here. */
static const char *make_json(struct cb_arena *arena,
                             const struct vtx_emu_prompt *prompt,
                             const char *prose) {
  const struct vtx_emu_knobs *knobs = &prompt->knobs;
  struct cb_buf buf;
  struct cb_json json;

  cb_buf_init(&buf, MAX_ANSWER, NULL);
  if (knobs->prose) cb_buf_add_text(&buf, "Here is the JSON you asked for: ");
  if (knobs->fence) cb_buf_add_text(&buf, "```json\n");
  cb_json_init(&json, &buf);
  if (prompt->schema) {
    vtx_emu_fit(prompt->schema, prompt->text, &json);
  } else {
    write_plain_json(&json, prompt, prose);
  }
  if (knobs->invalid_json && buf.len > 0) buf.len--;
  if (knobs->fence) cb_buf_add_text(&buf, "\n```");
  if (knobs->prose) cb_buf_add_text(&buf, " I hope that this helps!");
  return keep(arena, &buf);
}

/* The bare name of an enum: a JSON text without its quotes. */
static const char *make_enum(struct cb_arena *arena,
                             const struct vtx_emu_prompt *prompt) {
  struct cb_buf buf;
  struct cb_json json;

  cb_buf_init(&buf, MAX_ANSWER, NULL);
  cb_json_init(&json, &buf);
  vtx_emu_fit(prompt->schema, prompt->text, &json);
  if (buf.len >= 2 && buf.data[0] == '"') {
    buf.len--;
    cb_buf_consume(&buf, 1);
  }
  return keep(arena, &buf);
}

static const char *make_text(struct cb_arena *arena,
                             const struct vtx_emu_prompt *prompt,
                             size_t candidate) {
  const char *prose;

  if (prompt->knobs.text) return prompt->knobs.text;
  if (prompt->enum_text && prompt->schema) return make_enum(arena, prompt);
  prose = make_prose(arena, prompt, candidate);
  if (!prose || !prompt->json) return prose;
  return make_json(arena, prompt, prose);
}

static const char *make_args(struct cb_arena *arena,
                             const struct vtx_emu_prompt *prompt) {
  struct cb_buf buf;
  struct cb_json json;

  cb_buf_init(&buf, MAX_ANSWER, NULL);
  cb_json_init(&json, &buf);
  if (prompt->function_schema) {
    vtx_emu_fit(prompt->function_schema, prompt->text, &json);
  } else {
    cb_json_begin_object(&json);
    cb_json_end_object(&json);
  }
  return keep(arena, &buf);
}

/* Ends text before the first stop sequence in it. */
static bool cut_at_stop(struct cb_arena *arena,
                        const struct vtx_emu_prompt *prompt,
                        const char **text) {
  const char *end = NULL;

  for (size_t i = 0; i < prompt->stop_count; i++) {
    const char *found = strstr(*text, prompt->stops[i]);

    if (found && (!end || found < end)) end = found;
  }
  if (!end) return true;
  *text = cb_arena_memdup(arena, *text, (size_t)(end - *text));
  return *text != NULL;
}

/* Ends text where the token limit, less what was thought, ends it. */
static bool cut_at_limit(struct cb_arena *arena,
                         const struct vtx_emu_prompt *prompt,
                         struct vtx_emu_candidate *candidate,
                         int64_t thoughts) {
  int64_t left = prompt->max_output_tokens - thoughts;
  size_t size = strlen(candidate->text);

  if (vtx_emu_tokens(size) <= left) return true;
  candidate->finish_reason = "MAX_TOKENS";
  if (left <= 0) {
    candidate->text = NULL;
    return true;
  }
  size = cb_utf8_cut(candidate->text, size, (size_t)left * 4);
  candidate->text = cb_arena_memdup(arena, candidate->text, size);
  return candidate->text != NULL;
}

static bool make_candidate(struct vtx_emu_candidate *candidate,
                           struct cb_arena *arena,
                           const struct vtx_emu_prompt *prompt, size_t place,
                           int64_t thoughts) {
  const struct vtx_emu_knobs *knobs = &prompt->knobs;

  *candidate = (struct vtx_emu_candidate){.finish_reason = "STOP"};
  if (thoughts > 0 && prompt->include_thoughts) {
    candidate->thought = "I look at the prompt, then I repeat what it says.";
  }
  if (prompt->function) {
    candidate->function = prompt->function;
    candidate->args = make_args(arena, prompt);
    if (!candidate->args) return false;
    candidate->tokens = vtx_emu_tokens(strlen(candidate->args)) + 4;
  } else {
    candidate->text = make_text(arena, prompt, place);
    if (!candidate->text) return false;
    if (!cut_at_stop(arena, prompt, &candidate->text)) return false;
    if (!cut_at_limit(arena, prompt, candidate, thoughts)) return false;
  }
  if (knobs->finish) candidate->finish_reason = knobs->finish;
  if (knobs->thought_only) candidate->thought = "I think, and say nothing.";
  if (knobs->empty) candidate->text = "";
  if (knobs->no_content || knobs->thought_only) candidate->text = NULL;
  if (knobs->no_content) candidate->thought = NULL;
  if (knobs->no_content || knobs->thought_only || knobs->empty) {
    candidate->function = NULL;
    candidate->tokens = 0;
  }
  if (candidate->text) {
    candidate->tokens = vtx_emu_tokens(strlen(candidate->text));
  }
  return true;
}

bool vtx_emu_answer_make(struct vtx_emu_answer *answer, struct cb_arena *arena,
                         const struct vtx_emu_prompt *prompt) {
  int64_t thoughts = prompt->thinking_budget;

  *answer = (struct vtx_emu_answer){.block_reason = prompt->knobs.block};
  if (answer->block_reason) return true;
  if (thoughts > THINKING) thoughts = THINKING;
  if (thoughts > prompt->max_output_tokens) {
    thoughts = prompt->max_output_tokens;
  }
  if (prompt->knobs.thought_only && thoughts == 0) thoughts = THINKING;
  answer->thoughts_tokens = thoughts;
  answer->candidate_count = (size_t)prompt->candidate_count;
  for (size_t i = 0; i < answer->candidate_count; i++) {
    if (!make_candidate(&answer->candidates[i], arena, prompt, i, thoughts)) {
      return false;
    }
    answer->candidates_tokens += answer->candidates[i].tokens;
  }
  return true;
}
