/* config_reader.h - the state of one reading of the configuration; private to
 * config.c, which reads, and config_check.c, which judges the whole.
 *
 * Threads: none inside.
 */
#ifndef VTX_CONFIG_READER_H
#define VTX_CONFIG_READER_H

#include "service/config.h"
#include "service/config_options.h"

/* Who said what a setting is; the greater wins. */
enum vtx_source {
  VTX_SOURCE_NOBODY,
  VTX_SOURCE_DEFAULT,
  VTX_SOURCE_THEIR_VARIABLE, /* Google's and the like */
  VTX_SOURCE_OUR_VARIABLE,   /* from here on somebody meant vertexd */
  VTX_SOURCE_FLAG,
};

struct vtx_reader {
  const struct vtx_config_input *input;
  struct cb_arena *arena;
  struct vtx_config *config;
  const struct vtx_option *options;
  size_t count;
  enum vtx_source sources[VTX_OPTIONS_MAX];
  const char *message; /* NULL while all is well */
};

/* Notes what is wrong, in the words of printf, and returns false. The first
 * finding stays. */
bool vtx_reader_wrong(struct vtx_reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Who set the setting of that name. */
enum vtx_source vtx_reader_source(const struct vtx_reader *reader,
                                  const char *name);

/* Judges settings against each other, fills in what follows from others. False
 * if vtx_reader_wrong() was called. */
bool vtx_config_check(struct vtx_reader *reader);

/* Settles which credential is meant (config_credential.c). False if settings
 * contradict each other. */
bool vtx_config_choose_credential(struct vtx_reader *reader);

/* Settles what requests look like (config_requests.c): splits and reads lists,
 * looks at the client's certificate. False if something is wrong. */
bool vtx_config_settle_requests(struct vtx_reader *reader);

#endif
