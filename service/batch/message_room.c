#include "service/batch/message_room.h"

#include <assert.h>

#include "service/batch/result.h"
#include "service/batch/summary.h"

/* With less than this left no answer of a model fits. */
#define SMALLEST_ANSWER 128

size_t vtx_message_room_items(size_t max) {
  size_t summary = vtx_summary_max_size();

  return max > summary ? (max - summary) / vtx_item_minimal_size(0) : 0;
}

bool vtx_message_room_init(struct vtx_message_room *room, size_t max,
                           uint32_t count) {
  size_t minimal = vtx_item_minimal_size(0);

  if (count > vtx_message_room_items(max)) return false;
  *room = (struct vtx_message_room){
      .left = max - vtx_summary_max_size() - count * minimal,
      .minimal = minimal,
  };
  return true;
}

size_t vtx_message_room_next(const struct vtx_message_room *room) {
  return room->left + room->minimal;
}

void vtx_message_room_take(struct vtx_message_room *room, size_t size,
                           bool is_answer) {
  assert(size <= vtx_message_room_next(room));
  room->left = room->left + room->minimal - size;
  if (!is_answer) return;
  room->answers++;
  room->bytes += size;
}

void vtx_message_room_refused(struct vtx_message_room *room) {
  size_t usual = room->answers > 0 ? room->bytes / room->answers : 0;

  if (usual < SMALLEST_ANSWER) usual = SMALLEST_ANSWER;
  if (vtx_message_room_next(room) < usual) room->full = true;
}
