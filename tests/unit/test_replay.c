#include "service/batch/replay.h"

#include <string.h>

#include "tests/unit/cmocka_all.h"

/* A chunk of one part, in static memory. */
struct piece {
  Vertexd__V1__Part part;
  Vertexd__V1__Part *parts[1];
  Vertexd__V1__Content content;
  Vertexd__V1__Candidate candidate;
  Vertexd__V1__Candidate *candidates[1];
  Vertexd__V1__GenerateResponse chunk;
};

static Vertexd__V1__GenerateResponse *say(struct piece *piece,
                                          const char *text) {
  vertexd__v1__part__init(&piece->part);
  vertexd__v1__content__init(&piece->content);
  vertexd__v1__candidate__init(&piece->candidate);
  vertexd__v1__generate_response__init(&piece->chunk);
  piece->part.data_case = VERTEXD__V1__PART__DATA_TEXT;
  piece->part.text = (char *)(uintptr_t)text;
  piece->parts[0] = &piece->part;
  piece->content.parts = piece->parts;
  piece->content.n_parts = 1;
  piece->candidate.content = &piece->content;
  piece->candidates[0] = &piece->candidate;
  piece->chunk.candidates = piece->candidates;
  piece->chunk.n_candidates = 1;
  return &piece->chunk;
}

static int set_up(void **state) {
  static struct vtx_replay replay;

  vtx_replay_init(&replay, 16, NULL);
  *state = &replay;
  return 0;
}

static int tear_down(void **state) {
  vtx_replay_release(*state);
  return 0;
}

/* What is left of text once it has been looked at; NULL if it is refused. */
static const char *rest_of(struct vtx_replay *replay, struct piece *piece,
                           const char *text) {
  return vtx_replay_skip(replay, say(piece, text)) ? piece->part.text : NULL;
}

static void hand_on(struct vtx_replay *replay, const char *text) {
  struct piece piece;

  vtx_replay_note(replay, say(&piece, text));
}

static void skip__same_text_cut_otherwise__only_what_is_new(void **state) {
  struct vtx_replay *replay = *state;
  struct piece piece;

  hand_on(replay, "ab");
  hand_on(replay, "cd");
  assert_true(vtx_replay_possible(replay));
  vtx_replay_begin(replay, true);
  assert_true(vtx_replay_pending(replay));
  assert_string_equal(rest_of(replay, &piece, "a"), "");
  assert_string_equal(rest_of(replay, &piece, ""), "");
  assert_string_equal(rest_of(replay, &piece, "bcdef"), "ef");
  assert_false(vtx_replay_pending(replay));
  assert_string_equal(rest_of(replay, &piece, "abcd"), "abcd");
}

static void skip__other_text_or_other_things__refused(void **state) {
  struct vtx_replay *replay = *state;
  struct piece piece;

  hand_on(replay, "ab");
  vtx_replay_begin(replay, true);
  assert_null(rest_of(replay, &piece, "ax"));
  say(&piece, "ab");
  piece.part.thought = true;
  assert_false(vtx_replay_skip(replay, &piece.chunk));
  say(&piece, "ab");
  piece.candidate.index = 1;
  assert_false(vtx_replay_skip(replay, &piece.chunk));
  say(&piece, "ab");
  piece.part.thought_signature.len = 1;
  assert_false(vtx_replay_skip(replay, &piece.chunk));
}

static void begin__same_place_again__all_is_expected_again(void **state) {
  struct vtx_replay *replay = *state;
  struct piece piece;

  hand_on(replay, "ab");
  vtx_replay_begin(replay, true);
  assert_string_equal(rest_of(replay, &piece, "ab"), "");
  vtx_replay_begin(replay, false);
  assert_string_equal(rest_of(replay, &piece, "abc"), "c");
}

static void token__amid_what_is_replayed__rest_lies_behind_it(void **state) {
  struct vtx_replay *replay = *state;
  struct piece piece;

  hand_on(replay, "abcd");
  vtx_replay_begin(replay, true);
  assert_string_equal(rest_of(replay, &piece, "ab"), "");
  vtx_replay_token(replay);
  vtx_replay_begin(replay, true);
  assert_string_equal(rest_of(replay, &piece, "cde"), "e");
}

static void token__after_all__nothing_is_expected(void **state) {
  struct vtx_replay *replay = *state;
  struct piece piece;

  hand_on(replay, "abcd");
  vtx_replay_token(replay);
  vtx_replay_begin(replay, true);
  assert_string_equal(rest_of(replay, &piece, "abcd"), "abcd");
}

static void note__what_cannot_be_compared__not_possible(void **state) {
  struct vtx_replay *replay = *state;
  struct piece piece;

  say(&piece, "x");
  piece.part.thought = true;
  vtx_replay_note(replay, &piece.chunk);
  assert_false(vtx_replay_possible(replay));
  vtx_replay_token(replay);
  assert_true(vtx_replay_possible(replay));
  hand_on(replay, "sixteen letters.");
  assert_true(vtx_replay_possible(replay));
  hand_on(replay, "1"); /* one byte past the most */
  assert_false(vtx_replay_possible(replay));
}

#define test(function) \
  cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      test(skip__same_text_cut_otherwise__only_what_is_new),
      test(skip__other_text_or_other_things__refused),
      test(begin__same_place_again__all_is_expected_again),
      test(token__amid_what_is_replayed__rest_lies_behind_it),
      test(token__after_all__nothing_is_expected),
      test(note__what_cannot_be_compared__not_possible),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
