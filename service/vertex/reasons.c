#include "service/vertex/reasons.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/utf8.h"

#define MAX_MESSAGE 2000

const struct vtx_reason_entry vtx_reason_table[] = {
#define VTX_REASON_ENTRY(name, code, retryable, meaning) \
  {#name, code, retryable, meaning},
    VTX_REASONS(VTX_REASON_ENTRY)
#undef VTX_REASON_ENTRY
};

__attribute__((format(printf, 3, 0))) static struct cb_status fail(
    struct cb_arena *arena, enum vtx_reason reason, const char *format,
    va_list args) {
  const struct vtx_reason_entry *entry = &vtx_reason_table[reason];
  struct cb_status status = cb_status_make(entry->code, entry->name, format);
  char *message = cb_arena_vprintf(arena, format, args);

  assert(reason < VTX_REASON_COUNT);
  if (message) {
    message[cb_utf8_cut(message, strlen(message), MAX_MESSAGE)] = '\0';
    status.message = message;
  }
  status.retryable = entry->retryable;
  return status;
}

struct cb_status vtx_fail(struct cb_arena *arena, enum vtx_reason reason,
                          const char *format, ...) {
  struct cb_status status;
  va_list args;

  va_start(args, format);
  status = fail(arena, reason, format, args);
  va_end(args);
  return status;
}

struct cb_status vtx_no_memory(const char *message) {
  struct cb_status status =
      cb_status_make(CB_RESOURCE_EXHAUSTED, "SERVER_MEMORY", message);

  status.retryable = true;
  return status;
}

struct cb_status vtx_no_room(struct cb_arena *arena, bool past_limit,
                             enum vtx_reason reason, const char *format, ...) {
  struct cb_status status;
  va_list args;

  if (!past_limit) return vtx_no_memory("the server has no memory for this");
  va_start(args, format);
  status = fail(arena, reason, format, args);
  va_end(args);
  return status;
}

struct cb_status vtx_answer_full(const struct cb_arena *full,
                                 struct cb_arena *arena) {
  return vtx_no_room(arena, cb_arena_past_cap(full), VTX_RESPONSE_TOO_LARGE,
                     "the answer needs more memory than one answer may have");
}

struct cb_status vtx_status_copy(const struct cb_status *status,
                                 struct cb_arena *arena) {
  struct cb_status copy = *status;

  copy.reason = ""; /* takes no room */
  copy = cb_status_copy(&copy, arena);
  copy.reason = status->reason;
  return copy;
}

bool vtx_reason_is(const struct cb_status *status, enum vtx_reason reason) {
  return strcmp(status->reason, vtx_reason_table[reason].name) == 0;
}
