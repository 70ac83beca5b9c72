#include "service/vertex/long_answer.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "service/vertex/body.h"
#include "support/vertex_help.h"
#include "tests/unit/cmocka_all.h"

typedef Vertexd__V1__GenerateRequest request_t;

static request_t *request_of(struct cb_arena *arena, const char *json) {
  return vertex_decode(arena, &vertexd__v1__generate_request__descriptor, json,
                       NULL);
}

static request_t *asking_for(struct cb_arena *arena, int tokens) {
  return request_of(
      arena,
      cb_arena_printf(arena, "{\"generationConfig\":{\"maxOutputTokens\":%d}}",
                      tokens));
}

static request_t *with_extra(struct cb_arena *arena, request_t *request,
                             const char *extra) {
  request->extra_body =
      vertex_decode(arena, &google__protobuf__struct__descriptor, extra, NULL);
  return request;
}

static void set_stream(request_t *request, bool value) {
  request->_stream_upstream_case =
      VERTEXD__V1__GENERATE_REQUEST___STREAM_UPSTREAM_STREAM_UPSTREAM;
  request->stream_upstream = value;
}

static void set_continue(request_t *request, bool value) {
  request->_continue_answer_case =
      VERTEXD__V1__GENERATE_REQUEST___CONTINUE_ANSWER_CONTINUE_ANSWER;
  request->continue_answer = value;
}

/* --- wants --------------------------------------------------------------- */

static void stream__tokens_at_the_limit_and_past__told(void **state) {
  request_t *enough = asking_for(*state, VTX_UNARY_TOKENS);
  request_t *more = asking_for(*state, VTX_UNARY_TOKENS + 1);

  assert_false(vtx_wants_stream(NULL, NULL));
  assert_false(vtx_wants_stream(request_of(*state, "{}"), NULL));
  assert_false(vtx_wants_stream(enough, NULL));
  assert_true(vtx_wants_stream(more, NULL));
  assert_true(vtx_wants_stream(request_of(*state, "{}"), more));
  assert_true(vtx_wants_stream(NULL, more));
  assert_false(vtx_wants_stream(enough, more));
  assert_true(vtx_wants_stream(more, enough));
}

static void stream__tokens_in_extra_body__over_the_config(void **state) {
  static const char *const much[] = {
      "{\"generationConfig\":{\"maxOutputTokens\":32769}}",
      "{\"generation_config\":{\"max_output_tokens\":32769}}",
      "{\"generationConfig\":{\"maxOutputTokens\":\"40000\"}}",
  };
  static const char *const nothing[] = {
      "{}",
      "{\"generationConfig\":7}",
      "{\"generationConfig\":{\"maxOutputTokens\":null}}",
      "{\"generationConfig\":{\"maxOutputTokens\":\"many\"}}",
      "{\"generationConfig\":{\"seed\":40000}}",
  };
  request_t *request = asking_for(*state, 10);

  for (size_t i = 0; i < sizeof much / sizeof *much; i++) {
    assert_true(vtx_wants_stream(with_extra(*state, request, much[i]), NULL));
    assert_true(vtx_wants_stream(NULL, request));
  }
  for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++)
    assert_false(
        vtx_wants_stream(with_extra(*state, request, nothing[i]), NULL));
  request = with_extra(*state, asking_for(*state, 40000),
                       "{\"generationConfig\":{\"maxOutputTokens\":5}}");
  assert_false(vtx_wants_stream(request, NULL));
}

static void stream__said__whatever_the_tokens(void **state) {
  request_t *request = asking_for(*state, 40000);
  request_t *defaults = asking_for(*state, 1);

  set_stream(request, false);
  assert_false(vtx_wants_stream(request, NULL));
  set_stream(defaults, true);
  assert_true(vtx_wants_stream(NULL, defaults));
  assert_false(vtx_wants_stream(request, defaults));
}

static void continuation__said__request_over_defaults(void **state) {
  request_t *request = request_of(*state, "{}");
  request_t *defaults = request_of(*state, "{}");

  assert_true(vtx_wants_continuation(NULL, NULL));
  assert_true(vtx_wants_continuation(request, defaults));
  set_continue(defaults, false);
  assert_false(vtx_wants_continuation(request, defaults));
  set_continue(request, true);
  assert_true(vtx_wants_continuation(request, defaults));
  assert_false(vtx_wants_continuation(NULL, defaults));
}

static void check__wants__filled(void **state) {
  request_t *request = asking_for(*state, 40000);
  struct vtx_prompt prompt = {.request = request, .default_model = "m"};
  struct vtx_wants wants;

  request->prompt = "x";
  set_continue(request, false);
  assert_int_equal(vtx_prompt_check(&prompt, "", *state, &wants).code, CB_OK);
  assert_true(wants.over_stream);
  assert_false(wants.continues);
}

/* --- tokens in bodies ---------------------------------------------------- */

/* The body of generateContent for a hop with that token (NULL: none). */
static const char *body(struct cb_arena *arena, request_t *request,
                        const char *token) {
  ProtobufCBinaryData bytes = {token ? strlen(token) : 0,
                               (uint8_t *)(uintptr_t)token};
  struct vtx_prompt prompt = {.request = request,
                              .default_model = "m",
                              .continuation = token ? &bytes : NULL};
  const char *text;
  struct cb_buf out;

  cb_buf_init(&out, 1 << 20, NULL);
  request->prompt = "hi";
  assert_int_equal(vtx_body_generate(&prompt, "", arena, &out).code, CB_OK);
  text = cb_arena_memdup(arena, out.data, out.len);
  cb_buf_release(&out);
  return text;
}

#define HI "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}]"

static void body__token_of_request__passed_on(void **state) {
  request_t *request = request_of(*state, "{\"continuationToken\":\"-__-AQ\"}");

  assert_string_equal(body(*state, request, NULL),
                      HI ",\"continuationToken\":\"+//+AQ==\"}");
}

static void body__token_of_hop__over_all_others(void **state) {
  static const char hop[] = HI ",\"continuationToken\":\"aG9w\"";
  request_t *request = request_of(*state, "{\"continuationToken\":\"AAEC\"}");

  assert_string_equal(body(*state, request_of(*state, "{}"), "hop"),
                      cb_arena_printf(*state, "%s}", hop));
  assert_string_equal(body(*state, request, "hop"),
                      cb_arena_printf(*state, "%s}", hop));
  with_extra(*state, request, "{\"continuationToken\":\"AAEC\",\"a\":1}");
  assert_string_equal(body(*state, request, "hop"),
                      cb_arena_printf(*state, "%s,\"a\":1}", hop));
  with_extra(*state, request, "{\"continuation_token\":\"AAEC\",\"a\":1}");
  assert_string_equal(body(*state, request, "hop"),
                      cb_arena_printf(*state, "%s,\"a\":1}", hop));
}

static void body__count__no_token(void **state) {
  request_t *request = request_of(*state,
                                  "{\"continuationToken\":\"AAEC\","
                                  "\"outputConfig\":{\"outputUriPrefix\":"
                                  "\"gs://b\"}}");
  ProtobufCBinaryData bytes = {3, (uint8_t *)(uintptr_t) "hop"};
  struct vtx_prompt prompt = {
      .request = request, .default_model = "m", .continuation = &bytes};
  struct cb_buf out;

  cb_buf_init(&out, 1 << 20, NULL);
  request->prompt = "hi";
  assert_int_equal(vtx_body_count(&prompt, "", *state, &out).code, CB_OK);
  assert_string_equal(out.data, HI "}");
  cb_buf_release(&out);
}

static void defaults__token__refused(void **state) {
  request_t *defaults = request_of(*state, "{\"continuationToken\":\"AAEC\"}");

  assert_string_equal(vtx_defaults_check(defaults, *state).field,
                      "defaults.continuation_token");
}

#define test(function) \
  cmocka_unit_test_setup_teardown(function, vertex_set_up, vertex_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      test(stream__tokens_at_the_limit_and_past__told),
      test(stream__tokens_in_extra_body__over_the_config),
      test(stream__said__whatever_the_tokens),
      test(continuation__said__request_over_defaults),
      test(check__wants__filled),
      test(body__token_of_request__passed_on),
      test(body__token_of_hop__over_all_others),
      test(body__count__no_token),
      test(defaults__token__refused),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
