/* pack.h - JSON to the bytes of a message, by the message's descriptor.
 *
 * Field names are those of the .proto or their lowerCamelCase; enums are names
 * or numbers; bytes are base64; a Duration is "1.5s"; Struct and Value are any
 * JSON. A member that the message does not have is an error, and so is a value
 * of another type, a number out of range, and U+0000 in a string.
 *
 * Threads:   none inside.
 * Ownership: the JSON is borrowed.
 */
#ifndef VERTEXCTL_PACK_H
#define VERTEXCTL_PACK_H

#include <json-c/json.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "base/buf.h"
#include "client/vertexctl/problem.h"

/* JSON in an input may nest so deep, that its messages stay within what a
 * server takes (a Value takes three messages a level). */
#define CTL_MAX_DEPTH 25

/* Appends the message of that type which the JSON object stands for to *out.
 * Otherwise false, and problem names the member. */
bool ctl_pack(struct cb_buf *out, const ProtobufCMessageDescriptor *type,
              json_object *json, struct ctl_problem *problem);

/* Reads one JSON value, nested at most depth deep, that fills all of text; NULL
 * and what is wrong. The caller puts it back with json_object_put(); the value
 * null is no NULL but *ret_null. */
json_object *ctl_parse(const char *text, size_t size, int depth, bool *ret_null,
                       struct ctl_problem *problem);

#endif
