#include "service/vertex/endpoint.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "support/vertex_help.h"
#include "tests/unit/cmocka_all.h"

#define G "https://aiplatform.googleapis.com/v1/projects/p/locations/global/"

static void expect_url(struct cb_arena *arena, struct vtx_endpoint endpoint,
                       const char *model, const char *wanted) {
  char *url = NULL;
  struct cb_status status =
      vtx_endpoint_url(&endpoint, model, VTX_GENERATE, arena, &url);

  assert_string_equal(status.message, "");
  assert_string_equal(url,
                      cb_arena_printf(arena, "%s:generateContent", wanted));
}

static void url__another_universe__its_hosts(void **state) {
  static const struct {
    const char *location;
    const char *host;
  } cases[] = {{"global", "https://aiplatform.apis.example"},
               {"eu", "https://aiplatform.eu.rep.apis.example"},
               {"us-east1", "https://us-east1-aiplatform.apis.example"}};

  for (size_t i = 0; i < 3; i++) {
    struct vtx_endpoint endpoint = {.project = "p",
                                    .location = cases[i].location,
                                    .universe = "apis.example"};

    expect_url(*state, endpoint, "m",
               cb_arena_printf(*state,
                               "%s/v1/projects/p/locations/%s/publishers/"
                               "google/models/m",
                               cases[i].host, cases[i].location));
  }
}

static void url__model_forms__as_the_sdk(void **state) {
  static const struct {
    const char *model;
    const char *path;
  } cases[] = {
      {"m", G "publishers/google/models/m"},
      {"gemini-3.0_x@001", G "publishers/google/models/gemini-3.0_x@001"},
      {"vendor/m", G "publishers/vendor/models/m"},
      {"publishers/v/models/m", G "publishers/v/models/m"},
      {"models/m", G "models/m"},
      {"endpoints/123", G "endpoints/123"},
      {"projects/p/locations/global/publishers/google/models/m",
       G "publishers/google/models/m"},
  };
  struct vtx_endpoint endpoint = {.project = "p", .location = "global"};

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    expect_url(*state, endpoint, cases[i].model, cases[i].path);
}

static void url__locations__their_hosts(void **state) {
  static const struct {
    const char *location;
    const char *host;
  } cases[] = {{"global", "aiplatform.googleapis.com"},
               {"us", "aiplatform.us.rep.googleapis.com"},
               {"eu", "aiplatform.eu.rep.googleapis.com"},
               {"us-central1", "us-central1-aiplatform.googleapis.com"},
               {"europe-west4", "europe-west4-aiplatform.googleapis.com"}};

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct vtx_endpoint endpoint = {.project = "p",
                                    .location = cases[i].location};

    expect_url(*state, endpoint, "m",
               cb_arena_printf(*state,
                               "https://%s/v1/projects/p/locations/%s/"
                               "publishers/google/models/m",
                               cases[i].host, cases[i].location));
  }
}

static void url__tuned_endpoint__location_of_its_name(void **state) {
  struct vtx_endpoint endpoint = {.project = "p", .location = "global"};

  expect_url(*state, endpoint, "projects/p/locations/us-east1/endpoints/7",
             "https://us-east1-aiplatform.googleapis.com/v1/projects/p/"
             "locations/us-east1/endpoints/7");
  expect_url(*state, endpoint, "projects/p/locations/eu/endpoints/7",
             "https://aiplatform.eu.rep.googleapis.com/v1/projects/p/"
             "locations/eu/endpoints/7");
}

static void url__mtls__its_hosts(void **state) {
  static const struct {
    const char *location;
    const char *host;
  } cases[] = {
      {"global", "aiplatform.mtls.googleapis.com"},
      {"us", "aiplatform.us.rep.mtls.googleapis.com"},
      {"eu", "aiplatform.eu.rep.mtls.googleapis.com"},
      {"us-central1", "us-central1-aiplatform.mtls.googleapis.com"},
  };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct vtx_endpoint endpoint = {
        .project = "p", .location = cases[i].location, .mtls = true};

    expect_url(*state, endpoint, "endpoints/7",
               cb_arena_printf(*state,
                               "https://%s/v1/projects/p/locations/%s/"
                               "endpoints/7",
                               cases[i].host, cases[i].location));
  }
  expect_url(*state, (struct vtx_endpoint){.location = "eu", .mtls = true}, "m",
             "https://aiplatform.mtls.googleapis.com/v1/publishers/google/"
             "models/m");
  expect_url(
      *state,
      (struct vtx_endpoint){
          .project = "p", .location = "us", .mtls = true, .universe = "u.x"},
      "m",
      "https://aiplatform.us.rep.mtls.u.x/v1/projects/p/locations/us/"
      "publishers/google/models/m");
}

static void url__beta__in_every_form(void **state) {
  struct vtx_endpoint endpoint = {
      .project = "p", .location = "global", .beta = true};

  expect_url(*state, endpoint, "v/m",
             "https://aiplatform.googleapis.com/v1beta1/projects/p/locations/"
             "global/publishers/v/models/m");
  expect_url(*state, endpoint, "projects/p/locations/us-east1/endpoints/7",
             "https://us-east1-aiplatform.googleapis.com/v1beta1/projects/p/"
             "locations/us-east1/endpoints/7");
  endpoint.project = NULL;
  expect_url(*state, endpoint, "m",
             "https://aiplatform.googleapis.com/v1beta1/publishers/google/"
             "models/m");
}

static void url__allowed_project__taken_others_refused(void **state) {
  static const char *const projects[] = {"q", "12345", "example.com:r"};
  static const char *const bad[] = {
      "projects/q2/locations/eu/endpoints/7",
      "projects/r/locations/eu/endpoints/7",
      "projects/1234/locations/eu/endpoints/7",
      "projects/Q/locations/eu/endpoints/7",
  };
  struct vtx_endpoint endpoint = {.project = "p",
                                  .location = "global",
                                  .projects = projects,
                                  .project_count = 3};
  char *url;

  expect_url(*state, endpoint, "projects/q/locations/eu/endpoints/7",
             "https://aiplatform.eu.rep.googleapis.com/v1/projects/q/"
             "locations/eu/endpoints/7");
  expect_url(*state, endpoint,
             "projects/12345/locations/global/publishers/google/models/m",
             "https://aiplatform.googleapis.com/v1/projects/12345/locations/"
             "global/publishers/google/models/m");
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_int_equal(
        vtx_endpoint_url(&endpoint, bad[i], VTX_GENERATE, *state, &url).code,
        CB_INVALID_ARGUMENT);
}

static void url__base_url_with_a_place__location_of_the_call(void **state) {
  struct vtx_endpoint endpoint = {
      .base_url = "https://{location}-psc.p.example/{location}/x/",
      .project = "p",
      .location = "us-east1"};

  expect_url(*state, endpoint, "endpoints/7",
             "https://us-east1-psc.p.example/us-east1/x/v1/projects/p/"
             "locations/us-east1/endpoints/7");
  expect_url(*state, endpoint, "projects/p/locations/eu/endpoints/7",
             "https://eu-psc.p.example/eu/x/v1/projects/p/locations/eu/"
             "endpoints/7");
  endpoint.location = "8081";
  endpoint.base_url = "http://127.0.0.1:{location}";
  expect_url(*state, endpoint, "endpoints/7",
             "http://127.0.0.1:8081/v1/projects/p/locations/8081/endpoints/7");
}

static void url__location_that_fits_no_place__refused(void **state) {
  struct vtx_endpoint endpoint = {.base_url = "http://127.0.0.1:{location}",
                                  .project = "p",
                                  .location = "8081"};
  struct cb_status status;
  char *url = NULL;

  status = vtx_endpoint_url(&endpoint, "projects/p/locations/eu/endpoints/7",
                            VTX_GENERATE, *state, &url);
  assert_int_equal(status.code, CB_INVALID_ARGUMENT);
  assert_string_equal(status.field, "model");
  endpoint.location = "65536";
  assert_int_equal(
      vtx_endpoint_url(&endpoint, "m", VTX_GENERATE, *state, &url).code,
      CB_INVALID_ARGUMENT);
  endpoint.location = "evil.example/";
  endpoint.base_url = NULL;
  assert_int_equal(
      vtx_endpoint_url(&endpoint, "m", VTX_GENERATE, *state, &url).code,
      CB_INVALID_ARGUMENT);
  endpoint = (struct vtx_endpoint){.base_url = "http://{location}.h"};
  assert_int_equal(
      vtx_endpoint_url(&endpoint, "m", VTX_GENERATE, *state, &url).code,
      CB_INVALID_ARGUMENT);
  assert_null(url);
}

static void url__express__no_project_in_path(void **state) {
  struct vtx_endpoint endpoint = {.location = "us-central1"};

  expect_url(*state, endpoint, "m",
             "https://aiplatform.googleapis.com/v1/publishers/google/models/m");
  endpoint.project = "";
  expect_url(*state, endpoint, "vendor/m",
             "https://aiplatform.googleapis.com/v1/publishers/vendor/models/m");
}

static void url__base_url__replaces_scheme_and_host(void **state) {
  struct vtx_endpoint endpoint = {.base_url = "http://127.0.0.1:8080",
                                  .project = "p",
                                  .location = "us-central1"};

  expect_url(*state, endpoint, "m",
             "http://127.0.0.1:8080/v1/projects/p/locations/us-central1/"
             "publishers/google/models/m");
  endpoint.base_url = "https://gate.example/vertex/";
  expect_url(*state, endpoint, "projects/p/locations/eu/endpoints/7",
             "https://gate.example/vertex/v1/projects/p/locations/eu/"
             "endpoints/7");
  endpoint.project = NULL;
  expect_url(*state, endpoint, "m",
             "https://gate.example/vertex/v1/publishers/google/models/m");
}

static void url__verbs__their_suffix(void **state) {
  struct vtx_endpoint endpoint = {.project = "p", .location = "global"};
  char *url;

  vtx_endpoint_url(&endpoint, "m", VTX_STREAM_GENERATE, *state, &url);
  assert_string_equal(
      url, G "publishers/google/models/m:streamGenerateContent?alt=sse");
  vtx_endpoint_url(&endpoint, "m", VTX_COUNT_TOKENS, *state, &url);
  assert_string_equal(url, G "publishers/google/models/m:countTokens");
}

static void url__bad_models__refused(void **state) {
  static const char *const models[] = {
      "",
      "a b",
      "a?b",
      "a&b",
      "a#b",
      "a:b",
      "a%2fb",
      "m\n",
      "\xc3\xbc",
      "..",
      "a..b",
      "../m",
      "a/../b",
      ".",
      "a/.",
      "/m",
      "m/",
      "a//b",
      "a/b/c",
      "publishers/v",
      "publishers/v/models",
      "publishers/v/tunes/m",
      "projects",
      "projects/p",
      "projects/p/locations/global",
      "projects/p/locations/global/m",
      "projects/p/models/m",
      "projects/q/locations/global/endpoints/7",
      "projects/p/locations/evil.com/endpoints/7",
      "projects/p/locations/a@b/endpoints/7",
      "projects/p/locations/US/endpoints/7",
      "projects/p/locations/us/cachedContents/7",
      "a/b/c/d/e/f/g/h/i"};
  struct vtx_endpoint endpoint = {.project = "p", .location = "global"};

  for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
    char *url = NULL;
    struct cb_status status =
        vtx_endpoint_url(&endpoint, models[i], VTX_GENERATE, *state, &url);

    assert_int_equal(status.code, CB_INVALID_ARGUMENT);
    assert_string_equal(status.field, "model");
    assert_null(url);
  }
}

static void url__express_with_resource_of_a_project__refused(void **state) {
  static const char *const models[] = {
      "endpoints/7", "projects/p/locations/global/endpoints/7"};
  struct vtx_endpoint endpoint = {.location = "global"};
  char *url;

  for (size_t i = 0; i < 2; i++)
    assert_int_equal(
        vtx_endpoint_url(&endpoint, models[i], VTX_GENERATE, *state, &url).code,
        CB_INVALID_ARGUMENT);
}

static void url__512_bytes__taken_513_refused(void **state) {
  struct vtx_endpoint endpoint = {.project = "p", .location = "global"};
  char model[514];
  char *url;

  memset(model, 'm', sizeof model);
  model[512] = '\0';
  assert_int_equal(
      vtx_endpoint_url(&endpoint, model, VTX_GENERATE, *state, &url).code,
      CB_OK);
  model[512] = 'm';
  model[513] = '\0';
  assert_int_equal(
      vtx_endpoint_url(&endpoint, model, VTX_GENERATE, *state, &url).code,
      CB_INVALID_ARGUMENT);
}

static const char *wrong(struct cb_arena *arena, const char *base_url,
                         const char *project, const char *location) {
  struct vtx_endpoint endpoint = {
      .base_url = base_url, .project = project, .location = location};
  struct cb_status status = vtx_endpoint_check(&endpoint, arena);

  assert_true((status.code == CB_OK) == (*status.field == '\0'));
  return status.field;
}

static void check__good_settings__ok(void **state) {
  static const char *const urls[] = {"http://h",
                                     "https://h:1",
                                     "HTTPS://h.example:65535/",
                                     "http://[::1]:8080",
                                     "http://[::1]",
                                     "http://127.0.0.1:80/a/b",
                                     "https://h/a-b_c~.d",
                                     ""};

  assert_string_equal(wrong(*state, NULL, "p-1", "us-central1"), "");
  assert_string_equal(wrong(*state, NULL, "example.com:p", "global"), "");
  assert_string_equal(wrong(*state, NULL, "", NULL), "");
  for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
    assert_string_equal(wrong(*state, urls[i], "p", "eu"), "");
}

static void check__bad_settings__field_named(void **state) {
  static const char *const projects[] = {"P", "a/b", "a b", "a@b", "a..b", "."};
  static const char *const locations[] = {
      "",    "US",  "a.b",      "a/b",
      "a_b", "a b", "\xc3\xbc", "123456789012345678901234567890123"};
  static const char *const urls[] = {
      "h",           "ftp://h",        "http://",
      "http://u@h",  "http://h?q",     "http://h#f",
      "http://h:0",  "http://h:65536", "http://h:",
      "http://h:x",  "http://[::1",    "http://[]",
      "http:///p",   "http://h/a b",   "http://h/../",
      "http://h\\x", "http://[::1]x"};

  for (size_t i = 0; i < sizeof projects / sizeof *projects; i++)
    assert_string_equal(wrong(*state, NULL, projects[i], "global"), "project");
  for (size_t i = 0; i < sizeof locations / sizeof *locations; i++)
    assert_string_equal(wrong(*state, NULL, "p", locations[i]), "location");
  assert_string_equal(
      wrong(*state, NULL, "p", "12345678901234567890123456789012"), "");
  for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
    assert_string_equal(wrong(*state, urls[i], "p", "global"), "base_url");
}

static void check__place_in_base_url__only_before_a_domain(void **state) {
  static const char *const good[] = {
      "https://{location}.example",      "https://{location}-x.p.example:8443",
      "https://{location}.{location}.h", "http://h/{location}",
      "http://127.0.0.1:{location}",     "http://h/a.b/{location}"};
  static const char *const bad[] = {"https://{location}",
                                    "https://{location}:443",
                                    "https://a.{location}",
                                    "https://{location}-x",
                                    "https://{location}./",
                                    "{location}://h.example",
                                    "https://{location}/a.b",
                                    "https://{region}.h",
                                    "https://{location.h",
                                    "https://location}.h",
                                    "https://h{}/"};
  static char lengthy[600];

  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    assert_string_equal(wrong(*state, good[i], "p", "global"), "");
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_string_equal(wrong(*state, bad[i], "p", "global"), "base_url");
  memcpy(lengthy, "http://h/", 9);
  memset(lengthy + 9, 'a', 512 - 9);
  assert_string_equal(wrong(*state, lengthy, "p", "global"), "");
  lengthy[512] = 'a';
  assert_string_equal(wrong(*state, lengthy, "p", "global"), "base_url");
}

static void check__allowed_projects__their_form(void **state) {
  const char *projects[] = {"a-1", "12", "example.com:p"};
  struct vtx_endpoint endpoint = {.project = "p",
                                  .location = "global",
                                  .projects = projects,
                                  .project_count = 3};

  assert_int_equal(vtx_endpoint_check(&endpoint, *state).code, CB_OK);
  projects[2] = "A";
  assert_string_equal(vtx_endpoint_check(&endpoint, *state).field, "projects");
  projects[2] = "";
  assert_string_equal(vtx_endpoint_check(&endpoint, *state).field, "projects");
  projects[2] = "b/c";
  assert_string_equal(vtx_endpoint_check(&endpoint, *state).field, "projects");
}

static const char *target(const char *model) {
  static char name[VTX_TARGET_ROOM];
  const struct vtx_endpoint endpoint = {.project = "p", .location = "global"};

  vtx_endpoint_target(&endpoint, model, name);
  return name;
}

static void target__ways_to_write_a_model__one_name(void **state) {
  static const char one[] = "global/publishers/google/models/m";

  (void)state;
  assert_string_equal(target("m"), one);
  assert_string_equal(target("google/m"), one);
  assert_string_equal(target("publishers/google/models/m"), one);
  assert_string_equal(
      target("projects/p/locations/global/publishers/google/models/m"), one);
}

static void target__other_locations_and_resources__other_names(void **state) {
  (void)state;
  assert_string_equal(target("vendor/m"), "global/publishers/vendor/models/m");
  assert_string_equal(
      target("projects/p/locations/eu/publishers/google/models/m"),
      "eu/publishers/google/models/m");
  assert_string_equal(target("projects/p/locations/us-east1/endpoints/7"),
                      "us-east1/endpoints/7");
}

static void target__another_project__another_name(void **state) {
  static const char *const projects[] = {"q"};
  char name[VTX_TARGET_ROOM];
  const struct vtx_endpoint endpoint = {.project = "p",
                                        .location = "global",
                                        .projects = projects,
                                        .project_count = 1};

  (void)state;
  vtx_endpoint_target(
      &endpoint, "projects/q/locations/eu/publishers/google/models/m", name);
  assert_string_equal(name, "projects/q/eu/publishers/google/models/m");
}

static void target__no_models_name__empty(void **state) {
  char long_name[514];

  (void)state;
  assert_string_equal(target(""), "");
  assert_string_equal(target(".."), "");
  assert_string_equal(target("a b"), "");
  memset(long_name, 'm', 513);
  long_name[513] = '\0';
  assert_string_equal(target(long_name), "");
  long_name[512] = '\0'; /* the longest there may be still fits */
  assert_int_equal(strlen(target(long_name)),
                   strlen("global/publishers/google/models/") + 512);
}

/* --- caches -------------------------------------------------------------- */

static void cache__every_form__completed_as_the_sdk(void **state) {
#define HERE "projects/p/locations/here/cachedContents/"
  static const char full[] = "projects/q/locations/l/cachedContents/7";
  static const struct {
    const char *model, *cache, *wanted;
  } cases[] = {
      {"m", "7", HERE "7"},
      {"m", "cachedContents/7", HERE "7"},
      {"endpoints/1", "7", HERE "7"},
      {"m", "locations/l/cachedContents/7",
       "projects/p/locations/l/cachedContents/7"},
      {"m", full, full},
      {"m", "some/cachedContents/7", "some/cachedContents/7"},
      {"m", "", ""},
      {"projects/other/locations/far/publishers/google/models/m", "7",
       "projects/other/locations/far/cachedContents/7"},
      {"no model", "7", "7"},
  };
  static const char *const others[] = {"other"};
  const struct vtx_endpoint endpoint = {.project = "p",
                                        .location = "here",
                                        .projects = others,
                                        .project_count = 1};

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_string_equal(
        vtx_endpoint_cache(&endpoint, cases[i].model, cases[i].cache, *state),
        cases[i].wanted);
#undef HERE
}

static void cache__express__as_it_is(void **state) {
  static const char *const names[] = {"7", "cachedContents/7",
                                      "locations/l/cachedContents/7"};
  const struct vtx_endpoint endpoint = {.location = "global"};

  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    assert_string_equal(vtx_endpoint_cache(&endpoint, "m", names[i], *state),
                        names[i]);
}

static void url__no_memory__server_memory(void **state) {
  const struct vtx_endpoint endpoint = {.project = "p", .location = "here"};
  struct cb_arena *full = cb_arena_new(NULL, 1024, 0);
  struct cb_status status;
  char *url = NULL;

  (void)state;
  while (cb_arena_alloc(full, 1))
    continue;
  status = vtx_endpoint_url(&endpoint, "m", VTX_GENERATE, full, &url);
  assert_string_equal(status.reason, "SERVER_MEMORY");
  assert_true(status.retryable);
  assert_null(url);
  cb_arena_free(full);
}

static void cache__no_memory__null(void **state) {
  static const char *const names[] = {"7", "locations/l/cachedContents/7"};
  const struct vtx_endpoint endpoint = {.project = "p", .location = "here"};
  struct cb_arena *full = cb_arena_new(NULL, 1024, 0);

  (void)state;
  while (cb_arena_alloc(full, 1))
    continue;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    assert_null(vtx_endpoint_cache(&endpoint, "m", names[i], full));
  cb_arena_free(full);
}

#define TEST(name) \
  cmocka_unit_test_setup_teardown(name, vertex_set_up, vertex_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(url__model_forms__as_the_sdk),
      TEST(url__another_universe__its_hosts),
      TEST(url__locations__their_hosts),
      TEST(url__tuned_endpoint__location_of_its_name),
      TEST(url__mtls__its_hosts),
      TEST(url__beta__in_every_form),
      TEST(url__allowed_project__taken_others_refused),
      TEST(url__base_url_with_a_place__location_of_the_call),
      TEST(url__location_that_fits_no_place__refused),
      TEST(url__express__no_project_in_path),
      TEST(url__base_url__replaces_scheme_and_host),
      TEST(url__verbs__their_suffix),
      TEST(url__bad_models__refused),
      TEST(url__express_with_resource_of_a_project__refused),
      TEST(url__512_bytes__taken_513_refused),
      TEST(target__ways_to_write_a_model__one_name),
      TEST(target__other_locations_and_resources__other_names),
      TEST(target__another_project__another_name),
      TEST(target__no_models_name__empty),
      TEST(cache__every_form__completed_as_the_sdk),
      TEST(cache__express__as_it_is),
      TEST(url__no_memory__server_memory),
      TEST(cache__no_memory__null),
      TEST(check__place_in_base_url__only_before_a_domain),
      TEST(check__allowed_projects__their_form),
      TEST(check__good_settings__ok),
      TEST(check__bad_settings__field_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
