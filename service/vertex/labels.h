/* labels.h - labels for billing reports: the request's, and the server's
 * beneath them.
 *
 * A key has 1 to 63 characters: a lower-case letter, then lower-case letters,
 * digits, _ and -. A value has none to 63 of these. Letters may be of any
 * script; which of those have no capitals is left to the upstream.
 *
 * Threads:   safe from any; keeps nothing.
 * Ownership: labels are borrowed.
 */
#ifndef VTX_VERTEX_LABELS_H
#define VTX_VERTEX_LABELS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/status.h"
#include "vertexd/v1/vertexd.pb-c.h"

struct cb_arena;

#define VTX_LABEL_CHARACTERS 63

/* Labels that every request of the server has, unless it sets their key. */
struct vtx_labels {
  const struct cb_pair *pairs; /* checked, each key once */
  size_t count;
};

/* Why this can be no label; NULL if it can. Both are valid UTF-8. */
const char *vtx_label_wrong(const char *key, const char *value);

/* Checks the labels of request (may be NULL). INVALID_ARGUMENT with the field
 * labels["KEY"] under prefix. */
struct cb_status vtx_labels_check(const Vertexd__V1__GenerateRequest *request,
                                  const char *prefix, struct cb_arena *arena);

/* Puts the labels of request, or else those of defaults, and the server's
 * whose keys these do not have, into ret_merged, which is otherwise empty.
 * Either message may be NULL. False when arena is full. */
bool vtx_labels_merge(const Vertexd__V1__GenerateRequest *request,
                      const Vertexd__V1__GenerateRequest *defaults,
                      const struct vtx_labels *server, struct cb_arena *arena,
                      Vertexd__V1__GenerateRequest *ret_merged);

#endif
