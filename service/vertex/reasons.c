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

struct cb_status vtx_fail(struct cb_arena *arena, enum vtx_reason reason,
                          const char *format, ...) {
  const struct vtx_reason_entry *entry = &vtx_reason_table[reason];
  struct cb_status status = cb_status_make(entry->code, entry->name, format);
  va_list args;
  char *message;

  assert(reason < VTX_REASON_COUNT);
  va_start(args, format);
  message = cb_arena_vprintf(arena, format, args);
  va_end(args);
  if (message) {
    message[cb_utf8_cut(message, strlen(message), MAX_MESSAGE)] = '\0';
    status.message = message;
  }
  status.retryable = entry->retryable;
  return status;
}

bool vtx_reason_is(const struct cb_status *status, enum vtx_reason reason) {
  return strcmp(status->reason, vtx_reason_table[reason].name) == 0;
}
