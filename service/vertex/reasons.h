/* reasons.h - every word that a program may switch on, in one table.
 *
 * A reason has one code and one answer to "may it be tried again" wherever it
 * occurs, so that neither can differ from place to place. docs/errors.md
 * explains the same list to callers, and a test compares the two.
 *
 * Threads: safe from any; constant data.
 */
#ifndef VTX_VERTEX_REASONS_H
#define VTX_VERTEX_REASONS_H

#include <stdbool.h>

#include "base/status.h"

struct cb_arena;

/* X(reason, code, retryable, meaning). INVALID_FIELD is cb_status_field()'s. */
#define VTX_REASONS(X)                                                         \
  X(INVALID_FIELD, CB_INVALID_ARGUMENT, false,                                 \
    "A field of the request is wrong; field names it.")                        \
  X(UPSTREAM_INVALID_ARGUMENT, CB_INVALID_ARGUMENT, false,                     \
    "Vertex AI refused the request; field is Google's path of what is wrong.") \
  X(UPSTREAM_REQUEST_TOO_LARGE, CB_INVALID_ARGUMENT, false,                    \
    "Vertex AI takes no request of this size; refer to files by gs:// URI.")   \
  X(UPSTREAM_OUT_OF_RANGE, CB_OUT_OF_RANGE, false,                             \
    "Vertex AI says that a value is out of its range.")                        \
  X(UPSTREAM_UNAUTHENTICATED, CB_FAILED_PRECONDITION, false,                   \
    "Vertex AI does not accept the credential of the server.")                 \
  X(UPSTREAM_PERMISSION_DENIED, CB_FAILED_PRECONDITION, false,                 \
    "The credential of the server lacks a permission on Vertex AI.")           \
  X(UPSTREAM_API_DISABLED, CB_FAILED_PRECONDITION, false,                      \
    "The Vertex AI API is not enabled in the project of the server.")          \
  X(UPSTREAM_FILE_ACCESS_DENIED, CB_FAILED_PRECONDITION, false,                \
    "Vertex AI may not read a file that the request refers to.")               \
  X(UPSTREAM_FAILED_PRECONDITION, CB_FAILED_PRECONDITION, false,               \
    "Vertex AI refuses in its present state (location, billing, ...).")        \
  X(MODEL_NOT_FOUND, CB_NOT_FOUND, false,                                      \
    "The model, or tuned endpoint, does not exist in this location.")          \
  X(LOCATION_NOT_FOUND, CB_NOT_FOUND, false,                                   \
    "No Vertex AI answers under this location; its name is likely wrong.")     \
  X(UPSTREAM_NOT_FOUND, CB_NOT_FOUND, false,                                   \
    "Something that the request refers to (a cache, a file) does not exist.")  \
  X(UPSTREAM_ALREADY_EXISTS, CB_ALREADY_EXISTS, false,                         \
    "Vertex AI says that it exists already.")                                  \
  X(UPSTREAM_QUOTA_EXHAUSTED, CB_RESOURCE_EXHAUSTED, true,                     \
    "HTTP 429: a quota of the project, or Vertex AI's shared capacity.")       \
  X(UPSTREAM_UNAVAILABLE, CB_UNAVAILABLE, true,                                \
    "Vertex AI is overloaded or away (HTTP 502, 503).")                        \
  X(UPSTREAM_INTERNAL, CB_INTERNAL, true, "Vertex AI failed (HTTP 500).")      \
  X(UPSTREAM_UNKNOWN, CB_UNKNOWN, true,                                        \
    "Vertex AI failed and does not say how.")                                  \
  X(UPSTREAM_DATA_LOSS, CB_DATA_LOSS, false,                                   \
    "Vertex AI says that data was lost.")                                      \
  X(UPSTREAM_ABORTED, CB_ABORTED, true,                                        \
    "Vertex AI gave up because of a conflict (HTTP 409).")                     \
  X(UPSTREAM_CANCELLED, CB_CANCELLED, true,                                    \
    "Vertex AI cancelled the work, though nobody here did (HTTP 499).")        \
  X(UPSTREAM_UNIMPLEMENTED, CB_UNIMPLEMENTED, false,                           \
    "Vertex AI does not offer this for this model or location.")               \
  X(UPSTREAM_TIMEOUT, CB_DEADLINE_EXCEEDED, false,                             \
    "The answer did not come in the time there was.")                          \
  X(UPSTREAM_REQUEST_TIMEOUT, CB_DEADLINE_EXCEEDED, true,                      \
    "Vertex AI did not get the request in time (HTTP 408).")                   \
  X(UPSTREAM_UNREACHABLE, CB_UNAVAILABLE, true,                                \
    "No connection to Vertex AI could be made (name, network, TLS).")          \
  X(UPSTREAM_BROKEN, CB_UNAVAILABLE, true,                                     \
    "The connection to Vertex AI broke before the answer was whole.")          \
  X(CREDENTIAL_UNAVAILABLE, CB_FAILED_PRECONDITION, false,                     \
    "The server has no credential to call Vertex AI with.")                    \
  X(CREDENTIAL_REFRESH_FAILED, CB_UNAVAILABLE, true,                           \
    "The server's access token has run out and cannot be renewed just now.")   \
  X(UPSTREAM_MALFORMED, CB_INTERNAL, false,                                    \
    "The answer of Vertex AI is not what its API promises.")                   \
  X(UPSTREAM_TRUNCATED, CB_UNAVAILABLE, true,                                  \
    "The stream ended before its finish reason.")                              \
  X(RESPONSE_TOO_LARGE, CB_RESOURCE_EXHAUSTED, false,                          \
    "The answer is larger than a limit of the call or of the server.")         \
  X(REQUEST_TOO_LARGE, CB_RESOURCE_EXHAUSTED, false,                           \
    "The request is larger than a limit of the server.")                       \
  X(PROMPT_BLOCKED, CB_FAILED_PRECONDITION, false,                             \
    "The prompt was blocked; metadata has the upstream's block_reason.")       \
  X(ANSWER_BLOCKED, CB_FAILED_PRECONDITION, false,                             \
    "The answer was blocked before any of its content.")                       \
  X(ANSWER_EMPTY, CB_FAILED_PRECONDITION, false,                               \
    "The model ended without content, e.g. thinking used up MAX_TOKENS.")      \
  X(JSON_INVALID, CB_INTERNAL, false,                                          \
    "JSON was asked for and the answer is none; metadata has its text.")       \
  X(JSON_SCHEMA_MISMATCH, CB_INTERNAL, false,                                  \
    "The JSON of the answer does not fit its schema; metadata says where.")    \
  X(JSON_SCHEMA_TOO_COSTLY, CB_RESOURCE_EXHAUSTED, false,                      \
    "Checking the JSON against its schema would take too long.")

enum vtx_reason {
#define VTX_REASON_ENUM(name, code, retryable, meaning) VTX_##name,
  VTX_REASONS(VTX_REASON_ENUM)
#undef VTX_REASON_ENUM
      VTX_REASON_COUNT
};

struct vtx_reason_entry {
  const char *name;
  enum cb_code code;
  bool retryable;
  const char *meaning;
};

/* The table, VTX_REASON_COUNT entries in the order of the enum. */
extern const struct vtx_reason_entry vtx_reason_table[];

/* A failure with the code and retryable of its reason, and a formatted message
 * from arena, cut at 2,000 bytes. retry_after is not said. */
struct cb_status vtx_fail(struct cb_arena *arena, enum vtx_reason reason,
                          const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* RESOURCE_EXHAUSTED with SERVER_MEMORY, retryable: the process's memory or its
 * budget is used up. message is a literal. */
struct cb_status vtx_no_memory(const char *message);

/* For what an arena or a buffer had no room for. Past its own limit
 * (cb_arena_past_cap(), cb_buf_past_max()) a failure of that reason, as
 * vtx_fail() makes it: it is too large. Else vtx_no_memory(). */
struct cb_status vtx_no_room(struct cb_arena *arena, bool past_limit,
                             enum vtx_reason reason, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same for a part of an answer that its arena, full, had no room for:
 * RESPONSE_TOO_LARGE, else SERVER_MEMORY. Texts are from arena, which may be
 * full itself. */
struct cb_status vtx_answer_full(const struct cb_arena *full,
                                 struct cb_arena *arena);

/* As cb_status_copy(), but the reason is never lost, however full arena is: in
 * the service reasons are literals. */
struct cb_status vtx_status_copy(const struct cb_status *status,
                                 struct cb_arena *arena);

/* True if status has that reason. */
bool vtx_reason_is(const struct cb_status *status, enum vtx_reason reason);

#endif
