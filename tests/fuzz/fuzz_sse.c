/* The same bytes whole and cut in pieces must give the same events. The first
 * byte steers the cutting, the second the cap. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "service/vertex/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool take(void *ctx, enum vtx_sse_kind kind, const char *data,
                 size_t size) {
  struct cb_buf *seen = ctx;

  cb_buf_printf(seen, "%d %zu ", (int)kind, size);
  cb_buf_add(seen, data, size);
  return true;
}

/* Pieces have lengths from a small generator; seed 0 is one piece. Each piece
 * is a copy of its own, so that reading past it is seen. */
static enum vtx_sse_result run(const char *text, size_t size, size_t max,
                               uint32_t seed, struct cb_buf *seen) {
  struct vtx_sse sse;
  enum vtx_sse_result result;

  vtx_sse_init(&sse, max, NULL, take, seen);
  for (size_t at = 0; at < size;) {
    size_t piece = size - at;
    char *copy;

    seed = seed * 1103515245u + 12345u * (seed != 0);
    if (seed != 0 && piece > 1 + (seed >> 16) % 9) piece = 1 + (seed >> 16) % 9;
    copy = malloc(piece);
    if (!copy) abort();
    memcpy(copy, text + at, piece);
    vtx_sse_feed(&sse, copy, piece);
    free(copy);
    at += piece;
  }
  result = vtx_sse_finish(&sse);
  vtx_sse_release(&sse);
  return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct cb_buf whole;
  struct cb_buf cut;
  enum vtx_sse_result results[2];
  const char *text = (const char *)data + 2;
  size_t max;

  if (size < 2) return 0;
  max = data[1] < 32 ? 1 + data[1] : 65536;
  cb_buf_init(&whole, SIZE_MAX / 4, NULL);
  cb_buf_init(&cut, SIZE_MAX / 4, NULL);
  results[0] = run(text, size - 2, max, 0, &whole);
  results[1] = run(text, size - 2, max, 1 + data[0], &cut);
  if (results[0] != results[1] || whole.len != cut.len) abort();
  if (whole.len > 0 && memcmp(whole.data, cut.data, whole.len) != 0) abort();
  cb_buf_release(&whole);
  cb_buf_release(&cut);
  return 0;
}
