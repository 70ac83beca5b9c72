/* names.h - the C names of what a .proto defines.
 *
 * Two families: the long names that protoc-gen-c gives, which must be matched
 * letter by letter, and the short names that crpc adds.
 *
 *   proto                 long                       short
 *   message a.v1.FooBar   A__V1__FooBar              a_FooBar
 *   its initialiser       A__V1__FOO_BAR__INIT       a_FooBar_INIT
 *   its descriptor        a__v1__foo_bar__descriptor a_FooBar_descriptor
 *
 * Threads:   none; the plugin has one.
 * Ownership: all texts come from the arena handed in; running out of memory
 *            ends the process, as befits a build tool.
 */
#ifndef CRPC_GEN_NAMES_H
#define CRPC_GEN_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct cb_arena;

/* printf into the arena. */
char *gen_text(struct cb_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* protobuf-c's names of a full proto name ("vertexd.v1.GenerateRequest"; a
 * leading dot is fine): Vertexd__V1__GenerateRequest,
 * VERTEXD__V1__GENERATE_REQUEST and vertexd__v1__generate_request. */
char *gen_long_type(struct cb_arena *arena, const char *full_name);
char *gen_long_upper(struct cb_arena *arena, const char *full_name);
char *gen_long_lower(struct cb_arena *arena, const char *full_name);

/* One word, CamelCase or not, in capitals as protobuf-c does it:
 * "finishReason" and "finish_reason" are FINISH_REASON. */
char *gen_upper(struct cb_arena *arena, const char *word);

/* The prefix of short names for a package: "vertexd.v1" gives "vertexd_",
 * "grpc.health.v1" gives "grpc_health_", "" gives "". The last component is
 * kept even if it is a version ("v1", "v1alpha", "v2beta3") when asked, or when
 * it is the only one. */
char *gen_short_prefix(struct cb_arena *arena, const char *package,
                       bool keep_version);

/* The file name without ".proto". */
char *gen_stem(struct cb_arena *arena, const char *file_name);

/* A file name as part of a macro name: other characters than letters and
 * digits become their hexadecimal code. */
char *gen_guard(struct cb_arena *arena, const char *file_name);

#endif
