/* merge.h - puts decoded messages of the upstream together, by descriptor.
 *
 * What one message of an answer says is added to what those before it said:
 * single values are the latest that came, messages merge field by field, lists
 * are appended to; safety ratings are one for each category, the latest. All
 * that is taken over is copied.
 *
 * The target must have been made here (or be empty): its lists have room for a
 * power of two of elements, so that appending to them is linear.
 *
 * Threads:   none inside.
 * Ownership: copies are in the arena given.
 */
#ifndef VTX_VERTEX_MERGE_H
#define VTX_VERTEX_MERGE_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "service/vertex/codec.h"
#include "vertexd/v1/vertexd.pb-c.h"

struct cb_arena;

typedef Vertexd__V1__GenerateResponse__UsageMetadata vtx_usage_message;

/* Adds the fields of from (same type) to into, but for those of skip (may be
 * NULL) and vertexd's own. False when arena is full; into is then good for
 * nothing. */
bool vtx_merge(ProtobufCMessage *into, const ProtobufCMessage *from,
               const struct vtx_codec_skip *skip, struct cb_arena *arena);

/* An empty message of that type; NULL when arena is full. */
ProtobufCMessage *vtx_merge_new(const ProtobufCMessageDescriptor *type,
                                struct cb_arena *arena);

/* A copy of from, as a merge into an empty message gives it; NULL when arena is
 * full. */
ProtobufCMessage *vtx_merge_copy(const ProtobufCMessage *from,
                                 struct cb_arena *arena);

/* Appends element to the list of so many pointers at *list, which only this
 * function made grow. False when arena is full. */
bool vtx_merge_append(void *list, size_t *count, void *element,
                      struct cb_arena *arena);

/* Usage, of one stream: its messages tell running totals, so the latest of
 * each counter that is there counts. */
bool vtx_usage_latest(vtx_usage_message *into, const vtx_usage_message *from,
                      struct cb_arena *arena);

/* Two counters in one, which stays at the greatest number there is. */
int32_t vtx_usage_sum(int32_t one, int32_t two);

/* Usage over several requests: counters add up, those of kinds of content kind
 * by kind, as vtx_usage_sum() does it. */
bool vtx_usage_add(vtx_usage_message *into, const vtx_usage_message *from,
                   struct cb_arena *arena);

#endif
