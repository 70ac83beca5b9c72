/* flow_table.h - flows by the id of their sink.
 *
 * The crpc side names a flow by the id it gave its sink; slots of ids are small
 * and dense, so an array does. A sink outlives its flow, hence no two flows
 * have the same slot.
 *
 * Threads:   none inside; the engine's.
 * Ownership: flows are borrowed.
 */
#ifndef VTX_FLOW_TABLE_H
#define VTX_FLOW_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slots.h"

struct vtx_flow;

struct vtx_flow_table {
  struct vtx_flow_entry *entries;
  uint32_t room;
};

void vtx_flow_table_init(struct vtx_flow_table *table);
void vtx_flow_table_release(struct vtx_flow_table *table);

/* False when out of memory. */
bool vtx_flow_table_add(struct vtx_flow_table *table, struct cb_id id,
                        struct vtx_flow *flow);

/* NULL if there is none of that id. */
struct vtx_flow *vtx_flow_table_find(const struct vtx_flow_table *table,
                                     struct cb_id id);

/* The first flow of slot *slot or behind it; *slot is then its own, plus one.
 * NULL if there is none. */
struct vtx_flow *vtx_flow_table_next(const struct vtx_flow_table *table,
                                     uint32_t *slot);

/* Fine if there is none. */
void vtx_flow_table_remove(struct vtx_flow_table *table, struct cb_id id);

#endif
