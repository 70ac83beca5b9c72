/* message_room.h - what fits into the one message of MapGenerate.
 *
 * Room for a minimal error of every item, and for the summary, is set aside
 * first: whatever the answers are, each item has its result in the message.
 * Results are admitted in item order.
 *
 * Threads: none inside; the crpc loop's.
 */
#ifndef VTX_MESSAGE_ROOM_H
#define VTX_MESSAGE_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vtx_message_room {
  size_t left;    /* beyond what is set aside */
  size_t minimal; /* set aside for each item */
  size_t answers; /* admitted so far */
  size_t bytes;   /* of them */
  bool full;
};

/* Sets aside. False if not even minimal errors of count items fit max bytes. */
bool vtx_message_room_init(struct vtx_message_room *room, size_t max,
                           uint32_t count);

/* The most items that a message of max bytes has room for. */
size_t vtx_message_room_items(size_t max);

/* The bytes that the next item's result may take. */
size_t vtx_message_room_next(const struct vtx_message_room *room);

/* The next item's result took size bytes (at most vtx_message_room_next()). */
void vtx_message_room_take(struct vtx_message_room *room, size_t size,
                           bool is_answer);

/* An answer of size bytes did not fit. The message counts as full, and nothing
 * more should be asked for, if an answer like the others would not fit either;
 * a single giant does not fill it. */
void vtx_message_room_refused(struct vtx_message_room *room);

#endif
