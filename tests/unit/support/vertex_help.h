/* vertex_help.h - what the tests of the vertex room's pure half share.
 *
 * Ownership: everything made here lives in the arena that is passed.
 */
#ifndef TESTS_UNIT_SUPPORT_VERTEX_HELP_H
#define TESTS_UNIT_SUPPORT_VERTEX_HELP_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "service/vertex/codec.h"

struct cb_arena;

/* cmocka fixtures: *state is an arena, without a limit or of 64 MiB at most. */
int vertex_set_up(void **state);
int vertex_set_up_bounded(void **state);
int vertex_tear_down(void **state);

/* message (over defaults, may be NULL) as JSON; asserts success. */
const char *vertex_encode(struct cb_arena *arena,
                          const ProtobufCMessage *message,
                          const ProtobufCMessage *defaults);

/* The status of encoding message, which the test expects to fail. */
struct cb_status vertex_encode_error(struct cb_arena *arena,
                                     const ProtobufCMessage *message);

/* JSON text as a message of source's type (its object is not read); notes may
 * be NULL. */
struct cb_status vertex_try_decode(struct cb_arena *arena,
                                   struct vtx_codec_source source,
                                   const char *text,
                                   struct vtx_codec_notes *notes,
                                   ProtobufCMessage **ret_message);

/* The same; asserts success. */
void *vertex_decode(struct cb_arena *arena,
                    const ProtobufCMessageDescriptor *type, const char *text,
                    struct vtx_codec_notes *notes);

/* A message with every field set. variant picks the members of oneofs and the
 * values of enums; own says whether vertexd's own fields are set too, with
 * "vertexd's" in each text. Recursive types end after a few levels. */
ProtobufCMessage *vertex_fill(struct cb_arena *arena,
                              const ProtobufCMessageDescriptor *type,
                              unsigned variant, bool own);

/* True if both pack to the same bytes. */
bool vertex_same(const ProtobufCMessage *one, const ProtobufCMessage *two);

/* "[[[...]]]" with that many brackets. */
char *vertex_nested(struct cb_arena *arena, const char *open, const char *inner,
                    const char *close, int count);

#endif
