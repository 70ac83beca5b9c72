/* google_error.h - error bodies as Google's REST front end writes them.
 *
 * Threads: safe from any. Ownership: bodies are appended to the caller's
 * buffer; texts are borrowed.
 */
#ifndef VTX_EMULATOR_GOOGLE_ERROR_H
#define VTX_EMULATOR_GOOGLE_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cb_buf;

/* What Google says with 429 and 503. */
extern const char vtx_emu_too_many[];
extern const char vtx_emu_overloaded[];

struct vtx_emu_violation {
  const char *field; /* NULL: the body as a whole */
  const char *description;
};

/* An answer that is an error. */
struct vtx_emu_error {
  unsigned http_status; /* 0: no error */
  const char *status;   /* gRPC's name of the code */
  const char *message;
  const char *reason;  /* of an ErrorInfo; NULL: none is written */
  int64_t retry_delay; /* of a RetryInfo, nanoseconds; 0: none is written */
  const struct vtx_emu_violation *violations; /* of a BadRequest */
  size_t violation_count;
};

/* A plain error without details. */
struct vtx_emu_error vtx_emu_error_make(unsigned http_status,
                                        const char *message);

/* Appends the envelope; as an array with it as its only element if listed, the
 * way the streaming method answers without alt=sse. */
void vtx_emu_error_write(const struct vtx_emu_error *error, bool listed,
                         struct cb_buf *buf);

/* Appends the page that Google's front end shows with that status. */
void vtx_emu_error_page(unsigned http_status, const char *path,
                        struct cb_buf *buf);

#endif
