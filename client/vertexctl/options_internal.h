/* options_internal.h - what the files that read the command line share. */
#ifndef VERTEXCTL_OPTIONS_INTERNAL_H
#define VERTEXCTL_OPTIONS_INTERNAL_H

#include "client/vertexctl/options.h"
#include "client/vertexctl/targets.h"

/* Options without a letter. */
enum ctl_long_option {
  CTL_OPTION_INPUT = 1000,
  CTL_OPTION_FORMAT,
  CTL_OPTION_OUTPUT_FILE,
  CTL_OPTION_RESUME,
  CTL_OPTION_RETRY_FAILED,
  CTL_OPTION_FSYNC,
  CTL_OPTION_PROGRESS,
  CTL_OPTION_QUIET,
  CTL_OPTION_MAX_RECONNECTS,
  CTL_OPTION_CALLS,
};

extern const char ctl_help[];

/* Says what is wrong with the command line and ends with CTL_USAGE. */
_Noreturn void ctl_wrong(const char *what, const char *value);

/* A number from 1 on; flag says so where it is none. */
int32_t ctl_read_count(const char *flag, const char *text);

/* Takes an option of the file kind; false if it is none. */
bool ctl_read_file_option(struct ctl_file_options *files, int option,
                          const char *value);

/* Do the options about files go together, and with the others? */
void ctl_check_files(struct ctl_options *options);

/* Adds a prompt or an item. */
void ctl_add_text(struct ctl_options *options, char *text);

/* Reads the texts from stdin. */
void ctl_read_texts(struct ctl_options *options);

#endif
