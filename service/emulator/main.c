/* vertexd-emulator: the emulator as a program of its own. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "service/emulator/emulator.h"

static const char help[] =
    "Usage: vertexd-emulator [OPTION]...\n"
    "\n"
    "A stand-in for Vertex AI: answers generateContent, streamGenerateContent\n"
    "and countTokens over plain HTTP, and fails on demand.\n"
    "\n"
    "  --listen HOST:PORT       where to listen (127.0.0.1:0: a free port)\n"
    "  --latency TIME           before each answer (200ms, 2s; bare: ms)\n"
    "  --jitter TIME            up to so much more, at random\n"
    "  --chunk-interval TIME    between the chunks of a stream\n"
    "  --defaults \"KEY=VALUE ...\"\n"
    "                           any knobs, for every request, as in a\n"
    "                           directive: \"fault=http_503 probability=0.3\"\n"
    "  --quota \"rps=50 burst=5\"\n"
    "                           429 beyond it, for each location and model;\n"
    "                           also tpm=TOKENS_PER_MINUTE, retryinfo=1\n"
    "  --require-token TOKEN    answer 401 to any other bearer token\n"
    "  --require-api-key KEY    answer 400 to any other key, 403 to none\n"
    "  --require-issued-token   answer 401 to tokens it did not give out\n"
    "  --public-key FILE        PEM file by which service accounts are known\n"
    "  --max-body-bytes N       answer 413 beyond (67108864)\n"
    "  --max-connections N      refuse more (20000)\n"
    "  --gzip                   compress answers for clients that accept it\n"
    "  --quiet                  do not print the address\n"
    "  --help\n"
    "\n"
    "It prints \"listening on http://HOST:PORT\" once it listens and ends on\n"
    "SIGTERM or SIGINT. A prompt may steer its own answer:\n"
    "  [[emulator latency=2s fault=http_503 fail_times=2 key=a]]\n"
    "Knobs, GET /emulator/stats and the other controls are explained in\n"
    "service/emulator/README.md.\n";

enum {
  LISTEN = 256,
  LATENCY,
  JITTER,
  CHUNK_INTERVAL,
  DEFAULTS,
  QUOTA,
  REQUIRE_TOKEN,
  REQUIRE_API_KEY,
  REQUIRE_ISSUED_TOKEN,
  PUBLIC_KEY,
  MAX_BODY_BYTES,
  MAX_CONNECTIONS,
  GZIP,
  QUIET,
  HELP,
};

static const struct option long_options[] = {
    {"listen", required_argument, NULL, LISTEN},
    {"latency", required_argument, NULL, LATENCY},
    {"jitter", required_argument, NULL, JITTER},
    {"chunk-interval", required_argument, NULL, CHUNK_INTERVAL},
    {"defaults", required_argument, NULL, DEFAULTS},
    {"quota", required_argument, NULL, QUOTA},
    {"require-token", required_argument, NULL, REQUIRE_TOKEN},
    {"require-api-key", required_argument, NULL, REQUIRE_API_KEY},
    {"require-issued-token", no_argument, NULL, REQUIRE_ISSUED_TOKEN},
    {"public-key", required_argument, NULL, PUBLIC_KEY},
    {"max-body-bytes", required_argument, NULL, MAX_BODY_BYTES},
    {"max-connections", required_argument, NULL, MAX_CONNECTIONS},
    {"gzip", no_argument, NULL, GZIP},
    {"quiet", no_argument, NULL, QUIET},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

struct command {
  struct vtx_emulator_options options;
  struct cb_buf defaults; /* times are knobs too: one reader for both */
  char key[8192];         /* PEM */
  bool quiet;
};

enum verdict { GO_ON, DONE, WRONG };

static bool read_size(const char *text, size_t *ret_size) {
  char *end;

  errno = 0;
  *ret_size = strtoull(text, &end, 10);
  return errno == 0 && end != text && *end == '\0' && *ret_size > 0 &&
         *ret_size <= INT32_MAX;
}

static void add_knob(struct command *command, const char *key,
                     const char *value) {
  cb_buf_printf(&command->defaults, "%s%s ", key, value);
}

/* "rps=50 burst=5" are the knobs quota_rps and quota_burst. */
static void add_quota(struct command *command, char *words) {
  char *rest = words;
  char *word;

  while ((word = strtok_r(rest, " \t,", &rest))) {
    add_knob(command, "quota_", word);
  }
}

static enum verdict read_key(struct command *command, const char *path) {
  FILE *file = fopen(path, "re");
  size_t size =
      file ? fread(command->key, 1, sizeof command->key - 1, file) : 0;

  if (file) fclose(file);
  command->key[size] = '\0';
  command->options.public_key = command->key;
  if (size > 0) return GO_ON;
  fprintf(stderr, "vertexd-emulator: cannot read %s\n", path);
  return WRONG;
}

static enum verdict read_option(struct command *command, int option) {
  struct vtx_emulator_options *options = &command->options;
  bool good = true;

  switch (option) {
    case LISTEN:
      options->listen = optarg;
      break;
    case LATENCY:
      add_knob(command, "latency=", optarg);
      break;
    case JITTER:
      add_knob(command, "jitter=", optarg);
      break;
    case CHUNK_INTERVAL:
      add_knob(command, "chunk_interval=", optarg);
      break;
    case DEFAULTS:
      add_knob(command, "", optarg);
      break;
    case QUOTA:
      add_quota(command, optarg);
      break;
    case REQUIRE_TOKEN:
      options->require_token = optarg;
      break;
    case REQUIRE_API_KEY:
      options->require_api_key = optarg;
      break;
    case REQUIRE_ISSUED_TOKEN:
      options->require_issued_token = true;
      break;
    case PUBLIC_KEY:
      return read_key(command, optarg);
    case MAX_BODY_BYTES:
      good = read_size(optarg, &options->max_body_bytes);
      break;
    case MAX_CONNECTIONS:
      good = read_size(optarg, &options->max_connections);
      break;
    case GZIP:
      options->gzip = true;
      break;
    case QUIET:
      command->quiet = true;
      break;
    case HELP:
      fputs(help, stdout);
      return DONE;
    default:
      return WRONG; /* getopt has said why */
  }
  if (good) return GO_ON;
  fprintf(stderr, "vertexd-emulator: \"%s\" is not a number from 1 on\n",
          optarg);
  return WRONG;
}

static enum verdict read_command(struct command *command, int argc,
                                 char **argv) {
  enum verdict verdict = GO_ON;
  int option;

  while (verdict == GO_ON &&
         (option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
    verdict = read_option(command, option);
  }
  if (verdict == GO_ON && optind < argc) {
    fprintf(stderr, "vertexd-emulator: what is \"%s\"?\n", argv[optind]);
    verdict = WRONG;
  }
  if (command->defaults.failed) verdict = WRONG;
  command->options.defaults = command->defaults.data;
  return verdict;
}

/* Every connection is a descriptor; the usual soft limit is 1,024. */
static void raise_descriptor_limit(void) {
  struct rlimit limit;

  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

static int serve(const struct command *command) {
  struct vtx_emulator *emulator;
  sigset_t ends;
  char *error;
  int signal;

  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, NULL);
  raise_descriptor_limit();
  emulator = vtx_emulator_new(&command->options, &error);
  if (!emulator) {
    fprintf(stderr, "vertexd-emulator: %s\n", error ? error : "out of memory");
    free(error);
    return 1;
  }
  if (!command->quiet) {
    printf("listening on %s\n", vtx_emulator_url(emulator));
    fflush(stdout);
  }
  sigwait(&ends, &signal);
  vtx_emulator_free(emulator);
  return 0;
}

int main(int argc, char **argv) {
  struct command command = {.quiet = false};
  int result = 0;

  cb_buf_init(&command.defaults, 1 << 16, NULL);
  switch (read_command(&command, argc, argv)) {
    case GO_ON:
      result = serve(&command);
      break;
    case DONE:
      break;
    case WRONG:
      fputs("Try vertexd-emulator --help.\n", stderr);
      result = 2;
      break;
  }
  cb_buf_release(&command.defaults);
  return result;
}
