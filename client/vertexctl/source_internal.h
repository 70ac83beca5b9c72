/* source_internal.h - what source.c and the making of items share. */
#ifndef VERTEXCTL_SOURCE_INTERNAL_H
#define VERTEXCTL_SOURCE_INTERNAL_H

#include "client/vertexctl/csv.h"
#include "client/vertexctl/source.h"

/* Makes an item of each kind of record. NULL: problem says what is wrong, not
 * yet in which line. id NULL: the line. */
struct ctl_item *ctl_item_from_text(const struct ctl_plan *plan, uint64_t line,
                                    const char *text, const char *id,
                                    struct ctl_problem *problem);
struct ctl_item *ctl_item_from_json(const struct ctl_plan *plan, uint64_t line,
                                    const char *text, size_t size,
                                    struct ctl_problem *problem);

/* For map: the row's fields under their columns' names. */
struct ctl_item *ctl_item_from_row(const struct ctl_csv *row,
                                   char *const *columns, const char *id,
                                   struct ctl_problem *problem);

#endif
