/* heap.h - a priority queue through its elements: a pairing heap.
 *
 * It needs no memory of its own, so putting cannot fail, and anything in it can
 * be taken out. What is queued embeds a node; CB_CONTAINER (base/list.h) gets
 * from the node back to it.
 *
 *   struct cb_heap heap = {NULL};
 *
 *   job->node = (struct cb_heap_node){.key = when};
 *   cb_heap_put(&heap, &job->node);
 *   ...
 *   while ((node = cb_heap_first(&heap)) != NULL) {
 *     cb_heap_remove(&heap, node);
 *     work_on(CB_CONTAINER(node, struct job, node));
 *   }
 *
 * Threads:   none inside.
 * Ownership: nodes are embedded in what is queued; the heap borrows them while
 *            they are in. An empty heap holds nothing, so none is released.
 * Cost:      put and first O(1), remove O(log n) amortised; no recursion.
 */
#ifndef CB_HEAP_H
#define CB_HEAP_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed: in no heap. key and order stay as they are while it is in one. */
struct cb_heap_node {
  double key;     /* lowest first; not NaN */
  uint64_t order; /* lowest first among equal keys */
  bool in;        /* to be read only */
  /* The heap's. */
  struct cb_heap_node *child;
  struct cb_heap_node *sibling;
  struct cb_heap_node *prev; /* parent of a first child, else elder sibling */
};

/* Zeroed: empty. */
struct cb_heap {
  struct cb_heap_node *root;
};

/* Puts node in, whose key and order are filled in; it is in no heap. */
void cb_heap_put(struct cb_heap *heap, struct cb_heap_node *node);

/* The first, which stays; NULL if there is none. Which of two with the same key
 * and order comes first is not said. */
struct cb_heap_node *cb_heap_first(const struct cb_heap *heap);

/* Takes node, which is in heap, first or not, out. Its key and order stay. */
void cb_heap_remove(struct cb_heap *heap, struct cb_heap_node *node);

#endif
