#include "client/vertexctl/options_internal.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/vertexd_client.h"

/* Servers of crpc put up with a ping every 5 s. */
#define MIN_KEEPALIVE (10 * CB_SECOND)

#define LONGEST 1e18 /* nanoseconds: some thirty years */

#ifndef VERTEXD_VERSION
#error "the build defines VERTEXD_VERSION"
#endif

static const struct option long_options[] = {
    {"target", required_argument, NULL, 't'},
    {"model", required_argument, NULL, 'm'},
    {"timeout", required_argument, NULL, 'T'},
    {"keepalive", required_argument, NULL, 'k'},
    {"system", required_argument, NULL, 's'},
    {"max-concurrency", required_argument, NULL, 'c'},
    {"template", required_argument, NULL, 'p'},
    {"item-template", required_argument, NULL, 'i'},
    {"temperature", required_argument, NULL, 'e'},
    {"max-output-tokens", required_argument, NULL, 'n'},
    {"tier", required_argument, NULL, 'r'},
    {"json", no_argument, NULL, 'j'},
    {"schema", required_argument, NULL, 'S'},
    {"as-completed", no_argument, NULL, 'a'},
    {"stop-on-error", no_argument, NULL, 'x'},
    {"output", required_argument, NULL, 'o'},
    {"input", required_argument, NULL, CTL_OPTION_INPUT},
    {"format", required_argument, NULL, CTL_OPTION_FORMAT},
    {"output-file", required_argument, NULL, CTL_OPTION_OUTPUT_FILE},
    {"resume", no_argument, NULL, CTL_OPTION_RESUME},
    {"retry-failed", no_argument, NULL, CTL_OPTION_RETRY_FAILED},
    {"fsync", no_argument, NULL, CTL_OPTION_FSYNC},
    {"progress", no_argument, NULL, CTL_OPTION_PROGRESS},
    {"quiet", no_argument, NULL, CTL_OPTION_QUIET},
    {"max-reconnects", required_argument, NULL, CTL_OPTION_MAX_RECONNECTS},
    {"calls", required_argument, NULL, CTL_OPTION_CALLS},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

_Noreturn void ctl_wrong(const char *what, const char *value) {
  fprintf(stderr, "vertexctl: %s%s%s\nTry 'vertexctl --help'.\n", what,
          value ? ": " : "", value ? value : "");
  exit(CTL_USAGE);
}

static int64_t read_duration(const char *wrong, const char *text) {
  static const struct {
    const char *unit;
    double nanoseconds;
  } units[] = {{"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"", 1e9}};
  char *end;
  double value = strtod(text, &end);

  for (size_t i = 0; end != text && i < sizeof units / sizeof *units; i++) {
    double time = value * units[i].nanoseconds;

    if (strcmp(end, units[i].unit) == 0 && time >= 1 && time <= LONGEST)
      return (int64_t)time;
  }
  ctl_wrong(wrong, text);
}

static int64_t read_keepalive(const char *text) {
  static const char wrong[] = "--keepalive must be a duration of 10s or more";
  int64_t keepalive = read_duration(wrong, text);

  if (keepalive < MIN_KEEPALIVE) ctl_wrong(wrong, text);
  return keepalive;
}

int32_t ctl_read_count(const char *flag, const char *text) {
  char *end;
  long value;

  errno = 0;
  value = strtol(text, &end, 10);
  if (end == text || *end || errno || value < 1 || value > INT32_MAX)
    ctl_wrong(flag, text);
  return (int32_t)value;
}

static double read_number(const char *text) {
  char *end;
  double value = strtod(text, &end);

  if (end == text || *end || !isfinite(value))
    ctl_wrong("--temperature must be a number", text);
  return value;
}

static bool read_output(const char *text) {
  if (strcmp(text, "json") == 0) return true;
  if (strcmp(text, "text") == 0) return false;
  ctl_wrong("--output must be text or json", text);
}

static int read_tier(const char *text) {
  static const struct {
    const char *name;
    int tier;
  } tiers[] = {
      {"standard", vertexd_REQUEST_TIER_STANDARD},
      {"dedicated", vertexd_REQUEST_TIER_DEDICATED},
      {"shared", vertexd_REQUEST_TIER_SHARED},
      {"priority", vertexd_REQUEST_TIER_PRIORITY},
      {"flex", vertexd_REQUEST_TIER_FLEX},
      {"shared-priority", vertexd_REQUEST_TIER_SHARED_PRIORITY},
      {"shared-flex", vertexd_REQUEST_TIER_SHARED_FLEX},
  };

  for (size_t i = 0; i < sizeof tiers / sizeof *tiers; i++)
    if (strcmp(text, tiers[i].name) == 0) return tiers[i].tier;
  ctl_wrong(
      "--tier must be standard, dedicated, shared, priority, flex, "
      "shared-priority or shared-flex",
      text);
}

/* What goes into the request. False if it is another option. */
static bool read_setting(struct ctl_options *options, int letter,
                         const char *value) {
  switch (letter) {
    case 'm':
      options->model = value;
      return true;
    case 's':
      options->system = value;
      return true;
    case 'e':
      options->temperature = read_number(value);
      options->has_temperature = true;
      return true;
    case 'n':
      options->max_output_tokens =
          ctl_read_count("--max-output-tokens must be 1 or more", value);
      return true;
    case 'r':
      options->tier = read_tier(value);
      return true;
    case 'j':
      options->return_json = true;
      return true;
    case 'S':
      options->schema_path = value;
      return true;
    default:
      return false;
  }
}

static void read_option(struct ctl_options *options, int letter,
                        const char *value) {
  switch (letter) {
    case 't':
      if (options->target_count == CTL_MAX_TARGETS)
        ctl_wrong("too many targets", value);
      options->targets[options->target_count++] = value;
      break;
    case 'T':
      options->timeout = read_duration(
          "--timeout must be a duration such as 500ms, 30s or 10m", value);
      break;
    case 'k':
      options->keepalive = read_keepalive(value);
      break;
    case 'c':
      options->max_concurrency =
          ctl_read_count("--max-concurrency must be 1 or more", value);
      break;
    case 'p':
      options->template_text = value;
      break;
    case 'i':
      options->item_template = value;
      break;
    case 'a':
      options->as_completed = true;
      break;
    case 'x':
      options->stop_on_error = true;
      break;
    case 'o':
      options->json_lines = read_output(value);
      break;
    case 'h':
      fputs(ctl_help, stdout);
      exit(CTL_ALL_WELL);
    case 'V':
      puts("vertexctl " VERTEXD_VERSION);
      exit(CTL_ALL_WELL);
    default:
      if (!read_setting(options, letter, value) &&
          !ctl_read_file_option(&options->files, letter, value))
        ctl_wrong("unknown option", NULL);
  }
}

static enum ctl_command read_command(const char *word) {
  static const char *const names[] = {"generate", "stream", "batch",
                                      "map",      "count",  "health"};

  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(word, names[i]) == 0) return (enum ctl_command)i;
  ctl_wrong("unknown command", word);
}

static void check(struct ctl_options *options) {
  bool one = options->command != CTL_BATCH && options->command != CTL_MAP;

  if (one && options->text_count > 1)
    ctl_wrong("one prompt, please; quote it", options->texts[1]);
  if (options->command == CTL_MAP && !options->template_text)
    ctl_wrong("map needs --template", NULL);
  if (options->command != CTL_MAP &&
      (options->template_text || options->item_template))
    ctl_wrong("--template and --item-template are for map", NULL);
  ctl_check_files(options);
}

/* Several targets are one, in gRPC's words, that names all of them. */
static void settle_target(struct ctl_options *options) {
  const char *address = getenv("VERTEXD_ADDRESS");
  struct ctl_problem problem;

  if (options->target_count == 0)
    options->targets[options->target_count++] =
        address && *address ? address : "127.0.0.1:50051";
  options->target =
      ctl_target_join(options->targets, options->target_count, &problem);
  if (!options->target) ctl_wrong(problem.text, NULL);
}

void ctl_options_release(struct ctl_options *options) {
  free(options->target);
  free(options->texts);
  free(options->stdin_text);
}

void ctl_options_read(struct ctl_options *options, int argc, char **argv) {
  int letter;

  *options = (struct ctl_options){
      .json_lines = !isatty(STDOUT_FILENO),
      .files = {.max_reconnects = CTL_MAX_RECONNECTS},
  };
  if (argc < 2) ctl_wrong("a command is missing", NULL);
  if (argv[1][0] != '-') {
    options->command = read_command(argv[1]);
    argc--;
    argv++;
  } else if (strcmp(argv[1], "--help") != 0 &&
             strcmp(argv[1], "--version") != 0 && strcmp(argv[1], "-h") != 0) {
    ctl_wrong("the command comes first", argv[1]);
  }
  while ((letter = getopt_long(argc, argv, "t:m:T:s:c:o:h", long_options,
                               NULL)) != -1)
    read_option(options, letter, optarg);
  while (optind < argc)
    ctl_add_text(options, argv[optind++]);
  if (options->text_count == 0 && options->command != CTL_HEALTH &&
      !options->files.input)
    ctl_read_texts(options);
  check(options);
  settle_target(options);
}
