#include "client/vertexctl/window.h"

#include <assert.h>

void ctl_window_init(struct ctl_window *window) {
  for (size_t i = 0; i < CTL_WINDOW_BUCKETS; i++)
    cb_list_init(&window->buckets[i]);
  window->count = 0;
  window->bytes = 0;
}

void ctl_window_add(struct ctl_window *window, struct ctl_item *item) {
  cb_list_append(&window->buckets[item->index % CTL_WINDOW_BUCKETS],
                 &item->link);
  window->count++;
  window->bytes += item->size;
}

static void remove_item(struct ctl_window *window, struct ctl_item *item) {
  assert(window->count > 0 && window->bytes >= item->size);
  cb_list_remove(&item->link);
  window->count--;
  window->bytes -= item->size;
}

struct ctl_item *ctl_window_take(struct ctl_window *window, uint64_t index) {
  struct cb_link *bucket = &window->buckets[index % CTL_WINDOW_BUCKETS];

  for (struct cb_link *link = bucket->next; link != bucket; link = link->next) {
    struct ctl_item *item = CB_CONTAINER(link, struct ctl_item, link);

    if (item->index != index) continue;
    remove_item(window, item);
    return item;
  }
  return NULL;
}

const struct ctl_item *ctl_window_largest(const struct ctl_window *window) {
  const struct ctl_item *largest = NULL;

  for (size_t i = 0; i < CTL_WINDOW_BUCKETS; i++) {
    const struct cb_link *bucket = &window->buckets[i];

    for (const struct cb_link *link = bucket->next; link != bucket;
         link = link->next) {
      const struct ctl_item *item = CB_CONTAINER(link, struct ctl_item, link);

      if (!largest || item->size > largest->size) largest = item;
    }
  }
  return largest;
}

void ctl_window_empty(struct ctl_window *window, struct cb_link *list) {
  for (size_t i = 0; i < CTL_WINDOW_BUCKETS; i++) {
    while (!cb_list_empty(&window->buckets[i])) {
      struct ctl_item *item =
          CB_CONTAINER(window->buckets[i].next, struct ctl_item, link);

      remove_item(window, item);
      cb_list_append(list, &item->link);
    }
  }
}
