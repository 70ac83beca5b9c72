#include <stdio.h>
#include <string.h>

#include "client/vertexctl/options_internal.h"

bool ctl_read_file_option(struct ctl_file_options *files, int option,
                          const char *value) {
  switch (option) {
    case CTL_OPTION_INPUT:
      files->input = value;
      return true;
    case CTL_OPTION_FORMAT:
      files->format = ctl_format_named(value);
      if (files->format == CTL_FORMAT_UNKNOWN)
        ctl_wrong("--format must be jsonl, csv or text", value);
      return true;
    case CTL_OPTION_OUTPUT_FILE:
      files->output = value;
      return true;
    case CTL_OPTION_RESUME:
      files->resume = true;
      return true;
    case CTL_OPTION_RETRY_FAILED:
      files->retry_failed = true;
      return true;
    case CTL_OPTION_FSYNC:
      files->fsync = true;
      return true;
    case CTL_OPTION_PROGRESS:
      files->progress = true;
      return true;
    case CTL_OPTION_QUIET:
      files->quiet = true;
      return true;
    case CTL_OPTION_MAX_RECONNECTS:
      files->max_reconnects =
          ctl_read_count("--max-reconnects must be 1 or more", value);
      return true;
    case CTL_OPTION_CALLS:
      files->calls = ctl_read_count("--calls must be 1 to 256", value);
      if (files->calls > CTL_MAX_CALLS)
        ctl_wrong("--calls must be 1 to 256", value);
      return true;
    default:
      return false;
  }
}

/* Is the position of an item asked for? It would be that in one of many
 * calls. */
static bool asks_for_index(const char *template_text) {
  for (const char *at = template_text; at && *at; at++) {
    if (strncmp(at, "{{", 2) == 0)
      at++;
    else if (strncmp(at, "{index}", 7) == 0)
      return true;
  }
  return false;
}

static void check_use(const struct ctl_options *options) {
  const struct ctl_file_options *files = &options->files;

  if (options->command != CTL_BATCH && options->command != CTL_MAP)
    ctl_wrong("--input is for batch and map", NULL);
  if (options->text_count > 0)
    ctl_wrong("prompts come from --input or from the command line, not both",
              options->texts[0]);
  if (files->resume && !files->output)
    ctl_wrong("--resume needs --output-file", NULL);
  if (files->retry_failed && !files->resume)
    ctl_wrong("--retry-failed goes with --resume", NULL);
  if (files->progress && files->quiet)
    ctl_wrong("--progress and --quiet exclude each other", NULL);
  if (files->output && strcmp(files->input, files->output) == 0)
    ctl_wrong("--input and --output-file are the same file", files->input);
  if (asks_for_index(options->template_text) ||
      asks_for_index(options->item_template))
    ctl_wrong("{index} has no meaning with --input: give the items a column",
              NULL);
}

void ctl_check_files(struct ctl_options *options) {
  struct ctl_file_options *files = &options->files;

  if (!files->input) {
    if (files->output || files->resume || files->retry_failed || files->fsync ||
        files->format != CTL_FORMAT_UNKNOWN || files->progress ||
        files->quiet || files->calls)
      ctl_wrong("options about files go with --input", NULL);
    return;
  }
  check_use(options);
  if (files->format == CTL_FORMAT_UNKNOWN)
    files->format = ctl_format_guess(files->input);
  if (files->format == CTL_FORMAT_UNKNOWN)
    ctl_wrong("say with --format what the input is: jsonl, csv or text",
              files->input);
}
