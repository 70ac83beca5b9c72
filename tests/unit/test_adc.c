/* Where credentials are looked for, and what a file must have. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "service/vertex/credentials/adc.h"
#include "service/vertex/credentials/secret.h"

#define IAM                                                              \
  "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/" \
  "a@b.c:generateAccessToken"
#define USER                                           \
  "\"client_id\":\"c\",\"client_secret\":\"se-cret\"," \
  "\"refresh_token\":\"se-cret\""
#define EXTERNAL(source)                                 \
  "{\"type\":\"external_account\",\"audience\":\"//a\"," \
  "\"subject_token_type\":\"t\",\"credential_source\":{" source "}}"

struct place {
  char folder[64];
  char file[128];
  char gcloud[128];
};

static int set_up(void **state) {
  struct place *place = calloc(1, sizeof *place);

  snprintf(place->folder, sizeof place->folder, "/tmp/vertexd-adc-XXXXXX");
  assert_non_null(mkdtemp(place->folder));
  snprintf(place->file, sizeof place->file, "%s/c.json", place->folder);
  snprintf(place->gcloud, sizeof place->gcloud,
           "%s/application_default_credentials.json", place->folder);
  setenv("CLOUDSDK_CONFIG", place->folder, 1);
  setenv("NO_GCE_CHECK", "true", 1);
  unsetenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES");
  *state = place;
  return 0;
}

static int tear_down(void **state) {
  struct place *place = *state;

  unlink(place->file);
  unlink(place->gcloud);
  rmdir(place->folder);
  free(place);
  return 0;
}

static void write_text(const char *path, const char *text) {
  FILE *file = fopen(path, "w");

  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

/* A service account with the key of the vectors. */
static void write_account(const char *path, const char *more) {
  struct json_object *vector =
      json_object_from_file(VTX_TEST_DATA "/jwt_vector.json");
  struct json_object *account = json_tokener_parse(more);

  json_object_object_add(account, "type",
                         json_object_new_string("service_account"));
  json_object_object_add(account, "client_email",
                         json_object_new_string("a@b.c"));
  json_object_object_add(
      account, "private_key",
      json_object_get(json_object_object_get(vector, "private_key_pem")));
  write_text(path, json_object_to_json_string(account));
  json_object_put(account);
  json_object_put(vector);
}

static struct vtx_adc_facts facts_of(struct vtx_credential *credential) {
  struct vtx_adc_facts facts;

  assert_non_null(credential);
  assert_true(vtx_adc_facts(credential, &facts));
  return facts;
}

static void open__file_named__its_facts(void **state) {
  const struct place *place = *state;
  const struct vtx_adc_options options = {.file = place->file};
  struct vtx_token_failure failure;
  struct vtx_credential *credential;
  struct vtx_adc_facts facts;

  write_account(place->file,
                "{\"project_id\":\"p-file\",\"quota_project_id\":\"q\","
                "\"universe_domain\":\"apis.example\"}");
  write_text(place->gcloud, "{"); /* is not looked at */
  credential = vtx_adc_open(&options, &failure);
  facts = facts_of(credential);
  assert_string_equal(facts.kind, "service_account");
  assert_string_equal(facts.file, place->file);
  assert_string_equal(facts.project, "p-file");
  assert_string_equal(facts.universe, "apis.example");
  vtx_credential_free(credential);
}

static void open__universe_given__wins(void **state) {
  const struct place *place = *state;
  struct vtx_adc_options options = {.file = place->file,
                                    .universe = "other.example"};
  struct vtx_token_failure failure;
  struct vtx_credential *credential;

  write_account(place->file, "{\"universe_domain\":\"apis.example\"}");
  credential = vtx_adc_open(&options, &failure);
  assert_string_equal(facts_of(credential).universe, "other.example");
  vtx_credential_free(credential);
  options.universe = "evil.example/x";
  assert_null(vtx_adc_open(&options, &failure));
  assert_non_null(strstr(failure.status.message, "universe"));
}

static void open__file_named_and_missing__no_fall_through(void **state) {
  const struct place *place = *state;
  const struct vtx_adc_options options = {.file = place->file};
  struct vtx_token_failure failure;

  write_text(place->gcloud, "{\"type\":\"authorized_user\"," USER "}");
  assert_null(vtx_adc_open(&options, &failure));
  assert_int_equal(failure.status.code, CB_FAILED_PRECONDITION);
  assert_string_equal(failure.status.reason, "CREDENTIAL_UNAVAILABLE");
  assert_non_null(strstr(failure.status.message, place->file));
}

static void open__nothing_named__gcloud_then_none(void **state) {
  const struct place *place = *state;
  const struct vtx_adc_options options = {.file = NULL};
  struct vtx_token_failure failure;
  struct vtx_credential *credential;

  assert_null(vtx_adc_open(&options, &failure));
  assert_non_null(strstr(failure.status.message, "no metadata server"));
  write_text(place->gcloud, "{\"type\":\"authorized_user\"," USER
                            ",\"quota_project_id\":\"q\"}");
  credential = vtx_adc_open(&options, &failure);
  assert_string_equal(facts_of(credential).kind, "authorized_user");
  assert_string_equal(facts_of(credential).project, "q");
  vtx_credential_free(credential);
}

static void facts__other_kind__none(void **state) {
  struct vtx_credential *none = vtx_credential_none();
  struct vtx_adc_facts facts;

  (void)state;
  assert_false(vtx_adc_facts(none, &facts));
  vtx_adc_bind(none, NULL, NULL);
  vtx_credential_free(none);
}

static void open__every_kind__taken(void **state) {
  static const char *const good[] = {
      "{\"type\":\"authorized_user\"," USER "}",
      "{\"type\":\"external_account_authorized_user\"," USER "}",
      "{\"type\":\"impersonated_service_account\","
      "\"service_account_impersonation_url\":\"" IAM
      "\","
      "\"source_credentials\":{\"type\":\"authorized_user\"," USER "}}",
      EXTERNAL("\"file\":\"/f\""),
      EXTERNAL("\"url\":\"http://169.254.169.254/t\",\"headers\":"
               "{\"Metadata\":\"True\"}"),
      EXTERNAL("\"environment_id\":\"aws1\",\"regional_cred_verification_"
               "url\":\"https://sts.{region}.amazonaws.com\""),
  };
  const struct place *place = *state;
  const struct vtx_adc_options options = {.file = place->file};
  struct vtx_token_failure failure;

  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    struct vtx_credential *credential;

    write_text(place->file, good[i]);
    credential = vtx_adc_open(&options, &failure);
    if (!credential) fail_msg("%zu: %s", i, failure.status.message);
    vtx_credential_free(credential);
  }
}

static void open__something_wrong__said_without_values(void **state) {
  static const struct {
    const char *text;
    const char *wanted;
  } cases[] = {
      {"", "no JSON object"},
      {"[]", "no JSON object"},
      {"{} se-cret", "no JSON object"},
      {"{\"type\":7}", "no type"},
      {"{\"type\":\"se-cret\"}", "does not know"},
      {"{\"type\":\"service_account\"}", "no private_key"},
      {"{\"type\":\"service_account\",\"private_key\":\"se-cret\"}",
       "no client_email"},
      {"{\"type\":\"service_account\",\"private_key\":\"se-cret\","
       "\"client_email\":\"a\\\"b\"}",
       "client_email"},
      {"{\"type\":\"service_account\",\"private_key\":\"se-cret\","
       "\"client_email\":\"a@b\",\"token_uri\":\"http://example.com\"}",
       "token_uri"},
      {"{\"type\":\"service_account\",\"private_key\":\"se-cret\","
       "\"client_email\":\"a@b\"}",
       "no RSA key"},
      {"{\"type\":\"authorized_user\",\"client_id\":\"c\"}",
       "no client_secret"},
      {"{\"type\":\"authorized_user\",\"client_id\":\"c\","
       "\"client_secret\":\"se-cret\"}",
       "no refresh_token"},
      {"{\"type\":\"impersonated_service_account\"}",
       "no service_account_impersonation_url"},
      {"{\"type\":\"impersonated_service_account\","
       "\"service_account_impersonation_url\":\"https://x/y\"}",
       "generateAccessToken"},
      {"{\"type\":\"impersonated_service_account\","
       "\"service_account_impersonation_url\":\"" IAM "\"}",
       "source_credentials"},
      {"{\"type\":\"impersonated_service_account\","
       "\"service_account_impersonation_url\":\"" IAM "\","
       "\"service_account_impersonation\":{\"token_lifetime_seconds\":43201}}",
       "token_lifetime_seconds"},
      {"{\"type\":\"external_account\"}", "no audience"},
      {EXTERNAL(""), "neither file"},
      {EXTERNAL("\"url\":\"file:///etc/passwd\""), "cannot be sent"},
      {EXTERNAL("\"url\":\"http://h\",\"headers\":{\"a\":\"b\\nc: d\"}"),
       "cannot be sent"},
      {EXTERNAL("\"file\":\"/f\",\"format\":{\"type\":\"json\"}"),
       "subject_token_field_name"},
      {EXTERNAL("\"file\":\"/f\",\"format\":{\"type\":\"xml\"}"),
       "neither text nor json"},
      {EXTERNAL("\"environment_id\":\"aws2\""), "aws1"},
      {EXTERNAL("\"environment_id\":\"aws1\""),
       "regional_cred_verification_url"},
      {EXTERNAL("\"executable\":{\"command\":\"/bin/true\"}"),
       "ALLOW_EXECUTABLES=1"},
  };
  const struct place *place = *state;
  const struct vtx_adc_options options = {.file = place->file};
  struct vtx_token_failure failure;

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    write_text(place->file, cases[i].text);
    assert_null(vtx_adc_open(&options, &failure));
    if (!strstr(failure.status.message, cases[i].wanted))
      fail_msg("%zu: %s", i, failure.status.message);
    assert_null(strstr(failure.status.message, "se-cret"));
  }
}

static void open__executable__limits_of_its_time(void **state) {
  static const struct {
    const char *source;
    bool good;
  } cases[] = {
      {"\"executable\":{\"command\":\"/bin/true\",\"timeout_millis\":5000}",
       true},
      {"\"executable\":{\"command\":\"/bin/true\",\"timeout_millis\":4999}",
       false},
      {"\"executable\":{\"command\":\"/bin/true\",\"timeout_millis\":120000}",
       true},
      {"\"executable\":{\"command\":\"/bin/true\",\"timeout_millis\":120001}",
       false},
      {"\"executable\":{\"command\":\"/bin/true 'a b\"}", false},
      {"\"executable\":{\"command\":\"  \"}", false},
      {"\"executable\":{}", false},
  };
  const struct place *place = *state;
  const struct vtx_adc_options options = {.file = place->file};
  struct vtx_token_failure failure;

  setenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1", 1);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[512];
    struct vtx_credential *credential;

    snprintf(text, sizeof text, EXTERNAL("%s"), cases[i].source);
    write_text(place->file, text);
    credential = vtx_adc_open(&options, &failure);
    if (cases[i].good != (credential != NULL)) fail_msg("case %zu", i);
    vtx_credential_free(credential);
  }
}

static void file__no_regular_one__refused(void **state) {
  const struct place *place = *state;
  const char *why = NULL;

  assert_null(vtx_secret_file(place->folder, &why));
  assert_string_equal(why, "is no regular file");
  assert_int_equal(mkfifo(place->file, 0600), 0);
  assert_null(vtx_secret_file(place->file, &why)); /* does not wait */
}

static void file__size__at_limit_and_past(void **state) {
  const struct place *place = *state;
  char *text = malloc(VTX_SECRET_BYTES + 2);
  const char *why = NULL;
  char *read;

  memset(text, 'x', VTX_SECRET_BYTES + 1);
  text[VTX_SECRET_BYTES] = '\0';
  write_text(place->file, text);
  read = vtx_secret_file(place->file, &why);
  assert_string_equal(read, text);
  free(read);
  text[VTX_SECRET_BYTES] = 'x';
  text[VTX_SECRET_BYTES + 1] = '\0';
  write_text(place->file, text);
  assert_null(vtx_secret_file(place->file, &why));
  assert_string_equal(why, "is larger than 64 KiB");
  free(text);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(open__file_named__its_facts),
      CASE(open__universe_given__wins),
      CASE(open__file_named_and_missing__no_fall_through),
      CASE(open__nothing_named__gcloud_then_none),
      CASE(facts__other_kind__none),
      CASE(open__every_kind__taken),
      CASE(open__something_wrong__said_without_values),
      CASE(open__executable__limits_of_its_time),
      CASE(file__no_regular_one__refused),
      CASE(file__size__at_limit_and_past),
  };
  cmocka_set_test_filter(getenv("CASES"));
  return cmocka_run_group_tests(tests, NULL, NULL);
}
