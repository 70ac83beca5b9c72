/* Where in a model's text the JSON is.
 *
 * Linear on any text: a fence begins a line, and JSON has no line's start
 * within a string, so that no attempt at one fence goes past the next; what a
 * failed attempt in prose has gone over is passed over whole, or counts towards
 * MAX_STRAY.
 */
#include <string.h>

#include "base/json_scan.h"
#include "service/vertex/answer.h"

#define MAX_STRAY 16 /* brackets without counterpart */
#define FENCE 3      /* backticks, at least */

/* Bytes gone through for them. */
#define MAX_LOOKED ((size_t)16 * 1024 * 1024)

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static const char *skip_blanks(const char *at, const char *end) {
  while (at < end && is_blank(*at))
    at++;
  return at;
}

static size_t backticks(const char *at, const char *end) {
  const char *from = at;

  while (at < end && *at == '`')
    at++;
  return (size_t)(at - from);
}

enum attempt { FOUND, CUT, NOT_JSON };

/* Is there a value at at? *ret_end is where it ends. */
static enum attempt attempt(const char *at, const char *end,
                            const char **ret_end) {
  struct cb_json_scan scan;
  bool found =
      cb_json_scan_prefix(at, (size_t)(end - at), CB_JSON_SCAN_DEPTH, &scan);

  *ret_end = at + scan.offset;
  if (found) return FOUND;
  return scan.cut ? CUT : NOT_JSON;
}

/* --- fences -------------------------------------------------------------- */

/* The next run of backticks that begins a line, NULL if there is none. *at is
 * the start of a line, and then that of the one behind the run's. */
static const char *next_fence(const char **at, const char *end) {
  while (*at < end) {
    const char *line = *at;
    const char *next = memchr(line, '\n', (size_t)(end - line));

    *at = next ? next + 1 : end;
    while (line < *at && (*line == ' ' || *line == '\t'))
      line++;
    if (backticks(line, end) >= FENCE) return line;
  }
  return NULL;
}

static bool is_tag(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '+' ||
         c == '.' || c == '#';
}

/* Where a fence's content begins: on the same line only if that is an object
 * or an array (```json {"a":1}```), else on the next. */
static const char *fence_content(const char *at, const char *next,
                                 const char *end) {
  while (at < end && is_tag(*at))
    at++;
  while (at < end && (*at == ' ' || *at == '\t'))
    at++;
  if (at < end && (*at == '{' || *at == '[')) return at;
  return skip_blanks(next, end);
}

/* The last fence may be missing: models run out of tokens there too. */
static enum attempt in_fences(const char *text, const char *end,
                              const char **ret_json, const char **ret_end) {
  const char *at = text;
  const char *fence;

  while ((fence = next_fence(&at, end))) {
    size_t run = backticks(fence, end);
    const char *json = fence_content(fence + run, at, end);
    enum attempt attempted = NOT_JSON;
    const char *after;

    if (json < end) attempted = attempt(json, end, ret_end);
    if (attempted == CUT) return CUT;
    if (attempted == NOT_JSON) continue;
    after = skip_blanks(*ret_end, end);
    if (after < end && backticks(after, end) < run) continue;
    *ret_json = json;
    return FOUND;
  }
  return NOT_JSON;
}

/* --- prose --------------------------------------------------------------- */

/* Behind a string in quotes that ends on its line, NULL if it does not; then
 * *line_end is where the line ends. */
static const char *past_quote(const char *at, const char *end,
                              const char **line_end) {
  for (at++; at < end && *at != '\n'; at++) {
    if (*at == '"') return at + 1;
    if (*at == '\\' && at + 1 < end && at[1] != '\n') at++;
  }
  *line_end = at;
  return NULL;
}

/* Behind the counterpart of the bracket at at, whatever kinds of brackets
 * stand between them; NULL if there is none. Brackets within quotes do not
 * count, but a quote without counterpart on its line is no quote. */
static const char *past_region(const char *at, const char *end) {
  const char *plain = at; /* up to here quotes are none */
  size_t open = 0;

  while (at < end) {
    char c = *at;
    const char *past = NULL;

    if (c == '"' && at >= plain) past = past_quote(at, end, &plain);
    at = past ? past : at + 1;
    if (c == '{' || c == '[') open++;
    if ((c == '}' || c == ']') && --open == 0) return at;
  }
  return NULL;
}

static const char *next_bracket(const char *at, const char *end) {
  while (at < end && *at != '{' && *at != '[')
    at++;
  return at;
}

static enum attempt in_prose(const char *text, const char *end,
                             const char **ret_json, const char **ret_end) {
  int stray = 0;
  size_t looked = 0;

  for (const char *at = next_bracket(text, end); at < end;
       at = next_bracket(at, end)) {
    enum attempt attempted = attempt(at, end, ret_end);
    const char *past;

    if (attempted != NOT_JSON) {
      *ret_json = at;
      return attempted;
    }
    past = past_region(at, end);
    if (!past) {
      looked += (size_t)(end - at);
      if (++stray == MAX_STRAY || looked > MAX_LOOKED) return NOT_JSON;
    }
    at = past ? past : at + 1;
  }
  return NOT_JSON;
}

/* --- all ----------------------------------------------------------------- */

bool vtx_answer_json(const char *text, size_t size, const char **ret_json,
                     size_t *ret_size) {
  static const char mark[] = "\xef\xbb\xbf"; /* byte order */
  const char *end = text + size;
  const char *json;
  const char *json_end;
  enum attempt found;

  if (size >= 3 && memcmp(text, mark, 3) == 0) text += 3;
  json = skip_blanks(text, end);
  found = attempt(json, end, &json_end);
  if (found != FOUND || skip_blanks(json_end, end) < end)
    found = in_fences(text, end, &json, &json_end);
  if (found == NOT_JSON) found = in_prose(text, end, &json, &json_end);
  if (found != FOUND) return false;
  *ret_json = json;
  *ret_size = (size_t)(json_end - json);
  return true;
}
