#include "client/vertexctl/options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef VERTEXD_VERSION
#error "the build defines VERTEXD_VERSION"
#endif

#define MAX_INPUT ((size_t)1 << 30)

static const char help[] =
    "usage: vertexctl COMMAND [OPTIONS] [TEXT ...]\n"
    "\n"
    "  generate PROMPT     one prompt, one answer\n"
    "  stream PROMPT       the answer as it is produced\n"
    "  batch PROMPT ...    many prompts, answers in order\n"
    "  map ITEM ...        a template over items (--template)\n"
    "  count PROMPT        tokens of a prompt\n"
    "  health [SERVICE]    is the server serving?\n"
    "\n"
    "Without TEXT the prompt is read from stdin: all of it for generate, "
    "stream\n"
    "and count, one a line for batch and map.\n"
    "\n"
    "  -t, --target ADDRESS         server; $VERTEXD_ADDRESS, 127.0.0.1:50051\n"
    "  -m, --model NAME             model; the server's default\n"
    "  -T, --timeout DURATION       of the whole call: 500ms, 30s, 10m\n"
    "  -s, --system TEXT            system instruction\n"
    "  -c, --max-concurrency N      prompts at a time (batch, map; 5)\n"
    "      --template TEXT          template with {item} (map)\n"
    "      --item-template TEXT     phrases the item first (map)\n"
    "      --temperature X          sampling temperature\n"
    "      --max-output-tokens N    length of an answer\n"
    "      --json                   ask for JSON\n"
    "      --schema FILE            ask for JSON of this schema\n"
    "      --as-completed           results as they finish (batch, map)\n"
    "      --stop-on-error          stop at the first failed item\n"
    "  -o, --output text|json       text on a terminal, JSON lines otherwise\n"
    "      --help, --version\n"
    "\n"
    "exit: 0 all well, 1 an item failed, 2 wrong usage, 3 the call failed,\n"
    "      4 the server cannot be reached or does not serve\n";

static const struct option long_options[] = {
    {"target", required_argument, NULL, 't'},
    {"model", required_argument, NULL, 'm'},
    {"timeout", required_argument, NULL, 'T'},
    {"system", required_argument, NULL, 's'},
    {"max-concurrency", required_argument, NULL, 'c'},
    {"template", required_argument, NULL, 'p'},
    {"item-template", required_argument, NULL, 'i'},
    {"temperature", required_argument, NULL, 'e'},
    {"max-output-tokens", required_argument, NULL, 'n'},
    {"json", no_argument, NULL, 'j'},
    {"schema", required_argument, NULL, 'S'},
    {"as-completed", no_argument, NULL, 'a'},
    {"stop-on-error", no_argument, NULL, 'x'},
    {"output", required_argument, NULL, 'o'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static _Noreturn void wrong(const char *what, const char *value) {
  fprintf(stderr, "vertexctl: %s%s%s\nTry 'vertexctl --help'.\n", what,
          value ? ": " : "", value ? value : "");
  exit(CTL_USAGE);
}

static int64_t read_duration(const char *text) {
  static const struct {
    const char *unit;
    double nanoseconds;
  } units[] = {{"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"", 1e9}};
  char *end;
  double value = strtod(text, &end);

  if (end != text && value > 0 && value < 1e9) {
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
      if (strcmp(end, units[i].unit) == 0)
        return (int64_t)(value * units[i].nanoseconds);
  }
  wrong("--timeout must be a duration such as 500ms, 30s or 10m", text);
}

static int32_t read_count(const char *flag, const char *text) {
  char *end;
  long value;

  errno = 0;
  value = strtol(text, &end, 10);
  if (end == text || *end || errno || value < 1 || value > INT32_MAX)
    wrong(flag, text);
  return (int32_t)value;
}

static double read_number(const char *text) {
  char *end;
  double value = strtod(text, &end);

  if (end == text || *end || !isfinite(value))
    wrong("--temperature must be a number", text);
  return value;
}

static bool read_output(const char *text) {
  if (strcmp(text, "json") == 0) return true;
  if (strcmp(text, "text") == 0) return false;
  wrong("--output must be text or json", text);
}

static void read_option(struct ctl_options *options, int letter,
                        const char *value) {
  switch (letter) {
    case 't':
      options->target = value;
      break;
    case 'm':
      options->model = value;
      break;
    case 'T':
      options->timeout = read_duration(value);
      break;
    case 's':
      options->system = value;
      break;
    case 'c':
      options->max_concurrency =
          read_count("--max-concurrency must be 1 or more", value);
      break;
    case 'p':
      options->template_text = value;
      break;
    case 'i':
      options->item_template = value;
      break;
    case 'e':
      options->temperature = read_number(value);
      options->has_temperature = true;
      break;
    case 'n':
      options->max_output_tokens =
          read_count("--max-output-tokens must be 1 or more", value);
      break;
    case 'j':
      options->return_json = true;
      break;
    case 'S':
      options->schema_path = value;
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
      fputs(help, stdout);
      exit(CTL_ALL_WELL);
    case 'V':
      puts("vertexctl " VERTEXD_VERSION);
      exit(CTL_ALL_WELL);
    default:
      wrong("unknown option", NULL);
  }
}

static enum ctl_command read_command(const char *word) {
  static const char *const names[] = {"generate", "stream", "batch",
                                      "map",      "count",  "health"};

  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(word, names[i]) == 0) return (enum ctl_command)i;
  wrong("unknown command", word);
}

char *ctl_read_file(const char *path, size_t *ret_size) {
  FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
  char *text = NULL;
  size_t size = 0;
  size_t room = 0;

  while (file && !feof(file) && !ferror(file) && size < MAX_INPUT) {
    if (room - size < 65536) {
      char *larger = realloc(text, room + 65536 + room / 2);

      if (!larger) break;
      text = larger;
      room += 65536 + room / 2;
    }
    size += fread(text + size, 1, room - size - 1, file);
  }
  if (!file || ferror(file) || !feof(file)) {
    free(text);
    text = NULL;
  }
  if (file && file != stdin) fclose(file);
  if (text) text[size] = '\0';
  *ret_size = size;
  return text;
}

static void add_text(struct ctl_options *options, char *text) {
  size_t count = options->text_count;

  if ((count & (count - 1)) == 0) { /* a power of two: full */
    char **larger =
        realloc(options->texts, (count ? count * 2 : 1) * sizeof *larger);

    if (!larger) wrong("out of memory", NULL);
    options->texts = larger;
  }
  options->texts[options->text_count++] = text;
}

/* The texts are pieces of one block that lives to the end of the process. */
static void read_stdin(struct ctl_options *options) {
  bool many = options->command == CTL_BATCH || options->command == CTL_MAP;
  size_t size;
  char *text = ctl_read_file("-", &size);

  if (!text) wrong("cannot read stdin", NULL);
  if (strlen(text) != size) wrong("stdin has a NUL byte", NULL);
  if (size > 0 && text[size - 1] == '\n') text[size - 1] = '\0';
  if (!many) {
    add_text(options, text);
    return;
  }
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
    add_text(options, line);
}

static void check(const struct ctl_options *options) {
  bool one = options->command != CTL_BATCH && options->command != CTL_MAP;

  if (one && options->text_count > 1)
    wrong("one prompt, please; quote it", options->texts[1]);
  if (options->command == CTL_MAP && !options->template_text)
    wrong("map needs --template", NULL);
  if (options->command != CTL_MAP &&
      (options->template_text || options->item_template))
    wrong("--template and --item-template are for map", NULL);
}

void ctl_options_read(struct ctl_options *options, int argc, char **argv) {
  const char *address = getenv("VERTEXD_ADDRESS");
  int letter;

  *options = (struct ctl_options){
      .target = address && *address ? address : "127.0.0.1:50051",
      .json_lines = !isatty(STDOUT_FILENO),
  };
  if (argc < 2) wrong("a command is missing", NULL);
  if (argv[1][0] != '-') {
    options->command = read_command(argv[1]);
    argc--;
    argv++;
  } else if (strcmp(argv[1], "--help") != 0 &&
             strcmp(argv[1], "--version") != 0 && strcmp(argv[1], "-h") != 0) {
    wrong("the command comes first", argv[1]);
  }
  while ((letter = getopt_long(argc, argv, "t:m:T:s:c:o:h", long_options,
                               NULL)) != -1)
    read_option(options, letter, optarg);
  while (optind < argc)
    add_text(options, argv[optind++]);
  if (options->text_count == 0 && options->command != CTL_HEALTH)
    read_stdin(options);
  check(options);
}
