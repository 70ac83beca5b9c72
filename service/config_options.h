/* config_options.h - the table of settings; see config.h.
 *
 * Threads: constants only.
 */
#ifndef VTX_CONFIG_OPTIONS_H
#define VTX_CONFIG_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

enum vtx_option_kind {
  VTX_OPTION_SWITCH,   /* bool; --name, --name=true, --name=false */
  VTX_OPTION_ACTION,   /* bool; a flag without value and variable */
  VTX_OPTION_TEXT,     /* const char *, not empty */
  VTX_OPTION_SECRET,   /* the same, never shown */
  VTX_OPTION_LISTEN,   /* an address; may be given several times */
  VTX_OPTION_LIST,     /* struct vtx_config_list of at most max texts; may be
                          given several times, ; parts those in a variable */
  VTX_OPTION_COUNT,    /* uint64_t */
  VTX_OPTION_BYTES,    /* uint64_t; 4096, 64KiB, 64MiB, 1GiB */
  VTX_OPTION_DURATION, /* uint64_t nanoseconds; 500ms, 30s, 10m, 1h */
};

/* Variables of others that a setting may have, in order of precedence. */
#define VTX_OPTION_VARIABLES 3

struct vtx_option {
  const char *name;     /* without the dashes */
  const char *argument; /* what the help calls its value; NULL for a switch */
  const char *fallback; /* the default, read like a flag's value; may be NULL */
  const char *variables[VTX_OPTION_VARIABLES];
  const char *help; /* lines of at most 56 columns */
  enum vtx_option_kind kind;
  size_t offset; /* in struct vtx_config */
  uint64_t min;
  uint64_t max;
};

/* All settings, in the order of the help text; *ret_count of them. */
const struct vtx_option *vtx_options_table(size_t *ret_count);

/* More than the table has; for arrays beside it. */
#define VTX_OPTIONS_MAX 64

/* VERTEXD_NAME for --name. */
#define VTX_VARIABLE_ROOM 64
void vtx_option_variable(const struct vtx_option *option,
                         char out[VTX_VARIABLE_ROOM]);

#endif
