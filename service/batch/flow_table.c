#include "service/batch/flow_table.h"

#include <stdlib.h>
#include <string.h>

struct vtx_flow_entry {
  struct vtx_flow *flow; /* NULL: free */
  uint32_t generation;
};

#define SMALLEST_ROOM 64

void vtx_flow_table_init(struct vtx_flow_table *table) {
  *table = (struct vtx_flow_table){NULL, 0};
}

void vtx_flow_table_release(struct vtx_flow_table *table) {
  free(table->entries);
  vtx_flow_table_init(table);
}

static bool reserve(struct vtx_flow_table *table, uint32_t slot) {
  uint64_t room = table->room ? table->room : SMALLEST_ROOM;
  struct vtx_flow_entry *entries;

  if (slot < table->room) return true;
  while (room <= slot)
    room *= 2;
  if (room > UINT32_MAX) return false;
  entries = realloc(table->entries, room * sizeof *entries);
  if (!entries) return false;
  memset(entries + table->room, 0, (room - table->room) * sizeof *entries);
  table->entries = entries;
  table->room = (uint32_t)room;
  return true;
}

bool vtx_flow_table_add(struct vtx_flow_table *table, struct cb_id id,
                        struct vtx_flow *flow) {
  if (!reserve(table, id.slot)) return false;
  table->entries[id.slot] = (struct vtx_flow_entry){flow, id.generation};
  return true;
}

struct vtx_flow *vtx_flow_table_find(const struct vtx_flow_table *table,
                                     struct cb_id id) {
  const struct vtx_flow_entry *entry;

  if (id.slot >= table->room) return NULL;
  entry = &table->entries[id.slot];
  return entry->generation == id.generation ? entry->flow : NULL;
}

struct vtx_flow *vtx_flow_table_next(const struct vtx_flow_table *table,
                                     uint32_t *slot) {
  while (*slot < table->room) {
    struct vtx_flow *flow = table->entries[(*slot)++].flow;

    if (flow) return flow;
  }
  return NULL;
}

void vtx_flow_table_remove(struct vtx_flow_table *table, struct cb_id id) {
  if (!vtx_flow_table_find(table, id)) return;
  table->entries[id.slot].flow = NULL;
}
