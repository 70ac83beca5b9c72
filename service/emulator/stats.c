#include "service/emulator/stats.h"

#include <assert.h>
#include <string.h>

#include "base/json_writer.h"
#include "base/utf8.h"

/* A body of 64 KiB may grow sixfold by its escapes, headers come on top. */
enum { MAX_CAPTURE = 1 << 20 };

void vtx_emu_stats_begin(struct vtx_emu_stats *stats, enum vtx_emu_verb verb) {
  stats->requests++;
  stats->by_verb[verb]++;
  stats->in_flight++;
  if (stats->in_flight > stats->peak_in_flight) {
    stats->peak_in_flight = stats->in_flight;
  }
}

void vtx_emu_stats_end(struct vtx_emu_stats *stats,
                       enum vtx_emu_outcome outcome) {
  assert(stats->in_flight > 0);
  stats->in_flight--;
  switch (outcome) {
    case VTX_EMU_COMPLETED:
      stats->completed++;
      break;
    case VTX_EMU_ABORTED:
      stats->aborted++;
      break;
    case VTX_EMU_BROKEN:
      stats->broken++;
      break;
  }
}

void vtx_emu_stats_connect(struct vtx_emu_stats *stats) {
  stats->connections_total++;
  stats->connections++;
  if (stats->connections > stats->peak_connections) {
    stats->peak_connections = stats->connections;
  }
}

void vtx_emu_stats_disconnect(struct vtx_emu_stats *stats) {
  assert(stats->connections > 0);
  stats->connections--;
}

void vtx_emu_stats_reset(struct vtx_emu_stats *stats) {
  *stats = (struct vtx_emu_stats){.in_flight = stats->in_flight,
                                  .peak_in_flight = stats->in_flight,
                                  .connections = stats->connections,
                                  .peak_connections = stats->connections};
}

void vtx_emu_stats_write(const struct vtx_emu_stats *stats,
                         struct cb_json *json) {
  const struct {
    const char *name;
    uint64_t value;
  } rows[] = {
      {"in_flight", stats->in_flight},
      {"peak_in_flight", stats->peak_in_flight},
      {"requests", stats->requests},
      {"completed", stats->completed},
      {"aborted", stats->aborted},
      {"broken", stats->broken},
      {"connections", stats->connections},
      {"peak_connections", stats->peak_connections},
      {"connections_total", stats->connections_total},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    cb_json_key(json, rows[i].name);
    cb_json_uint(json, rows[i].value);
  }
  cb_json_key(json, "by_verb");
  cb_json_begin_object(json);
  for (int verb = 0; verb < VTX_EMU_VERBS; verb++) {
    cb_json_key(json, vtx_emu_verb_name((enum vtx_emu_verb)verb));
    cb_json_uint(json, stats->by_verb[verb]);
  }
  cb_json_end_object(json);
}

void vtx_emu_captures_init(struct vtx_emu_captures *captures) {
  captures->count = 0;
  for (size_t i = 0; i < VTX_EMU_CAPTURES; i++) {
    cb_buf_init(&captures->slots[i], MAX_CAPTURE, NULL);
  }
}

void vtx_emu_captures_release(struct vtx_emu_captures *captures) {
  for (size_t i = 0; i < VTX_EMU_CAPTURES; i++) {
    cb_buf_release(&captures->slots[i]);
  }
}

void vtx_emu_captures_reset(struct vtx_emu_captures *captures) {
  captures->count = 0;
}

/* Bodies are shown as text even where they are none. */
static void write_body(struct cb_json *json, const char *body, size_t size) {
  struct cb_buf clean;
  char *room;

  if (size > VTX_EMU_CAPTURED_BYTES) size = VTX_EMU_CAPTURED_BYTES;
  if (cb_utf8_valid(body, size)) {
    cb_json_string_n(json, body, size);
    return;
  }
  cb_buf_init(&clean, 4 * VTX_EMU_CAPTURED_BYTES, NULL);
  room = cb_buf_reserve(&clean, 3 * size + 1);
  if (room) size = cb_utf8_clean(body, size, room, NULL);
  cb_json_string_n(json, room ? room : "", room ? size : 0);
  cb_buf_release(&clean);
}

void vtx_emu_captures_add(struct vtx_emu_captures *captures,
                          const struct vtx_emu_capture *capture) {
  struct cb_buf *buf = &captures->slots[captures->count % VTX_EMU_CAPTURES];
  struct cb_json json;

  cb_buf_clear(buf);
  cb_json_init(&json, buf);
  cb_json_begin_object(&json);
  cb_json_key(&json, "method");
  cb_json_string(&json, capture->method);
  cb_json_key(&json, "path");
  cb_json_string(&json, capture->url);
  cb_json_key(&json, "headers");
  cb_json_raw(&json, capture->headers, strlen(capture->headers));
  cb_json_key(&json, "body_size");
  cb_json_uint(&json, capture->body_size);
  cb_json_key(&json, "body");
  write_body(&json, capture->body, capture->body_size);
  cb_json_end_object(&json);
  captures->count++;
}

void vtx_emu_captures_write(const struct vtx_emu_captures *captures,
                            uint64_t last, struct cb_buf *buf) {
  uint64_t have =
      captures->count < VTX_EMU_CAPTURES ? captures->count : VTX_EMU_CAPTURES;
  struct cb_json json;

  if (last > have) last = have;
  cb_json_init(&json, buf);
  cb_json_begin_array(&json);
  for (uint64_t i = captures->count - last; i < captures->count; i++) {
    const struct cb_buf *slot = &captures->slots[i % VTX_EMU_CAPTURES];

    if (slot->failed) continue;
    cb_json_raw(&json, slot->data, slot->len);
  }
  cb_json_end_array(&json);
}
