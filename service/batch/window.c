#include "service/batch/window.h"

#include <assert.h>
#include <stddef.h>

#include "service/batch/result.h"

void vtx_window_init(struct vtx_window *window, enum vtx_window_order order) {
  window->order = order;
  window->next = 0;
  window->root = NULL;
  window->last = &window->root;
}

/* The one with the lower index becomes the parent of the other. */
static struct vtx_result *meld(struct vtx_result *a, struct vtx_result *b) {
  struct vtx_result *parent;
  struct vtx_result *child;

  if (!a || !b) return a ? a : b;
  parent = a->index < b->index ? a : b;
  child = parent == a ? b : a;
  child->sibling = parent->child;
  parent->child = child;
  return parent;
}

/* Melds a row of siblings in pairs, then the pairs from the back: the two
 * passes that make taking cheap. */
static struct vtx_result *meld_row(struct vtx_result *row) {
  struct vtx_result *pairs = NULL;
  struct vtx_result *root = NULL;

  while (row) {
    struct vtx_result *a = row;
    struct vtx_result *b = a->sibling;

    row = b ? b->sibling : NULL;
    a->sibling = NULL;
    if (b) b->sibling = NULL;
    a = meld(a, b);
    a->sibling = pairs;
    pairs = a;
  }
  while (pairs) {
    struct vtx_result *next = pairs->sibling;

    pairs->sibling = NULL;
    root = meld(root, pairs);
    pairs = next;
  }
  return root;
}

void vtx_window_put(struct vtx_window *window, struct vtx_result *result) {
  result->child = NULL;
  result->sibling = NULL;
  if (window->order == VTX_AS_COMPLETED) {
    *window->last = result;
    window->last = &result->sibling;
    return;
  }
  assert(result->index >= window->next);
  window->root = meld(window->root, result);
}

static struct vtx_result *take_first(struct vtx_window *window) {
  struct vtx_result *result = window->root;

  if (!result) return NULL;
  window->root = result->sibling;
  if (!window->root) window->last = &window->root;
  result->sibling = NULL;
  return result;
}

struct vtx_result *vtx_window_take(struct vtx_window *window) {
  struct vtx_result *result = window->root;

  if (window->order == VTX_AS_COMPLETED) return take_first(window);
  if (!result || result->index != window->next) return NULL;
  window->root = meld_row(result->child);
  window->next++;
  result->child = NULL;
  return result;
}

void vtx_window_release(struct vtx_window *window) {
  while (window->root) {
    struct vtx_result *result = window->root;

    if (window->order == VTX_AS_COMPLETED) {
      take_first(window);
    } else {
      window->root = meld_row(result->child);
    }
    vtx_result_free(result);
  }
}
