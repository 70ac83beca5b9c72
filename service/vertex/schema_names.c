/* The names of an object's members, by hash. A search ends with the steps:
 * names may be chosen so that they collide. */
#include "service/vertex/schema_node.h"

static uint32_t *slot_of(const struct vtx_schema_names *names,
                         struct cb_json_view name, uint64_t hash,
                         struct vtx_schema_limits *limits) {
  size_t at = hash & names->mask;

  while (names->slots[at] != 0 && vtx_schema_spend(limits, 1)) {
    const struct vtx_schema_name *entry = &names->entries[names->slots[at] - 1];

    if (entry->hash == hash && cb_json_same_string(entry->name, name)) break;
    at = (at + 1) & names->mask;
  }
  return &names->slots[at];
}

const struct vtx_schema_name *vtx_schema_lookup(
    const struct vtx_schema_names *names, struct cb_json_view name,
    struct vtx_schema_limits *limits) {
  uint64_t hash = vtx_schema_hash(name, limits);
  uint32_t slot = *slot_of(names, name, hash, limits);

  return slot > 0 && !limits->spent ? &names->entries[slot - 1] : NULL;
}

struct vtx_schema_name *vtx_schema_enter(struct vtx_schema_names *names,
                                         struct cb_json_view name,
                                         struct vtx_schema_limits *limits) {
  uint64_t hash = vtx_schema_hash(name, limits);
  uint32_t *slot = slot_of(names, name, hash, limits);

  if (*slot == 0) {
    names->entries[names->count].name = name;
    names->entries[names->count].hash = hash;
    *slot = (uint32_t)++names->count;
  }
  return &names->entries[*slot - 1];
}

struct vtx_schema_names *vtx_schema_names_new(struct vtx_schema_limits *limits,
                                              size_t count) {
  struct vtx_schema_names *names = vtx_schema_alloc(limits, 1, sizeof *names);
  size_t slots = 4;

  if (!names) return NULL;
  while (slots < 2 * count)
    slots *= 2;
  names->mask = slots - 1;
  names->slots = vtx_schema_alloc(limits, slots, sizeof *names->slots);
  names->entries = vtx_schema_alloc(limits, count, sizeof *names->entries);
  return limits->spent ? NULL : names;
}
