#include <json-c/json.h>
#include <limits.h>

#include "base/arena.h"
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

  if (!tokener) return vtx_no_memory("no memory to read the answer");
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
  cb_buf_init(&rewrite.out, 2 * size + 8, NULL);
  if (!cb_json_scan(text, size, MAX_JSON_DEPTH, &watch, &scan)) {
    status = malformed(arena, scan.error, scan.offset);
  } else if (rewrite.done == 0) {
    status = parse_tree(text, size, scan.depth, arena, ret_object);
  } else if (cb_buf_add(&rewrite.out, text + rewrite.done, size - rewrite.done),
             rewrite.out.failed) {
    status = vtx_no_memory("no memory to read the answer");
  } else {
    status = parse_tree(rewrite.out.data, rewrite.out.len, scan.depth, arena,
                        ret_object);
  }
  cb_buf_release(&rewrite.out);
  return status;
}
