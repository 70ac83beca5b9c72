#include "service/vertex/join.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/budget.h"
#include "service/vertex/merge.h"
#include "service/vertex/model_answer.h"
#include "support/vertex_help.h"
#include "tests/unit/cmocka_all.h"
#include "vertexd/v1/vertexd.pb-c.h"

typedef Vertexd__V1__GenerateResponse response_t;

#define MEGABYTE ((size_t)1024 * 1024)

/* Stands between the messages of two hops. */
static const char next_hop[] = "next hop";

static struct cb_status add(struct vtx_join *join, struct cb_arena *arena,
                            const char *json, bool keep_raw) {
  const struct vtx_answer_spec spec = {VTX_STREAM_GENERATE, keep_raw, NULL};
  struct vtx_answer answer;
  struct cb_status status =
      vtx_model_answer_make(&spec, json, strlen(json), arena, &answer);

  assert_int_equal(status.code, CB_OK);
  status = vtx_join_add(join, &answer, arena);
  cb_arena_free(answer.arena); /* nothing may point there any more */
  return status;
}

static response_t *finish(struct vtx_join *join, struct cb_arena *arena,
                          struct vtx_answer *ret_answer) {
  struct vtx_answer answer;

  assert_int_equal(vtx_join_finish(join, arena, &answer).code, CB_OK);
  assert_true(
      cb_arena_defer(arena, (void (*)(void *))cb_arena_free, answer.arena));
  if (ret_answer) *ret_answer = answer;
  return (response_t *)answer.message;
}

/* The messages, up to NULL, as one. */
static response_t *join_all(struct cb_arena *arena, const char *const *texts) {
  struct vtx_join *join = vtx_join_new(MEGABYTE, NULL);

  assert_non_null(join);
  for (; *texts; texts++) {
    struct cb_status status = *texts == next_hop
                                  ? vtx_join_next_hop(join, arena)
                                  : add(join, arena, *texts, false);

    assert_int_equal(status.code, CB_OK);
  }
  return finish(join, arena, NULL);
}

/* The joined messages as JSON. */
static const char *joined(struct cb_arena *arena, const char *const *texts) {
  return vertex_encode(arena, &join_all(arena, texts)->base, NULL);
}

#define JOINED(...) joined(*state, (const char *const[]){__VA_ARGS__, NULL})
#define JOIN(...) join_all(*state, (const char *const[]){__VA_ARGS__, NULL})

#define PARTS(parts) "{\"candidates\":[{\"content\":{\"parts\":[" parts "]}}]}"
#define TEXT(text) PARTS("{\"text\":\"" text "\"}")
#define THOUGHT(text) PARTS("{\"text\":\"" text "\",\"thought\":true}")

/* --- parts --------------------------------------------------------------- */

static void add__text_in_chunks__one_part(void **state) {
  assert_string_equal(JOINED(TEXT("a"), TEXT("b"), next_hop, TEXT("c")),
                      TEXT("abc"));
}

static void add__thoughts_then_text__a_part_of_each(void **state) {
  assert_string_equal(
      JOINED(THOUGHT("h"), THOUGHT("m"), TEXT("a"), TEXT(""), TEXT("b")),
      PARTS("{\"text\":\"hm\",\"thought\":true},{\"text\":\"ab\"}"));
}

static void add__texts_of_one_message__stay_apart(void **state) {
  assert_string_equal(
      JOINED(PARTS("{\"text\":\"a\"},{\"text\":\"b\"}"), TEXT("c")),
      PARTS("{\"text\":\"a\"},{\"text\":\"bc\"}"));
}

static void add__function_call_between__order_kept(void **state) {
  const char *call = PARTS(
      "{\"functionCall\":{\"name\":\"f\",\"args\":{\"x\":[1,{\"y\":"
      "null}]}}}");

  assert_string_equal(
      JOINED(TEXT("a"), call, TEXT("b"), next_hop, call),
      PARTS("{\"text\":\"a\"},{\"functionCall\":{\"name\":\"f\",\"args\":{"
            "\"x\":[1,{\"y\":null}]}}},{\"text\":\"b\"},{\"functionCall\":{"
            "\"name\":\"f\",\"args\":{\"x\":[1,{\"y\":null}]}}}"));
}

static void add__only_empty_texts__one_empty_part(void **state) {
  assert_string_equal(JOINED(TEXT(""), TEXT("")), TEXT(""));
}

static void add__part_of_each_kind_signed__never_merged(void **state) {
  static const char *const kinds[] = {
      "\"text\":\"t\"",
      "\"text\":\"t\",\"thought\":true",
      "\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AAEC\"}",
      "\"fileData\":{\"mimeType\":\"image/png\",\"fileUri\":\"gs://b/o\"}",
      "\"functionCall\":{\"name\":\"f\"}",
      "\"functionResponse\":{\"name\":\"f\"}",
      "\"executableCode\":{\"language\":\"PYTHON\",\"code\":\"1\"}",
      "\"codeExecutionResult\":{\"outcome\":\"OUTCOME_OK\",\"output\":\"1\"}",
  };

  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    /* FB FF FE 01: the first in the alphabet of URLs, as some send it. */
    char *message = cb_arena_printf(
        *state, PARTS("{%s,\"thoughtSignature\":\"-__-AQ\"}"), kinds[i]);
    const char *plain = i == 1 ? THOUGHT("p") : TEXT("p");
    response_t *response = JOIN(plain, message, plain, plain);
    Vertexd__V1__Content *content = response->candidates[0]->content;

    assert_int_equal(content->n_parts, 3);
    assert_string_equal(content->parts[0]->text, "p");
    assert_int_equal(content->parts[0]->thought_signature.len, 0);
    assert_int_equal(content->parts[1]->thought_signature.len, 4);
    assert_memory_equal(content->parts[1]->thought_signature.data,
                        "\xfb\xff\xfe\x01", 4);
    assert_string_equal(content->parts[2]->text, "pp");
  }
}

static void add__empty_text_signed__kept(void **state) {
  const char *end = "{\"text\":\"\",\"thoughtSignature\":\"AAEC\"}";
  char *message = cb_arena_printf(
      *state, "{\"candidates\":[{\"content\":{\"parts\":[%s]}}]}", end);

  assert_string_equal(
      JOINED(TEXT("a"), message),
      PARTS("{\"text\":\"a\"},{\"text\":\"\",\"thoughtSignature\":\"AAEC\"}"));
}

/* --- candidates ---------------------------------------------------------- */

static void add__candidates_in_turn__told_apart_by_index(void **state) {
  response_t *response = JOIN(
      "{\"candidates\":[{\"index\":1,\"content\":{\"parts\":[{\"text\":"
      "\"x\"}]}}]}",
      TEXT("a"),
      "{\"candidates\":[{\"index\":1,\"content\":{\"parts\":[{\"text\":"
      "\"y\"}]},\"finishReason\":\"STOP\"}]}",
      TEXT("b"));

  assert_int_equal(response->n_candidates, 2);
  assert_int_equal(response->candidates[0]->index, 0);
  assert_string_equal(response->candidates[0]->content->parts[0]->text, "ab");
  assert_int_equal(response->candidates[1]->index, 1);
  assert_string_equal(response->candidates[1]->content->parts[0]->text, "xy");
}

static char *candidate_of(struct cb_arena *arena, int index) {
  return cb_arena_printf(arena, "{\"candidates\":[{\"index\":%d}]}", index);
}

static void add__candidates_at_the_limit_and_past__malformed(void **state) {
  struct vtx_join *join = vtx_join_new(MEGABYTE, NULL);
  struct cb_status status;

  for (int i = 0; i < VTX_JOIN_CANDIDATES; i++) {
    status = add(join, *state, candidate_of(*state, i), false);
    assert_int_equal(status.code, CB_OK);
  }
  status = add(join, *state, candidate_of(*state, VTX_JOIN_CANDIDATES), false);
  assert_string_equal(status.reason, "UPSTREAM_MALFORMED");
  vtx_join_free(join);
}

/* --- ends ---------------------------------------------------------------- */

static void ended__finish_reasons_and_blocks__told(void **state) {
  static const char *const ends[] = {
      "{\"candidates\":[{\"finishReason\":\"STOP\"}]}",
      "{\"candidates\":[{\"index\":3,\"finishReason\":\"STOP\"}]}",
      "{\"candidates\":[{\"finishReason\":\"NEVER_HEARD_OF\"}]}",
      "{\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}",
      "{\"promptFeedback\":{\"blockReason\":\"NEVER_HEARD_OF\"}}",
  };

  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    struct vtx_join *join = vtx_join_new(MEGABYTE, NULL);

    assert_int_equal(add(join, *state, TEXT("a"), false).code, CB_OK);
    assert_false(vtx_join_ended(join));
    assert_int_equal(add(join, *state, ends[i], false).code, CB_OK);
    assert_true(vtx_join_ended(join));
    assert_int_equal(vtx_join_next_hop(join, *state).code, CB_OK);
    assert_false(vtx_join_ended(join));
    vtx_join_free(join);
  }
}

static void next_hop__finish_reason_and_token__last_ones_kept(void **state) {
  response_t *response = JOIN(
      "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},"
      "\"finishReason\":\"CONTINUATION\",\"finishMessage\":\"more\","
      "\"continuationToken\":\"AAEC\"}]}",
      next_hop,
      "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"b\"}]},"
      "\"finishReason\":\"STOP\"}]}");

  assert_string_equal(
      vertex_encode(*state, &response->base, NULL),
      "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"ab\"}]},"
      "\"finishReason\":\"STOP\"}]}");
}

static void add__finish_reason_unknown__latest_is_noted(void **state) {
  struct vtx_join *join = vtx_join_new(MEGABYTE, NULL);
  struct vtx_answer answer;
  response_t *response;

  add(join, *state, "{\"candidates\":[{\"finishReason\":\"STOP\"}]}", false);
  add(join, *state, "{\"candidates\":[{\"finishReason\":\"ODD\"}]}", false);
  add(join, *state, "{\"candidates\":[{\"finishReason\":\"ODDER\"}]}", false);
  response = finish(join, *state, &answer);
  assert_int_equal(response->candidates[0]->finish_reason, 0);
  assert_int_equal(answer.notes.count, 1);
  assert_string_equal(answer.notes.first->path, "candidates[0].finishReason");
  assert_string_equal(answer.notes.first->json, "\"ODDER\"");
}

static void add__unknown_fields__one_note_a_path_up_to_the_limit(void **state) {
  struct vtx_join *join = vtx_join_new(MEGABYTE, NULL);
  struct vtx_answer answer;

  for (int i = 0; i <= VTX_JOIN_NOTES; i++) {
    char *text = cb_arena_printf(*state, "{\"new%d\":1,\"again\":%d}", i, i);

    assert_int_equal(add(join, *state, text, false).code, CB_OK);
  }
  finish(join, *state, &answer);
  assert_int_equal(answer.notes.count, VTX_JOIN_NOTES);
  assert_string_equal(answer.notes.first->path, "new0");
  assert_string_equal(answer.notes.first->next->path, "again");
  assert_string_equal(answer.notes.first->next->json, "0");
}

static void add__nul_in_texts__counted(void **state) {
  struct vtx_join *join = vtx_join_new(MEGABYTE, NULL);
  struct vtx_answer answer;

  add(join, *state, TEXT("a\\u0000b"), false);
  add(join, *state, TEXT("\\u0000\\u0000"), false);
  finish(join, *state, &answer);
  assert_int_equal(answer.notes.nul_replaced, 3);
}

/* --- usage --------------------------------------------------------------- */

#define USAGE(inside) "{\"usageMetadata\":{" inside "}}"

static void add__usage_in_chunks__latest_of_each_counter(void **state) {
  assert_string_equal(
      JOINED(USAGE("\"promptTokenCount\":6,\"candidatesTokenCount\":1,"
                   "\"totalTokenCount\":7,\"promptTokensDetails\":[{"
                   "\"modality\":\"TEXT\",\"tokenCount\":6}]"),
             USAGE("\"trafficType\":\"ON_DEMAND\""),
             USAGE("\"candidatesTokenCount\":4,\"totalTokenCount\":10,"
                   "\"promptTokensDetails\":[{\"modality\":\"TEXT\","
                   "\"tokenCount\":6}]")),
      USAGE("\"promptTokenCount\":6,\"candidatesTokenCount\":4,"
            "\"totalTokenCount\":10,\"trafficType\":\"ON_DEMAND\","
            "\"promptTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":6}"
            "]"));
}

static void next_hop__usage__summed_kind_by_kind(void **state) {
  response_t *response =
      JOIN(USAGE("\"promptTokenCount\":1"),
           USAGE("\"promptTokenCount\":6,\"candidatesTokenCount\":4,"
                 "\"promptTokensDetails\":[{\"modality\":\"TEXT\","
                 "\"tokenCount\":6}]"),
           next_hop,
           USAGE("\"promptTokenCount\":7,\"thoughtsTokenCount\":2,"
                 "\"promptTokensDetails\":[{\"modality\":\"IMAGE\","
                 "\"tokenCount\":3},{\"modality\":\"TEXT\",\"tokenCount\":4}]"),
           next_hop, USAGE("\"totalTokenCount\":2147483647"), next_hop,
           USAGE("\"totalTokenCount\":1"));
  vtx_usage_message *usage = response->usage_metadata;

  assert_int_equal(usage->prompt_token_count, 13);
  assert_int_equal(usage->candidates_token_count, 4);
  assert_int_equal(usage->thoughts_token_count, 2);
  assert_int_equal(usage->total_token_count, 2147483647);
  assert_int_equal(usage->n_prompt_tokens_details, 2);
  assert_int_equal(usage->prompt_tokens_details[0]->modality, 1);
  assert_int_equal(usage->prompt_tokens_details[0]->token_count, 10);
  assert_int_equal(usage->prompt_tokens_details[1]->token_count, 3);
}

static void tokens__in_mid_hop__told(void **state) {
  struct vtx_join *join = vtx_join_new(MEGABYTE, NULL);

  add(join, *state, USAGE("\"candidatesTokenCount\":5"), false);
  vtx_join_next_hop(join, *state);
  add(join, *state,
      USAGE("\"candidatesTokenCount\":6,\"thoughtsTokenCount\":7"), false);
  assert_int_equal(vtx_join_tokens(join), 18);
  assert_int_equal(vtx_join_messages(join), 2);
  vtx_join_free(join);
}

static void add__no_usage__none(void **state) {
  assert_null(JOIN(TEXT("a"), next_hop, TEXT("b"))->usage_metadata);
}

/* --- places and lists ---------------------------------------------------- */

#define GROUNDED(text, grounding)                               \
  "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"" text \
  "\"}]},"                                                      \
  "\"groundingMetadata\":{" grounding "}}]}"

static void next_hop__grounding__indices_and_offsets_moved(void **state) {
  response_t *response =
      JOIN(GROUNDED("four",
                    "\"groundingChunks\":[{\"web\":{\"uri\":\"u0\"}},{"
                    "\"web\":{\"uri\":\"u1\"}}],\"groundingSupports\":[{"
                    "\"segment\":{\"endIndex\":4},\"groundingChunkIndices\""
                    ":[1]}]"),
           next_hop,
           PARTS("{\"text\":\"five5\"},{\"functionCall\":{\"name\":\"f\"}},{"
                 "\"text\":\"z\"}"),
           GROUNDED("",
                    "\"groundingChunks\":[{\"web\":{\"uri\":\"u2\"}}],"
                    "\"groundingSupports\":[{\"segment\":{\"startIndex\":1,"
                    "\"endIndex\":5},\"groundingChunkIndices\":[0]},{"
                    "\"segment\":{\"partIndex\":2,\"endIndex\":1}}]"));
  Vertexd__V1__GroundingMetadata *grounding =
      response->candidates[0]->grounding_metadata;

  assert_int_equal(grounding->n_grounding_chunks, 3);
  assert_int_equal(grounding->n_grounding_supports, 3);
  assert_int_equal(grounding->grounding_supports[0]->segment->end_index, 4);
  assert_int_equal(grounding->grounding_supports[0]->grounding_chunk_indices[0],
                   1);
  assert_int_equal(grounding->grounding_supports[1]->grounding_chunk_indices[0],
                   2);
  assert_int_equal(grounding->grounding_supports[1]->segment->part_index, 0);
  assert_int_equal(grounding->grounding_supports[1]->segment->start_index, 5);
  assert_int_equal(grounding->grounding_supports[1]->segment->end_index, 9);
  assert_int_equal(grounding->grounding_supports[2]->segment->part_index, 2);
  assert_int_equal(grounding->grounding_supports[2]->segment->end_index, 1);
}

static void next_hop__part_of_its_own__part_index_moved(void **state) {
  response_t *response = JOIN(THOUGHT("hm"), next_hop,
                              GROUNDED("abc",
                                       "\"groundingSupports\":[{\"segment\":{"
                                       "\"startIndex\":1,\"endIndex\":3}}]"));
  Vertexd__V1__Segment *segment =
      response->candidates[0]
          ->grounding_metadata->grounding_supports[0]
          ->segment;

  assert_int_equal(segment->part_index, 1);
  assert_int_equal(segment->start_index, 1);
  assert_int_equal(segment->end_index, 3);
}

static void next_hop__citations__moved_by_the_text_before(void **state) {
  response_t *response = JOIN(
      THOUGHT("thoughts do not count"), TEXT("four"), next_hop,
      "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"more\"}]},"
      "\"citationMetadata\":{\"citations\":[{\"startIndex\":1,\"endIndex\":3,"
      "\"uri\":\"u\"}]}}]}");
  Vertexd__V1__Citation *citation =
      response->candidates[0]->citation_metadata->citations[0];

  assert_int_equal(citation->start_index, 5);
  assert_int_equal(citation->end_index, 7);
}

static void add__lists_and_ratings__appended_and_replaced(void **state) {
  assert_string_equal(
      JOINED("{\"candidates\":[{\"safetyRatings\":[{\"category\":"
             "\"HARM_CATEGORY_HATE_SPEECH\",\"probability\":\"HIGH\","
             "\"blocked\":true}],\"urlContextMetadata\":{\"urlMetadata\":[{"
             "\"retrievedUrl\":\"u\"}]},\"logprobsResult\":{"
             "\"chosenCandidates\":[{\"token\":\"a\"}]}}]}",
             next_hop,
             "{\"candidates\":[{\"safetyRatings\":[{\"category\":"
             "\"HARM_CATEGORY_HARASSMENT\",\"probability\":\"LOW\"},{"
             "\"category\":\"HARM_CATEGORY_HATE_SPEECH\",\"probability\":"
             "\"LOW\"}],\"urlContextMetadata\":{\"urlMetadata\":[{"
             "\"retrievedUrl\":\"v\"}]},\"logprobsResult\":{"
             "\"chosenCandidates\":[{\"token\":\"b\"}]}}]}"),
      "{\"candidates\":[{\"safetyRatings\":[{\"category\":"
      "\"HARM_CATEGORY_HATE_SPEECH\",\"probability\":\"LOW\"},{\"category\":"
      "\"HARM_CATEGORY_HARASSMENT\",\"probability\":\"LOW\"}],"
      "\"logprobsResult\":{\"chosenCandidates\":[{\"token\":\"a\"},{\"token\":"
      "\"b\"}]},\"urlContextMetadata\":{\"urlMetadata\":[{\"retrievedUrl\":"
      "\"u\"},{\"retrievedUrl\":\"v\"}]}}]}");
}

static void add__identity__latest_wins(void **state) {
  response_t *response = JOIN(
      "{\"modelVersion\":\"m\",\"responseId\":\"1\",\"createTime\":"
      "\"2026-04-01T12:00:00Z\"}",
      "{\"responseId\":\"2\"}");

  assert_string_equal(response->model_version, "m");
  assert_string_equal(response->response_id, "2");
  assert_int_equal(response->create_time->seconds, 1775044800);
}

/* --- limits and raw ------------------------------------------------------ */

static void add__raw__an_array_of_all_messages(void **state) {
  struct vtx_join *join = vtx_join_new(MEGABYTE, NULL);
  struct vtx_answer answer;

  add(join, *state, "{\"responseId\": \"1\"}", true);
  add(join, *state, TEXT("a"), true);
  finish(join, *state, &answer);
  assert_string_equal(answer.raw, "[{\"responseId\": \"1\"},\n" TEXT("a") "]");
}

/* Bytes that two messages take. */
static size_t cost_of_two(struct cb_arena *arena, const char *text) {
  response_t *response = vertex_decode(
      arena, &vertexd__v1__generate_response__descriptor, text, NULL);

  return 2 * protobuf_c_message_get_packed_size(&response->base);
}

static void add__bytes_at_the_limit_and_past__too_large(void **state) {
  size_t cost = cost_of_two(*state, TEXT("some text"));
  struct vtx_join *enough = vtx_join_new(cost, NULL);
  struct vtx_join *less = vtx_join_new(cost - 1, NULL);
  struct cb_status status;

  add(enough, *state, TEXT("some text"), false);
  add(less, *state, TEXT("some text"), false);
  vtx_join_next_hop(less, *state); /* all hops count */
  assert_int_equal(add(enough, *state, TEXT("some text"), false).code, CB_OK);
  status = add(less, *state, TEXT("some text"), false);
  assert_string_equal(status.reason, "RESPONSE_TOO_LARGE");
  vtx_join_free(less);
  vtx_join_free(enough);
}

static void expect_no_memory(struct cb_status status) {
  assert_string_equal(status.reason, "SERVER_MEMORY");
  assert_true(status.retryable);
}

static void add__budget_used_up__server_memory(void **state) {
  struct cb_budget budget;
  struct vtx_join *join;
  struct cb_status status = cb_status_ok();

  cb_budget_init(&budget, (size_t)64 * 1024);
  join = vtx_join_new(MEGABYTE, &budget);
  assert_non_null(join);
  for (int i = 0; i < 10000 && status.code == CB_OK; i++)
    status = add(join, *state, TEXT("sixteen letters."), false);
  expect_no_memory(status);
  vtx_join_free(join);
  assert_int_equal(cb_budget_used(&budget), 0);
}

/* The last text is copied at the end. */
static void finish__budget_used_up__server_memory(void **state) {
  struct cb_budget budget;
  struct vtx_join *join;
  struct vtx_answer answer;
  char *text = cb_arena_zalloc(*state, 1, 20001);

  memset(text, 'a', 20000);
  cb_budget_init(&budget, SIZE_MAX);
  join = vtx_join_new(MEGABYTE, &budget);
  text = cb_arena_printf(*state, TEXT("%s"), text);
  assert_int_equal(add(join, *state, text, false).code, CB_OK);
  budget.limit = cb_budget_used(&budget);
  expect_no_memory(vtx_join_finish(join, *state, &answer));
  assert_int_equal(cb_budget_used(&budget), 0);
}

/* As many candidates as there may be do not make it malformed. */
static void add__all_candidates_and_no_memory__server_memory(void **state) {
  struct cb_budget budget;
  struct vtx_join *join;
  char *text = cb_arena_zalloc(*state, 1, 20001);

  memset(text, 'a', 20000);
  cb_budget_init(&budget, SIZE_MAX);
  join = vtx_join_new(MEGABYTE, &budget);
  for (int i = 0; i < VTX_JOIN_CANDIDATES; i++)
    add(join, *state, candidate_of(*state, i), false);
  budget.limit = cb_budget_used(&budget);
  text = cb_arena_printf(*state, TEXT("%s"), text);
  expect_no_memory(add(join, *state, text, false));
  vtx_join_free(join);
}

/* Parts of two bytes take more memory than so many bytes may. */
static void add__more_memory_than_its_bytes_may_have__too_large(void **state) {
  struct vtx_join *join = vtx_join_new(100000, NULL);
  struct cb_status status = cb_status_ok();
  int messages = 0;

#define TEN "{},{},{},{},{},{},{},{},{},{},"
  while (status.code == CB_OK && messages++ < 1000)
    status = add(join, *state,
                 PARTS(TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "{}"), false);
#undef TEN
  assert_string_equal(status.reason, "RESPONSE_TOO_LARGE");
  assert_non_null(strstr(status.message, "memory"));
  assert_true(messages * 220 < 100000); /* bytes that came */
  vtx_join_free(join);
}

/* Thousands of chunks: each byte is copied a small number of times, or this
 * would take minutes. */
static void add__very_many_chunks__whole_text(void **state) {
  enum { CHUNKS = 100000 };
  struct vtx_join *join = vtx_join_new(64 * MEGABYTE, NULL);
  struct vtx_answer chunk = {.arena = NULL};
  response_t *response;

  chunk.message =
      vertex_decode(*state, &vertexd__v1__generate_response__descriptor,
                    TEXT("0123456789"), NULL);
  for (int i = 0; i < CHUNKS; i++)
    assert_int_equal(vtx_join_add(join, &chunk, *state).code, CB_OK);
  response = finish(join, *state, NULL);
  assert_int_equal(response->candidates[0]->content->n_parts, 1);
  assert_int_equal(strlen(response->candidates[0]->content->parts[0]->text),
                   10 * CHUNKS);
}

/* --- merging ------------------------------------------------------------- */

static void copy__every_field_set__same_bytes(void **state) {
  for (unsigned variant = 0; variant < 12; variant++) {
    ProtobufCMessage *filled = vertex_fill(
        *state, &vertexd__v1__candidate__descriptor, variant, false);
    ProtobufCMessage *copy = vtx_merge_copy(filled, *state);

    assert_non_null(copy);
    assert_true(vertex_same(filled, copy));
  }
}

static void copy__arena_full__null(void **state) {
  ProtobufCMessage *filled =
      vertex_fill(*state, &vertexd__v1__candidate__descriptor, 1, false);
  struct cb_arena *small = cb_arena_new(NULL, 2048, 0);

  assert_null(vtx_merge_copy(filled, small));
  cb_arena_free(small);
}

#define test(function) \
  cmocka_unit_test_setup_teardown(function, vertex_set_up, vertex_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      test(add__text_in_chunks__one_part),
      test(add__thoughts_then_text__a_part_of_each),
      test(add__texts_of_one_message__stay_apart),
      test(add__function_call_between__order_kept),
      test(add__only_empty_texts__one_empty_part),
      test(add__part_of_each_kind_signed__never_merged),
      test(add__empty_text_signed__kept),
      test(add__candidates_in_turn__told_apart_by_index),
      test(add__candidates_at_the_limit_and_past__malformed),
      test(ended__finish_reasons_and_blocks__told),
      test(next_hop__finish_reason_and_token__last_ones_kept),
      test(add__finish_reason_unknown__latest_is_noted),
      test(add__unknown_fields__one_note_a_path_up_to_the_limit),
      test(add__nul_in_texts__counted),
      test(add__usage_in_chunks__latest_of_each_counter),
      test(next_hop__usage__summed_kind_by_kind),
      test(tokens__in_mid_hop__told),
      test(add__no_usage__none),
      test(next_hop__grounding__indices_and_offsets_moved),
      test(next_hop__part_of_its_own__part_index_moved),
      test(next_hop__citations__moved_by_the_text_before),
      test(add__lists_and_ratings__appended_and_replaced),
      test(add__identity__latest_wins),
      test(add__raw__an_array_of_all_messages),
      test(add__bytes_at_the_limit_and_past__too_large),
      test(add__budget_used_up__server_memory),
      test(finish__budget_used_up__server_memory),
      test(add__all_candidates_and_no_memory__server_memory),
      test(add__more_memory_than_its_bytes_may_have__too_large),
      test(add__very_many_chunks__whole_text),
      test(copy__every_field_set__same_bytes),
      test(copy__arena_full__null),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
