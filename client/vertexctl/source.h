/* source.h - the items of an input file, one at a time, checked strictly.
 *
 * jsonl   an object a line: the fields of GenerateRequest, of which prompt or
 *         contents is needed; for map any value a line, which is the item.
 * csv     a header, then rows: column prompt, and no others but id; for map the
 *         whole row is the item, an object of texts.
 * text    a prompt, or an item, a line.
 *
 * The id of an item is the member or column of that name, text of at most 512
 * bytes or a whole number; without one it is the number of the line in which
 * the item begins. Empty lines are skipped.
 *
 * Threads:   none inside.
 * Ownership: the source owns its file, items are the caller's.
 */
#ifndef VERTEXCTL_SOURCE_H
#define VERTEXCTL_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "client/vertexctl/problem.h"

#define CTL_MAX_ITEM ((size_t)16 << 20)
#define CTL_MAX_ID 512

enum ctl_format {
  CTL_FORMAT_UNKNOWN,
  CTL_FORMAT_JSONL,
  CTL_FORMAT_CSV,
  CTL_FORMAT_TEXT,
};

struct ctl_plan {
  const char *path; /* "-": stdin */
  enum ctl_format format;
  bool as_values;  /* items of a map, google.protobuf.Value; otherwise
                      GenerateRequest */
  size_t max_item; /* bytes of one line or field; 0: CTL_MAX_ITEM */
};

/* One item. */
struct ctl_item {
  struct cb_link link; /* for whoever holds it */
  uint64_t line;       /* in which it begins, from 1 */
  uint64_t index;      /* in the call it was sent in */
  const char *id;
  const uint8_t *packed; /* its message */
  size_t size;
};

void ctl_item_free(struct ctl_item *item);

/* The format that the end of a file's name stands for. */
enum ctl_format ctl_format_guess(const char *path);

/* The format of that name; CTL_FORMAT_UNKNOWN if there is none. */
enum ctl_format ctl_format_named(const char *name);

struct ctl_source;

/* NULL and why, where the file cannot be opened or its header is wrong. */
struct ctl_source *ctl_source_open(const struct ctl_plan *plan,
                                   struct ctl_problem *problem);
void ctl_source_close(struct ctl_source *source);

enum ctl_read { CTL_READ_ITEM, CTL_READ_END, CTL_READ_BAD };

/* The next item; problem names the line of what is bad, and nothing can be
 * read after that. */
enum ctl_read ctl_source_next(struct ctl_source *source,
                              struct ctl_item **ret_item,
                              struct ctl_problem *problem);

/* Can the next item be read without waiting for another program to write it?
 * Always so for a file. */
bool ctl_source_is_ready(const struct ctl_source *source);

/* Can it be read a second time? Then rewind does that, unless the header has
 * changed. */
bool ctl_source_is_file(const struct ctl_source *source);
bool ctl_source_rewind(struct ctl_source *source, struct ctl_problem *problem);

#endif
