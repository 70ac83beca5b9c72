#include "service/batch/cost.h"

#include "service/batch/result.h"
#include "tests/unit/cmocka_all.h"

#define TEXT                                                         \
  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" \
  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static double estimate(enum vtx_source_kind kind,
                       const Vertexd__V1__GenerateRequest *one, double output) {
  const struct vtx_source source = {.kind = kind, .count = 1, .one = one};

  return vtx_cost_estimate(&source, 0, output);
}

static void estimate__nothing_known__above_0(void **state) {
  Vertexd__V1__GenerateRequest empty = VERTEXD__V1__GENERATE_REQUEST__INIT;
  const struct vtx_source values = {.kind = VTX_SOURCE_VALUES, .count = 1};

  (void)state;
  assert_true(estimate(VTX_SOURCE_ONE, &empty, 0) > 0);
  assert_true(vtx_cost_estimate(&values, 0, 0) > 0);
}

static void estimate__text__a_token_for_four_bytes(void **state) {
  Vertexd__V1__GenerateRequest empty = VERTEXD__V1__GENERATE_REQUEST__INIT;
  Vertexd__V1__GenerateRequest full = VERTEXD__V1__GENERATE_REQUEST__INIT;
  double more;

  (void)state;
  full.prompt = TEXT; /* 128 bytes */
  more = estimate(VTX_SOURCE_PIPE, &full, 10) -
         estimate(VTX_SOURCE_PIPE, &empty, 10);
  assert_int_equal((int)more, 32);
}

static void estimate__contents__their_text_parts_count(void **state) {
  Vertexd__V1__GenerateRequest request = VERTEXD__V1__GENERATE_REQUEST__INIT;
  Vertexd__V1__GenerateRequest empty = VERTEXD__V1__GENERATE_REQUEST__INIT;
  Vertexd__V1__Content content = VERTEXD__V1__CONTENT__INIT;
  Vertexd__V1__Part parts[2] = {VERTEXD__V1__PART__INIT,
                                VERTEXD__V1__PART__INIT};
  Vertexd__V1__Part *part_list[] = {&parts[0], &parts[1]};
  Vertexd__V1__Content *contents[] = {&content, &content};

  (void)state;
  parts[0].data_case = VERTEXD__V1__PART__DATA_TEXT;
  parts[0].text = TEXT;
  content.n_parts = 2;
  content.parts = part_list;
  request.n_contents = 2;
  request.contents = contents;
  assert_int_equal((int)(estimate(VTX_SOURCE_ONE, &request, 1) -
                         estimate(VTX_SOURCE_ONE, &empty, 1)),
                   64);
}

static void learn__answers__a_moving_average(void **state) {
  Vertexd__V1__GenerateResponse answer = VERTEXD__V1__GENERATE_RESPONSE__INIT;
  Vertexd__V1__TokenCount tokens = VERTEXD__V1__TOKEN_COUNT__INIT;
  struct vtx_result result = {.message = &answer.base};
  double output = 0;

  (void)state;
  vtx_cost_learn(&output, &result); /* without a count nothing is learned */
  assert_int_equal((int)output, 0);
  answer.token_count = &tokens;
  tokens.completion_tokens = 999;
  vtx_cost_learn(&output, &result);
  assert_int_equal((int)output, 1000);
  tokens.completion_tokens = 199;
  vtx_cost_learn(&output, &result);
  assert_int_equal((int)output, 900);
  for (int i = 0; i < 100; i++)
    vtx_cost_learn(&output, &result);
  assert_int_equal((int)output, 200);
}

static void learn__failures_and_counts__nothing(void **state) {
  Vertexd__V1__CountTokensResponse count =
      VERTEXD__V1__COUNT_TOKENS_RESPONSE__INIT;
  struct vtx_result result = {.message = NULL};
  double output = 5;

  (void)state;
  vtx_cost_learn(&output, &result);
  result.message = &count.base;
  vtx_cost_learn(&output, &result);
  assert_int_equal((int)output, 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(estimate__nothing_known__above_0),
      cmocka_unit_test(estimate__text__a_token_for_four_bytes),
      cmocka_unit_test(estimate__contents__their_text_parts_count),
      cmocka_unit_test(learn__answers__a_moving_average),
      cmocka_unit_test(learn__failures_and_counts__nothing),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
