#include "service/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "service/config_options.h"
#include "service/routes/routes.h"
#include "tests/unit/cmocka_all.h"

#define GIB (UINT64_C(1) << 30)

/* One reading: words and variables in, configuration or message out. */
struct reading {
  struct cb_arena *arena;
  const char *env[16]; /* NAME=VALUE */
  struct vtx_config config;
  const char *message;
};

static const char *get_env(void *self, const char *name) {
  struct reading *reading = self;

  for (size_t i = 0; reading->env[i]; i++) {
    size_t len = strlen(name);

    if (strncmp(reading->env[i], name, len) == 0 && reading->env[i][len] == '=')
      return reading->env[i] + len + 1;
  }
  return NULL;
}

static int set_up(void **state) {
  struct reading *reading = calloc(1, sizeof *reading);

  reading->arena = cb_arena_new(NULL, 4 << 20, 0);
  *state = reading;
  return 0;
}

static int tear_down(void **state) {
  struct reading *reading = *state;

  cb_arena_free(reading->arena);
  free(reading);
  return 0;
}

/* Reads the words of line, which blanks part. */
static bool read_line(struct reading *reading, const char *line) {
  const char *argv[40] = {"vertexd"};
  char *copy = cb_arena_strdup(reading->arena, line);
  struct vtx_config_input input = {.argc = 1,
                                   .argv = argv,
                                   .get_env = get_env,
                                   .self = reading,
                                   .machine_memory = 8 * GIB};

  for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
    argv[input.argc++] = word;
  reading->message = "";
  return vtx_config_read(&input, reading->arena, &reading->config,
                         &reading->message);
}

static void good(struct reading *reading, const char *line) {
  if (!read_line(reading, line)) fail_msg("%s: %s", line, reading->message);
}

/* The line is refused with a message that has word in it. */
static void bad(struct reading *reading, const char *line, const char *word) {
  if (read_line(reading, line)) fail_msg("took %s", line);
  if (!strstr(reading->message, word))
    fail_msg("%s: \"%s\" lacks \"%s\"", line, reading->message, word);
}

static void read__nothing_but_emulate__documented_defaults(void **state) {
  struct reading *reading = *state;
  const struct vtx_config *config = &reading->config;

  good(reading, "--emulate");
  assert_true(config->emulate);
  assert_false(config->allow_plaintext);
  assert_int_equal(config->listen_count, 1);
  assert_string_equal(config->listen[0], "127.0.0.1:50051");
  assert_string_equal(config->location, "global");
  assert_string_equal(config->default_model, "gemini-emulated");
  assert_null(config->base_url);
  assert_null(config->ca_file);
  assert_int_equal(config->max_concurrency_cap, 1000);
  assert_int_equal(config->max_in_flight, 10000);
  assert_int_equal(config->max_batch_items, 50000);
  assert_int_equal(config->max_request_bytes, 64 << 20);
  assert_int_equal(config->max_response_bytes, 64 << 20);
  assert_true(config->memory_budget == 4 * GIB);
  assert_true(config->drain_timeout == UINT64_C(30000000000));
  assert_true(config->request_timeout == UINT64_C(60000000000));
  assert_true(config->reader_timeout == UINT64_C(1800000000000));
  assert_true(config->default_deadline == UINT64_C(600000000000));
}

static void read__every_flag__taken(void **state) {
  struct reading *reading = *state;
  const struct vtx_config *config = &reading->config;

  good(reading,
       "--listen 0.0.0.0:1 --listen=unix:/tmp/v.sock --allow-plaintext "
       "--project my-project --location us-central1 --base-url "
       "https://example.com --ca-file /dev/null --access-token-file /t "
       "--default-model m --max-concurrency-cap 2 --max-in-flight=3 "
       "--max-batch-items 4 --max-request-bytes 5KiB --max-response-bytes 6MiB "
       "--memory-budget 7GiB --drain-timeout 8s --reader-timeout 10s "
       "--request-timeout 11s "
       "--default-deadline 9m");
  assert_int_equal(config->listen_count, 2);
  assert_string_equal(config->listen[0], "0.0.0.0:1");
  assert_string_equal(config->listen[1], "unix:/tmp/v.sock");
  assert_true(config->allow_plaintext);
  assert_string_equal(config->project, "my-project");
  assert_string_equal(config->location, "us-central1");
  assert_string_equal(config->base_url, "https://example.com");
  assert_string_equal(config->ca_file, "/dev/null");
  assert_string_equal(config->access_token_file, "/t");
  assert_null(config->api_key);
  assert_string_equal(config->default_model, "m");
  assert_int_equal(config->max_concurrency_cap, 2);
  assert_int_equal(config->max_in_flight, 3);
  assert_int_equal(config->max_batch_items, 4);
  assert_int_equal(config->max_request_bytes, 5 << 10);
  assert_int_equal(config->max_response_bytes, 6 << 20);
  assert_true(config->memory_budget == 7 * GIB);
  assert_true(config->drain_timeout == UINT64_C(8000000000));
  assert_true(config->request_timeout == UINT64_C(11000000000));
  assert_true(config->reader_timeout == UINT64_C(10000000000));
  assert_true(config->default_deadline == UINT64_C(540000000000));
  assert_false(config->emulate);
}

/* A good value for each kind, to set each option by its variable. */
static const char *sample(const struct vtx_option *option) {
  static const char *const samples[][2] = {
      {"base-url", "http://localhost:1"},
      {"ca-file", "/dev/null"},
      {"credentials", "adc"},
      {"api-version", "v1beta1"},
      {"model-quota", "m=77"},
      {"allow-project", "other"},
      {"client-certificate", VTX_TEST_DATA "/client_both.pem"},
      {"client-key", VTX_TEST_DATA "/client_key.pem"},
      {"metrics-listen", "localhost:1"},
      {"request-tier", "flex"}};

  for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
    if (strcmp(option->name, samples[i][0]) == 0) return samples[i][1];
  switch (option->kind) {
    case VTX_OPTION_ACTION:
    case VTX_OPTION_SWITCH:
      return "true";
    case VTX_OPTION_LISTEN:
      return "localhost:1";
    case VTX_OPTION_LIST:
      return "alias=m";
    case VTX_OPTION_COUNT:
      return "77";
    case VTX_OPTION_BYTES:
      return "128MiB";
    case VTX_OPTION_DURATION:
      return "77s";
    case VTX_OPTION_TEXT:
    case VTX_OPTION_SECRET:
      break;
  }
  return "sample";
}

/* Where the option's value is, as bytes to compare. */
static bool same(const struct vtx_option *option, const struct vtx_config *a,
                 const struct vtx_config *b) {
  const char *in_a = (const char *)a + option->offset;
  const char *in_b = (const char *)b + option->offset;
  const char *text_a;
  const char *text_b;

  if (option->kind == VTX_OPTION_SWITCH) return *in_a == *in_b;
  if (option->kind == VTX_OPTION_COUNT || option->kind == VTX_OPTION_BYTES ||
      option->kind == VTX_OPTION_DURATION)
    return memcmp(in_a, in_b, sizeof(uint64_t)) == 0;
  if (option->kind == VTX_OPTION_LIST) {
    const struct vtx_config_list *list_a = (const void *)in_a;
    const struct vtx_config_list *list_b = (const void *)in_b;

    return list_a->count == 1 && list_b->count == 1 &&
           strcmp(list_a->items[0], list_b->items[0]) == 0;
  }
  memcpy(&text_a, in_a, sizeof text_a);
  memcpy(&text_b, in_b, sizeof text_b);
  return text_a && text_b && strcmp(text_a, text_b) == 0;
}

/* What must be there for the option to be taken. */
static const char *base_of(const struct vtx_option *option) {
  static const char certificate[] =
      "--client-certificate=" VTX_TEST_DATA "/client_both.pem";
  static const char *const bases[][2] = {{"api-key", ""},
                                         {"emulate", "--api-key k"},
                                         {"base-url", "--api-key k"},
                                         {"mtls", certificate},
                                         {"client-key", certificate}};

  for (size_t i = 0; i < sizeof bases / sizeof *bases; i++)
    if (strcmp(option->name, bases[i][0]) == 0) return bases[i][1];
  return "--base-url http://localhost:2";
}

/* Setting the option by variable does what setting it by flag does, and is
 * something else than not setting it. */
static void check_variable(struct reading *reading,
                           const struct vtx_option *option,
                           const char *variable) {
  const char *base = base_of(option);
  struct vtx_config by_flag;
  struct vtx_config by_nothing;
  char line[512];
  char assignment[256];

  reading->env[0] = NULL;
  snprintf(line, sizeof line, "%s --%s=%s", base, option->name, sample(option));
  good(reading, line);
  by_flag = reading->config;
  if (*base) {
    good(reading, base);
    by_nothing = reading->config;
    assert_false(same(option, &by_flag, &by_nothing));
  }
  snprintf(assignment, sizeof assignment, "%s=%s", variable, sample(option));
  reading->env[0] = assignment;
  good(reading, base);
  if (!same(option, &by_flag, &reading->config))
    fail_msg("%s is not --%s", variable, option->name);
  reading->env[0] = NULL;
}

static void read__every_variable__same_as_its_flag(void **state) {
  struct reading *reading = *state;
  size_t count;
  const struct vtx_option *options = vtx_options_table(&count);

  for (size_t i = 0; i < count; i++) {
    char variable[VTX_VARIABLE_ROOM];

    if (options[i].kind == VTX_OPTION_ACTION) continue;
    vtx_option_variable(&options[i], variable);
    check_variable(reading, &options[i], variable);
    for (size_t k = 0; k < VTX_OPTION_VARIABLES && options[i].variables[k]; k++)
      check_variable(reading, &options[i], options[i].variables[k]);
  }
}

static void read__several_sources__flag_then_ours_then_theirs(void **state) {
  struct reading *reading = *state;

  reading->env[0] = "GCP_PROJECT=p-gcp";
  good(reading, "--base-url http://127.0.0.1:1");
  assert_string_equal(reading->config.project, "p-gcp");
  reading->env[1] = "GCLOUD_PROJECT=p-gcloud";
  good(reading, "--base-url http://127.0.0.1:1");
  assert_string_equal(reading->config.project, "p-gcloud");
  reading->env[2] = "GOOGLE_CLOUD_PROJECT=p-google";
  good(reading, "--base-url http://127.0.0.1:1");
  assert_string_equal(reading->config.project, "p-google");
  reading->env[3] = "VERTEXD_PROJECT=p-ours";
  good(reading, "--base-url http://127.0.0.1:1");
  assert_string_equal(reading->config.project, "p-ours");
  good(reading, "--base-url http://127.0.0.1:1 --project p-flag");
  assert_string_equal(reading->config.project, "p-flag");
  good(reading, "--base-url http://127.0.0.1:1 --project a --project b");
  assert_string_equal(reading->config.project, "b");
}

static void read__empty_variable__not_set(void **state) {
  struct reading *reading = *state;

  reading->env[0] = "VERTEXD_PROJECT=";
  reading->env[1] = "GOOGLE_CLOUD_PROJECT=p-google";
  reading->env[2] = "VERTEXD_MAX_IN_FLIGHT=";
  good(reading, "--base-url http://127.0.0.1:1");
  assert_string_equal(reading->config.project, "p-google");
  assert_int_equal(reading->config.max_in_flight, 10000);
}

static void read__wrong_variable__named_unless_overridden(void **state) {
  struct reading *reading = *state;

  reading->env[0] = "VERTEXD_MAX_IN_FLIGHT=many";
  bad(reading, "--emulate", "VERTEXD_MAX_IN_FLIGHT");
  good(reading, "--emulate --max-in-flight 5");
  assert_int_equal(reading->config.max_in_flight, 5);
  good(reading, "--help");
  good(reading, "--version");
}

static void read__version_variable_of_an_image__ignored(void **state) {
  struct reading *reading = *state;

  reading->env[0] = "VERTEXD_VERSION=0.1.0";
  good(reading, "--emulate");
  assert_false(reading->config.version);
}

static void read__switch_off__beats_variable(void **state) {
  struct reading *reading = *state;

  reading->env[0] = "VERTEXD_EMULATE=yes";
  good(reading, "");
  assert_true(reading->config.emulate);
  good(reading, "--emulate=false --api-key k");
  assert_false(reading->config.emulate);
  bad(reading, "--emulate=maybe", "--emulate");
  reading->env[0] = "VERTEXD_EMULATE=maybe";
  bad(reading, "", "VERTEXD_EMULATE");
}

static void read__unknown_or_incomplete_words__named(void **state) {
  struct reading *reading = *state;

  bad(reading, "--emulate --listn 1", "--listn");
  bad(reading, "--emulate --list=1", "--list");
  bad(reading, "--emulate stray", "stray");
  bad(reading, "--emulate --", "--");
  bad(reading, "--emulate -x", "-x");
  bad(reading, "--emulate --project", "--project");
  bad(reading, "--emulate --project=", "--project");
}

/* value by value: the last good one and the first bad one. */
static void edge(struct reading *reading, const char *flag, const char *inside,
                 const char *outside) {
  char line[200];

  snprintf(line, sizeof line, "--emulate --memory-budget 4GiB %s %s", flag,
           inside);
  good(reading, line);
  snprintf(line, sizeof line, "--emulate --memory-budget 4GiB %s %s", flag,
           outside);
  bad(reading, line, flag);
}

static void read__numbers_at_limit_and_past__taken_and_refused(void **state) {
  struct reading *reading = *state;

  edge(reading, "--max-concurrency-cap", "1", "0");
  edge(reading, "--max-concurrency-cap", "100000", "100001");
  edge(reading, "--max-in-flight", "1", "0");
  edge(reading, "--max-in-flight", "1000000", "1000001");
  edge(reading, "--max-batch-items", "1", "0");
  edge(reading, "--max-batch-items", "10000000", "10000001");
  edge(reading, "--max-request-bytes", "1KiB", "1023");
  edge(reading, "--max-request-bytes", "1GiB", "1073741825");
  edge(reading, "--max-response-bytes", "1KiB", "1023");
  edge(reading, "--max-response-bytes", "1GiB", "1073741825");
  edge(reading, "--drain-timeout", "0s", "-1s");
  edge(reading, "--drain-timeout", "24h", "86400001ms");
  edge(reading, "--request-timeout", "100ms", "99ms");
  edge(reading, "--request-timeout", "24h", "86400001ms");
  edge(reading, "--reader-timeout", "100ms", "99ms");
  edge(reading, "--reader-timeout", "24h", "86400001ms");
  edge(reading, "--default-deadline", "1ms", "0s");
  edge(reading, "--default-deadline", "24h", "86400001ms");
  edge(reading, "--max-in-flight", "7", "seven");
  edge(reading, "--max-request-bytes", "7MiB", "7MB");
  edge(reading, "--drain-timeout", "7s", "7");
  good(reading, "--emulate --memory-budget 16MiB --max-request-bytes 16MiB");
  bad(reading, "--emulate --memory-budget 16777215 --max-request-bytes 1KiB",
      "--memory-budget");
  bad(reading, "--emulate --memory-budget 16MiB --max-request-bytes 17MiB",
      "--memory-budget");
  good(reading, "--emulate --memory-budget 1048576GiB");
  bad(reading, "--emulate --memory-budget 1048577GiB", "--memory-budget");
}

static void read__listen_beyond_loopback__needs_permission(void **state) {
  struct reading *reading = *state;

  bad(reading, "--emulate --listen 0.0.0.0:1", "--allow-plaintext");
  bad(reading, "--emulate --listen [::]:1", "--allow-plaintext");
  bad(reading, "--emulate --listen localhost:1 --listen host:1", "host:1");
  good(reading, "--emulate --listen 0.0.0.0:1 --allow-plaintext");
  good(reading, "--emulate --listen [::1]:1 --listen unix:/tmp/s");
  bad(reading, "--emulate --listen 50051", "--listen");
}

static void read__sixteen_addresses_and_one_more__taken_and_refused(
    void **state) {
  struct reading *reading = *state;
  char line[600];
  int len = snprintf(line, sizeof line, "--emulate");

  for (int i = 0; i < VTX_LISTEN_MAX; i++)
    len += snprintf(line + len, sizeof line - (size_t)len, " --listen [::1]:0");
  good(reading, line);
  assert_int_equal(reading->config.listen_count, VTX_LISTEN_MAX);
  snprintf(line + len, sizeof line - (size_t)len, " --listen [::1]:0");
  bad(reading, line, "--listen");
}

static void read__metrics_listen__an_address_that_http_has(void **state) {
  struct reading *reading = *state;

  good(reading, "--emulate");
  assert_null(reading->config.metrics_listen);
  good(reading, "--emulate --metrics-listen 0.0.0.0:9464");
  assert_string_equal(reading->config.metrics_listen, "0.0.0.0:9464");
  good(reading, "--emulate --metrics-listen [::1]:0");
  bad(reading, "--emulate --metrics-listen unix:/tmp/s", "--metrics-listen");
  bad(reading, "--emulate --metrics-listen 9464", "--metrics-listen");
  bad(reading, "--emulate --metrics-listen :9464", "--metrics-listen");
  bad(reading, "--emulate --metrics-listen h:65536", "--metrics-listen");
  bad(reading, "--emulate --metrics-listen=", "--metrics-listen");
  reading->env[0] = "VERTEXD_METRICS_LISTEN=localhost:1";
  good(reading, "--emulate");
  assert_string_equal(reading->config.metrics_listen, "localhost:1");
  reading->env[0] = "VERTEXD_METRICS_LISTEN=x";
  bad(reading, "--emulate", "--metrics-listen");
}

static void read__listen_variable__commas_part_addresses(void **state) {
  struct reading *reading = *state;

  reading->env[0] = "VERTEXD_LISTEN=localhost:1,unix:/tmp/s";
  good(reading, "--emulate");
  assert_int_equal(reading->config.listen_count, 2);
  assert_string_equal(reading->config.listen[1], "unix:/tmp/s");
  good(reading, "--emulate --listen localhost:7");
  assert_int_equal(reading->config.listen_count, 1);
  assert_string_equal(reading->config.listen[0], "localhost:7");
  reading->env[0] = "VERTEXD_LISTEN=localhost:1,,localhost:2";
  bad(reading, "--emulate", "VERTEXD_LISTEN");
}

static void read__locations__the_first_is_the_location(void **state) {
  struct reading *reading = *state;
  const struct vtx_config *config = &reading->config;

  good(reading, "--emulate --location us-east1,eu,global");
  assert_string_equal(config->location, "us-east1");
  assert_string_equal(config->locations, "us-east1,eu,global");
  assert_int_equal(config->routes->location_count, 3);
  assert_string_equal(config->routes->locations[2], "global");
  good(reading, "--emulate");
  assert_int_equal(config->routes->location_count, 1);
  reading->env[0] = "GOOGLE_CLOUD_LOCATION=us,eu";
  good(reading, "--emulate");
  assert_string_equal(config->location, "us");
  assert_int_equal(config->routes->location_count, 2);
  bad(reading, "--emulate --location us,,eu", "--location: \"\": a location");
  bad(reading, "--emulate --location us,evil.com/",
      "--location: \"evil.com/\"");
  bad(reading, "--emulate --location us,us", "--location: us is there twice");
}

static void read__sixteen_locations_and_one_more__taken_and_refused(
    void **state) {
  struct reading *reading = *state;
  char line[600];
  int len = snprintf(line, sizeof line, "--emulate --location l0");

  for (int i = 1; i < VTX_ROUTES_LOCATIONS; i++)
    len += snprintf(line + len, sizeof line - (size_t)len, ",l%d", i);
  good(reading, line);
  assert_int_equal(reading->config.routes->location_count, 16);
  snprintf(line + len, sizeof line - (size_t)len, ",more");
  bad(reading, line, "--location: more than 16 locations");
}

static void read__model_aliases__added_up(void **state) {
  struct reading *reading = *state;
  const struct vtx_config *config = &reading->config;

  good(reading,
       "--emulate --location us,eu --model-alias fast=m,n:eu --model-alias "
       "slow=o --default-model fast");
  assert_int_equal(config->model_aliases.count, 2);
  assert_int_equal(config->routes->alias_count, 2);
  assert_string_equal(config->routes->aliases[0].name, "fast");
  assert_int_equal(config->routes->aliases[0].route.count, 3);
  assert_string_equal(config->routes->aliases[1].name, "slow");
  assert_string_equal(config->default_model, "fast");
  good(reading, "--emulate");
  assert_int_equal(config->routes->alias_count, 0);
}

static void read__model_alias_variable__semicolons_part_aliases(void **state) {
  struct reading *reading = *state;

  reading->env[0] = "VERTEXD_MODEL_ALIAS=fast=m,n:eu;slow=o";
  good(reading, "--emulate");
  assert_int_equal(reading->config.routes->alias_count, 2);
  assert_string_equal(reading->config.routes->aliases[1].name, "slow");
  good(reading, "--emulate --model-alias other=m");
  assert_int_equal(reading->config.routes->alias_count, 1);
  assert_string_equal(reading->config.routes->aliases[0].name, "other");
  reading->env[0] = "VERTEXD_MODEL_ALIAS=fast=m;;slow=o";
  bad(reading, "--emulate", "VERTEXD_MODEL_ALIAS: must not be empty");
}

static void read__wrong_model_alias__says_what(void **state) {
  struct reading *reading = *state;

  bad(reading, "--emulate --model-alias=", "--model-alias: must not be empty");
  bad(reading, "--emulate --model-alias fast",
      "--model-alias: \"fast\" is not NAME=MODEL");
  bad(reading, "--emulate --model-alias fast=m:evil.com/",
      "--model-alias: \"evil.com/\": a location");
  bad(reading, "--emulate --model-alias fast=m?x",
      "--model-alias: fast: \"m?x\": this is no model's name");
  bad(reading, "--emulate --model-alias a=m --model-alias a=n",
      "--model-alias: a is there twice");
}

static void read__as_many_aliases_as_there_may_be_and_one_more__refused(
    void **state) {
  struct reading *reading = *state;
  char value[8 * VTX_ROUTES_ALIASES] = "VERTEXD_MODEL_ALIAS=a=m";
  size_t len = strlen(value);

  for (int i = 1; i < VTX_ROUTES_ALIASES; i++)
    len += (size_t)snprintf(value + len, sizeof value - len, ";a%d=m", i);
  reading->env[0] = value;
  good(reading, "--emulate");
  assert_int_equal(reading->config.routes->alias_count, VTX_ROUTES_ALIASES);
  snprintf(value + len, sizeof value - len, ";b=m");
  bad(reading, "--emulate", "VERTEXD_MODEL_ALIAS: given more than 256 times");
}

static void read__no_credential__looked_for_later(void **state) {
  struct reading *reading = *state;

  good(reading, "");
  assert_true(reading->config.use_adc);
  good(reading, "--project p");
  assert_true(reading->config.use_adc);
  bad(reading, "--access-token-file /t", "no project");
  good(reading, "--access-token-file /t --project p");
  assert_false(reading->config.use_adc);
  good(reading, "--api-key k");
  assert_null(reading->config.project);
  assert_false(reading->config.use_adc);
}

static void read__two_credentials__exclude_each_other(void **state) {
  struct reading *reading = *state;

  bad(reading, "--api-key k --access-token-file /t", "--access-token-file");
  bad(reading, "--api-key k --credentials-file /t", "--credentials-file");
  bad(reading, "--access-token-file /t --credentials-file /c", "exclude");
  bad(reading, "--credentials adc --api-key k", "--api-key");
  bad(reading, "--credentials metadata --access-token-file /t", "exclude");
  bad(reading, "--credentials metadata --credentials-file /c", "exclude");
  bad(reading, "--credentials none --credentials-file /c", "exclude");
  bad(reading, "--credentials word", "\"word\"");
  bad(reading, "--credentials Auto", "neither auto");
}

static void read__credentials__what_they_come_to(void **state) {
  struct reading *reading = *state;

  reading->env[0] = "GOOGLE_API_KEY=secret-key";
  reading->env[1] = "GOOGLE_APPLICATION_CREDENTIALS=/adc";
  good(reading, "");
  assert_string_equal(reading->config.api_key, "secret-key");
  assert_false(reading->config.use_adc);
  good(reading, "--credentials adc");
  assert_null(reading->config.api_key);
  assert_true(reading->config.use_adc);
  assert_false(reading->config.metadata_only);
  assert_string_equal(reading->config.credentials_file, "/adc");
  good(reading, "--credentials metadata");
  assert_true(reading->config.use_adc && reading->config.metadata_only);
  assert_null(reading->config.credentials_file);
  good(reading, "--credentials none");
  assert_false(reading->config.use_adc);
  assert_null(reading->config.api_key);
  good(reading, "--credentials-file /own");
  assert_true(reading->config.use_adc);
  assert_null(reading->config.api_key);
  assert_string_equal(reading->config.credentials_file, "/own");
}

static void read__local_base_url__needs_no_credential(void **state) {
  struct reading *reading = *state;
  static const char *const local[] = {"--base-url http://127.0.0.1:8080",
                                      "--base-url http://localhost:8080/prefix",
                                      "--base-url http://[::1]:8080"};
  static const char *const away[] = {"--base-url https://127.0.0.1:8080",
                                     "--base-url http://example.com",
                                     "--base-url http://127.0.0.1.example.com"};

  reading->env[0] = "GOOGLE_APPLICATION_CREDENTIALS=/adc";
  for (size_t i = 0; i < 3; i++) {
    good(reading, local[i]);
    assert_false(reading->config.use_adc);
    good(reading, away[i]);
    assert_true(reading->config.use_adc);
  }
  bad(reading, "--base-url http://localhost@example.com", "--base-url");
  good(reading, "--base-url http://127.0.0.1:1 --credentials-file /own");
  assert_true(reading->config.use_adc);
  good(reading, "--base-url http://127.0.0.1:1 --credentials adc");
  assert_true(reading->config.use_adc);
}

static void read__key_with_project__project_paths(void **state) {
  struct reading *reading = *state;

  reading->env[0] = "GOOGLE_CLOUD_PROJECT=p-env";
  good(reading, "--api-key k");
  assert_string_equal(reading->config.api_key, "k");
  assert_string_equal(reading->config.project, "p-env");
  reading->env[1] = "GEMINI_API_KEY=gemini";
  good(reading, "");
  assert_string_equal(reading->config.api_key, "gemini");
  reading->env[2] = "GOOGLE_API_KEY=google";
  good(reading, "");
  assert_string_equal(reading->config.api_key, "google");
}

static void read__explicit_project_or_token__beats_key_of_environment(
    void **state) {
  struct reading *reading = *state;

  reading->env[0] = "GOOGLE_API_KEY=secret-key";
  good(reading, "--project p --access-token-file /t");
  assert_null(reading->config.api_key);
  good(reading, "--project p");
  assert_null(reading->config.api_key);
  assert_true(reading->config.use_adc);
  good(reading, "--location eu");
  assert_null(reading->config.api_key);
  reading->env[1] = "VERTEXD_API_KEY=ours";
  good(reading, "--project p");
  assert_string_equal(reading->config.api_key, "ours");
}

static void read__emulate__leaves_google_alone(void **state) {
  struct reading *reading = *state;

  reading->env[0] = "GOOGLE_API_KEY=secret-key";
  reading->env[1] = "GOOGLE_VERTEX_BASE_URL=https://example.com";
  good(reading, "--emulate --default-model m --project p");
  assert_null(reading->config.api_key);
  assert_null(reading->config.base_url);
  assert_string_equal(reading->config.default_model, "m");
  assert_string_equal(reading->config.project, "p");
  bad(reading, "--emulate --base-url http://localhost:1", "--base-url");
}

static void read__names_that_steer_a_token__checked(void **state) {
  struct reading *reading = *state;

  bad(reading, "--api-key k --location evil.com/", "--location");
  bad(reading, "--api-key k --project a/b", "--project");
  bad(reading, "--api-key k --base-url ftp://example.com", "--base-url");
  bad(reading, "--emulate --ca-file /nonexistent/ca.pem", "--ca-file");
}

static void help__printed__names_every_flag_and_variable(void **state) {
  char *text = NULL;
  size_t size;
  size_t count;
  const struct vtx_option *options = vtx_options_table(&count);
  FILE *out = open_memstream(&text, &size);

  (void)state;
  vtx_config_print_help(out);
  fclose(out);
  for (size_t i = 0; i < count; i++) {
    char variable[VTX_VARIABLE_ROOM];

    assert_non_null(strstr(text, options[i].name));
    vtx_option_variable(&options[i], variable);
    if (options[i].kind != VTX_OPTION_ACTION)
      assert_non_null(strstr(text, variable));
  }
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
    if (strlen(line) > 80) fail_msg("too wide: %s", line);
  free(text);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(read__nothing_but_emulate__documented_defaults),
      TEST(read__every_flag__taken),
      TEST(read__every_variable__same_as_its_flag),
      TEST(read__several_sources__flag_then_ours_then_theirs),
      TEST(read__empty_variable__not_set),
      TEST(read__wrong_variable__named_unless_overridden),
      TEST(read__version_variable_of_an_image__ignored),
      TEST(read__switch_off__beats_variable),
      TEST(read__unknown_or_incomplete_words__named),
      TEST(read__numbers_at_limit_and_past__taken_and_refused),
      TEST(read__listen_beyond_loopback__needs_permission),
      TEST(read__sixteen_addresses_and_one_more__taken_and_refused),
      TEST(read__metrics_listen__an_address_that_http_has),
      TEST(read__listen_variable__commas_part_addresses),
      TEST(read__locations__the_first_is_the_location),
      TEST(read__sixteen_locations_and_one_more__taken_and_refused),
      TEST(read__model_aliases__added_up),
      TEST(read__model_alias_variable__semicolons_part_aliases),
      TEST(read__wrong_model_alias__says_what),
      TEST(read__as_many_aliases_as_there_may_be_and_one_more__refused),
      TEST(read__no_credential__looked_for_later),
      TEST(read__two_credentials__exclude_each_other),
      TEST(read__credentials__what_they_come_to),
      TEST(read__local_base_url__needs_no_credential),
      TEST(read__key_with_project__project_paths),
      TEST(read__explicit_project_or_token__beats_key_of_environment),
      TEST(read__emulate__leaves_google_alone),
      TEST(read__names_that_steer_a_token__checked),
      cmocka_unit_test(help__printed__names_every_flag_and_variable),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
