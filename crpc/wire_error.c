/* What was wrong with a message, and where: only ever run once, at its end. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "crpc/wire_scan.h"

/* A path longer than this ends in "..."; who nests deeper knows where. */
#define PATH_ROOM 200

struct path {
  char text[PATH_ROOM];
  size_t len;
  bool cut;
};

__attribute__((format(printf, 2, 3))) static void path_add(struct path *path,
                                                           const char *format,
                                                           ...) {
  size_t room = sizeof path->text - path->len;
  va_list args;
  int len;

  if (path->cut) return;
  va_start(args, format);
  len = vsnprintf(path->text + path->len, room, format, args);
  va_end(args);
  if (len >= 0 && (size_t)len + sizeof "..." <= room) {
    path->len += (size_t)len;
    return;
  }
  path->cut = true;
  memcpy(path->text + path->len, "...", sizeof "...");
  path->len += 3;
}

/* Skips the value of a field that the scan has been over already. */
static void skip_value(const uint8_t **at, const uint8_t *end, int type) {
  uint64_t value = 0;

  switch (type) {
    case PROTOBUF_C_WIRE_TYPE_VARINT:
      crpc_wire_varint(at, end, 10, &value);
      break;
    case PROTOBUF_C_WIRE_TYPE_64BIT:
      *at += 8;
      break;
    case PROTOBUF_C_WIRE_TYPE_32BIT:
      *at += 4;
      break;
    default:
      crpc_wire_varint(at, end, 5, &value);
      *at += value;
      break;
  }
}

/* Which element of its repeated field the current one is: how many of them
 * stand before it. Packed arrays count as one; nobody mixes the two. */
static size_t element_index(const struct crpc_wire_frame *frame) {
  const uint8_t *at = frame->start;
  size_t count = 0;

  while (at < frame->field_at) {
    uint32_t number = 0;
    int type = 0;

    if (crpc_wire_tag(&at, frame->end, &number, &type)) break;
    skip_value(&at, frame->end, type);
    if (number == frame->field->id) count++;
  }
  return count;
}

static void find_path(const struct crpc_wire_scan *scan, struct path *path) {
  for (int i = 0; i < scan->depth; i++) {
    const struct crpc_wire_frame *frame = &scan->frames[i];

    if (!frame->field) break;
    path_add(path, "%s%s", i > 0 ? "." : "", frame->field->name);
    if (frame->field->label == PROTOBUF_C_LABEL_REPEATED)
      path_add(path, "[%zu]", element_index(frame));
  }
}

static struct cb_status make(const struct crpc_wire_scan *scan,
                             enum cb_code code, const char *reason,
                             const char *why, struct cb_arena *arena) {
  struct path path = {.len = 0};
  struct cb_status status;
  char *field;

  find_path(scan, &path);
  if (path.len > 0)
    status = cb_status_format(arena, code, reason, "%s: %s", path.text, why);
  else
    status = cb_status_make(code, reason, why);
  field = cb_arena_memdup(arena, path.text, path.len);
  if (field) status.field = field;
  return status;
}

struct cb_status crpc_wire_malformed(const struct crpc_wire_scan *scan,
                                     const char *why, struct cb_arena *arena) {
  return make(scan, CB_INVALID_ARGUMENT, "MALFORMED_REQUEST", why, arena);
}

struct cb_status crpc_wire_too_large(const struct crpc_wire_scan *scan,
                                     struct cb_arena *arena) {
  const char *why = scan->elements > scan->max_elements
                        ? "the message has too many elements"
                        : "the message needs too much memory";

  return make(scan, CB_RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE", why, arena);
}
