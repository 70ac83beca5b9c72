/* json_scan.h - one look at JSON text, by the letter of RFC 8259.
 *
 * json-c lets pass what JSON is not (NaN, raw control characters) and changes
 * what it cannot hold (integers over 64 bits, NUL in a key). The scan goes
 * through the text once, without recursion and without allocating, and says
 * where it is wrong and where json-c would not keep it.
 *
 * Threads: safe from any; keeps nothing.
 */
#ifndef CB_JSON_SCAN_H
#define CB_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

/* Deepest nesting of arrays and objects that a scan may be asked to allow. */
#define CB_JSON_SCAN_DEPTH 1024

enum cb_json_oddity {
  CB_JSON_LOST_INTEGER, /* one past 64 bits, or -0 */
  CB_JSON_NUL_IN_KEY,   /* the six characters \u0000 within a key */
};

/* Who is told of each oddity: its bytes are [offset, offset + size) of the
 * text. */
struct cb_json_watch {
  void (*odd)(void *ctx, enum cb_json_oddity oddity, size_t offset,
              size_t size);
  void *ctx;
};

struct cb_json_scan {
  const char *error; /* what is wrong, a literal; NULL if nothing */
  size_t offset;     /* where */
  int depth;         /* deepest nesting of arrays and objects */
  char first;        /* first character of the value: { [ " or other */
  bool cut; /* wrong only in that it ends: more text might make it good */
};

/* True if the size bytes at text are one JSON value with blanks around it,
 * nested at most max_depth (<= CB_JSON_SCAN_DEPTH) deep. UTF-8 is not
 * judged. watch may be NULL. *ret_scan is always filled in. */
bool cb_json_scan(const char *text, size_t size, int max_depth,
                  const struct cb_json_watch *watch,
                  struct cb_json_scan *ret_scan);

/* The same for text that begins with a value (after blanks) and goes on with
 * anything: *ret_scan's offset is then the end of the value. A number at the
 * end of the text is taken as whole. */
bool cb_json_scan_prefix(const char *text, size_t size, int max_depth,
                         struct cb_json_scan *ret_scan);

#endif
