/* json_view.h - reads JSON text in place: no tree, no allocation.
 *
 * For text that cb_json_scan() has passed, and only for such: nothing is
 * checked again. A view is where a value begins; what it holds is walked from
 * there, as often as wanted. Every function takes time in proportion to the
 * text it goes over, without recursion.
 *
 * Threads: safe from any; keeps nothing. Views borrow the text.
 */
#ifndef CB_JSON_VIEW_H
#define CB_JSON_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cb_json_kind {
  CB_JSON_NULL,
  CB_JSON_BOOL,
  CB_JSON_NUMBER,
  CB_JSON_STRING,
  CB_JSON_ARRAY,
  CB_JSON_OBJECT,
};

/* A value: at is its first character, end the end of the whole text (not of
 * the value). at is NULL where there is none. */
struct cb_json_view {
  const char *at;
  const char *end;
};

/* The value in size bytes of text, blanks before it skipped. */
struct cb_json_view cb_json_view(const char *text, size_t size);

enum cb_json_kind cb_json_kind(struct cb_json_view value);

/* What follows the value's last character. */
const char *cb_json_end(struct cb_json_view value);

/* --- arrays and objects -------------------------------------------------- */

/* Walks elements or members:
 *
 *   struct cb_json_walk walk = cb_json_walk(value);
 *   while (cb_json_walk_next(&walk, &key, &element))
 *     walk.at = cb_json_end(element);    or what came to the same
 *
 * at is then behind the closing bracket. */
struct cb_json_walk {
  const char *at;
  const char *end;
  bool object;
};

struct cb_json_walk cb_json_walk(struct cb_json_view value);

/* False at the end. *ret_key is the name (a string with its quotes); of an
 * array's element its at is NULL. */
bool cb_json_walk_next(struct cb_json_walk *walk, struct cb_json_view *ret_key,
                       struct cb_json_view *ret_value);

/* --- strings ------------------------------------------------------------- */

/* Goes through a string's characters, escapes undone, surrogate pairs joined;
 * a lone surrogate counts as a character of its own.
 *
 *   const char *at = string.at + 1;
 *   while (cb_json_next_char(&at, &c)) ...
 */
bool cb_json_next_char(const char **at, uint32_t *ret_char);

/* True if the string says name (ASCII). */
bool cb_json_string_is(struct cb_json_view string, const char *name);

/* True if both strings say the same, however they are escaped. */
bool cb_json_same_string(struct cb_json_view one, struct cb_json_view two);

#endif
