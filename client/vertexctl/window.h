/* window.h - the items of one call that have no result yet, by their index.
 *
 * Threads: none inside. Ownership: the items put in are the window's until they
 * are taken out. */
#ifndef VERTEXCTL_WINDOW_H
#define VERTEXCTL_WINDOW_H

#include "client/vertexctl/source.h"

#define CTL_WINDOW_BUCKETS 512

struct ctl_window {
  struct cb_link buckets[CTL_WINDOW_BUCKETS];
  size_t count;
  size_t bytes;
};

void ctl_window_init(struct ctl_window *window);

/* Adds item under item->index, which is not there yet. */
void ctl_window_add(struct ctl_window *window, struct ctl_item *item);

/* Takes out the item of that index; NULL if there is none. */
struct ctl_item *ctl_window_take(struct ctl_window *window, uint64_t index);

/* The item with the largest message, still the window's; NULL: it is empty. */
const struct ctl_item *ctl_window_largest(const struct ctl_window *window);

/* Moves all items to the end of list. */
void ctl_window_empty(struct ctl_window *window, struct cb_link *list);

#endif
