#include "service/scheduler/heap.h"

#include <assert.h>
#include <stddef.h>

static bool comes_first(const struct vtx_heap_node *a,
                        const struct vtx_heap_node *b) {
  if (a->key != b->key) return a->key < b->key;
  return a->order < b->order;
}

/* Of two roots the later becomes the first child of the other. */
static struct vtx_heap_node *meld(struct vtx_heap_node *a,
                                  struct vtx_heap_node *b) {
  struct vtx_heap_node *parent;
  struct vtx_heap_node *child;

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
static struct vtx_heap_node *meld_row(struct vtx_heap_node *row) {
  struct vtx_heap_node *pairs = NULL;
  struct vtx_heap_node *root = NULL;

  while (row) {
    struct vtx_heap_node *a = row;
    struct vtx_heap_node *b = a->sibling;

    row = b ? b->sibling : NULL;
    a->sibling = NULL;
    if (b) b->sibling = NULL;
    a = meld(a, b);
    a->sibling = pairs;
    pairs = a;
  }
  while (pairs) {
    struct vtx_heap_node *next = pairs->sibling;

    pairs->sibling = NULL;
    root = meld(root, pairs);
    pairs = next;
  }
  if (root) root->prev = NULL;
  return root;
}

void vtx_heap_put(struct vtx_heap *heap, struct vtx_heap_node *node) {
  assert(!node->in);
  node->in = true;
  node->child = NULL;
  node->sibling = NULL;
  node->prev = NULL;
  heap->root = meld(heap->root, node);
}

struct vtx_heap_node *vtx_heap_first(const struct vtx_heap *heap) {
  return heap->root;
}

/* Takes a node that is not the root, with all below it, out of its row. */
static void cut(struct vtx_heap_node *node) {
  if (node->prev->child == node) {
    node->prev->child = node->sibling;
  } else {
    node->prev->sibling = node->sibling;
  }
  if (node->sibling) node->sibling->prev = node->prev;
}

void vtx_heap_remove(struct vtx_heap *heap, struct vtx_heap_node *node) {
  struct vtx_heap_node *below = meld_row(node->child);

  assert(node->in);
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
