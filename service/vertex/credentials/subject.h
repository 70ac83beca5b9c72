/* subject.h - tokens of somebody else's, which are exchanged for Google's.
 *
 * Where they come from is what an external_account file calls its
 * credential_source. Each is a token source whose result is such a subject
 * token; of its lifetime nothing is said.
 *
 * Threads:   the engine's.
 * Ownership: as in kinds.h, and errors are told as there.
 */
#ifndef VTX_VERTEX_CREDENTIALS_SUBJECT_H
#define VTX_VERTEX_CREDENTIALS_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>

#include "service/vertex/credentials/token_source.h"

/* Whichever kind file's credential_source is. */
struct vtx_token_source *vtx_subject_from(const struct vtx_token_place *place,
                                          const struct json_object *file,
                                          const char **ret_why);

/* The kinds; source is the object under credential_source. */

/* A file, read at each fetch. */
struct vtx_token_source *vtx_subject_file_new(const struct json_object *source,
                                              const char **ret_why);

/* A URL, asked with the headers the source names. */
struct vtx_token_source *vtx_subject_url_new(
    const struct vtx_token_place *place, const struct json_object *source,
    const char **ret_why);

/* A program, run at each fetch; file tells it what for. It has 30 s, or what
 * timeout_millis says, and is killed then, with its process group. */
struct vtx_token_source *vtx_subject_executable_new(
    const struct vtx_token_place *place, const struct json_object *file,
    const char **ret_why);

/* Amazon's machines: a signed question "who am I", which Google puts. */
struct vtx_token_source *vtx_subject_aws_new(
    const struct vtx_token_place *place, const struct json_object *file,
    const char **ret_why);

/* How a file or URL holds the token: as its text, or under a key of an
 * object. */
struct vtx_subject_format {
  char *field; /* NULL: text */
};

bool vtx_subject_format_read(struct vtx_subject_format *format,
                             const struct json_object *source,
                             const char **ret_why);
void vtx_subject_format_release(struct vtx_subject_format *format);

/* Tells sink the token that is in text. what names the source in errors. */
void vtx_subject_deliver(const struct vtx_subject_format *format,
                         struct vtx_token_sink sink, const char *what,
                         const char *text);

#endif
