#include "service/vertex/credentials/token_answer.h"

#include <ctype.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "service/vertex/credential_internal.h"
#include "service/vertex/credentials/secret.h"
#include "service/vertex/reasons.h"

#define MOST_LIFETIME (INT64_C(1) << 31) /* seconds */
#define LONGEST_WORD 23
#define MOST_WORDS ((size_t)240)

static struct cb_status status_of(enum vtx_reason reason, const char *message) {
  const struct vtx_reason_entry *entry = &vtx_reason_table[reason];
  struct cb_status status = cb_status_make(entry->code, entry->name, message);

  status.retryable = entry->retryable;
  return status;
}

const struct cb_status *vtx_token_fail(struct vtx_token_failure *failure,
                                       bool lasts, const char *format, ...) {
  va_list args;

  va_start(args, format);
  vsnprintf(failure->message, sizeof failure->message, format, args);
  va_end(args);
  failure->status = status_of(
      lasts ? VTX_CREDENTIAL_UNAVAILABLE : VTX_CREDENTIAL_REFRESH_FAILED,
      failure->message);
  return &failure->status;
}

/* --- what went wrong ------------------------------------------------------ */

/* Google answers errors in two forms: {"error": "word", "error_description"}
 * and {"error": {"status": "WORD", "message"}}. */
struct words {
  const char *code;
  const char *description;
  const char *subtype;
};

static struct words words_of(struct json_object *answer) {
  struct json_object *error = vtx_secret_json_object(answer, "error");

  if (error) {
    return (struct words){vtx_secret_json_text(error, "status"),
                          vtx_secret_json_text(error, "message"), NULL};
  }
  return (struct words){vtx_secret_json_text(answer, "error"),
                        vtx_secret_json_text(answer, "error_description"),
                        vtx_secret_json_text(answer, "error_subtype")};
}

bool vtx_token_may_retry(int http_status, const char *text, size_t size) {
  static const char *const passing[] = {"internal_failure", "server_error",
                                        "temporarily_unavailable"};
  struct json_object *answer;
  struct words words;
  bool may = http_status == 408 || http_status == 429 || http_status == 500 ||
             (http_status >= 502 && http_status <= 504);

  if (may || http_status == 200) return may;
  answer = vtx_secret_json(text, size);
  words = answer ? words_of(answer) : (struct words){NULL, NULL, NULL};
  for (size_t i = 0; words.code && i < 3; i++) {
    if (strcmp(words.code, passing[i]) == 0) may = true;
  }
  vtx_secret_json_free(answer);
  return may;
}

/* Copies words that are ASCII and short, or an e-mail address; the others
 * could be the secret, told back. */
static void copy_words(const char *text, char *out, size_t room) {
  size_t len = 0;

  while (*text && len + 8 < room) {
    size_t size = strcspn(text, " \t\r\n");
    bool fit = size <= LONGEST_WORD ||
               (memchr(text, '@', size) && size < room - len - 8);

    for (size_t i = 0; fit && i < size; i++) {
      fit = text[i] >= ' ' && text[i] <= '~';
    }
    if (size > 0 && len > 0) out[len++] = ' ';
    if (size > 0 && fit && len + size + 4 < room) {
      memcpy(out + len, text, size);
      len += size;
    } else if (size > 0) {
      memcpy(out + len, "...", 3);
      len += 3;
    }
    text += size + (text[size] != '\0');
  }
  out[len] = '\0';
}

static void put_words(struct vtx_token_failure *failure, bool lasts,
                      const char *start, const struct words *words) {
  char code[64];
  char subtype[64];
  char description[MOST_WORDS];

  copy_words(words->code ? words->code : "", code, sizeof code);
  copy_words(words->subtype ? words->subtype : "", subtype, sizeof subtype);
  copy_words(words->description ? words->description : "", description,
             sizeof description);
  vtx_token_fail(failure, lasts, "%s%s%s%s%s%s%s%s", start, code[0] ? ", " : "",
                 code, subtype[0] ? " (" : "", subtype, subtype[0] ? ")" : "",
                 description[0] ? ": " : "", description);
}

void vtx_token_refusal(struct vtx_token_failure *failure, const char *what,
                       int http_status, const char *text, size_t size) {
  bool lasts = !vtx_token_may_retry(http_status, text, size);
  struct json_object *answer = vtx_secret_json(text, size);
  struct words words = {NULL, NULL, NULL};
  char start[128];

  snprintf(start, sizeof start, "%s gives no token: HTTP %d", what,
           http_status);
  if (answer) words = words_of(answer);
  put_words(failure, lasts, start, &words);
  failure->status.http_status = http_status;
  vtx_secret_json_free(answer);
}

/* --- tokens --------------------------------------------------------------- */

void vtx_token_deliver_failure(struct vtx_token_sink sink,
                               const struct cb_status *status) {
  const struct vtx_token_result result = {.status = *status};

  sink.done(sink.ctx, &result);
}

void vtx_token_deliver_no_memory(struct vtx_token_sink sink, const char *what) {
  struct vtx_token_failure failure;

  vtx_token_fail(&failure, false, "there is no memory to ask %s", what);
  vtx_token_deliver_failure(sink, &failure.status);
}

static void deliver(struct vtx_token_sink sink, const char *what,
                    const char *token, int64_t seconds) {
  struct vtx_token_failure failure;
  struct vtx_token_result result = {.status = cb_status_ok(), .token = token};

  if (seconds > MOST_LIFETIME) seconds = MOST_LIFETIME;
  result.lifetime = seconds * CB_SECOND;
  if (!token || !vtx_credential_text_ok(token)) {
    vtx_token_fail(&failure, true, "%s answers HTTP 200 without a usable token",
                   what);
    result = (struct vtx_token_result){.status = failure.status};
  }
  sink.done(sink.ctx, &result);
}

/* Seconds, at least 1; 0 if it is not said. */
static int64_t expires_in(struct json_object *answer) {
  struct json_object *value = NULL;
  int64_t seconds = 0;
  const char *text = vtx_secret_json_text(answer, "expires_in");
  char *end = NULL;

  if (text) {
    seconds = strtoll(text, &end, 10);
    if (*end != '\0') return 0;
  } else if (json_object_object_get_ex(answer, "expires_in", &value) &&
             (json_object_is_type(value, json_type_int) ||
              json_object_is_type(value, json_type_double))) {
    seconds = json_object_get_int64(value);
  } else {
    return 0;
  }
  return seconds < 1 ? 1 : seconds;
}

void vtx_token_deliver(struct vtx_token_sink sink, const char *what,
                       const char *text, size_t size) {
  struct json_object *answer = vtx_secret_json(text, size);

  deliver(sink, what,
          answer ? vtx_secret_json_text(answer, "access_token") : NULL,
          answer ? expires_in(answer) : 0);
  vtx_secret_json_free(answer);
}

bool vtx_token_time(const char *text, int64_t *ret_seconds) {
  struct tm tm = {.tm_sec = 0};
  const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

  if (!end) return false;
  if (*end == '.') {
    end++;
    while (isdigit((unsigned char)*end))
      end++;
  }
  if (strcmp(end, "Z") != 0) return false;
  *ret_seconds = timegm(&tm);
  return true;
}

void vtx_token_deliver_iam(struct vtx_token_sink sink, int64_t now,
                           const char *text, size_t size) {
  struct json_object *answer = vtx_secret_json(text, size);
  const char *when = answer ? vtx_secret_json_text(answer, "expireTime") : NULL;
  int64_t end = 0;
  int64_t seconds = 0;

  if (when && vtx_token_time(when, &end)) {
    seconds = end > now ? end - now : 1;
  }
  deliver(sink, "the IAM credentials endpoint",
          answer ? vtx_secret_json_text(answer, "accessToken") : NULL, seconds);
  vtx_secret_json_free(answer);
}
