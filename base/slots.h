/* slots.h - names for objects that other loops may hold: slot + generation.
 *
 * A pointer to another loop's object may dangle; an id cannot. Looking one up
 * that is gone gives NULL, and what was meant for it is dropped.
 *
 * Threads:   none inside; only the owning loop adds, finds and removes. Ids
 *            themselves may travel anywhere.
 * Ownership: objects are borrowed.
 */
#ifndef CB_SLOTS_H
#define CB_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* {0, 0} names nothing. */
struct cb_id {
  uint32_t slot;
  uint32_t generation; /* never 0 for a real id */
};

struct cb_slot;

struct cb_slots {
  struct cb_slot *slots;
  uint32_t room;
  uint32_t free; /* head of the free list, UINT32_MAX if none */
  uint32_t count;
};

void cb_slots_init(struct cb_slots *slots);
void cb_slots_release(struct cb_slots *slots);

/* Gives object (not NULL) a name in *ret_id. False when out of memory. */
bool cb_slots_add(struct cb_slots *slots, void *object, struct cb_id *ret_id);

/* The object of that name, NULL if it was removed or never was. */
void *cb_slots_find(const struct cb_slots *slots, struct cb_id id);

/* Forgets the name; the object of it is returned, NULL if unknown. */
void *cb_slots_remove(struct cb_slots *slots, struct cb_id id);

/* Objects named now. */
uint32_t cb_slots_count(const struct cb_slots *slots);

#endif
