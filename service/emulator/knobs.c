#include "service/emulator/knobs.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "service/emulator/holds.h"

enum { QUOTED = 80 }; /* bytes of a wrong word that an error shows */

enum value_kind { TIME, COUNT, SIZE, REAL, TEXT, ESCAPED, KEY, FLAG };

#define KNOB(name, kind) \
  { #name, kind, offsetof(struct vtx_emu_knobs, name) }
#define QUOTA(name, kind) \
  { "quota_" #name, kind, offsetof(struct vtx_emu_knobs, quota.name) }

/* fault, probability and content are read by hand. */
static const struct {
  const char *key;
  enum value_kind kind;
  size_t place;
} knob_table[] = {
    KNOB(latency, TIME),        KNOB(jitter, TIME),
    KNOB(chunk_interval, TIME), KNOB(retry_delay, TIME),
    KNOB(retry_after, TIME),    KNOB(slowdown, TIME),
    QUOTA(rps, REAL),           QUOTA(tpm, REAL),
    QUOTA(burst, COUNT),        QUOTA(retryinfo, FLAG),
    KNOB(capacity, COUNT),      KNOB(chunks, COUNT),
    KNOB(words, COUNT),         KNOB(depth, COUNT),
    KNOB(fail_times, COUNT),    KNOB(size, SIZE),
    KNOB(bytes, SIZE),          KNOB(key, TEXT),
    KNOB(block, TEXT),          KNOB(finish, TEXT),
    KNOB(function_call, TEXT),  KNOB(text, ESCAPED),
    KNOB(traffic_type, TEXT),   KNOB(empty, FLAG),
    KNOB(thought_only, FLAG),   KNOB(fence, FLAG),
    KNOB(prose, FLAG),          KNOB(invalid_json, FLAG),
    KNOB(hop_tokens, COUNT),    KNOB(hops, COUNT),
    KNOB(checkpoints, COUNT),   KNOB(thought_hop, FLAG),
    KNOB(fault_later, FLAG),    KNOB(hold, KEY),
};

static const struct {
  const char *name;
  enum vtx_emu_fault fault;
} fault_table[] = {
    {"none", VTX_EMU_NO_FAULT},
    {"http_400", VTX_EMU_HTTP_400},
    {"http_401", VTX_EMU_HTTP_401},
    {"http_403", VTX_EMU_HTTP_403},
    {"http_404", VTX_EMU_HTTP_404},
    {"http_429", VTX_EMU_HTTP_429},
    {"http_429_retryinfo", VTX_EMU_HTTP_429_RETRYINFO},
    {"http_500", VTX_EMU_HTTP_500},
    {"http_503", VTX_EMU_HTTP_503},
    {"http_504", VTX_EMU_HTTP_504},
    {"html_404", VTX_EMU_HTML_404},
    {"html_502", VTX_EMU_HTML_502},
    {"empty_200", VTX_EMU_EMPTY_200},
    {"not_json", VTX_EMU_NOT_JSON},
    {"truncated_json", VTX_EMU_TRUNCATED_JSON},
    {"hang", VTX_EMU_HANG},
    {"reset", VTX_EMU_RESET},
    {"reset_mid_body", VTX_EMU_RESET_MID_BODY},
    {"sse_truncated", VTX_EMU_SSE_TRUNCATED},
    {"sse_error_raw", VTX_EMU_SSE_ERROR_RAW},
    {"sse_error_data", VTX_EMU_SSE_ERROR_DATA},
    {"sse_reset", VTX_EMU_SSE_RESET},
    {"giant", VTX_EMU_GIANT},
    {"gzip_bomb", VTX_EMU_GZIP_BOMB},
    {"drip", VTX_EMU_DRIP},
    {"stall", VTX_EMU_STALL},
    {"bad_utf8", VTX_EMU_BAD_UTF8},
    {"lone_surrogate", VTX_EMU_LONE_SURROGATE},
    {"nul", VTX_EMU_NUL},
    {"deep", VTX_EMU_DEEP},
    {"numbers", VTX_EMU_NUMBERS},
    {"unknown_fields", VTX_EMU_UNKNOWN_FIELDS},
    {"unknown_enum", VTX_EMU_UNKNOWN_ENUM},
    {"redirect_302", VTX_EMU_REDIRECT_302},
    {"no_usage", VTX_EMU_NO_USAGE},
    {"no_finish", VTX_EMU_NO_FINISH},
};

/* What a knob may be at most: an hour, a million, 4 GiB, a thousand million.
 */
static const int64_t longest = 3600 * CB_SECOND;
static const int64_t most = 1000000;
static const int64_t largest = INT64_C(4) << 30;
static const double fastest = 1e9;

struct vtx_emu_knobs vtx_emu_knobs_default(void) {
  return (struct vtx_emu_knobs){
      .retry_delay = CB_SECOND, .probability = 1.0, .key = ""};
}

/* "200ms", "2s", "1.5s", "30us"; a bare number is milliseconds. */
static bool read_time(const char *value, int64_t *ret_time) {
  char *end;
  double number = strtod(value, &end);
  double unit;

  if (end == value || !(number >= 0)) return false;
  if (strcmp(end, "s") == 0) {
    unit = (double)CB_SECOND;
  } else if (strcmp(end, "ms") == 0 || *end == '\0') {
    unit = (double)CB_MILLISECOND;
  } else if (strcmp(end, "us") == 0) {
    unit = (double)CB_MICROSECOND;
  } else {
    return false;
  }
  if (number * unit > (double)longest) return false;
  *ret_time = (int64_t)(number * unit);
  return true;
}

/* Digits, for sizes with k, m or g (of 1,024) behind them. */
static bool read_count(const char *value, enum value_kind kind,
                       int64_t *ret_count) {
  int64_t limit = kind == SIZE ? largest : most;
  char *end;
  int64_t number;

  if (!isdigit((unsigned char)*value)) return false;
  errno = 0;
  number = strtoll(value, &end, 10);
  if (errno != 0 || number > limit) return false;
  if (kind == SIZE && *end) {
    static const char units[] = "kmg";
    const char *unit = strchr(units, tolower((unsigned char)*end));

    if (!unit || end[1]) return false;
    number <<= 10 * (unit - units + 1);
    end++;
  }
  if (*end || number > limit) return false;
  *ret_count = number;
  return true;
}

/* strtod() takes "inf" and "nan" as well. */
static bool read_real(const char *value, double limit, double *ret_number) {
  char *end;
  double number = strtod(value, &end);

  if (end == value || *end || !(number >= 0 && number <= limit)) return false;
  *ret_number = number;
  return true;
}

static bool read_flag(const char *value, bool *ret_flag) {
  if (strcmp(value, "1") == 0 || strcmp(value, "true") == 0) {
    *ret_flag = true;
  } else if (strcmp(value, "0") == 0 || strcmp(value, "false") == 0) {
    *ret_flag = false;
  } else {
    return false;
  }
  return true;
}

static int hex_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = (char)tolower((unsigned char)c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %XX is a byte, + a blank; %00 would end the text and is refused. */
static bool unescape(char *text) {
  char *out = text;

  for (; *text; text++) {
    if (*text == '+') {
      *out++ = ' ';
    } else if (*text == '%') {
      int high = hex_of(text[1]);
      int low = high < 0 ? -1 : hex_of(text[2]);

      if (low < 0 || high + low == 0) return false;
      *out++ = (char)(high * 16 + low);
      text += 2;
    } else {
      *out++ = *text;
    }
  }
  *out = '\0';
  return true;
}

static bool read_text(struct cb_arena *arena, const char *value,
                      enum value_kind kind, const char **ret_text) {
  char *copy = cb_arena_strdup(arena, value);

  if (!copy) return false;
  if (kind == ESCAPED && !unescape(copy)) return false;
  if (kind == KEY && !vtx_emu_hold_key_valid(copy)) return false;
  *ret_text = copy;
  return true;
}

static bool read_fault(const char *value, enum vtx_emu_fault *ret_fault) {
  for (size_t i = 0; i < sizeof fault_table / sizeof *fault_table; i++) {
    if (strcmp(value, fault_table[i].name) == 0) {
      *ret_fault = fault_table[i].fault;
      return true;
    }
  }
  return false;
}

static bool set_listed(struct vtx_emu_knobs *knobs, struct cb_arena *arena,
                       size_t row, const char *value) {
  void *place = (char *)knobs + knob_table[row].place;
  enum value_kind kind = knob_table[row].kind;

  switch (kind) {
    case TIME:
      return read_time(value, place);
    case COUNT:
    case SIZE:
      return read_count(value, kind, place);
    case REAL:
      return read_real(value, fastest, place);
    case FLAG:
      return read_flag(value, place);
    case TEXT:
    case ESCAPED:
    case KEY:
      return read_text(arena, value, kind, place);
  }
  return false;
}

/* Sets the knob; *ret_known says whether there is one of that name. */
static bool set_knob(struct vtx_emu_knobs *knobs, struct cb_arena *arena,
                     const char *key, const char *value, bool *ret_known) {
  *ret_known = true;
  for (size_t i = 0; i < sizeof knob_table / sizeof *knob_table; i++) {
    if (strcmp(key, knob_table[i].key) == 0) {
      return set_listed(knobs, arena, i, value);
    }
  }
  if (strcmp(key, "fault") == 0) return read_fault(value, &knobs->fault);
  if (strcmp(key, "probability") == 0) {
    return read_real(value, 1.0, &knobs->probability);
  }
  if (strcmp(key, "content") == 0) {
    knobs->no_content = strcmp(value, "none") == 0;
    return knobs->no_content || strcmp(value, "text") == 0;
  }
  *ret_known = false;
  return false;
}

bool vtx_emu_knobs_set(struct vtx_emu_knobs *knobs, struct cb_arena *arena,
                       const char *key, const char *value,
                       const char **ret_error) {
  bool known;

  if (set_knob(knobs, arena, key, value, &known)) return true;
  if (known) {
    *ret_error =
        cb_arena_printf(arena, "Emulator: the knob %s cannot be \"%.*s\".", key,
                        (int)cb_utf8_cut(value, strlen(value), QUOTED), value);
  } else {
    *ret_error =
        cb_arena_printf(arena, "Emulator: there is no knob %.*s.",
                        (int)cb_utf8_cut(key, strlen(key), QUOTED), key);
  }
  if (!*ret_error) *ret_error = "Emulator: out of memory.";
  return false;
}

/* What a prompt says is for its own answer; a quota is for all. */
static bool may_set(bool directive, const char *key) {
  return !directive || strncmp(key, "quota_", 6) != 0;
}

static bool parse_words(struct vtx_emu_knobs *knobs, struct cb_arena *arena,
                        const char *words, bool directive,
                        const char **ret_error) {
  char *copy = cb_arena_strdup(arena, words);
  char *rest = copy;
  char *word;

  *ret_error = "Emulator: out of memory.";
  if (!copy) return false;
  while ((word = strtok_r(rest, " \t\r\n", &rest))) {
    char *sign = strchr(word, '=');

    if (!sign) {
      return vtx_emu_knobs_set(knobs, arena, word, "", ret_error);
    }
    *sign = '\0';
    if (!may_set(directive, word)) {
      *ret_error = "Emulator: a prompt cannot set a quota.";
      return false;
    }
    if (!vtx_emu_knobs_set(knobs, arena, word, sign + 1, ret_error)) {
      return false;
    }
  }
  *ret_error = NULL;
  return true;
}

bool vtx_emu_knobs_parse(struct vtx_emu_knobs *knobs, struct cb_arena *arena,
                         const char *words, const char **ret_error) {
  return parse_words(knobs, arena, words, false, ret_error);
}

static bool set_json(struct vtx_emu_knobs *knobs, struct cb_arena *arena,
                     const char *key, struct json_object *value,
                     const char **ret_error) {
  char *name = cb_arena_strdup(arena, key);
  size_t size = strlen(key);

  *ret_error = "Emulator: out of memory.";
  if (!name) return false;
  if (size > 3 && strcmp(name + size - 3, "_ms") == 0) name[size - 3] = '\0';
  return vtx_emu_knobs_set(knobs, arena, name,
                           value ? json_object_get_string(value) : "",
                           ret_error);
}

bool vtx_emu_knobs_parse_json(struct vtx_emu_knobs *knobs,
                              struct cb_arena *arena,
                              struct json_object *object,
                              const char **ret_error) {
  if (!json_object_is_type(object, json_type_object)) {
    *ret_error = "Emulator: the body must be a JSON object.";
    return false;
  }
  json_object_object_foreach(object, key, value) {
    if (!set_json(knobs, arena, key, value, ret_error)) return false;
  }
  return true;
}

/* Closes the gap that a directive leaves: of the blanks on its two sides one
 * stays between words, and none at either end of the text. */
static void close_gap(char *text, char *start, char *end) {
  while (*end == ' ' && (start == text || start[-1] == ' '))
    end++;
  while (*end == '\0' && start > text && start[-1] == ' ')
    start--;
  memmove(start, end, strlen(end) + 1);
}

bool vtx_emu_knobs_take(struct vtx_emu_knobs *knobs, struct cb_arena *arena,
                        char *text, const char **ret_error) {
  static const char opening[] = "[[emulator";
  char *start;

  while ((start = strstr(text, opening))) {
    char *words = start + sizeof opening - 1;
    char *end = strstr(words, "]]");

    if (!end) {
      *ret_error = "Emulator: a directive has no ]] at its end.";
      return false;
    }
    *end = '\0';
    if (!parse_words(knobs, arena, words, true, ret_error)) return false;
    close_gap(text, start, end + 2);
  }
  return true;
}
