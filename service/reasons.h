/* reasons.h - the reasons that the service itself gives for errors.
 *
 * The engine's are in service/vertex/reasons.h. docs/errors.md explains both
 * lists to callers, and a test compares them.
 *
 * Threads: safe from any; constant data.
 */
#ifndef VTX_REASONS_H
#define VTX_REASONS_H

#include <stdbool.h>

#include "base/status.h"

struct cb_arena;

/* X(reason, code, retryable) */
#define VTX_SERVICE_REASONS(X)                        \
  X(TEMPLATE_INVALID, CB_INVALID_ARGUMENT, false)     \
  X(TEMPLATE_KEY_MISSING, CB_INVALID_ARGUMENT, false) \
  X(TEMPLATE_TOO_COSTLY, CB_INVALID_ARGUMENT, false)  \
  X(TOO_MANY_ITEMS, CB_INVALID_ARGUMENT, false)       \
  X(PROMPT_TOO_LARGE, CB_RESOURCE_EXHAUSTED, false)   \
  X(DEADLINE_EXCEEDED, CB_DEADLINE_EXCEEDED, true)    \
  X(DEADLINE_UNREACHABLE, CB_DEADLINE_EXCEEDED, true) \
  X(ITEM_TIMEOUT, CB_DEADLINE_EXCEEDED, true)         \
  X(STOPPED_AFTER_ERROR, CB_ABORTED, true)            \
  X(ITEM_MISSING, CB_DATA_LOSS, true)                 \
  X(SERVER_OVERLOADED, CB_UNAVAILABLE, true)          \
  X(SERVER_SHUTTING_DOWN, CB_UNAVAILABLE, true)       \
  X(SERVER_MEMORY, CB_RESOURCE_EXHAUSTED, true)

enum vtx_service_reason {
#define VTX_SERVICE_REASON_ENUM(name, code, retryable) VTX_SERVICE_##name,
  VTX_SERVICE_REASONS(VTX_SERVICE_REASON_ENUM)
#undef VTX_SERVICE_REASON_ENUM
      VTX_SERVICE_REASON_COUNT
};

struct vtx_service_reason_entry {
  const char *name;
  enum cb_code code;
  bool retryable;
};

/* The table, in the order of the enum. */
extern const struct vtx_service_reason_entry vtx_service_reason_table[];

/* A failure of that reason; message is borrowed: a literal, or what outlives
 * the status. */
struct cb_status vtx_refuse(enum vtx_service_reason reason,
                            const char *message);

/* The longest reason there may be; room for it is kept in minimal errors. */
#define VTX_REASON_MAX 40

#endif
