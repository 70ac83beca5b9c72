#include "base/heap.h"

#include <assert.h>
#include <stddef.h>

static bool comes_first(const struct cb_heap_node *a,
                        const struct cb_heap_node *b) {
  if (a->key != b->key) return a->key < b->key;
  return a->order < b->order;
}

/* Of two roots the later becomes the first child of the other. */
static struct cb_heap_node *meld(struct cb_heap_node *a,
                                 struct cb_heap_node *b) {
  struct cb_heap_node *parent;
  struct cb_heap_node *child;

  if (!a || !b) return a ? a : b;
  parent = comes_first(b, a) ? b : a;
  child = parent == a ? b : a;
  child->sibling = parent->child;
  if (child->sibling) child->sibling->prev = child;
  child->prev = parent;
  parent->child = child;
  return parent;
}

/* Makes one tree of a row of siblings: in pairs from the front, then those from
 * the back. */
static struct cb_heap_node *meld_row(struct cb_heap_node *row) {
  struct cb_heap_node *pairs = NULL;
  struct cb_heap_node *root = NULL;

  while (row) {
    struct cb_heap_node *a = row;
    struct cb_heap_node *b = a->sibling;

    row = b ? b->sibling : NULL;
    a->sibling = NULL;
    if (b) b->sibling = NULL;
    a = meld(a, b);
    a->sibling = pairs;
    pairs = a;
  }
  while (pairs) {
    struct cb_heap_node *next = pairs->sibling;

    pairs->sibling = NULL;
    root = meld(root, pairs);
    pairs = next;
  }
  if (root) root->prev = NULL;
  return root;
}

void cb_heap_put(struct cb_heap *heap, struct cb_heap_node *node) {
  assert(!node->in);
  node->in = true;
  node->child = NULL;
  node->sibling = NULL;
  node->prev = NULL;
  heap->root = meld(heap->root, node);
}

struct cb_heap_node *cb_heap_first(const struct cb_heap *heap) {
  return heap->root;
}

/* Takes a node that is not the root, with all below it, out of its row. */
static void cut(struct cb_heap_node *node) {
  if (node->prev->child == node) {
    node->prev->child = node->sibling;
  } else {
    node->prev->sibling = node->sibling;
  }
  if (node->sibling) node->sibling->prev = node->prev;
}

void cb_heap_remove(struct cb_heap *heap, struct cb_heap_node *node) {
  struct cb_heap_node *below;

  assert(node->in);
  below = meld_row(node->child);
  if (node == heap->root) {
    heap->root = below;
  } else {
    cut(node);
    heap->root = meld(heap->root, below);
  }
  node->in = false;
  node->child = NULL;
  node->sibling = NULL;
  node->prev = NULL;
}
