/* schema_node.h - a compiled schema: what schema_compile.c makes and
 * schema_check.c walks. Not for others.
 *
 * A schema that says nothing is NULL everywhere: any value fits it. Nodes come
 * from one arena; views borrow the schema's text.
 *
 * Threads: none inside; compiled, it is not written to any more.
 */
#ifndef VTX_VERTEX_SCHEMA_NODE_H
#define VTX_VERTEX_SCHEMA_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json_view.h"
#include "service/vertex/schema_check.h"

struct vtx_pattern;
struct vtx_schema_node;

/* Kinds of value, as bits; a number that is an integer has both. */
enum vtx_schema_type {
  VTX_TYPE_NULL = 1,
  VTX_TYPE_BOOLEAN = 2,
  VTX_TYPE_NUMBER = 4,
  VTX_TYPE_INTEGER = 8,
  VTX_TYPE_STRING = 16,
  VTX_TYPE_ARRAY = 32,
  VTX_TYPE_OBJECT = 64,
};

struct vtx_schema_list {
  struct vtx_schema_node **nodes;
  size_t count;
};

/* A name in properties, in required, or in both. */
struct vtx_schema_name {
  struct cb_json_view name;
  uint64_t hash;
  struct vtx_schema_node *node;
  bool property;
  bool required;
};

/* Names by hash: slots holds positions + 1, 0 where free. */
struct vtx_schema_names {
  struct vtx_schema_name *entries;
  size_t count;
  uint32_t *slots;
  size_t mask; /* slots - 1 */
};

struct vtx_schema_by_pattern {
  const struct vtx_pattern *pattern; /* NULL: might match any name */
  struct vtx_schema_node *node;
};

/* At least and at most so many; -1: no limit. */
struct vtx_schema_span {
  int64_t min;
  int64_t max;
};

struct vtx_schema_node {
  unsigned types; /* 0: any */
  bool nothing;   /* the schema false */
  bool nullable;
  bool unique;
  bool above; /* minimum itself is too little */
  bool below; /* maximum itself is too much */
  struct vtx_schema_span length;
  struct vtx_schema_span items_count;
  struct vtx_schema_span members;
  /* at is NULL where there is none */
  struct cb_json_view minimum;
  struct cb_json_view maximum;
  struct cb_json_view more_than;
  struct cb_json_view less_than;
  struct cb_json_view multiple_of;
  struct cb_json_view values;   /* of enum: an array */
  struct cb_json_view constant; /* of const */
  struct cb_json_view pattern_text;
  const struct vtx_pattern *pattern;
  struct vtx_schema_list prefix; /* of an array */
  struct vtx_schema_node *items; /* behind the prefix */
  struct vtx_schema_names *names;
  struct vtx_schema_by_pattern *by_pattern;
  size_t by_pattern_count;
  struct vtx_schema_node *additional;
  struct vtx_schema_list any_of;
  struct vtx_schema_list one_of;
  struct vtx_schema_list all_of;
  struct vtx_schema_node *excluded; /* not */
  bool excludes_all;                /* not, of the schema true */
  struct vtx_schema_node *ref;
};

/* What compiling and checking may still take. */
struct vtx_schema_limits {
  struct cb_arena *arena;
  size_t steps;
  bool spent; /* a limit was hit: all that follows is void */
};

/* Takes count steps. False, and spent, once there are not so many. */
bool vtx_schema_spend(struct vtx_schema_limits *limits, size_t count);

/* count zeroed things from the arena; NULL, and spent, when it is full. */
void *vtx_schema_alloc(struct vtx_schema_limits *limits, size_t count,
                       size_t size);

/* The compiled schema; NULL if any value fits it. Look at limits->spent. */
struct vtx_schema_node *vtx_schema_compile(
    const struct vtx_schema_source *source, struct vtx_schema_limits *limits);

/* Where a JSON pointer (#, #/$defs/NAME, ...) leads to from root; at is NULL
 * where it leads nowhere. */
struct cb_json_view vtx_schema_pointer(struct cb_json_view root,
                                       struct cb_json_view pointer,
                                       struct vtx_schema_limits *limits);

/* An empty table for up to count names; NULL, and spent, without memory. */
struct vtx_schema_names *vtx_schema_names_new(struct vtx_schema_limits *limits,
                                              size_t count);

/* The entry of that name, made if need be. */
struct vtx_schema_name *vtx_schema_enter(struct vtx_schema_names *names,
                                         struct cb_json_view name,
                                         struct vtx_schema_limits *limits);

/* The entry of that name; NULL if there is none. */
const struct vtx_schema_name *vtx_schema_lookup(
    const struct vtx_schema_names *names, struct cb_json_view name,
    struct vtx_schema_limits *limits);

/* Equal values have equal hashes; the order of an object's members does not
 * count. */
uint64_t vtx_schema_hash(struct cb_json_view value,
                         struct vtx_schema_limits *limits);
bool vtx_schema_same(struct cb_json_view one, struct cb_json_view two,
                     struct vtx_schema_limits *limits);

#endif
