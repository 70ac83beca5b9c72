/* tries.h - which attempts of a job have failed, and how: for
 * Serving.failed_attempts, and for the metadata of errors.
 *
 * The last VTX_TRIES_KEPT of them are kept, however many there were: what waits
 * for quota may be refused thousands of times.
 *
 * Threads:   the engine's.
 * Ownership: made in the arena of its job; the texts are, too.
 */
#ifndef VTX_TRIES_H
#define VTX_TRIES_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "vertexd/v1/vertexd.pb-c.h"

struct cb_arena;

#define VTX_TRIES_KEPT 8

/* Bytes of vtx_tries_text(), with the NUL. */
#define VTX_TRIES_TEXT 600

/* Names of targets that are copied for one job; others are left empty. */
#define VTX_TRIES_NAMES 32

struct vtx_try {
  const char *target; /* as in Serving */
  const char *reason; /* as in Error */
  enum cb_code code;
  int http_status;
  int64_t duration; /* nanoseconds */
};

struct vtx_tries {
  struct vtx_try kept[VTX_TRIES_KEPT];
  size_t count; /* of all */
  size_t names; /* copied */
};

/* Notes an attempt that has ended with status and took so long. Texts are
 * copied as far as needed. */
void vtx_tries_note(struct vtx_tries *tries, struct cb_arena *arena,
                    const char *target, const struct cb_status *status,
                    int64_t took);

/* The copy of target that is there for a kept attempt; NULL if there is none.
 * tries may be NULL. */
const char *vtx_tries_name(const struct vtx_tries *tries, const char *target);

/* Those that are kept. */
size_t vtx_tries_kept(const struct vtx_tries *tries);

/* One of them, from the oldest on. */
const struct vtx_try *vtx_tries_at(const struct vtx_tries *tries, size_t index);

/* "TARGET REASON, TARGET REASON": those that fit, from the oldest on; the same
 * one after the other is said once. */
void vtx_tries_text(const struct vtx_tries *tries, char out[VTX_TRIES_TEXT]);

/* Fills serving->failed_attempts, in arena; left out when there is no memory
 * for it. */
void vtx_tries_fill(const struct vtx_tries *tries, struct cb_arena *arena,
                    Vertexd__V1__Serving *serving);

#endif
