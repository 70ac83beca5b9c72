/* heap.h - a priority queue through its elements: a pairing heap.
 *
 * It needs no memory of its own, so putting cannot fail, and anything in it can
 * be taken out.
 *
 * Threads:   none inside.
 * Ownership: nodes are embedded in what is queued; the heap borrows them.
 * Cost:      put O(1), take and remove O(log n) amortised.
 */
#ifndef VTX_SCHED_HEAP_H
#define VTX_SCHED_HEAP_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed: in no heap. */
struct vtx_heap_node {
  double key;     /* lowest first */
  uint64_t order; /* among equal keys */
  bool in;
  struct vtx_heap_node *child;
  struct vtx_heap_node *sibling;
  struct vtx_heap_node *prev; /* parent of a first child, else elder sibling */
};

struct vtx_heap {
  struct vtx_heap_node *root;
};

/* node's key and order are filled in; it is in no heap. */
void vtx_heap_put(struct vtx_heap *heap, struct vtx_heap_node *node);

/* The first, which stays; NULL if there is none. */
struct vtx_heap_node *vtx_heap_first(const struct vtx_heap *heap);

/* Takes node, which is in heap, out. */
void vtx_heap_remove(struct vtx_heap *heap, struct vtx_heap_node *node);

#endif
