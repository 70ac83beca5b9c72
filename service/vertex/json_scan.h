/* json_scan.h - one look at JSON text, by the letter of RFC 8259.
 *
 * json-c lets pass what JSON is not (NaN, raw control characters) and changes
 * what it cannot hold (integers over 64 bits, NUL in a key). The scan goes
 * through the text once, without recursion and without allocating, and says
 * where it is wrong and where json-c would not keep it.
 *
 * Threads: safe from any; keeps nothing.
 */
#ifndef VTX_VERTEX_JSON_SCAN_H
#define VTX_VERTEX_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

/* Deepest nesting of arrays and objects that a scan may be asked to allow. */
#define VTX_JSON_SCAN_DEPTH 1024

enum vtx_json_oddity {
  VTX_JSON_LOST_INTEGER, /* one past 64 bits, or -0 */
  VTX_JSON_NUL_IN_KEY,   /* the six characters \u0000 within a key */
};

/* Who is told of each oddity: its bytes are [offset, offset + size) of the
 * text. */
struct vtx_json_watch {
  void (*odd)(void *ctx, enum vtx_json_oddity oddity, size_t offset,
              size_t size);
  void *ctx;
};

struct vtx_json_scan {
  const char *error; /* what is wrong, a literal; NULL if nothing */
  size_t offset;     /* where */
  char first;        /* first character of the value: { [ " or other */
};

/* True if the size bytes at text are one JSON value with blanks around it,
 * nested at most max_depth (<= VTX_JSON_SCAN_DEPTH) deep. UTF-8 is not
 * judged. watch may be NULL. *ret_scan is always filled in. */
bool vtx_json_scan(const char *text, size_t size, int max_depth,
                   const struct vtx_json_watch *watch,
                   struct vtx_json_scan *ret_scan);

#endif
