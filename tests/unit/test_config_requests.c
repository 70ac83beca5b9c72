/* The settings of what requests look like: version, tier, labels, projects
 * that may be named, certificate. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "service/config.h"
#include "service/config_endpoint.h"
#include "service/vertex/labels.h"
#include "tests/unit/cmocka_all.h"

#define DATA VTX_TEST_DATA "/"
#define CERTIFICATE "--client-certificate=" DATA "client_certificate.pem"
#define MOST_WORDS 300

/* One reading: words and one variable in, configuration or message out. */
struct reading {
  struct cb_arena *arena;
  const char *variable; /* NAME=VALUE, NULL: none */
  const char *argv[MOST_WORDS];
  int argc;
  struct vtx_config config;
  const char *message;
};

static const char *get_env(void *self, const char *name) {
  const struct reading *reading = self;
  size_t len = strlen(name);

  if (!reading->variable || strncmp(reading->variable, name, len) != 0 ||
      reading->variable[len] != '=')
    return NULL;
  return reading->variable + len + 1;
}

static int set_up(void **state) {
  struct cb_arena *arena = cb_arena_new(NULL, 4 << 20, 0);
  struct reading *reading = cb_arena_zalloc(arena, 1, sizeof *reading);

  reading->arena = arena;
  *state = reading;
  return 0;
}

static int tear_down(void **state) {
  cb_arena_free(((struct reading *)*state)->arena);
  return 0;
}

static bool read_words(struct reading *reading) {
  const struct vtx_config_input input = {.argc = reading->argc,
                                         .argv = reading->argv,
                                         .get_env = get_env,
                                         .self = reading,
                                         .machine_memory = 8ULL << 30};

  reading->message = "";
  return vtx_config_read(&input, reading->arena, &reading->config,
                         &reading->message);
}

static void words(struct reading *reading, const char *one, const char *two) {
  reading->argv[0] = "vertexd";
  reading->argv[1] = one;
  reading->argv[2] = two;
  reading->argc = two ? 3 : 2;
}

static void good(struct reading *reading, const char *one, const char *two) {
  words(reading, one, two);
  if (!read_words(reading)) fail_msg("%s: %s", one, reading->message);
}

static void bad(struct reading *reading, const char *one, const char *two,
                const char *message) {
  words(reading, one, two);
  if (read_words(reading)) fail_msg("took %s", one);
  if (!strstr(reading->message, message))
    assert_string_equal(reading->message, message);
}

static void version_and_tier__names__taken_or_refused(void **state) {
  struct reading *reading = *state;
  static const char *const tiers[] = {
      "standard", "dedicated",       "shared",     "priority",
      "flex",     "shared-priority", "shared-flex"};

  good(reading, "--emulate", NULL);
  assert_string_equal(reading->config.api_version, "v1");
  assert_string_equal(reading->config.request_tier, "standard");
  good(reading, "--emulate", "--api-version=v1beta1");
  assert_true(vtx_config_endpoint(&reading->config, "p", NULL).beta);
  bad(reading, "--emulate", "--api-version=v2", "neither v1 nor v1beta1");
  for (size_t i = 0; i < sizeof tiers / sizeof *tiers; i++)
    good(reading, "--emulate",
         cb_arena_printf(reading->arena, "--request-tier=%s", tiers[i]));
  bad(reading, "--emulate", "--request-tier=Flex", "\"Flex\" is neither");
}

static void allow_project__flags_and_commas__add_up(void **state) {
  struct reading *reading = *state;
  struct vtx_endpoint endpoint;

  good(reading, "--allow-project=a,b", "--allow-project=example.com:c");
  endpoint = vtx_config_endpoint(&reading->config, "p", NULL);
  assert_int_equal(endpoint.project_count, 3);
  assert_string_equal(endpoint.projects[0], "a");
  assert_string_equal(endpoint.projects[1], "b");
  assert_string_equal(endpoint.projects[2], "example.com:c");
  reading->variable = "VERTEXD_ALLOW_PROJECT=d,e";
  good(reading, "--project=p", NULL);
  assert_int_equal(reading->config.allowed_projects.count, 2);
  bad(reading, "--allow-project=a,,b", NULL, "--allow-project: a project has");
  bad(reading, "--allow-project=a/b", NULL, "--allow-project: a project has");
}

static void allow_project__as_many_as_there_may_be_and_one_more__refused(
    void **state) {
  struct reading *reading = *state;
  char text[4 * VTX_ALLOWED_PROJECTS + 40] = "--allow-project=a";
  size_t size = strlen(text);

  for (int i = 1; i < VTX_ALLOWED_PROJECTS; i++) {
    memcpy(text + size, ",a", 3);
    size += 2;
  }
  good(reading, text, NULL);
  assert_int_equal(reading->config.allowed_projects.count,
                   VTX_ALLOWED_PROJECTS);
  memcpy(text + size, ",a", 3);
  bad(reading, text, NULL, "--allow-project: more than 256");
}

static void label__texts__read(void **state) {
  struct reading *reading = *state;

  good(reading, "--emulate", NULL);
  assert_int_equal(reading->config.labels->count, 0);
  good(reading, "--emulate", "--label=team=search");
  assert_int_equal(reading->config.labels->count, 1);
  assert_string_equal(reading->config.labels->pairs[0].key, "team");
  assert_string_equal(reading->config.labels->pairs[0].value, "search");
  reading->variable = "VERTEXD_LABEL=a=;b=2";
  good(reading, "--emulate", NULL);
  assert_int_equal(reading->config.labels->count, 2);
  assert_string_equal(reading->config.labels->pairs[0].value, "");
  bad(reading, "--emulate", "--label=team", "is not KEY=VALUE");
  bad(reading, "--emulate", "--label=Team=x", "does not begin with");
  bad(reading, "--emulate", "--label=team=x=y", "its value has others");
  bad(reading, "--label=a=1", "--label=a=2", "the key a is there twice");
}

static void label__64_of_them__taken_65_refused(void **state) {
  struct reading *reading = *state;

  words(reading, "--emulate", NULL);
  while (reading->argc < VTX_LABELS_MAX + 2) {
    reading->argv[reading->argc] =
        cb_arena_printf(reading->arena, "--label=k%d=v", reading->argc);
    reading->argc++;
  }
  assert_true(read_words(reading));
  assert_int_equal(reading->config.labels->count, VTX_LABELS_MAX);
  reading->argv[reading->argc++] = "--label=more=v";
  assert_false(read_words(reading));
  assert_non_null(strstr(reading->message, "--label: given more than 64"));
}

static void certificate__with_its_key__taken(void **state) {
  struct reading *reading = *state;

  good(reading, CERTIFICATE, "--client-key=" DATA "client_key.pem");
  assert_false(vtx_config_endpoint(&reading->config, "p", NULL).mtls);
  good(reading, "--client-certificate=" DATA "client_both.pem", "--mtls");
  assert_string_equal(reading->config.client_key, DATA "client_both.pem");
  assert_true(vtx_config_endpoint(&reading->config, "p", NULL).mtls);
}

static void certificate__wrong_files__say_which(void **state) {
  struct reading *reading = *state;

  bad(reading, "--mtls", NULL, "--mtls needs --client-certificate");
  bad(reading, "--client-key=/k", NULL,
      "--client-key needs --client-certificate");
  bad(reading, "--client-certificate=/none", NULL,
      "--client-certificate: /none is not a readable PEM file");
  bad(reading, "--client-certificate=" DATA "client_key.pem", NULL,
      "with a certificate");
  bad(reading, CERTIFICATE, NULL, "with a private key in clear");
  bad(reading, CERTIFICATE, "--client-key=" DATA "locked_key.pem",
      "with a private key in clear");
  bad(reading, CERTIFICATE, "--client-key=" DATA "other_key.pem",
      "is not the key of the certificate");
}

static void mtls__beside_another_upstream__refused(void **state) {
  struct reading *reading = *state;

  bad(reading, "--mtls", "--emulate", "--mtls and --emulate exclude");
  bad(reading, "--mtls", "--base-url=https://h", "--mtls and --base-url");
}

static void base_url__place_for_the_location__checked(void **state) {
  struct reading *reading = *state;

  good(reading, "--base-url=https://{location}-x.p.example", NULL);
  bad(reading, "--base-url=https://x.{location}", NULL, "--base-url: a host");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(version_and_tier__names__taken_or_refused),
      TEST(allow_project__flags_and_commas__add_up),
      TEST(allow_project__as_many_as_there_may_be_and_one_more__refused),
      TEST(label__texts__read),
      TEST(label__64_of_them__taken_65_refused),
      TEST(certificate__with_its_key__taken),
      TEST(certificate__wrong_files__say_which),
      TEST(mtls__beside_another_upstream__refused),
      TEST(base_url__place_for_the_location__checked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
