/* codec_decoder.h - the decoder's halves (messages; Struct and Value) to each
 * other. Not for others. All functions return false after setting the
 * decoder's status.
 */
#ifndef VTX_VERTEX_CODEC_DECODER_H
#define VTX_VERTEX_CODEC_DECODER_H

#include "base/status.h"
#include "google/protobuf/struct.pb-c.h"
#include "service/vertex/codec.h"
#include "service/vertex/codec_internal.h"

struct json_object;

struct vtx_decoder {
  struct cb_arena *arena;
  struct vtx_codec_notes *notes;
  struct cb_status status;
};

/* Where the decoder is: the path, and the message levels down to there. */
struct vtx_decode_at {
  const struct vtx_path *path;
  int depth;
};

/* UPSTREAM_MALFORMED: "<path> in the answer <what>". */
bool vtx_decode_fail(struct vtx_decoder *dec, const struct vtx_path *path,
                     const char *what);

/* The arena refused: vtx_answer_full(). */
bool vtx_decode_full(struct vtx_decoder *dec);

/* False past VTX_MAX_DEPTH. */
bool vtx_decode_depth(struct vtx_decoder *dec, const struct vtx_path *path,
                      int depth);

bool vtx_decode_double(struct vtx_decoder *dec, struct json_object *value,
                       double *ret_number, const struct vtx_path *path);

/* Copies a text, NUL becoming U+FFFD. */
bool vtx_decode_text(struct vtx_decoder *dec, const char *text, size_t size,
                     char **ret_text);

/* A message of any kind; at is its own level. */
bool vtx_decode_message(struct vtx_decoder *dec,
                        const ProtobufCMessageDescriptor *descriptor,
                        struct json_object *value,
                        const struct vtx_decode_at *at,
                        ProtobufCMessage **ret_message);

/* Into a message that is initialised; at is its own level. */
bool vtx_decode_struct(struct vtx_decoder *dec, struct json_object *value,
                       Google__Protobuf__Struct *object,
                       const struct vtx_decode_at *at);
bool vtx_decode_value(struct vtx_decoder *dec, struct json_object *json,
                      Google__Protobuf__Value *value,
                      const struct vtx_decode_at *at);
bool vtx_decode_list_value(struct vtx_decoder *dec, struct json_object *value,
                           Google__Protobuf__ListValue *list,
                           const struct vtx_decode_at *at);

#endif
