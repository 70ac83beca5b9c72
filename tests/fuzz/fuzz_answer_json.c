/* A model's text: what the scanner finds in it must be one whole value of JSON,
 * must be found again in itself, and in a fence with prose around it. What it
 * finds is then checked against a schema: the text's first line, if that is
 * JSON; found twice it must fit twice, and a schema that wants exactly the
 * value must take it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json_scan.h"
#include "base/utf8.h"
#include "service/vertex/answer.h"
#include "service/vertex/schema_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
  if (!holds) abort();
}

static void must_find(const char *text, size_t size, const char *json,
                      size_t json_size) {
  const char *again;
  size_t again_size;

  must(vtx_answer_json(text, size, &again, &again_size));
  must(again_size == json_size && memcmp(again, json, json_size) == 0);
}

static void in_a_fence(const char *json, size_t size) {
  struct cb_buf text;

  cb_buf_init(&text, SIZE_MAX / 4, NULL);
  cb_buf_add_text(&text, "Here {is} [it]:\n```json\n");
  cb_buf_add(&text, json, size);
  cb_buf_add_text(&text, "\n```\nDone.");
  must_find(text.data, text.len, json, size);
  cb_buf_release(&text);
}

static void fits_its_own_const(const char *json, size_t size,
                               struct cb_arena *arena) {
  struct vtx_schema_source source = {.openapi = false};
  struct vtx_schema_mismatch mismatch;
  struct cb_buf text;

  cb_buf_init(&text, SIZE_MAX / 4, NULL);
  cb_buf_add_text(&text, "{\"const\":");
  cb_buf_add(&text, json, size);
  cb_buf_add_text(&text, "}");
  source.json = text.data;
  source.size = text.len;
  must(vtx_schema_check_value(&source, json, size, arena, &mismatch) !=
       VTX_SCHEMA_DIFFERS);
  cb_buf_release(&text);
}

static void check(const char *schema, size_t schema_size, const char *json,
                  size_t size) {
  struct cb_arena *arena = cb_arena_new(NULL, 16 << 20, 0);
  struct vtx_schema_source source = {schema, schema_size, size % 2 == 0,
                                     100000};
  struct vtx_schema_mismatch mismatch = {"", "", ""};
  struct cb_json_scan scan;

  if (cb_json_scan(schema, schema_size, CB_JSON_SCAN_DEPTH, NULL, &scan) &&
      vtx_schema_check_value(&source, json, size, arena, &mismatch) ==
          VTX_SCHEMA_DIFFERS) {
    must(*mismatch.path == '$' && *mismatch.expected);
    must(cb_utf8_valid(mismatch.path, strlen(mismatch.path)));
    must(cb_utf8_valid(mismatch.found, strlen(mismatch.found)));
  }
  fits_its_own_const(json, size, arena);
  cb_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *text = (const char *)data;
  const char *line = memchr(text, '\n', size);
  size_t schema_size = line ? (size_t)(line - text) : 0;
  struct cb_json_scan scan;
  const char *json;
  size_t json_size;
  char *copy;

  if (!cb_utf8_valid(text, size)) return 0; /* the codec lets none through */
  if (line) schema_size++;
  copy = malloc(size - schema_size); /* so that reading past it is seen */
  if (!copy) return 0;
  memcpy(copy, text + schema_size, size - schema_size);
  if (vtx_answer_json(copy, size - schema_size, &json, &json_size)) {
    must(cb_json_scan(json, json_size, CB_JSON_SCAN_DEPTH, NULL, &scan));
    must_find(json, json_size, json, json_size);
    in_a_fence(json, json_size);
    check(text, schema_size, json, json_size);
  }
  free(copy);
  return 0;
}
