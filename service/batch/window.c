#include "service/batch/window.h"

#include <assert.h>
#include <stddef.h>

#include "service/batch/result.h"

void vtx_window_init(struct vtx_window *window, enum vtx_window_order order) {
  window->order = order;
  window->next = 0;
  window->heap = (struct cb_heap){NULL};
  cb_list_init(&window->queue);
}

void vtx_window_put(struct vtx_window *window, struct vtx_result *result) {
  if (window->order == VTX_AS_COMPLETED) {
    cb_list_append(&window->queue, &result->turn.link);
    return;
  }
  assert(result->index >= window->next);
  result->turn.node = (struct cb_heap_node){.key = result->index};
  cb_heap_put(&window->heap, &result->turn.node);
}

/* The one that came first. */
static struct vtx_result *take_oldest(struct vtx_window *window) {
  struct cb_link *link = cb_list_take(&window->queue);

  return link ? CB_CONTAINER(link, struct vtx_result, turn.link) : NULL;
}

/* The one with the lowest index, which stays. */
static struct vtx_result *lowest(const struct vtx_window *window) {
  struct cb_heap_node *node = cb_heap_first(&window->heap);

  return node ? CB_CONTAINER(node, struct vtx_result, turn.node) : NULL;
}

/* Any one that waits, its turn or not. */
static struct vtx_result *take_any(struct vtx_window *window) {
  struct vtx_result *result;

  if (window->order == VTX_AS_COMPLETED) return take_oldest(window);
  result = lowest(window);
  if (result) cb_heap_remove(&window->heap, &result->turn.node);
  return result;
}

struct vtx_result *vtx_window_take(struct vtx_window *window) {
  const struct vtx_result *result;

  if (window->order == VTX_INPUT_ORDER) {
    result = lowest(window);
    if (!result || result->index != window->next) return NULL;
    window->next++;
  }
  return take_any(window);
}

void vtx_window_release(struct vtx_window *window) {
  struct vtx_result *result;

  while ((result = take_any(window)) != NULL)
    vtx_result_free(result);
}
