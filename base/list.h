/* list.h - an intrusive doubly linked list.
 *
 * Threads: none inside. Ownership: links are embedded; the list borrows.
 */
#ifndef CB_LIST_H
#define CB_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct cb_link {
  struct cb_link *prev;
  struct cb_link *next;
};

/* The object that embeds link as member. */
#define CB_CONTAINER(link, type, member) \
  ((type *)(void *)((char *)(link)-offsetof(type, member)))

/* A list head is a link that points to itself; so is a link in no list. */
static inline void cb_list_init(struct cb_link *head) {
  head->prev = head;
  head->next = head;
}

static inline bool cb_list_empty(const struct cb_link *head) {
  return head->next == head;
}

static inline void cb_list_append(struct cb_link *head, struct cb_link *link) {
  link->prev = head->prev;
  link->next = head;
  head->prev->next = link;
  head->prev = link;
}

/* Takes link out of its list; fine if it is in none (but initialised). */
static inline void cb_list_remove(struct cb_link *link) {
  link->prev->next = link->next;
  link->next->prev = link->prev;
  cb_list_init(link);
}

/* Removes and returns the first link, NULL if the list is empty. */
static inline struct cb_link *cb_list_take(struct cb_link *head) {
  struct cb_link *link = head->next;

  if (link == head) return NULL;
  cb_list_remove(link);
  return link;
}

#endif
