#include <json-c/json.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/budget.h"
#include "base/buf.h"
#include "base/json_scan.h"
#include "base/utf8.h"
#include "service/vertex/codec.h"
#include "service/vertex/reasons.h"

/* The deepest message of VTX_MAX_DEPTH levels is less than twice that deep in
 * JSON, as each level may be a list of objects. */
#define MAX_JSON_DEPTH 256

/* Text that json-c would change is rewritten so that it keeps what it means:
 * an integer past 64 bits (json-c clamps it) and -0 become doubles, and a NUL
 * in a key (json-c ends the key there) becomes U+FFFD. */
struct rewrite {
  const char *text;
  size_t done; /* bytes of text that are in out */
  struct cb_buf out;
};

static void rewrite_odd(void *ctx, enum cb_json_oddity oddity, size_t offset,
                        size_t size) {
  struct rewrite *rewrite = ctx;
  size_t keep = oddity == CB_JSON_LOST_INTEGER ? offset + size : offset;

  cb_buf_add(&rewrite->out, rewrite->text + rewrite->done,
             keep - rewrite->done);
  cb_buf_add_text(&rewrite->out,
                  oddity == CB_JSON_LOST_INTEGER ? ".0" : "\\ufffd");
  rewrite->done = offset + size;
}

static struct cb_status no_memory(void) {
  return vtx_no_memory("no memory to read JSON");
}

static struct cb_status malformed(struct cb_arena *arena, const char *what,
                                  size_t offset) {
  return vtx_fail(arena, VTX_UPSTREAM_MALFORMED,
                  "the answer is not JSON: %s at byte %zu", what, offset);
}

/* text has been scanned: it is strict JSON already. json-c's own strict mode
 * is not asked for, as 0.18 then refuses every string with a byte over 0x7f.
 * depth is that of the text: a tokener clears a place for each level it might
 * come to. */
static struct cb_status parse_tree(const char *text, size_t size, int depth,
                                   struct cb_arena *arena,
                                   struct json_object **ret_object) {
  struct json_tokener *tokener = json_tokener_new_ex(depth + 1);
  struct json_object *object;
  enum json_tokener_error error;

  if (!tokener) return no_memory();
  object = json_tokener_parse_ex(tokener, text, (int)size);
  error = json_tokener_get_error(tokener);
  if (error == json_tokener_continue) { /* a number ends with what follows */
    object = json_tokener_parse_ex(tokener, "", 1);
    error = json_tokener_get_error(tokener);
  }
  json_tokener_free(tokener);
  if (error != json_tokener_success)
    return malformed(arena, json_tokener_error_desc(error), 0);
  *ret_object = object;
  return cb_status_ok();
}

/* --- what the tree costs -------------------------------------------------- */

/* What json-c's tree costs, at most: a value of any kind, its place in an
 * object's table and its name, and what an object has from the start. {},{},...
 * grows three hundredfold, so the tree is charged to the budget, from its
 * punctuation, before it is built. */
#define BYTES_PER_VALUE ((size_t)128)
#define BYTES_PER_NAME ((size_t)128)
#define BYTES_PER_OBJECT ((size_t)1024)

/* What follows the string whose first character is at, or end. */
static const char *skip_string(const char *at, const char *end) {
  const char *quote = at;

  while ((quote = memchr(quote, '"', (size_t)(end - quote)))) {
    const char *before = quote;

    while (before > at && before[-1] == '\\')
      before--;
    if ((quote - before) % 2 == 0) return quote + 1;
    quote++;
  }
  return end;
}

static size_t tree_bytes(const char *text, size_t size) {
  const char *end = text + size;
  size_t total = size;

  while (text < end) {
    char c = *text++;

    if (c == '"') {
      text = skip_string(text, end);
    } else if (c == ',' || c == '[') {
      total += BYTES_PER_VALUE;
    } else if (c == ':') {
      total += BYTES_PER_NAME;
    } else if (c == '{') {
      total += BYTES_PER_OBJECT;
    }
  }
  return total;
}

/* Rides on the tree's root, so that whoever frees the tree gives it back. */
struct charge {
  struct cb_budget *budget;
  size_t size;
};

static void give_back(struct json_object *root, void *userdata) {
  struct charge *charge = userdata;

  cb_budget_release(charge->budget, charge->size);
  free(charge);
  (void)root;
}

/* A root that is a number keeps its text where the charge would go; it is no
 * larger than what it was read from. */
static bool carries_charge(struct json_object *root) {
  return json_object_is_type(root, json_type_object) ||
         json_object_is_type(root, json_type_array);
}

static struct cb_status parse_charged(const char *text, size_t size, int depth,
                                      struct cb_arena *arena,
                                      struct json_object **ret_object) {
  const struct charge costs = {cb_arena_budget(arena), tree_bytes(text, size)};
  struct charge *charge;
  struct cb_status status;

  if (!cb_budget_charge(costs.budget, costs.size)) return no_memory();
  charge = malloc(sizeof *charge);
  status =
      charge ? parse_tree(text, size, depth, arena, ret_object) : no_memory();
  if (status.code == CB_OK && carries_charge(*ret_object)) {
    *charge = costs;
    json_object_set_userdata(*ret_object, charge, give_back);
  } else {
    cb_budget_release(costs.budget, costs.size);
    free(charge);
  }
  return status;
}

struct cb_status vtx_json_parse(const char *text, size_t size,
                                struct cb_arena *arena,
                                struct json_object **ret_object) {
  struct rewrite rewrite = {.text = text};
  const struct cb_json_watch watch = {rewrite_odd, &rewrite};
  struct cb_json_scan scan;
  struct cb_status status;

  if (size > INT_MAX / 2)
    return vtx_fail(arena, VTX_RESPONSE_TOO_LARGE, "%zu bytes of JSON", size);
  if (!cb_utf8_valid(text, size))
    return vtx_fail(arena, VTX_UPSTREAM_MALFORMED,
                    "the answer is not well-formed UTF-8");
  cb_buf_init(&rewrite.out, 2 * size + 8, cb_arena_budget(arena));
  if (!cb_json_scan(text, size, MAX_JSON_DEPTH, &watch, &scan)) {
    status = malformed(arena, scan.error, scan.offset);
  } else if (rewrite.done == 0) {
    status = parse_charged(text, size, scan.depth, arena, ret_object);
  } else if (cb_buf_add(&rewrite.out, text + rewrite.done, size - rewrite.done),
             rewrite.out.failed) {
    status = no_memory();
  } else {
    status = parse_charged(rewrite.out.data, rewrite.out.len, scan.depth, arena,
                           ret_object);
  }
  cb_buf_release(&rewrite.out);
  return status;
}
