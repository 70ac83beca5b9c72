/* schema_walk.h - what the files that check a value share. Not for others.
 *
 * Threads: none inside.
 */
#ifndef VTX_VERTEX_SCHEMA_WALK_H
#define VTX_VERTEX_SCHEMA_WALK_H

#include "service/vertex/schema_node.h"

/* Where in the value a check is; on the stack, one for each level. */
struct vtx_schema_place {
  const struct vtx_schema_place *above; /* NULL: the root */
  struct cb_json_view key;              /* at is NULL in an array */
  size_t index;
};

struct vtx_schema_walk {
  struct vtx_schema_limits limits;
  struct cb_arena *texts; /* for the mismatch */
  struct vtx_schema_mismatch *mismatch;
  const char *farthest; /* place of the last mismatch in the text */
  int depth;            /* schemas within each other */
  bool quiet;           /* only whether it fits matters */
  bool openapi;
};

/* A value and where it stands. */
struct vtx_schema_spot {
  struct cb_json_view value;
  const struct vtx_schema_place *place;
};

/* Does the value fit node? *ret_end is where it ends, whatever the answer; it
 * may be NULL. False also once the limits are spent. */
bool vtx_schema_apply(struct vtx_schema_walk *walk,
                      const struct vtx_schema_node *node,
                      const struct vtx_schema_spot *spot, const char **ret_end);

/* The keywords for elements and members. Asked for an array or an object only;
 * *ret_end is set where they had to go through it. */
bool vtx_schema_fits_array(struct vtx_schema_walk *walk,
                           const struct vtx_schema_node *node,
                           const struct vtx_schema_spot *spot,
                           const char **ret_end);
bool vtx_schema_fits_object(struct vtx_schema_walk *walk,
                            const struct vtx_schema_node *node,
                            const struct vtx_schema_spot *spot,
                            const char **ret_end);

/* The keywords for strings and numbers. */
bool vtx_schema_fits_string(struct vtx_schema_walk *walk,
                            const struct vtx_schema_node *node,
                            const struct vtx_schema_spot *spot);
bool vtx_schema_fits_number(struct vtx_schema_walk *walk,
                            const struct vtx_schema_node *node,
                            const struct vtx_schema_spot *spot);

/* Where value ends; takes its steps. */
const char *vtx_schema_skip(struct vtx_schema_walk *walk,
                            struct cb_json_view value);

/* --- mismatches ---------------------------------------------------------- */

/* Notes a mismatch at spot, unless quiet, and returns false. found may be NULL:
 * the value itself, cut. */
bool vtx_schema_differs(struct vtx_schema_walk *walk,
                        const struct vtx_schema_spot *spot, const char *found,
                        const char *expected, ...)
    __attribute__((format(printf, 4, 5)));

/* The text of a value, cut at some 60 bytes; from the mismatch's arena. */
const char *vtx_schema_shown(struct vtx_schema_walk *walk,
                             struct cb_json_view value);

/* "3". */
const char *vtx_schema_number(struct vtx_schema_walk *walk, size_t number);

/* "integer", "object": the kind of a value, in the words of schemas. */
const char *vtx_schema_kind(struct cb_json_view value);

/* The bits of enum vtx_schema_type that a value has. */
unsigned vtx_schema_types(struct cb_json_view value);

/* "string or null" for those bits. */
const char *vtx_schema_type_names(struct vtx_schema_walk *walk, unsigned types);

#endif
