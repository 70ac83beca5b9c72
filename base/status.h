/* status.h - how a call, an item or a transfer ended.
 *
 * A small value that can be copied freely: its texts are not its own but live
 * in an arena, or for ever (string literals). Whoever keeps a status longer
 * than that arena copies it with cb_status_copy().
 *
 * Codes are gRPC's. reason is the word that programs switch on: UPPER_SNAKE,
 * listed in docs/errors.md. message is for people.
 */
#ifndef CB_STATUS_H
#define CB_STATUS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cb_arena;

/* gRPC's numbers (grpc/status.h), which are also google.rpc.Code's. */
enum cb_code {
  CB_OK = 0,
  CB_CANCELLED = 1,
  CB_UNKNOWN = 2,
  CB_INVALID_ARGUMENT = 3,
  CB_DEADLINE_EXCEEDED = 4,
  CB_NOT_FOUND = 5,
  CB_ALREADY_EXISTS = 6,
  CB_PERMISSION_DENIED = 7,
  CB_RESOURCE_EXHAUSTED = 8,
  CB_FAILED_PRECONDITION = 9,
  CB_ABORTED = 10,
  CB_OUT_OF_RANGE = 11,
  CB_UNIMPLEMENTED = 12,
  CB_INTERNAL = 13,
  CB_UNAVAILABLE = 14,
  CB_DATA_LOSS = 15,
  CB_UNAUTHENTICATED = 16,
};

struct cb_pair {
  const char *key;
  const char *value;
};

/* One broken quota, for google.rpc.QuotaFailure. */
struct cb_quota_violation {
  const char *subject;
  const char *description;
};

struct cb_status {
  enum cb_code code;
  const char *reason;        /* "" if none */
  const char *message;       /* "" if none */
  const char *field;         /* path of the field at fault, e.g.
                                requests[17].contents; "" if none */
  const char *finish_reason; /* the upstream's, "" if none */
  int http_status;           /* the upstream's, 0 if none */
  bool retryable;
  int64_t retry_after; /* nanoseconds, -1 if not said */
  const struct cb_pair *metadata;
  size_t metadata_count;
  const struct cb_quota_violation *quota;
  size_t quota_count;
};

/* The status of success; every text "". */
struct cb_status cb_status_ok(void);

/* A status whose texts are literals or otherwise outlive it. */
struct cb_status cb_status_make(enum cb_code code, const char *reason,
                                const char *message);

/* A status with a formatted message from arena, cut at 2,000 bytes on a UTF-8
 * boundary. When the arena is used up the format itself is the message. */
struct cb_status cb_status_format(struct cb_arena *arena, enum cb_code code,
                                  const char *reason, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* INVALID_ARGUMENT with reason INVALID_FIELD, naming field (copied). */
struct cb_status cb_status_field(struct cb_arena *arena, const char *field,
                                 const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds a metadata pair, both texts copied into arena. Out of memory: left
 * out. At most CB_STATUS_PAIRS are kept. */
#define CB_STATUS_PAIRS 16
void cb_status_add(struct cb_status *status, struct cb_arena *arena,
                   const char *key, const char *value);

/* A deep copy into arena. A text or list that does not fit any more is left
 * empty; code, numbers and flags always come over. */
struct cb_status cb_status_copy(const struct cb_status *status,
                                struct cb_arena *arena);

/* "INVALID_ARGUMENT" and so on; "UNKNOWN" for a number that is none. */
const char *cb_code_name(enum cb_code code);

/* The code of that name; false if there is none. */
bool cb_code_from_name(const char *name, enum cb_code *ret_code);

#endif
