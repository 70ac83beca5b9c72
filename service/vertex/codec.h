/* codec.h - between protobuf-c messages and Google's JSON, by descriptor.
 *
 * One codec for every message: names are lowerCamelCase, bytes base64, int64
 * strings, enums names; Struct, Value, ListValue, Duration and Timestamp have
 * their own forms. Fields 1-99 and from 1000 on are Google's and are coded;
 * 100-999 are vertexd's own and never leave or enter here.
 *
 * Types with a form of their own merge as one value. A map that holds a key
 * twice is written with the last. Unset strings decode to
 * protobuf_c_empty_string.
 *
 * Threads: safe from any; keeps nothing.
 */
#ifndef VTX_VERTEX_CODEC_H
#define VTX_VERTEX_CODEC_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

struct cb_arena;
struct cb_json;
struct json_object;

/* Fields of the outermost message to leave out (they form the URL). */
struct vtx_codec_skip {
  const char *const *names; /* proto names */
  size_t count;
};

/* A message and what lies beneath it. */
struct vtx_codec_layers {
  const ProtobufCMessage *message;
  const ProtobufCMessage *defaults;
};

/* Writes the fields of message, with those of defaults (same type; may be
 * NULL, as may message) beneath them: scalars set in message win, messages
 * merge field by field, lists and maps replace. Writes the members only, the
 * caller has begun and ends the object. skip may be NULL. INVALID_ARGUMENT
 * (field path in proto names under prefix, e.g. "requests[3]") for an enum
 * number that has no name, nesting over 100 levels, a NaN or infinity where
 * JSON has none, a Duration out of range. REQUEST_TOO_LARGE past arena's cap,
 * SERVER_MEMORY when its budget is used up; what the writer's buffer has no
 * room for shows there. */
struct cb_status vtx_codec_encode_fields(struct cb_json *json,
                                         const struct vtx_codec_layers *layers,
                                         const struct vtx_codec_skip *skip,
                                         const char *prefix,
                                         struct cb_arena *arena);

/* The same as one JSON object. */
struct cb_status vtx_codec_encode(struct cb_json *json,
                                  const ProtobufCMessage *message,
                                  const ProtobufCMessage *defaults,
                                  const char *prefix, struct cb_arena *arena);

/* Something in an answer that the contract does not know. */
struct vtx_unrecognized {
  const char *path; /* candidates[0].finishReason */
  const char *json; /* its text; cut at 4 KiB, and then no JSON any more */
  struct vtx_unrecognized *next;
};

/* What decoding noticed; zero it before. */
struct vtx_codec_notes {
  struct vtx_unrecognized *first;
  struct vtx_unrecognized **last; /* NULL while empty */
  size_t count;                   /* noticed; those past the cap are not kept */
  size_t bytes;        /* of paths and texts kept; capped at 64 KiB, of which
                          the last KiB is for short ones */
  size_t nul_replaced; /* U+0000 that became U+FFFD */
};

/* What to decode. */
struct vtx_codec_source {
  const ProtobufCMessageDescriptor *type;
  struct json_object *object;
  int depth_above; /* message levels that the result will get above it */
};

/* Makes a message of that type in arena from a JSON object. Liberal, as
 * proto JSON says (camelCase or snake_case, numbers as strings, both base64
 * alphabets, null is unset). Unknown fields and enum strings are noted, not
 * refused. INTERNAL with reason UPSTREAM_MALFORMED when a known field has a
 * value of the wrong kind, is no UTF-8, or the message would be deeper than
 * 100 levels with the levels above it (depth_above). RESPONSE_TOO_LARGE
 * past the arena's cap, SERVER_MEMORY when its budget is used up. */
struct cb_status vtx_codec_decode(const struct vtx_codec_source *source,
                                  struct cb_arena *arena,
                                  struct vtx_codec_notes *notes,
                                  ProtobufCMessage **ret_message);

/* Parses size bytes as one strict JSON value, UTF-8 checked, at most 100 deep
 * plus what a Value costs. *ret_object is the caller's reference. What the tree
 * takes, many times its text, is charged to arena's budget until it is freed.
 * UPSTREAM_MALFORMED otherwise, RESPONSE_TOO_LARGE past INT_MAX / 2 bytes,
 * SERVER_MEMORY when memory or the budget is used up. */
struct cb_status vtx_json_parse(const char *text, size_t size,
                                struct cb_arena *arena,
                                struct json_object **ret_object);

#endif
