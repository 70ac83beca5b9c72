#include "base/status.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/utf8.h"

#define MESSAGE_MAX 2000

struct cb_status cb_status_make(enum cb_code code, const char *reason,
                                const char *message) {
  return (struct cb_status){
      .code = code,
      .reason = reason,
      .message = message,
      .field = "",
      .finish_reason = "",
      .retry_after = -1,
  };
}

struct cb_status cb_status_ok(void) {
  return cb_status_make(CB_OK, "", "");
}

/* The formatted text, cut; the format itself when the arena is used up. */
__attribute__((format(printf, 2, 0))) static const char *message_of(
    struct cb_arena *arena, const char *format, va_list args) {
  /* Four more bytes, so that the cut can see the character that it hits. */
  char text[MESSAGE_MAX + 4 + 1];
  int len = vsnprintf(text, sizeof text, format, args);
  size_t have = len > 0 ? (size_t)len : 0;
  const char *message;

  if (have >= sizeof text) have = sizeof text - 1;
  message = cb_arena_memdup(arena, text, cb_utf8_cut(text, have, MESSAGE_MAX));
  return message ? message : format;
}

struct cb_status cb_status_format(struct cb_arena *arena, enum cb_code code,
                                  const char *reason, const char *format, ...) {
  struct cb_status status = cb_status_make(code, reason, "");
  va_list args;

  va_start(args, format);
  status.message = message_of(arena, format, args);
  va_end(args);
  return status;
}

static const char *text_of(struct cb_arena *arena, const char *text) {
  const char *copy = text && *text ? cb_arena_strdup(arena, text) : "";

  return copy ? copy : "";
}

struct cb_status cb_status_field(struct cb_arena *arena, const char *field,
                                 const char *format, ...) {
  struct cb_status status =
      cb_status_make(CB_INVALID_ARGUMENT, "INVALID_FIELD", "");
  va_list args;

  va_start(args, format);
  status.message = message_of(arena, format, args);
  va_end(args);
  status.field = text_of(arena, field);
  return status;
}

void cb_status_add(struct cb_status *status, struct cb_arena *arena,
                   const char *key, const char *value) {
  size_t count = status->metadata_count;
  struct cb_pair *pairs;

  if (count >= CB_STATUS_PAIRS) return;
  /* A new list each time: copies of this value may still look at the old. */
  pairs = cb_arena_alloc(arena, (count + 1) * sizeof *pairs);
  if (!pairs) return;
  if (count > 0) memcpy(pairs, status->metadata, count * sizeof *pairs);
  pairs[count].key = cb_arena_strdup(arena, key);
  pairs[count].value = cb_arena_strdup(arena, value);
  if (!pairs[count].key || !pairs[count].value) return;
  status->metadata = pairs;
  status->metadata_count = count + 1;
}

static void copy_metadata(struct cb_status *to, const struct cb_status *from,
                          struct cb_arena *arena) {
  to->metadata = NULL;
  to->metadata_count = 0;
  for (size_t i = 0; i < from->metadata_count; i++)
    cb_status_add(to, arena, from->metadata[i].key, from->metadata[i].value);
}

static void copy_quota(struct cb_status *to, const struct cb_status *from,
                       struct cb_arena *arena) {
  size_t count = from->quota_count;
  struct cb_quota_violation *quota =
      count > 0 ? cb_arena_zalloc(arena, count, sizeof *quota) : NULL;

  to->quota = quota;
  to->quota_count = quota ? count : 0;
  for (size_t i = 0; i < to->quota_count; i++) {
    quota[i].subject = text_of(arena, from->quota[i].subject);
    quota[i].description = text_of(arena, from->quota[i].description);
  }
}

struct cb_status cb_status_copy(const struct cb_status *status,
                                struct cb_arena *arena) {
  struct cb_status copy = *status;

  copy.reason = text_of(arena, status->reason);
  copy.message = text_of(arena, status->message);
  copy.field = text_of(arena, status->field);
  copy.finish_reason = text_of(arena, status->finish_reason);
  copy_metadata(&copy, status, arena);
  copy_quota(&copy, status, arena);
  return copy;
}

static const char *const code_names[] = {
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
};

#define CODE_COUNT (sizeof code_names / sizeof code_names[0])

const char *cb_code_name(enum cb_code code) {
  return (unsigned)code < CODE_COUNT ? code_names[code] : "UNKNOWN";
}

bool cb_code_from_name(const char *name, enum cb_code *ret_code) {
  for (size_t i = 0; i < CODE_COUNT; i++) {
    if (strcmp(name, code_names[i]) != 0) continue;
    *ret_code = (enum cb_code)i;
    return true;
  }
  return false;
}
