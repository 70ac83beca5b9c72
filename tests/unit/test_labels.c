#include "service/vertex/labels.h"

#include <string.h>

#include "base/arena.h"
#include "service/vertex/tier.h"
#include "support/vertex_help.h"
#include "tests/unit/cmocka_all.h"

typedef Vertexd__V1__GenerateRequest request_t;

#define TIER(name) VERTEXD__V1__REQUEST_TIER__REQUEST_TIER_##name

static request_t *request_of(struct cb_arena *arena, const char *labels) {
  return vertex_decode(arena, &vertexd__v1__generate_request__descriptor,
                       cb_arena_printf(arena, "{\"labels\":%s}", labels), NULL);
}

/* --- labels -------------------------------------------------------------- */

static void label__google_takes_it__nothing_wrong(void **state) {
  static const char *const good[][2] = {
      {"a", ""},  {"team", "search"},       {"a-b_c9", "0-_z"},
      {"k", "-"}, {"\xc3\xa4", "\xd0\xb6"}, {"k", "_"}};

  (void)state;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    assert_null(vtx_label_wrong(good[i][0], good[i][1]));
}

static void label__google_refuses_it__says_why(void **state) {
  static const char *const bad[][3] = {
      {"", "", "empty"},          {"A", "", "begin"},
      {"1", "", "begin"},         {"_a", "", "begin"},
      {"-a", "", "begin"},        {"aB", "", "key has others"},
      {"a b", "", "key has"},     {"a.b", "", "key has others"},
      {"a", "B", "value has"},    {"a", "x y", "value has others"},
      {"a", "x/y", "value has"},  {"a\n", "", "key has others"},
      {"a", "x\x7f", "value has"}};

  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    const char *why = vtx_label_wrong(bad[i][0], bad[i][1]);

    assert_non_null(why);
    assert_non_null(strstr(why, bad[i][2]));
  }
}

/* count times the two bytes of a letter. */
static char *letters(struct cb_arena *arena, size_t count) {
  char *text = cb_arena_zalloc(arena, 1, 2 * count + 1);

  for (size_t i = 0; i < count; i++)
    memcpy(text + 2 * i, "\xc3\xa4", 2);
  return text;
}

static void label__63_characters__taken_64_refused(void **state) {
  assert_null(vtx_label_wrong(letters(*state, 63), letters(*state, 63)));
  assert_string_equal(vtx_label_wrong(letters(*state, 64), ""),
                      "its key is longer than 63 characters");
  assert_string_equal(vtx_label_wrong("a", letters(*state, 64)),
                      "its value is longer than 63 characters");
}

static void check__bad_label__named(void **state) {
  struct cb_status status =
      vtx_labels_check(request_of(*state, "{\"ok\":\"1\",\"Bad\":\"2\"}"),
                       "requests[3]", *state);

  assert_int_equal(status.code, CB_INVALID_ARGUMENT);
  assert_string_equal(status.field, "requests[3].labels[\"Bad\"]");
  assert_int_equal(vtx_labels_check(NULL, "", *state).code, CB_OK);
  assert_int_equal(
      vtx_labels_check(request_of(*state, "{\"a\":\"b\"}"), "", *state).code,
      CB_OK);
}

static void check__endless_key__cut_in_the_field(void **state) {
  struct cb_status status = vtx_labels_check(
      request_of(*state, cb_arena_printf(*state, "{\"%s\":\"\"}",
                                         letters(*state, 1000))),
      "", *state);

  assert_int_equal(status.code, CB_INVALID_ARGUMENT);
  assert_true(strlen(status.field) < 100);
}

static const char *merged(struct cb_arena *arena, const char *request,
                          const char *defaults) {
  static const struct cb_pair pairs[] = {{"a", "server"}, {"z", "server"}};
  const struct vtx_labels server = {pairs, 2};
  request_t result;

  assert_true(vtx_labels_merge(request ? request_of(arena, request) : NULL,
                               defaults ? request_of(arena, defaults) : NULL,
                               &server, arena, &result));
  return vertex_encode(arena, &result.base, NULL);
}

static void merge__servers_beneath__those_of_the_request_win(void **state) {
  assert_string_equal(merged(*state, NULL, NULL),
                      "{\"labels\":{\"a\":\"server\",\"z\":\"server\"}}");
  assert_string_equal(
      merged(*state, "{\"a\":\"own\",\"b\":\"\"}", "{\"c\":\"defaults\"}"),
      "{\"labels\":{\"a\":\"own\",\"b\":\"\",\"z\":\"server\"}}");
  assert_string_equal(merged(*state, "{}", "{\"z\":\"defaults\"}"),
                      "{\"labels\":{\"z\":\"defaults\",\"a\":\"server\"}}");
}

/* --- tiers --------------------------------------------------------------- */

static void tier__headers__of_each(void **state) {
  static const struct {
    Vertexd__V1__RequestTier tier;
    const char *name;
    const char *type;
    const char *shared;
  } cases[] = {
      {TIER(STANDARD), "standard", "", ""},
      {TIER(DEDICATED), "dedicated", "dedicated", ""},
      {TIER(SHARED), "shared", "shared", ""},
      {TIER(PRIORITY), "priority", "", "priority"},
      {TIER(FLEX), "flex", "", "flex"},
      {TIER(SHARED_PRIORITY), "shared-priority", "shared", "priority"},
      {TIER(SHARED_FLEX), "shared-flex", "shared", "flex"},
  };

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct cb_pair headers[VTX_TIER_HEADERS];
    size_t count = vtx_tier_headers(cases[i].tier, headers);
    size_t at = 0;
    Vertexd__V1__RequestTier found;

    if (*cases[i].type) {
      assert_string_equal(headers[at].key, "X-Vertex-AI-LLM-Request-Type");
      assert_string_equal(headers[at++].value, cases[i].type);
    }
    if (*cases[i].shared) {
      assert_string_equal(headers[at].key,
                          "X-Vertex-AI-LLM-Shared-Request-Type");
      assert_string_equal(headers[at++].value, cases[i].shared);
    }
    assert_int_equal(count, at);
    assert_true(vtx_tier_find(cases[i].name, &found));
    assert_int_equal(found, cases[i].tier);
    assert_string_equal(vtx_tier_name(found), cases[i].name);
    assert_int_equal(vtx_tier_is_flex(found),
                     strcmp(cases[i].shared, "flex") == 0);
  }
}

static void tier__mark__behind_the_name_of_a_target(void **state) {
  char target[VTX_TARGET_ROOM] = "global/m";

  (void)state;
  vtx_tier_mark(TIER(STANDARD), target);
  vtx_tier_mark((Vertexd__V1__RequestTier)99, target);
  assert_string_equal(target, "global/m");
  vtx_tier_mark(TIER(SHARED_PRIORITY), target);
  assert_string_equal(target, "global/m#shared-priority");
  target[0] = '\0';
  vtx_tier_mark(TIER(FLEX), target);
  assert_string_equal(target, "");
}

static void tier__longest_target__fits_with_the_longest_mark(void **state) {
  const struct vtx_endpoint endpoint = {
      .project = "p", .location = "12345678901234567890123456789012"};
  char model[513] = "";
  char target[VTX_TARGET_ROOM];

  (void)state;
  memset(model, 'm', 512);
  vtx_endpoint_target(&endpoint, model, target);
  vtx_tier_mark(TIER(SHARED_PRIORITY), target);
  assert_string_equal(target + strlen(target) - 16, "#shared-priority");
}

static void tier__who_decides__request_defaults_server(void **state) {
  request_t request = VERTEXD__V1__GENERATE_REQUEST__INIT;
  request_t defaults = VERTEXD__V1__GENERATE_REQUEST__INIT;

  (void)state;
  assert_int_equal(vtx_tier_of(NULL, NULL, TIER(UNSPECIFIED)), TIER(STANDARD));
  assert_int_equal(vtx_tier_of(&request, &defaults, TIER(FLEX)), TIER(FLEX));
  defaults.request_tier = TIER(SHARED);
  assert_int_equal(vtx_tier_of(&request, &defaults, TIER(FLEX)), TIER(SHARED));
  request.request_tier = TIER(STANDARD);
  assert_int_equal(vtx_tier_of(&request, &defaults, TIER(FLEX)),
                   TIER(STANDARD));
}

static void tier__number_without_name__refused(void **state) {
  request_t request = VERTEXD__V1__GENERATE_REQUEST__INIT;
  struct cb_status status;
  Vertexd__V1__RequestTier tier;

  request.request_tier = TIER(SHARED_FLEX);
  assert_int_equal(vtx_tier_check(&request, "", *state).code, CB_OK);
  request.request_tier = (Vertexd__V1__RequestTier)(TIER(SHARED_FLEX) + 1);
  status = vtx_tier_check(&request, "requests[1]", *state);
  assert_int_equal(status.code, CB_INVALID_ARGUMENT);
  assert_string_equal(status.field, "requests[1].request_tier");
  assert_string_equal(vtx_tier_name(request.request_tier), "");
  assert_false(vtx_tier_find("", &tier));
  assert_false(vtx_tier_find("cheap", &tier));
}

#define TEST(name) \
  cmocka_unit_test_setup_teardown(name, vertex_set_up, vertex_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(label__google_takes_it__nothing_wrong),
      TEST(label__google_refuses_it__says_why),
      TEST(label__63_characters__taken_64_refused),
      TEST(check__bad_label__named),
      TEST(check__endless_key__cut_in_the_field),
      TEST(merge__servers_beneath__those_of_the_request_win),
      TEST(tier__headers__of_each),
      TEST(tier__mark__behind_the_name_of_a_target),
      TEST(tier__longest_target__fits_with_the_longest_mark),
      TEST(tier__who_decides__request_defaults_server),
      TEST(tier__number_without_name__refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
