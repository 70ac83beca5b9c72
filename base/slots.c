#include "base/slots.h"

#include <assert.h>
#include <stdlib.h>

#define NO_SLOT UINT32_MAX
#define FIRST_ROOM 16u

struct cb_slot {
  void *object;        /* NULL while free */
  uint32_t generation; /* of the object here, or of the next one */
  uint32_t next_free;
};

void cb_slots_init(struct cb_slots *slots) {
  *slots = (struct cb_slots){.free = NO_SLOT};
}

void cb_slots_release(struct cb_slots *slots) {
  free(slots->slots);
  cb_slots_init(slots);
}

/* Doubles the table; the new slots become the free list. */
static bool grow(struct cb_slots *slots) {
  uint32_t room = slots->room > 0 ? slots->room * 2 : FIRST_ROOM;
  struct cb_slot *bigger;

  if (room <= slots->room) return false; /* 2^32 objects: no more names */
  bigger = realloc(slots->slots, room * sizeof *bigger);
  if (!bigger) return false;
  for (uint32_t i = slots->room; i < room; i++)
    bigger[i] = (struct cb_slot){NULL, 1, i + 1 < room ? i + 1 : NO_SLOT};
  slots->free = slots->room;
  slots->slots = bigger;
  slots->room = room;
  return true;
}

bool cb_slots_add(struct cb_slots *slots, void *object, struct cb_id *ret_id) {
  uint32_t place;

  assert(object);
  if (slots->free == NO_SLOT && !grow(slots)) return false;
  place = slots->free;
  slots->free = slots->slots[place].next_free;
  slots->slots[place].object = object;
  slots->count++;
  *ret_id = (struct cb_id){place, slots->slots[place].generation};
  return true;
}

void *cb_slots_find(const struct cb_slots *slots, struct cb_id id) {
  if (id.slot >= slots->room) return NULL;
  if (slots->slots[id.slot].generation != id.generation) return NULL;
  return slots->slots[id.slot].object;
}

void *cb_slots_remove(struct cb_slots *slots, struct cb_id id) {
  void *object = cb_slots_find(slots, id);
  struct cb_slot *slot;

  if (!object) return NULL;
  slot = &slots->slots[id.slot];
  slot->object = NULL;
  if (++slot->generation == 0) slot->generation = 1;
  slot->next_free = slots->free;
  slots->free = id.slot;
  slots->count--;
  return object;
}

uint32_t cb_slots_count(const struct cb_slots *slots) { return slots->count; }
