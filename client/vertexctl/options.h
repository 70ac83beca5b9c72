/* options.h - the command line of vertexctl. */
#ifndef VERTEXCTL_OPTIONS_H
#define VERTEXCTL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/vertexctl/source.h"

enum ctl_command {
  CTL_GENERATE,
  CTL_STREAM,
  CTL_BATCH,
  CTL_MAP,
  CTL_COUNT,
  CTL_HEALTH,
};

/* Exit codes, for scripts. */
enum ctl_exit {
  CTL_ALL_WELL = 0,
  CTL_ITEM_FAILED = 1,   /* the call went well, some items did not */
  CTL_USAGE = 2,         /* wrong words on the command line */
  CTL_CALL_FAILED = 3,   /* the call failed as a whole */
  CTL_UNREACHABLE = 4,   /* no server there, or it does not serve */
  CTL_UNFINISHED = 5,    /* some items have no result: --resume goes on */
  CTL_FILE_FAILED = 6,   /* the output file cannot be read or written */
  CTL_INTERRUPTED = 130, /* SIGINT or SIGTERM; --resume goes on */
};

#define CTL_MAX_TARGETS 64
#define CTL_MAX_RECONNECTS 10
#define CTL_MAX_CALLS 256

/* A batch or map whose items come from a file. */
struct ctl_file_options {
  const char *input; /* NULL: there is none; "-": stdin */
  enum ctl_format format;
  const char *output; /* NULL: stdout */
  bool resume;
  bool retry_failed;
  bool fsync;
  bool progress;          /* also where stderr is no terminal */
  bool quiet;             /* not even there */
  int32_t max_reconnects; /* in a row, without a result in between */
  int32_t calls; /* to share the work; 0: as many as there are targets */
};

struct ctl_options {
  enum ctl_command command;
  const char *targets[CTL_MAX_TARGETS];
  size_t target_count;
  char *target;      /* all of them, as gRPC takes it */
  const char *model; /* NULL: the server's default */
  const char *system;
  const char *template_text;
  const char *item_template;
  const char *schema_path;
  int64_t timeout;   /* nanoseconds, 0: none */
  int64_t keepalive; /* nanoseconds, 0: the client's default */
  int32_t max_concurrency;
  int32_t max_output_tokens; /* 0: not given */
  int tier;                  /* vertexd_RequestTier; 0: not given */
  double temperature;
  bool has_temperature;
  bool return_json;
  bool as_completed;
  bool stop_on_error;
  bool json_lines; /* JSON out instead of text */
  char **texts;    /* prompts, items, or the service of health */
  size_t text_count;
  char *stdin_text; /* what they are pieces of; NULL: of the command line */
  struct ctl_file_options files;
};

/* Reads the command line; stdin too, where prompts are expected and none were
 * given (the whole of it for one prompt, a line each for many). On anything
 * wrong it says so on stderr and exits with CTL_USAGE; for --help and
 * --version it prints and exits with 0. */
void ctl_options_read(struct ctl_options *options, int argc, char **argv);

void ctl_options_release(struct ctl_options *options);

/* The malloc'd content of a file, NUL-ended; NULL if it cannot be read. path
 * "-" is stdin. */
char *ctl_read_file(const char *path, size_t *ret_size);

#endif
