/* metadata.h - metadata to send, and metadata that came.
 *
 * Threads:   none inside.
 * Ownership: a list's nodes come from an arena, as does the array made of it
 *            for the core; the slices in the array are to be released.
 */
#ifndef CRPC_METADATA_H
#define CRPC_METADATA_H

#include <grpc/grpc.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

struct cb_arena;

/* Most pairs that a side adds to a call. */
#define CRPC_METADATA_PAIRS 32

struct crpc_metadata_node;

/* Zeroed: empty. */
struct crpc_metadata {
  struct crpc_metadata_node *first;
  struct crpc_metadata_node *last;
  size_t count;
};

/* True of keys whose values are any bytes: those that end in "-bin". */
bool crpc_metadata_is_binary(const char *key, size_t size);

/* Adds a copy of key and size bytes of value. What HTTP/2 cannot carry (upper
 * case, control characters, the core's own keys), what is over the limit of
 * pairs, and what memory has no room for, is left out: false. A key that ends
 * in "-bin" takes any bytes. */
bool crpc_metadata_add(struct crpc_metadata *list, struct cb_arena *arena,
                       const char *key, const void *value, size_t size);

/* Pairs as the core wants them, in an arena. They and their slices must live
 * until their batch is done; then crpc_metadata_unref(). */
struct crpc_metadata_array {
  grpc_metadata *pairs;
  size_t count;
  size_t room;
};

/* Makes *ret_array of list, with room for more pairs to push. Out of memory:
 * empty and without room. */
void crpc_metadata_fill(const struct crpc_metadata *list, size_t more,
                        struct cb_arena *arena,
                        struct crpc_metadata_array *ret_array);

/* Appends one more pair: key lives for ever, value's reference is taken.
 * Without room it is left out. */
void crpc_metadata_push(struct crpc_metadata_array *array, const char *key,
                        grpc_slice value);

void crpc_metadata_unref(struct crpc_metadata_array *array);

/* The last value of key in what came, NULL if absent. */
const grpc_slice *crpc_metadata_find(const grpc_metadata_array *array,
                                     const char *key);

/* All of array as pairs of texts in arena: values of "-bin" keys in base64.
 * Returns how many; out of memory the rest is missing. */
size_t crpc_metadata_pairs(const grpc_metadata_array *array,
                           struct cb_arena *arena,
                           const struct cb_pair **ret_pairs);

/* A copy of slice as text in arena, NULL when out of memory. */
char *crpc_slice_text(grpc_slice slice, struct cb_arena *arena);

#endif
